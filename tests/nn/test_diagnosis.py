"""diagnose: networks made sick on purpose, healthy ones, and the numbers computed with matrices."""

from __future__ import annotations

import math

import numpy as np
import pytest

import nn
from autograd_lite import Value, detach, relu, tanh
from autograd_lite.errors import ArgumentError, InputTypeError

NUMBERS = np.random.default_rng(0)
X = NUMBERS.uniform(-1.0, 1.0, (40, 2)).tolist()
Y = [int(a * b > 0.0) for a, b in X]


def healthy(activation="tanh", output="linear", seed=0):
    return nn.MLP(2, [8, 6, 1], activation, output, random_state=seed)


def kinds(report):
    return [finding.kind for finding in report.findings]


def scaled(model, factor):
    for parameter in model.parameters():
        parameter.data *= factor
    return model


@pytest.mark.parametrize(
    ("model", "targets", "loss"),
    [
        (healthy(), Y, "bce_logits"),
        (healthy(output="sigmoid"), Y, "bce"),
        (healthy("sigmoid", "sigmoid"), Y, "squared_error"),
        (healthy("relu"), [2 * t - 1 for t in Y], "hinge"),
        (nn.MLP(2, [4, 3], "tanh", "softmax", random_state=0), Y, "cross_entropy_probabilities"),
        (nn.MLP(2, [4, 2], "tanh", "softmax", random_state=0), [[1.0 - t, float(t)] for t in Y], "kl_divergence"),
        (nn.MLP(2, [4, 3], "tanh", random_state=0), Y, "cross_entropy"),
        (nn.MLP(2, [1], random_state=0), [a - b for a, b in X], "mse"),
        (nn.MLP(2, [1], random_state=0), Y, lambda output, target: (output - target) ** 4),
        (nn.Perceptron(2, "sigmoid"), Y, "bce"),
        (nn.Neuron(2, "tanh", random_state=0), Y, "squared_error"),
        (nn.Sequential(nn.Linear(2, 4, random_state=1), nn.Tanh(), nn.Linear(4, 1, random_state=1)), Y, "mse"),
    ],
    ids=lambda thing: getattr(thing, "describe", lambda: "")() or getattr(thing, "__name__", None) or str(thing)[:12],
)
def test_a_healthy_network_gives_nothing_to_report(model, targets, loss):
    report = nn.diagnose(model, X, targets, loss=loss)
    assert report.findings == []
    assert str(report).endswith("\nNothing conspicuous.")
    assert len(report.norms) == len(X)


def test_training_does_not_make_a_network_look_sick():
    model = healthy()
    nn.fit(model, X, Y, loss="bce_logits", optimizer=nn.SGD(model.parameters(), lr=0.5), epochs=20)
    assert nn.diagnose(model, X, Y).findings == []


def test_the_numbers_are_those_of_backpropagation_in_matrices():
    """delta = dloss/dz layer by layer; the step of momentum from the second step on."""
    model = nn.MLP(2, [5, 1], "tanh", random_state=3)
    optimizer = nn.SGD(model.parameters(), lr=0.3, momentum=0.9, weight_decay=0.01)
    nn.fit(model, X, Y, loss="bce_logits", optimizer=optimizer, epochs=3)
    w1, w2 = (np.array([[w.data for w in neuron.w] for neuron in layer.neurons]) for layer in model.layers)
    b1, b2 = (np.array([neuron.b.data for neuron in layer.neurons]) for layer in model.layers)
    inputs, targets = np.array(X), np.array(Y)[:, None]
    a1 = np.tanh(inputs @ w1.T + b1)
    z2 = a1 @ w2.T + b2
    d2 = 1.0 / (1.0 + np.exp(-z2)) - targets
    d1 = (d2 @ w2) * (1.0 - a1**2)
    norms = np.sqrt(
        (d2**2 * (1.0 + (a1**2).sum(1, keepdims=True))).ravel() + (d1**2).sum(1) * (1.0 + (inputs**2).sum(1))
    )
    velocity = np.array(optimizer.velocity)
    v1, v2 = velocity[:15].reshape(5, 3)[:, :2], velocity[15:].reshape(1, 6)[:, :5]
    step1 = 0.3 * (0.9 * v1 + d1.T @ inputs / 40 + 0.01 * w1)
    step2 = 0.3 * (0.9 * v2 + d2.T @ a1 / 40 + 0.01 * w2)
    report = nn.diagnose(model, X, Y, optimizer=optimizer)
    assert np.allclose(report.norms, norms, rtol=1e-12)
    assert math.isclose(report.loss, np.mean(np.logaddexp(0.0, z2) - targets * z2), rel_tol=1e-12)
    for layer, delta, step, weights in zip(report.layers, (d1, d2), (step1, step2), (w1, w2), strict=True):
        assert math.isclose(layer.gradient, math.sqrt(np.mean(delta**2)), rel_tol=1e-12)
        assert math.isclose(layer.update, np.linalg.norm(step) / np.linalg.norm(weights), rel_tol=1e-12)


