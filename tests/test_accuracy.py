"""Every row against 50 digits: values, local gradients, second derivatives."""

import itertools
import math
import operator
import random
from fractions import Fraction

import pytest
from mpmath import mp as plain_mp
from support import oracle
from support.oracle import mp
from support.points import NO_FLOAT_ORACLE, TABLE, points, probes

from autograd_lite import Value, gradients
from autograd_lite.floats import product_error, rounding_of_decrement
from autograd_lite.primitives import ROWS

ORACLED = [row for row in TABLE if row.name not in NO_FLOAT_ORACLE]
by_row = pytest.mark.parametrize("row", ORACLED, ids=lambda row: row.name)

# What numbers.md promises, in ulps of the result (of its largest term near a root).
GELU_FAMILY = {"gelu", "gelu_tanh", "tanh_gate", "normal_cdf", "gaussian"}
INVERSE = {
    "tanh", "sigmoid_slope", "sigmoid", "asin", "acos", "atan", "atan2", "sinh", "cosh", "asinh", "acosh", "atanh",
}  # fmt: skip


def promised_value(row, xs, y):
    """What the row says of itself, in ulps of y; for `math`'s own functions this holds the platform's libm to it."""
    return row.rounding(y, *xs) * 2.0**-52 / math.ulp(y) if callable(row.rounding) else row.rounding


def promised_gradient(row, xs):
    if row.name == "prod":
        return max(4.0, len(xs) / 2)
    return 16.0 if row.name in GELU_FAMILY | INVERSE else 4.0


def stays_in_range(row, xs):
    """Whether a product is of normal size all the way: multiplied left to right, as math.prod does, it may not be."""
    if row.name != "prod":
        return True
    sizes = [math.log10(abs(x)) if x else 0.0 for x in xs]
    ends = [sum(sizes[i:j]) for i in range(len(xs)) for j in range(i, len(xs) + 1)]
    return max(map(abs, ends)) < 300


def count_of(full_lane):
    return 300 if full_lane else 12


def test_the_oracle_knows_every_row():
    assert {row.name for row in ORACLED} == oracle.FIXED.keys() | oracle.VARIADIC.keys()


@by_row
def test_derivatives_of_the_oracle_are_those_of_its_values(row):
    """The closed forms of the oracle are checked without a look at the table."""
    for xs in probes(row, 3):
        exact = oracle.partials(row.name, xs)
        for i in range(len(xs)):
            if row.name == "where" and i == 0:
                continue

            def along(t, i=i, xs=xs):
                moved = [mp.mpf(x) for x in xs]
                moved[i] = t
                return (
                    oracle.VARIADIC[row.name][0](*moved)
                    if row.name in oracle.VARIADIC
                    else oracle.FIXED[row.name].value(*moved)
                )

            with mp.workdps(60):
                nudged = mp.diff(along, mp.mpf(xs[i]))
            assert abs(nudged - exact[i]) <= mp.mpf(10) ** -20 * (1 + abs(exact[i]))


@by_row
def test_the_value_is_within_the_promised_ulps_of_the_truth(row, full_lane):
    seen = 0
    for xs in filter(lambda xs: stays_in_range(row, xs), points(row, count_of(full_lane))):
        truth, y = oracle.value(row.name, xs), row(*xs)
        error = oracle.ulps(y, truth)
        assert error <= promised_value(row, xs, y), (row, xs, y, oracle.nearest(truth), error)
        seen += 1
    assert seen >= 12


@by_row
def test_local_gradients_are_within_the_promised_ulps_of_the_truth(row, full_lane):
    seen = 0
    for xs in filter(lambda xs: stays_in_range(row, xs), points(row, count_of(full_lane))):
        try:
            truths = oracle.partials(row.name, xs)
        except ZeroDivisionError:  # a pole of the derivative: test_conventions.py
            continue
        for i, (ours, truth) in enumerate(zip(row.partials(row(*xs), xs), truths, strict=True)):
            if ours is None or isinstance(truth, mp.mpc):  # no gradient, or a log of a negative base
                continue
            error = oracle.ulps(ours, truth, oracle.largest_term(row.name, i, xs))
            assert error <= promised_gradient(row, xs), (row, xs, i, ours, oracle.nearest(truth), error)
            seen += 1
    assert seen >= 12 or row.gradients == (None,) * len(row.gradients)


