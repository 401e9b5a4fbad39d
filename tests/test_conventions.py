"""What happens at kinks and singular points: a table of conventions, each line a test.

The rule: the derivative where it exists; the minimum-norm sub- or supergradient where the
function is convex or concave; by continuity otherwise (inf allowed); nan where nothing is defined.
"""

import itertools
import math
import re
from math import inf, nan

import numpy as np
import pytest
from support.bits import all_bits, bits
from support.points import TABLE, points

from autograd_lite import (
    Value,
    abs,
    atan2,
    bce,
    bce_logits,
    clip,
    cross_entropy,
    dot,
    elu,
    exp,
    floor,
    gelu,
    gelu_tanh,
    gradients,
    greater,
    hypot,
    leaky_relu,
    log,
    log_softmax,
    logsumexp,
    max,
    maximum,
    mean,
    min,
    minimum,
    norm,
    prod,
    relu,
    sigmoid,
    sign,
    silu,
    softmax,
    softplus,
    sqrt,
    step,
    sum,
    where,
)
from autograd_lite.primitives import ROWS, Interval


def at(f, *numbers, seed=1.0):
    """The gradients of f at numbers; the float sweep and the graph sweep must agree on them."""
    leaves = [Value(x) for x in numbers]
    root = f(*leaves)
    floats = gradients(root, leaves, seed=seed)
    graphs = gradients(root, leaves, create_graph=True, seed=seed)
    assert all_bits(g + 0.0 for g in floats) == all_bits(g.data + 0.0 for g in graphs)
    return floats[0] if len(floats) == 1 else floats


@pytest.mark.parametrize("row", [row for row in TABLE if row.kinks], ids=lambda row: row.name)
def test_the_gradient_at_a_kink_is_what_the_kinks_column_says(row):
    for point, convention in row.kinks.items():
        assert row.kink_distance(*point) == 0.0
        gradient = at(row, *point)
        assert tuple(gradient if isinstance(gradient, list) else [gradient]) == convention


@pytest.mark.parametrize("row", [row for row in TABLE if row.kinks], ids=lambda row: row.name)
def test_the_convention_lies_between_the_one_sided_slopes(row):
    """Minimum norm, so never outside of the interval that the two slopes span."""
    if row.name in ("step", "sign", "floor", "greater"):  # jumps: there is no slope
        return
    h = 2.0**-20
    for point, convention in row.kinks.items():
        for i, ours in enumerate(convention):
            slopes = []
            for side in (h, -h):
                moved = [*point[:i], point[i] + side, *point[i + 1 :]]
                slopes.append((row(*moved) - row(*point)) / side)
            low, high = sorted(slopes)
            assert low - 2 * h <= ours <= high + 2 * h, (row, point, i, ours, slopes)


def test_every_row_with_a_branch_says_where_its_kinks_are():
    branching = {"relu", "leaky_relu", "elu", "abs", "maximum", "minimum", "clip", "step", "sign", "floor", "greater"}
    branching |= {"max", "min", "hypot", "where", "atan2"}
    assert {row.name for row in TABLE if row.kink_distance} == branching


PIECES = {  # -> a, b, the piece where a > b, the piece elsewhere
    "relu": lambda x: (x, 0.0, x, 0.0),
    "step": lambda x: (x, 0.0, 1.0, 0.0),
    "leaky_relu": lambda x, slope: (x, 0.0, x, slope * x),
    "elu": lambda x, alpha: (x, 0.0, x, alpha * ROWS["expm1"](x)),
    "greater": lambda a, b: (a, b, 1.0, 0.0),
}


@pytest.mark.parametrize("name", PIECES)
def test_a_kink_belongs_to_the_piece_whose_slope_it_has(name):
    """Bit for bit: at the kink itself the pieces differ by the sign of a zero, or by 0 times infinity."""
    for xs in itertools.product([0.0, -0.0, 1.0, -2.0, 5e-324, inf, -inf, nan], repeat=ROWS[name].arity):
        a, b, above, below = PIECES[name](*xs)
        expected = nan if math.isnan(a) or math.isnan(b) else above if a > b else below
        assert bits(ROWS[name](*xs)) == bits(expected), xs


