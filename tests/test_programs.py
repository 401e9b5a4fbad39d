"""Laws that hold for every program: random straight-line code over the rows of the table.

Each program is drawn once and held to every law that speaks of it: 2,000 programs here, 100,000
with AUTOGRAD_LITE_NIGHTLY=1. The report's header says the seed; AUTOGRAD_LITE_SEED=... repeats it.
"""

import itertools
import math
import os
import random
import subprocess
import sys
from collections import Counter
from functools import cached_property

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from support.bits import all_bits, bits
from support.naive import path_count, path_gradients
from support.oracle import mp
from support.points import TABLE
from support.programs import ARITIES, EXACT, SMOOTH, SPECIAL, WILD, programs_at_points

from autograd_lite import StaleGraphError, Value, gradients, topological_order
from autograd_lite.graph import contributions
from autograd_lite.primitives import ROWS
from autograd_lite.testing import Expression, reals

PROGRAMS = 40 * settings.default.max_examples  # 50 in the default lane, 2,500 at night
SEED = int(os.environ.get("AUTOGRAD_LITE_SEED", "0"))
ALL = (*ARITIES, *WILD, *WILD)  # with poles, and operations that may have no value
KINDS = {
    "any": programs_at_points(names=ALL),
    "smooth": programs_at_points(names=SMOOTH, longest=7, kinks="away"),
    "kinked": programs_at_points(names=ALL, longest=7, kinks="near"),
    "exact": programs_at_points(names=EXACT, longest=6, numbers=st.integers(-4, 4).map(float)),
    "special": programs_at_points(names=ALL, longest=5, numbers=st.sampled_from(SPECIAL)),
}
SEEDS = (2.0, -0.25, 1024.0)  # powers of two: scaling by them is exact


class Case:
    """A program, recorded at a point: what the laws look at, each part computed once."""

    def __init__(self, kind, drawn):
        self.kind = kind
        self.program, self.point, self.elsewhere = drawn
        self.leaves, self.nodes = self.built(self.point)
        self.root = self.nodes[-1]
        self.is_finite = all(abs(node.data) < 1e60 for node in self.nodes)

    def __repr__(self):
        return f"Case({self.kind!r}, ({self.program!r}, {self.point}, {self.elsewhere}))"

    def built(self, numbers):
        """The program on fresh leaves: (leaves, every node)."""
        leaves = [Value(x) for x in numbers]
        return leaves, self.program.run(leaves)

    @cached_property
    def firsts(self):
        return gradients(self.root, self.leaves)

    @cached_property
    def graphs(self):
        return gradients(self.root, self.leaves, create_graph=True)

    @cached_property
    def moved(self):
        """The program on fresh leaves elsewhere, None where it has no value there."""
        try:
            leaves, nodes = self.built(self.elsewhere)
        except (ValueError, ArithmeticError):
            return None
        return (leaves, nodes) if all(abs(node.data) < 1e60 for node in nodes) else None


LAWS = []
APPLIED = Counter()


def law(*kinds):
    """Declare a law for programs of some kinds; it returns False where it has nothing to say."""

    def declare(check):
        LAWS.append((check, frozenset(kinds)))
        return check

    return declare


@seed(SEED)
@settings(max_examples=PROGRAMS)
@given(st.one_of([st.builds(Case, st.just(kind), drawn) for kind, drawn in KINDS.items()]))
def laws_hold(case):
    for check, kinds in LAWS:
        if case.kind in kinds and check(case) is not False:
            APPLIED[check.__name__] += 1


def test_every_law_holds_on_random_programs():
    try:
        laws_hold()
    except BaseException as failure:
        failure.add_note(f"AUTOGRAD_LITE_SEED={SEED} draws these {PROGRAMS} programs again.")
        raise
    for check, _ in LAWS:  # a law that is never applied holds too: it must say so loudly
        assert APPLIED[check.__name__] >= PROGRAMS // 20, APPLIED


@pytest.mark.full
@pytest.mark.parametrize("name", ["sin", "mul", "logsumexp"])
def test_the_laws_catch_a_row_whose_gradient_is_off_by_one_in_a_million(name, monkeypatch):
    row = ROWS[name]
    if row.variadic:
        wrong = (lambda y, *xs, right=row.gradients[0]: [g * (1 + 1e-6) for g in right(y, *xs)],)
    else:
        wrong = tuple([lambda y, *xs, right=right: right(y, *xs) * (1 + 1e-6) for right in row.gradients])
    monkeypatch.setattr(row, "gradients", wrong)
    with pytest.raises((AssertionError, ExceptionGroup)):  # several laws may fail, each in its own way
        laws_hold()


