"""Optimisers: the paths PyTorch takes, and schedules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autograd_lite import Value
from autograd_lite.errors import ArgumentError, InputTypeError
from nn import MLP, SGD, Adam, cosine_decay, exponential_decay, linear_decay

PATHS = json.loads((Path(__file__).parent / "pytorch.json").read_text())["optimizers"]
MAKERS = {
    "SGD(lr=0.01)": lambda p: SGD(p, lr=0.01),
    "SGD(lr=0.003, momentum=0.9)": lambda p: SGD(p, lr=0.003, momentum=0.9),
    "SGD(lr=0.003, momentum=0.9, nesterov=True)": lambda p: SGD(p, lr=0.003, momentum=0.9, nesterov=True),
    "SGD(lr=0.003, momentum=0.5, weight_decay=0.1)": lambda p: SGD(p, lr=0.003, momentum=0.5, weight_decay=0.1),
    "Adam(lr=0.1)": lambda p: Adam(p, lr=0.1),
    "Adam(lr=0.05, betas=(0.8, 0.9), eps=0.001, weight_decay=0.2)": lambda p: Adam(
        p, lr=0.05, betas=(0.8, 0.9), eps=0.001, weight_decay=0.2
    ),
}


def path_of(make, steps):
    """Walk down Rosenbrock's valley, as the reference did."""
    a, b = parameters = [Value(-1.5), Value(2.0)]
    optimizer = make(parameters)
    path = []
    for _ in range(steps):
        optimizer.zero_grad()
        ((1 - a) ** 2 + 10 * (b - a**2) ** 2).backward()
        optimizer.step()
        path.append([a.data, b.data])
    return path


def test_every_reference_path_is_walked():
    assert set(MAKERS) == set(PATHS)


@pytest.mark.parametrize("name", PATHS)
def test_paths_are_those_of_pytorch(name):
    expected = PATHS[name]
    got = path_of(MAKERS[name], len(expected))
    for here, there in zip(got, expected, strict=True):
        assert here == pytest.approx(there, rel=1e-11)


def test_the_paths_tell_the_optimisers_apart():
    ends = {name: tuple(path[-1]) for name, path in PATHS.items()}
    assert len(set(ends.values())) == len(ends)


def test_a_schedule_is_a_function_of_the_steps_taken():
    seen = []

    def schedule(step):
        seen.append(step)
        return 0.5**step

    p = Value(0.0)
    optimizer = SGD([p], lr=schedule)
    for _ in range(3):
        p.grad = 1.0
        optimizer.step()
    assert seen == [0, 1, 2]
    assert p.data == -1.75
    assert optimizer.lr == 0.125


def test_schedules_begin_and_end_where_they_say():
    for lr in (linear_decay(0.3, 0.1, 7), cosine_decay(0.3, 0.1, 7)):
        rates = [lr(k) for k in range(9)]
        assert rates[0] == pytest.approx(0.3, rel=1e-15)
        assert rates[7:] == pytest.approx([0.1, 0.1], rel=1e-15)
        assert rates == sorted(rates, reverse=True)
    assert [exponential_decay(8.0, 0.5, every=2)(k) for k in range(5)] == [8.0, 8.0, 4.0, 4.0, 2.0]


def test_a_parameter_given_twice_moves_once():
    p = Value(1.0)
    p.grad = 1.0
    SGD([p, p], lr=0.5).step()
    assert p.data == 0.5


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_step_is_made_whole_or_not_at_all(make, monkeypatch):
    """Ctrl-C between two parameters leaves all of them, and the optimiser's memory, as before the step."""

    def a_step(interrupted):
        parameters = [Value(1.0), Value(2.0), Value(3.0)]
        optimizer = make(parameters)
        written = []

        class Interrupting(Value):
            __slots__ = ()

            @property
            def data(self):
                return Value.data.fget(self)

            @data.setter
            def data(self, number):
                written.append(number)
                Value.data.fset(self, number)
                if len(written) == 1 and interrupted:
                    raise KeyboardInterrupt

        trap = Interrupting(2.0)
        optimizer.parameters[1] = parameters[1] = trap
        for k, parameter in enumerate(parameters):
            parameter.grad = 1.0 + k
        if interrupted:
            before = {name: thing for name, thing in vars(optimizer).items() if name != "parameters"}
            with pytest.raises(KeyboardInterrupt):
                optimizer.step()
            assert [p.data for p in parameters] == [1.0, 2.0, 3.0]
            assert {name: thing for name, thing in vars(optimizer).items() if name != "parameters"} == before
        optimizer.step()
        return [p.data for p in parameters]

    assert a_step(interrupted=True) == a_step(interrupted=False) != [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: SGD([], lr=0.1), ArgumentError, "model.parameters()"),
        (lambda: SGD(MLP(1, [1]), lr=0.1), InputTypeError, "got MLP. Pass model.parameters()"),
        (lambda: SGD([1.0], lr=0.1), InputTypeError, "leaves"),
        (lambda: SGD([Value(1.0) * 2.0], lr=0.1), InputTypeError, "leaves"),
        (lambda: SGD([Value(1.0)], lr=-0.1), ArgumentError, "lr"),
        (lambda: SGD([Value(1.0)], lr=float("nan")), ArgumentError, "finite"),
        (lambda: SGD([Value(1.0)], lr=0.1, nesterov=True), ArgumentError, "momentum"),
        (lambda: SGD([Value(1.0)], lr=lambda step: float("inf")).step(), ArgumentError, "finite"),
        (lambda: Adam([Value(1.0)], betas=(0.9, 1.0)), ArgumentError, "betas"),
        (lambda: Adam([Value(1.0)], betas=0.9), InputTypeError, "betas must be a pair of numbers"),
        (lambda: Adam([Value(1.0)], betas=("a", 0.9)), InputTypeError, "Adam: betas: a real number is needed"),
        (lambda: SGD(MLP(1, [1])), InputTypeError, "Pass model.parameters()"),
        (lambda: SGD([Value(1.0)]), InputTypeError, "SGD: lr must be given, got none. Pass lr=0.1"),
        (lambda: SGD([Value(1.0)], lr="0.1"), InputTypeError, "SGD: lr: a real number is needed, got '0.1'"),
        (lambda: SGD([Value(1.0)], lr=lambda step: None).step(), InputTypeError, "SGD: lr: a real number"),
        (lambda: SGD(MLP(1, [1]).named_parameters(), lr=0.1), InputTypeError, "Pass model.parameters()"),
        (lambda: linear_decay(1.0, 0.1, 0), ArgumentError, "linear_decay: steps must be at least 1, got 0"),
        (lambda: cosine_decay(1.0, 0.1, -1), ArgumentError, "cosine_decay: steps must be at least 1, got -1"),
        (lambda: exponential_decay(1.0, 0.5, 0), ArgumentError, "exponential_decay: every must be at least 1"),
    ],
)
def test_errors(make, error, words):
    with pytest.raises(error) as caught:
        make()
    assert words in str(caught.value)
