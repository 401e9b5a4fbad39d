"""What learning does to lines: the perceptron, the logistic unit, and the hidden units of an MLP."""

from __future__ import annotations

import math
import random

import pytest

import nn
from autograd_lite import gradients


def overlapping_classes(n=600, seed=0):
    """Return n points of [0, 10] whose class is 1 with probability σ(x − 5): the classes overlap."""
    numbers = random.Random(seed)
    X = [[numbers.uniform(0.0, 10.0)] for _ in range(n)]  # noqa: N806
    return X, [int(numbers.random() < 1 / (1 + math.exp(5.0 - x))) for (x,) in X]


def test_on_overlapping_classes_the_perceptron_rule_never_settles():
    X, y = overlapping_classes(100)  # noqa: N806
    highest_zero = max(x for (x,), k in zip(X, y, strict=True) if k == 0)
    lowest_one = min(x for (x,), k in zip(X, y, strict=True) if k == 1)
    assert lowest_one < highest_zero  # no threshold separates them
    unit = nn.Perceptron(1)
    history = unit.fit(X, y, epochs=200)
    assert history.epochs == 200
    assert history.stopped is None
    assert min(history.loss) > 0.0
    assert len(set(history.loss[100:])) > 1  # it still moves


def test_a_logistic_unit_gives_the_probability_of_class_1():
    """P(Y=1|x) of the unit against the share of ones in a window around x.

    A share of m draws has a standard deviation of at most 0.5/√m; three of them are allowed, and
    the unit must be as near to the true curve σ(x − 5), which it has never seen.
    """
    X, y = overlapping_classes()  # noqa: N806
    centred = [[x - 5.0] for (x,) in X]
    unit = nn.Perceptron(1, "sigmoid")
    history = nn.fit(unit, centred, y, loss="bce", optimizer=nn.Adam(unit.parameters(), lr=0.3), epochs=40)
    assert history.loss[-1] < history.loss[0] / 2
    for at in (2.0, 3.5, 5.0, 6.5, 8.0):
        window = [k for (x,), k in zip(X, y, strict=True) if abs(x - at) < 0.75]
        share = sum(window) / len(window)
        ((_, p),) = unit.predict_proba([[at - 5.0]])
        assert len(window) > 60
        for other in (share, 1 / (1 + math.exp(5.0 - at))):
            assert abs(p - other) < 3 * 0.5 / math.sqrt(len(window))


def distance(w, b, x):
    """Return how far the point x is from the line w·x + b = 0."""
    return abs(math.fsum(a * c for a, c in zip(w, x, strict=True)) + b) / math.hypot(*w)


@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize("activation", ["step", "sigmoid"])
def test_a_misclassified_point_pulls_the_line_closer(target, activation):
    """w and b move in the direction that raises the probability of the true class."""
    unit = nn.Perceptron(2, activation)
    w, b, x = [1.0, -2.0], 0.5, [1.0, 2.0] if target else [3.0, 0.5]
    unit.w[0].data, unit.w[1].data, unit.b.data = *w, b
    assert unit.predict([x]) == [1 - target]
    probabilities = nn.Perceptron(2, "sigmoid")
    probabilities.load_state_dict(unit.state_dict())
    before = probabilities.predict_proba([x])[0][target]
    unit.fit([x], [target], epochs=1, lr=0.05)
    moved = [p.data for p in unit.w], unit.b.data
    assert distance(*moved, x) < distance(w, b, x)
    probabilities.load_state_dict(unit.state_dict())
    assert probabilities.predict_proba([x])[0][target] > before
    slopes = gradients(probabilities(x), probabilities.parameters())
    steps = [a - c for a, c in zip([*moved[0], moved[1]], [*w, b], strict=True)]
    assert all(step * slope * (1 if target else -1) > 0 for step, slope in zip(steps, slopes, strict=True))


def disagreeing_units(activation):
    """Two hidden units with positive votes on a point of class 1: the first is right, the second wrong."""
    model = nn.MLP(2, [2, 1], activation, "sigmoid", init="zeros")
    right, wrong = model.layers[0].neurons
    (output,) = model.layers[1].neurons
    for p, number in zip((*right.w, right.b, *wrong.w, wrong.b), (1.0, 0.5, 0.0, -1.0, 1.0, -1.2), strict=True):
        p.data = number
    for p, number in zip((*output.w, output.b), (0.6, 1.0, -0.3), strict=True):
        p.data = number
    return model, right, wrong, output, [0.8, 0.4]


def lines(*units, x):
    return [distance([w.data for w in unit.w], unit.b.data, x) for unit in units]


def test_in_a_network_the_units_share_out_the_blame():
    """Four signs after one step on one example, and a smaller error: units that say −1 or 1 (tanh).

    The output weight of the unit that is wrong falls, that of the right one rises; the wrong
    unit's line comes nearer to the point, the right one's recedes; E(W′) < E(W).
    """
    model, right, wrong, output, x = disagreeing_units("tanh")
    assert right(x).data > 0 > wrong(x).data
    votes, before = [w.data for w in output.w], lines(right, wrong, x=x)
    E = nn.bce(model(x), 1.0)  # noqa: N806
    assert E.data > math.log(2.0)  # the point is misclassified
    E.backward()
    nn.SGD(model.parameters(), lr=0.1).step()
    after = lines(right, wrong, x=x)
    assert output.w[1].data < votes[1]
    assert output.w[0].data > votes[0]
    assert after[1] < before[1]
    assert after[0] > before[0]
    assert nn.bce(model(x), 1.0).data < E.data


def test_with_sigmoid_units_both_votes_rise_the_right_ones_more():
    """A lecture makes the claim for sigmoid units as well. Their outputs are positive, so it is loose:

    ∂E/∂vₖ = (ŷ − y)·Hₖ has one sign for all k; the unit that is right gains more, since its H is larger.
    """
    model, right, wrong, output, x = disagreeing_units("sigmoid")
    output.b.data = -1.5
    H = [right(x).data, wrong(x).data]  # noqa: N806
    assert H[0] > 0.5 > H[1]
    E = nn.bce(model(x), 1.0)  # noqa: N806
    slopes = gradients(E, output.w)
    assert slopes == pytest.approx([(model(x).data - 1.0) * h for h in H], rel=1e-14)
    assert slopes[0] < slopes[1] < 0
