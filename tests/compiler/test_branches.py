"""Python branches on Values: a program notices that Python would go another way, and goes it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_lite as ag
import nn
from autograd_lite import Value, gradients
from autograd_lite.compiler.guards import LEAST
from autograd_lite.compiler.program import WAYS
from autograd_lite.errors import DomainError, InputTypeError

np = pytest.importorskip("numpy")

engines = pytest.mark.parametrize(
    "engine", ["native", *[pytest.param(engine, marks=pytest.mark.full) for engine in ("table", "numpy")]]
)


def check(program, loss, parameters):
    """The program gives what the function gives at these numbers, in value, gradient and `grad`."""
    root = loss()
    expected = gradients(root, parameters)
    value, slopes = program()
    assert value == pytest.approx(root.data, rel=1e-11, abs=1e-11)
    assert slopes.tolist() == pytest.approx(expected, rel=1e-10, abs=1e-10)
    assert [p.grad for p in parameters] == pytest.approx(expected, rel=1e-10, abs=1e-10)


GRID = (-1.0, -0.5, 0.0, 0.1, 0.25, 0.3, 0.5, 1.0)
"""Numbers that meet one another, so that branches are decided by ties, and by the rounding of 0.1 and 0.3."""

QUESTIONS = [
    lambda a, b: a > b,
    lambda a, b: a >= b,
    lambda a, b: a < 0.25,
    lambda a, b: a >= 0.3,
    lambda a, b: not a,
    lambda a, b: max(a, b) is a,
    lambda a, b: sorted([a, b, -a])[1] is b,
    lambda a, b: 3.0 * a > b + 0.0,
    lambda a, b: a * b - b * a > 0.0,
    lambda a, b: (a or b) is a,
]
ANSWERS = [lambda a, b: a * b, lambda a, b: a + 2.0 * b, lambda a, b: ag.sin(a) - b, lambda a, b: a * a * 10.0 - b]


def function(plan, leaves):
    """A function that asks the questions of a plan, and computes with what it was answered."""

    def loss():
        numbers = list(leaves)
        for question, yes, no, i, j in plan:
            a, b = numbers[i % len(numbers)], numbers[-1 - j % len(numbers)]
            numbers.append((ANSWERS[yes] if QUESTIONS[question](a, b) else ANSWERS[no])(a, b))
        return numbers[-1] + 0.5 * numbers[-2]

    return loss


few = st.integers(0, 9)
plans = st.lists(st.tuples(few, st.integers(0, 3), st.integers(0, 3), few, few), min_size=1, max_size=5)
points = st.lists(st.lists(st.sampled_from(GRID), min_size=3, max_size=3), min_size=3, max_size=6)


@engines
@settings(max_examples=settings.default.max_examples // 5)
@given(plans, points)
def test_random_branches_are_taken_as_python_takes_them(engine, plan, points):
    leaves = [Value(x) for x in points[0]]
    loss = function(plan, leaves)
    program = ag.compile(loss, leaves, engine=engine, verify=True)
    for point in points:
        for leaf, x in zip(leaves, point, strict=True):
            leaf.data = x
        check(program, loss, leaves)


@pytest.mark.parametrize("make", [lambda ps: nn.SGD(ps, lr=0.2), lambda ps: nn.Adam(ps, lr=0.2)], ids=["SGD", "Adam"])
@settings(max_examples=settings.default.max_examples // 10)
@given(plan=plans, point=points)
def test_steps_go_the_way_of_python(make, plan, point):
    """One by one or in one call, they cross from way to way as eager steps do."""
    ends = []
    for how in ("eager", "step", "run"):
        leaves = [Value(x) for x in point[0]]
        loss = function(plan, leaves)
        optimizer = make(leaves)
        if how == "eager":
            losses = []
            for _ in range(8):
                optimizer.zero_grad()
                root = loss()
                root.backward()
                optimizer.step()
                losses.append(root.data)
        else:
            program = ag.compile(loss, leaves)
            losses = program.run(optimizer, 8) if how == "run" else [program.step(optimizer) for _ in range(8)]
        assert optimizer.steps == 8
        ends.append([*losses, *[p.data for p in leaves]])
    # What rounding moves, a branch may blow up: the two compiled runs are the same to the bit.
    assert ends[1] == ends[2]
    assert ends[1] == pytest.approx(ends[0], rel=1e-9, abs=1e-9)


def loss_of_a_walk(w):
    """Goes down a staircase: another way on each step of it."""

    def loss():
        steps = 0
        while w > float(steps):
            steps += 1
        return w * float(steps + 1)

    return loss


def test_ways_are_compiled_once_and_found_again():
    w = Value(2.5)
    program = ag.compile(loss_of_a_walk(w), [w])
    for x in (2.5, 0.5, 1.5, 2.6, 0.1, -3.0, 2.5):
        w.data = x
        check(program, loss_of_a_walk(w), [w])
    assert program.engine == "native"
    text = str(program)
    assert "note: 4 of Python's comparisons are checked in every call: line " in text
    assert text.count("note: recorded again, way ") == 3


def test_too_many_ways_end_eagerly():
    w = Value(WAYS + 3.5)
    program = ag.compile(loss_of_a_walk(w), [w])
    losses = program.run(nn.SGD([w], lr=0.05), 60)
    assert program.engine == "eager"
    assert f"note: eager: more than {WAYS} ways through the Python branches of the function" in str(program)
    assert losses[0] == (WAYS + 3.5) * (WAYS + 5)
    check(program, loss_of_a_walk(w), [w])


def test_where_rounding_decides_python_is_asked():
    """0.1·10 - 1 is 0 in Python, and more than 0 where it is rounded once."""
    w = Value(0.1)
    program = ag.compile(lambda: w if w * 10.0 - 1.0 > 0.0 else 2.0 * w, [w])
    for number, value in ((0.1, 0.2), (0.1000001, 0.1000001), (0.1, 0.2)):
        w.data = number
        assert program()[0] == value
    assert program.step(nn.SGD([w], lr=0.0)) == 0.2


def test_leaves_are_compared_to_the_bit(monkeypatch):
    x = Value(0.0)
    program = ag.compile(lambda: x + 1.0 if x > 0.0 else x - 1.0, [x])
    program()
    x.data = 1.0
    program()
    monkeypatch.setattr(program.source, "record", None)
    for number in (0.0, LEAST, -LEAST, 0.0, -0.0, 1.0):
        x.data = number
        assert program()[0] == (number + 1.0 if number > 0.0 else number - 1.0)


def test_inputs_turn_branches_too():
    x, w = Value(1.0), Value(2.0)
    program = ag.compile(lambda: w * x if x > 0.0 else w - x, [w], inputs=[x])
    assert [program(number)[0] for number in (3.0, -3.0, 0.0, 0.5)] == [6.0, 5.0, 2.0, 1.0]
    values = ag.compile(lambda: [max(w, x), min(w, x)], inputs=[w, x])
    assert values(1.0, 5.0).tolist() == [5.0, 1.0]
    assert values(5.0, 1.0).tolist() == [5.0, 1.0]


def test_forward_mode_branches_too():
    """A dual number compares its Value, which the guard must see."""
    w = Value(2.0)

    def loss():
        _, rate = ag.jvp(lambda x: x * x * x if x > 1.0 else x, [w], [1.0])
        return rate * w

    program = ag.compile(loss, [w])
    for x in (2.0, 0.5, 3.0):
        w.data = x
        check(program, loss, [w])


def test_an_error_on_another_way_is_the_eager_one():
    w = Value(1.0, label="w")
    program = ag.compile(lambda: w if w > 0.0 else ag.log(w), [w])
    w.data = -1.0
    with pytest.raises(DomainError, match=r"log: operand must lie in \(0, inf\), got -1.0 at node 'w'"):
        program()
    w.data = 3.0
    assert program()[0] == 3.0


def test_no_grad_inside_would_be_a_constant():
    w = Value(1.0)

    def loss():
        with ag.no_grad():
            size = w * 2.0
        return w * size

    with pytest.raises(InputTypeError, match=r"compile: no_grad may not be used inside the function, got a result"):
        ag.compile(loss, [w])


def test_clipping_written_with_branches_over_samples():
    """The largest output of every sample, by max(): samples stay a batch, whichever it is in each."""
    r = random.Random(0)
    w = [[Value(r.uniform(-1, 1)) for _ in range(3)] for _ in range(4)]
    data = [[r.uniform(-1, 1) for _ in range(3)] for _ in range(12)]
    flat = [p for row in w for p in row]

    def loss():
        losses = []
        for k, x in enumerate(data):
            zs = [ag.dot(row, x) for row in w]
            top = max(zs)
            losses.append(ag.log(ag.sum([ag.exp(z - top) for z in zs])) + top - zs[k % 4])
        return sum(losses) / float(len(losses))

    program = ag.compile(loss, flat, verify=True)
    assert [len(samples) for samples in program.lowered.samples.values()] == [12]
    for p in flat:
        p.data += r.uniform(-0.1, 0.1)
    check(program, loss, flat)