@law(*KINDS)
def nodes_have_the_values_that_plain_floats_give(case):
    assert all_bits(n.data for n in case.nodes) == all_bits(case.program.run(case.point))


@law("smooth")
def gradients_are_the_sum_over_all_paths(case):
    """The path-enumerating engine takes its local gradients from mpmath; it shares nothing with ours."""
    if path_count(case.root) >= 300:
        return False
    expected = path_gradients(case.root, -3.0)
    found = gradients(case.root, case.nodes, seed=-3.0)
    for node, gradient in zip(case.nodes, found, strict=True):
        truth, scale = expected.get(node, (0, 0))
        # At most 16 ulp for each local gradient on a path, and one for each addition.
        bound = scale * mp.mpf(2) ** -53 * 40 * (len(case.nodes) + 1)
        assert abs(mp.mpf(gradient) - truth) <= bound, (node, gradient, truth)
    return True


@law("smooth")
def gradients_agree_with_finite_differences(case):
    scale = 1 + sum(abs(g) for g in gradients(case.root, case.nodes))
    if scale >= 50.0:
        return False

    def difference(i, h):
        there = [[*case.point[:i], case.point[i] + s * h, *case.point[i + 1 :]] for s in (1, -1)]
        return (case.program(*there[0]) - case.program(*there[1])) / (2 * h)

    for i, gradient in enumerate(case.firsts):
        coarse, fine = difference(i, 2e-4), difference(i, 1e-4)
        extrapolated = fine + (fine - coarse) / 3  # Richardson: the h**2 term is gone
        assert abs(gradient - extrapolated) <= 1e-9 * (1 + scale**3), (i, gradient, extrapolated)
    return True


@law("any", "smooth", "kinked", "exact")
def gradients_are_linear_in_the_seed(case):
    """Scaling by a power of two is exact, so the law holds to the last bit."""
    if not all(g == 0.0 or 1e-200 < abs(g) < 1e200 for g in case.firsts):
        return False
    factor = SEEDS[len(case.nodes) % len(SEEDS)]
    assert [factor * g for g in case.firsts] == gradients(case.root, case.leaves, seed=factor)
    return True


