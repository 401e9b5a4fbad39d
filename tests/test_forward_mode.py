"""Forward mode: a Dual through every row agrees with the row's own gradients, at every level."""

import itertools
import math
import operator
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.bits import all_bits, bits
from support.naive import path_count, path_gradients
from support.points import TABLE, points
from support.programs import ARITIES, WILD, programs_at_points, reals

import autograd_lite as ag
from autograd_lite import (
    Dual,
    Value,
    detach,
    exp,
    floor,
    gradients,
    jvp,
    log,
    logsumexp,
    mul,
    primitive,
    relu,
    softmax,
    sqrt,
    step,
    tanh,
    topological_order,
    where,
)
from autograd_lite import dual as dual_module
from autograd_lite.dual import new_level, push, second_sweep
from autograd_lite.errors import DomainError, InputTypeError
from autograd_lite.primitives import ROWS

ALL = tuple(name for name in (*ARITIES, *WILD, *WILD) if name != "detach")  # has no derivative to compare with


def directions(size):
    return st.lists(reals(), min_size=size, max_size=size)


# ---- every row


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_the_tangent_along_one_operand_is_its_local_gradient(row):
    """Forward and reverse mode read the same partials: to the last bit, inf and nan included."""
    for numbers in points(row, 40):
        y = row(*numbers)
        partials = row.partials(y, numbers)
        for k, partial in enumerate(partials):
            duals = [Dual(x, 1.0 if i == k else 0.0) for i, x in enumerate(numbers)]
            result = row(*duals)
            assert bits(result.primal) == bits(y)
            assert bits(result.tangent + 0.0) == bits(float(partial or 0.0) + 0.0), (row, numbers, k)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_second_derivatives_agree_between_forward_over_forward_and_reverse_over_reverse(row):
    for numbers in [xs for xs in points(row, 10) if all(1e-3 < abs(x) < 20.0 for x in xs)]:
        leaves = [Value(x) for x in numbers]
        slopes = gradients(row(*leaves), leaves, create_graph=True)
        for i, slope in enumerate(slopes):
            seconds = gradients(slope, leaves)
            for j, second in enumerate(seconds):
                inner = [Dual(x, float(k == i), level=1) for k, x in enumerate(numbers)]
                outer = [Dual(x, float(k == j), level=2) for k, x in enumerate(inner)]
                rate = row(*outer).tangent
                mixed = rate.tangent if isinstance(rate, Dual) else 0.0
                if math.isfinite(second) and math.isfinite(mixed):
                    scale = max(1e-12, *map(abs, seconds))
                    assert mixed == pytest.approx(second, rel=1e-10, abs=1e-12 * scale), (row, numbers, i, j)


def test_a_variadic_row_takes_one_iterable_of_duals():
    assert logsumexp([Dual(0.0, 1.0), Dual(0.0, 0.0)]).tangent == 0.5
    assert ag.max([Dual(2.0, 1.0), 3.0, Dual(3.0, 4.0)]).tangent == 2.0
    assert softmax([Dual(0.0, 1.0), 0.0])[0].tangent == 0.25
    assert ag.dot([Dual(1.0, 2.0), 3.0], [4.0, Dual(5.0, 1.0)]).tangent == 11.0


def test_rows_without_gradient_give_tangent_zero():
    for row in (step, floor, detach):
        result = row(Dual(1.5, 7.0))
        assert isinstance(result, Dual)
        assert result.tangent == 0.0


def test_a_users_row_takes_part():
    cube = primitive("cube_forward", lambda x: x**3, lambda y, x: 3.0 * x**2)
    try:
        assert jvp(cube, (2.0,), (1.0,)) == (8.0, 12.0)
        assert ag.derivative(cube, 2)(2.0) == 12.0
        assert ag.hessian(lambda x: cube(x[0]))([2.0]) == [[12.0]]
    finally:
        del ag.primitives.ROWS["cube_forward"]


