"""Rows written with simpler rows: what the emitters need not know.

An emitter knows a few dozen elementary rows by name. The others are spelled out here, in
the language of the table, before code is made; a law of the tests holds each to its row.
"""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

from autograd_lite import floats, table
from autograd_lite.compiler.circuit import LINEAR, Circuit
from autograd_lite.compiler.guards import GUARD, broken
from autograd_lite.errors import Uncompilable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from autograd_lite.primitives import Primitive

ELEMENTARY = frozenset((
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "chain", "cos", "cosh", "div",
    "erf", "erfc", "exp", "exp2", "expm1", "floor", "gate", "greater", "log", "log10", "log1p", "log2", "max",
    "maximum", "min", "minimum", "pow", "relu", "sigmoid", "sigmoid_slope", "sign", "sin", "sinh", "sqrt", "step",
    "tan", "tanh", "where",
))  # fmt: skip
"""The rows that every emitter has a form of."""

SMOOTH = frozenset((
    "atan", "cos", "cosh", "erf", "erfc", "exp", "expm1", "exp_difference", "gelu", "gelu_tanh", "logsumexp",
    "logaddexp", "logsigmoid", "normal_cdf", "sigmoid", "sigmoid_slope", "silu", "sin", "sinh", "softmax",
    "softplus", "softsign", "tanh", "tanh_gate", "prod",
))  # fmt: skip
"""Rows whose local gradients are finite where they are: upstream × local needs no care for 0 × inf."""


def _softplus(x: Any) -> Any:
    return table.relu(x) + table.log1p(table.exp(-abs(x)))


def _logsumexp(*xs: Any) -> Any:
    # log1p of all but the largest, as the row: exact where that one is far ahead.
    top = table.detach(table.max(*xs))
    below = [table.greater(top, x) for x in xs]
    rest = table.sum(*[less * table.exp_difference(x, top) for less, x in zip(below, xs, strict=True)])
    return top + table.log1p(rest + (table.sum(*[1.0 - less for less in below]) - 1.0))


def _softmax(*xs: Any) -> Any:
    top = table.detach(table.max(*xs))
    weights = [table.exp_difference(x, top) for x in xs]
    return weights[0] / table.sum(*weights)


def _hypot(*xs: Any) -> Any:
    top = table.max(*[abs(x) for x in xs])
    scale = table.where(top, top, 1.0)
    return top * table.sqrt(table.sum(*[(x / scale) * (x / scale) for x in xs]))


def _prod(*xs: Any) -> Any:
    product = 1.0
    for x in xs:
        product = product * x
    return product


def _power(x: Any, n: Any) -> Any:
    return POWERS[n](x) if n.__class__ is float and n in POWERS else None


POWERS: Mapping[float, Callable[[Any], Any]] = {
    0.0: lambda x: 1.0,
    1.0: lambda x: x,
    2.0: lambda x: x * x,
    3.0: lambda x: x * x * x,
    -1.0: lambda x: 1.0 / x,
    -2.0: lambda x: 1.0 / (x * x),
    0.5: table.sqrt,
    -0.5: lambda x: 1.0 / table.sqrt(x),
    -1.5: lambda x: 1.0 / (x * table.sqrt(x)),
}
"""Powers that are cheaper as products."""


def _product(a: Any, b: Any) -> Any:
    """A product that is 0 where a factor is 0 is an ordinary one where a factor is a number other than 0."""
    return a * b if (a.__class__ is float and a) or (b.__class__ is float and b) else None


