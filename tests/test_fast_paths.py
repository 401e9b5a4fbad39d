"""What is written twice for speed is the same, bit for bit, as the row it is the fast form of."""

import itertools
import math

import pytest
from support.bits import all_bits, bits
from support.points import HARD_SIGNED, TABLE, points

from autograd_lite import Value, gradients, no_grad, raise_on_nonfinite
from autograd_lite.graph import contributions, sweep
from autograd_lite.primitives import ROWS, QuietFloat, bare

ODD = [0.0, -0.0, 1.0, -1.0, 0.5, 3.0, 1e300, -1e-300, 5e-324, math.inf, -math.inf, math.nan]
FAST = [row for row in TABLE if row.float_gradients is not None]


def odd_points(row):
    arity = row.arity or 2
    return [*points(row, 40), *itertools.product(ODD, repeat=arity)]


def values_at(row, points):
    """The points where the forward has a value, with it."""
    for xs in points:
        try:
            yield xs, row(*xs)
        except (ValueError, ArithmeticError):
            continue


def text_gradients(row, y, xs):
    """The local gradients as the row's own text gives them, never raising."""
    try:
        return row.local_gradients(y, xs)
    except (ValueError, ArithmeticError):
        return [bare(g) for g in row.local_gradients(QuietFloat(y), [QuietFloat(x) for x in xs])]


def test_there_are_fast_forms_to_hold():
    assert {row.name for row in FAST} >= {"pow", "sigmoid", "tanh", "silu", "relu", "maximum", "logsumexp"}


@pytest.mark.parametrize("row", FAST, ids=lambda row: row.name)
def test_float_gradients_equal_the_text_of_their_row(row):
    seen = 0
    for xs, y in values_at(row, odd_points(row)):
        assert all_bits(row.partials(y, xs)) == all_bits(text_gradients(row, y, xs)), (row, xs)
        seen += 1
    assert seen > 20


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_the_quiet_row_equals_the_loud_one_wherever_that_has_a_value(row):
    for xs, y in values_at(row, odd_points(row)):
        assert bits(row.quiet.forward(*xs)) == bits(y)
    assert row.quiet.quiet is row.quiet


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_quiet_arithmetic_gives_the_gradients_that_floats_give(row):
    """The second evaluation of partials(), on numbers that never raise, is the first one's twin."""
    for xs, y in values_at(row, points(row, 20)):
        try:
            plain = row.local_gradients(y, xs)
        except (ValueError, ArithmeticError):
            continue
        quiet = [bare(g) for g in row.local_gradients(QuietFloat(y), [QuietFloat(x) for x in xs])]
        assert all_bits(quiet) == all_bits(plain), (row, xs)


OPERATORS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
}


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("kinds", [(Value, Value), (Value, float), (float, Value), (Value, int), (int, Value)])
@pytest.mark.parametrize("mode", ["plain", "checked", "no_grad"])
def test_operators_record_what_their_rows_record(name, kinds, mode):
    row, operator = ROWS[name], OPERATORS[name]
    modes = {"checked": raise_on_nonfinite, "no_grad": no_grad}
    for a, b in itertools.product([2.0, -3.0, 7.0, 1.0], repeat=2):
        first, second = kinds[0](a), kinds[1](b)
        if mode == "plain":
            by_operator, by_row = operator(first, second), row(first, second)
        else:
            with modes[mode]():
                by_operator, by_row = operator(first, second), row(first, second)
        assert bits(by_operator.data) == bits(by_row.data) == bits(operator(a, b))
        assert by_operator.primitive is by_row.primitive is (None if mode == "no_grad" else row)
        assert all(p is q or p == q for p, q in zip(by_operator.operands, by_row.operands, strict=True))
        for node in (by_operator, by_row):
            assert (node.grad, node.label, node.role, node._epoch) == (0.0, None, None, by_row._epoch)


