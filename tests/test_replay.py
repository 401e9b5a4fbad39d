"""forward() where an operation has no value at the new point."""

import math

import pytest

from autograd_lite import Value, cross_entropy, greater, log, sum, where
from autograd_lite.errors import DomainError, StaleGraphError


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