@by_row
def test_every_gradient_reaches_the_graph_as_it_stands_in_the_row(row):
    """backward() adds the local gradient itself: no engine in between changes a bit."""
    for xs in probes(row, 5):
        leaves = [Value(x) for x in xs]
        y = row(*leaves)
        y.backward()
        expected = [local or 0.0 for local in row.partials(row(*xs), xs)]
        assert [leaf.grad for leaf in leaves] == expected
        assert list(y.local_gradients) == expected


@by_row
def test_second_derivatives_agree_with_the_truth(row, full_lane):
    """The gradient is a graph; its own gradient is held to mp.diff of the oracle's first one."""
    for xs in probes(row, 30 if full_lane else 8, "second"):
        leaves = [Value(x) for x in xs]
        firsts = gradients(row(*leaves), leaves, create_graph=True)
        for i, first in enumerate(firsts):
            if row.name == "where" and i == 0:
                continue
            for j, second in enumerate(gradients(first, leaves)):
                if row.name == "where" and j == 0:
                    continue
                with mp.workdps(60):
                    truth = mp.diff(lambda t, i=i, j=j, xs=xs: partial_along(row.name, i, j, xs, t), mp.mpf(xs[j]))
                assert abs(second - truth) <= 1e-13 * (1 + abs(truth)), (row, xs, i, j, second, oracle.nearest(truth))


def partial_along(name, i, j, xs, t):
    moved = [mp.mpf(x) for x in xs]
    moved[j] = t
    return oracle.VARIADIC[name][1](*moved)[i] if name in oracle.VARIADIC else oracle.FIXED[name].partials[i](*moved)


def derivative(f, order, at):
    x = Value(at)
    y = f(x)
    for _ in range(order):
        (y,) = gradients(y, [x], create_graph=True)
    return y.data


THIRD = {
    "x**2": (lambda x: x**2, lambda x: x**2),
    "x**3": (lambda x: x**3, lambda x: x**3),
    "x**-2": (lambda x: x**-2, lambda x: x**-2),
    "sin": (ROWS["sin"], plain_mp.sin),
    "tanh": (ROWS["tanh"], plain_mp.tanh),
    "exp": (ROWS["exp"], plain_mp.exp),
    "sigmoid": (ROWS["sigmoid"], lambda x: 1 / (1 + plain_mp.exp(-x))),
    "softplus": (ROWS["softplus"], lambda x: plain_mp.log(1 + plain_mp.exp(x))),
    "gelu": (ROWS["gelu"], lambda x: x * plain_mp.ncdf(x)),
    "silu": (ROWS["silu"], lambda x: x / (1 + plain_mp.exp(-x))),
    "atan": (ROWS["atan"], plain_mp.atan),
    "asinh": (ROWS["asinh"], plain_mp.asinh),
    "erf": (ROWS["erf"], plain_mp.erf),
    "log1p": (ROWS["log1p"], lambda x: plain_mp.log(1 + x)),
}


OUTSIDE = {("log1p", -2.0), ("x**-2", 0.0)}


@pytest.mark.parametrize(
    ("name", "at"),
    [(name, at) for name in THIRD for at in (0.0, 0.7, -0.6, -2.0, 3.0) if (name, at) not in OUTSIDE],
)
@pytest.mark.parametrize("order", [3, 4])
def test_third_and_fourth_derivatives_agree_with_the_truth(name, order, at):
    ours, theirs = THIRD[name]
    with plain_mp.workdps(50):
        truth = plain_mp.diff(theirs, plain_mp.mpf(at), order)
    assert abs(derivative(ours, order, at) - truth) <= 1e-12 * (1 + abs(truth))


