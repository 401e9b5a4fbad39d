"""`check_gradients`: what it accepts, what it rejects, what it says of kinks and of its own limits."""

import io
import itertools
import math
import re
import sys
from collections import namedtuple
from fractions import Fraction

import pytest
from test_mutants import MUTANTS, POINTS, shared

from autograd_lite import (
    GradientMismatch,
    GradientReport,
    Value,
    abs,
    acosh,
    atan2,
    cbrt,
    check_gradients,
    cos,
    detach,
    evaluations,
    exp,
    floor,
    grad,
    greater,
    log,
    maximum,
    no_grad,
    primitive,
    prod,
    raise_on_nonfinite,
    relu,
    sin,
    softplus,
    sqrt,
    tanh,
    where,
)
from autograd_lite.errors import AutogradError


def status(f, *point, **options):
    return check_gradients(f, *point, **options).status


def rejected(f, *point, **options):
    with pytest.raises(GradientMismatch) as caught:
        check_gradients(f, *point, **options)
    assert caught.value.report.status == "differs"
    return caught.value.report


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (sin, 1e12), (exp, 700.0), (lambda x: 1e200 * x, 3.0), (lambda x: x + 1.0, 1e-300), (lambda x: 1 / x, 1e-150),
        (lambda x: (1e15 + x) - 1e15, 1.0), (relu, 1e-7), (abs, -1e-12), (lambda x: x**30, 10.0), (sqrt, 1e-8),
        (lambda x: 5.0, 1.0), (lambda x: 0.0 * x, 1.0),
    ],
)  # fmt: skip
def test_a_right_gradient_agrees_at_any_size(f, x):
    assert status(f, x) == "agrees"


@pytest.mark.parametrize(
    ("f", "point", "slopes"),
    [
        (relu, (0.0,), (0.0, 1.0)),
        (abs, (0.0,), (-1.0, 1.0)),
        (lambda x: maximum(x, 2.0 - x), (1.0,), (-1.0, 1.0)),
        (lambda x: x * 2 if x > 0 else x * 3, (0.0,), (3.0, 2.0)),
    ],
)
def test_at_a_kink_the_gradient_lies_between_the_slopes_of_both_sides(f, point, slopes):
    (verdict,) = check_gradients(f, *point).verdicts
    assert verdict.status == "at a kink"
    assert (verdict.left, verdict.right) == pytest.approx(slopes)


def test_an_infinite_slope_at_the_edge_of_a_domain_is_no_failure():
    (verdict,) = check_gradients(sqrt, 0.0).verdicts
    assert verdict.status == "at a kink"
    assert verdict.reason == "at the edge of the domain of sqrt"
    assert status(sqrt, -0.0) == "at a kink"


@pytest.mark.parametrize("factor", [1 + 1e-6, 1 - 1e-6, -1.0, 0.0, 2.0, math.inf, math.nan])
def test_a_wrong_gradient_of_a_function_from_elsewhere_is_rejected(factor):
    assert status(math.sin, 1.0, gradient=math.cos) == "agrees"
    rejected(math.sin, 1.0, gradient=lambda x: math.cos(x) * factor)


@pytest.mark.parametrize("x", [-3.0, -0.5, -1e-7, -1e-12])
def test_a_slope_where_a_function_is_flat_is_rejected(x):
    for f in (lambda x: max(x, 0.0), lambda x: max(x, 0.0) ** 2, lambda x: 1.0 + max(x, 0.0)):
        assert status(f, x, gradient=lambda x: 0.0) == "agrees"
        rejected(f, x, gradient=lambda x: 1.0)
    rejected(lambda x: math.exp(-x * x), 1e-12, gradient=lambda x: 1.0)  # where rounding leaves one digit of the slope