def test_gates_close_at_minus_infinity():
    for row in (gelu, gelu_tanh, silu):
        assert all_bits([row(-inf), row(inf)]) == all_bits([-0.0, inf])
        assert math.isnan(row(nan))


SELECTIONS = {"where", "step", "sign", "floor", "greater", "detach", "relu", "maximum", "minimum", "clip"}
SELECTIONS |= {"max", "min", "gate"}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_an_infinite_upstream_gradient_times_zero_is_zero_where_a_row_selects_and_nan_elsewhere(row):
    for xs in points(row, 10):
        expected = []
        for local in row.partials(row(*xs), xs):
            nothing = local is None or (row.name in SELECTIONS and local == 0.0)
            expected.append(0.0 if nothing else inf * local)
        found = at(lambda *leaves: row(*leaves), *xs, seed=inf)
        assert all_bits(found if isinstance(found, list) else [found]) == all_bits(expected), xs


@pytest.mark.parametrize("row", [max, min, maximum, minimum], ids=lambda row: row.name)
def test_what_was_not_chosen_gets_zero_even_of_an_infinite_gradient(row):
    other = -5.0 if "max" in row.name else 5.0
    assert at(lambda a, b: sqrt(row(a, b)), 0.0, other) == [inf, 0.0]
    assert at(lambda a, b: sqrt(row(a, b)), other, 0.0) == [0.0, inf]


DISTANCES = [
    ("relu", (-2.5,), 2.5),
    ("leaky_relu", (-2.5, 0.1), 2.5),
    ("elu", (1.5, 2.0), 1.5),
    ("abs", (-2.5,), 2.5),
    ("step", (1.5,), 1.5),
    ("sign", (-1.5,), 1.5),
    ("floor", (1.25,), 0.25),
    ("floor", (1.75,), 0.25),
    ("greater", (-1.0, 2.0), 3.0),
    ("maximum", (2.0, -1.0), 3.0),
    ("minimum", (-1.0, 2.0), 3.0),
    ("max", (1.0, 5.0, 3.0), 2.0),
    ("max", (5.0,), inf),
    ("min", (5.0, 1.0, 4.0), 3.0),
    ("min", (5.0,), inf),
    ("where", (-0.5, 3.0, 4.0), 0.5),
    ("clip", (0.75, -1.0, 1.0), 0.25),
    ("clip", (-3.0, -1.0, 1.0), 2.0),
    ("clip", (3.0, -1.0, 1.0), 2.0),
    ("hypot", (3.0, -4.0), 5.0),
    ("atan2", (3.0, 4.0), 5.0),  # the kink is the half line b <= 0, a = 0: from here its end is nearest
    ("atan2", (-3.0, -0.5), 3.0),
    ("atan2", (3.0, 0.5), math.hypot(3.0, 0.5)),
]


def test_the_distance_to_the_nearest_kink():
    for name, point, distance in DISTANCES:
        assert ROWS[name].kink_distance(*point) == distance, (name, point)
    assert {row.name for row in TABLE if row.kink_distance} == {name for name, _, _ in DISTANCES}


def test_a_rectified_zero_has_no_sign():
    assert bits(relu(-0.0)) == bits(relu(0.0)) == bits(0.0)


