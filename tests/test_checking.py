"""`check_gradients`: what it accepts, what it rejects, what it says of kinks and of its own limits."""

import math

import pytest

from autograd_lite import GradientMismatch, abs, check_gradients, exp, maximum, primitive, relu, sin, sqrt
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


@pytest.mark.parametrize("factor", [1 + 1e-6, 1 - 1e-6, -1.0, 0.0, 2.0, math.inf, math.nan])
def test_a_wrong_gradient_of_a_function_from_elsewhere_is_rejected(factor):
    assert status(math.sin, 1.0, gradient=math.cos) == "agrees"
    rejected(math.sin, 1.0, gradient=lambda x: math.cos(x) * factor)


def test_the_smallest_part_at_fault_is_named():
    cube = primitive("cube_off", lambda x: x**3, lambda y, x: 3 * x**2 * (1 + 1e-6))
    report = rejected(lambda x, y: sin(cube(x) * y), 1.3, 0.7)
    assert [verdict.status for verdict in report.verdicts] == ["differs", "agrees"]
    assert report.fault.startswith("Smallest part at fault: cube_off(x).")


def test_a_mismatch_is_an_assertion_error_that_reads_as_its_report():
    with pytest.raises(AssertionError, match="the sign is wrong") as caught:
        check_gradients(lambda x: x * x, 3.0, gradient=lambda x: -2 * x)
    assert isinstance(caught.value, AutogradError)
    assert str(caught.value.report) in str(caught.value)
