"""Transforms: right numbers, right shapes, and right when they are nested in each other."""

import itertools
import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bits import bits

import autograd_lite as ag
from autograd_lite import (
    Value,
    atan,
    cos,
    derivative,
    erf,
    exp,
    grad,
    hessian,
    hvp,
    hypot,
    jacobian,
    jvp,
    linearize,
    log1p,
    logsumexp,
    no_grad,
    primitive,
    sigmoid,
    sin,
    softmax,
    sqrt,
    tanh,
    taylor,
    value_and_grad,
    vjp,
)
from autograd_lite.errors import ArgumentError, InputTypeError
from autograd_lite.transforms import _pull, _Run

mp = mpmath.mp.clone()
mp.dps = 60
ULP = 2.0**-52


def rosenbrock(x):
    return sum(100.0 * (b - a**2) ** 2 + (1.0 - a) ** 2 for a, b in itertools.pairwise(x))


# ---- numbers of others: recorded from PyTorch 2 in double precision

POINT, ALONG = [0.5, -1.25, 0.75], [1.0, -2.0, 0.5]


def scalar(x):
    bump = tanh(x[0] * x[1]) * exp(-(x[2] ** 2))
    return bump + log1p(x[0] ** 2) / (1.0 + exp(x[1])) + hypot(x[1], x[2])


def vector(x):
    return [sin(x[0] * x[1]) / x[2], logsumexp(x), softmax(x)[1], x[0] ** x[2]]


TORCH_VALUE = 1.3151860287746713
TORCH_GRADIENT = [0.12867921640460434, -0.6988558736174804, 0.9884978500203514]
TORCH_HESSIAN = [
    [1.4299747968817735, -0.01746206362750677, 0.7397410088027229],
    [-0.01746206362750677, 0.2695668022559622, 0.006748158495102852],
    [0.7397410088027228, 0.006748158495102963, 0.4254072542615158],
]
TORCH_HVP = [1.8347694285381484, -0.5532215888918797, 0.9389483189432749]
TORCH_JACOBIAN = [
    [-1.351605199175363, 0.5406420796701452, 1.0401729296719329],
    [0.4068680365934249, 0.07070306318277945, 0.5224289002237956],
    [-0.028766816498318342, 0.06570414003935135, -0.036937323541033004],
    [0.8919053362520408, 0.0, -0.41214777943298136],
]
TORCH_HIGHER = [0.7208209361369443, 1.8271325712815079, -0.633176484268218, -5.11847830187218, 11.416277316098116]


def close(found, expected, tolerance=1e-13):
    if isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            close(a, b, tolerance)
    else:
        assert found == pytest.approx(expected, rel=tolerance, abs=tolerance)


def test_torch_agrees_about_first_and_second_derivatives():
    close(value_and_grad(scalar)(POINT), (TORCH_VALUE, TORCH_GRADIENT))
    close(hessian(scalar)(POINT), TORCH_HESSIAN)
    close(hvp(scalar)(POINT, ALONG), TORCH_HVP)
    close(jacobian(vector)(POINT), TORCH_JACOBIAN)


def test_further_arguments_of_a_derivative_are_passed_on_as_those_of_a_gradient_are():
    def f(x, ys, scale=1.0):
        return scale * x**3 * ys[0] + ys[1]

    assert derivative(f)(2.0, [5.0, 1.0]) == grad(f)(2.0, [5.0, 1.0]) == 60.0
    assert derivative(f, 2)(2.0, [5.0, 1.0], scale=0.5) == 30.0
    assert taylor(f, 3)(2.0, [5.0, 1.0]) == [41.0, 60.0, 30.0, 5.0]
    assert grad(lambda y: derivative(f)(2.0, [y, 1.0]))(5.0) == 12.0


def test_torch_agrees_about_fourth_derivatives():
    def f(x):
        return sigmoid(3.0 * x) * atan(x) + erf(x)

    for n, expected in enumerate(TORCH_HIGHER):
        close(derivative(f, n)(0.4), expected)
    nested = f
    for expected in TORCH_HIGHER[1:]:
        nested = grad(nested)
        close(nested(0.4), expected)


