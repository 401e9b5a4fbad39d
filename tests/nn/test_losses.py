"""Losses: PyTorch's numbers and gradients, and the laws that hold between them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd_lite import Value
from autograd_lite.errors import ArgumentError, InputTypeError
from nn.losses import LOSSES

REFERENCE = json.loads((Path(__file__).parent / "pytorch.json").read_text())
CASES = [(name, *case) for name in (*LOSSES, "cross_entropy_soft") for case in REFERENCE[name]]
logits = st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=5)


def values(output):
    return [Value(y) for y in output] if isinstance(output, list) else Value(output)


def test_the_reference_has_every_loss():
    assert set(LOSSES) <= set(REFERENCE)
    assert all(len(REFERENCE[name]) >= 2 for name in LOSSES)


@pytest.mark.parametrize(("name", "output", "target", "loss", "gradient"), CASES)
def test_losses_and_gradients_are_those_of_pytorch(name, output, target, loss, gradient):
    """rel 1e-13: both are binary64 with a handful of roundings. abs 2e-15: PyTorch adds and takes
    away 1 in its binary losses, and gets 9.24e-14 for ln(1 + e^-30) = 9.36e-14."""
    output = values(output)
    cost = LOSSES[name.removesuffix("_soft")](output, target)
    cost.backward()
    got = [y.grad for y in output] if isinstance(output, list) else output.grad
    assert cost.data == pytest.approx(loss, rel=1e-13, abs=2e-15)
    assert got == pytest.approx(gradient, rel=1e-13, abs=2e-15)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_floats_in_float_out_and_the_same_as_values(loss):
    name = loss.name
    _, output, target, *_ = next(case for case in CASES if case[0] == name)
    result = loss(output, target)
    assert type(result) is float
    assert result == loss(values(output), target).data


@given(logits, st.data())
def test_a_class_and_its_one_hot_are_equal_bit_for_bit(z, data):
    k = data.draw(st.integers(0, len(z) - 1))
    by_index, by_vector = values(z), values(z)
    one, two = nn.cross_entropy(by_index, k), nn.cross_entropy(by_vector, nn.one_hot(k, len(z)))
    one.backward(), two.backward()
    assert one.data == two.data
    assert math.isfinite(one.data)
    assert [v.grad for v in by_index] == [v.grad for v in by_vector]


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=5), st.data())
def test_logits_are_softmax_and_probabilities(z, data):
    """CE(z) = CE_p(softmax z); 1e-12 relative, and as much absolute as 1 - p can lose."""
    k = data.draw(st.integers(0, len(z) - 1))
    assert nn.cross_entropy(z, k) == pytest.approx(
        nn.cross_entropy_probabilities(nn.Softmax()(z), k), rel=1e-12, abs=1e-15
    )


@given(st.floats(-30, 30), st.floats(0, 1))
def test_two_logits_are_one(z, t):
    """BCE of σ(z) = CE of softmax(0, z), which is the same distribution."""
    assert nn.bce_logits(z, t) == pytest.approx(nn.cross_entropy([0.0, z], [1.0 - t, t]), rel=1e-12, abs=1e-15)


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=4), st.lists(st.floats(0.01, 1), min_size=4, max_size=4))
def test_kl_is_cross_entropy_less_entropy_and_zero_only_at_the_target(p, q):
    p = [x / math.fsum(p) for x in p]
    q = [x / math.fsum(q[: len(p)]) for x in q[: len(p)]]
    entropy = -math.fsum(x * math.log(x) for x in p)
    assert nn.kl_divergence(q, p) == pytest.approx(nn.cross_entropy_probabilities(q, p) - entropy, abs=1e-12)
    assert nn.kl_divergence(p, p) == 0.0
    assert nn.kl_divergence(q, p) >= -1e-15


def test_impossible_outcomes_cost_inf_and_certain_ones_nothing():
    for certain in (nn.bce(1.0, 1), nn.bce(0.0, 0), nn.cross_entropy_probabilities([1.0, 0.0], 0)):
        assert certain == 0.0
    assert nn.kl_divergence([1.0, 0.0], [1.0, 0.0]) == 0.0
    for impossible in (nn.bce(0.0, 1), nn.bce(1.0, 0), nn.cross_entropy_probabilities([1.0, 0.0], 1)):
        assert impossible == math.inf
    assert nn.kl_divergence([1.0, 0.0], [0.5, 0.5]) == math.inf
    for z in (-1e4, 1e4):
        assert nn.bce_logits(z, 1) == max(-z, 0.0)
        assert nn.cross_entropy([z, 0.0], 1) == max(z, 0.0)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_reductions(loss):
    cases = [case for case in CASES if case[0] == loss.name and math.isfinite(case[3])]
    outputs, targets = [case[1] for case in cases], [case[2] for case in cases]
    each = loss.batch(outputs, targets, reduction="none")
    assert each == [loss(y, t) for y, t in zip(outputs, targets, strict=True)]
    assert loss.batch(outputs, targets, reduction="sum") == pytest.approx(math.fsum(each), rel=1e-14)
    assert loss.batch(outputs, targets) == pytest.approx(math.fsum(each) / len(each), rel=1e-14)


def test_the_gradient_of_the_mean_is_the_mean_of_the_gradients():
    """The batch algorithm: one graph of the mean, or backward() example by example."""
    X, y = nn.data.xor()  # noqa: N806
    one, two = (nn.MLP(2, [3, 2], "tanh", random_state=5) for _ in range(2))
    nn.cross_entropy.batch([one(x) for x in X], y).backward()
    for x, t in zip(X, y, strict=True):
        (nn.cross_entropy(two(x), t) / len(X)).backward()
    gradients = [p.grad for p in one.parameters()]
    assert any(gradients)
    assert [p.grad for p in two.parameters()] == pytest.approx(gradients, rel=1e-12, abs=1e-16)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.cross_entropy([1.0, 2.0], 2), ArgumentError, "0..1"),
        (lambda: nn.cross_entropy([1.0, 2.0], -1), ArgumentError, "-1"),
        (lambda: nn.cross_entropy([1.0, 2.0], 0.5), InputTypeError, "integer class"),
        (lambda: nn.cross_entropy([1.0, 2.0], [0.5, 0.4]), ArgumentError, "add up to 1"),
        (lambda: nn.cross_entropy([1.0, 2.0], [1.0]), ArgumentError, "2 probabilities"),
        (lambda: nn.cross_entropy([1.0], 0), ArgumentError, "bce_logits"),
        (lambda: nn.cross_entropy([], 0), ArgumentError, "got none"),
        (lambda: nn.squared_error([1.0, 2.0, 3.0], [1.0, 2.0]), ArgumentError, "3 numbers, one per output, got 2"),
        (lambda: nn.squared_error([1.0, 2.0], 1), ArgumentError, "one_hot"),
        (lambda: nn.mse(1.0, math.nan), ArgumentError, "finite"),
        (lambda: nn.mse(1.0, Value(1.0)), InputTypeError, "target.data"),
        (lambda: nn.bce(1.5, 1), ArgumentError, "bce_logits"),
        (lambda: nn.bce(0.5, 2), ArgumentError, "[0, 1]"),
        (lambda: nn.hinge(0.5, 0), ArgumentError, "2 * t - 1"),
        (lambda: nn.hinge([0.5, 1.0], [1, 1]), ArgumentError, "one output is needed, got 2"),
        (lambda: nn.kl_divergence([0.5, 1.5], [0.5, 0.5]), ArgumentError, "Softmax()"),
        (lambda: nn.cross_entropy_probabilities([-0.1, 1.1], 0), ArgumentError, "logits"),
        (lambda: nn.mse.batch([], []), ArgumentError, "at least one"),
        (lambda: nn.mse.batch([1.0], [1.0, 2.0]), ArgumentError, "got 2 for 1"),
        (lambda: nn.mse.batch([1.0], [1.0], reduction="max"), ArgumentError, "'none'"),
        (lambda: nn.one_hot(3, 3), ArgumentError, "0..2"),
        (lambda: nn.one_hot(1.5, 3), InputTypeError, "one_hot: the class must be an int, got 1.5"),
        (lambda: nn.one_hot("a", 3), InputTypeError, "one_hot: the class must be an int, got 'a'"),
        (lambda: nn.mse(1.0, "a"), InputTypeError, "mse: a real number is needed, got 'a'"),
        (
            lambda: nn.cross_entropy([[1.0, 2.0]] * 3, [0, 1, 1]),
            InputTypeError,
            "those of 3. Write cross_entropy.batch(",
        ),
        (lambda: nn.mse(np.eye(2), np.eye(2)), InputTypeError, "mse: the outputs of one example are needed, got those"),
        (lambda: nn.hinge([np.ones(1)] * 2, [1, -1]), InputTypeError, "Write hinge.batch(outputs, targets)."),
        (lambda: nn.mse(None, 1.0), InputTypeError, "mse: outputs must be numbers, got None"),
        (lambda: nn.cross_entropy("ab", 1), InputTypeError, "cross_entropy: outputs must be numbers, got 'ab'"),
    ],
)
def test_errors_say_the_rule_and_the_cure(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)


def test_softmax_before_a_loss_on_logits_is_refused_with_the_cure():
    model = nn.Sequential(nn.Linear(2, 3, random_state=0), nn.Softmax())
    with pytest.raises(ArgumentError, match=r"Drop the softmax .* cross_entropy_probabilities"):
        nn.cross_entropy(model([1.0, 2.0]), 0)
    assert nn.cross_entropy_probabilities(model([1.0, 2.0]), 0).data > 0.0
    with pytest.raises(ArgumentError, match=r"Drop the sigmoid .* bce\."):
        nn.bce_logits(nn.Neuron(2, "sigmoid", random_state=0)([1.0, 2.0]), 1)