SINGULAR = {
    "relu at 0": (relu, (0.0,), 0.0),
    "relu at -0": (relu, (-0.0,), 0.0),
    "step at 0": (step, (0.0,), 0.0),
    "step elsewhere": (step, (2.0,), 0.0),
    "sign at 0": (sign, (0.0,), 0.0),
    "floor at 1": (floor, (1.0,), 0.0),
    "floor elsewhere": (floor, (1.5,), 0.0),
    "abs at 0": (abs, (0.0,), 0.0),
    "maximum at a tie": (maximum, (1.0, 1.0), [0.5, 0.5]),
    "minimum at a tie": (minimum, (1.0, 1.0), [0.5, 0.5]),
    "max at a tie of two": (max, (1.0, 2.0, 2.0), [0.0, 0.5, 0.5]),
    "max at a tie of four": (max, (3.0, 3.0, 3.0, 3.0), [0.25] * 4),
    "min at a tie of two": (min, (1.0, 1.0, 2.0), [0.5, 0.5, 0.0]),
    "leaky_relu at 0": (lambda x: leaky_relu(x, 0.1), (0.0,), 0.1),
    "elu at 0": (elu, (0.0,), 1.0),
    "clip at its low bound": (lambda x: clip(x, -1.0, 1.0), (-1.0,), 0.0),
    "clip at its high bound": (lambda x: clip(x, -1.0, 1.0), (1.0,), 0.0),
    "clip inside": (lambda x: clip(x, -1.0, 1.0), (0.5,), 1.0),
    "sqrt at 0": (sqrt, (0.0,), inf),
    "sqrt at -0": (sqrt, (-0.0,), -inf),  # 1 / (2 sqrt(-0.0)), a division by -0.0: so do JAX and PyTorch
    "0.5th power at -0": (lambda x: x**0.5, (-0.0,), inf),  # IEEE's pow(-0.0, -0.5): so does JAX
    "a tenth power at 0": (lambda x: x**0.1, (0.0,), inf),
    "hypot at 0": (hypot, (0.0, 0.0), [0.0, 0.0]),
    "norm at 0": (lambda a, b, c: norm([a, b, c]), (0.0, 0.0, 0.0), [0.0] * 3),
    "atan2 at 0": (atan2, (0.0, 0.0), [nan, nan]),
    "0**y in y, y > 0": (lambda x, y: x**y, (0.0, 2.0), [0.0, 0.0]),
    "0**y in y, y = 0": (lambda x, y: x**y, (0.0, 0.0), [0.0, 0.0]),
    "x**y in y, x < 0": (lambda x, y: x**y, (-2.0, 2.0), [-4.0, nan]),
    "0**0.5": (lambda x: x**0.5, (0.0,), inf),
    "0**0": (lambda x: x**0, (0.0,), 0.0),
    "0**1": (lambda x: x**1, (0.0,), 1.0),
    "0**2": (lambda x: x**2, (0.0,), 0.0),
    "0**3": (lambda x: x**3, (0.0,), 0.0),
    "(1e-300)**-1": (lambda x: x**-1, (1e-300,), -inf),
    "1/1e-300": (lambda x: 1 / x, (1e-300,), -inf),
    "relu of nan": (relu, (nan,), nan),
    "abs of nan": (abs, (nan,), nan),
    "sign of nan": (sign, (nan,), 0.0),
    "leaky_relu of nan": (leaky_relu, (nan,), nan),
    "maximum of nan": (maximum, (nan, 1.0), [nan, nan]),
    "minimum of nan": (minimum, (1.0, nan), [nan, nan]),
    "asin at 1": (ROWS["asin"], (1.0,), inf),
    "asin at -1": (ROWS["asin"], (-1.0,), inf),
    "acos at 1": (ROWS["acos"], (1.0,), -inf),
    "acos at -1": (ROWS["acos"], (-1.0,), -inf),
    "acosh at 1": (ROWS["acosh"], (1.0,), inf),
    "cbrt at 0": (ROWS["cbrt"], (0.0,), inf),
    "cbrt at -0": (ROWS["cbrt"], (-0.0,), inf),
    "logsumexp of -inf": (logsumexp, (-inf, -inf), [nan, nan]),
    "sqrt of relu below 0": (lambda x: sqrt(relu(x)), (-1.0,), 0.0),
    "sqrt of relu at 0": (lambda x: sqrt(relu(x)), (0.0,), 0.0),
    "sqrt of clip at 0": (lambda x: sqrt(clip(x, 0.0, 1.0)), (-3.0,), 0.0),
    "sqrt of maximum": (lambda x, y: sqrt(maximum(x, y)), (-1.0, 0.0), [0.0, inf]),
    "sqrt of max": (lambda x, y: sqrt(max([x, y])), (-1.0, 0.0), [0.0, inf]),
    "an unvisited branch": (lambda x: where(greater(x, 0.0), 1.0, x), (3.0,), 0.0),
    "an infinite unvisited branch": (lambda x, y: where(greater(x, 1.0), sqrt(y), x), (0.0, 0.0), [1.0, 0.0]),
    "zero times an infinite slope": (lambda x: 0.0 * sqrt(x), (0.0,), 0.0),
    "a root times zero": (lambda a, x: a * sqrt(x), (0.0, 0.0), [0.0, 0.0]),
    "sigmoid far out": (sigmoid, (-750.0,), 0.0),
    "softplus at 1e4": (softplus, (1e4,), 1.0),
    "silu at -inf": (silu, (-inf,), 0.0),
    "silu at inf": (silu, (inf,), 1.0),
    "gelu at -inf": (gelu, (-inf,), 0.0),
    "gelu at inf": (gelu, (inf,), 1.0),
    "gelu_tanh at -inf": (gelu_tanh, (-inf,), 0.0),
    "gelu_tanh at inf": (gelu_tanh, (inf,), 1.0),
    "exp at -inf": (exp, (-inf,), 0.0),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_the_gradient_at_a_singular_point_is_the_one_promised(name):
    f, point, expected = SINGULAR[name]
    ours = at(f, *point)
    as_list = [ours, expected] if not isinstance(expected, list) else [*ours, *expected]
    half = len(as_list) // 2
    assert all_bits(g + 0.0 for g in as_list[:half]) == all_bits(g + 0.0 for g in as_list[half:])


def test_the_gradient_of_sign_and_step_is_zero_even_at_nan():
    """They have no gradient function at all: nothing can flow, not even nan."""
    assert ROWS["sign"].gradients == ROWS["step"].gradients == (None,)


def test_what_is_left_out_is_the_usual_constant():
    """As the docstrings of the rows say, and as PyTorch has it."""
    assert {row.name: row.defaults for row in TABLE if row.defaults} == {
        "leaky_relu": (0.01,),
        "elu": (1.0,),
        "gaussian": (1.0,),
    }


def test_the_one_name_for_gelu_is_the_exact_one():
    assert gelu(1.0) == pytest.approx(0.5 * (1 + math.erf(1 / math.sqrt(2))), rel=1e-15)
    assert gelu_tanh(1.0) != pytest.approx(gelu(1.0), rel=1e-5)


def test_softplus_is_smooth_everywhere():
    """No switch to the identity above 20: the second derivative is exp(-x) there, not 0."""
    x = Value(30.0)
    (first,) = gradients(softplus(x), [x], create_graph=True)
    assert gradients(first, [x])[0] == pytest.approx(math.exp(-30.0), rel=1e-12)
    assert softplus(-800.0) == 0.0
    assert softplus(1e4) == 1e4


def test_nan_goes_through_every_row_and_its_gradients():
    for row in TABLE:
        xs = [nan] * (row.arity or 2)
        assert math.isnan(row(*xs)), row
        for gradient, local in zip(at_list(row, xs), row.gradients * len(xs), strict=False):
            assert math.isnan(gradient) or local is None or row.name in ("add", "sub", "neg", "identity", "sum"), row


def at_list(row, xs):
    gradient = at(row, *xs)
    return gradient if isinstance(gradient, list) else [gradient]


def test_pow_knows_that_anything_to_the_zero_is_one_and_that_one_to_anything_is_one():
    """As floats do, nan included: the only functions of nan that are not nan."""
    assert (Value(nan) ** 0).data == 1.0
    assert (1.0 ** Value(nan)).data == 1.0


# ---- compositions at the ends of their range


def test_cross_entropy_is_exact_where_the_target_wins():
    """logsumexp(z) - z[t] gives 0.0 and no gradient at [40, 0]; the truth is 4.25e-18."""
    z = [Value(40.0), Value(0.0)]
    loss = cross_entropy(z, 0)
    assert loss.data == pytest.approx(math.exp(-40.0), rel=1e-15)
    by_first, by_second = gradients(loss, z)
    assert by_second == pytest.approx(math.exp(-40.0), rel=1e-15)
    assert by_first == pytest.approx(-math.exp(-40.0), rel=1e-15)


def test_cross_entropy_takes_logits_of_any_size():
    for big in (1e4, 1e300):
        z = [Value(big), Value(-big), Value(0.0)]
        assert cross_entropy(z, 0).data == 0.0
        assert gradients(cross_entropy(z, 0), z) == [0.0, 0.0, 0.0]
        assert cross_entropy(z, 1).data == 2 * big
        assert gradients(cross_entropy(z, 1), z) == [1.0, -1.0, 0.0]


def test_bce_of_certain_probabilities_is_zero_or_infinite():
    assert [bce(p, t) for p, t in [(1.0, 1.0), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0)]] == [0.0, 0.0, inf, inf]
    assert at(lambda p: bce(p, 1.0), 1.0) == -1.0
    assert at(lambda p: bce(p, 0.0), 0.0) == 1.0
    assert at(lambda p: bce(p, 1.0), 0.0) == -inf
    assert at(lambda p: bce(p, 0.0), 1.0) == inf
    assert at(lambda p: bce(p, 0.5), 0.5) == 0.0