def test_nothing_is_changed():
    model = healthy()
    optimizer = nn.Adam(model.parameters(), lr=0.01)
    nn.fit(model, X, Y, loss="bce_logits", optimizer=optimizer, epochs=2)
    for parameter in model.parameters():
        parameter.grad = 7.0
    before = model.state_dict(), vars(optimizer).copy(), model.loss, model.classes
    nn.diagnose(model, X, Y, loss="squared_error", optimizer=optimizer)
    assert (model.state_dict(), vars(optimizer), model.loss, model.classes) == before
    assert {parameter.grad for parameter in model.parameters()} == {7.0}


@pytest.mark.parametrize("apart", [False, True], ids=["layer", "activation apart"])
def test_relus_that_are_off_for_every_example(apart):
    first = nn.Linear(2, 4, random_state=1) if apart else nn.Layer(2, 4, "relu", random_state=1)
    model = nn.Sequential(first, *[nn.ReLU()] * apart, nn.Linear(4, 1, random_state=2))
    for k in (1, 3):
        first.neurons[k].b.data = -100.0
    report = nn.diagnose(model, X, Y, loss="mse")
    (finding,) = report.findings
    assert (finding.kind, finding.layer, finding.neurons) == ("off", "layer 1", (2, 4))
    assert str(finding).startswith("layer 1, neurons 2, 4: each relu is off for every example")
    z = np.array(X) @ np.array([[w.data for w in n.w] for n in first.neurons]).T + [n.b.data for n in first.neurons]
    assert report.layers[0].off == np.mean(z <= 0.0, axis=0).tolist()
    for neuron in first.neurons:
        neuron.b.data = -100.0
    assert "layer 1, all 4 neurons: each relu" in str(nn.diagnose(model, X, Y, loss="mse"))


def test_one_example_wakes_a_relu():
    model = nn.Sequential(nn.Layer(1, 1, "relu", init="zeros"), nn.Linear(1, 1, random_state=0))
    model.layers[0].neurons[0].w[0].data = 1.0
    assert kinds(nn.diagnose(model, [[-1.0]] * 20, [0.0] * 20, loss="mse")) == ["off"]
    assert "off" not in kinds(nn.diagnose(model, [[-1.0]] * 19 + [[0.5]], [0.0] * 20, loss="mse"))


@pytest.mark.parametrize(("name", "least"), [("sigmoid", 0.0025), ("tanh", 0.01)])
def test_saturated_sigmoids_and_tanhs(name, least):
    """The slope at z of +-50 is below 1 % of the largest, in 36 of 40 examples and not in 35."""
    model = nn.MLP(1, [3, 1], name, init="zeros", random_state=0)
    inner, outer = model.layers
    inner.neurons[1].w[0].data = 50.0
    for w in outer.neurons[0].w:
        w.data = 1.0
    for count, found in ((36, True), (35, False)):
        rows = [[1.0]] * count + [[0.0]] * (40 - count)
        report = nn.diagnose(model, rows, [0.0] * 40, loss="mse")
        assert ("saturated" in kinds(report)) == found
        assert report.layers[0].saturated == [0.0, count / 40, 0.0]
    slope = {"sigmoid": lambda z: math.exp(-z) / (1 + math.exp(-z)) ** 2, "tanh": lambda z: math.cosh(z) ** -2}[name]
    edge = next(z / 100 for z in range(1, 1000) if slope(z / 100) < least)
    for z, share in ((edge - 0.01, 0.0), (edge, 1.0)):
        inner.neurons[1].w[0].data = z
        assert nn.diagnose(model, [[1.0]], [0.0], loss="mse").layers[0].saturated[1] == share