@law("smooth", "kinked")
def gradients_of_a_sum_are_sums_of_gradients(case):
    first, second = case.root, case.nodes[len(case.nodes) // 2]
    together = gradients(first + second, case.leaves)
    apart = [a + b for a, b in zip(case.firsts, gradients(second, case.leaves), strict=True)]
    sizes = [a + b for a, b in zip(sizes_of_paths(case, first), sizes_of_paths(case, second), strict=True)]
    if not all(size < 1e200 for size in sizes):
        return False
    for ours, sum_of_two, size in zip(together, apart, sizes, strict=True):
        assert abs(ours - sum_of_two) <= 2.0**-52 * 2 * len(case.nodes) * size, (together, apart)
    return True


def sizes_of_paths(case, root):
    """For each leaf the sum over all paths of |local gradient| x ...: the scale of rounding."""
    sizes = {root: 1.0}
    for node in reversed(topological_order(root)):
        for operand, local in zip(node.operands, node.local_gradients, strict=True):
            if operand.__class__ is not float:
                sizes[operand] = sizes.get(operand, 0.0) + sizes[node] * abs(local)
    return [sizes.get(leaf, 0.0) for leaf in case.leaves]


@law(*KINDS)
def gradients_are_pure_and_backward_agrees_with_them(case):
    _, nodes = case.built(case.point)
    expected = gradients(nodes[-1], nodes)
    assert all(node.grad == 0.0 for node in nodes)
    nodes[-1].backward()
    below = set(topological_order(nodes[-1]))
    assert all_bits(n.grad + 0.0 for n in nodes) == all_bits(g + 0.0 for g in expected)
    assert all(n.grad == 0.0 for n in nodes if n not in below)


@law(*KINDS)
def the_float_sweep_and_the_graph_sweep_agree_to_the_last_bit(case):
    assert all(graph.__class__ is Value for graph in case.graphs)
    assert all_bits(g.data + 0.0 for g in case.graphs) == all_bits(g + 0.0 for g in case.firsts)


@law("special", "kinked", "exact")
def the_two_sweeps_agree_at_infinities_zeros_and_nan_to_second_order(case):
    """And neither raises: the corners where 0 * inf, a pole or a tie decides."""
    for first in case.graphs:
        seconds = gradients(first, case.leaves, create_graph=True)
        assert all_bits(g + 0.0 for g in gradients(first, case.leaves)) == all_bits(g.data + 0.0 for g in seconds)


@law("any", "smooth", "kinked", "exact")
def a_replay_equals_a_rebuild(case):
    """Values, gradients and gradients as graphs, after every leaf has moved; a stale graph refuses until then."""
    if not case.is_finite or case.moved is None:
        return False
    leaves, nodes = case.built(case.point)
    root, firsts = nodes[-1], gradients(nodes[-1], leaves, create_graph=True)
    fresh_leaves, fresh = case.moved
    fresh_firsts = gradients(fresh[-1], fresh_leaves, create_graph=True)
    for leaf, x in zip(leaves, case.elsewhere, strict=True):
        leaf.data = x
    with pytest.raises(StaleGraphError):
        gradients(root, leaves)
    assert bits(root.forward()) == bits(fresh[-1].data)
    assert all_bits(n.data for n in nodes) == all_bits(f.data for f in fresh)
    assert all_bits(gradients(root, leaves)) == all_bits(gradients(fresh[-1], fresh_leaves))
    for first, fresh_first in zip(firsts, fresh_firsts, strict=True):
        assert bits(first.forward() + 0.0) == bits(fresh_first.data + 0.0)
        seconds, fresh_seconds = gradients(first, leaves), gradients(fresh_first, fresh_leaves)
        assert all_bits(g + 0.0 for g in seconds) == all_bits(g + 0.0 for g in fresh_seconds)
    return True


@law(*KINDS)
def a_second_backward_doubles_the_leaves_and_renews_the_rest(case):
    _, nodes = case.built(case.point)
    nodes[-1].backward()
    once = [node.grad for node in nodes]
    nodes[-1].backward()
    for node, gradient in zip(nodes, once, strict=True):
        assert bits(node.grad) == bits(2 * gradient if node.is_leaf else gradient)


@law("any", "smooth", "kinked", "exact")
def steps_by_hand_equal_the_whole(case):
    if not case.is_finite or case.moved is None:
        return False
    leaves, nodes = case.built(case.point)
    _, fresh = case.built(case.elsewhere)
    root, other = nodes[-1], fresh[-1]
    for leaf, x in zip(leaves, case.elsewhere, strict=True):
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
    return True


@law("exact")
def every_schedule_gives_the_same_gradients(case):
    """On numbers with few bits nothing is rounded, so any order of users before operands is exact."""
    below = topological_order(case.root)
    if not all(abs(n.data) < 1e4 and (n.data * 2**20).is_integer() for n in below):
        return False
    if not all(abs(g) < 1e4 for g in case.firsts):
        return False
    r = random.Random(len(below))
    waiting = dict.fromkeys(below, 0)
    for node in below:
        for operand in node.operands:
            if operand.__class__ is not float:
                waiting[operand] += 1
    adjoints = dict.fromkeys(below, 0.0)
    adjoints[case.root] = 1.0
    ready = [case.root]
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
    assert [adjoints.get(leaf, 0.0) for leaf in case.leaves] == case.firsts
    return True


def test_programs_reach_every_kind_of_row():
    """The laws above are not vacuous: selections, variadic rows and constants all occur."""
    seen = set()

    @given(KINDS["any"])
    def look(drawn):
        seen.update(row.name for row, _ in drawn[0].steps)

    look()
    assert len(seen) >= 25


# ---- forward parity with plain floats, exceptions included

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
    """One long program whose values stay moderate, the same in every process: its source."""
    r = random.Random(seed)
    tame = ["sin", "tanh", "sigmoid", "atan", "maximum", "minimum", "softplus", "where", "logaddexp", "clip", "gelu"]
    arity = {"maximum": 2, "minimum": 2, "where": 3, "logaddexp": 2}

    def function(*leaves):
        values = list(leaves)
        for k in range(length):
            name = r.choice(tame)
            operands = [values[r.randrange(max(0, k - 20), 5 + k)] for _ in range(arity.get(name, 1))]
            values.append(ROWS[name](*operands, *([-1.0, 1.0] if name == "clip" else [])))
        return ROWS["sum"](*values[5:])

    return Expression(function, *[r.uniform(-2, 2) for _ in range(5)])


PROCESS = """
import autograd_lite
from autograd_lite import *
from autograd_lite.testing import Expression
program = {program!r}
leaves = [Value(x) for x in program.point]
root = program(*leaves)
print(root.data.hex(), *[g.hex() for g in gradients(root, leaves)])
print(*[g.data.hex() for g in gradients(root, leaves, create_graph=True)])
"""


def test_another_process_gets_the_same_bits_under_any_hash_seed():
    program = long_program(7)
    script = PROCESS.format(program=program)
    outputs = set()
    for hash_seed in ("0", "1", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1
    leaves = [Value(x) for x in program.point]
    assert gradients(program(*leaves), leaves) == [float.fromhex(t) for t in outputs.pop().split()[1:6]]