def test_bce_logits_never_overflows():
    for z in (1e4, -1e4, 1e300, -1e300, 0.0):
        for t in (0.0, 0.25, 1.0):
            loss = bce_logits(z, t)
            assert loss == pytest.approx(t * relu(-z) + (1 - t) * relu(z), abs=0.7)
            assert at(lambda v, t=t: bce_logits(v, t), z) == pytest.approx(sigmoid(z) - t)


def test_softmax_of_logits_of_any_size_adds_up_to_one():
    for zs in ([1e4, -1e4], [1e300, 0.0, 1e300], [-745.0, 0.0], [5.0], [0.1] * 7):
        shares = softmax(zs)
        assert math.fsum(shares) == pytest.approx(1.0, rel=1e-15)
        assert [math.exp(x) for x in log_softmax(zs)] == pytest.approx(shares, rel=1e-13)


def test_log_softmax_is_exact_where_one_output_is_close_to_one():
    assert log_softmax([40.0, 0.0]) == pytest.approx([-math.exp(-40.0), -40.0], rel=1e-15)


def test_logsumexp_takes_infinite_operands():
    assert logsumexp(-inf, -inf) == -inf
    assert logsumexp(inf, 0.0) == inf
    assert logsumexp(0.0, -inf) == 0.0
    assert logsumexp(inf, -inf) == inf
    assert math.isnan(logsumexp(0.0, nan))
    assert math.isnan(logsumexp(nan, 0.0))
    assert math.isnan(logsumexp(inf, nan))
    assert math.isnan(logsumexp(-inf, nan))


