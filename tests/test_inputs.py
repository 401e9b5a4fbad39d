"""What goes in and what comes out: every line of the table of inputs."""

import copy
import inspect
import math
import pickle
import pydoc
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from support.points import TABLE

import autograd_lite
from autograd_lite import (
    Value,
    bce,
    bce_logits,
    clip,
    cross_entropy,
    dot,
    errors,
    exp,
    gradients,
    greater,
    leaves,
    log,
    logsumexp,
    mean,
    norm,
    primitive,
    relu,
    softmax,
    sqrt,
    topological_order,
)
from autograd_lite.dual import Dual
from autograd_lite.primitives import ROWS, row_named

NUMBERS = [2, 2.0, True, Fraction(5, 2), np.float64(2.5), np.float32(0.5), np.float16(0.5), np.int64(3), np.uint8(3)]
NUMBERS += [np.bool_(True), np.array(2.5), np.array(3), np.longdouble(2.0)]
NOT_NUMBERS = [
    "2",
    "",
    b"2",
    None,
    1j,
    2 + 0j,
    Decimal(2),
    [1.0],
    (1.0, 2.0),
    {},
    np.array([1.0, 2.0]),
    np.array([1.0]),
]
NOT_NUMBERS += [np.complex128(1), np.str_("2"), np.datetime64("2020-01-01"), np.array("a"), object(), math, np.add]


def ids(thing):
    return f"{type(thing).__name__} {ascii(thing)[:20]}"


@pytest.mark.parametrize("number", NUMBERS, ids=ids)
def test_real_numbers_become_floats_at_the_door(number):
    v = Value(number)
    assert (v.data.__class__, v.data) == (float, float(number))
    v.data = number
    v.grad = number
    assert (v.data.__class__, v.grad.__class__, v.data, v.grad) == (float, float, float(number), float(number))
    for result, plain in [
        (v + number, v.data + float(number)),
        (number + v, float(number) + v.data),
        (v - number, v.data - float(number)),
        (number - v, float(number) - v.data),
        (v * number, v.data * float(number)),
        (number * v, float(number) * v.data),
        (v / number, v.data / float(number)),
        (number / v, float(number) / v.data),
        (v**number, v.data ** float(number)),
        (number**v, float(number) ** v.data),
    ]:
        assert (result.__class__, result.data.__class__, result.data) == (Value, float, plain)
        assert len(result.operands) == 2
        assert {operand.__class__ for operand in result.operands} == {float, Value}
    assert exp(number).__class__ is float
    assert ((v < number), (number < v), (v <= number), (number >= v)) == (False, False, True, True)


@pytest.mark.parametrize("thing", NOT_NUMBERS, ids=ids)
def test_what_is_not_a_real_number_is_refused_with_its_type_and_a_cure(thing):
    v = Value(2.0)
    attempts = [
        lambda: Value(thing),
        lambda: setattr(v, "data", thing),
        lambda: setattr(v, "grad", thing),
        lambda: v + thing,
        lambda: thing + v,
        lambda: v * thing,
        lambda: thing * v,
        lambda: v - thing,
        lambda: v / thing,
        lambda: thing / v,
        lambda: v**thing,
        lambda: v < thing,
        lambda: v >= thing,
        lambda: exp(thing),
        lambda: ROWS["add"](v, thing),
        lambda: v.backward(thing),
        lambda: gradients(v, [v], seed=thing),
    ]
    for attempt in attempts:
        with pytest.raises(TypeError) as caught:
            attempt()
        if not isinstance(thing, np.ndarray | np.generic):
            assert type(thing).__name__ in str(caught.value)
            assert str(caught.value)[-1] in ".?"
    assert (v.data, v.grad) == (2.0, 0.0)


class Scalar:
    """What a tensor of one number shows of itself."""

    shape = ()

    def item(self):
        return 2.0

    def __len__(self):
        raise TypeError("len() of a 0-d tensor")


