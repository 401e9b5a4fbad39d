"""The elementary rows in LLVM, one number or eight at a time: looked up by name, in this one place.

exp, log and what is made of them are written here for vectors: argument reduction and a
polynomial, within an ulp or two. The rest asks the C library number by number. Each is held
to its row by a law of the tests.
"""

from __future__ import annotations

import math
from functools import partial
from math import inf, nan
from typing import TYPE_CHECKING

from autograd_lite.compiler.writer import Writer, double, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Form = Callable[["Numbers", str], str]

LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
ROUNDER = 6755399441055744.0  # 1.5 * 2**52: added, it leaves an integer in the low bits
SMALLEST_NORMAL = 2.2250738585072014e-308


class Numbers:
    """Arithmetic on numbers of one width."""

    def __init__(self, writer: Writer, width: int) -> None:
        self.writer, self.width = writer, width
        self.kind = kind_of(width)
        self.integers = "i64" if width == 1 else f"<{width} x i64>"
        self.truths = "i1" if width == 1 else f"<{width} x i1>"

    def number(self, value: float) -> str:
        return self.writer.number(value, self.width)

    def integer(self, value: int) -> str:
        return str(value) if self.width == 1 else "<" + ", ".join([f"i64 {value}"] * self.width) + ">"

    def binary(self, op: str, a: str, b: str | float) -> str:
        return self.writer.let(f"{op} {self.kind} {a}, {self.number(b) if isinstance(b, float) else b}")

    def add(self, a: str, b: str | float) -> str:
        return self.binary("fadd", a, b)

    def sub(self, a: str, b: str | float) -> str:
        return self.binary("fsub", a, b)

    def mul(self, a: str, b: str | float) -> str:
        return self.binary("fmul", a, b)

    def div(self, a: str, b: str | float) -> str:
        return self.binary("fdiv", a, b)

    def fma(self, a: str, b: str | float, c: str | float) -> str:
        b, c = (self.number(x) if isinstance(x, float) else x for x in (b, c))
        return self.writer.fma(a, b, c, self.width)

    def test(self, condition: str, a: str, b: str | float) -> str:
        """Compare: oeq, ogt, olt, ole are false for nan, uno is true."""
        return self.binary(f"fcmp {condition}", a, b)

    def choose(self, truth: str, a: str | float, b: str | float) -> str:
        a, b = (self.number(x) if isinstance(x, float) else x for x in (a, b))
        return self.writer.let(f"select {self.truths} {truth}, {self.kind} {a}, {self.kind} {b}")

    def either(self, a: str, b: str) -> str:
        return self.writer.let(f"or {self.truths} {a}, {b}")

    def unless_nan(self, x: str, result: str) -> str:
        return self.choose(self.test("uno", x, x), x, result)

    def bits(self, x: str) -> str:
        return self.writer.let(f"bitcast {self.kind} {x} to {self.integers}")

    def from_bits(self, x: str) -> str:
        return self.writer.let(f"bitcast {self.integers} {x} to {self.kind}")

    def on_integers(self, op: str, a: str, b: str | int) -> str:
        b = self.integer(b) if isinstance(b, int) else b
        return self.writer.let(f"{op} {self.integers} {a}, {b}")

    def intrinsic(self, name: str, *arguments: str) -> str:
        return self.writer.call(name, self.width, *arguments)


def _reduced(n: Numbers, x: str) -> tuple[str, str]:
    """Return e**r - 1 and 2**k of x = k ln 2 + r, where |x| < 745."""
    shifted = n.fma(x, 1.4426950408889634, ROUNDER)
    k = n.sub(shifted, ROUNDER)
    r = n.fma(k, -LN2_LOW, n.fma(k, -LN2_HIGH, x))
    p = n.number(1.0 / math.factorial(13))
    for power in range(12, 1, -1):
        p = n.fma(p, r, 1.0 / math.factorial(power))
    exponent = n.on_integers("shl", n.on_integers("add", n.bits(shifted), 1022), 52)  # half of 2**k: fits at 1024
    return n.fma(n.mul(p, r), r, r), n.from_bits(exponent)


def _exp(n: Numbers, x: str) -> str:
    inside = n.choose(n.test("olt", x, -708.0), -708.0, n.choose(n.test("ogt", x, 709.8), 709.8, x))
    p, half = _reduced(n, inside)
    result = n.mul(n.fma(p, half, half), 2.0)
    result = n.choose(n.test("olt", x, -708.0), 0.0, result)
    return n.unless_nan(x, n.choose(n.test("ogt", x, 709.79), inf, result))


def _expm1(n: Numbers, x: str) -> str:
    inside = n.choose(n.test("olt", x, -60.0), -60.0, n.choose(n.test("ogt", x, 709.8), 709.8, x))
    p, half = _reduced(n, inside)
    result = n.mul(n.fma(p, half, n.sub(half, 0.5)), 2.0)
    return n.unless_nan(x, n.choose(n.test("ogt", x, 709.79), inf, result))


