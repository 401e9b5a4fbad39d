"""forward(): what a root remembers of a replay, and operations that have no value at the new point."""

import gc
import math
import tracemalloc

import pytest

from autograd_lite import Value, cross_entropy, greater, log, sum, topological_order, where
from autograd_lite.errors import DomainError, StaleGraphError
from autograd_lite.graph import remember_below


def test_only_the_root_replayed_last_remembers_its_order():
    x, w = Value(2.0), Value(-1.0)
    y = x * w + 1.0
    z = y * y + x
    order = topological_order(y)
    below = remember_below(y)
    assert [*below, y] == topological_order(y) == order
    assert remember_below(y) is below
    remember_below(z)
    assert remember_below(y) is not below
    assert remember_below(y) == below


def test_a_remembered_order_gives_the_bits_of_a_walk():
    x, w = Value(0.3), Value(-1.7)
    y = (x * w - x.exp()) * sum([x, w, 2.0 * x]) + w
    twin = (x * w - x.exp()) * sum([x, w, 2.0 * x]) + w
    for number in (0.7, -0.2, 1.1):
        x.data = number
        assert y.forward() == twin.forward() == y.forward()
        for root in (y, twin, y):
            root.zero_grad()
            assert x.grad == w.grad == 0.0
            root.backward()
        gradient = x.grad
        twin.zero_grad()
        twin.backward()
        assert gradient == x.grad


def test_a_root_that_was_replayed_is_freed_with_all_below_it():
    x = Value(1.0)
    gc.disable()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(2):
            y = x
            for _ in range(2000):
                y = y * 0.5 + x
            y.forward()
            y.forward()
            assert tracemalloc.get_traced_memory()[0] - before > 300_000
            del y
            assert tracemalloc.get_traced_memory()[0] - before < 10_000
    finally:
        tracemalloc.stop()
        gc.enable()


def test_a_branch_that_where_does_not_take_at_a_replay_raises_nothing_and_gets_no_gradient():
    x = Value(2.0, label="x")
    y = where(greater(x, 0.0), log(x), x * 3.0)
    x.data = -1.0
    assert y.forward() == -3.0
    y.backward()
    assert x.grad == 3.0
    x.data = 2.0
    assert y.forward() == math.log(2.0)


def test_a_branch_that_is_taken_at_a_replay_raises_and_leaves_the_graph_stale():
    x = Value(2.0, label="x")
    y = where(greater(x, -5.0), log(x), 0.0) + x
    x.data = -1.0
    with pytest.raises(DomainError, match=r"log: .*node 'x'"):
        y.forward()
    with pytest.raises(StaleGraphError):
        y.backward()
    x.data = 3.0
    assert y.forward() == math.log(3.0) + 3.0
    y.backward()
    assert x.grad == 1 / 3 + 1.0


@pytest.mark.parametrize(
    "f",
    [lambda x: 2.0 + log(x), lambda x: x * log(x), lambda x: where(greater(x, 3.0), 1.0, log(x))],
    ids=["a constant", "a node met before", "a branch not taken"],
)
def test_a_failure_is_raised_whatever_stands_before_it(f):
    x = Value(1.0)
    y = f(x)
    x.data = -1.0
    with pytest.raises(DomainError, match="log"):
        y.forward()


@pytest.mark.parametrize(
    "f", [lambda x: x * 2.0, lambda x: x * x, log, lambda x: sum([x, x, x])], ids=["constant", "two", "one", "many"]
)
@pytest.mark.parametrize("younger", [False, True])
def test_a_replay_in_which_nothing_changed_makes_no_user_stale(f, younger):
    x, other = Value(2.0), Value(0.0)
    if younger:
        other.data = 1.0  # nodes made from here on are younger than x
    y = f(x)
    z = y * 3.0
    y.forward()
    z.backward()
    assert y.grad == 3.0


def test_every_failure_of_a_replay_leaves_its_node_stale():
    x, y = Value(2.0), Value(2.0)
    first, second = log(x), log(y)
    total = first + second
    x.data, y.data = -1.0, -1.0
    with pytest.raises(DomainError):
        total.forward()
    for root in (first, second, total):
        with pytest.raises(StaleGraphError):
            root.backward()


def test_the_loss_of_a_single_class_is_a_node_with_gradient_zero():
    z = Value(2.0)
    loss = cross_entropy([z], 0)
    loss.backward()
    assert (loss.data, z.grad) == (0.0, 0.0)
    assert cross_entropy([2.0], 0) == 0.0
