"""What stands together in a picture, and what is inside of an operation."""

import math

import pytest

import nn
from autograd_lite import (
    Value,
    leaves,
    logsumexp,
    mean,
    no_grad,
    scope,
    sigmoid,
    silu,
    softplus,
    tanh,
    topological_order,
)
from autograd_lite.errors import ArgumentError
from autograd_lite.render.folding import grouped
from autograd_lite.render.opening import DEFINITIONS, spelled_out


def groups_of(root, *, sums=True, depth=None, opened=()):
    found = grouped(topological_order(root), sums=sums, depth=depth, opened=opened)
    return list(dict.fromkeys(found.values()))


def names(nodes):
    return [node if node.__class__ is float else node.label or node.primitive.name for node in nodes]


def closed(groups):
    return [str(group.scope) for group in groups if group.scope]


def test_a_chain_of_additions_from_three_terms_on_is_one_sum():
    a, b, c, d = leaves(a=1.0, b=2.0, c=3.0, d=4.0)
    root = a + (b + 2.0 + c) + d
    group = next(group for group in groups_of(root) if root in group.nodes)
    assert names(group.operands) == ["a", "b", 2.0, "c", "d"]
    assert len(group.nodes) == 4
    assert group.outputs == [group.nodes[-1]]
    assert len(groups_of(a + b)) == 3
    assert [len(group.nodes) for group in groups_of(a + b + c, sums=False)] == [1] * 5


def test_a_sum_ends_where_a_part_has_a_name_or_another_user_or_another_frame():
    a, b, c = leaves(a=1.0, b=2.0, c=3.0)
    named = (a + b).named("ab")
    assert len(groups_of(named + c)) == 5
    shared = a + b
    assert all(len(group.nodes) == 1 for group in groups_of((shared + c) * shared))
    with scope("s"):
        inside = a + b
    assert all(len(group.nodes) == 1 for group in groups_of(inside + c + c.exp())[:3])
    assert len(groups_of(a + a + a)) == 2


def test_a_long_chain_needs_no_stack():
    x = total = Value(1.0)
    for _ in range(5000):
        total = total + x
    assert [len(group.nodes) for group in groups_of(total)] == [1, 5000]


def network(x=(1.0, -1.0), widths=(3, 1)):
    model = nn.MLP(2, widths, "tanh", random_state=0)
    inputs = [Value(number, f"x{k}", "input") for k, number in enumerate(x, 1)]
    return nn.squared_error(model(inputs), 1.0)


def test_scopes_are_closed_to_the_depth_asked_for():
    root = network()
    assert closed(groups_of(root, depth=0)) == ["layer 1", "layer 2", "squared_error"]
    assert closed(groups_of(root, depth=1)) == [*(f"layer 1/neuron {k}" for k in (1, 2, 3)), "layer 2/neuron 1"]
    assert closed(groups_of(root, depth=2)) == []


def test_a_closed_scope_holds_its_parameters_and_not_the_inputs():
    first, *_ = [group for group in groups_of(network(), depth=1) if group.scope]
    assert names(first.operands) == ["x1", "x2"]
    assert names(node for node in first.nodes if node.is_leaf) == ["w[1][1][1]", "w[1][2][1]", "b[1][1]"]
    assert names(first.outputs) == ["tanh"]
    layer, *_ = [group for group in groups_of(network(), depth=0) if group.scope]
    assert names(layer.outputs) == ["tanh"] * 3


def test_a_parameter_that_two_scopes_share_stands_outside_of_both():
    w = Value(2.0, "w", "parameter")
    with scope("both"):
        with scope("one"):
            a = w * 3.0
        with scope("other"):
            b = w * 4.0
        c = a * b
    found = {group.nodes[0]: [s.name for s in group.path] for group in groups_of(c)}
    assert found == {w: ["both"], a: ["both", "one"], b: ["both", "other"], c: ["both"]}


@pytest.mark.parametrize(
    ("widths", "expected"),
    [
        ((3, 1), []),
        ((8, 1), [*(f"layer 1/neuron {k}" for k in range(1, 9)), "layer 2/neuron 1", "squared_error"]),
        ((16, 16, 1), ["layer 1", "layer 2", "layer 3", "squared_error"]),
    ],
)
def test_neurons_are_closed_above_60_values_and_layers_above_400(widths, expected):
    assert closed(groups_of(network(widths=widths))) == expected