def test_every_composition_gives_the_same_hessian():
    n = range(3)
    columns = [[float(i == j) for j in n] for i in n]
    close(jacobian(grad(scalar))(POINT), TORCH_HESSIAN)  # reverse over reverse
    close([jvp(grad(scalar), (POINT,), (e,))[1] for e in columns], TORCH_HESSIAN)  # forward over reverse
    close(
        [grad(lambda x, e=e: jvp(scalar, (x,), (e,))[1])(POINT) for e in columns], TORCH_HESSIAN
    )  # reverse over forward
    close(
        [[jvp(lambda x, d=d: jvp(scalar, (x,), (d,))[1], (POINT,), (e,))[1] for e in columns] for d in columns],
        TORCH_HESSIAN,
    )  # forward over forward
    close([linearize(grad(scalar), POINT)[1](e) for e in columns], TORCH_HESSIAN)
    close([vjp(grad(scalar), POINT)[1](e)[0] for e in columns], TORCH_HESSIAN)
    close([hvp(scalar)(POINT, e) for e in columns], TORCH_HESSIAN)


def test_third_order_compositions_agree():
    expected = derivative(lambda x: sin(x) * exp(-x * x), 3)(0.7)
    for a in (grad, derivative):
        for b in (grad, derivative):
            for c in (grad, derivative):
                close(a(b(c(lambda x: sin(x) * exp(-x * x))))(0.7), expected, 1e-14)
    close(grad(lambda x: hessian(lambda y: sin(y[0]) * exp(-y[0] * y[0]))([x])[0][0])(0.7), expected, 1e-14)
    close(derivative(lambda x: hvp(lambda y: sin(y[0]) * exp(-y[0] * y[0]))([x], [1.0])[0])(0.7), expected, 1e-14)


def test_the_raw_hessian_is_symmetric_within_rounding_and_the_returned_one_exactly():
    x = [0.3 * k - 1.0 for k in range(8)]
    raw, returned = jacobian(grad(rosenbrock))(x), hessian(rosenbrock)(x)
    largest = max(abs(h) for row in raw for h in row)
    for i in range(8):
        for j in range(8):
            assert abs(raw[i][j] - raw[j][i]) <= 8 * ULP * largest
            assert bits(returned[i][j]) == bits(returned[j][i])
            assert abs(returned[i][j] - raw[i][j]) <= 8 * ULP * largest


# ---- derivatives of one variable


@pytest.mark.parametrize("name", ["sin", "tanh", "exp"])
@pytest.mark.parametrize("x", [0.0, 0.3, 1.0, -1.7, 2.5])
def test_derivatives_up_to_the_fourth_within_a_few_ulp(name, x):
    f, truth = getattr(ag, name), getattr(mp, name)
    for n in range(1, 5):
        expected = mp.diff(truth, mp.mpf(x), n)
        by_reverse = f
        for _ in range(n):
            by_reverse = grad(by_reverse)
        for found in (derivative(f, n)(x), by_reverse(x)):
            assert abs(found - expected) <= max(10 * 2.0**-53 * abs(expected), mp.mpf(10) ** -40), (name, x, n)


@pytest.mark.parametrize("x", [0.0, -0.0, 1.0, -2.0, 0.3, 1e-200, 1e8])
def test_integer_powers_are_exact_to_any_order(x):
    for power in (0, 1, 2, 3):
        for n in range(6):
            factor = math.perm(power, n) if n <= power else 0
            expected = factor * mp.mpf(x) ** (power - n) if factor else 0
            for f in (lambda x, p=power: x ** float(p), lambda x, p=power: x**p):
                found = derivative(f, n)(x)
                assert abs(found - expected) <= 2 * 2.0**-53 * abs(expected) + 1e-323, (power, n)


def test_taylor_coefficients():
    assert taylor(exp, 4)(0.0) == [1.0, 1.0, 0.5, 1 / 6, 1 / 24]
    assert taylor(lambda x: 5.0, 2)(1.0) == [5.0, 0.0, 0.0]
    assert taylor(lambda x: x * x, 0)(3.0) == [9.0]
    assert grad(lambda x: taylor(lambda t: t**4, 2)(x)[2])(3.0) == 36.0  # (6 x**2)'


def test_an_infinite_derivative_is_inf_and_no_error():
    assert grad(sqrt)(0.0) == math.inf
    assert derivative(sqrt)(0.0) == math.inf
    assert grad(lambda x: sqrt(ag.relu(x)))(-1.0) == 0.0


# ---- perturbation confusion


D = [grad, derivative, lambda f: lambda x: jvp(f, (x,), (1.0,))[1], lambda f: lambda x: vjp(f, x)[1](1.0)[0]]
D += [lambda f: lambda x: linearize(f, x)[1](1.0), lambda f: lambda x: jacobian(f)(x)]


