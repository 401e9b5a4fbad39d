"""THE TABLE: what is known about each function, written once.

Read a row as: name, forward on floats, one local gradient per operand (the output y comes
first, so `exp` can say "y"), then what else is known. Everything that differentiates,
checks, draws or compiles is derived from these rows. In the text of a local gradient every
name is a row, an operator or a number, so it holds for floats and graphs alike.
"""

from __future__ import annotations

import math
import operator
from math import inf, nan

from autograd_lite import floats
from autograd_lite.primitives import ROWS, Traced, primitive, to_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from autograd_lite.primitives import Primitive

    exp: Primitive
    expm1: Primitive
    log: Primitive
    cos: Primitive
    cosh: Primitive
    one_minus_square: Primitive
    sigmoid_slope: Primitive
    sigmoid: Primitive
    gate: Primitive

# A row is laid out as a row, not one argument a line.
# fmt: off

LN_2, INVERSE_LN_2, INVERSE_LN_10 = 0.6931471805599453, 1.4426950408889634, 0.4342944819032518
FINITE = "operand must be finite"

# ---- selections: a branch is a row, so that it survives tracing and replay

select = primitive(
    "where", floats.choose, None,
    lambda y, condition, a, b: where(condition, 1.0, 0.0),
    lambda y, condition, a, b: where(condition, 0.0, 1.0),
    selection=True, symbol="if", kink_distance=lambda condition, a, b: math.fabs(condition),
    doc="Return a where the condition is not 0, else b.",
)


def where(condition: Any, a: Any, b: Any) -> Any:
    """Return a where the condition holds, else b; only the chosen one gets a gradient.

    A plain condition (`x > 0` is one) is decided now and makes no node; then a branch given
    as a function is called only if it is taken, so the other may be undefined. A condition
    that is itself a Value (`greater(x, 0)`) stays in the graph and is decided at every replay.

    >>> from autograd_lite import Value, log, where
    >>> x = Value(-1.0)
    >>> where(x > 0, lambda: log(x), 0.0)
    0.0
    """
    if isinstance(condition, Traced):
        return select(condition, a() if _is_branch(a) else a, b() if _is_branch(b) else b)
    if condition != condition:
        return nan
    chosen = a if condition else b
    chosen = chosen() if _is_branch(chosen) else chosen
    return to_number(chosen, "where")


def _is_branch(branch: Any) -> bool:
    return callable(branch) and not isinstance(branch, Traced)


step = primitive(
    "step", floats.step, None, selection=True, kinks={(0.0,): (0.0,)}, kink_distance=math.fabs,
    doc="Return 1 where x > 0, else 0 (step(0) = 0). Gradient 0 everywhere: it cannot learn.",
)
sign = primitive(
    "sign", floats.sign, None, selection=True, kinks={(0.0,): (0.0,)}, kink_distance=math.fabs,
    doc="Return -1, 0 or 1.",
)
floor = primitive(
    "floor", floats.floor, None,
    selection=True, kinks={(1.0,): (0.0,)}, kink_distance=lambda x: math.fabs(x - round(x)),
    doc="Return the largest integer not above x.",
)
greater = primitive(
    "greater", floats.greater, None, None,
    selection=True, symbol=">", kinks={(1.0, 1.0): (0.0, 0.0)}, kink_distance=lambda a, b: math.fabs(a - b),
    doc="Return 1 where a > b, else 0.",
)
detach = primitive(
    "detach", lambda x: x, None, selection=True,
    doc="Return x, through which no gradient flows.",
)
identity = primitive(
    "identity", lambda x: x, lambda y, x: 1.0, symbol="=",
    doc="Return x, as a node of its own.",
)