def test_a_sum_is_rounded_once():
    assert sum([0.1] * 10) == 1.0
    assert sum(1e16, 1.0, -1e16) == 1.0
    assert dot([1e16, 1.0, -1e16], [1.0, 1.0, 1.0]) == 1.0
    assert mean([0.1] * 10) == 0.1


def test_a_sum_that_overflows_on_the_way_is_what_plus_gives():
    assert sum(1e308, 1e308, -1e308) == inf
    assert math.isnan(sum(inf, -inf))
    assert dot([1e300, 1e300], [1e300, 1.0]) == inf
    assert math.isnan(dot([inf, -inf], [1.0, 1.0]))


def test_empty_sums_and_products_are_their_neutral_elements():
    assert (sum(), sum([]), prod(), prod([])) == (0.0, 0.0, 1.0, 1.0)


def test_a_product_with_zeros_has_the_gradient_of_the_others():
    assert at(prod, 0.0, 2.0, 3.0) == [6.0, 0.0, 0.0]
    assert at(prod, 0.0, 0.0, 3.0) == [0.0, 0.0, 0.0]
    assert at(lambda x: prod(x), 5.0) == 1.0


def test_floor_and_step_round_and_count():
    assert [floor(x) for x in (1.5, -1.5, 2.0, -0.0, inf)] == [1.0, -2.0, 2.0, -0.0, inf]
    assert [step(x) for x in (-1.0, 0.0, 1.0)] == [0.0, 0.0, 1.0]
    assert [sign(x) for x in (-2.0, 0.0, 3.0)] == [-1.0, 0.0, 1.0]


