"""Module: parameters, names, state, and classes of one's own."""

from __future__ import annotations

import ast
import copy
import pickle
import re

import numpy as np
import pytest

import nn
from autograd_lite import Value
from autograd_lite.errors import ArgumentError, AutogradError, InputTypeError
from nn.module import ELSEWHERE


class Scale(nn.Module):
    def __init__(self):
        self.factor = Value(2.0)
        self.shared = self.factor
        self.offsets = {"low": Value(-1.0), "high": (Value(1.0),)}
        self.fixed = Value(5.0, role="constant")
        self.last = self.factor * 3.0

    def __call__(self, x):
        return [self.factor * v for v in x]


class Micrograd(nn.Module):
    """A class in micrograd's style: it says its parameters itself."""

    def __init__(self):
        self.a, self.b = Value(1.0), Value(2.0)

    def parameters(self):
        return [self.b, Value(3.0)]


def test_parameters_are_found_once_in_order_without_constants_and_results():
    assert [path for path, _ in Scale().named_parameters()] == ["factor", "offsets.low", "offsets.high.0"]
    assert [p.data for p in Scale().parameters()] == [2.0, -1.0, 1.0]


def test_names_follow_parameters_where_a_class_says_them_itself():
    assert [(path, p.data) for path, p in Micrograd().named_parameters()] == [("b", 2.0), ("parameters.1", 3.0)]


def test_a_module_that_holds_itself_is_walked_once():
    module = Scale()
    module.me = [module]
    assert len(module.parameters()) == 3


def test_names_are_different_and_the_state_goes_round():
    one, two = nn.MLP(2, [3, 2], random_state=0), nn.MLP(2, [3, 2], random_state=1)
    state = one.state_dict()
    assert len(state) == len(one.parameters()) == 17
    assert two.state_dict() != state
    two.load_state_dict(state)
    assert two.state_dict() == state
    assert [y.data for y in two([1.0, 2.0])] == [y.data for y in one([1.0, 2.0])]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda s: s.pop("b"), ArgumentError, "1 missing ('b' first)"),
        (lambda s: s.update(c=1.0), ArgumentError, "1 unknown ('c' first)"),
        (lambda s: s.update(b="1"), InputTypeError, "'1'"),
    ],
)
def test_a_wrong_state_changes_nothing(change, error, words):
    neuron = nn.Neuron(2, random_state=0)
    before = neuron.state_dict()
    state = {path: number + 1.0 for path, number in before.items()}
    change(state)
    with pytest.raises(error) as caught:
        neuron.load_state_dict(state)
    assert words in str(caught.value)
    assert neuron.state_dict() == before


def test_a_state_must_be_a_dict():
    with pytest.raises(InputTypeError, match="load_state_dict: the state must be a dict, got 3 of type int"):
        nn.Neuron(2).load_state_dict(3)


def test_zero_grad():
    model = nn.MLP(2, [2, 1], "tanh", random_state=0)
    model([1.0, 2.0]).backward()
    assert any(p.grad for p in model.parameters())
    model.zero_grad()
    assert not any(p.grad for p in model.parameters())


def test_models_can_be_copied_and_pickled():
    model = nn.MLP(2, [3, 1], "gelu", random_state=0)
    X, y = nn.data.xor()  # noqa: N806
    nn.fit(model, X, y, loss="bce_logits", epochs=1)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin.state_dict() == model.state_dict()
        assert twin.loss is nn.bce_logits
        twin.parameters()[0].data += 1.0
        assert twin.state_dict() != model.state_dict()


def test_a_module_of_ones_own_stands_in_a_sequence_and_is_evaluated_without_a_graph():
    model = nn.Sequential(nn.Linear(2, 2, random_state=0), Scale(), nn.Linear(2, 1, random_state=1))
    x = [1.0, -1.0]
    assert model.evaluate([x]) == [[model(x).data]]
    assert model.evaluate(np.array([x, x])).tolist() == [[model(x).data]] * 2
    assert len(model.parameters()) == 6 + 3 + 3


def test_call_must_be_written():
    with pytest.raises(NotImplementedError, match="__call__"):
        nn.Module()([1.0])


def test_what_other_libraries_have_is_refused_with_what_to_write_here():
    model = nn.MLP(2, [1])
    for name in ELSEWHERE:
        assert not hasattr(model, name)
        with pytest.raises(AttributeError, match=rf"'MLP' object has no attribute '{name}'. (Leave it out|Write )"):
            getattr(model, name)
    with pytest.raises(AttributeError, match=r"no attribute 'wieghts'$") as caught:
        model.wieghts  # noqa: B018
    assert caught.value.obj is model, "for the suggestions of Python's own"
    with pytest.raises(AttributeError, match=r"functions here: nn\.cross_entropy\(output, target\)"):
        nn.CrossEntropyLoss  # noqa: B018
    with pytest.raises(AttributeError, match=r"module 'nn' has no attribute 'softmax'\. It is autograd_lite\.softmax$"):
        nn.softmax  # noqa: B018
    with pytest.raises(AttributeError, match=r"'LeakyReLU'\. Write nn\.Activation\('leaky_relu'\)$"):
        nn.LeakyReLU  # noqa: B018
    with pytest.raises(AttributeError, match=r"module 'nn' has no attribute 'Dropout'$"):
        nn.Dropout  # noqa: B018


def test_what_to_write_instead_is_there():
    for name, words in nn._ELSEWHERE.items():
        assert not hasattr(nn, name)
        for call in re.findall(r"nn\.(\w+)\(", words):
            assert hasattr(nn, call), words
        for function in re.findall(r"Activation\((.*)\)", words):
            assert nn.Activation(ast.literal_eval(function)).describe() == f"Activation({function})"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nn.MLP(2, [2, 1], "tahn"), "got 'tahn'. Did you mean 'tanh'?"),
        (lambda: nn.MLP(2, [2, 1], "sofplus"), "Did you mean 'softplus'?"),
        (lambda: nn.Sequential([nn.Linear(2, 1)]), "got a list. Write Sequential(*layers)."),
        (lambda: nn.Sequential(nn.Linear(2, 1), nn.Tanh), "got the class Tanh. Write Tanh(...)."),
        (lambda: nn.Sequential(nn.Linear(2, 1), "tanh"), "got 'tanh' of type str. Wrap a function in nn.Activation"),
        (lambda: nn.fit(nn.MLP(2, [2]), [[0, 1]], [0], loss="crossentropy"), "Did you mean 'cross_entropy'?"),
        (lambda: nn.fit(nn.MLP(2, [2]), [[0, 1]], [0], loss="xyz"), "got 'xyz'. Write loss='mse', say."),
        (lambda: nn.fit(nn.MLP(2, [2]), [[0, 1]], [0.0], loss="cross_entropy"), "got 0.0 of type float. Write 0, 1"),
        (lambda: nn.fit(nn.MLP(2, [1]), [[0, 1]], [0], loss=lambda o, t: o.data - t), "not from its .data."),
    ],
)
def test_errors_say_what_to_write(call, words):
    with pytest.raises(AutogradError) as caught:
        call()
    assert words in str(caught.value)


def test_an_optimizer_says_what_it_moves():
    assert repr(nn.SGD(nn.MLP(2, [1]).parameters(), lr=0.1)) == "SGD(3 parameters, lr=0.1)"