def test_every_method_of_a_value_that_is_a_row_is_one_of_a_dual():
    for row in TABLE:
        if hasattr(Value, row.name):
            x = Dual(0.75 if row.name != "acosh" else 1.75, 1.0)
            assert repr(getattr(x, row.name)()) == repr(row(x)), row
        assert hasattr(Value, row.name) == hasattr(Dual, row.name)


# ---- random programs


@given(programs_at_points(names=ALL), st.data())
def test_forward_and_reverse_are_dual(drawn, data):
    """(weight of y) * (rate of y) = sum of (gradient of x) * (rate of x), whatever the program."""
    program, point, _ = drawn
    along = data.draw(directions(len(point)))
    leaves = [Value(x) for x in point]
    try:
        nodes = program.run(leaves)
    except (ValueError, ArithmeticError):
        assume(False)
    root = nodes[-1]
    assume(isinstance(root, Value) and path_count(root) < 3000)
    slopes = gradients(root, leaves)
    sizes = path_gradients(root)
    result = program.run([Dual(x, t) for x, t in zip(point, along, strict=True)])[-1]
    rate = result.tangent if isinstance(result, Dual) else 0.0
    scale = sum(float(sizes.get(leaf, (0, 0))[1]) * abs(t) for leaf, t in zip(leaves, along, strict=True))
    assume(math.isfinite(scale) and all(map(math.isfinite, slopes)))
    assert bits(root.data) == bits(result.data)
    assert rate == pytest.approx(sum(g * t for g, t in zip(slopes, along, strict=True)), rel=1e-12, abs=1e-13 * scale)


def test_the_law_of_duality_would_notice_a_lost_operand(monkeypatch):
    honest = dual_module.local_gradients
    monkeypatch.setattr(dual_module, "local_gradients", lambda *args: [*honest(*args)[:-1], None])
    with pytest.raises(AssertionError):
        test_forward_and_reverse_are_dual()


@given(programs_at_points(names=ALL), st.data())
def test_a_pass_over_the_record_gives_the_tangents_of_duals(drawn, data):
    program, point, _ = drawn
    along = data.draw(directions(len(point)))
    leaves = [Value(x) for x in point]
    try:
        root = program.run(leaves)[-1]
    except (ValueError, ArithmeticError):
        assume(False)
    assume(isinstance(root, Value))
    rates = push(topological_order(root), dict(zip(leaves, along, strict=True)))
    result = program.run([Dual(x, t) for x, t in zip(point, along, strict=True)])[-1]
    if math.isfinite(result.tangent):
        assert (rates[root] or 0.0) == pytest.approx(result.tangent, rel=1e-14, abs=1e-300)


@given(programs_at_points(longest=7), st.data())
def test_the_second_sweep_is_the_derivative_of_the_gradients(drawn, data):
    """Its spelled-out `mul` and `add` included: the same as sweeping back through the gradients' graphs."""
    program, point, _ = drawn
    along = data.draw(directions(len(point)))
    leaves = [Value(x) for x in point]
    root = program.run(leaves)[-1]
    assume(isinstance(root, Value))
    slopes = gradients(root, leaves, create_graph=True)
    total = ag.dot(slopes, along)
    expected = gradients(total, leaves)
    sizes = [abs(node.data) for node in topological_order(total)]
    assume(all(map(math.isfinite, expected)) and max(sizes) < 1e6)
    found = second_sweep(root, leaves, along)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9 * (1.0 + max(sizes)) ** 2)


def test_products_and_sums_are_spelled_out_as_their_rows_say():
    """The same graph with a user's `times` and `plus` takes the general path: the bits agree."""
    times = primitive("times", lambda a, b: a * b, lambda y, a, b: b, lambda y, a, b: a)
    plus = primitive("plus", lambda a, b: a + b, lambda y, a, b: 1.0, lambda y, a, b: 1.0)
    try:
        answers = []
        for product, total in ((mul, ag.add), (times, plus)):
            leaves = [Value(x) for x in (0.3, -1.7, 2.9)]
            a, b, c = leaves
            root = product(total(product(a, b), product(3.0, c)), product(total(a, 1.0), product(a, a)))
            answers.append(all_bits(second_sweep(root, leaves, [1.0, -0.5, 0.25])))
        assert answers[0] == answers[1]
    finally:
        del ag.primitives.ROWS["times"], ag.primitives.ROWS["plus"]


