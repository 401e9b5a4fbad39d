"""`draw` and `check` at a shell: the tree, the picture, and a checker that has been seen to fail."""

import pytest

from autograd_lite.cli import main
from autograd_lite.cli.expressions import Expression
from autograd_lite.cli.inspection import DIFFERS, check_expression, nudge, verdict_on
from autograd_lite.errors import ArgumentError


def test_check_agrees_with_a_right_gradient(capsys):
    assert main(["check", "log(1 + exp(x)) * w", "x=1.5", "w=-2"]) == 0
    out = capsys.readouterr().out
    assert out.count("agrees") == 2
    assert "log(1 + exp(x)) * w = −3.402826556 at x = 1.5, w = −2" in out


SLOPES = [("x**3", 2.0, 12.0), ("x**30", 10.0, 30e29), ("1/x", 1e-5, -1e10), ("sqrt(x)", 1e-8, 5e3)]


@pytest.mark.parametrize("wrong", [1.0 + 1e-6, 1.0 - 1e-6, 2.0, -1.0, 0.0])
@pytest.mark.parametrize(("text", "x", "slope"), SLOPES)
def test_a_wrong_gradient_is_caught_and_the_right_one_is_not(text, x, slope, wrong):
    """The negative control, on functions whose scale is not 1."""
    expression = Expression(text)
    assert verdict_on(slope, lambda at: expression({"x": at}), x)[1] == "agrees"
    assert verdict_on(slope * wrong, lambda at: expression({"x": at}), x)[1] == DIFFERS


def test_a_wrong_gradient_makes_the_command_fail(capsys, monkeypatch):
    monkeypatch.setattr("autograd_lite.cli.inspection.nudge", lambda function, x: (7.0, 1e-12))
    assert check_expression("x*x", ["x=3"]) == 1
    assert DIFFERS in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "x", "said"),
    [
        ("relu(x)", "0", "a kink: any number from 0 to 1 would do"),
        ("abs(x)", "0", "a kink: any number from −1 to 1 would do"),
        ("floor(x)", "1", "a jump"),
        ("step(x)", "0", "a jump"),
        ("sqrt(x)", "0", "cannot tell: no finite values on both sides"),
        ("(x*x)**0.5", "0", "not finite: a kink, any number from −1 to 1 would do"),
        ("(x**4)**0.5", "0", "not finite: an inner slope is infinite here"),
        ("cbrt(x)", "0", "agrees: both are infinite"),
        ("sin(x)", "1e6", "agrees"),
        ("sin(x)", "-12345.678", "agrees"),
        ("x*x - 2*x", "1e7", "agrees"),
        ("exp(x) / 1e5", "700", "agrees"),
        ("x", "1e308", "agrees"),
        ("x", "5e-324", "agrees"),
        ("exp(x)", "709", "agrees"),
        ("abs(x)", "1e-7", "agrees"),
        ("1/x", "1e-200", "not finite: an inner slope is infinite here"),
        ("sqrt(abs(x)) * 1e300 * 1e300", "0", "no finite values on both sides"),
        ("where(greater(x, 1), x*x, x)", "1", "a kink: any number from 1 to 2 would do"),
        ("1e15 + x", "1", "cannot tell: too rough"),
        ("sin(1e5*x)", "1", "agrees"),
        ("cos(x)", "0", "agrees"),
    ],
)
def test_check_tells_kinks_and_jumps_from_errors(capsys, text, x, said):
    assert main(["check", text, f"x={x}"]) == 0
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("text", ["floor(x)", "step(x - 2)", "sign(x - 2)", "greater(x, 2)"])
def test_at_a_jump_no_slope_is_shown(capsys, text):
    """The quotient there is the height of the jump divided by the step: any number at all."""
    assert main(["check", text, "x=2"]) == 0
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  x")]
    assert row.split(None, 3) == ["x", "0", "-", "a jump: the gradient there is a convention"]


def test_the_bound_of_a_nudge_holds_for_a_known_slope():
    slope, error = nudge(lambda x: x**5, 1.0)
    assert abs(slope - 5.0) <= 10 * error < 1e-8
    assert nudge(lambda x: float("nan"), 1.0)[0] is None


def test_draw_prints_the_tree_and_writes_the_picture_once(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["draw", "-x**2 + f", "x=3", "f=1", "-o", "p.dot"]) == 0
    out = capsys.readouterr().out
    assert "picture: p.dot" in out
    assert 'Next  python -m autograd_lite check "-x**2 + f" x=3 f=1' in out
    assert (tmp_path / "p.dot").read_text(encoding="utf-8").startswith("digraph")
    assert main(["draw", "x", "x=3", "-o", "p.dot"]) == 1
    assert "Add --force" in capsys.readouterr().err
    assert main(["draw", "x", "x=3", "-o", "p.dot", "--force"]) == 0


def test_the_root_is_called_f_unless_a_variable_is(capsys):
    assert main(["draw", "x*f", "x=1", "f=2"]) == 0
    assert "∂root/∂root" in capsys.readouterr().out
    assert main(["draw", "+".join(["x"] * 40), "x=1"]) == 0
    out = capsys.readouterr().out
    assert "∂f/∂f" in out
    assert "Next" not in out  # too long to repeat


def test_a_formula_may_start_with_any_number_of_signs(capsys):
    for text in ("-x", "--x", "---x"):
        assert main(["check", text, "x=2"]) == 0
    assert main(["draw", "-" * 10**6 + "x", "x=2"]) == 1
    assert len(capsys.readouterr().err) < 300


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["draw", "log(x)", "x=-1"], "error: log: operand must lie in (0, inf), got -1.0 at node 'x'."),
        (["draw", "x", "x=1", "-o", "x.jpg"], "must end in one of"),
        (["draw", "x", "x=1", "-o", "missing/x.dot"], "error: missing/x.dot: No such file or directory"),
        (["draw", "1 + 1"], "at least one name is needed"),
        (["check", "exp(x, x)", "x=1"], "error: exp: takes 1 operand"),
    ],
)
def test_what_fails_is_one_line_on_stderr_and_exit_code_1(capsys, tmp_path, monkeypatch, argv, said):
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_the_expression_needs_a_name():
    with pytest.raises(ArgumentError):
        check_expression("2", [])