def test_the_smallest_part_at_fault_is_named():
    cube = primitive("cube_off", lambda x: x**3, lambda y, x: 3 * x**2 * (1 + 1e-6))
    report = rejected(lambda x, y: sin(cube(x) * y), 1.3, 0.7)
    assert [verdict.status for verdict in report.verdicts] == ["differs", "agrees"]
    assert report.fault == (
        "Smallest part at fault: cube_off(x). The local gradient of cube_off by operand 1 at (1.3) "
        "is 5.07000507, differences find 5.07."
    )


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_sweep_is_rejected_and_said_to_be_at_fault(name, monkeypatch):
    for point in POINTS:
        assert status(shared, *point) == "agrees"
        rejected(shared, *point, gradient=lambda *xs: MUTANTS[name](shared(*map(Value, xs)), []) or [0.0] * 2)
    monkeypatch.setattr(evaluations, "gradients", MUTANTS[name])
    for point in POINTS:
        assert "the sweep that multiplies and adds them up is at fault" in rejected(shared, *point).fault


def test_a_gradient_that_left_the_graph_is_rejected():
    report = rejected(lambda x: x * x.data, 3.0)
    assert report.verdicts[0].reason == "0.5 times the slope"
    assert report.fault.endswith("what f computes depends on numbers that are no nodes.")


# ---- kinks, jumps, edges


def test_a_wrong_convention_at_a_kink_is_rejected():
    hinge = primitive("hinge_off", lambda x: max(x, 0.0), lambda y, x: 2.0 if x == 0.0 else float(x > 0.0))
    assert status(hinge, 1.0) == "agrees"
    report = rejected(hinge, 0.0)
    assert "at a kink" in report.verdicts[0].reason
    assert "the gradient does not lie between" in report.verdicts[0].reason


def test_a_kink_is_named_by_its_label_or_its_formula():
    def f(x):
        return 2.0 * relu(3.0 * x).named("h3")

    assert check_gradients(f, 0.0).verdicts[0].reason.startswith("at a kink of relu (node 'h3'): the slope is 0 on")
    assert "at a kink of relu(3 * x)" in check_gradients(lambda x: relu(3.0 * x), 0.0).verdicts[0].reason


@pytest.mark.parametrize("d", [1e-3, 1e-7, 1e-12, 3e-15])
@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_near_a_kink_the_steps_stay_on_its_side(d, side):
    (verdict,) = check_gradients(lambda x: 5.0 + relu(x - 1.0), 1.0 + side * d).verdicts
    if verdict.status == "at a kink":  # no room left for steps
        assert d < 1e-11
    else:
        assert verdict.status == "agrees"
        assert verdict.analytic == float(side > 0.0)


def test_a_function_that_is_smooth_through_kinks_agrees():
    assert status(lambda x: x * abs(x), 0.0) == "agrees"
    assert status(lambda x: relu(x) ** 2, 0.0) == "agrees"
    assert status(lambda x: relu(x) + relu(-x) - abs(x) + x, 0.0) == "agrees"
    assert status(lambda x: maximum(x, x), 2.0) == "agrees"


def test_where_kinks_meet_the_gradient_may_be_no_slope_and_the_report_says_so():
    """relu(x) - relu(-x) is x, and its gradient at 0, by the conventions of both, is 0."""
    (verdict,) = check_gradients(lambda x: relu(x) - relu(-x), 0.0).verdicts
    assert (verdict.status, verdict.left, verdict.right) == ("at a kink", 1.0, 1.0)
    assert verdict.reason.endswith("the gradient is what the kinks have agreed on")


@pytest.mark.parametrize(
    "f", [lambda x: 2 * x if x > 0 else 3 * x, lambda x: max(x, -x), lambda x: relu(x) if x else x]
)
def test_a_branch_of_pythons_own_is_found(f):
    assert status(f, 0.0) == "at a kink"
    assert status(f, 0.5) == "agrees"


def test_a_branch_is_found_in_a_black_box_too_and_a_gradient_beyond_it_rejected():
    for right in (0.0, 0.5, 1.0):
        assert status(lambda x: max(x, 0.0), 0.0, gradient=lambda x, right=right: right) == "at a kink"
    rejected(lambda x: max(x, 0.0), 0.0, gradient=lambda x: 1.001)
    rejected(lambda x: max(x, 0.0), 1e-7, gradient=lambda x: 0.0)
    assert status(lambda x: max(x, 0.0), -0.1, gradient=lambda x: 0.0) == "agrees"