# ---- singular points: rows are quiet inside tangents


def test_an_infinite_slope_is_inf_and_no_error():
    assert sqrt(Dual(0.0, 1.0)).tangent == math.inf
    assert (Dual(0.0, 1.0) ** 0.5).tangent == math.inf
    assert ag.asin(Dual(1.0, 1.0)).tangent == math.inf
    assert ag.cbrt(Dual(0.0, -1.0)).tangent == -math.inf


def test_a_branch_that_does_not_matter_gives_no_nan():
    assert sqrt(relu(Dual(-1.0, 1.0))).tangent == 0.0
    assert (Dual(0.0, 0.0) * sqrt(Dual(0.0, 1.0))).tangent == 0.0
    assert sqrt(Dual(0.0, 0.0)).tangent == 0.0
    x = Value(-1.0)
    assert second_sweep(sqrt(relu(x)), [x], [1.0]) == [0.0]


CHAINS = [row for row in TABLE if row.arity == 1 or row.name in ("mul", "div", "pow", "maximum", "atan2", "gate")]
EDGES = (0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, 1e200, -1e200, 1e-200, 5e-324, 0.5)


def _leaves_the_floats(root):
    """Whether slopes of a chain, none of them 0 or infinite, make 0 or infinity if they are multiplied from one end."""
    slopes = [
        slope
        for node in ag.topological_order(root)
        for operand, slope in zip(node.operands, node.local_gradients, strict=True)
        if isinstance(operand, Value) and slope and math.isfinite(slope)
    ]
    sizes = [math.log10(abs(slope)) for slope in slopes]
    return any(abs(sum(sizes[i:j])) > 290 for i in range(len(sizes)) for j in range(i + 1, len(sizes) + 1))


def test_zero_times_infinity_is_the_same_in_every_mode(many):
    """Along a chain, where nothing is added up: 0 where the local gradient nearer to the result is 0, else nan."""
    r, seen = random.Random("zero times infinity"), {"nan": 0, "0": 0, "other": 0}
    for _ in range(many(1_500, 30_000, 100_000)):
        rows = [(r.choice(CHAINS), r.choice((0.0, 1.0, 0.5, -2.0)), r.random() < 0.5) for _ in range(r.randint(2, 3))]

        def f(x, rows=rows):
            for row, constant, first in rows:
                x = row(x) if row.arity == 1 else row(x, constant) if first else row(constant, x)
            return x

        at = r.choice(EDGES)
        x = Value(at)
        try:
            root = f(x)
        except (ValueError, ArithmeticError):
            continue
        if math.isnan(root.data):
            continue  # beyond a value that is nan already nothing is promised
        if _leaves_the_floats(root):
            continue
        (slope,) = gradients(root, [x])
        seen["nan" if math.isnan(slope) else "0" if not slope else "other"] += 1
        close = {"nan_ok": True, "rel": 1e-12, "abs": 1e-300}
        ways = {
            "graph": gradients(root, [x], create_graph=True)[0].data,
            "jvp": jvp(f, (at,), (1.0,))[1],
            "linearize": ag.linearize(f, at)[1](1.0),
            "derivative": ag.derivative(f)(at),
        }
        if not any(row.selection for row, _, _ in rows):  # a recorded one does not say which 0 it passed on
            ways["jvp on Values"] = getattr(jvp(f, (Value(at),), (1.0,))[1], "data", slope)
        for way, found in ways.items():
            assert found == pytest.approx(slope, **close), (way, rows, at)
    assert min(seen.values()) > 10, seen


def test_a_slope_that_nobody_computed_is_nan_in_forward_mode_too():
    """cbrt(x**3) has the slope 1 at 0, sqrt(x * x) none."""
    for f in (lambda x: ag.cbrt(x * x * x), lambda x: sqrt(x * x), lambda x: (x**4) ** 0.5):
        for found in (jvp(f, (0.0,), (1.0,))[1], ag.derivative(f)(0.0), ag.linearize(f, 0.0)[1](1.0), ag.grad(f)(0.0)):
            assert math.isnan(found)
    assert all(map(math.isnan, second_sweep(*(lambda x: (sqrt(x * x), [x], [1.0]))(Value(0.0)))))