@pytest.mark.parametrize("name", ["x**2", "x**3", "sin", "tanh", "exp", "sigmoid"])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives_to_the_third_are_right_to_a_few_ulp_wherever_they_do_not_cancel(name, order):
    """At 0 and next to it, where a difference of sigmoids or of squares would lose every digit, and in the tails."""
    ours = THIRD[name][0]
    for at in (0.0, 5e-324, 1e-300, 1e-20, 1e-9, 1e-3, 0.3, 1.0, 2.5, 20.0, 300.0):
        for x in (at, -at):
            truth, term = LEADING[name](mp.mpf(x))[order - 1]
            found = derivative(ours, order, x)
            assert oracle.ulps(found, truth, abs(term)) <= 8, (x, order, found)


@pytest.mark.parametrize(
    ("name", "truth"),
    [
        ("asin", lambda x: x / (1 - x * x) ** mp.mpf(1.5)),
        ("acos", lambda x: -x / (1 - x * x) ** mp.mpf(1.5)),
        ("atanh", lambda x: 2 * x / (1 - x * x) ** 2),
    ],
)
def test_second_derivatives_of_inverse_functions_keep_their_digits_at_0_and_near_1(name, truth):
    for at in (5e-324, 1e-300, 1e-20, 1e-8, 1e-3, 0.3, 0.7, 0.99, 0.9999999):
        for x in (at, -at):
            assert oracle.ulps(derivative(ROWS[name], 2, x), truth(mp.mpf(x))) <= 8, x


def _tanh_derivatives(x):
    t, s = mp.tanh(x), oracle.sech2(x)
    return [(s, s), (-2 * t * s, t * s), (4 * t * t * s - 2 * s * s, 4 * t * t * s)]


def _sigmoid_derivatives(x):
    return [(d / 2 ** (k + 1), term / 2 ** (k + 1)) for k, (d, term) in enumerate(_tanh_derivatives(x / 2), 1)]


LEADING = {  # (derivative, its largest term): closed forms, since numeric differences drown at 1e-300
    "x**2": lambda x: [(2 * x, x), (mp.mpf(2), mp.one), (mp.zero, mp.zero)],
    "x**3": lambda x: [(3 * x * x, x * x), (6 * x, x), (mp.mpf(6), mp.one)],
    "sin": lambda x: [(mp.cos(x), mp.zero), (-mp.sin(x), mp.zero), (-mp.cos(x), mp.zero)],
    "tanh": _tanh_derivatives,
    "sigmoid": _sigmoid_derivatives,
    "exp": lambda x: [(mp.exp(x), mp.zero)] * 3,
}


EXTREME = [1e-150, 1e-150, 1e200, 1e200], [1e200, 1e-300, 1e200, 1e-200], [-1e-300, 1e300, 1e300, 1e-300, 7.0]
EXTREME = [*EXTREME, [1e150, 1e150, 1e-200, 1e-200, 3.0], [1e-100] * 3 + [-1e100] * 5 + [1e-100] * 4]
WITH_A_ZERO = [0.0, 1e-150, 1e200, 1e200], [1e200, 0.0, 1e200, 1e-150]


@pytest.mark.parametrize("xs", [*EXTREME, *WITH_A_ZERO], ids=str)
def test_the_gradient_of_a_product_leaves_the_floats_only_where_it_must(xs):
    """Large and small factors take turns where their product from one end would not be a float, or not a normal one."""
    assert 1e-300 < abs(ROWS["prod"](*xs)) < 1e300 or 0.0 in xs
    leaves = [Value(x) for x in xs]
    y = ROWS["prod"](*leaves)
    floats = gradients(y, leaves)
    assert floats == [g.data for g in gradients(y, leaves, create_graph=True)]
    for ours, truth in zip(floats, oracle.partials("prod", xs), strict=True):
        assert oracle.ulps(ours, truth) <= len(xs) / 2, (ours, oracle.nearest(truth))


