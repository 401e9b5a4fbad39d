"""The functions of plain floats that `math` lacks: floats in, float out.

They promise 4 units in the last place (16 for gelu and its gates) over the whole range,
raise as the functions of `math` do, and let nan through.
"""

from __future__ import annotations

from math import copysign, erfc, exp, expm1, frexp, fsum, inf, log, log1p, nan
from operator import mul

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

TWO_OVER_ROOT_PI = 1.1283791670955126
INVERSE_ROOT_TWO_PI = 0.3989422804014327
SPLITTER = 134217729.0  # 2**27 + 1: cuts a float into two halves whose products are exact
ROOT_HALF, ROOT_HALF_LOW = 0.7071067811865476, -4.833646656726457e-17  # sqrt(1/2) to 32 digits


def power(base: float, exponent: float) -> float:
    """Return base**exponent among the reals: a negative base needs an integer exponent."""
    result: float = base**exponent
    if result.__class__ is complex:
        raise ValueError("negative base with a fractional exponent")
    return result


def rounding_of_decrement(n: Any) -> Any:
    """Return what n - 1 loses to rounding, exactly (Knuth's two-sum); n of any number type."""
    less = n - 1.0
    step_taken = less - n
    return (n - (less - step_taken)) + (-1.0 - step_taken)


def power_edge(base: float, exponent: float) -> float:
    """Return the IEEE value of base**exponent where Python raises."""
    odd = exponent % 2.0 == 1.0
    if base == 0.0:  # a negative power of zero
        return copysign(inf, base) if odd else inf
    if base > 0.0 or exponent % 1.0 == 0.0:  # overflow
        return -inf if base < 0.0 and odd else inf
    return nan


def sigmoid(x: float) -> float:
    """Return 1 / (1 + exp(-x)); only ever exponentiates a negative number."""
    if x >= 0.0:
        return 1.0 / (1.0 + exp(-x))
    e = exp(x)
    return e / (1.0 + e)


def one_minus_square(x: float) -> float:
    """Return 1 - x*x, whose two factors round where it is near 0 less than the difference would."""
    return (1.0 - x) * (1.0 + x)


def sigmoid_slope(x: float) -> float:
    """Return sigmoid(x) * sigmoid(-x), with one exponential."""
    e = exp(-abs(x))
    return 1.0 / (1.0 + e) * (e / (1.0 + e))


def softplus(x: float) -> float:
    """Return ln(1 + exp(x))."""
    return x + log1p(exp(-x)) if x > 0.0 else log1p(exp(x))


def logsigmoid(x: float) -> float:
    """Return ln sigmoid(x) = -softplus(-x)."""
    return -softplus(-x)


def softsign(x: float) -> float:
    """Return x / (1 + |x|); 1 at infinity."""
    if x - x == 0.0:
        return x / (1.0 + abs(x))
    return copysign(1.0, x) if x == x else x


def relu(x: float) -> float:
    """Return x where it is positive, else 0."""
    return 0.0 if x <= 0.0 else x


def step(x: float) -> float:
    """Return 1 where x is positive, else 0; step(0) = 0."""
    return 1.0 if x > 0.0 else 0.0 if x <= 0.0 else nan


def sign(x: float) -> float:
    """Return -1, 0 or 1."""
    return 1.0 if x > 0.0 else -1.0 if x < 0.0 else 0.0 if x == 0.0 else nan


def floor(x: float) -> float:
    """Return the largest integer not above x, as a float; infinities stay."""
    return x // 1.0 if x - x == 0.0 else x


def greater(a: float, b: float) -> float:
    """Return 1 where a > b, else 0."""
    return 1.0 if a > b else 0.0 if a <= b else nan


def maximum(*xs: float) -> float:
    """Return the largest; nan if there is one among them, wherever it stands."""
    for x in xs:
        if x != x:
            return nan
    return max(xs)


def minimum(*xs: float) -> float:
    """Return the smallest; nan if there is one among them, wherever it stands."""
    for x in xs:
        if x != x:
            return nan
    return min(xs)


def clip(x: float, low: float, high: float) -> float:
    """Return x, or the bound it lies beyond."""
    if low > high:
        raise ValueError("empty interval")
    return low if x < low else high if x > high else x


def choose(condition: float, a: float, b: float) -> float:
    """Return a where the condition is not 0, else b; nan where it is nan."""
    return b if condition == 0.0 else a if condition == condition else nan


def leaky_relu(x: float, slope: float) -> float:
    """Return x where it is positive, else slope * x."""
    return x if x > 0.0 else slope * x


def elu(x: float, alpha: float) -> float:
    """Return x where it is positive, else alpha * (exp(x) - 1)."""
    return x if x > 0.0 else alpha * expm1(x)


def silu(x: float) -> float:
    """Return x * sigmoid(x); 0 at -infinity."""
    return x * sigmoid(x) if x != -inf else -0.0


