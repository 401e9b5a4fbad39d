"""Derivatives of order n by series: right to any order, cheap, and at home among the other transforms."""

import gc
import math

import pytest
from support import oracle
from support.oracle import mp
from support.points import TABLE, probes

from autograd_lite import (
    derivative,
    errors,
    exp,
    grad,
    hvp,
    jacobian,
    jvp,
    linearize,
    log,
    primitive,
    sigmoid,
    sin,
    tanh,
    taylor,
    vjp,
)  # fmt: skip
from autograd_lite.series import Expansion, Series

UNARY = [row for row in TABLE if row.arity == 1 and row.name in oracle.FIXED]


@pytest.mark.parametrize("row", UNARY, ids=lambda row: row.name)
def test_the_coefficients_of_every_row_are_those_of_the_truth(row):
    """The first row of the table to be wrong in its n-th derivative only would be caught here."""
    for (x,) in probes(row, 2, "series"):
        found = taylor(row, 8)(x)
        with mp.workdps(60):
            truth = mp.taylor(oracle.FIXED[row.name].value, mp.mpf(x), 8)
        scale = max(map(abs, truth))
        for k, (ours, theirs) in enumerate(zip(found, truth, strict=True)):
            assert abs(ours - theirs) <= 2e-14 * scale, (x, k, ours)


@pytest.mark.parametrize("n", range(7))
def test_a_series_is_the_tower_of_gradients(n):
    def f(x):
        return exp(tanh(x) * sigmoid(x)) / (1.0 + x * x) ** 0.3 + log(x + 2.0) * x**2

    tower = f
    for _ in range(n):
        tower = grad(tower)
    assert derivative(f, n)(0.7) == pytest.approx(tower(0.7), rel=1e-12)
    assert taylor(f, 6)(0.7)[n] == pytest.approx(tower(0.7) / math.factorial(n), rel=1e-12)


@pytest.mark.parametrize("f", [lambda x: x, lambda x: 3.0, lambda x: x * x], ids=["x", "3", "x*x"])
@pytest.mark.parametrize("n", range(3))
def test_there_are_as_many_coefficients_as_were_asked_for_and_the_first_is_the_value(f, n):
    found = taylor(f, n)(2.0)
    assert len(found) == n + 1
    assert found[0] == derivative(f, 0)(2.0) == f(2.0)


def test_an_order_more_costs_about_as_much_as_the_one_before():
    """Counted, not timed: a row is asked for as many values as there are orders, not 3 to 4 times as many for each."""
    calls = 0

    def forward(x):
        nonlocal calls
        calls += 1
        return math.sin(x)

    wave = primitive("counted_sin", forward, lambda y, x: counted_cos(x))
    counted_cos = primitive("counted_cos", math.cos, lambda y, x: -wave(x))
    counts = []
    for n in (4, 8, 16):
        calls = 0
        assert derivative(lambda x: wave(wave(x) * x), n)(0.3) == pytest.approx(
            derivative(lambda x: sin(sin(x) * x), n)(0.3)
        )
        counts.append(calls)
    assert counts == [2, 2, 2]  # whatever the order: the derivative of the derivative finds the sine where it was


def test_powers_that_no_order_brings_back_cost_a_node_an_order():
    found = taylor(lambda x: x**0.5, 40)(1.0)
    assert found == pytest.approx([float(mp.binomial(0.5, k)) for k in range(41)], rel=1e-13)


def test_coefficients_stay_in_the_floats_where_derivatives_do_not():
    found = taylor(lambda x: exp(1000.0 * x), 150)(0.0)
    assert found == pytest.approx([float(mp.mpf(1000) ** k / mp.factorial(k)) for k in range(151)], rel=1e-13)
    assert derivative(lambda x: exp(1000.0 * x), 150)(0.0) == math.inf


def test_whole_numbers_stay_whole():
    assert taylor(lambda x: (1.0 + x) ** 10, 10)(0.0) == [float(math.comb(10, k)) for k in range(11)]
    assert [derivative(lambda x: x**7, n)(2.0) for n in range(9)] == [
        math.perm(7, n) * 2.0 ** (7 - n) if n <= 7 else 0.0 for n in range(9)
    ]