def _tanh(n: Numbers, x: str) -> str:
    size = n.intrinsic("fabs", x)
    twice = n.choose(n.test("ogt", size, 20.0), 40.0, n.mul(size, 2.0))
    p, half = _reduced(n, twice)
    less_one = n.mul(n.fma(p, half, n.sub(half, 0.5)), 2.0)
    result = n.intrinsic("copysign", n.div(less_one, n.add(less_one, 2.0)), x)
    return n.unless_nan(x, result)


def _sigmoid(n: Numbers, x: str) -> str:
    e = _exp(n, n.mul(n.intrinsic("fabs", x), -1.0))
    return n.div(n.choose(n.test("olt", x, 0.0), e, 1.0), n.add(e, 1.0))


def _sigmoid_slope(n: Numbers, x: str) -> str:
    e = _exp(n, n.mul(n.intrinsic("fabs", x), -1.0))
    whole = n.add(e, 1.0)
    return n.div(e, n.mul(whole, whole))


def _log(n: Numbers, x: str) -> str:
    small = n.test("olt", x, SMALLEST_NORMAL)
    normal = n.choose(small, n.mul(x, 2.0**54), x)
    bits = n.bits(normal)
    above = n.on_integers("sub", bits, 0x3FE6A09E667F3BCD)  # sqrt(1/2): the mantissa comes to [sqrt(1/2), sqrt 2)
    exponent = n.on_integers("ashr", above, 52)
    m = n.from_bits(n.on_integers("sub", bits, n.on_integers("shl", exponent, 52)))
    rounder = int.from_bytes(bytes.fromhex(double(ROUNDER)[2:]), "big")
    k = n.sub(n.from_bits(n.on_integers("add", exponent, rounder)), ROUNDER)
    k = n.sub(k, n.choose(small, 54.0, 0.0))
    f = n.sub(m, 1.0)
    q = n.div(f, n.add(m, 1.0))
    z = n.mul(q, q)
    p = n.number(2.0 / 23.0)
    for power in range(21, 1, -2):
        p = n.fma(p, z, 2.0 / power)
    # ln m = 2q + q·(z p), with 2q = f - q f
    rest = n.fma(q, n.mul(p, z), n.fma(k, LN2_LOW, n.mul(n.mul(q, f), -1.0)))
    result = n.fma(k, LN2_HIGH, n.add(rest, f))
    result = n.choose(n.test("oeq", x, inf), inf, n.choose(n.test("oeq", x, 0.0), -inf, result))
    return n.choose(n.test("olt", x, 0.0), nan, n.unless_nan(x, result))


def _log1p(n: Numbers, x: str) -> str:
    u = n.add(x, 1.0)
    lost = n.sub(n.sub(u, 1.0), x)
    logarithm = _log(n, u)
    near = n.sub(logarithm, n.div(lost, u))
    # Where u is 0 or infinite the correction is nan; where u is 1 the answer is x itself.
    whole = n.either(n.test("oeq", u, 0.0), n.test("oeq", u, inf))
    return n.choose(n.test("oeq", u, 1.0), x, n.choose(whole, logarithm, near))


SINE = (
    1.58969099521155010221e-10, -2.50507602534068634195e-08, 2.75573137070700676789e-06, -1.98412698298579493134e-04,
    8.33333333332248946124e-03, -1.66666666666666324348e-01,
)  # fmt: skip
COSINE = (
    -1.13596475577881948265e-11, 2.08757232129817482790e-09, -2.75573143513906633035e-07, 2.48015872894767294178e-05,
    -1.38888888888741095749e-03, 4.16666666666666019037e-02,
)  # fmt: skip
"""Of sin and cos in [-pi/4, pi/4], from fdlibm (Sun Microsystems 1993)."""

HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33)


def _wave(name: str, quarter: int, n: Numbers, x: str) -> str:
    """Return sin(x + quarter pi/2): the quarter turns taken off in three parts, a polynomial for the rest."""
    w = n.writer
    far = n.test("ogt", n.intrinsic("fabs", x), 1e5)  # more turns than three parts reach: the C library
    if n.width > 1:
        w.module.declare(f"declare i1 @llvm.vector.reduce.or.v{n.width}i1({n.truths})")
        far = w.let(f"call i1 @llvm.vector.reduce.or.v{n.width}i1({n.truths} {far})")
    w.do(f"br i1 {far}, label %far, label %near")
    w.lines.append("far:")
    w.do(f"ret {n.kind} {_c_library(name, n, x)}")
    w.lines.append("near:")
    shifted = n.fma(x, 0.6366197723675814, ROUNDER)
    k = n.mul(n.sub(shifted, ROUNDER), -1.0)
    r = x
    for part in HALF_PI:
        r = n.intrinsic("fma", k, n.number(part), r)
    z = n.mul(r, r)
    sine, cosine = n.number(SINE[0]), n.number(COSINE[0])
    for s, c in zip(SINE[1:], COSINE[1:], strict=True):
        sine, cosine = n.fma(sine, z, s), n.fma(cosine, z, c)
    sine = n.fma(n.mul(sine, z), r, r)
    half = n.mul(z, 0.5)
    top = n.sub(n.number(1.0), half)
    rest = n.sub(n.sub(n.number(1.0), top), half)
    cosine = n.add(top, n.fma(n.mul(z, z), cosine, rest))
    turns = n.on_integers("add", n.bits(shifted), quarter)
    odd = n.on_integers("and", turns, 1)
    sign = n.on_integers("shl", n.on_integers("and", turns, 2), 62)
    value = n.choose(w.let(f"icmp ne {n.integers} {odd}, {n.integer(0)}"), cosine, sine)
    return n.from_bits(n.on_integers("xor", n.bits(value), sign))


