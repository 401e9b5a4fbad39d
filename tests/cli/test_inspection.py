"""`draw` and `check` at a shell: the tree, the picture, and a checker that has been seen to fail."""

import pytest

from autograd_lite import cos
from autograd_lite.cli import main
from autograd_lite.cli.inspection import DIFFERS, check_expression
from autograd_lite.errors import ArgumentError
from autograd_lite.primitives import ROWS


def test_check_agrees_with_a_right_gradient(capsys):
    assert main(["check", "log(1 + exp(x)) * w", "x=1.5", "w=-2"]) == 0
    out = capsys.readouterr().out
    assert out.count("agrees") == 2
    assert out.startswith("log(1 + exp(x)) * w = −3.402826556\n")
    assert "\n  x = 1.5  −1.635148952  −1.635148952 " in out


def test_a_wrong_gradient_makes_the_command_fail(capsys, monkeypatch):
    monkeypatch.setattr(ROWS["sin"], "gradients", (lambda y, x: cos(x) * (1 + 1e-6),))
    assert check_expression("x * sin(x)", ["x=3"]) == 1
    out = capsys.readouterr().out
    assert DIFFERS in out
    assert "Smallest part at fault: sin(x)" in out


@pytest.mark.parametrize(
    ("text", "x", "said"),
    [
        ("relu(x)", "0", "at a kink of relu(x): the slope is 0 on the left, 1 on the right."),
        ("abs(x)", "0", "at a kink of abs(x): the slope is −1 on the left, 1 on the right."),
        ("floor(x)", "1", "at a jump of floor(x): the slope is 0 on the right."),
        ("step(x - 2)", "2", "at a jump of step(x - 2): the slope is 0 on the left."),
        ("sign(x - 2)", "2", "at a jump of sign(x - 2), on both sides."),
        ("greater(x, 2)", "2", "at a jump of greater(x, 2)"),
        ("sqrt(x)", "0", "at the edge of the domain of sqrt."),
        ("(x*x)**0.5", "0", "the local gradient of (x * x) ** 0.5 is inf here"),
        ("(x**4)**0.5", "0", "the local gradient of (x ** 4) ** 0.5 is inf here"),
        ("cbrt(x)", "0", "where the slope is infinite."),
        ("sin(x)", "1e6", "agrees"),
        ("sin(x)", "1e12", "agrees"),
        ("sin(x)", "-12345.678", "agrees"),
        ("x*x - 2*x", "1e7", "agrees"),
        ("exp(x) / 1e5", "700", "agrees"),
        ("x", "1e308", "agrees"),
        ("x", "5e-324", "agrees"),
        ("exp(x)", "709", "agrees"),
        ("abs(x)", "1e-7", "agrees"),
        ("1/x", "1e-200", "agrees"),
        ("sqrt(abs(x)) * 1e300 * 1e300", "0", "inconclusive"),
        ("where(greater(x, 1), x*x, x)", "1", "the slope is 1 on the left, 2 on the right"),
        ("1e15 + x", "1", "the numeric value is good for 4 digits only"),
        ("sin(1e5*x)", "1", "agrees"),
        ("cos(x)", "0", "agrees"),
    ],
)
def test_check_tells_kinks_jumps_and_rounding_from_errors(capsys, text, x, said):
    assert main(["check", text, f"x={x}"]) == 0
    assert said in capsys.readouterr().out


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
        (["draw", "x", "x=1", "-o", "x.jpg"], "must end in .svg, .html, .png, .pdf, .dot, .gv or .txt"),
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