relu = primitive(
    "relu", floats.relu, lambda y, x: step(x),
    selection=True, float_gradients=lambda y, x: (floats.step(x),), kinks={(0.0,): (0.0,)}, kink_distance=math.fabs,
    doc="Return max(x, 0).",
)
leaky_relu = primitive(
    "leaky_relu", floats.leaky_relu,
    lambda y, x, slope: where(greater(x, 0.0), 1.0, slope),
    lambda y, x, slope: where(greater(x, 0.0), 0.0, x),
    defaults=(0.01,), probe=("(-3, 3)", "(0.01, 1)"), kinks={(0.0, 0.01): (0.01, 0.0)},
    kink_distance=lambda x, slope: math.fabs(x),
    doc="Return x where it is positive, else slope * x (slope 0.01 unless given).",
)
elu = primitive(
    "elu", floats.elu,
    lambda y, x, alpha: where(greater(x, 0.0), 1.0, lambda: alpha * exp(x)),
    lambda y, x, alpha: where(greater(x, 0.0), 0.0, lambda: expm1(x)),
    defaults=(1.0,), probe=("(-3, 3)", "(0.5, 2)"), kinks={(0.0, 1.0): (1.0, 0.0)},
    kink_distance=lambda x, alpha: math.fabs(x),
    doc="Return x where it is positive, else alpha * (exp(x) - 1) (alpha 1 unless given).",
)
abs = primitive(
    "abs", math.fabs, lambda y, x: sign(x),
    symbol="|x|", float_gradients=lambda y, x: (floats.sign(x),), kinks={(0.0,): (0.0,)}, kink_distance=math.fabs,
    doc="Return |x|.",
)
maximum = primitive(
    "maximum", floats.maximum,
    lambda y, a, b: (1.0 + greater(a, b) - greater(b, a)) / 2.0,
    lambda y, a, b: (1.0 + greater(b, a) - greater(a, b)) / 2.0,
    selection=True, symbol="max", float_gradients=floats.maximum_gradients, kinks={(2.0, 2.0): (0.5, 0.5)},
    kink_distance=lambda a, b: math.fabs(a - b),
    doc="Return the larger of two; at a tie each gets half the gradient.",
)
minimum = primitive(
    "minimum", floats.minimum,
    lambda y, a, b: (1.0 + greater(b, a) - greater(a, b)) / 2.0,
    lambda y, a, b: (1.0 + greater(a, b) - greater(b, a)) / 2.0,
    selection=True, symbol="min", float_gradients=lambda y, a, b: floats.maximum_gradients(y, b, a),
    kinks={(2.0, 2.0): (0.5, 0.5)}, kink_distance=lambda a, b: math.fabs(a - b),
    doc="Return the smaller of two; at a tie each gets half the gradient.",
)
clip = primitive(
    "clip", floats.clip,
    lambda y, x, low, high: greater(x, low) * greater(high, x),
    lambda y, x, low, high: greater(low, x), lambda y, x, low, high: greater(x, high),
    selection=True, probe=("(-3, 3)", "(-2, -1)", "(1, 2)"), rule="the low bound must not exceed the high one",
    cure="Write clip(x, low, high).", kinks={(1.0, -1.0, 1.0): (0.0, 0.0, 0.0)},
    kink_distance=lambda x, low, high: floats.minimum(math.fabs(x - low), math.fabs(x - high)),
    doc="Return x, or the bound, low or high, that it lies beyond.",
)

# ---- arithmetic: bit for bit what Python's operators give on floats

