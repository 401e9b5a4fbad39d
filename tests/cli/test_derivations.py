"""`explain` at a shell: a formula operation by operation, and its chain rule."""

import pytest

from autograd_lite.cli import main


def test_explain_writes_the_operations_and_the_chain_rule(capsys):
    assert main(["explain", "x*exp(-w*x)", "x=2", "w=0.5", "--wrt", "w"]) == 0
    assert capsys.readouterr().out.splitlines()[:8] == [
        "v1 = -w = -0.5",
        "v2 = v1 * x = -1",
        "v3 = exp(v2) = 0.3679",
        "f = x * v3 = 0.7358",
        "",
        "df/dw = df/dv3 * dv3/dv2 * dv2/dv1 * dv1/dw",
        "      = 2 * 0.3679 * 2 * (-1) = -1.472",
        "",
    ]


def test_without_wrt_every_variable_is_explained(capsys):
    assert main(["explain", "-x*y", "x=2", "y=3"]) == 0
    out = capsys.readouterr().out
    assert "df/dx = df/dv1 * dv1/dx" in out
    assert "df/dy = v1 = -2" in out


def test_variables_named_like_results_keep_their_names(capsys):
    assert main(["explain", "v1*f + v1", "v1=2", "f=3"]) == 0
    assert "v2 = v1 * f = 6" in capsys.readouterr().out
    assert main(["explain", "x", "x=2"]) == 0
    assert capsys.readouterr().out == "x = 2\n\ndx/dx = 1\n"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["explain", "x*x", "x=2", "--wrt", "q"], "error: explain: --wrt takes a variable of the formula, got 'q'."),
        (["explain", "2"], "error: expression: at least one name is needed, got '2'. Write x*x x=2."),
    ],
)
def test_what_cannot_be_explained_is_one_line(capsys, argv, said):
    assert main(argv) == 1
    assert capsys.readouterr().err.startswith(said)
