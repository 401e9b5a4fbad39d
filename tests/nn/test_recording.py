"""Recorded passes: names for every number, and both sensitivities after backward."""

from __future__ import annotations

import pytest

import nn
from autograd_lite import Value, gradients
from autograd_lite.errors import ArgumentError


def network():
    return nn.MLP(2, [3, 2], ["tanh", "linear"], random_state=0)


def test_names():
    recording = network().record([1.0, -2.0])
    assert list(recording.values) == [
        "x[1]", "x[2]",
        "z[1][1]", "z[1][2]", "z[1][3]", "a[1][1]", "a[1][2]", "a[1][3]",
        "z[2][1]", "z[2][2]", "a[2][1]", "a[2][2]",
    ]  # fmt: skip
    assert all(recording[name].label == name for name in recording.values)
    assert recording["x[2]"].role == "input"
    with pytest.raises(ArgumentError, match="'z\\[3\\]\\[1\\]' is not one of its names"):
        recording["z[3][1]"]


def test_a_stage_shows_its_numbers():
    model = nn.Sequential(nn.Linear(1, 8, init=lambda *_: 0.123456), nn.ReLU(), nn.Softmax())
    first, second = model.record([-1.0]).layers
    assert repr(first) == (
        "Stage(z=[-0.1235, -0.1235, -0.1235, -0.1235, -0.1235, -0.1235, ...], a=[0, 0, 0, 0, 0, 0, ...])"
    )
    assert repr(second) == "Stage(z=[], a=[0.125, 0.125, 0.125, 0.125, 0.125, 0.125, ...])"


def test_the_pass_is_the_models_own():
    model, x = network(), [1.0, -2.0]
    assert [y.data for y in model.record(x).output] == [y.data for y in model(x)]
    assert nn.Neuron(2, "tanh", random_state=0).record(x).output.data == nn.Neuron(2, "tanh", random_state=0)(x).data


def test_sensitivities_obey_the_chain_rule():
    """∂E/∂zₖ = ∂E/∂aₖ·f′(zₖ), ∂E/∂x = Wᵀ ∂E/∂z, ∂E/∂W = ∂E/∂z xᵀ."""
    model = network()
    recording = model.record([1.0, -2.0])
    nn.cross_entropy(recording.output, 1).backward()
    for layer, stage in zip(model.layers, recording.layers, strict=True):
        assert any(stage.dz)
        for z, a in zip(stage.z, stage.a, strict=True):
            assert z.grad == pytest.approx(a.grad * slope(layer, z.data), rel=1e-14)
        for k, x in enumerate(stage.inputs):
            back = sum(n.w[k].data * dz for n, dz in zip(layer.neurons, stage.dz, strict=True))
            assert x.grad == pytest.approx(back, rel=1e-13)
            for neuron, dz in zip(layer.neurons, stage.dz, strict=True):
                assert neuron.w[k].grad == pytest.approx(dz * x.data, rel=1e-14)


def slope(layer, z):
    x = Value(z)
    y = layer.activation(x)
    return gradients(y, [x])[0]


def test_softmax_cross_entropy_gives_output_minus_target():
    model = nn.Sequential(nn.Linear(2, 3, random_state=0), nn.Softmax())
    recording = model.record([1.0, -2.0])
    assert len(recording.layers) == 1
    nn.cross_entropy_probabilities(recording.output, 1).backward()
    (stage,) = recording.layers
    expected = [o.data - t for o, t in zip(stage.a, [0.0, 1.0, 0.0], strict=True)]
    assert stage.dz == pytest.approx(expected, rel=1e-14)
    assert stage.da == [0.0, pytest.approx(-1.0 / stage.a[1].data), 0.0]


def test_values_may_go_in_and_keep_their_names():
    weight = Value(1.0, "weight of the flower")
    recording = network().record([weight, 2.0])
    assert recording["x[1]"] is weight
    assert weight.label == "weight of the flower"


def test_a_module_of_ones_own_is_a_stage_with_activations_only():
    class Double(nn.Module):
        def __call__(self, x):
            return [2.0 * v for v in x]

    recording = nn.Sequential(nn.Linear(1, 2, random_state=0), Double()).record([1.0])
    first, second = recording.layers
    assert second.z == []
    assert [a.data for a in second.a] == [2.0 * a.data for a in first.a]
    sum(recording.output).backward()
    assert second.da == [1.0, 1.0]
    assert first.da == [2.0, 2.0]


def test_widths_are_checked():
    with pytest.raises(ArgumentError, match="layer 1"):
        network().record([1.0])