@pytest.mark.parametrize("outer", D)
@pytest.mark.parametrize("inner", D)
def test_siskind_and_pearlmutter(outer, inner):
    """Perturbation confusion in forward mode (2005): d/dx [x * d/dy (x + y)] is 1, not 2."""
    assert outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0) == 1.0
    assert outer(lambda x: x * inner(lambda y: x * y)(1.0))(3.0) == 6.0
    assert outer(lambda x: x * inner(lambda y: x * y * y)(x))(3.0) == 6.0 * 9.0
    assert outer(lambda x: inner(lambda y: y * x)(x) * x)(3.0) == 6.0


@pytest.mark.parametrize("outer", D)
@pytest.mark.parametrize("inner", D)
def test_the_inner_result_is_differentiated_where_it_depends_on_the_outer_argument(outer, inner):
    assert outer(lambda x: inner(lambda y: inner(lambda z: x * y * z * z)(y))(x))(2.0) == 16.0  # x * 4y at y=x
    assert outer(lambda x: inner(lambda y: 5.0)(x))(2.0) == 0.0
    assert outer(lambda x: inner(lambda y: y * y)(3.0))(2.0) == 0.0


@pytest.mark.parametrize("d", D)
def test_manzyuk_et_al(d):
    """Perturbation confusion in forward mode of higher order (2019): the shift operator s(u)(f)(x) = f(x + u).

    Its derivative at u = 0 is the operator f -> f'; applied twice it must give f'', not 0 or 2f''.
    """

    def shift(u):
        return lambda f: lambda x: f(x + u)

    def slope_of(f):  # D s 0, the derivative of a function of functions, taken at every point
        return lambda x: d(lambda u: shift(u)(f)(x))(0.0)

    assert slope_of(exp)(1.0) == math.e
    assert slope_of(slope_of(exp))(1.0) == pytest.approx(math.e, rel=1e-15)
    assert slope_of(slope_of(lambda x: x**3))(2.0) == 12.0
    assert slope_of(slope_of(slope_of(lambda x: x**3)))(2.0) == 6.0


@pytest.mark.parametrize("d", D)
def test_a_function_of_functions_is_refused_rather_than_confused(d):
    with pytest.raises(InputTypeError):
        d(lambda u: lambda x: x + u)(0.0)


def test_three_levels_that_all_meet():
    """d/dx d/dy d/dz of x y z + x**2 y**2 z**2, each variable bound by another transform."""
    for a in D:
        for b in D:
            for c in (grad, derivative):
                f = a(lambda x, b=b, c=c: b(lambda y: c(lambda z: x * y * z + (x * y * z) ** 2)(1.5))(0.5))
                assert f(2.0) == pytest.approx(1.0 + 8.0 * 2.0 * 0.5 * 1.5, rel=1e-14)


def test_a_node_used_elsewhere_too_gives_3_and_not_6():
    x = Value(3.0)
    slope = grad(lambda y: x * y)(x)
    assert slope.data == 3.0
    assert ag.gradients(slope, [x]) == [1.0]
    assert x.grad == 0.0


# ---- traced or not


def test_floats_in_floats_out():
    for result in (grad(sin)(1.0), *value_and_grad(sin)(1), derivative(sin, 2)(1.0), hessian(sin)(1.0)):
        assert result.__class__ is float
    assert grad(lambda x: 5.0)(1.0) == 0.0
    assert grad(lambda x, y: x)(1.0, 2.0) == 1.0
    assert value_and_grad(lambda x: 3)(1.0) == (3.0, 0.0)


def test_a_value_that_the_function_closes_over_keeps_the_result_in_its_graph():
    w = Value(5.0)
    slope = grad(lambda x: w * w * x)(2.0)
    assert isinstance(slope, Value)
    slope.backward()
    assert w.grad == 10.0


def test_values_in_a_graph_out():
    x = Value(3.0)
    y, slope = value_and_grad(lambda x: x**3)(x)
    assert ag.gradients(y, [x]) == [27.0]
    assert ag.gradients(slope, [x]) == [18.0]
    (h,) = hessian(lambda x: x[0] ** 4)([x])[0]
    assert ag.gradients(h, [x]) == [72.0]
    (product,) = hvp(lambda x: x[0] ** 4)([2.0], [x])
    assert ag.gradients(product, [x]) == [48.0]
    y, pullback = vjp(lambda x: x * x, x)
    (weighted,) = pullback(Value(2.0))
    assert ag.gradients(y + weighted, [x]) == [10.0]


