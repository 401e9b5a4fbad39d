"""The batch: samples found as isomorphic parts of the graph.

Cut the graph at the sum that adds up the losses, and each sample falls off as a connected
piece of its own: samples share leaves only. Pieces with the same operations in the same
order become one piece on an axis, and what differs between them, operand by operand, becomes
data: a column of numbers, or of zeros and ones that choose among several operands. Pieces
of another structure get an axis of their own. This comes before anything else is shared or
rolled: pixels that are equal in two samples must not tie the samples together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from autograd_lite.compiler.circuit import Circuit
from autograd_lite.compiler.normal import SUM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autograd_lite.compiler.normal import Normal

CANDIDATES = 8
"""How many sums are tried, from the root down."""


@dataclass(slots=True)
class Batched:
    """A circuit, its roots, and the data of every axis: columns[axis - 1] has the shape (columns, samples).

    The last column is the weight of a sample: 1, or 0 where a block is not full.
    """

    circuit: Circuit
    roots: list[int]
    columns: list[NDArray[np.float64]] = field(default_factory=list)


class NotABatch(Exception):
    """Pieces that are not alike after all; the text says why."""


@dataclass(slots=True)
class Pieces:
    """Isomorphic pieces: members [samples, nodes] and the terms of the cut that each of them feeds [samples, terms]."""

    members: NDArray[np.intp]
    terms: NDArray[np.intp]


def whole(normal: Normal, batched_inputs: bool = False) -> Batched:
    """Return the graph without looking for samples; inputs are data of axis 1 if that is said."""
    circuit = Circuit()
    new = _leaves(normal, circuit, batched_inputs)
    for k in range(len(normal.code)):
        _copy(normal, k, circuit, new)
    return Batched(circuit, [new[root] for root in normal.roots])


def find_batch(normal: Normal) -> Batched | str:
    """Return the graph of one sample on an axis, or the reason why there is none."""
    reason = "no sum joins parts of the graph that are alike"
    inner = (normal.a >= normal.leaves) | (normal.b >= normal.leaves)
    joins = np.add.reduceat(np.append(inner, False), normal.first[:-1]) if len(normal.code) else np.zeros(0)
    for cut in np.nonzero((normal.code == SUM) & (joins > 1))[0][: -CANDIDATES - 1 : -1].tolist():
        try:
            found = _pieces(normal, cut)
            if found:
                return _merge(normal, cut, found)
        except NotABatch as why:
            reason = str(why)
    return reason


def _components(normal: Normal, cut: int) -> NDArray[np.intp]:
    """Return for every operation before `cut` the least operation it is connected to."""
    users = np.repeat(np.arange(cut), np.diff(normal.first[: cut + 1]))
    end = normal.first[cut]
    u = np.concatenate([users, users])
    v = np.concatenate([normal.a[:end], normal.b[:end]]) - normal.leaves
    u, v = u[v >= 0], v[v >= 0]
    label = np.arange(cut)
    while True:
        low = np.minimum(label[u], label[v])
        before = label.copy()
        np.minimum.at(label, label[u], low)
        np.minimum.at(label, label[v], low)
        while (label[label] != label).any():
            label = label[label]
        if (label == before).all():
            return label


def _pieces(normal: Normal, cut: int) -> list[Pieces]:
    """Return the classes of two or more components that look alike and feed the cut."""
    label = _components(normal, cut)
    span = np.arange(normal.first[cut], normal.first[cut + 1])
    a, b = normal.a[span] - normal.leaves, normal.b[span] - normal.leaves
    of_a, of_b = (np.where(x >= 0, label[np.maximum(x, 0)], -1) for x in (a, b))
    whose = np.maximum(of_a, of_b)
    whose[(of_a >= 0) & (of_b >= 0) & (of_a != of_b)] = -1
    feeding, first_term = np.unique(whose[whose >= 0], return_index=True)
    feeding = feeding[np.argsort(first_term)]
    if len(feeding) < 2:
        return []
    rank = np.full(cut + 1, -1)
    rank[feeding] = np.arange(len(feeding))
    own = rank[label]
    nodes = np.nonzero(own >= 0)[0]
    nodes = nodes[np.argsort(own[nodes], kind="stable")]
    size = np.bincount(own[nodes], minlength=len(feeding))
    start = np.concatenate([[0], np.cumsum(size)])
    terms = np.nonzero(whose >= 0)[0]
    terms = terms[np.argsort(rank[whose[terms]], kind="stable")]
    count = np.bincount(rank[whose[terms]], minlength=len(feeding))
    start_of_terms = np.concatenate([[0], np.cumsum(count)])

    # One number that is the same for components of the same operations in the same order.
    dice = np.random.default_rng(1).integers(1, 1 << 60, int(size.max()) + 1)
    place = np.arange(len(nodes)) - start[own[nodes]]
    arity = np.diff(normal.first)[nodes]
    signature = np.add.reduceat((normal.code[nodes] * 1000003 + arity * 7919 + 11) * dice[place], start[:-1])
    signature += size * 31 + count
    found = []
    for kind in np.unique(signature):
        alike = np.nonzero(signature == kind)[0]
        if len(alike) > 1:
            found.append(
                Pieces(
                    nodes[start[alike][:, None] + np.arange(size[alike[0]])],
                    span[terms[start_of_terms[alike][:, None] + np.arange(count[alike[0]])]],
                )
            )
    return found


def _merge(normal: Normal, cut: int, found: list[Pieces]) -> Batched:
    """Return the circuit with each class of pieces merged into one."""
    circuit = Circuit()
    batched = Batched(circuit, [])
    new = _leaves(normal, circuit, False)
    inside = np.zeros(len(normal.code), bool)
    merged: list[tuple[int, int, int]] = []
    for axis, pieces in enumerate(found, 1):
        sample = _Merger(normal, circuit, new, axis, pieces).merge()
        columns = np.array([*sample.columns, np.ones(len(pieces.members))])
        weight = circuit.column(axis, len(sample.columns))
        batched.columns.append(columns)
        merged.append((0, sample.result, weight))
        inside[pieces.members] = True
    taken = np.zeros(len(normal.a), bool)
    for pieces in found:
        taken[pieces.terms] = True
    for k in np.nonzero(~inside)[0].tolist():
        if k != cut:
            _copy(normal, k, circuit, new)
            continue
        rest = [t for t in range(normal.first[cut], normal.first[cut + 1]) if not taken[t]]
        terms = [(int(normal.role[t]), _old(new, normal.a[t]), _old(new, normal.b[t])) for t in rest]
        new[normal.leaves + cut] = circuit.total(merged + terms, 0)
        _remember(normal, cut, circuit, new)
    batched.roots = [_old(new, root) for root in normal.roots]
    return batched


class _Merger:
    """Makes one sample of a class of pieces."""

    def __init__(self, normal: Normal, circuit: Circuit, leaves: dict[int, int], axis: int, pieces: Pieces) -> None:
        self.normal, self.circuit, self.leaves, self.axis, self.pieces = normal, circuit, leaves, axis, pieces
        self.columns: list[NDArray[np.float64]] = []
        self.made: dict[object, int] = {}
        members = pieces.members
        self.local = np.full(len(normal) + 1, -1)
        self.local[members + normal.leaves] = np.arange(members.shape[1])
        self.owner = np.full(len(normal) + 1, -1)
        self.owner[members + normal.leaves] = np.arange(len(members))[:, None]
        self.nodes: list[int] = []
        self.in_common = self.chosen = False  # parameters that all samples use, and that samples choose
        self.result = -1

    def merge(self) -> _Merger:
        normal, members = self.normal, self.pieces.members
        count = np.diff(normal.first)[members]
        if (count != count[0]).any() or (normal.code[members] != normal.code[members[0]]).any():
            raise NotABatch("samples differ in their operations")
        for k in range(members.shape[1]):
            start = normal.first[members[:, k]]
            terms = self._terms(start[:, None] + np.arange(count[0, k]))
            code = normal.code[members[0, k]]
            if code == SUM:
                node = self.circuit.node("sum", terms, self.axis)
            else:
                node = self.circuit.node(normal.tape.names[code], terms, self.axis)
            self.nodes.append(node)
            _remember(normal, int(members[0, k]), self.circuit, {int(members[0, k]) + normal.leaves: node})
        self.result = self.circuit.total(self._terms(self.pieces.terms), self.axis)
        if self.chosen and not self.in_common:
            raise NotABatch("pieces that are alike have no parameter in common")
        return self

    def _terms(self, where: NDArray[np.intp]) -> tuple[tuple[int, int, int], ...]:
        """Return the terms of one node; `where`[sample, term] says where the samples have theirs."""
        normal = self.normal
        role, a, b = normal.role[where], normal.a[where], normal.b[where]
        if (role != role[0]).any():
            raise NotABatch("samples differ in their signs")
        terms = []
        for q in range(where.shape[1]):
            # A constant that multiplies a parameter is data, even where it is the same in every sample:
            # always black pixels would make holes in the matrix.
            is_data = [self._constants(x[:, q]) and self._parameters(y[:, q]) for x, y in ((a, b), (b, a))]
            terms.append(
                (int(role[0, q]), self._operand(a[:, q], q, is_data[0]), self._operand(b[:, q], q, is_data[1]))
            )
        return tuple(terms)

    def _constants(self, nodes: NDArray[np.intp]) -> bool:
        return bool(((nodes >= 0) & (nodes < len(self.normal.tape.constants))).all())

    def _parameters(self, nodes: NDArray[np.intp]) -> bool:
        first = len(self.normal.tape.constants)
        return bool(((nodes >= first) & (nodes < first + self.normal.tape.parameters)).all())

    def _operand(self, nodes: NDArray[np.intp], place: int, is_data: bool) -> int:
        """Return the node that stands for one operand of all samples."""
        same = bool((nodes == nodes[0]).all())
        if same and nodes[0] < 0:
            return -1
        if same and not is_data:
            if nodes[0] >= self.normal.leaves:
                raise NotABatch("samples share a result")
            self.in_common |= self._parameters(nodes)
            return self.leaves[int(nodes[0])]
        if (nodes < 0).any():
            raise NotABatch("samples differ in their terms")
        local = self.local[nodes]
        if (local >= 0).all():
            if (self.owner[nodes] != np.arange(len(nodes))).any():
                raise NotABatch("a sample uses a result of another one")
            return self.nodes[local[0]] if (local == local[0]).all() else self._choice(local, self.nodes)
        if self._constants(nodes):
            return self._column(self.normal.tape.constants[nodes], place if is_data else -1)
        if self._parameters(nodes):
            self.chosen = True
            return self._choice(nodes, self.leaves)
        raise NotABatch("samples differ in what they use")

    def _choice(self, which: NDArray[np.intp], nodes: list[int] | dict[int, int]) -> int:
        """Return the sum of the candidates, each times 1 in the samples that use it and 0 in the others."""
        terms = [
            (0, self._column((which == one).astype(np.float64), -1), nodes[one]) for one in np.unique(which).tolist()
        ]
        return self.circuit.total(terms, self.axis)

    def _column(self, numbers: NDArray[np.float64], place: int) -> int:
        key = (numbers.tobytes(), place)
        if key not in self.made:
            self.made[key] = self.circuit.column(self.axis, len(self.columns))
            self.columns.append(numbers)
        return self.made[key]


def _leaves(normal: Normal, circuit: Circuit, batched_inputs: bool) -> dict[int, int]:
    tape = normal.tape
    new = {-1: -1}
    for k, number in enumerate(tape.constants.tolist()):
        new[k] = circuit.constant(number)
    for k in range(tape.parameters):
        new[len(tape.constants) + k] = circuit.parameter(k)
    for k in range(tape.inputs):
        place = len(tape.constants) + tape.parameters + k
        new[place] = circuit.column(1, k) if batched_inputs else circuit.input(k)
    return new


def _copy(normal: Normal, k: int, circuit: Circuit, new: dict[int, int]) -> None:
    """Make operation k as it is."""
    span = slice(normal.first[k], normal.first[k + 1])
    rows = zip(normal.role[span].tolist(), normal.a[span].tolist(), normal.b[span].tolist(), strict=True)
    terms = [(role, _old(new, a), _old(new, b)) for role, a, b in rows]
    code = normal.code[k]
    if code == SUM:
        node = circuit.total(terms)
    else:
        node = circuit.node(normal.tape.names[code], tuple(terms))
    new[normal.leaves + k] = node
    _remember(normal, k, circuit, new)


def _old(new: dict[int, int], node: int) -> int:
    try:
        return new[int(node)]
    except KeyError:
        raise NotABatch("a result of one sample is used outside of the sum") from None


def _remember(normal: Normal, k: int, circuit: Circuit, new: dict[int, int]) -> None:
    scope = normal.tape.nodes[normal.source[k]].scope
    if scope is not None:
        circuit.scopes.setdefault(new[normal.leaves + k], str(scope))
