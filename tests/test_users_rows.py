"""A user's own row: what `primitive` refuses, and what a wrong or singular row does."""

import contextlib
import inspect
import itertools
import math
import operator
import pickle
import threading

import pytest

from autograd_lite import (
    Dual,
    Value,
    cross_entropy,
    derivative,
    exp,
    grad,
    gradients,
    hessian,
    hvp,
    jvp,
    log,
    mean,
    no_grad,
    norm,
    primitive,
    softmax,
    where,
)
from autograd_lite import sum as sum_row
from autograd_lite.errors import ArgumentError, DomainError, InputTypeError, NumberOverflowError, StaleGraphError
from autograd_lite.primitives import QuietFloat


def reciprocal_by(text):
    """A row that is x, with a local gradient that divides by zero at 0."""
    return primitive("f_singular", lambda x: x, text)


@pytest.mark.parametrize(
    "text",
    [
        lambda y, x: 1 / x if x == 0 else 2.0,
        lambda y, x: 1 / x if not x else 7.0,
        lambda y, x: 1 / x if x < 1 else 7.0,
        lambda y, x: 1 / x if x >= 0 and x <= 0 and not x > 0 else 7.0,
        lambda y, x: where(x >= 0, lambda: 1 / x, 0.0),
    ],
    ids=["equal", "not", "less", "bounds", "where"],
)
def test_a_condition_in_a_local_gradient_decides_the_same_way_where_the_gradient_is_singular(text):
    x = Value(0.0)
    reciprocal_by(text)(x).backward()
    assert x.grad == math.inf


@pytest.mark.parametrize(
    "text",
    [
        lambda y, x: 1 / (2 * math.sqrt(x)),
        lambda y, x: max(x, 0.0) / x,
        lambda y, x: round(x) / x,
        lambda y, x: math.log(x) * float(x),
    ],
)
def test_a_singular_local_gradient_written_with_math_is_not_finite_and_does_not_raise(text):
    x = Value(0.0)
    reciprocal_by(text)(x).backward()
    assert not math.isfinite(x.grad)


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne])
def test_a_quiet_float_compares_as_the_float_it_holds(compare):
    for a, b in itertools.product((-1.0, -0.0, 2.0, math.inf, math.nan), repeat=2):
        assert compare(QuietFloat(a), b) is compare(a, QuietFloat(b)) is compare(a, b)
        assert compare(QuietFloat(a), QuietFloat(b)) is compare(a, b)
        assert bool(QuietFloat(a)) is bool(a)


def test_a_domain_holds_for_a_forward_that_does_not_raise_by_itself():
    row = primitive("f_bounded", lambda x: x, lambda y, x: 1.0, domain="(0, 1]")
    assert (row(0.5), row(1.0)) == (0.5, 1.0)
    assert math.isnan(row(math.nan))
    for outside in (-1.0, 0.0, 1.5, math.inf):
        for x in (outside, Value(outside)):
            with pytest.raises(DomainError, match=r"f_bounded: operand must lie in \(0, 1\], got"):
                row(x)


def test_a_whole_number_too_large_for_a_float_is_an_overflow_of_the_row_and_quiet_inside_gradients():
    row = primitive("factorial_of_a_test", lambda n: math.factorial(int(n)), lambda y, n: row(n))
    assert row(3.0) == grad(row)(3.0) == derivative(row, 2)(3.0) == 6.0
    for number in (171.0, Value(171.0, label="n"), Dual(171.0)):
        with pytest.raises(NumberOverflowError, match=r"factorial_of_a_test: result must fit in a float.*, got 171.0"):
            row(number)
    above = primitive("above_of_a_test", lambda x: x, lambda y, x: row(x + 170.0))
    assert math.isnan(grad(above)(1.0))
    assert math.isnan(derivative(above, 1)(1.0))
    assert math.isnan(grad(grad(above))(1.0))


def test_what_is_no_number_is_named_where_a_gradient_runs_quiet_too():
    row = primitive("text_of_a_test", lambda x: "1", lambda y, x: 0.0)
    above = primitive("above_text_of_a_test", lambda x: x, lambda y, x: 1.0 / (x - x) + row(x))
    with pytest.raises(InputTypeError, match=r"forward of text_of_a_test: .*, got '1' of type str"):
        grad(above)(1.0)


def test_a_forgotten_return_in_a_local_gradient_is_an_error():
    row = primitive("f_forgetful", lambda x: x * x, lambda y, x: None)
    with pytest.raises(InputTypeError, match=r"local gradient of f_forgetful.*return statement forgotten"):
        row(Value(3.0)).backward()
    x = Value(3.0)
    with pytest.raises(InputTypeError, match="local gradient of f_forgetful"):
        gradients(row(x), [x], create_graph=True)
    with pytest.raises(InputTypeError, match="local gradient of f_forgetful"):
        hvp(row)(3.0, 1.0)