def test_without_recording_gradients_are_floats():
    w = Value(5.0)
    with no_grad():
        assert grad(lambda x: w * x * x)(2.0) == 20.0
        assert hessian(lambda x: w * x * x)(2.0) == 10.0
        assert hvp(lambda x: w * x * x)(2.0, 3.0) == 30.0
        assert jvp(lambda x: w * x * x, (2.0,), (1.0,))[1].data == 20.0
        assert (w * w).is_leaf


def test_a_captured_parameter_takes_part_in_hvp_and_linearize():
    w = Value(5.0)
    product = hvp(lambda x: w * x**3)(2.0, 1.0)
    assert (product.data, ag.gradients(product, [w])) == (60.0, [12.0])
    _, along = linearize(lambda x: w * x**3, 2.0)
    assert ag.gradients(along(1.0), [w]) == [12.0]


# ---- shapes and arguments


def test_gradients_have_the_shape_of_the_argument():
    def f(w, b, x):
        return w[0][0] * x[0] + w[1][0] * x[1] + b * b

    args = [[2.0], (3.0,)], 5.0, (7.0, 11.0)
    assert grad(f)(*args) == [[7.0], (11.0,)]
    assert grad(f, 1)(*args) == 10.0
    assert grad(f, -1)(*args) == (2.0, 3.0)
    assert grad(f, (1, 0))(*args) == (10.0, [[7.0], (11.0,)])
    assert grad(f, (1,))(*args) == (10.0,)
    assert grad(lambda x: 1.0)([]) == []


def test_other_arguments_pass_as_they_are():
    def f(x, name, *, scale):
        assert name == "anything"
        return scale * x

    assert grad(f)(2.0, "anything", scale=3.0) == 3.0


def test_integers_and_numpy_scalars_are_numbers():
    np = pytest.importorskip("numpy")
    assert grad(lambda x: x * x)(3) == 6.0
    assert grad(lambda x: x * x)(np.float64(3.0)) == 6.0
    assert derivative(lambda x: x * x, 2)(3) == 2.0


def test_jacobian_shapes():
    assert jacobian(lambda x: [x, x * x])(3.0) == [1.0, 6.0]
    assert jacobian(lambda x: x[0] * x[1])([2.0, 5.0]) == [5.0, 2.0]
    assert jacobian(lambda x: ([x[0]], x[1] * 2.0, 7.0))([2.0, 5.0]) == ([[1.0, 0.0]], [0.0, 2.0], [0.0, 0.0])
    assert jacobian(lambda x, y: [x * y, x], (0, 1))(2.0, 5.0) == [(5.0, 2.0), (1.0, 0.0)]


def test_hessian_in_blocks():
    blocks = hessian(lambda x, y: x[0] * x[1] * y, (0, 1))([2.0, 3.0], 5.0)
    assert blocks == (
        [([0.0, 5.0], 3.0), ([5.0, 0.0], 2.0)],
        ([3.0, 2.0], 0.0),
    )
    assert hvp(lambda x, y: x[0] * x[1] * y, (0, 1))([2.0, 3.0], 5.0, ([1.0, 0.0], 0.0)) == ([0.0, 5.0], 3.0)


def test_jvp_and_vjp_keep_the_shape_of_the_result():
    y, rate = jvp(lambda x: ([x, 2.0], x * x), (3.0,), (1.0,))
    assert (y, rate) == (([3.0, 2.0], 9.0), ([1.0, 0.0], 6.0))
    y, pullback = vjp(lambda x: ([x, 2.0], x * x), 3.0)
    assert y == ([3.0, 2.0], 9.0)
    assert pullback(([1.0, 5.0], 1.0)) == (7.0,)


@given(st.lists(st.floats(-2.0, 2.0), min_size=7, max_size=7))
def test_jvp_and_vjp_are_dual_on_lists(numbers):
    """<weights, J along> = <J^T weights, along>."""
    along, weights = numbers[:3], numbers[3:]
    _, rates = jvp(vector, (POINT,), (along,))
    _, pullback = vjp(vector, POINT)
    (slopes,) = pullback(weights)
    left = sum(w * r for w, r in zip(weights, rates, strict=True))
    assert left == pytest.approx(sum(s * t for s, t in zip(slopes, along, strict=True)), rel=1e-12, abs=1e-12)
    assert linearize(vector, POINT)[1](along) == pytest.approx(rates, rel=1e-14, abs=1e-14)


