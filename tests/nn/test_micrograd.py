"""A micrograd program runs with only its import lines changed, and gets micrograd's numbers."""

from __future__ import annotations

import random

import pytest

import nn
from autograd_lite import Value

# Written by micrograd 0.1.0 (github.com/karpathy/micrograd) on CPython 3.11:
#   random.seed(1337); model = MLP(2, [16, 16, 1]); [p.data for p in model.parameters()]
FIRST_WEIGHTS = [0.23550571390294128, 0.06653114721000164, 0, -0.26830328150124894]
LAST_WEIGHTS = [-0.2271549182489696, -0.3223491002609964, -0.2532524374373504, 0]
#   model([1.0, -2.0]).data, then of 20 steps p.data -= 0.05 * p.grad on the loss below
FIRST_OUTPUT = -1.3324313779586294
LOSSES = [
    0.8915035301033815,
    0.8860500062987311,
    0.8813265892118425,
    0.8758473562004572,
    0.871104487879751,
    0.8655879042545125,
    0.8608142337617798,
    0.8552487931832715,
    0.850433101305062,
    0.8448074076624535,
    0.8399385714728109,
    0.8342413037934799,
    0.8293082620116443,
    0.8235281400948082,
    0.8185198590991422,
    0.8126456097365958,
    0.8075510500995634,
    0.8015713737498835,
    0.7963794571618596,
    0.7907256038011593,
]
XOR = [([0.0, 0.0], -1.0), ([0.0, 1.0], 1.0), ([1.0, 0.0], 1.0), ([1.0, 1.0], -1.0)]


def test_a_seeded_network_has_micrograds_weights():
    random.seed(1337)
    model = nn.MLP(2, [16, 16, 1])
    weights = [p.data for p in model.parameters()]
    assert len(weights) == 337
    assert weights[:4] == FIRST_WEIGHTS
    assert weights[-4:] == LAST_WEIGHTS
    assert model([1.0, -2.0]).data == pytest.approx(FIRST_OUTPUT, rel=1e-12)


def test_the_micrograd_training_loop_gives_micrograds_losses():
    random.seed(1337)
    model = nn.MLP(2, [4, 1])
    losses = []
    for _ in range(len(LOSSES)):
        scores = [model(list(map(Value, x))) for x, _ in XOR]
        total = sum((1 + -t * score).relu() for (_, t), score in zip(XOR, scores, strict=True)) * (1.0 / len(XOR))
        total = total + 1e-4 * sum(p * p for p in model.parameters())
        model.zero_grad()
        total.backward()
        for p in model.parameters():
            p.data -= 0.05 * p.grad
        losses.append(total.data)
    assert losses == pytest.approx(LOSSES, rel=1e-12)
    assert losses[-1] < losses[0]


def test_one_value_comes_out_of_one_neuron_and_a_list_of_several():
    x = [1.0, 2.0]
    assert isinstance(nn.Neuron(2)(x), Value)
    assert isinstance(nn.Layer(2, 1)(x), Value)
    assert isinstance(nn.MLP(2, [3, 1])(x), Value)
    assert [type(y) for y in nn.MLP(2, [3, 2])(x)] == [Value, Value]


def test_nonlin_false_is_a_linear_neuron():
    neuron = nn.Neuron(1, nonlin=False)
    neuron.w[0].data = -1.0
    assert neuron([2.0]).data == -2.0
    assert nn.Layer(1, 2, nonlin=False).activation.name == "linear"


def test_parameters_come_neuron_by_neuron_weights_then_bias():
    model = nn.MLP(2, [3, 1])
    expected = [p for layer in model.layers for n in layer.neurons for p in (*n.w, n.b)]
    assert [id(p) for p in model.parameters()] == [id(p) for p in expected]
    assert all(n.b.data == 0.0 for layer in model.layers for n in layer.neurons)


def test_any_other_random_state_is_private_and_repeatable():
    random.seed(7)
    untouched = random.Random(7).random()
    one, two = nn.MLP(2, [2, 1], random_state=3), nn.MLP(2, [2, 1], random_state=random.Random(3))
    assert one.state_dict() == two.state_dict()
    assert random.random() == untouched