def test_a_tensor_of_one_number_is_told_about_item():
    for attempt in (lambda: Value(Scalar()), lambda: Value(2.0) * Scalar()):
        with pytest.raises(TypeError, match=r"of type Scalar\. Write x\.item\(\) for the plain number\.$"):
            attempt()


def test_a_value_where_a_plain_number_is_needed_is_told_about_data_not_about_float():
    """float(v) is refused, so it must not be the advice."""
    v = Value(2.0)
    for attempt in (lambda: Value(v), lambda: setattr(v, "data", v), lambda: v.backward(v)):
        with pytest.raises(TypeError, match=r"v\.data") as caught:
            attempt()
        assert "float(" not in str(caught.value)


def test_large_integers_round_as_float_does_and_too_large_ones_overflow():
    assert Value(2**53 + 1).data == float(2**53 + 1)
    for large in (10**400, -(10**400), 10**5000, Fraction(10**400, 3)):
        with pytest.raises(errors.NumberOverflowError, match=r"^Value: a number must fit into a float.*math\.log"):
            Value(large)
    with pytest.raises(OverflowError):
        Value(1.0) + 10**400


@pytest.mark.parametrize("name", errors.ELSEWHERE)
def test_a_name_from_another_library_is_not_there_and_says_what_to_write(name):
    y = Value(2.0) * 3
    for traced in (y, Dual(2.0)):
        assert not hasattr(traced, name)
        assert name not in dir(traced)
        with pytest.raises(AttributeError, match=f"'{type(traced).__name__}' object has no attribute '{name}'. [A-Z]"):
            getattr(traced, name)
    assert not hasattr(Value, name)
    with pytest.raises(AttributeError, match=re.escape(errors.ELSEWHERE[name])) as caught:
        setattr(y, name, True)
    assert caught.value.obj is None, "an error keeps no graph alive, and Python suggests no name of its own"
    assert name.startswith("_") or f"Not here. {errors.ELSEWHERE[name]}" in pydoc.plain(pydoc.render_doc(Value))


def test_numpy_keeps_values_whole_whatever_names_are_not_there():
    values = [Value(1.0), Value(2.0)]
    array = np.array(values)
    assert (array.dtype, array.shape, array[1]) == (np.dtype(object), (2,), values[1])
    assert (np.array(values[0]).ndim, np.isscalar(values[0]), array.tolist()) == (0, False, values)


def test_a_hat_is_no_power():
    for attempt in (lambda v: v ^ 2, lambda v: 2 ^ v, lambda v: v ^ v):
        with pytest.raises(TypeError, match=r"Write a \*\* b\."):
            attempt(Value(2.0))
        with pytest.raises(TypeError, match=r"Write a \*\* b\."):
            attempt(Dual(2.0))


def test_numpy_scalars_on_the_left_give_a_value_with_its_gradient():
    v = Value(3.0)
    for two in (np.float64(2), np.int64(2), np.array(2.0), np.float32(2)):
        for result, gradient in [
            (two * v, 2.0),
            (two + v, 1.0),
            (two - v, -1.0),
            (two / v, -2 / 9),
            (two**v, 8 * math.log(2)),
        ]:
            assert result.__class__ is Value
            assert gradients(result, [v]) == [pytest.approx(gradient, rel=1e-15)]


@pytest.mark.parametrize(
    "attempt",
    [
        lambda v: np.array([1.0, 2.0]) * v,
        lambda v: v * np.array([1.0, 2.0]),
        lambda v: np.array([1.0, 2.0]) + v,
        lambda v: np.exp(v),
        lambda v: np.maximum(v, 1.0),
        lambda v: np.sqrt(v),
        lambda v: np.arctan2(v, 1.0),
        lambda v: np.add.reduce([1.0, 2.0], initial=v),
        lambda v: np.add.outer(2.0, v),
        lambda v: np.multiply.outer(v, 2.0),
        lambda v: np.float64(2.0) == v,
        lambda v: np.array([1.0]) == v,
        lambda v: np.float64(2.0) // v,
        lambda v: np.float64(2.0) % v,
    ],
)
def test_numpy_never_takes_the_number_out_of_a_value(attempt):
    with pytest.raises(TypeError):
        attempt(Value(2.0))