def test_where_terms_cancel_modes_differ_as_is_written():
    nothing = lambda y: y - y  # noqa: E731
    assert ag.grad(lambda x: nothing(sqrt(x)))(0.0) == 0.0
    assert math.isnan(jvp(lambda x: nothing(sqrt(x)), (0.0,), (1.0,))[1])


def test_what_does_not_move_adds_nothing_even_times_infinity():
    f = lambda x, y: sqrt(x) + y  # noqa: E731
    assert jvp(f, (0.0, 2.0), (0.0, 1.0)) == (2.0, 1.0)
    assert ag.linearize(f, 0.0, 2.0)[1](0.0, 1.0) == 1.0
    assert ag.taylor(lambda x: sqrt(2.0 * x), 3)(0.0)[1:3] == [math.inf, -math.inf]  # 2 x has no second derivative
    assert sqrt(relu(Dual(-1.0, 1.0))).tangent == 0.0
    assert sqrt(relu(Dual(Value(-1.0), 1.0))).tangent.data == 0.0  # in a graph, where a replay may move it
    assert ag.derivative(lambda x: sqrt(relu(x)))(Value(-1.0)).data == 0.0
    assert ag.linearize(lambda x, y: sqrt(x) * y, 0.0, 0.0)[1](1.0, 0.0) == 0.0
    inside = lambda x, y: sqrt(ag.grad(lambda t: t**3)(y)) + x  # noqa: E731
    assert jvp(inside, (2.0, 0.0), (1.0, 0.0)) == (2.0, 1.0)


def test_a_second_sweep_treats_zero_times_infinity_as_a_sweep_does():
    """The rate of cos(x) at 0 is a number, -sin(0); what a selection did not use gets nothing."""
    assert math.isnan(ag.hvp(lambda x: sqrt(ag.sin(x)))(0.0, 1.0))
    assert ag.hvp(lambda x, y: sqrt(ag.maximum(x, y)), (0, 1))(0.0, -1.0, (1.0, 0.0))[1] == 0.0


def test_errors_are_those_of_floats():
    with pytest.raises(DomainError, match="log: operand must lie in"):
        log(Dual(-1.0, 1.0))
    with pytest.raises(ZeroDivisionError):
        1.0 / Dual(0.0, 1.0)
    with pytest.raises(OverflowError):
        exp(Dual(1000.0, 1.0))


def test_the_fourth_derivative_of_a_square_of_squares_at_zero():
    assert ag.derivative(lambda x: (x * x) * (x * x), 4)(0.0) == 24.0


# ---- levels


def test_a_number_of_a_lower_level_is_a_constant():
    low, high = Dual(3.0, 1.0, level=1), Dual(5.0, 1.0, level=2)
    for product in (low * high, high * low, mul(low, high)):
        assert product.level == 2
        assert repr(product.primal) == "Dual(primal=15.0, tangent=5.0)"
        assert product.tangent.primal == 3.0
        assert product.tangent.tangent == 1.0


def test_levels_only_grow():
    first = new_level()
    inside = []
    jvp(lambda x: inside.append(x.level) or x, (1.0,), (1.0,))
    assert first < inside[0] < new_level()


def test_a_dual_that_outlives_its_differentiation_is_a_constant_to_the_next():
    kept = []
    jvp(lambda x: kept.append(x) or x, (3.0,), (1.0,))
    y, rate = jvp(lambda x: x * kept[0].data + (x * kept[0]).data, (2.0,), (1.0,))
    assert (y, rate) == (12.0, 3.0)


def test_a_dual_cannot_hold_a_number_of_its_own_level():
    with pytest.raises(InputTypeError, match="level must be above"):
        Dual(Dual(1.0, 1.0), 1.0)
    with pytest.raises(InputTypeError, match="Dual: a real number is needed"):
        Dual("1")