def _maximum(n: Numbers, a: str, b: str) -> str:
    return n.unless_nan(a, n.choose(n.test("ogt", a, b), a, b))


def _minimum(n: Numbers, a: str, b: str) -> str:
    return n.unless_nan(a, n.choose(n.test("olt", a, b), a, b))


def _where(n: Numbers, condition: str, a: str, b: str) -> str:
    return n.unless_nan(condition, n.choose(n.test("oeq", condition, 0.0), b, a))


def _greater(n: Numbers, a: str, b: str) -> str:
    outcome = n.choose(n.test("ogt", a, b), 1.0, 0.0)
    return n.choose(n.test("uno", a, b), nan, outcome)


def _sign(n: Numbers, x: str) -> str:
    below = n.choose(n.test("olt", x, 0.0), -1.0, 0.0)
    return n.unless_nan(x, n.choose(n.test("ogt", x, 0.0), 1.0, below))


def _gate(n: Numbers, a: str, b: str) -> str:
    zero = n.either(n.test("oeq", a, 0.0), n.test("oeq", b, 0.0))
    return n.choose(zero, 0.0, n.mul(a, b))


def _c_library(name: str, n: Numbers, *xs: str) -> str:
    writer = n.writer
    writer.module.declare(f"declare double @{name}({', '.join(['double'] * len(xs))})")
    if n.width == 1:
        return writer.fresh(f"call double @{name}({', '.join(f'double {x}' for x in xs)})")
    result = "poison"
    for lane in range(n.width):
        numbers = [writer.let(f"extractelement {n.kind} {x}, i32 {lane}") for x in xs]
        y = writer.fresh(f"call double @{name}({', '.join(f'double {x}' for x in numbers)})")
        result = writer.let(f"insertelement {n.kind} {result}, double {y}, i32 {lane}")
    return result


INLINE: Mapping[str, Callable[..., str]] = {
    "abs": lambda n, x: n.intrinsic("fabs", x),
    "chain": lambda n, a, b: n.choose(n.test("oeq", a, 0.0), 0.0, n.mul(a, b)),
    "div": lambda n, a, b: n.div(a, b),
    "floor": lambda n, x: n.intrinsic("floor", x),
    "gate": _gate,
    "greater": _greater,
    "max": _maximum,
    "maximum": _maximum,
    "min": _minimum,
    "minimum": _minimum,
    "relu": lambda n, x: n.choose(n.test("ole", x, 0.0), 0.0, x),
    "sign": _sign,
    "sqrt": lambda n, x: n.intrinsic("sqrt", x),
    "step": lambda n, x: n.unless_nan(x, n.choose(n.test("ogt", x, 0.0), 1.0, 0.0)),
    "where": _where,
}
"""Rows of a few instructions, written where they are used."""

CALLED: Mapping[str, Callable[..., str]] = {
    "cos": partial(_wave, "cos", 1), "sin": partial(_wave, "sin", 0),
    "exp": _exp, "expm1": _expm1, "log": _log, "log1p": _log1p, "sigmoid": _sigmoid,
    "sigmoid_slope": _sigmoid_slope, "tanh": _tanh,
    **{name: partial(_c_library, name) for name in (
        "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "cosh", "erf", "erfc", "exp2",
        "log10", "log2", "pow", "sinh", "tan",
    )},
}  # fmt: skip
"""Longer rows, a function of their own."""


def apply_row(writer: Writer, name: str, width: int, operands: list[str]) -> str:
    """Write a row at operands; return its result."""
    if name in INLINE:
        return INLINE[name](Numbers(writer, width), *operands)
    module, kind, function = writer.module, kind_of(width), f"row.{name}.{width}"
    if function not in module.functions:
        arguments = [f"%x{k}" for k in range(len(operands))]
        signature = f"internal {kind} @{function}({', '.join(f'{kind} {x}' for x in arguments)})"
        inner = Writer(module, signature)
        result = CALLED[name](Numbers(inner, width), *arguments)
        inner.do(f"ret {kind} {result}")
        module.add(function, inner)
    return writer.let(f"call {kind} @{function}({', '.join(f'{kind} {x}' for x in operands)})")