@pytest.mark.parametrize(
    ("f", "x"), [(floor, 3.0), (lambda x: where(greater(x, 1.0), 5.0 + x, x), 1.0), (lambda x: float(x > 0), 0.0)]
)
def test_a_jump_is_no_slope(f, x):
    (verdict,) = check_gradients(f, x).verdicts
    assert verdict.status == "at a kink"
    assert "at a jump" in verdict.reason or "branch" in verdict.reason


def test_between_jumps_the_slope_that_is_shown_is_that_of_the_function_there():
    f = lambda x: math.sin(x) - 5.0 * math.floor(x)  # noqa: E731
    for x in (0.1, 3.001, 10.01):
        (verdict,) = rejected(f, x, gradient=lambda x: math.cos(x) * (1 + 1e-6)).verdicts
        assert abs(verdict.numeric - math.cos(x)) <= verdict.error < 1e-7


def test_a_function_from_elsewhere_does_not_agree_at_a_jump_by_luck():
    for f in (math.floor, math.ceil, lambda x: float(x > 2.0)):
        assert status(f, 2.0, gradient=lambda x: 0.0) == "at a kink"
        assert status(f, 2.0 + 1e-6, gradient=lambda x: 0.0) == "agrees"
        rejected(f, 2.0, gradient=lambda x: 1.0)
    assert status(lambda x: 5.0 if x == 2.0 else x, 2.0, gradient=lambda x: 1.0) == "inconclusive"


def test_an_infinite_slope_is_no_finite_one():
    for f in (math.sqrt, lambda x: math.copysign(abs(x) ** 0.4, x)):
        assert status(f, 0.0, gradient=lambda x: math.inf) == "at a kink"
        for wrong in (0.0, 1e8, -1.0, -math.inf, math.nan):
            rejected(f, 0.0, gradient=lambda x, wrong=wrong: wrong)
    assert status(math.sqrt, 5e-324, gradient=lambda x: 0.5 / math.sqrt(x)) == "inconclusive"
    root = lambda x: math.sqrt(abs(x))  # noqa: E731
    (verdict,) = check_gradients(root, 0.0, gradient=lambda x: 0.0).verdicts
    assert (verdict.status, verdict.left, verdict.right) == ("at a kink", -math.inf, math.inf)
    rejected(root, 1e-300, gradient=lambda x: 0.0)


@pytest.mark.parametrize(
    ("f", "df", "x"),
    [
        (math.asin, lambda x: 1 / math.sqrt((1 - x) * (1 + x)), 1 - 1e-10),
        (math.acosh, lambda x: 1 / math.sqrt((x - 1) * (x + 1)), 1 + 1e-9),
        (math.log, lambda x: 1 / x, 1e-300),
        (lambda x: math.sqrt(x) * x, lambda x: 1.5 * math.sqrt(x), 0.0),
        (lambda x: x * x if x >= 2.0 else math.nan, lambda x: 2 * x, 2.0),
        (lambda x: (x - 3.0) ** 2.5, lambda x: 2.5 * (x - 3.0) ** 1.5, 3.0),
    ],
)
def test_at_the_edge_of_a_domain_one_side_is_enough(f, df, x):
    assert status(f, x, gradient=df) == "agrees"
    rejected(f, x, gradient=lambda x: df(x) * (1 + 1e-6) or 1e-3)


def test_zero_times_infinity_is_said_to_be_a_convention():
    (verdict,) = check_gradients(lambda x: (x**4) ** 0.5, 0.0).verdicts
    assert verdict.status == "at a kink"
    assert verdict.reason == "the local gradient of (x ** 4) ** 0.5 is inf here: no chain rule holds"


def test_a_gradient_that_is_rounding_alone_is_said_to_be_so():
    """Terms near 1e119 cancel in it: what is left is not 1, and no part is wrong."""

    def f(x):
        s = softplus(x)
        return atan2(prod(1e-8, s, x), s) / x + x

    (verdict,) = check_gradients(f, 2.1672642494025294e-128).verdicts
    assert (verdict.status, verdict.numeric) == ("inconclusive", 1.0)
    assert re.fullmatch(r"by rounding alone the gradient may be off by 1\.\de105: error_budget", verdict.reason)
    report = rejected(lambda x: f(x) + detach(x) * 1e110, 2.1672642494025294e-128)
    assert report.fault.startswith("Smallest part at fault: detach")