def test_a_dual_holds_values_which_stay_in_their_graph():
    x = Value(3.0)
    y = Dual(x, 1.0)
    for product in (y * x, x * y):
        assert product.primal.data == 9.0
        assert gradients(product.tangent, [x]) == [1.0]
    assert gradients((y**3).tangent, [x]) == [18.0]
    assert (2.0 - y).tangent == -1.0
    assert (x - y).tangent == -1.0
    assert (x / y).primal.data == 1.0


# ---- a Dual is a number where Python wants one by value, and refused where its tangent would be lost


def test_comparisons_are_by_value():
    x, v = Dual(2.0, 1.0), Value(2.0)
    assert x > 1
    assert x >= 2.0
    assert not x < 2.0
    assert x <= v
    assert v <= x
    assert v < Dual(3.0)
    assert Dual(3.0) > v
    assert Dual(Dual(1.0), 0.0, level=2) < x
    assert bool(x)
    assert not Dual(0.0, 1.0)
    with pytest.raises(InputTypeError, match="<"):
        x < "2"  # noqa: B015


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
def test_numbers_of_every_kind_compare_as_floats_do(compare):
    for a, b in itertools.product((-1.0, -0.0, 2.0, math.inf, math.nan), repeat=2):
        for left, right in itertools.product((float, Value, Dual), repeat=2):
            assert compare(left(a), right(b)) is compare(a, b), (left, a, right, b)


def test_every_number_but_zero_is_true():
    for x in (-1.0, -0.0, 2.0, math.inf, math.nan):
        assert bool(Dual(x, 0.0)) is bool(Value(x)) is bool(x)


def test_max_and_sorted_choose_the_dual():
    a, b = Dual(2.0, 1.0), Dual(5.0, 3.0)
    assert max(a, b) is b
    assert sorted([b, a]) == [a, b]
    assert hash(a) != hash(b)


def test_equality_is_identity_and_a_number_is_refused():
    x = Dual(2.0, 1.0)
    assert x == x
    assert x != Dual(2.0, 1.0)
    with pytest.raises(InputTypeError):
        x == 2.0  # noqa: B015


def test_where_takes_the_branch_by_value():
    x = Dual(-1.0, 1.0)
    assert where(x > 0, lambda: log(x), 0.0) == 0.0
    assert where(ag.greater(x, 0.0), x, 3.0 * x).tangent == 3.0


def test_formats():
    x = Dual(2.0, 1.0)
    assert f"{x:.3f}" == "2.000"
    assert str(x) == f"{x}" == "Dual(primal=2.0, tangent=1.0)"
    assert +x is x
    assert abs(Dual(-2.0, 1.0)).tangent == -1.0


@pytest.mark.parametrize(
    "use", [float, int, math.exp, round, lambda x: x // 2, lambda x: x % 2, lambda x: math.fsum([x]), complex]
)
def test_a_tangent_is_never_lost_silently(use):
    with pytest.raises(InputTypeError):
        use(Dual(2.0, 1.0))


def test_numpy_scalars_mix():
    np = pytest.importorskip("numpy")
    assert (np.float64(3.0) * Dual(2.0, 1.0)).tangent == 3.0
    with pytest.raises(InputTypeError):
        np.exp(Dual(2.0, 1.0))
    with pytest.raises(InputTypeError):
        np.array([1.0, 2.0]) * Dual(2.0, 1.0)


def test_a_long_chain_needs_no_recursion():
    x = Dual(0.5, 1.0)
    for _ in range(20_000):
        x = x * 1.0 + 0.0
    assert x.tangent == 1.0
    assert tanh(x).data == math.tanh(0.5)


def test_a_local_gradient_that_divides_by_a_constant_zero_stays_a_float():
    r = ag.primitive("divides_by_b", lambda a, b: a * b, lambda y, a, b: a * (1.0 / b), None)
    try:
        for order, expected in ((1, math.inf), (2, math.inf)):
            found = ag.derivative(lambda a: r(a, 0.0), order)(3.0)
            assert (type(found), found) == (float, expected)
    finally:
        del ROWS["divides_by_b"]