def product_error(a: float, b: float, product: float) -> float:
    """Return a*b - product exactly, for a product that was rounded (Dekker 1971)."""
    t = SPLITTER * a
    a_high = t - (t - a)
    a_low = a - a_high
    t = SPLITTER * b
    b_high = t - (t - b)
    b_low = b - b_high
    return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def gaussian(x: float, rate: float) -> float:
    """Return exp(-rate * x * x).

    The rounding of the products alone would cost 300 ulp in the tail: their errors are carried along.
    """
    if not (abs(x) < 1e100 and abs(rate) < 1e100):  # too large to split; nan passes
        return exp(-rate * x * x) if rate else 1.0
    square = x * x
    t = rate * square
    rest = rate * product_error(x, x, square) + product_error(rate, square, t)
    return exp(-t) * (1.0 - rest)


def normal_cdf(x: float) -> float:
    """Return the probability that a standard normal variable is below x: erfc(-x/sqrt 2)/2."""
    if not abs(x) < 40.0:
        return 1.0 if x > 0.0 else 0.0 if x < 0.0 else x
    z = -x * ROOT_HALF
    rest = product_error(-x, ROOT_HALF, z) - x * ROOT_HALF_LOW
    # One Newton step for the part of the argument that z lost; erfc' = -2/sqrt(pi) exp(-z*z).
    return 0.5 * (erfc(z) - TWO_OVER_ROOT_PI * exp(-z * z) * rest)


# 2*sqrt(2/pi) and 0.044715 times that, each to 32 digits.
TANH_1, TANH_1_LOW = 1.5957691216057308, -9.96930880911092e-17
TANH_3, TANH_3_LOW = 0.07135481627260025, -6.175149918155315e-19


def tanh_gate(x: float) -> float:
    """Return sigmoid(t), t = 2 sqrt(2/pi) (x + 0.044715 x**3): gelu_tanh(x) is x times this.

    t reaches -745 before the gate underflows, so it is needed to 20 digits: t + rest.
    """
    if not abs(x) < 25.0:
        return 1.0 if x > 0.0 else 0.0 if x < 0.0 else x
    square = x * x
    cubic = TANH_3 * square
    cubic_rest = product_error(TANH_3, square, cubic) + TANH_3 * product_error(x, x, square) + TANH_3_LOW * square
    factor = TANH_1 + cubic
    low, high = (cubic, TANH_1) if cubic < TANH_1 else (TANH_1, cubic)
    factor_rest = (low - (factor - high)) + cubic_rest + TANH_1_LOW
    t = factor * x
    rest = product_error(factor, x, t) + factor_rest * x
    return sigmoid(t) * (1.0 + sigmoid(-t) * rest)


def gelu(x: float) -> float:
    """Return x times the normal distribution function."""
    return x * normal_cdf(x) if x != -inf else -0.0


def gelu_tanh(x: float) -> float:
    """Return x times the gate that approximates the normal distribution function by a tanh."""
    return x * tanh_gate(x) if x != -inf else -0.0


def total(*xs: float) -> float:
    """Return the sum, rounded once; where that overflows on the way, left to right."""
    try:
        return fsum(xs)
    except (OverflowError, ValueError):
        result = 0.0
        for x in xs:
            result += x
        return result


def dot(*halves: float) -> float:
    """Return x0*w0 + x1*w1 + ... of (x0, x1, ..., w0, w1, ...): rounded products, summed exactly."""
    if len(halves) % 2:
        raise ValueError("one half is longer")
    half = len(halves) // 2
    return total(*map(mul, halves[:half], halves[half:]))


def chain(upstream: float, local: float) -> float:
    """Return upstream * local, 0 where upstream is 0."""
    return upstream * local if upstream else 0.0


def gate(a: float, b: float) -> float:
    """Return a * b, 0 where either is 0."""
    return a * b if a and b else 0.0


def products_of_others(y: Any, *xs: Any) -> list[Any]:
    """Return for each factor the product of all the others; factors of any number type."""
    places = balanced(xs)
    before, after = [1.0], [1.0]
    for k in places[:-1]:
        before.append(before[-1] * xs[k])
    for k in places[:0:-1]:
        after.append(after[-1] * xs[k])
    products = list(xs)
    for k, a, b in zip(places, before, reversed(after), strict=True):
        products[k] = a * b
    return products


def balanced(factors: Sequence[Any]) -> Sequence[int]:
    """Return an order in which to multiply: as they stand, unless a part of the product would leave the floats.

    Then large and small factors take turns: 1e200 * 1e200 overflows on the way to 1e200 * 1e-150 * 1e200.
    """
    places = range(len(factors))
    large = 2.0 ** (1000.0 / (len(factors) or 1))
    for x in factors:
        if x.__class__ is not float or not 1.0 / large < abs(x) < large:
            break
    else:
        return places  # the quick way: none is so large or small that it matters
    sizes = []
    for x in factors:
        number = x if x.__class__ is float else getattr(x, "data", getattr(x, "number", None))
        if number.__class__ is not float:
            return places  # a text
        sizes.append(frexp(number)[1])  # 0 for 0, inf and nan: the products of the others must not suffer
    low = high = size = 0
    for k in places:
        size += sizes[k]
        low, high = min(low, size), max(high, size)
    if max(high, size - low) < 1000 and min(low, size - high) > -1000:
        return places
    rest, order, size = sorted(places, key=sizes.__getitem__), [], 0
    while rest:
        order.append(rest.pop(0 if size > 0 else -1))
        size += sizes[order[-1]]
    return order