def test_a_local_gradient_that_overflows_is_named():
    """That of 1/x at 7e-170 is -2e338; the slope of all is -1.4e169."""
    (verdict,) = check_gradients(lambda x: acosh(1.0 / x), 6.935804947500742e-170).verdicts
    assert (verdict.status, verdict.analytic) == ("inconclusive", -math.inf)
    assert verdict.reason == "the local gradient of 1 / x is larger than any float here"


# ---- what differences cannot tell


@pytest.mark.parametrize(
    ("f", "x", "gradient"),
    [
        (lambda x: math.floor((1e15 + x) - 1e15), 1.0, 1.0),
        (lambda x: 1e17 + math.sin(x), 1.0, math.cos(1.0)),
        (math.tanh, 30.0, 4.0 * math.exp(-60.0)),
        (math.sin, 1e16, math.cos(1e16)),
        (lambda x: x * x, 1e-300, 2e-300),
        (lambda x: math.exp(-(x**6)), 3.0, -1458.0 * math.exp(-729.0)),
    ],
)
def test_what_rounding_hides_is_inconclusive_and_never_agrees(f, x, gradient):
    for factor in (1.0, 1.0 + 1e-6):
        (verdict,) = check_gradients(f, x, gradient=lambda x, factor=factor: factor * gradient).verdicts
        assert verdict.status == "inconclusive"
        assert verdict.reason


@pytest.mark.parametrize(
    ("f", "df"),
    [
        (lambda x: (1e8 + x) - 1e8, lambda x: 1.0),
        (lambda x: ((1e8 + x) - 1e8) ** 3, lambda x: 3 * x * x),
        (lambda x: math.exp((1e5 + x) - 1e5), math.exp),
        (lambda x: x + round(x, 9), lambda x: 2.0),
    ],
)
@pytest.mark.parametrize("x", [0.5, 1.5, -3.0, 7.3, 1e-2])
def test_rounding_inside_of_a_function_from_elsewhere_is_found(f, df, x):
    """Between two of its jumps there is another slope: for that none is rejected, and with that none agrees."""
    inside = 1.0 if f(1.0) == 2.0 else 0.0
    assert status(f, x, gradient=df) in ("agrees", "inconclusive")
    report = check_gradients(f, x, gradient=lambda x: inside)
    assert report.status == "inconclusive"
    assert re.search("the function jumps by .* around here, as if rounded inside", report.verdicts[0].reason)
    rejected(f, x, gradient=lambda x: -df(x))
    rejected(f, x, gradient=lambda x: 1.01 * df(x))


@pytest.mark.parametrize("x", [1e-5, 1e-10, 1e-14, -1e-17, 1e-25, 1e-300])
def test_a_forgotten_gradient_is_rejected_at_points_beside_which_the_function_is_large(x):
    rejected(lambda x: 1.0 + x, x, gradient=lambda x: 0.0)
    rejected(lambda x: 1000.0 + math.sin(x), x, gradient=lambda x: 0.0)


def test_the_digits_of_a_rough_slope_are_said():
    (verdict,) = check_gradients(lambda x: math.sin(x) + 1e9, 1.0, gradient=math.cos).verdicts
    assert verdict.status == "inconclusive"
    assert verdict.reason == f"the numeric value is good for {int(verdict.digits_of_numeric)} digits only"
    assert 3 <= verdict.digits_of_numeric < 6
    assert abs(verdict.numeric - math.cos(1.0)) <= verdict.error
    rejected(lambda x: math.sin(x) + 1e9, 1.0, gradient=lambda x: 1.1 * math.cos(x))


def test_the_bound_of_the_error_holds_and_is_small():
    """Against the slope that mathematics knows."""
    for k in range(1, 60):
        x = 0.37 * k
        for f, slope in [
            (math.sin, math.cos(x)),
            (math.exp, math.exp(x)),
            (math.log, 1 / x),
            (math.sqrt, 0.5 / x**0.5),
        ]:
            (verdict,) = check_gradients(f, x, gradient=lambda x, slope=slope: slope).verdicts
            assert abs(verdict.numeric - slope) <= verdict.error < 1e-7 * abs(slope)