def test_layers_are_closed_too_where_more_than_60_gates_would_remain():
    model = nn.MLP(2, [4, 1], "tanh", random_state=0)
    few, many = (mean([nn.squared_error(model([k / 7, k / 5]), 1.0) for k in range(n)]) for n in (4, 9))
    assert {path.count("/") for path in closed(groups_of(few)) if "layer" in path} == {1}
    assert closed(groups_of(many))[:3] == ["layer 1", "layer 2", "squared_error"]
    opened = closed(groups_of(many, opened=["layer 1"]))
    assert "layer 1/neuron 4" in opened
    assert "layer 2" in opened


def test_one_path_is_opened_on_request():
    root = network(widths=(16, 16, 1))
    opened = closed(groups_of(root, opened=["layer 2"]))
    assert opened == ["layer 1", *(f"layer 2/neuron {k}" for k in range(1, 17)), "layer 3", "squared_error"]
    opened = closed(groups_of(root, opened=["layer 2/neuron 3"]))
    assert "layer 2/neuron 3" not in opened
    assert "layer 2/neuron 4" in opened
    with pytest.raises(ArgumentError, match=r"must name a scope of the graph, or .*got 'layer 9'.*'layer 1'"):
        groups_of(root, opened=["layer 9"])


def test_scopes_that_two_threads_left_crosswise_are_not_closed():
    """Made by hand: a scope that was left and entered again, so that a path goes out of it and back."""
    x = Value(1.0)
    with scope("s") as s:
        a = x * 2.0
    b = a * 3.0
    c = b * 4.0
    c._notes = s
    assert closed(groups_of(c, depth=0)) == []
    assert all(not group.path for group in groups_of(c))


@pytest.mark.parametrize("x", [-2.0, 0.0, 0.7, 3.0])
@pytest.mark.parametrize("function", [sigmoid, silu, tanh, softplus])
def test_an_operation_spelled_out_has_the_same_value_and_slope(function, x):
    leaf = Value(x, "x")
    whole = function(leaf).named("y")
    opened = spelled_out(whole, [function.name])
    assert opened.label == "y"
    assert math.isclose(opened.data, whole.data, rel_tol=1e-14, abs_tol=1e-16)
    slopes = []
    for root in (whole, opened):
        leaf.grad = 0.0
        root.backward()
        slopes.append(leaf.grad)
    assert math.isclose(*slopes, rel_tol=1e-14)
    assert function.name not in {node.primitive.name for node in topological_order(opened) if not node.is_leaf}


def test_what_is_spelled_out_stands_in_a_scope_of_its_own():
    x, y = leaves(x=0.5, y=-1.0)
    with scope("outer"):
        root = (sigmoid(x * y) + logsumexp(x, y)).named("f")
    opened = spelled_out(root, ["sigmoid", "logsumexp"])
    places = {node.primitive.name: str(node.scope) for node in topological_order(opened) if not node.is_leaf}
    assert places["div"] == "outer/sigmoid σ"
    assert places["sum"].startswith("outer/logsumexp")
    assert (str(opened.scope), opened.label) == ("outer", "f")
    assert spelled_out(x * y, ["sigmoid"]).operands == (x, y)


def test_an_operation_whose_definition_overflows_stays_whole():
    with no_grad():
        x = Value(-1000.0)
    assert spelled_out(sigmoid(x), ["sigmoid"]).primitive is sigmoid
    with no_grad():  # a picture may be asked for anywhere
        root = spelled_out(Value(1.0), ["sigmoid"])
    assert root.is_leaf
    assert set(DEFINITIONS) >= {"sigmoid", "tanh"}


def test_of_several_scopes_with_the_same_path_one_is_opened_by_its_number():
    model = nn.MLP(2, [2, 1], "tanh", random_state=0)
    losses = [nn.squared_error(model([float(k), 1.0]), 0.0) for k in range(3)]
    root = losses[0] + losses[1] + losses[2]
    found = groups_of(root, depth=0, opened=["layer 1 #2"])
    assert [group.name for group in found if group.scope and group.scope.name == "layer 1"] == [
        "layer 1 #1",
        "layer 1 #3",
    ]
    assert sum(bool(group.path) for group in found) == 2  # its two neurons
    assert "layer 1" not in [group.scope.name for group in groups_of(root, depth=0, opened=["layer 1"]) if group.scope]
    with pytest.raises(ArgumentError, match=r"got 'layer 1 #4'.*'layer 1 #1', .*'layer 1 #2'"):
        groups_of(root, depth=0, opened=["layer 1 #4"])