def test_a_declared_none_is_no_gradient():
    row = primitive("f_deaf", lambda x, n: x * n, lambda y, x, n: n, None)
    x, n = Value(3.0), Value(2.0)
    row(x, n).backward()
    assert (x.grad, n.grad) == (2.0, 0.0)
    assert hvp(lambda v: row(v[0] * v[0], v[1]))([3.0, 2.0], [1.0, 0.0]) == [4.0, 0.0]


@pytest.mark.parametrize(
    ("slope", "bend"), [(lambda y, a, b: 1.0 / b, 0.0), (lambda y, a, b: a / b, math.inf)], ids=["constant", "linear"]
)
def test_a_slope_that_divides_by_a_constant_zero_is_infinite_and_no_error(slope, bend):
    """The constant is a plain float, whose own division would raise."""
    row = primitive("f_ratio", lambda a, b: a * b, slope, None)
    assert derivative(lambda a: row(a, 0.0))(3.0) == math.inf
    second = derivative(lambda a: row(a, 0.0), 2), hessian(lambda a: row(a, 0.0))
    assert [f(3.0) for f in second] == [bend, bend]
    assert hvp(lambda a: row(a, 0.0))(3.0, 1.0) == bend


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (
            (lambda x: x, lambda x: 1.0),
            {},
            "a local gradient takes 2 arguments here, got a function of 1. Write lambda y, x: ",
        ),
        ((lambda a, b: a, *[lambda y, a: 1.0] * 2), {}, "takes 3 arguments .* of 2. Write lambda y, x1, x2: "),
        ((lambda a, b: a, lambda y, a, b: 1.0), {}, "takes 1 argument .* of 2. Give it one local gradient per operand"),
        ((lambda x: x, lambda y, x: 1.0), {"domain": "0..1"}, "interval: write it as"),
        ((lambda x: x, lambda y, x: 1.0), {"domain": (0, 1)}, "interval: write it as"),
        ((lambda x: x, lambda y, x: 1.0), {"defaults": 2}, "defaults must be a tuple"),
        ((lambda x: x, lambda y, x: 1.0), {"defaults": (1.0,)}, "defaults must be a tuple of some trailing operands"),
        ((lambda x: x, lambda y, x: 1.0), {"defaults": (1.0, 2.0)}, "defaults must be a tuple"),
        ((lambda x: x, lambda y, x: 1.0), {"symbol": 3}, "the symbol must be a str"),
    ],
)
def test_a_row_that_cannot_work_is_refused_where_it_is_defined(arguments, options, message):
    with pytest.raises(InputTypeError, match=message):
        primitive("f_refused", *arguments, **options)


def test_a_local_gradient_that_takes_the_number_out_is_named():
    row = primitive("f_of_math", math.sin, lambda y, x: math.cos(x))
    assert grad(row)(1.0) == math.cos(1.0)
    for attempt in (grad(grad(row)), derivative(row, 2), hessian(row), lambda x: hvp(row)(x, 1.0)):
        with pytest.raises(InputTypeError) as caught:
            attempt(1.0)
        assert caught.value.__notes__[0].startswith("In a local gradient of f_of_math, which is differentiated itself")


class Line:
    def at(self, x, slope=2.0):
        return slope * x


FUNCTIONS = {
    "one": lambda x: x,
    "two": lambda x, y: x,
    "one or two": lambda x, y=1.0: x,
    "any": lambda *xs: 0.0,
    "one and any": lambda x, *xs: x,
    "a method": Line().at,
    "a function of a class": Line.at,
}


def can_be_called(function, count):
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    return True


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_row_is_made_of_what_can_be_called_with_its_operands(name):
    function = FUNCTIONS[name]
    for count in (1, 2, 3, 4):
        refusal = pytest.raises(InputTypeError, match="forward takes")
        with contextlib.nullcontext() if can_be_called(function, count) else refusal:
            primitive("f_called", function, *[None] * count)
        refusal = pytest.raises(InputTypeError, match="local gradient takes")
        with contextlib.nullcontext() if can_be_called(function, count + 1) else refusal:
            primitive("f_called", lambda *xs: 0.0, *[function] * count)


def test_functions_with_optional_or_any_arguments_make_rows():
    twice = primitive("f_optional", lambda x, factor=2.0: factor * x, lambda y, *xs: 2.0)
    x = Value(3.0)
    twice(x).backward()
    assert x.grad == 2.0