def test_nothing_recurses_and_nothing_waits_for_the_collector():
    def long(x):
        for _ in range(2000):
            x = sin(x) + x * 0.5
        return x

    derivative(long, 2)(0.1)
    gc.collect()
    gc.disable()
    try:
        derivative(long, 3)(0.1)
        with pytest.raises(ValueError, match="log"):
            derivative(lambda x: log(exp(x) - 5.0), 3)(0.1)
        assert not [thing for thing in gc.get_objects() if isinstance(thing, Series)]
    finally:
        gc.enable()


WITHIN = {
    "grad": grad,
    "derivative": derivative,
    "jvp": lambda f: lambda x: jvp(f, (x,), (1.0,))[1],
    "vjp": lambda f: lambda x: vjp(f, x)[1](1.0)[0],
    "linearize": lambda f: lambda x: linearize(f, x)[1](1.0),
    "jacobian": jacobian,
    "second": lambda f: lambda x: hvp(lambda t: f(t[0]))([x], [1.0])[0],
}


@pytest.mark.parametrize("name", WITHIN)
def test_every_transform_may_stand_inside_and_outside(name):
    """d2/dx2 of x * d/dy (x**2 y**3) at y = x, 3 x**5, and of x * d2/dy2 for the one that is a second derivative."""
    inner = WITHIN[name]

    def f(x):
        return x * inner(lambda y: x * x * y**3)(x)

    second = 6.0 * 4 * 3 * 2.0**2 if name == "second" else 3.0 * 5 * 4 * 2.0**3
    assert derivative(f, 2)(2.0) == second
    assert taylor(f, 2)(2.0)[2] == second / 2
    outer = derivative(lambda y: y**5, 3)
    assert inner(outer)(2.0) == (120.0 if name == "second" else 240.0)


def test_a_local_gradient_may_itself_be_a_transform():
    row = primitive("by_grad", lambda x: x**3 * math.sin(x), lambda y, x: grad(lambda t: t**3 * sin(t))(x))
    for n in range(6):
        assert derivative(row, n)(0.7) == pytest.approx(derivative(lambda t: t**3 * sin(t), n)(0.7), rel=1e-13)


def test_rows_that_share_a_name_are_two_rows():
    square = primitive("namesake", lambda x: x * x, lambda y, x: 2.0 * x)
    cube = primitive("namesake", lambda x: x**3, lambda y, x: 3.0 * x * x)
    row = primitive("by_namesakes", lambda x: x**3 / 3.0 + x**4 / 4.0, lambda y, x: square(x) + cube(x))
    assert [derivative(row, n)(2.0) for n in range(1, 5)] == [12.0, 16.0, 14.0, 6.0]


def test_terms_that_count_for_nothing_are_not_computed():
    """The slope of x**3 is 3 x**2, ..., and that of x**0 is 0 * x**-1: where it ends, no order makes another node."""
    expansion = Expansion(50)
    y = expansion.number(2.0, 1.0) ** 3.0
    assert y.parts == (8.0, 12.0, 12.0, 6.0, *[0.0] * 47)
    assert len(expansion.known) < 20


def test_an_order_whose_binomials_leave_the_floats_is_refused():
    assert derivative(lambda x: x**3, 1100)(0.3) == 0.0
    with pytest.raises(errors.NumberOverflowError, match=r"derivative: .* got order 1031\. .* taylor"):
        derivative(lambda x: x * exp(x) * exp(x), 1100)(0.3)


def test_a_row_that_gives_another_number_each_time_is_asked_each_time():
    numbers = iter([2.0, 3.0])
    noise = primitive("noise_of_a_test", lambda x: next(numbers), lambda y, x: 0.0)
    assert derivative(lambda x: noise(x) * noise(x) * x, 1)(1.0) == 6.0


def test_a_series_says_what_it_is():
    seen = []
    derivative(lambda x: seen.append(x * x) or x, 2)(3.0)
    assert repr(seen[0]) == "Series(9.0)"
    assert seen[0].parts == (9.0, 6.0, 2.0)
    assert seen[0] > 8.0
    with pytest.raises(TypeError, match="a Series was used where a plain number is needed"):
        derivative(math.sin, 2)(1.0)