def logarithm(x):
    return math.log(abs(x)) if x else 0.0


ROUGH = {  # at 0 -> a function, its slope there; nan: it has none
    "x log x": (lambda x: x * logarithm(x), -math.inf),
    "|x| log |x|": (lambda x: abs(x) * logarithm(x), math.nan),
    "1e6 + x log x": (lambda x: 1e6 + x * logarithm(x), -math.inf),
    "x**x": (lambda x: abs(x) ** abs(x), math.nan),
    "x / log x": (lambda x: x + x / (logarithm(x) - 1.0), 1.0),
    "x / log**2 x": (lambda x: x + x / (logarithm(x) - 1.0) ** 2, 1.0),
    "x sin(log x)": (lambda x: x * math.sin(logarithm(x)), math.nan),
    "x sin(log x), x > 0": (lambda x: x * math.sin(logarithm(x)) if x > 0.0 else 0.0, math.nan),
    "x sin(1/x)": (lambda x: x * math.sin(1.0 / x) if x else 0.0, math.nan),
    **{
        f"|x|**{p}": (lambda x, p=p: 100.0 - 3.0 * x + math.copysign(abs(x) ** p, x), -3.0)
        for p in (1.01, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8)
    },
    **{f"x**{p}": (lambda x, p=p: math.copysign(abs(x) ** p, x), 0.0) for p in (1.01, 1.2, 1.4, 1.5)},
}


@pytest.mark.parametrize("name", ROUGH)
def test_where_quotients_settle_slowly_or_never_the_bound_holds_or_there_is_none(name):
    f, slope = ROUGH[name]
    for given in (slope, 0.0, 1.0, -7.0, -48.0):
        try:
            (verdict,) = check_gradients(f, 0.0, gradient=lambda x, given=given: given).verdicts
        except GradientMismatch as mismatch:
            (verdict,) = mismatch.report.verdicts
            assert given != slope, verdict
        if math.isfinite(slope):
            assert verdict.numeric is None or abs(verdict.numeric - slope) <= verdict.error, verdict
            assert given == slope or verdict.status != "agrees"
        else:
            assert verdict.status == "inconclusive"
            assert verdict.numeric is None
            assert verdict.error == math.inf
            assert "quotients of ever shorter steps settle on no slope" in verdict.reason


def test_a_number_that_excludes_the_gradient_and_may_be_wrong_has_no_bound():
    """exp(-tanh(x)**2) is 1.0 all around 4e-15, where its slope is -8e-15."""
    f = lambda x: math.exp(-(math.tanh(x) ** 2))  # noqa: E731
    for given in (-8e-15, 8e-15):
        report = check_gradients(f, 4e-15, gradient=lambda x, given=given: given)
        assert (report.status, report.verdicts[0].error) == ("inconclusive", math.inf)
        assert str(report).splitlines()[2].split()[-4:] == ["0", "-", "0", "inconclusive"]


def test_steps_of_a_few_roundings_do_not_refute_longer_ones():
    """Inside of cos(hypot(x, 3)) the angle is rounded: four steps near 1e-12 all give 0.9996, the slope is 0.9986."""
    f, x = lambda x: math.cos(math.hypot(x, 3.0)), 67.50460918604031
    slope = lambda x: -math.sin(math.hypot(x, 3.0)) * x / math.hypot(x, 3.0)  # noqa: E731
    assert status(f, x, gradient=slope) == "agrees"
    assert "at a kink" not in str(rejected(f, x, gradient=lambda x: slope(x) * (1 + 1e-6)))


def test_quotients_that_change_at_long_steps_alone_have_settled():
    silu = lambda x: x / (1.0 + math.exp(-x)) + x + 2.0  # noqa: E731
    assert status(silu, -43.95492373188086, gradient=lambda x: 1.0) == "agrees"
    rejected(silu, -43.95492373188086, gradient=lambda x: -1.0)


def test_a_complex_step_sees_through_cancellation_where_differences_confirm_it():
    (verdict,) = check_gradients(lambda x: 1e9 + 1.0 / x, 1.0).verdicts
    assert (verdict.status, verdict.method) == ("agrees", "complex")
    assert abs(verdict.numeric + 1.0) < 1e-14