def test_factors_are_multiplied_in_their_order_unless_a_part_of_the_product_would_leave_the_floats():
    r, seen = random.Random("prod"), 0
    while seen < 100:
        xs = [r.choice((-1.0, 1.0)) * 10 ** r.uniform(-150.0, 150.0) for _ in range(r.randint(2, 6))]
        before = list(itertools.accumulate(xs, operator.mul, initial=1.0))
        after = list(itertools.accumulate(xs[::-1], operator.mul, initial=1.0))[::-1]
        if all(1e-290 < abs(part) < 1e290 for part in [*before, *after]):
            seen += 1
            expected = [a * b for a, b in zip(before, after[1:], strict=False)]
            assert ROWS["prod"].partials(before[-1], xs) == expected, xs


def test_the_fourth_derivative_of_a_square_of_squares_is_24_at_0():
    assert derivative(lambda x: (x * x) * (x * x), 4, 0.0) == 24.0
    assert derivative(lambda x: x**4, 4, 0.0) == 24.0
    assert derivative(lambda x: ROWS["prod"](x, x, x, x), 4, 0.0) == 24.0


def test_powers_are_exact_to_order_five_at_0_and_at_minus_2():
    for n in range(6):
        for at in (0.0, -2.0):
            for order in range(6):
                truth = math.perm(n, order) * at ** (n - order) if order <= n else 0.0
                assert derivative(lambda x, n=n: x**n, order, at) == truth, (n, at, order)


def test_a_root_times_zero_has_no_nan_at_the_origin():
    a, x = Value(0.0), Value(0.0)
    by_a, by_x = gradients(a * x.sqrt(), [a, x], create_graph=True)
    assert (by_a.data, by_x.data) == (0.0, 0.0)
    assert gradients(a * x.sqrt(), [a, x]) == [0.0, 0.0]
    assert gradients(by_x, [a]) == [math.inf]


@pytest.mark.parametrize("x", [0.5, 3.0])
def test_the_mixed_derivative_of_a_power_is_right_where_the_exponent_is_zero(x):
    """d2(x**n)/dx dn = x**(n-1) (1 + n ln x), 1/x at n = 0, in whichever order it is taken."""
    base, exponent = Value(x), Value(0.0)
    by_base, by_exponent = gradients(base**exponent, [base, exponent], create_graph=True)
    assert gradients(by_base, [exponent]) == [1 / x]
    assert gradients(by_exponent, [base]) == [1 / x]


@by_row
def test_mixed_second_derivatives_do_not_depend_on_the_order(row):
    for xs in probes(row, 4, "mixed"):
        leaves = [Value(x) for x in xs]
        hessian = [gradients(g, leaves) for g in gradients(row(*leaves), leaves, create_graph=True)]
        for i in range(len(xs)):
            for j in range(i):
                assert hessian[i][j] == pytest.approx(hessian[j][i], rel=1e-12, abs=1e-13)


def test_what_a_decrement_loses_to_rounding_is_told_exactly():
    for n in (0.0, 1.0, 0.1, -0.3, 1 / 3, 2.0**-60, 3.5, 2.0**53, 2.0**53 + 2, -(2.0**53), 2.0**54, 1e300):
        assert Fraction(rounding_of_decrement(n)) == Fraction(n) - 1 - Fraction(n - 1.0)


def test_what_a_product_loses_to_rounding_is_told_exactly():
    r = random.Random("product_error")
    for _ in range(200):
        a, b = (r.uniform(-1.0, 1.0) * 10 ** r.uniform(-30.0, 30.0) for _ in range(2))
        assert Fraction(product_error(a, b, a * b)) == Fraction(a) * Fraction(b) - Fraction(a * b)
