"""error_budget: the bound holds, against exact arithmetic and 50 digits; its parts are what they say."""

import math
import os
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, seed, settings
from support.exact import digits, true_gradients, true_values
from support.oracle import mp

from autograd_lite import (
    StaleGraphError,
    Value,
    atan2,
    cos,
    error_budget,
    exp,
    floor,
    gradients,
    hypot,
    leaves,
    maximum,
    mean,
    primitive,
    relu,
    sigmoid,
    sin,
    sqrt,
)
from autograd_lite.errors import ArgumentError, InputTypeError
from autograd_lite.primitives import ROWS
from autograd_lite.testing import Expression, expressions

PROGRAMS = 2 * settings.default.max_examples  # 100; at night 5,000
SEED = int(os.environ.get("AUTOGRAD_LITE_SEED", "0"))


def errors_in_bounds(e):
    """The errors of the value and of each gradient of an expression, as parts of their bounds."""
    inputs = [Value(x) for x in e.point]
    y, values = e(*inputs), true_values(e)
    budgets = [error_budget(y), *[error_budget(y, x) for x in inputs]]
    assert [budget.value for budget in budgets] == [y.data, *gradients(y, inputs)]
    for budget, truth in zip(budgets, [values[-1], *true_gradients(e, values)], strict=True):
        error = abs(mp.mpf(budget.value) - truth)
        yield (
            0.0 if error < mp.mpf(10) ** (30 - digits(e)) else float(error / budget.bound) if budget.bound else math.inf
        )


def test_values_and_gradients_of_random_graphs_up_to_depth_40_stay_within_their_bounds():
    """None outside; and the bounds are of the right size: a hundredth of them would not hold."""
    depths, ratios = [], []

    @seed(SEED)
    @settings(max_examples=PROGRAMS, suppress_health_check=list(HealthCheck))
    @given(expressions(60, depth=40))
    def within(e):
        found = list(errors_in_bounds(e))
        assert max(found) <= 1.0, found
        depths.append(e.depth)
        ratios.extend(found)

    within()
    assert max(depths) >= 30
    assert sum(depth >= 20 for depth in depths) >= PROGRAMS / 5
    assert sum(ratio > 0.01 for ratio in ratios) >= PROGRAMS / 4