def test_a_function_that_is_not_analytic_misleads_no_complex_step():
    """|z| / z**2 is 1/z for z > 0, and its imaginary slope there is twice the real one."""

    def f(x):
        return 1e9 + (x * x.conjugate()).real ** 0.5 / (x * x)

    (verdict,) = check_gradients(f, 1.0, gradient=lambda x: -1.0).verdicts
    assert (verdict.status, verdict.method) == ("inconclusive", "central")


def test_long_steps_that_span_many_periods_are_refuted_by_shorter_ones():
    f = lambda x: math.sin(1e5 * x)  # noqa: E731
    assert status(f, 1.0, gradient=lambda x: 1e5 * math.cos(1e5 * x)) == "agrees"
    rejected(f, 1.0, gradient=lambda x: 0.0)
    rejected(sin, 1e12, gradient=lambda x: math.cos(x) * (1 + 1e-6))


def test_few_evaluations_are_enough():
    calls = []

    def counted(f):
        return lambda x: calls.append(x) or f(x)

    check_gradients(counted(math.sin), 1.0, gradient=math.cos)
    assert len(calls) <= 20
    for f, x in [(sin, 1e12), (relu, 0.0), (cbrt, 0.0), (lambda x: 1e15 + x, 1.0)]:
        calls.clear()
        check_gradients(counted(f), x)
        assert len(calls) <= 150


# ---- points, names, reports


def test_a_point_is_numbers_values_lists_and_lists_of_lists():
    def f(w, p):
        return w * p[0][0] + p[1] ** 2

    report = check_gradients(f, 2, [[Fraction(1, 2)], 3.0])
    assert [(v.name, v.x, v.analytic) for v in report.verdicts] == [("w", 2, 0.5), ("p[0][0]", 0.5, 2), ("p[1]", 3, 6)]
    assert str(report).startswith("w * p[0][0] + p[1] ** 2 = 10\n")
    named = check_gradients(lambda *xs: xs[0] * xs[1], Value(2.0, label="rate"), 5.0)
    assert [v.name for v in named.verdicts] == ["rate", "x1"]
    assert str(check_gradients(lambda p: p[0] * p[1], [2.0, 3.0], gradient=lambda p: [p[1], p[0]])).startswith(
        "f(p) = 6\n"
    )


def test_a_function_of_values_alone_may_come_with_a_gradient_too():
    f = lambda x: (x * x).named("square").tanh()  # noqa: E731
    df = lambda x: 2 * x * (1 - math.tanh(x * x) ** 2)  # noqa: E731
    assert status(f, 0.7, gradient=df) == "agrees"
    assert rejected(f, 0.7, gradient=lambda x: 1.1 * df(x)).fault.startswith("At fault: what gradient returns")


def test_the_same_function_checks_gradients_of_gradients():
    f = lambda x: tanh(x) * x  # noqa: E731
    assert status(grad(f), 0.7) == "agrees"
    assert status(grad(grad(f)), 0.7) == "agrees"
    assert status(f, 0.7, gradient=grad(f)) == "agrees"


def test_modes_of_the_caller_do_not_matter():
    with no_grad():
        assert status(lambda x: x * x, 3.0) == "agrees"
    with raise_on_nonfinite():
        assert status(exp, 709.0) == "agrees"
    assert status(sqrt, 0.0) == "at a kink"


def test_a_report_in_a_stream_without_signs_is_ascii(monkeypatch):
    report = check_gradients(lambda x: -x, 2.0)
    assert "±" in str(report)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert str(report).isascii()
    assert "-2" in str(report)


def test_tuples_stay_tuples():
    pair = namedtuple("pair", "a b")
    assert status(lambda p: p.a * p.b, pair(2.0, 3.0), gradient=lambda p: (p.b, p.a)) == "agrees"
    assert status(lambda p: {p: p[0] ** 2}[p], (2.0, 3.0), gradient=lambda p: (2 * p[0], 0.0)) == "agrees"


