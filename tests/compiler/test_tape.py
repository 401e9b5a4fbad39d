"""The tape: what is on it, in which order, and what is left out."""

from __future__ import annotations

import gc
import math
import threading

import pytest

import autograd_lite as ag
from autograd_lite import Value, gradients

np = pytest.importorskip("numpy")

from autograd_lite.compiler.tape import record, watching  # noqa: E402 (numpy may be missing)


def lines(tape):
    """The operations as text: row and operands, c0 a constant, p0 a parameter, i0 an input, 0 a result."""
    kinds = ["c"] * len(tape.constants) + ["p"] * tape.parameters + ["i"] * tape.inputs
    names = [f"{kind}{kinds[:k].count(kind)}" for k, kind in enumerate(kinds)] + [str(k) for k in range(len(tape.code))]
    return [
        " ".join([tape.names[code], *[names[operand] for operand in tape.operand[tape.first[k] : tape.first[k + 1]]]])
        for k, code in enumerate(tape.code)
    ], [names[root] for root in tape.roots]


def test_operations_in_the_order_of_the_program():
    w, x, other = Value(2.0), Value(3.0), Value(0.5)
    with watching() as made:
        late = w * x
        early = ag.sin(x) + 0.5
        root = ag.sum([early, late, 1.0]) - other
    tape = record([root, w, other], [w], [x], made)
    found = ["mul p0 i0", "sin i0", "add 1 c0", "sum 2 0 c1", "sub 3 c0"]
    assert lines(tape) == (found, ["4", "p0", "c0"])
    assert tape.constants.tolist() == [0.5, 1.0]  # a number and a leaf that is none of the given: by their bits
    assert [node.primitive.name for node in tape.nodes] == ["mul", "sin", "add", "sum", "sub"]
    assert lines(record([root], [w], [x])) == (["sin i0", "add 0 c0", "mul p0 i0", "sum 1 2 c1", "sub 3 c0"], ["4"])


def test_what_no_root_depends_on_is_left_out():
    w = Value(2.0)
    with watching() as made:
        unused = ag.sin(w)
        for _ in range(50):
            unused = ag.tanh(unused) + w
        root = w * w
        _ = root + unused
    assert lines(record([root], [w], [], made)) == (["mul p0 p0"], ["0"])


def test_results_that_were_there_before_come_first():
    w = Value(2.0)
    old = ag.exp(w) * 3.0
    older = ag.cos(w)
    with watching() as made:
        root = w + old
        root = root * older
    assert lines(record([root, older], [w], [], made)) == (
        ["exp p0", "mul 0 c0", "cos p0", "add p0 1", "mul 3 2"],
        ["4", "2"],
    )


def test_a_sum_over_many_is_one_operation_and_a_root_may_be_a_number():
    ws = [Value(float(k)) for k in range(1000)]
    with watching() as made:
        root = ag.sum(ws)
    tape = record([root, Value(7.0)], ws, [], made)
    assert len(tape.code) == 1
    assert tape.operand.tolist() == list(range(1, 1001))
    assert tape.constants[tape.roots[1]] == 7.0


def test_other_threads_are_not_recorded():
    """They compute, compare and read as ever while a function is recorded."""
    w, seen = Value(2.0), []

    def other():
        v = Value(1.0)
        seen.append((v * 3.0 > 2.0, (v * 3.0).data))

    def loss():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        return w * w

    program = ag.compile(loss, [w])
    assert seen == [(True, 3.0)]
    assert program.lowered.guard is None
    assert program.lowered.recorded == 1


def test_everything_is_as_before_afterwards():
    w = Value(3.0)
    before = {name: vars(Value)[name] for name in ("apply", "__add__", "__lt__", "__bool__", "data")}
    running = []

    def loss():
        running.append(gc.isenabled())
        ag.compile(lambda: w + 1.0, [w])
        return w * (1 / 0)

    with pytest.raises(ZeroDivisionError):
        ag.compile(loss, [w])
    assert running == [False]
    assert {name: vars(Value)[name] for name in before} == before
    assert gc.isenabled()
    assert gradients(w * w + w, [w]) == [7.0]
    assert math.isclose((w * w).data, 9.0)
