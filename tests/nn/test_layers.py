"""Neurons, layers, networks: PyTorch's numbers, shapes, labels, errors."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest

import nn
from autograd_lite import Value, gradients, primitive, topological_order
from autograd_lite.errors import ArgumentError, DomainError, InputTypeError

NETWORK = json.loads((Path(__file__).parent / "pytorch.json").read_text())["network"]


def reference_network():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    for layer, weights, biases in zip(model.weighted(), NETWORK["W"], NETWORK["b"], strict=True):
        for neuron, row, bias in zip(layer.neurons, weights, biases, strict=True):
            for w, number in zip(neuron.w, row, strict=True):
                w.data = number
            neuron.b.data = bias
    return model


def test_a_network_has_pytorchs_outputs_and_gradients():
    model = reference_network()
    outputs = [model(x) for x in NETWORK["X"]]
    for got, expected in zip(outputs, NETWORK["outputs"], strict=True):
        assert [y.data for y in got] == pytest.approx(expected, rel=1e-13)
    loss = nn.cross_entropy.batch(outputs, NETWORK["y"])
    loss.backward()
    assert loss.data == pytest.approx(NETWORK["loss"], rel=1e-13)
    for layer, dW, db in zip(model.weighted(), NETWORK["dW"], NETWORK["db"], strict=True):  # noqa: N806
        assert [n.b.grad for n in layer.neurons] == pytest.approx(db, rel=1e-11, abs=1e-16)
        for neuron, row in zip(layer.neurons, dW, strict=True):
            assert [w.grad for w in neuron.w] == pytest.approx(row, rel=1e-11, abs=1e-16)


def test_mlp_is_the_sequence_of_its_layers():
    one = nn.MLP(3, [4, 2], "tanh", random_state=1)
    numbers = random.Random(1)
    two = nn.Sequential(nn.Linear(3, 4, random_state=numbers), nn.Tanh(), nn.Linear(4, 2, random_state=numbers))
    x = [0.1, -0.2, 0.3]
    assert [y.data for y in one(x)] == [y.data for y in two(x)]


def test_a_neuron_is_three_nodes():
    """One dot, one sum, one activation, however wide."""
    neuron = nn.Neuron(50, "tanh", random_state=0)
    made = [v for v in topological_order(neuron([1.0] * 50)) if not v.is_leaf]
    assert [v.primitive.name for v in made] == ["dot", "add", "tanh"]


def test_bias_is_a_weight_from_a_constant_one():
    """The extended notation: w·x + b = (w, b)·(x, 1), in values and in gradients."""
    neuron = nn.Neuron(2, "sigmoid", random_state=0)
    neuron.b.data = 0.375
    extended = nn.Neuron(3, "sigmoid", bias=False, init="zeros")
    for w, p in zip(extended.w, neuron.parameters(), strict=True):
        w.data = p.data
    y, z = neuron([0.5, -2.0]), extended([0.5, -2.0, 1.0])
    assert z.data == pytest.approx(y.data, rel=1e-15)
    assert gradients(z, extended.w) == pytest.approx(gradients(y, neuron.parameters()), rel=1e-14)
    assert len(nn.Layer(2, 3, bias=False).parameters()) == 6


def test_the_neurons_of_a_layer_compute_its_outputs():
    layer, x = nn.Layer(2, 3, "tanh", random_state=0), [0.5, -1.0]
    assert [neuron(x).data for neuron in layer.neurons] == [a.data for a in layer(x)]


def test_labels_are_w_layer_from_to():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.MLP(3, [2, 1]))
    labels = [p.label for p in model.parameters()]
    assert labels[:6] == ["w[1][1][1]", "w[1][2][1]", "b[1][1]", "w[1][1][2]", "w[1][2][2]", "b[1][2]"]
    assert labels[-3:] == ["w[3][1][1]", "w[3][2][1]", "b[3][1]"]
    assert len(set(labels)) == len(labels)
    assert {p.role for p in model.parameters()} == {"parameter"}
    assert [p.label for p in nn.Neuron(2).parameters()] == ["w[1]", "w[2]", "b"]


@pytest.mark.parametrize("function", ["linear", "relu", "tanh", "sigmoid", "gelu", "softplus", "step", "softmax"])
def test_values_floats_and_arrays_agree(function):
    """The graph and the lists bit for bit; numpy sums in another order, so to 1e-12."""
    model = nn.MLP(3, [5, 4], "tanh", function, random_state=2)
    X = [[0.5, -1.0, 2.0], [100.0, -300.0, 5.0], [0.0, 0.0, 0.0]]  # noqa: N806
    graph = [[y.data for y in model(x)] for x in X]
    assert model.evaluate(X) == graph
    assert [[y.data for y in model(list(map(Value, x)))] for x in X] == graph
    assert [[y.data for y in model(x)] for x in np.array(X)] == graph
    array = model.evaluate(np.array(X))
    assert isinstance(array, np.ndarray)
    assert array.tolist() == [pytest.approx(row, rel=1e-12, abs=1e-300) for row in graph]


def test_activations_of_floats_are_floats():
    for layer in (nn.ReLU(), nn.Tanh(), nn.Sigmoid(), nn.Softmax()):
        assert [type(a) for a in layer([-1.0, 2.0])] == [float, float]
    assert nn.ReLU()(-1.0) == 0.0
    assert math.fsum(nn.Softmax()([1e4, 0.0, -1e4])) == 1.0


def test_a_primitive_of_ones_own_is_an_activation():
    square = primitive("square_activation", lambda x: x * x, lambda y, x: 2.0 * x)
    model = nn.MLP(1, [1], output=square, init="zeros")
    model.parameters()[0].data = 3.0
    assert model([2.0]).data == 36.0
    assert model.evaluate(np.array([[2.0]])).tolist() == [[36.0]]


def test_activation_per_layer():
    model = nn.MLP(2, [3, 3, 1], ["relu", "tanh", "sigmoid"])
    assert [layer.activation.name for layer in model.layers] == ["relu", "tanh", "sigmoid"]
    assert repr(model).splitlines() == [
        "MLP(2, [3, 3, 1]), 25 parameters",
        "  Layer(2, 3, relu), 9 parameters",
        "  Layer(3, 3, tanh), 12 parameters",
        "  Layer(3, 1, sigmoid), 4 parameters",
    ]


@pytest.mark.parametrize(
    ("scheme", "mean_square"),
    [("uniform", 1 / 3), ("normal", 1.0), ("xavier", 2 / 120), ("xavier_normal", 2 / 120), ("he", 2 / 20),
     ("he_uniform", 2 / 20), ("zeros", 0.0)],
)  # fmt: skip
def test_weights_have_the_variance_their_scheme_promises(scheme, mean_square):
    """2000 draws: the deviation of a mean square is at most √(2/2000) = 3.2 %; we allow five of them."""
    layer = nn.Layer(20, 100, init=scheme, random_state=0)
    weights = [w.data for neuron in layer.neurons for w in neuron.w]
    assert len(weights) == 2000
    assert math.fsum(w * w for w in weights) / 2000 == pytest.approx(mean_square, rel=0.16)
    assert abs(math.fsum(weights) / 2000) <= 5 * math.sqrt(mean_square / 2000)


def test_a_scheme_of_ones_own():
    layer = nn.Layer(2, 3, init=lambda numbers, n_in, n_out: n_in + 10 * n_out)
    assert {w.data for neuron in layer.neurons for w in neuron.w} == {32.0}


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.MLP(4, [8, 3])([1.0, 2.0, 3.0]), ArgumentError, "layer 1, Layer(4, 8, relu): 4 inputs expected"),
        (lambda: nn.Neuron(2)([1.0]), ArgumentError, "Neuron(2, relu): 2 inputs expected, got 1"),
        (lambda: nn.MLP(2, [1]).evaluate([[1.0]]), ArgumentError, "layer 1"),
        (lambda: nn.MLP(2, [1]).evaluate(np.zeros((3, 4))), ArgumentError, "(n, 2) expected, got (3, 4)"),
        (lambda: nn.MLP(2, [1])(np.zeros((3, 2))), InputTypeError, "model(x) for x in X"),
        (lambda: nn.MLP(2, [1])([[1.0, 2.0], [3.0, 4.0]]), InputTypeError, "list of lists"),
        (lambda: nn.MLP(1, [1])(2.0), InputTypeError, "model([x])"),
        (lambda: nn.MLP(2, 3), InputTypeError, "[3]"),
        (lambda: nn.MLP(2, []), ArgumentError, "at least one width"),
        (lambda: nn.MLP(2, [0]), ArgumentError, "at least 1"),
        (lambda: nn.MLP(2.0, [1]), InputTypeError, "must be an int"),
        (lambda: nn.MLP(2, [3, 1], ["relu"]), ArgumentError, "2 in all, got 1"),
        (lambda: nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 1)), ArgumentError, "4 inputs, got 3 from Linear(2, 3)"),
        (lambda: nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(4, 1)), ArgumentError, "got 3"),
        (lambda: nn.Sequential(), ArgumentError, "got none"),
        (lambda: nn.Sequential(abs), InputTypeError, "Module"),
        (lambda: nn.Neuron(2, "softmax"), ArgumentError, "Layer"),
        (lambda: nn.Layer(2, 1, "softmax"), ArgumentError, "softmax: at least two outputs are needed, got 1, which"),
        (lambda: nn.MLP(2, [3, 1], "tanh", "softmax"), ArgumentError, "Write sigmoid for one."),
        (lambda: nn.Sequential(nn.Linear(2, 1), nn.Softmax()), ArgumentError, "Write sigmoid for one."),
        (lambda: nn.Layer(2, 2, "rleu"), ArgumentError, "'rleu'"),
        (lambda: nn.Layer(2, 2, "hypot"), ArgumentError, "one number"),
        (lambda: nn.Layer(2, 2, "sum"), ArgumentError, "one number"),
        (lambda: nn.Layer(2, 2, init="best"), ArgumentError, "xavier"),
        (lambda: nn.Layer(2, 2, random_state="x"), InputTypeError, "random.Random"),
        (lambda: nn.MLP(2, [4.0, 1]), InputTypeError, "MLP: n_outs: must be an int, got 4.0 of type float"),
        (lambda: nn.MLP(2, [4], activation="nope"), ArgumentError, "got 'nope'"),
        (lambda: nn.Layer(2, 2, "sigmod"), ArgumentError, "got 'sigmod'. Did you mean 'sigmoid'?"),
        (lambda: nn.Layer(2, 2, nn.Tanh), ArgumentError, "got the class Tanh. Write Tanh()"),
        (lambda: nn.MLP(2, [1])(["a", 2.0]), InputTypeError, "layer 1, Layer(2, 1, linear): dot: a real number"),
        (lambda: nn.MLP(2, [1])([None, 2.0]), InputTypeError, "layer 1, Layer(2, 1, linear): "),
        (lambda: nn.MLP(2, [1]).evaluate([["a", 2.0]]), InputTypeError, "layer 1, Layer(2, 1, linear): dot: "),
        (lambda: nn.MLP(2, [1])("ab"), InputTypeError, "layer 1, Layer(2, 1, linear): one example is a list"),
        (lambda: nn.MLP(2, [1])({1.0, 2.0}), InputTypeError, "got set"),
        (lambda: nn.MLP(2, [1])({1: 1.0, 2: 2.0}), InputTypeError, "got dict"),
        (lambda: nn.MLP(2, [1])([[1.0, 2.0]]), InputTypeError, "got a list of lists"),
        (lambda: nn.MLP(2, [1]).evaluate(3), InputTypeError, "layer 1, Layer(2, 1, linear): rows of 2 numbers"),
        (lambda: nn.MLP(2, [1]).evaluate([1.0, 2.0]), InputTypeError, "evaluate([x])"),
        (lambda: nn.Neuron(2)([None, 1.0]), InputTypeError, "Neuron(2, relu): dot: "),
        (lambda: nn.MLP(1, [1, 1], "log", init="zeros")([1.0]), DomainError, "layer 1, Layer(1, 1, log): log: "),
        (lambda: nn.MLP(1, [1], output="log", init="zeros").evaluate([[1.0]]), DomainError, "layer 1, Layer"),
        (lambda: nn.MLP(1, [1, 1], "log", init="zeros").record([1.0]), DomainError, "layer 1, Layer"),
        (lambda: nn.Sequential(nn.Linear(1, 2, init="zeros"), nn.Activation("log"))([1.0]), DomainError,
         "Activation('log') after layer 1, Linear(1, 2): log: "),
        (lambda: nn.Sequential(nn.Linear(1, 2, init="zeros"), nn.Activation("log")).evaluate([[1.0]]), DomainError,
         "Activation('log') after layer 1, Linear(1, 2): log: "),
    ],
)  # fmt: skip
def test_errors_name_the_layer_what_it_expected_and_what_it_got(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)
    assert str(caught.value).count("layer 1") <= 1


def test_an_error_inside_a_layer_keeps_its_facts():
    with pytest.raises(DomainError) as caught:
        nn.MLP(1, [1, 1], "log", init="zeros")([1.0])
    assert (caught.value.primitive, caught.value.numbers) == ("log", (0.0,))


@pytest.mark.parametrize("weights", [[0.15, 0.2], (Value(0.15), 0.2), 0.15, np.array([0.15, 0.2]), "w", None])
def test_a_number_in_place_of_a_weight_is_refused_before_it_stands_still_in_training(weights):
    neuron = nn.Neuron(2, random_state=0)
    with pytest.raises(TypeError, match=r"^Neuron: w must be a list of Values, got .*neuron\.w\[0\]\.data = 0\.5\.$"):
        neuron.w = weights
    with pytest.raises(TypeError, match=r"^Neuron: b must be a Value or None, got 0\.0 .*neuron\.b\.data = 0\.5\.$"):
        neuron.b = 0.0
    assert len(neuron.parameters()) == 3


def test_a_number_set_in_the_list_of_weights_is_met_by_evaluate():
    model = nn.MLP(2, [2, 1], random_state=0)
    model.layers[0].neurons[1].w[0] = 0.15
    with pytest.raises(TypeError, match=r"^layer 1, Layer\(2, 2, relu\): Neuron: w must be a list of Values"):
        model.evaluate([[1.0, 2.0]])


def test_weights_may_be_shared_and_left_out():
    first, second = nn.Neuron(2, "linear", random_state=0), nn.Neuron(2, "linear", random_state=1)
    second.w, second.b = first.w, None
    assert second([1.0, 2.0]).data == first([1.0, 2.0]).data
    assert second.evaluate([[1.0, 2.0]]) == [[first([1.0, 2.0]).data]]
