"""Laws that hold for every program: random straight-line code over the rows of the table."""

import itertools
import math
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.bits import all_bits, bits
from support.naive import path_count, path_gradients
from support.oracle import mp
from support.points import TABLE
from support.programs import ARITIES, EXACT, SMOOTH, WILD, Program, programs_at_points, reals

from autograd_lite import Value, gradients, topological_order
from autograd_lite.graph import contributions

ALL = (*ARITIES, *WILD, *WILD)  # with poles, and operations that may have no value


def built(program, numbers):
    """The program on fresh leaves: (leaves, every node)."""
    leaves = [Value(x) for x in numbers]
    try:
        nodes = program.run(leaves)
    except (ValueError, ArithmeticError):
        assume(False)
    assume(isinstance(nodes[-1], Value) and all(abs(n.data) < 1e60 for n in nodes if isinstance(n, Value)))
    return leaves, nodes


@given(programs_at_points(names=ALL))
def test_nodes_have_the_values_that_plain_floats_give(drawn):
    program, point, _ = drawn
    _leaves, nodes = built(program, point)
    assert all_bits(n.data for n in nodes) == all_bits(program.run(point))


@given(programs_at_points(), st.sampled_from([1.0, -3.0, 0.5]))
def test_gradients_are_the_sum_over_all_paths(drawn, seed):
    """The path-enumerating engine takes its local gradients from mpmath; it shares nothing with ours."""
    program, point, _ = drawn
    _leaves, nodes = built(program, point)
    root = nodes[-1]
    assume(path_count(root) < 3000)
    expected = path_gradients(root, seed)
    root.backward(seed)
    for node in topological_order(root):
        truth, scale = expected.get(node, (0, 0))
        # At most 16 ulp for each local gradient on a path, and one for each addition.
        bound = scale * mp.mpf(2) ** -53 * 40 * (len(nodes) + 1)
        assert abs(mp.mpf(node.grad) - truth) <= bound, (node, node.grad, truth)


@given(programs_at_points(names=SMOOTH, longest=7))
def test_gradients_agree_with_finite_differences(drawn):
    program, point, _ = drawn
    leaves, nodes = built(program, point)
    for node in nodes[program.leaves :]:
        distance = node.primitive.kink_distance
        numbers = [operand if operand.__class__ is float else operand.data for operand in node.operands]
        assume(distance is None or distance(*numbers) > 0.01)
    root = nodes[-1]
    # The largest product along a path bounds how fast anything on the way can move.
    scale = float(sum(size for _, size in path_gradients(root).values())) + abs(root.data)
    assume(path_count(root) < 3000 and scale < 50.0)

    def difference(i, h):
        there = [[*point[:i], point[i] + s * h, *point[i + 1 :]] for s in (1, -1)]
        return (program.run(there[0])[-1] - program.run(there[1])[-1]) / (2 * h)

    for i, leaf in enumerate(gradients(root, leaves)):
        coarse, fine = difference(i, 2e-4), difference(i, 1e-4)
        extrapolated = fine + (fine - coarse) / 3  # Richardson: the h**2 term is gone
        assert abs(leaf - extrapolated) <= 1e-9 * (1 + scale**3), (i, leaf, extrapolated)


@given(programs_at_points(), st.sampled_from([2.0, -0.25, 1024.0]))
def test_gradients_are_linear_in_the_seed(drawn, seed):
    """Scaling by a power of two is exact, so the law holds to the last bit."""
    program, point, _ = drawn
    leaves, nodes = built(program, point)
    once, scaled = gradients(nodes[-1], leaves), gradients(nodes[-1], leaves, seed=seed)
    assume(all(g == 0.0 or 1e-200 < abs(g) < 1e200 for g in once))
    assert [seed * g for g in once] == scaled