def test_values_next_to_kinks_stay_within_their_bounds():
    """What the conventions at kinks say of errors is not enough: relu and hypot at 0 have gradient 0."""

    @seed(SEED)
    @settings(max_examples=PROGRAMS // 2, suppress_health_check=list(HealthCheck))
    @given(expressions(20, kinks="near"))
    def within(e):
        y, truth = e(*map(Value, e.point)), true_values(e)[-1]
        error = abs(mp.mpf(y.data) - truth)
        assert error <= error_budget(y).bound + mp.mpf(10) ** (30 - digits(e))

    within()
    x, y = leaves(x=1.0, y=3.0)
    small = (x / 3 - 1.0 / 3.0 + 1e-17) - 1e-17
    for f in (relu, abs, lambda v: hypot(v, 0.0), lambda v: maximum(v, 0.0)):
        assert abs(Fraction(f(small).data) - abs(Fraction(1, 3) - Fraction(1.0 / 3.0))) <= error_budget(f(small)).bound
    jump = error_budget(floor(y * (1.0 / 3.0)))  # 0.99999999999999994 before it is rounded
    assert (jump.value, jump.bound, jump.digits) == (1.0, 1.0, 0)
    assert error_budget(floor(y * 0.3)).bound == 0.0  # 0.9 is far enough from a jump


def test_what_overflows_is_off_by_inf_whatever_its_gradient():
    (x,) = leaves(x=1e200)
    budget = error_budget(exp(-(x * x) * 1e-300 * 1e-100))  # exp(-1), and 0 here
    assert (budget.value, budget.bound) == (0.0, math.inf)
    assert budget.contributions[0].node.primitive.name == "mul"
    assert error_budget(exp(-Value(math.inf))).bound == error_budget(exp(Value(-math.inf))).bound < 1e-300


def test_what_the_oracle_computes_is_the_gradient():
    """The oracle's own chain rule, against differences at 50 digits."""
    e = Expression(lambda a, b: sin(a * b) * sigmoid(a) + a, 0.75, -1.5)
    values = true_values(e)
    for k, gradient in enumerate(true_gradients(e, values)):
        with mp.workdps(60):
            h = mp.mpf(10) ** -20

            def at(step, k=k):
                point = [mp.mpf(x) for x in e.point]
                point[k] += step
                a, b = point
                return mp.sin(a * b) / (1 + mp.exp(-a)) + a

            assert abs(values[-1] - at(0)) < mp.mpf(10) ** -45
            assert abs((at(h) - at(-h)) / (2 * h) - gradient) < mp.mpf(10) ** -35


# ---- cancellations, against exact arithmetic


def test_a_one_that_is_lost_in_a_large_number():
    (x,) = leaves(x=1e16)
    budget = error_budget((x + 1) - x)
    assert (budget.value, budget.bound, budget.relative, budget.digits) == (0.0, 1.0, math.inf, 0)
    assert abs(Fraction(budget.value) - 1) <= budget.bound
    (worst,) = budget.contributions[:1]
    assert (worst.node.primitive.name, worst.rounding, worst.gradient, worst.share) == ("add", 1.0, 1.0, 1.0)


def test_the_quadratic_formula_and_its_other_form():
    a, b, c = leaves(a=1.0, b=1e8, c=1.0)
    d = sqrt(b * b - 4 * a * c).named("d")
    books, other = error_budget((-b + d) / (2 * a)), error_budget(-2 * c / (b + d))
    with mp.workdps(50):
        truth = (-(mp.mpf(10) ** 8) + mp.sqrt(mp.mpf(10) ** 16 - 4)) / 2
    assert 0.05 * books.bound < abs(books.value - truth) <= books.bound
    assert abs(other.value - truth) <= other.bound < 1e-15 * abs(truth)
    assert books.contributions[0].node is d
    assert (books.digits, other.digits) == (0, 15)
    # The problem itself is harmless: it was the way of computing.
    assert books.condition < 4
    assert other.condition == pytest.approx(2.0)


def test_two_forms_of_the_variance():
    xs = [1e8, 1e8 + 1, 1e8 + 2.5]
    nodes = [Value(x) for x in xs]
    m = mean(nodes)
    exact = [Fraction(x) for x in xs]
    truth = sum(x * x for x in exact) / 3 - (sum(exact) / 3) ** 2
    squares = error_budget(mean([x * x for x in nodes]) - m * m)
    differences = error_budget(mean([(x - m) ** 2 for x in nodes]))
    assert abs(Fraction(squares.value) - truth) <= squares.bound
    assert abs(Fraction(differences.value) - truth) <= differences.bound < 1e-14
    assert squares.bound > 1.0


# ---- the parts


def test_conditions_are_relative_derivatives():
    (x,) = leaves(x=2.0)
    assert error_budget(x**3).conditions == {x: 3.0}
    x, y = leaves(x=1.001, y=1.0)
    budget = error_budget(x - y)
    assert list(budget.conditions) == [x, y]
    assert budget.condition == pytest.approx(2001.0, rel=1e-9)
    (x,) = leaves(x=3.0)
    assert error_budget(x - x).conditions == {x: 0.0}
    assert error_budget(x - 3.0).conditions == {x: math.inf}


def test_the_budget_of_a_gradient_counts_what_is_computed_from_constants_alone():
    """d(x / c)/dx = 1 / c leaves no node behind, and is rounded all the same."""
    (x,) = leaves(x=0.296875)
    budget = error_budget(x / -0.578125, x)
    truth = 1 / Fraction(-0.578125)
    assert budget.value == float(truth)
    assert 0 < abs(Fraction(budget.value) - truth) <= budget.bound <= 4 * math.ulp(1.7)
    (x, y) = leaves(x=3.0, y=2.0)
    budget = error_budget(exp(x) * y, x)
    assert budget.value == gradients(exp(x) * y, [x])[0]
    assert budget.conditions == {x: pytest.approx(3.0), y: pytest.approx(1.0)}
    assert "exp(x)" in str(budget)
    assert error_budget(x + y, x).bound <= math.ulp(1.0)
    with pytest.raises(ArgumentError, match="must be a node below the root"):
        error_budget(x * 2.0, y)
    with pytest.raises(ArgumentError, match="the gradient must be finite, got inf"):
        error_budget(sqrt(x - 3.0), x)


def test_contributions_are_sorted_and_their_shares_add_up():
    x, y = leaves(x=0.3, y=0.7)
    z = exp(x * y) / cos(x) + relu(y) * x
    budget = error_budget(z)
    errors = [c.error for c in budget.contributions]
    assert errors == sorted(errors, reverse=True)
    assert sum(errors) == pytest.approx(budget.bound, rel=1e-15)
    assert sum(c.share for c in budget.contributions) == pytest.approx(1.0)
    assert all(c.error == c.rounding * abs(c.gradient) for c in budget.contributions)
    assert "relu" not in {c.node.primitive.name for c in budget.contributions}  # it rounds nothing
    assert budget.relative == budget.bound / abs(z.data)


def test_what_needs_no_rounding_has_no_error():
    x, y = leaves(x=-3.0, y=2.0)
    budget = error_budget(relu(x) * 0.0 + abs(-y))
    assert budget.contributions[0].error == math.ulp(2.0) / 2
    assert error_budget(abs(-y)).bound == 0.0
    assert str(error_budget(abs(-y))).splitlines()[0] == "2 ± 0 by rounding, to first order: 16 digits are sure"
    assert error_budget(y).contributions == []


def test_a_primitive_of_the_users_says_how_it_rounds():
    try:
        rough = primitive("rough_test", lambda x: float(f"{x:.4g}"), lambda y, x: 1.0, rounding=2.0**40)
        (x,) = leaves(x=math.pi)
        budget = error_budget(rough(x))
        assert abs(budget.value - math.pi) <= budget.bound == 2.0**40 * math.ulp(3.0)
        fixed = primitive("fixed_test", lambda x: round(x, 3), lambda y, x: 1.0, rounding=lambda y, x: 5e-4 * 2.0**52)
        assert error_budget(fixed(x)).bound == 5e-4
        usual = primitive("usual_test", lambda x: x * x, lambda y, x: 2.0 * x)
        assert error_budget(usual(x)).bound == 4.0 * math.ulp(math.pi**2)
    finally:
        for name in ("rough_test", "fixed_test", "usual_test"):
            ROWS.pop(name, None)


def test_below_the_normal_numbers_functions_promise_nothing_but_a_tiny_result():
    (x,) = leaves(x=-740.0)
    assert error_budget(exp(x)).bound > 2.0**-1022
    assert error_budget(Value(3e-200) * 2e-120).bound == 5e-324  # arithmetic keeps its word
    assert error_budget(Value(3e-200) * 2e-200).bound == 5e-324
    assert error_budget(Value(3e-200) * 0.0).bound == 0.0
    assert error_budget(Value(3e-320) - 2e-320).bound == 0.0


def test_a_long_chain_takes_neither_recursion_nor_long():
    x = y = Value(0.5)
    for _ in range(20_000):
        y = y * 1.0000001
    budget = error_budget(y)
    assert len(budget.contributions) == 20_000
    assert budget.bound == pytest.approx(20_000 * math.ulp(y.data) / 2, rel=0.01)
    assert "... and 19992 more, 100% together" in str(budget)
    assert x in budget.conditions


def test_an_infinite_slope_makes_an_infinite_bound():
    (x,) = leaves(x=2.0)
    assert error_budget(sqrt(x - 2.0)).bound == 0.0  # 0 is exact there
    budget = error_budget(sqrt(exp(x) - exp(x)))
    assert budget.bound == math.inf
    assert budget.digits == 0
    assert "± inf" in str(budget)
    zero = exp(x) - exp(x)
    undefined = error_budget(atan2(zero, zero * 2.0))
    assert math.isnan(gradients(undefined.root, [x])[0])
    assert (undefined.bound, undefined.digits, undefined.condition) == (math.inf, 0, math.inf)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: error_budget(2.0), InputTypeError, "a Value is needed, got 2.0"),
        (
            lambda: error_budget(Value(1e308) * 10.0),
            ArgumentError,
            "must be finite, got inf at an unnamed result of mul",
        ),
        (lambda: error_budget(Value(math.nan)), ArgumentError, "first_nonfinite(root) says"),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert message in str(caught.value)


def test_a_stale_graph_is_refused():
    x = Value(2.0)
    y = x * x
    x.data = 3.0
    with pytest.raises(StaleGraphError):
        error_budget(y)