def test_numpy_functions_say_what_to_write_instead():
    with pytest.raises(TypeError, match=r"Write exp\(v\) from autograd_lite"):
        np.exp(Value(1.0))
    with pytest.raises(TypeError, match=r"np\.arctan2: would lose the gradient\. Use operators"):
        np.arctan2(Value(1.0), 2.0)
    with pytest.raises(TypeError, match=r"\[x \* v for x in array\]"):
        np.array([1.0, 2.0]) * Value(1.0)


def test_values_inside_object_arrays_keep_their_gradients():
    v, w = leaves(v=2.0, w=3.0)
    total = np.sum(np.array([v, w]) * np.array([10.0, 100.0], dtype=object))
    assert gradients(total, [v, w]) == [10.0, 100.0]


@pytest.mark.parametrize(
    "attempt",
    [math.exp, math.sqrt, float, int, complex, math.floor, math.ceil, math.trunc, lambda v: math.fsum([v, v]),
     lambda v: "%f" % v,  # noqa: UP031
     lambda v: [1, 2, 3][v], range, lambda v: math.hypot(v, 1.0)],
)  # fmt: skip
def test_nothing_detaches_a_value_without_a_word(attempt):
    with pytest.raises(TypeError, match=r"exp\(v\).*v\.data"):
        attempt(Value(2.0))