@given(programs_at_points())
def test_gradients_of_a_sum_are_sums_of_gradients(drawn):
    program, point, _ = drawn
    leaves, nodes = built(program, point)
    first, second = nodes[-1], nodes[len(nodes) // 2]
    together = gradients(first + second, leaves)
    apart = [a + b for a, b in zip(gradients(first, leaves), gradients(second, leaves), strict=True)]
    scale = 1 + max(float(size) for _, size in path_gradients(first).values()) if path_count(first) < 2000 else 1e9
    assert together == pytest.approx(apart, rel=1e-12, abs=1e-13 * scale)


@given(programs_at_points(names=ALL))
def test_gradients_are_pure_and_backward_agrees_with_them(drawn):
    program, point, _ = drawn
    _leaves, nodes = built(program, point)
    expected = gradients(nodes[-1], nodes)
    assert all(node.grad == 0.0 for node in nodes)
    nodes[-1].backward()
    below = set(topological_order(nodes[-1]))
    assert all_bits(n.grad + 0.0 for n in nodes) == all_bits(g + 0.0 for g in expected)
    assert all(n.grad == 0.0 for n in nodes if n not in below)


@given(programs_at_points(names=ALL))
def test_the_float_sweep_and_the_graph_sweep_agree_to_the_last_bit(drawn):
    program, point, _ = drawn
    leaves, nodes = built(program, point)
    as_graphs = gradients(nodes[-1], leaves, create_graph=True)
    assert all(graph.__class__ is Value for graph in as_graphs)
    assert all_bits(g.data + 0.0 for g in as_graphs) == all_bits(g + 0.0 for g in gradients(nodes[-1], leaves))


@given(programs_at_points(names=ALL))
def test_a_replay_equals_a_rebuild(drawn):
    """Values, gradients and gradients as graphs, after every leaf has moved."""
    program, point, elsewhere = drawn
    leaves, nodes = built(program, point)
    firsts = gradients(nodes[-1], leaves, create_graph=True)
    fresh_leaves, fresh = built(program, elsewhere)
    fresh_firsts = gradients(fresh[-1], fresh_leaves, create_graph=True)
    for leaf, x in zip(leaves, elsewhere, strict=True):
        leaf.data = x
    assert bits(nodes[-1].forward()) == bits(fresh[-1].data)
    below = set(topological_order(nodes[-1]))
    assert all_bits(n.data for n in nodes if n in below) == all_bits(
        f.data for n, f in zip(nodes, fresh, strict=True) if n in below
    )
    assert all_bits(gradients(nodes[-1], leaves)) == all_bits(gradients(fresh[-1], fresh_leaves))
    for first, fresh_first in zip(firsts, fresh_firsts, strict=True):
        assert bits(first.forward() + 0.0) == bits(fresh_first.data + 0.0)
        seconds, fresh_seconds = gradients(first, leaves), gradients(fresh_first, fresh_leaves)
        assert all_bits(g + 0.0 for g in seconds) == all_bits(g + 0.0 for g in fresh_seconds)


@given(programs_at_points(names=ALL))
def test_a_second_backward_doubles_the_leaves_and_renews_the_rest(drawn):
    program, point, _ = drawn
    _leaves, nodes = built(program, point)
    nodes[-1].backward()
    once = [node.grad for node in nodes]
    nodes[-1].backward()
    for node, gradient in zip(nodes, once, strict=True):
        assert bits(node.grad) == bits(2 * gradient if node.is_leaf else gradient)


@given(programs_at_points(names=ALL))
def test_steps_by_hand_equal_the_whole(drawn):
    program, point, elsewhere = drawn
    leaves, nodes = built(program, point)
    _, fresh = built(program, elsewhere)
    root, other = nodes[-1], fresh[-1]
    for leaf, x in zip(leaves, elsewhere, strict=True):
        leaf.data = x
    for node in topological_order(root):
        node.forward_step()
    root.grad = 1.0
    for node in reversed(topological_order(root)):
        node.backward_step()
    other.backward()
    for ours, theirs in zip(topological_order(root), topological_order(other), strict=True):
        assert bits(ours.data) == bits(theirs.data)
        assert bits(ours.grad) == bits(theirs.grad)
        assert ours.local_gradients == theirs.local_gradients or any(map(math.isnan, ours.local_gradients))


@given(programs_at_points(names=EXACT, longest=6, numbers=reals(-4, 4)), st.randoms(use_true_random=False))
def test_every_schedule_gives_the_same_gradients(drawn, r):
    """On numbers with few bits nothing is rounded, so any order of users before operands is exact."""
    program, point, _ = drawn
    point = [float(round(x)) for x in point]
    leaves, nodes = built(program, point)
    root = nodes[-1]
    assume(all(abs(n.data) < 1e4 and (n.data * 2**20).is_integer() for n in topological_order(root)))
    expected = gradients(root, leaves)
    assume(all(abs(g) < 1e4 for g in expected))
    below = topological_order(root)
    waiting = dict.fromkeys(below, 0)
    for node in below:
        for operand in node.operands:
            if operand.__class__ is not float:
                waiting[operand] += 1
    adjoints = dict.fromkeys(below, 0.0)
    adjoints[root] = 1.0
    ready = [root]
    while ready:
        node = ready.pop(r.randrange(len(ready)))
        terms = contributions(node, adjoints[node])
        r.shuffle(terms)
        for operand, term in terms:
            adjoints[operand] += term
        for operand in node.operands:
            if operand.__class__ is not float:
                waiting[operand] -= 1
                if not waiting[operand]:
                    ready.append(operand)
    assert [adjoints.get(leaf, 0.0) for leaf in leaves] == expected


def test_programs_reach_every_kind_of_row():
    """The laws above are not vacuous: selections, variadic rows and constants all occur."""
    seen = set()

    @given(programs_at_points())
    def look(drawn):
        seen.update(name for name, _ in drawn[0].steps)

    look()
    assert len(seen) >= 25


# ---- forward parity with plain floats, exceptions included

SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    3.0,
    -8.0,
    1 / 3,
    1e-320,
    1e200,
    -1e300,
    1e308,
    math.inf,
    -math.inf,
    math.nan,
]
OPERATIONS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "neg": lambda a, b: -a,
    "abs": lambda a, b: abs(a),
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "max": lambda a, b: max(a, b),
    "bool": lambda a, b: bool(a),
    "format": lambda a, b: f"{a:.6g}",
}