def test_the_first_argument_is_the_one_differentiated_by_unless_another_is_named():
    def f(x, y):
        return x**2 * y**3

    assert (grad(f)(3.0, 2.0), value_and_grad(f)(3.0, 2.0), jacobian(f)(3.0, 2.0)) == (48.0, (72.0, 48.0), 48.0)
    assert hessian(f)(3.0, 2.0) == hvp(f)(3.0, 2.0, 1.0) == 16.0
    assert (grad(f, 1)(3.0, 2.0), hessian(f, -1)(3.0, 2.0), hvp(f, 1)(3.0, 2.0, 1.0)) == (108.0, 108.0, 108.0)


def test_what_the_function_does_not_use_gets_zero():
    def cube(x):
        return x[0] * x[0] * x[0]

    def f(x):
        return [cube(x), 7.0]

    point, along = [2.0, 5.0], [1.0, 1.0]
    assert grad(cube)(point) == hvp(cube)(point, along) == [12.0, 0.0]
    assert hessian(cube)(point) == jacobian(f)(point) == [[12.0, 0.0], [0.0, 0.0]]
    assert jvp(f, [point], [along]) == ([8.0, 7.0], [12.0, 0.0])
    assert vjp(f, point)[1]([1.0, 1.0]) == ([12.0, 0.0],)
    assert linearize(f, point)[1](along) == [12.0, 0.0]
    assert grad(lambda x: 7.0)(2.0) == hessian(lambda x: 7.0)(2.0) == hvp(lambda x: 7.0)(2.0, 1.0) == 0.0
    assert taylor(lambda x: 7.0, 2)(2.0) == [7.0, 0.0, 0.0]


def test_linearize_evaluates_once():
    calls = []

    def f(x):
        calls.append(x)
        return cos(x) * x

    y, along = linearize(f, 0.5)
    assert (y, along(1.0)) == jvp(f, (0.5,), (1.0,))
    assert along(0.0) == 0.0
    assert along(2.0) == 2.0 * along(1.0)
    assert len(calls) == 2  # once here, once by jvp


def test_a_users_row_takes_part_in_every_transform():
    cube = primitive("cube_transformed", lambda x: x**3, lambda y, x: 3.0 * x**2)
    try:
        assert grad(cube)(2.0) == derivative(cube)(2.0) == 12.0
        assert hessian(cube)(2.0) == derivative(cube, 2)(2.0) == hvp(cube)(2.0, 1.0) == 12.0
        assert derivative(cube, 3)(2.0) == grad(grad(grad(cube)))(2.0) == 6.0
        assert linearize(cube, 2.0)[1](1.0) == 12.0
    finally:
        del ag.primitives.ROWS["cube_transformed"]


def test_a_decorated_function_is_a_row():
    @ag.custom_gradient(lambda y, a, b: b, lambda y, a, b: a, symbol="x")
    def decorated_product(a, b):
        """Return a * b."""
        return a * b

    try:
        assert decorated_product is ag.primitives.ROWS["decorated_product"]
        assert (decorated_product.__doc__, decorated_product.symbol) == ("Return a * b.", "x")
        assert hessian(lambda x: decorated_product(*x))([2.0, 5.0]) == [[0.0, 1.0], [1.0, 0.0]]
        with pytest.raises(InputTypeError, match="custom_gradient"):
            ag.custom_gradient(lambda y, x: 1.0)(3.0)
    finally:
        del ag.primitives.ROWS["decorated_product"]


def test_a_long_chain_needs_no_recursion():
    def f(x):
        for _ in range(30_000):
            x = x + 1.0
        return x * x

    assert grad(f)(0.5) == hvp(f)(0.5, 30_000.5) == jvp(f, (0.5,), (1.0,))[1] == 60_001.0
    assert hessian(f)(0.5) == linearize(f, 0.5)[1](1.0) / 30_000.5 == 2.0


def test_the_helpers_of_hessian_see_constants_as_constants():
    run = _Run(lambda x: 3.0 * x, (1.0,), 0, {}, "grad")
    (slope,) = _pull(run.root(), run.variables, traced=True)
    assert slope.role == "constant"
    assert not run.is_traced(slope)