def test_weights_that_are_far_too_large_saturate_what_they_reach():
    report = nn.diagnose(scaled(healthy(), 50.0), X, Y, loss="squared_error")
    inner = [finding for finding in report.findings if finding.kind == "saturated" and finding.layer != "layer 3"]
    assert inner
    for finding in inner:
        layer = report.layers[int(finding.layer[-1]) - 1]
        assert finding.neurons == tuple(k for k, share in enumerate(layer.saturated, 1) if share >= 0.9)


def test_an_output_may_be_saturated_where_it_is_right():
    """It is meant to be; where it is wrong, squared errors teach it nothing, a cross-entropy does."""
    model = nn.Perceptron(1, "sigmoid")
    model.w[0].data = 20.0
    rows, right = [[-1.0], [1.0]] * 10, [0, 1] * 10
    wrong = [1 - t for t in right]
    assert "saturated" not in kinds(nn.diagnose(model, rows, right, loss="squared_error"))
    assert "saturated" not in kinds(nn.diagnose(model, rows, wrong, loss="bce"))
    (finding, *_) = nn.diagnose(model, rows, wrong, loss="squared_error").findings
    assert finding.kind == "saturated"
    assert "of the examples it gets wrong" in str(finding)


class OfValues(nn.Module):
    """Two relus and a tanh on bare Values, as in a first lecture."""

    def __init__(self, bias):
        self.w, self.b = [Value(0.5), Value(-0.25)], Value(bias)

    def __call__(self, x):
        up, down = relu(self.w[0] * x[0] + 1.0), relu(self.w[1] * x[1] + self.b)
        return up + down + tanh(self.w[0] * x[1])


def test_activations_outside_of_layers_are_numbered():
    assert nn.diagnose(OfValues(0.5), X, Y, loss="squared_error").findings == []
    (finding,) = nn.diagnose(OfValues(-9.0), X, Y, loss="squared_error").findings
    assert str(finding).startswith("outside of layers, activation 2, in the order of computation: its relu is off")


def test_the_activations_of_the_loss_are_its_own():
    """A hinge is a relu that is off where every example is right."""
    model = nn.Linear(1, 1, init="zeros")
    model.neurons[0].w[0].data = 5.0
    assert "off" not in kinds(nn.diagnose(model, [[1.0], [-1.0]], [1, -1], loss="hinge"))


class Forked(nn.Module):
    """A layer behind `detach`, one that nobody uses, one that learns."""

    n_in, n_out = 2, 1

    def __init__(self):
        self.cut = nn.Layer(2, 2, "tanh", random_state=0)
        self.unused = nn.Linear(2, 1, random_state=0)
        self.out = nn.Linear(2, 1, random_state=0)

    def __call__(self, x):
        return self.out([detach(h) for h in self.cut(x)])


def test_parameters_without_a_path_to_the_loss():
    (finding,) = nn.diagnose(Forked(), X, Y, loss="mse").findings
    assert finding.kind == "unreachable"
    assert finding.parameters[0] == "cut.neurons.0.w.0"
    assert len(finding.parameters) == 6 + 3
    assert finding.value == 9 / 12
    report = nn.diagnose(nn.MLP(2, [2, 1], "step", random_state=0), X, Y, loss="mse")
    assert report.findings[0].parameters == (
        "w[1][1][1]",
        "w[1][2][1]",
        "b[1][1]",
        "w[1][1][2]",
        "w[1][2][2]",
        "b[1][2]",
    )
    assert "no parameter has a path to the loss" in str(nn.diagnose(nn.Perceptron(2), X, Y, loss="mse"))