@pytest.mark.parametrize(
    "attempt", [lambda v: v // 2, lambda v: v % 2, lambda v: 2 // v, lambda v: 7.5 % v, round, lambda v: divmod(v, 2)]
)
def test_operations_without_a_row_are_refused(attempt):
    with pytest.raises(TypeError):
        attempt(Value(2.0))


def test_formatting_shows_the_data():
    assert f"{Value(2.0):.3f}" == "2.000"
    assert f"{Value(2.0)}" == str(Value(2.0)) == "Value(data=2.0, grad=0.0)"
    assert f"{Value(12345.678):>12,.1f}" == "    12,345.7"


def test_repr_is_ascii_and_shows_the_label_where_there_is_one():
    assert repr(Value(-0.0, label="w\u2080")) == "Value(data=-0.0, grad=0.0, label='w\\u2080')"
    assert repr(Value(math.nan)) == "Value(data=nan, grad=0.0)"
    assert repr(Value(0.1, label='a"<b>\n')).isascii()


def test_comparisons_are_by_value_and_give_plain_booleans():
    v, w = leaves(v=2.0, w=3.0)
    for result in (v < w, w > v, v <= w, w >= v, v < 2.5, 1 < v, v <= 2, 2 >= v):  # noqa: SIM300
        assert result is True
    assert (v > w, v >= w, w < v, w <= v, Value(math.nan) < 1.0) == (False,) * 5


def test_max_min_and_sorted_choose_nodes_and_the_gradient_follows():
    a, b, c = leaves(a=2.0, b=3.0, c=-1.0)
    assert max(a, b, c) is b
    assert min(a, b, c) is c
    assert sorted([a, b, c]) == [c, a, b]
    assert gradients(max(a, b, c) * 2, [a, b, c]) == [0.0, 2.0, 0.0]


def test_equality_is_identity_and_a_number_is_refused():
    v, w = Value(2.0), Value(2.0)
    assert v == v
    assert v != w
    assert len({v, w, v}) == 2
    assert {v: 1}[v] == 1
    for thing in (2.0, 2, True, np.float64(2), Fraction(2)):
        for compare in (lambda x: v == x, lambda x: v != x, lambda x: x == v):
            with pytest.raises(TypeError, match=r"v\.data =="):
                compare(thing)
    for thing in (None, "2", [2.0], object()):
        assert v != thing
        assert thing != v


def test_truth_is_by_value():
    assert (bool(Value(0.0)), bool(Value(-0.0)), bool(Value(0.1)), bool(Value(math.nan))) == (False, False, True, True)


def test_python_sums_and_products_are_differentiable():
    xs = leaves(a=2.0, b=3.0, c=4.0)
    assert gradients(sum(xs), xs) == [1.0, 1.0, 1.0]
    assert gradients(math.prod(xs), xs) == [12.0, 8.0, 6.0]
    assert gradients(sum(x * x for x in xs), xs) == [4.0, 6.0, 8.0]
    assert gradients(2 - xs[0], xs[:1]) == [-1.0]
    assert gradients(2 / xs[0], xs[:1]) == [-0.5]
    assert gradients(2 ** xs[0], xs[:1]) == [pytest.approx(4 * math.log(2), rel=1e-15)]
    assert gradients(abs(-xs[0]), xs[:1]) == [1.0]


def test_augmented_assignment_rebinds_and_the_old_node_survives():
    w = first = Value(1.0)
    for _ in range(3):
        w += 1
        w *= 2
    assert w is not first
    assert (first.data, w.data) == (1.0, 22.0)
    assert gradients(w, [first]) == [8.0]


def test_a_step_that_would_leave_its_parameter_as_it_is_is_refused():
    p, x = Value(2.0, "w", role="parameter"), Value(2.0)
    (p * x).backward()
    with pytest.raises(TypeError, match=r"^-= : .* leaves node 'w' as it is\. Write p\.data -= \.\.\."):
        p -= 0.1 * p.grad
    total = p
    total -= x  # of Values, as in a loss
    total -= 1.0  # no leaf any more
    x -= 0.1 * x.grad
    assert (total.data, x.data, p.data) == (-1.0, 2.0 - 0.1 * 2.0, 2.0)


def test_an_unused_input_and_a_constant_have_the_gradient_zero():
    x, unused = leaves(x=2.0, unused=3.0)
    assert gradients(x * 2, [unused, x]) == [0.0, 2.0]
    graph = gradients(x * 2, [unused], create_graph=True)[0]
    assert (graph.__class__, graph.data) == (Value, 0.0)
    assert gradients(Value(5.0), [x]) == [0.0]
    assert gradients(x, [x]) == [1.0]


def test_typing_errors_are_errors():
    v = Value(1.0)
    with pytest.raises(AttributeError):
        v.dta = 1
    with pytest.raises(TypeError):
        v.data = "x"
    with pytest.raises(TypeError, match="label: a str is needed"):
        v.label = 3
    with pytest.raises(TypeError, match="'parameter', 'input', 'constant'"):
        v.role = "weight"
    for name in ("primitive", "operands", "is_leaf", "local_gradients"):
        with pytest.raises(AttributeError):
            setattr(v, name, None)


def test_grad_can_be_set_and_is_coerced():
    v = Value(2.0)
    y = v * 3
    for zero in (0, np.float64(0), False):
        for node in (v, y):
            node.grad = zero
            assert node.grad.__class__ is float


def test_habits_of_pytorch_and_micrograd_are_refused_with_what_to_write():
    v = Value(2.0)
    for keyword in ("retain_graph", "gradient"):
        with pytest.raises(
            TypeError, match=f"^backward: takes seed and create_graph, got {keyword}. Leave retain_graph"
        ):
            v.backward(**{keyword: True})
    with pytest.raises(TypeError, match=r"got None of type NoneType\. Write 0\.0, or call zero_grad\(\)\.$"):
        v.grad = None
    with pytest.raises(
        TypeError, match=r"^label: a str is needed, got .*\.\.\. of type tuple\. Write v\.label = 'x'\.$"
    ):
        Value(3.0, (v, v))
    assert v.grad == 0.0


def test_the_data_and_role_of_a_result_cannot_be_set():
    x = Value(2.0, label="x")
    y = (x * 3).named("y")
    with pytest.raises(errors.NonLeafError, match="not that of node 'y'"):
        y.data = 1.0
    with pytest.raises(errors.NonLeafError, match="only a leaf has a role"):
        y.role = "input"
    with pytest.raises(AttributeError):
        y.data = 1.0
    assert (y.data, y.label) == (6.0, "y")


def test_labels_and_roles_are_kept():
    v = Value(1.0, label="w", role="parameter")
    assert (v.label, v.role) == ("w", "parameter")
    v.label, v.role = "x", "input"
    assert (v.label, v.role) == ("x", "input")
    assert (Value(1.0).label, Value(1.0).role) == (None, None)
    assert [leaf.label for leaf in leaves(a=1, b=2)] == ["a", "b"]


# ---- errors name the operation, the numbers, the node and the cure

FAILING = {
    "log of a negative": (log, -1.5, "Domain", r"log: operand must lie in \(0, inf\), got -1.5 at node 'x'\. Shift"),
    "log of zero": (log, 0.0, "Domain", r"log: .*got 0\.0 at node 'x'"),
    "division by zero": (lambda x: 1 / x, 0.0, "DivisionByZero", r"div: must not divide by 0, got 1\.0, 0\.0 at node"),
    "a negative power of zero": (lambda x: x**-1, 0.0, "DivisionByZero", r"pow: .*got 0\.0 at node 'x', -1\.0"),
    "a root of a negative": (lambda x: x ** (1 / 3), -8.0, "Domain", r"pow: .*cbrt"),
    "exp overflows": (exp, 1000.0, "NumberOverflow", r"exp: .*got 1000\.0 at node 'x'"),
    "a square overflows": (lambda x: x**2, 1e200, "NumberOverflow", r"pow: .*got 1e\+200 at node 'x', 2\.0"),
    "sqrt of a negative": (sqrt, -1.0, "Domain", r"sqrt: operand must lie in \[0, inf\)"),
    "sin of infinity": (ROWS["sin"], math.inf, "Domain", r"sin: operand must be finite, got inf at node 'x'"),
    "asin beyond 1": (ROWS["asin"], 1.5, "Domain", r"asin: operand must lie in \[-1, 1\]"),
    "clip upside down": (lambda x: ROWS["clip"](x, 1.0, -1.0), 0.0, "Domain", r"clip: the low bound"),
}
BUILT_IN = {"Domain": ValueError, "DivisionByZero": ZeroDivisionError, "NumberOverflow": OverflowError}


@pytest.mark.parametrize("name", FAILING)
def test_an_operation_without_a_value_raises_where_it_happens(name):
    f, x, kind, message = FAILING[name]
    leaf = Value(x, label="x")
    with pytest.raises(BUILT_IN[kind], match=message) as caught:
        f(leaf)
    error = caught.value
    assert type(error) is getattr(errors, f"{kind}Error")
    assert isinstance(error, errors.AutogradError)
    assert error.primitive == str(error).split(":")[0]
    assert x in error.numbers
    assert any(operand is leaf for operand in error.operands)


def test_an_error_says_which_nodes_the_operands_are():
    a, b = Value(1.0), Value(2.0)
    with pytest.raises(ValueError, match="at an unnamed leaf"):
        (a * -1.0 * 1.0).data, log(Value(-1.0))
    with pytest.raises(ValueError, match="at an unnamed result of sub"):
        log(a - b)
    with pytest.raises(ZeroDivisionError, match=r"got 1\.0 at an unnamed leaf, 0\.0 at node 'n'"):
        a / Value(0.0, label="n")


def test_an_error_names_six_operands_and_says_that_there_are_more():
    row = ROWS["logsumexp"]
    for count in range(9):
        numbers = [float(k) for k in range(count)]
        said = str(row.error(ValueError(), numbers, ())).split("got ")[1].split(". Test")[0]
        expected = [repr(x) for x in numbers[:6]] + ["..."] * (count > 6)
        assert said == (", ".join(expected) or "nothing")


def test_sigmoids_and_losses_never_overflow():
    for x in (1e4, -1e4, 1e308, -1e308, math.inf, -math.inf):
        for f in (ROWS["sigmoid"], ROWS["softplus"], ROWS["logsigmoid"], ROWS["silu"], ROWS["gelu"], ROWS["tanh"]):
            assert not math.isnan(f(Value(x)).data)


def test_a_negative_base_takes_integer_exponents():
    assert (Value(-2.0) ** 3.0).data == -8.0
    assert ((-2.0) ** Value(3.0)).data == -8.0
    v = Value(3.0)
    assert math.isnan(gradients((-2.0) ** v, [v])[0])


def test_a_product_that_overflows_is_infinite_as_in_python():
    assert (Value(1e300) * 1e300).data == math.inf


def test_infinities_and_nan_are_numbers_too():
    assert relu(Value(math.inf)).data == math.inf
    assert math.isnan((Value(math.inf) - math.inf).data)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_the_signature_of_a_row_names_its_operands(row):
    parameters = inspect.signature(row).parameters.values()
    if row.variadic:
        assert [p.kind.name for p in parameters] == ["VAR_POSITIONAL"]
    else:
        assert len(parameters) == row.arity
        assert tuple(p.default for p in parameters if p.default is not p.empty) == row.defaults
    method = getattr(Value, row.name, None)
    if method is not None and row.name != "pow":
        assert inspect.signature(method) == inspect.signature(row)


def test_a_row_without_names_of_its_own_has_some(new_row):
    assert str(inspect.signature(clip)) == "(x, low, high, /)"
    assert str(inspect.signature(greater)) == "(a, b, /)", "the names of its forward function, where no gradient flows"
    assert str(inspect.signature(Value(1.0).elu)) == "(alpha=1.0, /)"
    unnamed = new_row("unnamed", math.atan2, lambda *all: 1.0, lambda *all: 1.0)
    assert str(inspect.signature(unnamed)) == "(x1, x2, /)"
    assert list(inspect.signature(type(unnamed)).parameters) == ["name", "forward", "gradients"]


def test_the_wrong_number_of_operands_is_a_type_error():
    for attempt in (lambda: exp(), lambda: exp(1.0, 2.0), lambda: ROWS["add"](1.0), lambda: Value(1.0).exp(2.0)):
        with pytest.raises(TypeError, match=r"operand.*\. Write (exp|add)\("):
            attempt()
    with pytest.raises(TypeError, match=r"^clip: takes 3 operands, got 1\. Write clip\(x, low, high\)\.$"):
        clip(1.0)


def test_variadic_rows_take_operands_or_one_iterable():
    a, b = leaves(a=1.0, b=2.0)
    for row in [row for row in TABLE if row.variadic]:
        apart, together, lazily = row(a, b), row([a, b]), row(x for x in (a, b))
        assert apart.operands == together.operands == lazily.operands == (a, b)
        assert row(1.0, 2.0) == row([1.0, 2.0]) == row((1, 2)) == row(np.array([1.0, 2.0])) == apart.data
    assert logsumexp(3) == logsumexp([3.0]) == logsumexp(a + 2).data == 3.0
    with pytest.raises(TypeError, match="Convert text"):
        autograd_lite.sum("12")


@pytest.mark.parametrize("name", ["max", "min", "logsumexp"])
def test_rows_without_a_value_for_nothing_say_so(name):
    with pytest.raises(ValueError, match="at least one operand is needed"):
        ROWS[name]()


def test_functions_of_lists_refuse_empty_ones():
    for f in (mean, softmax, autograd_lite.log_softmax, lambda xs: cross_entropy(xs, 0)):
        with pytest.raises(errors.ArgumentError, match="at least one number"):
            f([])
    with pytest.raises(errors.ArgumentError, match="same length, got 2 and 1"):
        dot([1.0, 2.0], [1.0])
    assert dot([], []) == norm([]) == 0.0


def test_a_class_out_of_range_is_refused():
    for target in (-1, 2, np.int64(5)):
        with pytest.raises(errors.ArgumentError, match=r"0\.\.1"):
            cross_entropy([1.0, 2.0], target)
    for target in (1.0, "1", None):
        with pytest.raises(TypeError, match="integer class"):
            cross_entropy([1.0, 2.0], target)
    assert (
        cross_entropy([1.0, 2.0], np.int64(1)) == cross_entropy([1.0, 2.0], 1) == cross_entropy(iter([1.0, 2.0]), True)
    )


def test_probabilities_and_targets_must_be_probabilities():
    for p in (-0.1, 1.1, Value(1.5, label="p")):
        with pytest.raises(errors.ArgumentError, match="bce_logits"):
            bce(p, 1.0)
    for t in (-1, 2, math.nan, Value(1.5), Value(math.nan)):
        with pytest.raises(errors.ArgumentError, match=r"\[0, 1\]"):
            bce(0.5, t)
        with pytest.raises(errors.ArgumentError, match=r"\[0, 1\]"):
            bce_logits(0.5, t)
    assert math.isnan(bce(math.nan, 0.5))


def test_functions_of_lists_give_floats_for_floats_and_values_for_values():
    a, b = leaves(a=0.3, b=0.6)
    for f in (
        mean, norm, softmax, autograd_lite.log_softmax, lambda xs: cross_entropy(xs, 0),
        lambda xs: dot(xs, [1.0, 2.0]), lambda xs: bce(xs[0], 0.25), lambda xs: bce_logits(xs[0], 0.25),
    ):  # fmt: skip
        plain, traced = f([0.3, 0.6]), f([a, b])
        if not isinstance(plain, list):
            plain, traced = [plain], [traced]
        assert all(x.__class__ is float for x in plain)
        assert all(v.__class__ is Value for v in traced)
        assert [v.data for v in traced] == plain


@pytest.mark.parametrize(
    "attempt",
    [
        lambda x: gradients(2.0, [x]),
        lambda x: gradients(x, x),
        lambda x: gradients(x, [2.0]),
        lambda x: gradients(x, 2.0),
    ],
)
def test_gradients_of_what_is_not_a_value_are_refused(attempt):
    with pytest.raises(TypeError):
        attempt(Value(1.0))


# ---- copies and pickles


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_leaves_can_be_copied_and_pickled(copied):
    leaf = Value(2.5, label="w", role="parameter")
    leaf.grad = -1.0
    twin = copied(leaf)
    assert twin is not leaf
    assert (twin.data, twin.grad, twin.label, twin.role, twin.is_leaf) == (2.5, -1.0, "w", "parameter", True)
    twin.data = 7.0
    assert leaf.data == 2.5
    assert gradients(twin * twin, [twin]) == [14.0]


def test_sharing_inside_a_container_survives_a_deepcopy_and_a_pickle():
    leaf = Value(2.0)
    for twins in (copy.deepcopy([leaf, leaf]), pickle.loads(pickle.dumps([leaf, leaf]))):
        assert twins[0] is twins[1]
        assert twins[0] is not leaf


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_result_refuses_to_be_copied_and_says_how(copied):
    x = Value(2.0)
    for _ in range(5000):  # deep enough to overflow a recursive copy
        x = x + 1.0
    with pytest.raises(TypeError, match="Copy the leaves and build the expression again"):
        copied(x.named("y"))


def test_rows_are_copied_and_pickled_by_name():
    for row in TABLE:
        assert copy.copy(row) is copy.deepcopy(row) is pickle.loads(pickle.dumps(row)) is row
    with pytest.raises(TypeError, match="no primitive is called 'nothing'"):
        row_named("nothing")
    assert repr(ROWS["exp"]) == "<primitive exp>"


# ---- rows of one's own


@pytest.fixture
def new_row(monkeypatch):
    """primitive(), with the table put back as it was afterwards."""
    monkeypatch.setattr("autograd_lite.primitives.ROWS", ROWS)
    before = dict(ROWS)
    yield primitive
    for name in set(ROWS) - set(before):
        del ROWS[name]


def test_a_row_of_ones_own_has_everything_at_once(new_row):
    soft = new_row("soft_test", lambda x: math.log1p(math.exp(x)), lambda y, x: autograd_lite.sigmoid(x), symbol="sp")
    x = Value(0.5)
    (first,) = gradients(soft(x), [x], create_graph=True)
    assert first.data == autograd_lite.sigmoid(0.5)
    assert gradients(first, [x]) == [pytest.approx(first.data * (1 - first.data), rel=1e-14)]
    assert soft(0.0) == math.log(2.0)
    assert (soft.symbol, soft.name, soft.__name__) == ("sp", "soft_test", "soft_test")
    assert pickle.loads(pickle.dumps(soft)) is soft


def test_a_row_written_with_anything_numeric_still_holds_floats(new_row):
    """Its forward may return ints or numpy scalars, its gradients bools: what comes out is float."""
    row = new_row("loose_test", lambda x: np.float64(x) * 2, lambda y, x: np.float64(2))
    other = new_row("int_test", lambda x: 3, lambda y, x: True)
    x = Value(1.5)
    y = row(x) + other(x)
    y.backward()
    assert (y.data, y.data.__class__, x.grad, x.grad.__class__) == (6.0, float, 3.0, float)
    assert [g.__class__ for g in gradients(y, [x])] == [float]
    assert [g.data for g in gradients(y, [x], create_graph=True)] == [3.0]
    assert row(x).local_gradients[0].__class__ is float


def test_a_row_whose_forward_leaves_the_reals_raises(new_row):
    row = new_row("root_test", lambda x: x**0.5, lambda y, x: 0.5 / y, domain="[0, inf)")
    bare = new_row("bare_root_test", lambda x: x**0.5, lambda y, x: 0.5 / y)
    for f in (row, bare):
        with pytest.raises(ValueError, match="_test:"):
            f(Value(-1.0))
        assert f(4.0) == 2.0
    text = new_row("text_test", lambda x: "2", lambda y, x: 1.0)
    with pytest.raises(TypeError, match="forward of text_test"):
        text(1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("exp", math.exp, lambda y, x: y), "is a row of the table already"),
        (("where", math.exp, lambda y, x: y), "is a row of the table already"),
        (("", math.exp, lambda y, x: y), "non-empty str"),
        ((3, math.exp, lambda y, x: y), "non-empty str"),
        (("f_test", 3.0, lambda y, x: y), "forward must be a function"),
        (("f_test", math.exp, 3.0), "a local gradient must be a function"),
        (("f_test", math.exp), "one per operand"),
    ],
)
def test_a_row_that_cannot_work_is_refused(new_row, arguments, message):
    with pytest.raises(TypeError, match=message):
        new_row(*arguments)
    assert "f_test" not in ROWS


def test_a_variadic_row_needs_exactly_one_function(new_row):
    for gradients_ in ((), (None,), (lambda y, *xs: xs, lambda y, *xs: xs)):
        with pytest.raises(TypeError, match="exactly one function"):
            new_row("f_test", max, *gradients_, variadic=True)


def test_topological_order_lists_operands_before_users_each_once():
    a, b = leaves(a=2.0, b=3.0)
    c = a * b
    d = c + c + a
    order = topological_order(d)
    assert len(order) == len(set(order)) == 5
    assert order[-1] is d
    for node in order:
        for operand in node.operands:
            assert order.index(operand) < order.index(node)
