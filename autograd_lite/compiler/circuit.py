"""The circuit: one sample of the program as sums of products and rows of the table.

A node has an operation, an axis and terms (role, a, b). The operation is "sum", whose terms
are products ±a·b (b is -1 for a plain ±a, the role is 0 for + and 1 for -), or the name of
a row, whose terms are its operands (role: the position, b: -1). Axis 0 is one number for all
samples; on axis k > 0 a node stands for one number per sample. A sum on axis 0 adds its
terms up over the samples, a maximum on axis 0 is that of all samples.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, TypeAlias

from autograd_lite.errors import Uncompilable
from autograd_lite.primitives import Primitive, Traced

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Term: TypeAlias = tuple[int, int, int]

LINEAR = frozenset(("add", "sub", "neg", "mul", "sum", "dot", "identity"))
"""Rows that are sums of products."""

SYMMETRIC = frozenset(("max", "min", "logsumexp", "hypot"))
"""Rows whose operands have no order, of any number: all samples may be among them."""


class Circuit:
    """Nodes in an order in which operands come before their users; equal nodes are made once."""

    def __init__(self) -> None:
        self.op: list[str] = []
        self.axis: list[int] = []
        self.terms: list[tuple[Term, ...]] = []
        self.origin: list[int] = []
        """What a node belongs to: itself, or the node whose gradient it is part of."""
        self.place: int | None = None
        """The origin of the nodes that are being made, None for their own."""
        self.numbers: dict[int, float] = {}
        self.parameters: dict[int, int] = {}
        self.inputs: dict[int, int] = {}
        self.columns: dict[int, int] = {}
        self.weights: dict[int, int] = {}
        """Axis -> the column of the weights of its samples."""
        self.over_samples = False
        """Whether sums and maxima that are made, of any number of operands, are those over all samples."""
        self.scopes: dict[int, str] = {}
        self._known: dict[Any, int] = {}

    def __len__(self) -> int:
        return len(self.op)

    # ---- leaves

    def constant(self, number: float) -> int:
        node = self._leaf("constant", struct.pack("d", number), 0)
        self.numbers[node] = number
        return node

    def parameter(self, k: int) -> int:
        node = self._leaf("parameter", k, 0)
        self.parameters[node] = k
        return node

    def input(self, k: int) -> int:
        node = self._leaf("input", k, 0)
        self.inputs[node] = k
        return node

    def column(self, axis: int, k: int) -> int:
        """Return the leaf that is column k of the data of an axis."""
        node = self._leaf("column", k, axis)
        self.columns[node] = k
        return node

    def _leaf(self, op: str, key: object, axis: int) -> int:
        return self._known.get((op, key, axis), -1) if (op, key, axis) in self._known else self._new(op, (), axis, key)

    # ---- operations

    def node(self, op: str, terms: tuple[Term, ...], axis: int | None = None) -> int:
        """Return the node of an operation, an old one where there is an equal one."""
        if axis is None:
            axis, axes = 0, self.axis
            for _, a, b in terms if self.columns else ():
                if axes[a] > axis:
                    axis = axes[a]
                if b >= 0 and axes[b] > axis:
                    axis = axes[b]
        known = self._known.get((op, terms, axis))
        return self._new(op, terms, axis, terms) if known is None else known

    def _new(self, op: str, terms: tuple[Term, ...], axis: int, key: object) -> int:
        node = len(self.op)
        self.op.append(op)
        self.axis.append(axis)
        self.terms.append(terms)
        self.origin.append(node if self.place is None else self.place)
        self._known[op, key, axis] = node
        return node

    def total(self, terms: Iterable[Term], axis: int | None = None) -> int:
        """Return a sum of products; constant factors 1 are left out, constants are folded."""
        numbers, kept, rest = self.numbers, [], 0.0
        for role, a, b in terms:
            if b >= 0:
                if a in numbers:
                    a, b = b, a
                if b in numbers:
                    factor = numbers[b]
                    if a in numbers:
                        rest += -numbers[a] * factor if role else numbers[a] * factor
                        continue
                    if factor == 1.0:
                        b = -1
                    elif factor == -1.0:
                        role, b = 1 - role, -1
            elif a in numbers:
                rest += -numbers[a] if role else numbers[a]
                continue
            kept.append((role, a, b))
        if not kept:
            return self.constant(rest)
        if rest:
            kept.append((0, self.constant(rest), -1))
        role, a, b = kept[0]
        if len(kept) == 1 and role == 0 and b < 0 and (axis is None or self.axis[a] == axis):
            return a
        return self.node("sum", tuple(kept), axis)

    def apply(self, name: str, operands: Sequence[int]) -> int:
        """Return the node of a row of the table at operands; sums and products become sums of products."""
        if name == "sum" or name in SYMMETRIC:
            operands = sorted(operands)  # one node in whatever order: softmax begins with the chosen operand
        if self.over_samples and name == "sum":
            return self.total([(0, operand, self.weights.get(self.axis[operand], -1)) for operand in operands], 0)
        if name in LINEAR:
            return self.total(linear_terms(name, operands))
        if name in SYMMETRIC:
            return self.node(name, tuple((0, operand, -1) for operand in operands), 0 if self.over_samples else None)
        return self.node(name, tuple((k, operand, -1) for k, operand in enumerate(operands)))

    def operands(self, node: int) -> list[int]:
        """Return the operands of a node that is a row, in order."""
        return [a for _, a, _ in self.terms[node]]

    def is_over_samples(self, node: int) -> bool:
        """Whether a node gathers the results of all samples."""
        return not self.axis[node] and any(self.axis[a] for _, a, _ in self.terms[node])

    def symbol(self, node: int) -> Any:
        """Return a node as a number that rows take; a constant as the float it is."""
        return self.numbers[node] if node in self.numbers else Symbol(self, node)

    def node_of(self, number: Any) -> int:
        """Return what `symbol` was given."""
        return number.node if isinstance(number, Symbol) else self.constant(float(number))

    def live(self, roots: Iterable[int]) -> list[int]:
        """Return the nodes that roots depend on, in order."""
        needed = bytearray(len(self.op))
        for root in roots:
            needed[root] = 1
        for node in range(len(self.op) - 1, -1, -1):
            if needed[node]:
                for _, a, b in self.terms[node]:
                    needed[a] = 1
                    if b >= 0:
                        needed[b] = 1
        return [node for node, is_needed in enumerate(needed) if is_needed]


def linear_terms(name: str, operands: Sequence[int]) -> list[Term]:
    """Return the terms of a row that is a sum of products."""
    if name == "mul":
        return [(0, operands[0], operands[1])]
    if name == "dot":
        half = len(operands) // 2
        return [(0, a, b) for a, b in zip(operands[:half], operands[half:], strict=True)]
    if name == "neg":
        return [(1, operands[0], -1)]
    if name == "sub":
        return [(0, operands[0], -1), (1, operands[1], -1)]
    return [(0, operand, -1) for operand in operands]


class Symbol(Traced):
    """A node of a circuit as a number: rows and operators applied to it make nodes.

    So the text of a row's local gradients, and of the forms in `forms`, is its own compiler.
    """

    __slots__ = ("circuit", "node")
    level = 1 << 30

    def __init__(self, circuit: Circuit, node: int) -> None:
        self.circuit, self.node = circuit, node

    def apply(self, primitive: Primitive, operands: tuple[Any, ...]) -> Any:
        circuit = self.circuit
        return circuit.symbol(circuit.apply(primitive.name, [circuit.node_of(operand) for operand in operands]))

    def __bool__(self) -> bool:
        raise Uncompilable("a local gradient decides by a Python `if`. Write where(...) instead.")