def test_steps_that_are_too_long_or_too_short():
    model = healthy()
    for lr, words in ((1e3, "Lower the learning rate"), (1e-6, "Raise the learning rate")):
        report = nn.diagnose(model, X, Y, loss="bce_logits", optimizer=nn.SGD(model.parameters(), lr=lr))
        (finding,) = report.findings
        assert finding.kind == "update"
        assert words in str(finding)
        assert "and 2 more layers likewise; usual is 0.001 times" in str(finding)
        updates = [layer.update for layer in report.layers]
        assert finding.value == (max(updates) if lr > 1.0 else min(updates))
    two = nn.MLP(2, [3, 1], "tanh", random_state=0)
    fast = nn.SGD(two.parameters(), lr=1e3)
    assert "and 1 more layer likewise" in str(nn.diagnose(two, X, Y, loss="bce_logits", optimizer=fast))


def test_examples_that_dominate():
    model = nn.Linear(2, 1, random_state=0)
    outlier = [*X]
    outlier[16] = [30.0, -20.0]
    gentle = nn.SGD(model.parameters(), lr=1e-4)
    report = nn.diagnose(model, outlier, Y, loss="mse", optimizer=gentle)
    (finding,) = report.findings
    assert (finding.kind, finding.examples) == ("dominant", (17,))
    assert finding.value == report.norms[16] / math.fsum(report.norms) > 0.5
    assert str(finding).startswith("example 17 (X[16]): ")
    three = [*X * 4]
    for k in (3, 50, 120):
        three[k] = [30.0, -20.0]
    few = nn.diagnose(model, three, [1.0] * 160, loss="mse", optimizer=gentle).findings[0]
    assert few.examples == (4, 51)  # two of them, of the same size, are enough for a half
    assert kinds(nn.diagnose(model, outlier[15:18], Y[15:18], loss="mse", optimizer=gentle)) == []


def test_gradients_that_vanish_or_explode():
    deep = nn.MLP(2, [8] * 8 + [1], "sigmoid", random_state=0)
    vanishing = nn.diagnose(deep, X, Y, loss="bce_logits").findings[0]
    assert (vanishing.kind, vanishing.layer) == ("vanishing", "layer 1")
    assert vanishing.value < 1e-3
    assert "Use relu or tanh, fewer layers" in str(vanishing)
    hardly_on = scaled(nn.MLP(2, [8] * 3 + [1], "relu", random_state=0), 1e-3)
    found = nn.diagnose(hardly_on, X, Y, loss="bce_logits").findings
    vanishing = next(finding for finding in found if finding.kind == "vanishing")
    assert "Use leaky_relu, fewer layers, or init='he'" in str(vanishing)
    steep = scaled(nn.MLP(2, [8] * 6 + [1], "linear", random_state=0), 8.0)
    tiny = nn.SGD(steep.parameters(), lr=1e-20)
    exploding = nn.diagnose(steep, X, Y, loss="mse", optimizer=tiny).findings[0]
    assert (exploding.kind, exploding.layer) == ("exploding", "layer 1")
    assert exploding.value > 1e3


def test_no_gradient_at_all():
    model = nn.Linear(1, 1, init="zeros")
    model.neurons[0].w[0].data = 5.0
    report = nn.diagnose(model, [[1.0], [-1.0]], [1, -1], loss="hinge")
    assert kinds(report) == ["zero"]


def test_training_that_has_come_to_rest_although_the_examples_have_not():
    """A line through XOR: at w = b = 0 the four gradients are (σ(0) − t)(x, 1), and add up to 0."""
    rows, targets = nn.data.xor()
    line = nn.MLP(2, [1], random_state=3)
    assert nn.diagnose(line, rows, targets, loss="bce_logits").findings == []
    nn.fit(line, rows, targets, loss="bce_logits", optimizer=nn.SGD(line.parameters(), lr=0.5), epochs=100)
    (finding,) = nn.diagnose(line, rows, targets).findings
    assert finding.kind == "settled"
    w, b = [w.data for w in line.layers[0].neurons[0].w], line.layers[0].neurons[0].b.data
    inputs = np.array([[*x, 1.0] for x in rows])
    gradients = (1.0 / (1.0 + np.exp(-inputs @ [*w, b])) - targets)[:, None] * inputs
    ratio = np.linalg.norm(gradients.sum(0)) / np.linalg.norm(gradients, axis=1).sum()
    assert math.isclose(finding.value, ratio, rel_tol=1e-9)
    assert finding.value < 0.01
    assert "use more neurons, new weights or other features" in str(finding)