# ---- what is refused, and how


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda: grad(3.0), InputTypeError, r"grad: a function is needed, got 3.0 of type float. Write grad\(f\)"),
        (lambda: grad(lambda x: [x, x])(1.0), InputTypeError, "one number, got a list of 2. Write jacobian"),
        (
            lambda: grad(lambda x: None)(1.0),
            InputTypeError,
            "grad: the function's result: a real number is needed, got No",
        ),
        (lambda: grad(lambda x: x)("1"), InputTypeError, "grad: argument 0: a real number is needed, got '1'"),
        (lambda: grad(lambda x: x)({"a": 1.0}), InputTypeError, "grad: argument 0: a real number is needed"),
        (
            lambda: grad(lambda x: x, 1)(1.0),
            ArgumentError,
            "argnums must name positional arguments, of which there are 1",
        ),
        (lambda: grad(lambda x: x)(x=1.0), ArgumentError, "of which there are 0, got 0"),
        (lambda: grad(lambda x, y: x, (0, -2))(1.0, 2.0), ArgumentError, "name each argument once"),
        (lambda: grad(lambda x: x, 0.0), InputTypeError, "argnums must be an int or a tuple of ints, got 0.0"),
        (lambda: grad(lambda x: x, True), InputTypeError, "argnums"),
        (lambda: hessian(lambda x: [x])(1.0), InputTypeError, "hessian: the function must return one number"),
        (lambda: hvp(lambda x: x)(), InputTypeError, "hvp: a vector is needed after the arguments, got 0"),
        (lambda: hvp(lambda x: x)(2.0), InputTypeError, "hvp: a vector is needed after the arguments, got 1"),
        (lambda: grad(lambda x: x[0])(np.array([1.0])), InputTypeError, r"got array\(\[1\.\]\) .* Write x\.tolist\(\)"),
        (lambda: hvp(lambda x: x[0])([1.0], 1.0), ArgumentError, "hvp: the vector: must have the shape"),
        (lambda: jvp(lambda x: x, 1.0, 1.0), InputTypeError, "primals must be a list"),
        (lambda: jvp(lambda x: x, (1.0,), (1.0, 2.0)), ArgumentError, "jvp: the tangents: must have the shape"),
        (lambda: jvp(lambda x: None, (1.0,), (1.0,)), InputTypeError, "jvp: the function's result"),
        (lambda: vjp(lambda x: [x], 1.0)[1](1.0), ArgumentError, "vjp: the weights: must have the shape"),
        (lambda: derivative(sin, -1), ArgumentError, "order must be at least 0, got -1"),
        (lambda: derivative(sin, 1.5), InputTypeError, "order must be an int, got 1.5"),
        (lambda: derivative(sin)([1.0]), InputTypeError, "derivative: the argument"),
        (lambda: taylor(lambda x: [x], 1)(1.0), InputTypeError, "taylor: the function must return one number"),
        (lambda: grad(math.sin)(1.0), InputTypeError, "Use exp"),
    ],
)
def test_what_is_refused_says_what_to_do(call, kind, text):
    with pytest.raises(kind, match=text):
        call()


def test_transformed_functions_are_named():
    assert grad(grad(rosenbrock)).__name__ == "grad(grad(rosenbrock))"


def test_backward_can_leave_gradients_that_are_graphs():
    x, y = Value(2.0, "x"), Value(3.0, "y")
    f = x**3 * y
    f.backward(create_graph=True)
    assert (x.grad.data, y.grad.data, f.grad) == (36.0, 8.0, 1.0)
    assert ag.gradients(x.grad, [x, y]) == [36.0, 12.0]
    again = x.grad  # a second call adds to it
    f.backward(create_graph=True)
    assert (x.grad.data, ag.gradients(x.grad, [x])) == (72.0, [72.0])
    assert again.data == 36.0
    f.backward()  # and so does one without graphs
    assert x.grad.data == 108.0
    f.zero_grad()
    f.backward()
    assert x.grad == 36.0


def test_a_number_in_place_of_a_gradient_that_was_a_graph_leaves_nothing_of_it():
    """nan is a number too, and how a gradient that is a graph is told from others."""
    for clear in (lambda x: None, lambda x: (x * 1.0).zero_grad()):
        x = ag.Value(3.0)
        (x**2).backward(create_graph=True)
        clear(x)
        x.grad = math.nan
        assert type(x.grad) is float
        assert math.isnan(x.grad)


def test_a_penalty_on_the_gradient_can_be_trained():
    """(f')² added to the loss, as with PyTorch's create_graph: d/dw (3w²)² = 36 w³."""
    import nn

    w = Value(0.5, "w", "parameter")
    (w**3).backward(create_graph=True)
    penalty = w.grad**2
    w.grad = 0.0
    penalty.backward()
    assert w.grad == 36 * 0.5**3
    penalty.backward(create_graph=True)
    nn.SGD([w], lr=0.1).step()
    assert w.data == 0.5 - 0.1 * 2 * 36 * 0.5**3
