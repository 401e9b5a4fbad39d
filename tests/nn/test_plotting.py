"""Pictures with matplotlib: what is drawn, not how it looks."""

import pytest

from autograd_lite import sigmoid, step
from autograd_lite.errors import ArgumentError, InputTypeError
from nn.plotting import plot_function


def test_the_figure_of_step_and_sigmoid_shows_why_a_step_cannot_learn(tmp_path):
    pytest.importorskip("matplotlib")
    ax = plot_function(lambda x: step(x - 2.0), label="step at 2")
    assert plot_function(sigmoid, ax=ax) is ax
    step_line, step_slope, sigmoid_line, sigmoid_slope = ax.get_lines()
    assert set(step_line.get_ydata()) == {0.0, 1.0}
    assert set(step_slope.get_ydata()) == {0.0}
    assert all(0.0 < y < 1.0 for y in sigmoid_line.get_ydata())
    assert max(sigmoid_slope.get_ydata()) == 0.25
    assert sigmoid_slope.get_xdata()[list(sigmoid_slope.get_ydata()).index(0.25)] == 0.0
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["step at 2", "slope of step at 2", "sigmoid", "slope of sigmoid"]
    ax.figure.savefig(tmp_path / "both.png")
    assert (tmp_path / "both.png").stat().st_size > 1000


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(InputTypeError, match="a function of one number is needed"):
        plot_function(3.0)
    with pytest.raises(ArgumentError, match="low must be below high"):
        plot_function(sigmoid, 1.0, -1.0)