@pytest.mark.parametrize("arity", [1, 2, 3, 4])
def test_a_local_gradient_is_asked_once_and_with_plain_floats(arity):
    asked = []
    slopes = [lambda y, *xs, k=k: asked.append((k, y, xs)) or k + 1.0 for k in range(arity)]
    row = primitive("f_asked", lambda *xs: math.fsum(xs), *slopes)
    leaves = [Value(0.5) for _ in range(arity)]
    assert gradients(row(*leaves), leaves) == [k + 1.0 for k in range(arity)]
    assert [k for k, _, _ in asked] == list(range(arity))
    assert {type(x) for _, y, xs in asked for x in (y, *xs)} == {float}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_variadic_row_that_returns_too_few_or_too_many_gradients_is_refused(count):
    row = primitive("f_miscounted", lambda *xs: math.fsum(xs), lambda y, *xs: [1.0] * count, variadic=True)
    x = Value(1.0)
    for use in (row(x, x).backward, lambda: gradients(row(x, 2.0), [x], create_graph=True)):
        with pytest.raises(InputTypeError, match=f"one local gradient per operand, got {count} for 2"):
            use()


@pytest.mark.parametrize("count", [0, 2, 4])
def test_fast_gradients_of_a_wrong_number_are_refused_in_both_modes(count):
    columns = {"variadic": True, "float_gradients": lambda y, *xs: [1.0] * count}
    row = primitive("f_fast_miscounted", lambda *xs: math.fsum(xs), lambda y, *xs: [1.0] * len(xs), **columns)
    x = Value(1.0)
    y = row(x, x, x)
    for use in (y.backward, lambda: y.local_gradients, lambda: jvp(row, (1.0,) * 3, (1.0,) * 3)):
        with pytest.raises(ValueError, match="zip"):
            use()


def test_an_odd_number_from_a_local_gradient_becomes_a_float_or_an_error_before_any_grad_moves():
    numpy = pytest.importorskip("numpy")
    row = primitive("f_numpy", lambda x: x, lambda y, x: numpy.float64(2.0))
    x = Value(1.0)
    y = row(x)
    y.grad = 1.0
    y.backward_step()
    assert type(x.grad) is float
    captured = Value(5.0)
    bad = primitive("f_captured", lambda x: x, lambda y, x: captured)
    w, x = Value(2.0), Value(1.0)
    with pytest.raises(InputTypeError, match="local gradient of f_captured"):
        (w * bad(x)).backward()
    assert (w.grad, x.grad) == (0.0, 0.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: cross_entropy([[1.0, 2.0]], 0),
        lambda: softmax([[1.0, 2.0]]),
        lambda: mean([[1, 2, 3]]),
        lambda: norm([[3, 4]]),
        lambda: mean(Value(1.0)),
    ],
)
def test_a_batch_given_for_a_vector_is_refused(call):
    with pytest.raises(InputTypeError):
        call()


def test_an_error_inside_a_generator_is_the_error_one_sees():
    with pytest.raises(InputTypeError, match="exp: a real number is needed, got 'a'"):
        sum_row(exp(v) for v in [1.0, "a"])


def test_the_local_gradient_of_a_constant_is_zero():
    x = Value(2.0)
    assert [node.local_gradients for node in (x, x * 3.0, 5.0 - x, x**2.0)] == [(), (3.0, 0.0), (0.0, -1.0), (4.0, 0.0)]
    assert [node.local_gradients for node in (x.step(), x * Value(0.0))] == [(0.0,), (0.0, 2.0)]


def test_local_gradients_refuse_a_stale_node():
    x = Value(2.0)
    y = exp(x)
    x.data = 3.0
    with pytest.raises(StaleGraphError):
        _ = y.local_gradients


def test_an_error_travels_between_processes_without_its_operands():
    x = Value(-1.0, label="m") * 1.0
    with pytest.raises(DomainError) as caught:
        log(x)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.numbers, copy.operands) == (str(caught.value), (-1.0,), ())


def test_one_mode_object_may_be_entered_in_several_threads():
    mode = no_grad()
    leaves, errors = [], []

    def work():
        try:
            for _ in range(50):
                with mode, mode:
                    leaves.append((Value(1.0) * 2.0).is_leaf)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert all(leaves)
    assert not (Value(1.0) * 2.0).is_leaf


def test_a_mode_refuses_to_decorate_what_leaves_its_block():
    def numbers():
        yield Value(1.0) * 2.0

    with pytest.raises(InputTypeError, match="decorates plain functions"):
        no_grad()(numbers)


def test_second_derivatives_are_recorded_even_where_nothing_else_is():
    x = Value(2.0)
    y = x * x * x
    with no_grad():
        (slope,) = gradients(y, [x], create_graph=True)
    assert gradients(slope, [x]) == [12.0]


def test_where_on_plain_numbers_gives_a_float():
    assert type(where(True, 1, 2)) is float


def test_bce_checks_its_probability():
    from autograd_lite import bce

    with pytest.raises(ArgumentError):
        bce(Value(1.5), 1.0)