def outcome(f, *operands):
    """The bits of a result (a complex result counts as the ValueError it is among the reals), or the exception."""
    try:
        y = f(*operands)
    except Exception as exception:
        return exception
    if isinstance(y, complex):
        return ValueError("complex")
    y = y.data if isinstance(y, Value) else y
    return bits(y) if isinstance(y, float) else y


def assert_parity(ours, plain, what):
    if isinstance(plain, Exception):
        assert isinstance(ours, type(plain)), (what, ours, plain)
        assert str(ours) != str(plain)  # ours says where, and what to do
    else:
        assert ours == plain, (what, ours, plain)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operator_gives_the_bits_or_the_exception_of_plain_floats(name):
    operation = OPERATIONS[name]
    for a, b in itertools.product(SPECIAL, repeat=2):
        plain = outcome(operation, a, b)
        for ours in ((Value(a), Value(b)), (Value(a), b), (a, Value(b))):
            if name in ("neg", "abs", "bool", "format") and ours[0] is a:
                continue
            assert_parity(outcome(operation, *ours), plain, (name, a, b))


@pytest.mark.parametrize("row", [row for row in TABLE if hasattr(math, row.name) and row.name != "pow"], ids=repr)
def test_a_function_of_math_gives_the_bits_or_the_exception_of_math(row):
    counterpart = {"sum": math.fsum}.get(row.name, getattr(math, row.name))
    if row.name == "floor":
        return  # math.floor returns an int; test_conventions.py has the float
    arity = row.arity or 2
    for xs in itertools.product([*SPECIAL, 745.0, -746.0, 1000.0, 1.5, -0.9], repeat=arity):
        operands = [list(xs)] if row.name in ("prod",) else xs
        plain = outcome(counterpart, *operands)
        assert_parity(outcome(row, *map(Value, xs)), plain, (row, xs))
        assert_parity(outcome(row, *xs), plain, (row, xs))


@st.composite
def operator_trees(draw, depth=4):
    """A random operator expression, as nested tuples; leaves are indices of numbers."""
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(st.one_of(st.integers(0, 2), st.sampled_from(SPECIAL), st.sampled_from([2, -1, 3, True])))
    name = draw(st.sampled_from(["+", "-", "*", "/", "**", "neg", "abs", "max"]))
    return name, draw(operator_trees(depth=depth - 1)), draw(operator_trees(depth=depth - 1))


def evaluate(tree, numbers):
    if isinstance(tree, tuple):
        result = OPERATIONS[tree[0]](evaluate(tree[1], numbers), evaluate(tree[2], numbers))
        if isinstance(result, complex):
            raise ValueError("complex")
        return result
    return numbers[tree] if isinstance(tree, int) and tree.__class__ is int and 0 <= tree < 3 else float(tree)