def test_where_folds_a_plain_condition_and_makes_no_node():
    x = Value(-1.0)
    assert where(x > 0, lambda: log(x), 0.0) == 0.0
    assert where(x < 0, x, 0.0) is x
    assert where(False, 1.0, lambda: x) is x
    assert math.isnan(where(nan, 1.0, 2.0))


def test_where_takes_a_condition_that_stays_in_the_graph():
    x = Value(3.0)
    y = where(greater(x, 0.0), lambda: x * x, lambda: -x)
    assert (y.data, gradients(y, [x])) == (9.0, [6.0])
    x.data = -2.0
    assert (y.forward(), gradients(y, [x])) == (2.0, [-1.0])
    assert math.isnan(where(Value(nan), 1.0, 2.0).data)


def test_an_eager_branch_of_where_raises_before_where_sees_it():
    x = Value(-1.0)
    with pytest.raises(ValueError, match="log: operand must lie in"):
        where(x > 0, log(x), 0.0)


def test_intervals_read_as_written():
    assert (0.0 in Interval("(0, inf)"), 0.0 in Interval("[0, inf)"), inf in Interval("(0, inf)")) == (
        False,
        True,
        True,
    )
    assert (1.0 in Interval("(-1, 1)"), -1.0 in Interval("[-1, 1)"), nan in Interval("(0, 1)")) == (False, True, True)
    assert repr(Interval("[-1, 1]")) == "[-1, 1]"


@pytest.mark.parametrize("row", [row for row in TABLE if row.domain], ids=lambda row: row.name)
def test_a_row_is_defined_on_its_domain_and_nowhere_else(row):
    low, high = row.domain.low, row.domain.high
    edges = [x for x in (low, high) if math.isfinite(x)]
    inside = [math.nextafter(low, inf), math.nextafter(high, -inf), *[x for x in edges if x in row.domain]]
    outside = [math.nextafter(low, -inf), math.nextafter(high, inf), *[x for x in edges if x not in row.domain]]
    for x in inside:
        assert bits(row(x)) == bits(row(Value(x)).data)
    for x in outside:
        if math.isfinite(x):
            with pytest.raises(ValueError, match=re.escape(f"operand must lie in {row.domain}")):
                row(x)


NUMPY = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2, "log10": np.log10,
    "log1p": np.log1p, "sinh": np.sinh, "cosh": np.cosh, "atanh": np.arctanh, "sqrt": np.sqrt, "asin": np.arcsin,
    "acos": np.arccos, "acosh": np.arccosh, "sin": np.sin, "cos": np.cos, "tan": np.tan, "div": np.divide,
    "pow": np.power,
}  # fmt: skip


@pytest.mark.parametrize("name", NUMPY)
def test_where_python_raises_the_quiet_row_has_the_value_of_ieee_arithmetic(name):
    """Inside gradients only. numpy follows IEEE 754 and is the judge; nan has no sign here."""
    row, raised = ROWS[name], 0
    special = [0.0, -0.0, 1.0, -1.0, -8.0, 0.5, -0.5, -3.0, 2.0, 1e200, -1e200, 1025.0, 1000.0, -1000.0, inf, -inf, nan]
    for xs in itertools.product(special, repeat=row.arity):
        try:
            row.forward(*xs)
        except (ValueError, ArithmeticError):
            raised += 1
            with np.errstate(all="ignore"):
                expected = float(NUMPY[name](*xs))
            assert bits(row.quiet(*xs)) == bits(expected), (name, xs)
    assert raised


def test_rows_without_an_edge_of_their_own_are_undefined_where_they_raise():
    assert math.isnan(ROWS["clip"].quiet(0.0, 1.0, -1.0))
    assert {row.name for row in TABLE if row.edge is not ROWS["add"].edge} <= NUMPY.keys() | {
        "gaussian",
        "exp_difference",
    }


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_the_probe_of_a_row_lies_where_it_is_defined(row):
    assert len(row.probe) in (1, row.arity)
    for interval in row.probe:
        assert interval.low < interval.high
        if row.domain:
            assert interval.low in row.domain
            assert interval.high in row.domain