def test_negation_absolute_value_and_plus_are_their_rows():
    for x in HARD_SIGNED:
        v = Value(x)
        assert (-v).primitive is ROWS["neg"]
        assert bits((-v).data) == bits(-x)
        assert abs(v).primitive is ROWS["abs"]
        assert bits(abs(v).data) == bits(abs(x))
        assert +v is v


UNARY = [row for row in TABLE if row.arity is not None and row.arity - len(row.defaults) == 1]
WITHOUT_METHOD = {"identity", "neg", "tanh_gate", "sigmoid_slope", "one_minus_square", "gaussian"}


def test_every_unary_row_has_its_method():
    missing = {row.name for row in UNARY if not hasattr(Value, row.name)}
    assert missing == WITHOUT_METHOD
    assert len(UNARY) - len(missing) >= 38


@pytest.mark.parametrize("row", [row for row in UNARY if hasattr(Value, row.name)], ids=lambda row: row.name)
def test_the_method_is_the_row(row):
    method = getattr(Value, row.name)
    assert (method.__name__, method.__doc__) == (row.name, row.__doc__)
    for xs, y in values_at(row, points(row, 5)):
        node = getattr(Value(xs[0]), row.name)(*xs[1:])
        assert node.primitive is row
        assert bits(node.data) == bits(y)
        if row.defaults:
            leaf = Value(xs[0])
            try:
                expected = row(xs[0], *row.defaults)
            except ArithmeticError:
                continue
            node = getattr(leaf, row.name)()
            assert node.operands == (leaf, *row.defaults)
            assert bits(node.data) == bits(expected)


@pytest.mark.parametrize("name", ["add", "sub", "mul"])
@pytest.mark.parametrize("shape", ["both", "same", "left", "right"])
def test_the_spelled_out_sweep_equals_the_row_bit_for_bit(name, shape):
    for a, b, seed in itertools.product(ODD, repeat=3):
        p, q = Value(a), Value(b)
        operands = {"both": (p, q), "same": (p, p), "left": (p, b), "right": (a, q)}[shape]
        root = ROWS[name](*operands)
        expected = dict.fromkeys([p, q], 0.0)
        for operand, term in contributions(root, seed):
            expected[operand] += term
        adjoints = sweep(root, seed)
        assert all_bits(adjoints.get(leaf, 0.0) for leaf in (p, q)) == all_bits(expected.values())


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_gradients_as_floats_equal_gradients_as_graphs(row):
    """0.0 and -0.0 count as equal here: the float sweep starts its sums at 0.0."""
    for xs, _ in values_at(row, points(row, 10)):
        leaves = [Value(x) for x in xs]
        root = row(*leaves)
        for seed in (1.0, -2.5, 0.0):
            as_floats = gradients(root, leaves, seed=seed)
            as_graphs = gradients(root, leaves, seed=seed, create_graph=True)
            assert all_bits(g + 0.0 for g in as_floats) == all_bits(g.data + 0.0 for g in as_graphs), (row, xs, seed)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_constant_operand_changes_no_other_gradient(row):
    for xs, _ in values_at(row, points(row, 6)):
        for i in range(len(xs)):
            all_leaves = [Value(x) for x in xs]
            whole = gradients(row(*all_leaves), all_leaves)
            mixed = [Value(x) if j == i else x for j, x in enumerate(xs)]
            alone = row(*mixed)
            assert bits(gradients(alone, [mixed[i]])[0]) == bits(whole[i])
            as_graph = gradients(alone, [mixed[i]], create_graph=True)[0]
            assert bits(as_graph.data + 0.0) == bits(whole[i] + 0.0), (row, xs, i)
            assert all(operand.__class__ in (float, Value) for operand in alone.operands)


@pytest.mark.parametrize("row", [row for row in TABLE if row.quiet is row], ids=lambda row: row.name)
def test_a_row_that_is_its_own_quiet_form_never_raises(row):
    for xs in itertools.product([*ODD, 1e308, -1e308, 710.0, -746.0], repeat=row.arity or 3):
        row.forward(*xs)