FORMS: Mapping[str, Callable[..., Any]] = {
    "detach": lambda x: x,
    "pow": _power,
    "gate": _product,
    "chain": _product,
    "exp_difference": lambda a, b: table.exp(a - b),
    "logsumexp": _logsumexp,
    "logaddexp": _logsumexp,
    "softmax": _softmax,
    "prod": _prod,
    "hypot": _hypot,
    "softplus": _softplus,
    "logsigmoid": lambda x: -_softplus(-x),
    "softsign": lambda x: x / (1.0 + abs(x)),
    "silu": lambda x: x * table.sigmoid(x),
    "leaky_relu": lambda x, slope: table.where(table.greater(x, 0.0), x, slope * x),
    "elu": lambda x, alpha: table.where(table.greater(x, 0.0), x, alpha * table.expm1(x)),
    "clip": lambda x, low, high: table.where(table.greater(low, high), nan, table.minimum(table.maximum(x, low), high)),
    "one_minus_square": floats.one_minus_square,
    "gaussian": lambda x, rate: table.exp(-(rate * (x * x))),
    "normal_cdf": lambda x: 0.5 * table.erfc(-floats.ROOT_HALF * x),
    "gelu": lambda x: x * (0.5 * table.erfc(-floats.ROOT_HALF * x)),
    "tanh_gate": lambda x: table.sigmoid(x * (floats.TANH_1 + floats.TANH_3 * (x * x))),
    "gelu_tanh": lambda x: x * table.sigmoid(x * (floats.TANH_1 + floats.TANH_3 * (x * x))),
}
"""Row name -> the same function in simpler rows; None where the row is to stay as it is."""


class Elementary(Circuit):
    """A circuit that makes elementary rows and sums only, whatever row it is asked for."""

    def __init__(self, rows: Mapping[str, Primitive]) -> None:
        super().__init__()
        self.rows = rows

    def apply(self, name: str, operands: Sequence[int]) -> int:
        if name in LINEAR:
            return super().apply(name, operands)
        if name in ELEMENTARY and self.numbers.keys().isdisjoint(operands):
            return super().apply(name, operands)
        symbols = [self.symbol(operand) for operand in operands]
        if name == GUARD.name:
            return self.node_of(broken(*symbols))
        plain = sum(symbol.__class__ is float for symbol in symbols)
        if plain == len(symbols):
            return self.constant(self.rows[name].quiet.evaluate(symbols))
        if name in FORMS:
            result = FORMS[name](*symbols)
            if result is not None:
                return self.node_of(result)
        if name not in ELEMENTARY:
            raise Uncompilable(f"the row {name!r} has no array form")
        return super().apply(name, operands)


def spell_out(circuit: Circuit, roots: list[int], rows: Mapping[str, Primitive]) -> tuple[Circuit, list[int]]:
    """Return what roots need of a circuit, in elementary rows and sums, and where the roots are in it."""
    live = circuit.live(roots)
    if not circuit.columns and all(_is_elementary(circuit, node) for node in live):
        return circuit, roots  # a large graph without pattern, say: its copy would take a quarter of all the time
    spelled = Elementary(rows)
    new: dict[int, int] = {}
    spelled.weights = {axis: spelled.column(axis, circuit.columns[node]) for axis, node in circuit.weights.items()}
    for node in live:
        op = circuit.op[node]
        spelled.place = new.get(circuit.origin[node])
        if op == "constant":
            new[node] = spelled.constant(circuit.numbers[node])
        elif op == "parameter":
            new[node] = spelled.parameter(circuit.parameters[node])
        elif op == "input":
            new[node] = spelled.input(circuit.inputs[node])
        elif op == "column":
            new[node] = spelled.column(circuit.axis[node], circuit.columns[node])
        elif op == "sum":
            terms = [(role, new[a], new[b] if b >= 0 else -1) for role, a, b in circuit.terms[node]]
            new[node] = spelled.total(terms, circuit.axis[node])
        else:
            spelled.over_samples = circuit.is_over_samples(node)
            new[node] = spelled.apply(op, [new[a] for a in circuit.operands(node)])
            spelled.over_samples = False
        if node in circuit.scopes:
            spelled.scopes.setdefault(new[node], circuit.scopes[node])
    return spelled, [new[root] for root in roots]


def _is_elementary(circuit: Circuit, node: int) -> bool:
    """Whether a node is as simple as it gets: no row, or an elementary one that no constant makes simpler."""
    op, terms = circuit.op[node], circuit.terms[node]
    if op == "sum" or not terms:
        return True
    return op in ELEMENTARY and (op not in FORMS or circuit.numbers.keys().isdisjoint([a for _, a, _ in terms]))
