"""What each row should give, in mpmath: an oracle that shares no formula with the table.

Values are the definitions found in a textbook; first derivatives are closed forms of another
shape than the table's (sech^2 where the table multiplies sigmoids). `test_oracle.py` holds the
derivatives to `mp.diff` of the values, so a slip here is found without looking at the table.

The working precision follows the operands, so that 50 digits remain: exp(x) - 1 at 1e-300 or
1 + erf(-38) lose 300.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from mpmath import MPContext

mp = MPContext()
mp.dps = 50
SMALLEST_NORMAL = 2.2250738585072014e-308


class Truth(NamedTuple):
    """A function and its partial derivatives, one per operand, on mpmath numbers."""

    value: Callable[..., Any]
    partials: tuple[Callable[..., Any], ...]


def step(x: Any) -> Any:
    return mp.one if x > 0 else mp.zero


def sign(x: Any) -> Any:
    return mp.mpf(mp.sign(x))


def phi(x: Any) -> Any:
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def sech2(x: Any) -> Any:
    if abs(x) > 1e5:
        return mp.zero
    return 4 / (mp.exp(x) + mp.exp(-x)) ** 2


def tanh_argument(x: Any) -> Any:
    return mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3)


def tanh_argument_slope(x: Any) -> Any:
    return mp.sqrt(2 / mp.pi) * (1 + 3 * mp.mpf("0.044715") * x * x)


def gate(x: Any) -> Any:
    """(1 + tanh t) / 2 without the cancellation."""
    if abs(x) > 1e3:
        return step(x)
    return 1 / (1 + mp.exp(-2 * tanh_argument(x)))


def gate_slope(x: Any) -> Any:
    return sech2(tanh_argument(x)) * tanh_argument_slope(x) / 2


def zero(*xs: Any) -> Any:
    return mp.zero


def one(*xs: Any) -> Any:
    return mp.one


def erfc(x: Any) -> Any:
    if abs(x) > 100:  # mpmath cannot; 0 or 2 to four thousand digits
        return mp.zero if x > 0 else mp.mpf(2)
    return mp.erfc(x)


def power(x: Any, n: Any) -> Any:
    if n == 0:
        return mp.one
    if x == 0:
        return mp.zero if n > 0 else mp.inf
    if x < 0:
        return abs(x) ** n * (-1 if int(n) % 2 else 1)
    return mp.exp(n * mp.log(x))


UNARY = {
    "step": (step, zero),
    "sign": (sign, zero),
    "floor": (lambda x: mp.floor(x), zero),
    "identity": (lambda x: x, one),
    "relu": (lambda x: (x + abs(x)) / 2, step),
    "abs": (lambda x: mp.sqrt(x * x), sign),
    "neg": (lambda x: -x, lambda x: -mp.one),
    "exp": (mp.exp, mp.exp),
    "exp2": (lambda x: mp.mpf(2) ** x, lambda x: mp.exp(x * mp.log(2)) * mp.log(2)),
    "expm1": (lambda x: mp.exp(x) - 1, mp.exp),
    "log": (mp.log, lambda x: 1 / x),
    "log2": (lambda x: mp.log(x) / mp.log(2), lambda x: 1 / (x * mp.log(2))),
    "log10": (lambda x: mp.log(x) / mp.log(10), lambda x: 1 / (x * mp.log(10))),
    "log1p": (lambda x: mp.log(1 + x), lambda x: 1 / (1 + x)),
    "sqrt": (mp.sqrt, lambda x: mp.sqrt(x) / (2 * x)),
    "cbrt": (lambda x: mp.sign(x) * mp.root(abs(x), 3), lambda x: mp.root(abs(x), 3) / (3 * abs(x))),
    "sin": (mp.sin, lambda x: mp.sin(x + mp.pi / 2)),
    "cos": (mp.cos, lambda x: -2 * mp.sin(x / 2) * mp.cos(x / 2)),
    "tan": (mp.tan, lambda x: 1 / mp.cos(x) ** 2),
    "asin": (mp.asin, lambda x: 1 / mp.sqrt(1 - x * x)),
    "acos": (mp.acos, lambda x: -1 / mp.sqrt(1 - x * x)),
    "atan": (mp.atan, lambda x: 1 / (1 + x * x)),
    "sinh": (mp.sinh, lambda x: (mp.exp(x) + mp.exp(-x)) / 2),
    "cosh": (mp.cosh, lambda x: (mp.exp(x) - mp.exp(-x)) / 2),
    "tanh": (lambda x: (mp.exp(x) - mp.exp(-x)) / (mp.exp(x) + mp.exp(-x)), sech2),
    "asinh": (mp.asinh, lambda x: 1 / mp.sqrt(x * x + 1)),
    "acosh": (mp.acosh, lambda x: 1 / mp.sqrt(x * x - 1)),
    "atanh": (lambda x: (mp.log(1 + x) - mp.log(1 - x)) / 2, lambda x: (1 / (1 + x) + 1 / (1 - x)) / 2),
    "one_minus_square": (lambda x: 1 - x * x, lambda x: -2 * x),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), lambda x: sech2(x / 2) / 4),
    "sigmoid_slope": (lambda x: sech2(x / 2) / 4, lambda x: sech2(x / 2) / 4 * (mp.exp(-x) - 1) / (mp.exp(-x) + 1)),
    "logsigmoid": (lambda x: -mp.log(1 + mp.exp(-x)), lambda x: 1 / (1 + mp.exp(x))),
    "softplus": (lambda x: mp.log(1 + mp.exp(x)), lambda x: mp.exp(x) / (1 + mp.exp(x))),
    "softsign": (lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2),
    "erf": (lambda x: 1 - erfc(x) if abs(x) > 1 else mp.erf(x), lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x)),
    "erfc": (erfc, lambda x: -2 / mp.sqrt(mp.pi) * mp.exp(-x * x)),
    "normal_cdf": (lambda x: erfc(-x / mp.sqrt(2)) / 2, phi),
    "gelu": (lambda x: x * erfc(-x / mp.sqrt(2)) / 2, lambda x: erfc(-x / mp.sqrt(2)) / 2 + x * phi(x)),
    "tanh_gate": (gate, gate_slope),
    "gelu_tanh": (lambda x: x * gate(x), lambda x: gate(x) + x * gate_slope(x)),
    "silu": (lambda x: x / (1 + mp.exp(-x)), lambda x: (1 + (1 + x) * mp.exp(-x)) / (1 + mp.exp(-x)) ** 2),
}

BINARY = {
    "add": (lambda a, b: a + b, one, one),
    "sub": (lambda a, b: a - b, one, lambda a, b: -mp.one),
    "mul": (lambda a, b: a * b, lambda a, b: b, lambda a, b: a),
    "div": (lambda a, b: a / b, lambda a, b: 1 / b, lambda a, b: -a / (b * b)),
    "chain": (lambda a, b: a * b, lambda a, b: b, lambda a, b: a),
    "gate": (lambda a, b: a * b, lambda a, b: b, lambda a, b: a),
    "pow": (
        power,
        lambda x, n: mp.zero if n == 0 else n * power(x, n - 1),
        lambda x, n: mp.zero if x == 0 else power(x, n) * mp.log(x),
    ),
    "greater": (lambda a, b: step(a - b), zero, zero),
    "maximum": (max, lambda a, b: (1 + sign(a - b)) / 2, lambda a, b: (1 + sign(b - a)) / 2),
    "minimum": (min, lambda a, b: (1 + sign(b - a)) / 2, lambda a, b: (1 + sign(a - b)) / 2),
    "leaky_relu": (
        lambda x, s: x * step(x) + s * x * (1 - step(x)),
        lambda x, s: step(x) + s * (1 - step(x)),
        lambda x, s: x * (1 - step(x)),
    ),
    "elu": (
        lambda x, a: x if x > 0 else a * (mp.exp(x) - 1),
        lambda x, a: mp.one if x > 0 else a * mp.exp(x),
        lambda x, a: mp.zero if x > 0 else mp.exp(x) - 1,
    ),
    "exp_difference": (
        lambda a, b: mp.exp(a - b),
        lambda a, b: mp.exp(a - b),
        lambda a, b: -mp.exp(a - b),
    ),
    "logaddexp": (
        lambda a, b: mp.log(mp.exp(a) + mp.exp(b)),
        lambda a, b: 1 / (1 + mp.exp(b - a)),
        lambda a, b: 1 / (1 + mp.exp(a - b)),
    ),
    "atan2": (
        lambda a, b: mp.atan2(a, b),
        lambda a, b: b / (a * a + b * b),
        lambda a, b: -a / (a * a + b * b),
    ),
    "gaussian": (
        lambda x, r: mp.exp(-r * x * x),
        lambda x, r: -2 * r * x * mp.exp(-r * x * x),
        lambda x, r: -x * x * mp.exp(-r * x * x),
    ),
}

TERNARY = {
    "where": (
        lambda c, a, b: a if c else b,
        zero,
        lambda c, a, b: mp.one if c else mp.zero,
        lambda c, a, b: mp.zero if c else mp.one,
    ),
    "clip": (
        lambda x, low, high: min(max(x, low), high),
        lambda x, low, high: mp.one if low < x < high else mp.zero,
        lambda x, low, high: step(low - x),
        lambda x, low, high: step(x - high),
    ),
}


def _each(partial: Callable[[int, tuple[Any, ...]], Any]) -> Callable[..., list[Any]]:
    return lambda *xs: [partial(i, xs) for i in range(len(xs))]


def _share(i: int, xs: tuple[Any, ...]) -> Any:
    return 1 / mp.fsum(mp.exp(x - xs[i]) for x in xs)


def _among(extreme: Callable[..., Any]) -> Callable[..., list[Any]]:
    return _each(lambda i, xs: mp.one / xs.count(extreme(xs)) if xs[i] == extreme(xs) else mp.zero)


VARIADIC: dict[str, tuple[Callable[..., Any], Callable[..., list[Any]]]] = {
    "sum": (lambda *xs: mp.fsum(xs), _each(lambda i, xs: mp.one)),
    "prod": (lambda *xs: mp.fprod(xs), _each(lambda i, xs: mp.fprod(x for j, x in enumerate(xs) if j != i))),
    "max": (lambda *xs: max(xs), _among(max)),
    "min": (lambda *xs: min(xs), _among(min)),
    "dot": (
        lambda *xs: mp.fsum(a * b for a, b in zip(xs[: len(xs) // 2], xs[len(xs) // 2 :], strict=True)),
        _each(lambda i, xs: xs[(i + len(xs) // 2) % len(xs)]),
    ),
    "hypot": (
        lambda *xs: mp.sqrt(mp.fsum(x * x for x in xs)),
        _each(lambda i, xs: xs[i] / mp.sqrt(mp.fsum(x * x for x in xs))),
    ),
    "logsumexp": (lambda *xs: mp.log(mp.fsum(mp.exp(x) for x in xs)), _each(_share)),
    "softmax": (
        lambda *xs: _share(0, xs),
        _each(
            lambda i, xs: (
                _share(0, xs) * mp.fsum(_share(j, xs) for j in range(1, len(xs)))
                if i == 0
                else -_share(0, xs) * _share(i, xs)
            )
        ),
    ),
}

FIXED = {name: Truth(value, partials) for name, (value, *partials) in {**UNARY, **BINARY, **TERNARY}.items()}


def _digits(numbers: Sequence[float]) -> int:
    """Enough for the cancellation of any row: x*x/5 digits of 1 + erf(x), 2|log x| of exp(x) - 1."""
    need = [
        min(x * x / 4 if abs(x) < 50 else 340, 340) if abs(x) > 1 else 2 * abs(math.log10(abs(x))) for x in numbers if x
    ]
    return 50 + int(min(max(need, default=0), 640))


def value(name: str, numbers: Sequence[float]) -> Any:
    """The true value of a row at plain floats."""
    with mp.workdps(_digits(numbers)):
        xs = [mp.mpf(x) for x in numbers]
        return VARIADIC[name][0](*xs) if name in VARIADIC else FIXED[name].value(*xs)


def partials(name: str, numbers: Sequence[float]) -> list[Any]:
    """The true partial derivatives of a row at plain floats."""
    with mp.workdps(_digits(numbers)):
        xs = [mp.mpf(x) for x in numbers]
        return VARIADIC[name][1](*xs) if name in VARIADIC else [partial(*xs) for partial in FIXED[name].partials]


def largest_term(name: str, operand: int, numbers: Sequence[float]) -> Any:
    """The largest of the terms of opposite sign that a gradient near a root is the difference of.

    Near such a root no formula in floats is accurate relative to the result, so the promise is
    made relative to these.
    """
    with mp.workdps(_digits(numbers)):
        xs = [mp.mpf(x) for x in numbers]
        if name in TERMS and operand == 0:
            return max(abs(term) for term in TERMS[name](*xs))
        return mp.zero


TERMS: dict[str, Callable[..., tuple[Any, ...]]] = {
    "gelu": lambda x: (erfc(-x / mp.sqrt(2)) / 2, x * phi(x)),
    "gelu_tanh": lambda x: (gate(x), x * gate_slope(x)),
    "silu": lambda x: (1 / (1 + mp.exp(-x)), x * sech2(x / 2) / 4),
}


def nearest(truth: Any) -> float:
    """The float nearest to an mpmath number, inf beyond the largest."""
    if mp.isinf(truth) or abs(truth) >= mp.mpf(2) ** 1024:
        return math.inf if truth > 0 else -math.inf
    if abs(truth) < mp.mpf(2) ** -1100:
        return math.copysign(0.0, truth)
    sign, mantissa, exponent, _ = mp.mpf(truth)._mpf_
    number = Fraction(-int(mantissa) if sign else int(mantissa)) * Fraction(2) ** int(exponent)
    try:
        return float(number)
    except OverflowError:  # within half an ulp of 2**1024
        return math.copysign(math.inf, truth)


def ulps(ours: float, truth: Any, scale: Any = 0) -> float:
    """How far a float is from the truth, in units in the last place of the truth (or of `scale`).

    Below the smallest normal number nothing is promised but a tiny result; beyond the largest
    float the right answer is inf (or the largest float, by a rounding).
    """
    if mp.isinf(truth) or abs(truth) >= mp.mpf(2) ** 1024:
        return 0.0 if ours == math.copysign(math.inf, truth) else math.inf
    if ours != ours:
        return math.inf
    if max(abs(truth), scale) < SMALLEST_NORMAL:
        return 0.0 if abs(ours) <= SMALLEST_NORMAL * (1 + 1e-12) else math.inf
    if math.isinf(ours):
        return 0.0 if abs(truth) > 1.7976931348623155e308 and (ours > 0) == (truth > 0) else math.inf
    return float(abs(mp.mpf(ours) - truth) / math.ulp(nearest(max(abs(truth), scale))))
