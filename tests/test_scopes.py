"""Scopes: the names of the parts that nodes were made in."""

import threading

import pytest

import nn
from autograd_lite import Value, grad, leaves, modes, no_grad, scope, tanh, topological_order
from autograd_lite.errors import ArgumentError, InputTypeError


def places(root):
    return [str(node.scope) for node in topological_order(root) if not node.is_leaf]


def test_nodes_remember_the_innermost_scope_and_leaves_have_none():
    x, y = leaves(x=1.0, y=2.0)
    with scope("outer") as outer:
        a = x * y
        with scope("inner"):
            b, leaf = a + x, Value(1.0)
        c = b - 1.0
    d = c * 2.0
    assert [str(v.scope) for v in (a, b, c)] == ["outer", "outer/inner", "outer"]
    assert a.scope is outer is b.scope.parent
    assert outer.path == (outer,)
    assert b.scope.path == (outer, b.scope)
    assert x.scope is leaf.scope is d.scope is None
    assert repr(b.scope) == "<scope 'outer/inner'>"


def test_the_path_of_a_scope_leads_from_the_outermost_to_itself():
    with scope("a") as a, scope("b") as b, scope("c") as c, scope("d") as d:
        assert [a.path, b.path, c.path, d.path] == [(a,), (a, b), (a, b, c), (a, b, c, d)]
    assert str(d) == "a/b/c/d"


def test_a_scope_changes_no_number():
    x, y = leaves(x=1.5, y=-2.0)
    f = lambda x, y: (x + y) * (x - y) * x / y - x**2 + tanh(x * y)  # noqa: E731
    plain = f(x, y)
    with scope("f"):
        scoped = f(x, y)
        inside = grad(f)(1.5, -2.0)
    assert scoped.data == plain.data
    assert inside == grad(f)(1.5, -2.0)
    assert {str(v.scope) for v in topological_order(scoped)} == {"None", "f"}


def test_a_scope_ends_with_its_block_even_by_an_error():
    x = Value(1.0)
    with pytest.raises(ZeroDivisionError), scope("broken"):
        x / 0.0
    assert (x * 2.0).scope is None
    with no_grad(), scope("plain"):
        assert (x * x).scope is None  # a result that records nothing is a leaf


def test_threads_have_scopes_of_their_own():
    x, made, entered, leave = Value(1.0), {}, threading.Event(), threading.Event()

    def other():
        with scope("other"):
            entered.set()
            leave.wait()
            made["other"] = x * x

    thread = threading.Thread(target=other)
    thread.start()
    entered.wait()
    with scope("mine"):
        made["mine"] = x * x
    made["none"] = x * x
    leave.set()
    thread.join()
    assert {name: str(v.scope) for name, v in made.items()} == {"other": "other", "mine": "mine", "none": "None"}


def test_generators_may_leave_their_scopes_in_any_order():
    def inside(name):
        with scope(name):
            yield
        yield

    x = Value(1.0)
    one, other = inside("one"), inside("other")
    next(one), next(other)
    assert str((x * x).scope) == "one/other"
    next(one)
    assert str((x * x).scope) == "one/other"  # where it was made, though the outer block has ended
    next(other)
    assert (x * x).scope is None
    with scope("next"):
        assert str((x * x).scope) == "next"
    assert not modes.open_scopes


def test_bad_scopes_are_refused():
    with pytest.raises(InputTypeError, match="a name is needed, got 3 of type int"):
        scope(3)
    with pytest.raises(ArgumentError, match="must not be empty"):
        scope("")
    again = scope("a")
    with again:
        pass
    with pytest.raises(ArgumentError, match=r"entered once.*Write scope\('a'\)"), again:
        pass


def test_layers_neurons_activations_and_losses_name_their_scopes():
    model = nn.Sequential(nn.Layer(2, 2, "tanh"), nn.Linear(2, 2), nn.Softmax())
    loss = nn.cross_entropy_probabilities(model([1.0, -1.0]), 0)
    assert list(dict.fromkeys(places(loss))) == [
        "layer 1/neuron 1",
        "layer 1/neuron 2",
        "layer 2/neuron 1",
        "layer 2/neuron 2",
        "softmax",
        "cross_entropy_probabilities",
    ]
    assert set(places(nn.Neuron(2)([1.0, 2.0]))) == {"neuron"}
    assert set(places(nn.Layer(2, 1)([1.0, 2.0]))) == {"layer/neuron 1"}


def test_a_recorded_pass_has_the_scopes_of_a_plain_one():
    model = nn.MLP(2, [3, 1], "tanh", random_state=0)
    assert places(model.record([1.0, -1.0]).output)[:-1] == places(model([1.0, -1.0]))  # and one identity, named a