add = primitive("add", operator.add, lambda y, a, b: 1.0, lambda y, a, b: 1.0, symbol="+", doc="Return a + b.")
sub = primitive(
    "sub", operator.sub, lambda y, a, b: 1.0, lambda y, a, b: -1.0, symbol="−",
    doc="Return a - b.",
)
mul = primitive("mul", operator.mul, lambda y, a, b: b, lambda y, a, b: a, symbol="×", doc="Return a * b.")
div = primitive(
    "div", operator.truediv, lambda y, a, b: 1.0 / b, lambda y, a, b: -y / b,
    symbol="÷", probe=("(-3, 3)", "(0.5, 3)"), edge=lambda a, b: a * math.copysign(inf, b),
    doc="Return a / b.",
)
neg = primitive("neg", operator.neg, lambda y, x: -1.0, symbol="−", doc="Return -x.")
pow = primitive(
    "pow", floats.power,
    lambda y, x, n: where(
        floats.rounding_of_decrement(n),  # not 0: n - 1 is inexact, and x**(n-1) off by 130 ulp
        lambda: where(x, lambda: n * y / x, lambda: gate(n, x ** (n - 1.0))),
        lambda: gate(n, x ** (n - 1.0)),  # 0 at n = 0, yet with the derivative 1/x in n
    ),
    lambda y, x, n: where(x, lambda: y * log(x), 0.0),
    symbol="^", probe=("(0.2, 3)", "(-2, 3)"), float_gradients=floats.power_gradients, edge=floats.power_edge,
    rule="a negative base needs an integer exponent",
    cure="Write abs(x) ** n, or cbrt(x) for the real cube root.",
    doc="Return x ** n.",
)
sum = primitive(
    "sum", floats.total, lambda y, *xs: [1.0] * len(xs), variadic=True, symbol="Σ",
    doc="Return the sum of the operands (or of one iterable of them), rounded once.",
)
prod = primitive(
    "prod", lambda *xs: math.prod(xs, start=1.0), floats.products_of_others, variadic=True, symbol="Π",
    doc="Return the product of the operands (or of one iterable of them).",
)
dot_row = primitive(
    "dot", floats.dot, lambda y, *halves: halves[len(halves) // 2 :] + halves[: len(halves) // 2],
    variadic=True, symbol="·",
    doc="Return x0*w0 + x1*w1 + ... of (x0, x1, ..., w0, w1, ...).",
)


def _shares(weights: list[Any]) -> list[Any]:
    norm = sum(*weights)
    return [weight / norm for weight in weights]


def _gap(*xs: float) -> float:
    first, second = sorted(xs)[:2] if len(xs) > 1 else (0.0, inf)
    return second - first


max = primitive(
    "max", floats.maximum, lambda y, *xs: _shares([1.0 - greater(y, x) for x in xs]),
    variadic=True, selection=True, float_gradients=floats.shares_of_the_top, rule="at least one operand is needed",
    cure="Test the list first.", kinks={(1.0, 1.0, 0.0): (0.5, 0.5, 0.0)},
    kink_distance=lambda *xs: _gap(*[-x for x in xs]),
    doc="Return the largest operand (or that of one iterable); ties share the gradient.",
)
min = primitive(
    "min", floats.minimum, lambda y, *xs: _shares([1.0 - greater(x, y) for x in xs]),
    variadic=True, selection=True, float_gradients=floats.shares_of_the_bottom, rule="at least one operand is needed",
    cure="Test the list first.", kinks={(0.0, 0.0, 1.0): (0.5, 0.5, 0.0)}, kink_distance=_gap,
    doc="Return the smallest operand (or that of one iterable); ties share the gradient.",
)

# The chain rule's own products. Zero upstream stays zero whatever the local gradient: a
# branch that does not matter must not turn into 0 * inf = nan. `gate` is zero if either is.

chain = primitive(
    "chain",
    floats.chain,
    lambda y, upstream, local: local, lambda y, upstream, local: upstream, symbol="×",
    doc="Return upstream * local, 0 where upstream is 0.",
)
gate = primitive(
    "gate", floats.gate, lambda y, a, b: b, lambda y, a, b: a,
    symbol="×", selection=True,
    doc="Return a * b, 0 where either is 0.",
)

# ---- exponentials and logarithms

exp = primitive("exp", math.exp, lambda y, x: y, edge=lambda x: inf, doc="Return e**x.")
exp2 = primitive("exp2", math.exp2, lambda y, x: y * LN_2, symbol="2^x", edge=lambda x: inf, doc="Return 2**x.")
expm1 = primitive(
    "expm1", math.expm1, lambda y, x: exp(x), edge=lambda x: inf,
    doc="Return e**x - 1, accurate near 0.",
)
log = primitive(
    "log", math.log, lambda y, x: 1.0 / x,
    symbol="ln", domain="(0, inf)", probe="(0.3, 3)", edge=lambda x: -inf if x == 0.0 else nan,
    cure="Shift the argument, or use log1p if it is a small increment.",
    doc="Return the natural logarithm.",
)
log2 = primitive(
    "log2", math.log2, lambda y, x: INVERSE_LN_2 / x,
    domain="(0, inf)", probe="(0.3, 3)", edge=lambda x: -inf if x == 0.0 else nan,
    doc="Return the logarithm to base 2.",
)
log10 = primitive(
    "log10", math.log10, lambda y, x: INVERSE_LN_10 / x,
    domain="(0, inf)", probe="(0.3, 3)", edge=lambda x: -inf if x == 0.0 else nan,
    doc="Return the logarithm to base 10.",
)
log1p = primitive(
    "log1p", math.log1p, lambda y, x: 1.0 / (1.0 + x),
    domain="(-1, inf)", probe="(-0.6, 3)", edge=lambda x: -inf if x == -1.0 else nan,
    doc="Return ln(1 + x), accurate near 0.",
)
exp_difference = primitive(
    "exp_difference", floats.exp_difference, lambda y, a, b: y, lambda y, a, b: -y, symbol="exp", edge=lambda a, b: inf,
    doc="Return e**(a - b), the difference taken exactly.",
)


def _weights(y: Any, *xs: Any) -> list[Any]:
    # Shifting by a constant leaves every derivative unchanged, so no gradient needs to pass
    # through the top, and keeps every exponential at most 1.
    top = detach(max(*xs))
    return _shares([exp_difference(x, top) for x in xs])


def _share_gradients(y: Any, chosen: Any, *others: Any) -> list[Any]:
    shares = _weights(y, chosen, *others)[1:]
    # y * (1 - y) with 1 - y as the sum of the others: not 0 where the chosen one wins.
    return [y * sum(*shares) if shares else 0.0, *[-y * share for share in shares]]


logsumexp = primitive(
    "logsumexp", floats.logsumexp, _weights,
    variadic=True, float_gradients=floats.logsumexp_gradients, rule="at least one operand is needed",
    cure="Test the list first.",
    doc="Return ln(e**x0 + e**x1 + ...): finite for operands of any size.",
)
logaddexp = primitive(
    "logaddexp", floats.logsumexp, lambda y, a, b: _weights(y, a, b)[0], lambda y, a, b: _weights(y, a, b)[1],
    float_gradients=floats.logsumexp_gradients,
    doc="Return ln(e**a + e**b).",
)
softmax_row = primitive(
    "softmax", floats.share, _share_gradients, variadic=True, float_gradients=floats.share_gradients,
    doc="Return e**x0 / (e**x0 + e**x1 + ...): the share of the first operand.",
)

# ---- powers and roots

sqrt = primitive(
    "sqrt", math.sqrt, lambda y, x: 0.5 / y,
    symbol="√", domain="[0, inf)", probe="(0.3, 3)", cure="Take abs(x) first, or clip the argument at 0.",
    doc="Return the square root; the gradient at 0 is inf, at -0.0 it is -inf as IEEE division has it.",
)
cbrt = primitive(
    "cbrt", math.cbrt,
    lambda y, x: where(x, lambda: y / x / 3.0, lambda: 1.0 / (3.0 * (y * y))),  # y is 2.6 ulp off: used once
    symbol="∛", probe="(0.3, 3)",
    doc="Return the real cube root; the gradient at 0 is inf.",
)
hypot = primitive(
    "hypot", math.hypot, lambda y, *xs: [where(y, lambda x=x: x / y, 0.0) for x in xs],
    variadic=True, kinks={(0.0, 0.0): (0.0, 0.0)}, kink_distance=math.hypot,
    doc="Return the Euclidean length; the gradient at 0 is 0.",
)

# ---- trigonometric and hyperbolic functions, angles in radians

sin = primitive("sin", math.sin, lambda y, x: cos(x), rule=FINITE, doc="Return the sine of x radians.")
cos = primitive("cos", math.cos, lambda y, x: -sin(x), rule=FINITE, doc="Return the cosine of x radians.")
tan = primitive(
    "tan", math.tan, lambda y, x: 1.0 + y * y, rule=FINITE, probe="(-1.2, 1.2)",
    doc="Return the tangent of x radians.",
)
one_minus_square = primitive(  # a row, since the derivative of (1 - x) * (1 + x) is a difference that cancels at 0
    "one_minus_square", floats.one_minus_square, lambda y, x: -2.0 * x, symbol="1−x²",
    doc="Return 1 - x * x, as (1 - x) * (1 + x).",
)
asin = primitive(
    "asin", math.asin, lambda y, x: 1.0 / sqrt(one_minus_square(x)), domain="[-1, 1]", probe="(-0.8, 0.8)",
    doc="Return the angle in [-pi/2, pi/2] whose sine is x.",
)
acos = primitive(
    "acos", math.acos, lambda y, x: -1.0 / sqrt(one_minus_square(x)), domain="[-1, 1]", probe="(-0.8, 0.8)",
    doc="Return the angle in [0, pi] whose cosine is x.",
)
atan = primitive(
    "atan", math.atan, lambda y, x: 1.0 / hypot(1.0, x) / hypot(1.0, x),
    doc="Return the angle in [-pi/2, pi/2] whose tangent is x.",
)
atan2 = primitive(
    "atan2", math.atan2,
    lambda y, a, b: b / hypot(a, b) / hypot(a, b), lambda y, a, b: -a / hypot(a, b) / hypot(a, b),
    probe=("(-3, 3)", "(0.3, 3)"), kink_distance=lambda a, b: math.hypot(a, b) if b > 0.0 else math.fabs(a),
    doc="Return the angle of the point (b, a), in [-pi, pi].",
)
sinh = primitive(
    "sinh", math.sinh, lambda y, x: cosh(x), edge=lambda x: math.copysign(inf, x),
    doc="Return the hyperbolic sine.",
)
cosh = primitive(
    "cosh", math.cosh, lambda y, x: sinh(x), edge=lambda x: inf,
    doc="Return the hyperbolic cosine.",
)
tanh = primitive(
    "tanh", math.tanh, lambda y, x: 4.0 * sigmoid_slope(2.0 * x), float_gradients=floats.tanh_gradients,
    doc="Return the hyperbolic tangent.",
)
asinh = primitive(
    "asinh", math.asinh, lambda y, x: 1.0 / hypot(1.0, x),
    doc="Return the inverse hyperbolic sine.",
)
acosh = primitive(
    "acosh", math.acosh, lambda y, x: 1.0 / (sqrt(x - 1.0) * sqrt(x + 1.0)), domain="[1, inf)", probe="(1.5, 4)",
    doc="Return the inverse hyperbolic cosine.",
)
atanh = primitive(
    "atanh", math.atanh, lambda y, x: 1.0 / one_minus_square(x),
    domain="(-1, 1)", probe="(-0.8, 0.8)", edge=lambda x: math.copysign(inf, x) if x * x == 1.0 else nan,
    doc="Return the inverse hyperbolic tangent.",
)

# ---- sigmoids and their relatives

sigmoid = primitive(
    "sigmoid", floats.sigmoid, lambda y, x: sigmoid_slope(x),
    symbol="σ", float_gradients=floats.sigmoid_gradients,
    doc="Return 1 / (1 + e**-x).",
)
sigmoid_slope = primitive(  # a row, since the derivative of sigmoid(x) * sigmoid(-x) is a difference that cancels at 0
    "sigmoid_slope", floats.sigmoid_slope, lambda y, x: -(y * tanh(x / 2.0)), symbol="σ′",
    doc="Return sigmoid(x) * sigmoid(-x), the slope of sigmoid; that of tanh is 4 * sigmoid_slope(2x).",
)
logsigmoid = primitive(
    "logsigmoid", floats.logsigmoid, lambda y, x: sigmoid(-x), float_gradients=lambda y, x: (floats.sigmoid(-x),),
    doc="Return ln sigmoid(x).",
)
softplus = primitive(
    "softplus", floats.softplus, lambda y, x: sigmoid(x), float_gradients=lambda y, x: (floats.sigmoid(x),),
    doc="Return ln(1 + e**x), smooth everywhere.",
)
softsign = primitive(
    "softsign", floats.softsign, lambda y, x: (1.0 / (1.0 + abs(x))) ** 2.0,
    doc="Return x / (1 + |x|).",
)
gaussian = primitive(
    "gaussian", floats.gaussian,
    lambda y, x, rate: gate(y, -2.0 * rate * x),  # 0 * inf = 0 in the tail
    lambda y, x, rate: gate(y, -x * x),
    defaults=(1.0,), probe=("(-2, 2)", "(0.3, 2)"), edge=lambda x, rate: inf,
    doc="Return e**(-rate * x * x), accurate in the tail (rate 1 unless given).",
)
erf = primitive(
    "erf", math.erf, lambda y, x: floats.TWO_OVER_ROOT_PI * gaussian(x, 1.0),
    doc="Return the error function.",
)
erfc = primitive("erfc", math.erfc, lambda y, x: -floats.TWO_OVER_ROOT_PI * gaussian(x, 1.0), doc="Return 1 - erf(x).")
normal_cdf = primitive(
    "normal_cdf", floats.normal_cdf, lambda y, x: floats.INVERSE_ROOT_TWO_PI * gaussian(x, 0.5), symbol="Φ",
    doc="Return the standard normal distribution function.",
)
gelu = primitive(
    "gelu", floats.gelu, lambda y, x: normal_cdf(x) + gate(x, floats.INVERSE_ROOT_TWO_PI * gaussian(x, 0.5)),
    float_gradients=floats.gelu_gradients, doc="Return x * normal_cdf(x) (Hendrycks & Gimpel 2016), exact.",
)


def _tanh_gate_slope(y: Any, x: Any) -> Any:
    return gate(tanh_gate(x) * tanh_gate(-x), floats.TANH_1 + 3.0 * floats.TANH_3 * x * x)


tanh_gate = primitive(
    "tanh_gate", floats.tanh_gate, _tanh_gate_slope,
    doc="Return (1 + tanh(sqrt(2/pi) (x + 0.044715 x**3))) / 2, the gate of gelu_tanh.",
)
gelu_tanh = primitive(
    "gelu_tanh", floats.gelu_tanh, lambda y, x: tanh_gate(x) + gate(x, _tanh_gate_slope(y, x)),
    float_gradients=floats.gelu_tanh_gradients, doc="Return the tanh approximation of gelu.",
)
silu = primitive(
    "silu", floats.silu, lambda y, x: gate(sigmoid(x), 1.0 + gate(x, sigmoid(-x))),
    float_gradients=floats.silu_gradients, doc="Return x * sigmoid(x).",
)

# ---- how far a forward may be off, where that is not 4 units in the last place


def _rounding_of_the_top(y: float, *xs: float) -> float:  # that may be larger than the result, which crosses zero
    return 4.0 * floats.maximum(*map(math.fabs, (y, *xs)))


for _row in (select, step, sign, floor, greater, detach, identity, relu, abs, maximum, minimum, clip, max, min, neg):
    _row.rounding = 0.0
for _row in (add, sub, mul, div, chain, gate, sum, sqrt, leaky_relu):
    _row.rounding = 0.5
for _row in (gaussian, normal_cdf, gelu, tanh_gate, gelu_tanh):
    _row.rounding = 16.0
prod.rounding = lambda y, *xs: 0.5 * len(xs) * math.fabs(y)
dot_row.rounding = lambda y, *halves: 0.5 * (math.fabs(y) + floats.dot(*map(math.fabs, halves)))
logsumexp.rounding = logaddexp.rounding = _rounding_of_the_top

for _row in ROWS.values():
    _row.reserved = True
for _row in (add, sub, mul, neg):
    _row.never_raises()