@given(operator_trees(), st.lists(st.sampled_from(SPECIAL) | reals(), min_size=3, max_size=3))
def test_any_operator_expression_behaves_as_on_plain_floats(tree, numbers):
    plain = outcome(evaluate, tree, numbers)
    leaves = [Value(x) for x in numbers]
    ours = outcome(evaluate, tree, leaves)
    if isinstance(plain, Exception):
        assert isinstance(ours, type(plain)), (ours, plain)
    else:
        assert ours == plain


@given(operator_trees(), st.lists(st.sampled_from(SPECIAL) | reals(), min_size=3, max_size=3))
def test_backward_never_raises_where_forward_succeeded(tree, numbers):
    leaves = [Value(x) for x in numbers]
    try:
        y = evaluate(tree, leaves)
    except (ValueError, ArithmeticError):
        return
    if isinstance(y, Value):
        y.backward()
        assert all(leaf.grad.__class__ is float for leaf in leaves)
        for first in gradients(y, leaves, create_graph=True):
            gradients(first, leaves)


@given(programs_at_points(names=ALL, longest=5, numbers=st.sampled_from(SPECIAL)))
def test_the_two_sweeps_agree_at_infinities_zeros_and_nan_to_second_order(drawn):
    """And neither raises: the corners where 0 * inf, a pole or a tie decides."""
    program, point, _ = drawn
    leaves = [Value(x) for x in point]
    try:
        root = program.run(leaves)[-1]
    except (ValueError, ArithmeticError):
        assume(False)
    firsts = gradients(root, leaves, create_graph=True)
    assert all_bits(g + 0.0 for g in gradients(root, leaves)) == all_bits(g.data + 0.0 for g in firsts)
    for first in firsts:
        seconds = gradients(first, leaves, create_graph=True)
        assert all_bits(g + 0.0 for g in gradients(first, leaves)) == all_bits(g.data + 0.0 for g in seconds)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_no_gradient_of_a_row_raises_where_its_value_exists(row):
    """At every special point, to second order: inf or nan is an answer, an exception is not."""
    count = 0
    for xs in itertools.product(SPECIAL, repeat=min(row.arity or 2, 3)):
        if not _has_value(row, xs):
            continue
        leaves = [Value(x) for x in xs]
        root = row(*leaves)
        root.backward()
        for first in gradients(root, leaves, create_graph=True):
            gradients(first, leaves)
        count += 1
        if count > 400:
            break
    assert count >= 4


def _has_value(row, xs):
    try:
        row(*xs)
    except (ValueError, ArithmeticError):
        return False
    return True


# ---- the same bits everywhere


def long_program(seed, length=300):
    """One long program whose values stay moderate, the same in every process."""
    r = random.Random(seed)
    tame = ["sin", "tanh", "sigmoid", "atan", "maximum", "minimum", "softplus", "where", "logaddexp", "clip", "gelu"]
    arity = {"maximum": 2, "minimum": 2, "where": 3, "logaddexp": 2}
    steps = []
    for k in range(length):
        name = r.choice(tame)
        steps.append((name, tuple(r.randrange(max(0, k - 20), 5 + k) for _ in range(arity.get(name, 1)))))
    steps.append(("sum", tuple(range(5, 5 + length))))
    return Program(5, tuple(steps)), [r.uniform(-2, 2) for _ in range(5)]


PROCESS = """
import sys
sys.path[:0] = {path!r}
from support.programs import Program
from autograd_lite import Value, gradients
program = Program({leaves!r}, {steps!r})
leaves = [Value(x) for x in {point!r}]
root = program.run(leaves)[-1]
print(root.data.hex(), *[g.hex() for g in gradients(root, leaves)])
print(*[g.data.hex() for g in gradients(root, leaves, create_graph=True)])
"""


def test_another_process_gets_the_same_bits_under_any_hash_seed():
    program, point = long_program(7)
    script = PROCESS.format(path=[str(Path(__file__).parent)], leaves=5, steps=program.steps, point=point)
    outputs = set()
    for seed in ("0", "1", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1
    leaves = [Value(x) for x in point]
    assert gradients(program.run(leaves)[-1], leaves) == [float.fromhex(t) for t in outputs.pop().split()[1:6]]
