"""`first_nonfinite`: the operation that first gave nan or inf, held to a walk over every step."""

import io
import math
from math import inf, isfinite, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_lite as ag
from autograd_lite import NonFinite, Value, exp, first_nonfinite, gradients, leaves, log, sqrt, steps, topological_order
from autograd_lite.errors import InputTypeError, StaleGraphError

MOVES = {
    "grow": lambda a, b: a * 1e120,
    "shrink": lambda a, b: a * 1e-120,
    "mul": lambda a, b: a * b,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "div": lambda a, b: ag.div.quiet(a, b),
    "sqrt": lambda a, b: sqrt.quiet(a),
    "log": lambda a, b: log.quiet(a),
}


SMALL = ["grow", "grow", "grow", "mul", "add"]  # on zeros: the values stay finite, the slopes do not


@given(
    st.one_of(
        st.tuples(st.sampled_from([(0.0, 1.0), (1e150, -1e300), (-0.0, -2.0)]), st.just([*MOVES])),
        st.tuples(st.sampled_from([(0.0, 0.0), (0.0, 1e-300), (1e-308, -1e-305)]), st.just(SMALL)),
    ),
    st.lists(st.tuples(st.integers(0, 9), st.integers(-2, 1), st.integers(-2, 1)), min_size=2, max_size=9),
)
def test_it_finds_the_first_step_that_leaves_the_finite_numbers(start, moves):
    """None exactly where every value and every gradient is finite; else what went in was finite, what came out not."""
    point, names = start
    nodes = [Value(x) for x in point]
    for k, i, j in moves:
        nodes.append(MOVES[names[k % len(names)]](nodes[i % len(nodes)], nodes[j % len(nodes)]))
    root = nodes[-1]
    found = first_nonfinite(root)
    order = topological_order(root)
    broken = [node for node in order if not isfinite(node.data)]
    if broken:
        assert (found.phase, found.node, found.operand) == ("forward", broken[0], None)
        assert all(map(isfinite, found.numbers))
        assert str(found.value) == str(found.node.primitive.quiet.forward(*found.numbers))
    elif all(map(isfinite, gradients(root, order))):
        assert found is None
    else:
        first = next(s for s in steps(root) if s.phase == "backward" and not isfinite(s.after))
        assert isfinite(first.before)
        assert isfinite(first.upstream)
        assert (found.node, found.operand, found.phase) == (first.node, first.operand, "backward")
        numbers = [(found.local, first.local), (found.upstream, first.upstream), (found.before, first.before)]
        assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in numbers)
    if found:
        assert str(found).endswith(".")


def test_what_a_learner_reads():
    x, p, w = leaves(x=1e200, p=0.0, w=1e-10)
    said = {
        (x * x).named("square") - 1.0: "In the forward pass × is the first to give inf: 1e200 × 1e200 = inf at node "
        "'square'. It is square = x * x, where x = 1e200. Larger numbers than 1.8e308 are inf.",
        -log.quiet(p * 2.0): "In the forward pass log is the first to give −inf: ln(0) = −inf. "
        "It is log(p * 2), where p = 0. log has no finite value there.",
        ag.div.quiet(p, p).named("q"): "In the forward pass / is the first to give nan: 0 / 0 = nan at node 'q'. "
        "It is q = p / p, where p = 0. div has no finite value there.",
        x * inf: "In the forward pass × is the first to give inf: 1e200 × inf = inf. "
        "It is x * inf, where x = 1e200. inf is one of its operands.",
        Value(nan, "bad") + x: "nan is there from the start: node 'bad' was set to it, no operation gave it.",
        sqrt(p).named("y"): "The forward pass is finite. In the backward pass sqrt at node 'y' is the first to give "
        "inf, to node 'p': local gradient inf × upstream gradient 1 = inf. It is y = sqrt(p), where p = 0. "
        "The local gradient of sqrt is inf there.",
        (p * 1e300).named("a") * 1e300: "The forward pass is finite. In the backward pass × at node 'a' is the first "
        "to give inf, to node 'p': local gradient 1e300 × upstream gradient 1e300 = inf. It is a = p * 1e+300, "
        "where p = 0. Both factors are finite, their product is larger than any float (1.8e308).",
        w * 1e308 + w * 1.7e308: "The forward pass is finite. In the backward pass × is the first to give inf, to "
        "node 'w': local gradient 1e308 × upstream gradient 1 = 1e308, added to 1.7e308. It is w * 1e+308, "
        "where w = 1e−10. Both terms are finite, their sum is larger than any float (1.8e308).",
    }  # fmt: skip
    for root, sentence in said.items():
        found = first_nonfinite(root)
        assert isinstance(found, NonFinite)
        assert str(found) == repr(found) == sentence


def test_the_scope_says_where():
    x = Value(800.0, "x")
    with ag.scope("layer 1"), ag.scope("neuron 2"):
        y = exp.quiet(x)
    assert "exp(800) = inf in layer 1/neuron 2. It is exp(x)" in str(first_nonfinite(y + 1.0))


def test_a_branch_that_is_not_taken_does_not_count():
    x = Value(1.0, "x")
    y = ag.where(ag.greater(x, 0.0), log(x), 0.0) + x
    x.data = -1.0
    assert y.forward() == -1.0
    assert any(math.isnan(node.data) for node in topological_order(y))
    assert first_nonfinite(y) is None
    x.data = 1.0
    y.forward()
    assert first_nonfinite(y) is None


@pytest.mark.parametrize("build", [
    lambda xs: ag.dot([x * 1e160 for x in xs], [x * 1e160 for x in xs]),
    lambda xs: ag.sum([x * 1e308 for x in xs]),
    lambda xs: ag.sum(xs) * 1e308,
], ids=["dot", "sum", "product"])  # fmt: skip
def test_what_is_written_has_a_bounded_length(build):
    """However many operands there are, and however often a part is used."""
    found = first_nonfinite(build([Value(1.0, f"x{k}") for k in range(1000)]))
    assert found.phase == "forward"
    assert len(str(found)) < 500
    v = Value(1.5)
    for _ in range(60):
        v = v * v
    assert len(str(first_nonfinite(v))) < 300


def test_hostile_labels_stay_on_one_line_and_an_ascii_terminal_gets_ascii(monkeypatch):
    x = Value(1e200, "two\nlines" * 50)
    found = first_nonfinite((x * x).named("\x1b[31m"))
    assert str(found).isprintable()
    assert len(str(found)) < 300
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert str(found).isascii()


def test_it_touches_no_gradient_and_needs_a_fresh_graph():
    x = Value(0.0, "x")
    y = sqrt(x)
    assert first_nonfinite(y)
    assert x.grad == y.grad == 0.0
    x.data = 1.0
    with pytest.raises(StaleGraphError):
        first_nonfinite(y)
    with pytest.raises(InputTypeError, match=r"first_nonfinite: a Value is needed, got 2\.0"):
        first_nonfinite(2.0)


def test_a_very_long_chain_needs_no_recursion(full_lane):
    length = 10**6 if full_lane else 10**4
    for start, phase in ((2.0, "forward"), (0.0, "backward")):
        v = Value(start, "start")
        for _ in range(length):
            v = v * 1.1
        found = first_nonfinite(v)
        assert found.phase == phase
        assert len(str(found)) < 400
