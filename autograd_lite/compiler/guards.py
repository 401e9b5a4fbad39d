"""Guards: what Python decided while a function was recorded, checked by the program itself.

`if x > 0` on a Value takes one way through the function, and the recorded graph goes that way
for ever. So each comparison leaves a guard behind: a node that is 0 while the comparison comes
out as it did, and 1 where it does not, or where rounding could decide it: a program adds up in
another order than Python does. Its guards are added up too; where the sum is not 0, the loss
is nan, so that no step is made, and the function is recorded anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autograd_lite import table
from autograd_lite.primitives import Primitive
from autograd_lite.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autograd_lite.compiler.circuit import Circuit, Symbol

RESOLUTION = 2.0**-40
"""How far apart, relative to 1 and to what they were added up from, two results must be to be told apart."""

LEAST = 5e-324
"""The smallest number above 0."""

GUARD = Primitive("guard", lambda left, right, sign, limit: 0.0, (None, None, None, None))
"""0 where sign·(left − right) > limit, 1 elsewhere; never differentiated, spelled out by `broken`."""
GUARD.reserved = True

LEAVES = ("constant", "parameter", "input", "column")


@dataclass(frozen=True, slots=True)
class Branch:
    """What was decided: sign·(left − right) is above 0, or at least 0; and the line that asked."""

    sign: float
    strict: bool
    line: str


class Guards:
    """The comparisons of Values in one run of a function, in order."""

    def __init__(self) -> None:
        self.branches: list[Branch] = []
        self.nodes: list[Value] = []

    def compared(self, name: str, left: Any, right: Any, outcome: bool, line: str) -> list[Value]:
        """Remember a comparison of Values or floats by its method; return the nodes that guard it."""
        if not (isinstance(left, Value) or isinstance(right, Value)):
            return []
        if name == "__bool__":
            # Of what is true the sign is kept, of 0 that it is neither above nor below.
            sides = [(1.0 if left._data > 0.0 else -1.0, True)] if outcome else [(1.0, False), (-1.0, False)]
        else:
            up, strict = name in ("__gt__", "__ge__"), name in ("__gt__", "__lt__")
            sides = [(1.0 if up is outcome else -1.0, strict is outcome)]
        return [self._guard(left, right, sign, strict, line) for sign, strict in sides]

    def _guard(self, left: Any, right: Any, sign: float, strict: bool, line: str) -> Value:
        node = Value(0.0)
        node._record(GUARD, (left, right, sign, 0.0 if strict else -LEAST))
        self.branches.append(Branch(sign, strict, line))
        self.nodes.append(node)
        return node

    def total(self) -> Value:
        """Return the node that is 0 while all guards hold."""
        node = Value(0.0)
        node._record(table.sum, tuple(self.nodes))
        return node


def broken(left: Any, right: Any, sign: Any, limit: Any) -> Any:
    """Return the row `guard` in elementary rows; numbers are symbols of a circuit."""
    if left.__class__ is float and right.__class__ is float:
        return 0.0  # constants: they were compared already
    if not (_is_leaf(left) and _is_leaf(right)):
        limit = RESOLUTION * (1.0 + _size(left) + _size(right))
    return 1.0 - table.greater(sign * left - sign * right, limit)


def _is_leaf(number: Any) -> bool:
    """Whether a number is what Python compared, to the last bit."""
    return number.__class__ is float or number.circuit.op[number.node] in LEAVES


def _size(number: Any) -> Any:
    """Return how large a number is, of a sum how large its terms are together: that is what rounding errors go by."""
    if number.__class__ is float or number.circuit.op[number.node] != "sum":
        return abs(number)
    circuit: Circuit = number.circuit
    magnitude = {node: circuit.node_of(abs(circuit.symbol(node))) for node in _factors(number)}
    terms = [(0, magnitude[a], magnitude[b] if b >= 0 else -1) for _, a, b in circuit.terms[number.node]]
    return circuit.symbol(circuit.total(terms, circuit.axis[number.node]))


def _factors(number: Symbol) -> Sequence[int]:
    return sorted({node for _, a, b in number.circuit.terms[number.node] for node in (a, b) if node >= 0})


def poisoned(circuit: Circuit, root: int, guard: int) -> int:
    """Return the root while `guard` is 0, and nan otherwise."""
    poison = circuit.apply("where", [guard, circuit.constant(float("nan")), circuit.constant(0.0)])
    return circuit.total([(0, root, -1), (0, poison, -1)])


def what_decides(branches: Sequence[Branch], before: Sequence[Sequence[Branch]]) -> str:
    """Return the note on a way through the branches: what is compared in it, or where it leaves the last one."""
    if not before:
        lines = list(dict.fromkeys(branch.line for branch in branches))
        others = f" and {len(lines) - 3} more" if len(lines) > 3 else ""
        return f"{len(branches)} of Python's comparisons are checked in every call: {', '.join(lines[:3])}{others}"
    turn = next((new.line for old, new in zip(before[-1], branches, strict=False) if old != new), "the end")
    return f"recorded again, way {len(before) + 1} through the function: it turns at {turn}"
