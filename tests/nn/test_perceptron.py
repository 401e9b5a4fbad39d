"""The perceptron rule, and where it ends."""

from __future__ import annotations

import pytest

import nn
from autograd_lite import gradients
from autograd_lite.errors import ArgumentError, InputTypeError

POINTS = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]


@pytest.mark.parametrize("truth", [[0, 0, 0, 1], [0, 1, 1, 1], [1, 1, 1, 0], [1, 0, 1, 0]])
def test_what_a_line_separates_is_learned_without_mistakes(truth):
    unit = nn.Perceptron(2)
    history = unit.fit(POINTS, truth)
    assert history.stopped == "no mistakes"
    assert unit.predict(POINTS) == truth
    assert unit.score(POINTS, truth) == 1.0
    assert history.loss[-1] == 0.0


def test_xor_is_never_settled():
    history = nn.Perceptron(2).fit(POINTS, [0, 1, 1, 0], epochs=500)
    assert history.epochs == 500
    assert min(history.loss) > 0.0


def test_one_step_of_the_rule():
    unit = nn.Perceptron(2)
    unit.w[0].data, unit.w[1].data, unit.b.data = 1.0, -1.0, 0.5
    unit.fit([[2.0, 3.0]], [1], epochs=1, lr=0.25)
    assert [p.data for p in unit.parameters()] == [1.5, -0.25, 0.75]
    unit.fit([[2.0, 3.0]], [1], epochs=1)
    assert [p.data for p in unit.parameters()] == [1.5, -0.25, 0.75]


def test_with_a_sigmoid_the_rule_is_gradient_descent_on_cross_entropy():
    """t − o is −∂BCE/∂z, so both steps are w − lr·∂BCE/∂w."""
    unit = nn.Perceptron(2, "sigmoid", init="uniform", random_state=0)
    x, t, lr = [0.5, -2.0], 1.0, 0.125
    slopes = gradients(nn.bce(unit(x), t), unit.parameters())
    expected = [p.data - lr * slope for p, slope in zip(unit.parameters(), slopes, strict=True)]
    unit.fit([x], [t], epochs=1, lr=lr)
    assert [p.data for p in unit.parameters()] == pytest.approx(expected, rel=1e-14)


def test_without_a_bias_the_line_goes_through_the_origin():
    unit = nn.Perceptron(2, bias=False)
    assert unit.fit([[1.0, 2.0], [-1.0, -2.0]], [1, 0]).stopped == "no mistakes"
    assert unit.b is None
    assert unit([0.0, 0.0]).data == 0.0


def test_ctrl_c_keeps_what_was_learned(monkeypatch):
    unit = nn.Perceptron(2)
    correct, calls = unit._correct, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) > 6:
            raise KeyboardInterrupt
        return correct(*arguments)

    monkeypatch.setattr(unit, "_correct", interrupted)
    history = unit.fit(POINTS, [0, 0, 0, 1])
    assert (history.epochs, history.stopped) == (1, "interrupted")
    assert any(unit.state_dict().values())


def test_callbacks_see_each_epoch_and_may_end_the_run():
    seen = []
    unit = nn.Perceptron(2)
    history = unit.fit(POINTS, [0, 0, 0, 1], callbacks=lambda model, history: seen.append((model, history.epochs)))
    assert seen == [(unit, k) for k in range(1, history.epochs + 1)]
    assert history.stopped == "no mistakes"
    stopped = nn.Perceptron(2).fit(POINTS, [0, 0, 0, 1], callbacks=[lambda model, history: history.epochs == 2])
    assert (stopped.epochs, stopped.stopped) == (2, "callback")
    with pytest.raises(InputTypeError, match="callbacks must be functions"):
        unit.fit(POINTS, [0, 0, 0, 1], callbacks=3)


def test_a_correction_is_made_whole_or_not_at_all():
    class Interrupting(float):
        def __rmul__(self, other):
            raise KeyboardInterrupt

    unit = nn.Perceptron(2)
    with pytest.raises(KeyboardInterrupt):
        unit._correct([1.0, Interrupting(2.0)], -1.0, 1.0)
    assert set(unit.state_dict().values()) == {0.0}


def test_names_and_errors():
    unit = nn.Perceptron(2)
    unit.fit(POINTS, ["no", "no", "no", "yes"])
    assert unit.predict(POINTS) == ["no", "no", "no", "yes"]
    with pytest.raises(ArgumentError, match="'step' or 'sigmoid'"):
        nn.Perceptron(2, "tanh")
    with pytest.raises(ArgumentError, match="got 1 for 4"):
        unit.fit(POINTS, ["no"])
    with pytest.raises(ArgumentError, match="2 numbers"):
        unit.fit([[1.0]], [1])