def exp_difference(a: float, b: float) -> float:
    """Return exp(a - b): what a - b loses to rounding would cost 300 ulp at -700."""
    d = a - b
    e = exp(d)
    if d - d != 0.0:
        return e
    step_taken = d - a
    return e + e * ((a - (d - step_taken)) - (b + step_taken))


def logsumexp(*xs: float) -> float:
    """Return ln(exp(x0) + exp(x1) + ...), the largest term taken out, the rest through log1p."""
    top = max(xs)
    if top - top != 0.0:  # an infinity, or nan
        return maximum(*xs)
    at = xs.index(top)
    return top + log1p(fsum([exp_difference(x, top) for x in xs[:at] + xs[at + 1 :]]))


def share(chosen: float, *others: float) -> float:
    """Return exp(chosen) / (exp(chosen) + sum of exp(others)): one output of a softmax."""
    top = max(chosen, *others) if others else chosen
    weight = exp_difference(chosen, top)
    return weight / fsum([weight, *[exp_difference(x, top) for x in others]])


# Local gradients on plain floats, for rows whose own text calls other rows: the same numbers
# bit for bit (a law of the tests), several times faster.


def power_gradients(y: float, base: float, exponent: float) -> tuple[float, float]:
    """Return the local gradients of base**exponent."""
    inexact = rounding_of_decrement(exponent)
    if not exponent:
        by_base = 0.0
    elif inexact != inexact:  # an infinite exponent
        by_base = nan
    elif inexact and base:
        by_base = exponent * y / base
    else:
        try:
            slope = base ** (exponent - 1.0)
        except ArithmeticError:
            slope = power_edge(base, exponent - 1.0)
        by_base = exponent * slope if slope else 0.0
    return by_base, y * log(base) if base > 0.0 else 0.0 if base == 0.0 else nan


def sigmoid_gradients(y: float, x: float) -> tuple[float]:
    """Return `sigmoid_slope` without the call, which would take as long again."""
    e = exp(-abs(x))
    return (1.0 / (1.0 + e) * (e / (1.0 + e)),)


def tanh_gradients(y: float, x: float) -> tuple[float]:
    """Return 1 / cosh(x)**2 = 4 `sigmoid_slope`(2x), without the call."""
    e = exp(-abs(2.0 * x))
    return (4.0 * (1.0 / (1.0 + e) * (e / (1.0 + e))),)


def silu_gradients(y: float, x: float) -> tuple[float]:
    """Return sigmoid(x) (1 + x sigmoid(-x))."""
    return (gate(sigmoid(x), 1.0 + gate(x, sigmoid(-x))),)


def gelu_gradients(y: float, x: float) -> tuple[float]:
    """Return the normal distribution function plus x times its density."""
    return (normal_cdf(x) + gate(x, INVERSE_ROOT_TWO_PI * gaussian(x, 0.5)),)


def gelu_tanh_gradients(y: float, x: float) -> tuple[float]:
    """Return the gate of gelu_tanh plus x times its slope."""
    cdf = tanh_gate(x)
    return (cdf + gate(x, gate(cdf * tanh_gate(-x), TANH_1 + 3.0 * TANH_3 * x * x)),)


def maximum_gradients(y: float, a: float, b: float) -> tuple[float, float]:
    """Return 1 and 0, or a half each at a tie."""
    if a > b:
        return 1.0, 0.0
    if b > a:
        return 0.0, 1.0
    return (0.5, 0.5) if a == b else (nan, nan)


def shares_of_the_top(y: float, *xs: float) -> list[float]:
    """Return 1 for the largest and 0 for the others; equal parts at a tie."""
    chosen = [1.0 - greater(y, x) for x in xs]
    count = total(*chosen)
    return [one / count for one in chosen]


def shares_of_the_bottom(y: float, *xs: float) -> list[float]:
    """Return 1 for the smallest and 0 for the others; equal parts at a tie."""
    return shares_of_the_top(-y, *[-x for x in xs])


def share_gradients(y: float, chosen: float, *others: float) -> list[float]:
    """Return the local gradients of one output of a softmax, 1 - y as the sum of the others."""
    shares = logsumexp_gradients(y, chosen, *others)[1:]
    return [y * total(*shares) if shares else 0.0, *[-y * share for share in shares]]


def logsumexp_gradients(y: float, *xs: float) -> list[float]:
    """Return softmax(xs), with the largest operand taken out before any exponential."""
    top = maximum(*xs)
    weights = [exp_difference(x, top) for x in xs]
    norm = total(*weights)
    return [weight / norm for weight in weights]