@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_neurons_that_are_copies_of_one_another_stay_copies(name):
    """Hidden weights that all start at 0; those of an output layer may, since its errors differ."""
    model = nn.MLP(2, [3, 2], name, init="zeros")
    (finding,) = nn.diagnose(model, X, Y, loss="cross_entropy").findings
    assert (finding.kind, finding.layer, finding.neurons, finding.value) == ("copies", "layer 1", (1, 2, 3), 1.0)
    assert str(finding).startswith("layer 1, all 3 neurons: they have the same weights and the same gradients")
    nn.fit(model, X, Y, loss="cross_entropy", epochs=20)
    assert kinds(nn.diagnose(model, X, Y)) == ["copies"]
    first, second, third = model.layers[0].neurons
    assert first.state_dict() == second.state_dict() == third.state_dict()
    first.w[0].data += 0.5
    (finding,) = nn.diagnose(model, X, Y).findings
    assert (finding.neurons, finding.value) == ((2, 3), 2 / 3)
    model.layers[1].neurons[0].w[1].data += 0.5  # alike in what comes in, not in what goes out
    assert nn.diagnose(model, X, Y).findings == []


def test_losses_and_gradients_that_are_not_finite_are_counted_and_explained():
    model = nn.MLP(2, [1], output="sigmoid", random_state=0)
    rows = [[0.5, 0.5], [-800.0, -800.0], [-900.0, -900.0], [0.1, 0.2]]
    report = nn.diagnose(model, rows, [1, 1, 1, 0], loss="bce")
    assert report.findings[0].examples == (2, 3)
    assert "log is the first to give −inf" in str(report)
    assert [math.isnan(norm) for norm in report.norms] == [False, True, True, False]
    nothing = nn.diagnose(model, rows[1:3], [1, 1], loss="bce")
    assert kinds(nothing) == ["nonfinite"]
    root = nn.diagnose(nn.Linear(1, 1, init="zeros"), [[1.0]], [1.0], loss=lambda y, t: y**0.5)
    assert "In the backward pass " in str(root)
    assert "log: operand must lie" in str(nn.diagnose(model, rows, Y[:4], loss=lambda y, t: (y * 0.0).log()))


def test_what_is_printed():
    model = nn.MLP(2, [2, 1], "tanh", random_state=0)
    lines = str(nn.diagnose(model, X, Y, loss="bce_logits")).splitlines()
    assert lines[0].startswith("MLP(2, [2, 1]) on 40 examples: bce_logits 0.")
    assert lines[0].endswith(", next step of SGD with lr 0.1")
    assert lines[1].split() == ["dloss/dz", "step/weights"]
    assert [line.split()[:2] for line in lines[2:4]] == [["layer", "1"], ["layer", "2"]]
    assert lines[4:] == ["Nothing conspicuous."]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.diagnose("m", X, Y), InputTypeError, "model must be a Module, got 'm'"),
        (lambda: nn.diagnose(healthy(), X, Y), ArgumentError, "a loss is needed, got none. Pass loss="),
        (lambda: nn.diagnose(healthy(), X, Y[:3], loss="mse"), ArgumentError, "got 3 for 40 rows"),
        (lambda: nn.diagnose(healthy(), [[1.0, math.inf]], [1], loss="mse"), ArgumentError, "row 0, column 1 of X"),
        (lambda: nn.diagnose(healthy(), X, Y, loss="mse", optimizer=0.1), InputTypeError, "Write SGD(model.par"),
        (lambda: nn.diagnose(nn.ReLU(), X, Y, loss=lambda y, t: y[0]), ArgumentError, "must have parameters"),
        (lambda: nn.diagnose(healthy(), X, Y, loss=lambda y, t: 1.0), ArgumentError, "computed from the outputs"),
    ],
)
def test_what_is_refused(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)