def test_right_numbers_in_the_wrong_order_are_said_to_be_so():
    report = rejected(lambda x, y: x * y, 2.0, 3.0, gradient=lambda x, y: (x, y))
    assert report.fault == "At fault: the order in which gradient returns its numbers, which are right."


@pytest.mark.parametrize("gradient", [0.0, 1.0, 1e3])
def test_a_function_that_never_gives_the_same_twice_is_said_to_do_so(gradient):
    calls = itertools.count()
    try:
        report = check_gradients(lambda x: math.sin(next(calls)) + x, 1.0, gradient=lambda x: gradient)
    except GradientMismatch as mismatch:
        report = mismatch.report
    assert (
        report.fault == f"At fault: the function, which gives 1 and then {report.fault.split()[-5]} at the same point."
    )


def test_the_call_of_a_function_of_many_arguments_is_cut():
    report = check_gradients(lambda *xs: xs[0], *[1.0] * 200, gradient=lambda *xs: [1.0] + [0.0] * 199)
    assert str(report).startswith("f(x0, x1, x2, x3, ..., x199) = 1\n")


def test_a_long_report_shows_the_worst_first():
    report = rejected(lambda p: sum(x * x for x in p), [1.0] * 50, gradient=lambda p: [2.0] * 49 + [-2.0])
    text = str(report)
    assert "\n  p[49] = 1  " in text.split("\n  p[")[0] + "\n  p[" + text.split("\n  p[")[1]
    assert "... and 30 more: agrees" in text


def test_a_mismatch_is_an_assertion_error_that_reads_as_its_report():
    with pytest.raises(AssertionError, match="the sign is wrong") as caught:
        check_gradients(lambda x: x * x, 3.0, gradient=lambda x: -2 * x)
    assert isinstance(caught.value, AutogradError)
    assert str(caught.value.report) in str(caught.value)
    assert repr(caught.value.report) == "<gradient report: differs, 1 checked>"


def test_a_report_on_nothing_does_not_agree():
    assert GradientReport("f()", 1.0, []).status == "inconclusive"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: check_gradients(3.0, 1.0), "a function is needed, got 3.0 of type float"),
        (lambda: check_gradients(Value(3.0), 1.0), "Write check_gradients(f, x), not check_gradients(f(x))"),
        (lambda: check_gradients(sin), "a point is needed, got none"),
        (lambda: check_gradients(lambda xs: 1.0, []), "a point is needed, got no number in ([],). Pass one at least."),
        (lambda: check_gradients(lambda xs: 1.0, [], gradient=lambda xs: []), "a point is needed, got no number"),
        (lambda: check_gradients(sin, "1"), "the point: a real number is needed, got '1' of type str"),
        (lambda: check_gradients(lambda x: None, 1.0), "the function's result: a real number is needed, got None"),
        (lambda: check_gradients(lambda x: [x, x], 1.0), "must return one number, got 2 in a list"),
        (lambda: check_gradients(sin, 1.0, gradient=0.5), "gradient must be a function, got 0.5"),
        (lambda: check_gradients(sin, {"x": 1.0}), "got {'x': 1.0} of type dict. Put its numbers into a list."),
        (
            lambda: check_gradients(sin, 1.0, gradient=lambda x: map(cos, [x])),
            "of type map. Put its numbers into",
        ),
        (lambda: check_gradients(sin, 1.0, rtol=0.0), "rtol must lie between 0 and 1, got 0.0"),
        (lambda: check_gradients(lambda x, y: x, 1.0, 2.0, gradient=lambda x, y: 1.0), "one number for each of the 2"),
        (lambda: check_gradients(lambda x: log(x), -1.0), "log: operand must lie in (0, inf), got -1.0 at node 'x'"),
    ],
)
def test_bad_input_is_refused_where_it_is_given(call, said):
    with pytest.raises((TypeError, ValueError), match=re.escape(said)):
        call()


def test_terms_whose_sum_overflows_say_nothing_of_rounding():
    assert status(lambda a, b: a / b / b, -1.984375, -1.25e-154) == "inconclusive"


def test_a_point_that_is_no_point_is_inconclusive():
    for x in (math.nan, math.inf):
        assert status(lambda x: x, x) == "inconclusive"
