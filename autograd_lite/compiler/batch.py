"""The batch: samples found as isomorphic parts of the graph.

Cut the graph at the sum that adds up the losses, and each sample falls off as a connected
piece of its own: samples share leaves only. Where they share results too, the statistics of
batch norm say, there are several cuts: every sum or maximum over the batch. Such a one, and
what is made of it, comes once, while what belongs to a sample comes once per sample: so
results are told apart by how often their like occurs.

Pieces with the same operations in the same order become one piece on an axis, and what differs
between them, operand by operand, becomes data: a column of numbers, or of zeros and ones that
choose among several operands. Pieces of another structure get an axis of their own. A cut is a
guess; the proof is the merging, which compares every operand of every sample. This comes before
anything else is shared or rolled: pixels that are equal in two samples must not tie them together.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from autograd_lite.compiler import looks
from autograd_lite.compiler.circuit import Circuit
from autograd_lite.compiler.normal import SUM

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from autograd_lite.compiler.normal import Normal

CANDIDATES = 8
"""How many sums are tried as the only cut, from the root down."""

FEW = 8
"""How many times smaller the graph gets by a single cut with which no better guess is looked for."""


@dataclass(slots=True)
class Batched:
    """A circuit, its roots, and the data of every axis: columns[axis - 1] has the shape (columns, samples).

    The last column is the weight of a sample: 1, or 0 where a block is not full.
    """

    circuit: Circuit
    roots: list[int]
    columns: list[NDArray[np.float64]] = field(default_factory=list)


@dataclass(slots=True)
class Pieces:
    """Isomorphic pieces: members [samples, nodes], and of every cut they feed the terms [samples, terms]."""

    members: NDArray[np.intp]
    terms: dict[int, NDArray[np.intp]]


class NotABatch(Exception):
    """Pieces that are not alike after all; the text says why."""

    def __init__(self, why: str, pieces: Pieces | None = None) -> None:
        super().__init__(why)
        self.pieces = pieces


def whole(normal: Normal, batched_inputs: bool = False) -> Batched:
    """Return the graph without looking for samples; inputs are data of axis 1 if that is said."""
    return _merge(normal, [], batched_inputs)


def find_batch(normal: Normal) -> Batched | str:
    """Return the graph of one sample on an axis, or the reason why there is none."""
    reason, n = "no sum joins parts of the graph that are alike", len(normal.code)
    for found in _guesses(normal):
        while 2 * sum(pieces.members.size for pieces in found) > n:
            try:
                return _merge(normal, found)
            except NotABatch as why:
                reason = str(why)
                found = [pieces for pieces in found if pieces is not why.pieces] if why.pieces else []
    return reason


# ---- guesses: which operations belong to a sample, and to which


def _guesses(normal: Normal) -> Iterator[list[Pieces]]:
    """Yield what may be a batch: a single cut that leaves a far smaller graph at once, then the smallest first."""
    if not len(normal.code):
        return
    inner = (normal.a >= normal.leaves) | (normal.b >= normal.leaves)
    joins = np.add.reduceat(np.append(inner, False), normal.first[:-1])
    if not (normal.gathers() & (joins > 1)).any():
        return
    others, every = [], np.arange(len(normal.code))
    for cut in np.nonzero((normal.code == SUM) & (joins > 1))[0][: -CANDIDATES - 1 : -1].tolist():
        found = _alike(normal, _components(normal, every < cut), every)
        if FEW * _left(normal, found) <= len(normal.code):
            yield found
        else:
            others.append(found)
    for inside, orders in looks.guesses(normal):
        owner = _components(normal, inside)
        others += [_alike(normal, owner, order) for order in orders]
    yield from sorted(others, key=lambda found: _left(normal, found))


def _left(normal: Normal, found: list[Pieces]) -> int:
    """Return how many operations there are once the pieces are merged."""
    return len(normal.code) - sum(int(pieces.members[1:].size) for pieces in found)


def _components(normal: Normal, inside: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return for every operation inside the least one it is connected to by others inside, -1 for one outside.

    Operations whose product is added up outside are connected too: they are of the same sample.
    """
    user, operand = normal.edges()
    a, b = normal.a - normal.leaves, normal.b - normal.leaves
    products = (a >= 0) & (b >= 0)
    u, v = np.concatenate([user, a[products]]), np.concatenate([operand, b[products]])
    both = inside[u] & inside[v]
    u, v = u[both], v[both]
    label = np.arange(len(inside))
    while True:
        low = np.minimum(label[u], label[v])
        before = label.copy()
        np.minimum.at(label, label[u], low)
        np.minimum.at(label, label[v], low)
        while (label[label] != label).any():
            label = label[label]
        if (label == before).all():
            return np.where(inside, label, -1)


def _alike(normal: Normal, owner: NDArray[np.intp], order: NDArray[np.intp]) -> list[Pieces]:
    """Return the classes of two or more pieces that look alike, in an order of the operations, and feed cuts."""
    n, leaves = len(normal.code), normal.leaves
    of = np.concatenate([np.full(leaves, -1), owner, [-1]])  # the last for no operand
    user = np.repeat(np.arange(n), np.diff(normal.first))
    of_a, of_b = of[normal.a], of[normal.b]
    feeds = np.nonzero((owner[user] < 0) & (np.maximum(of_a, of_b) >= 0))[0]
    user, of_a, of_b = user[feeds], of_a[feeds], of_b[feeds]
    whose = np.maximum(of_a, of_b)
    # A sample whose results are used but where those of all are gathered is not one of a batch.
    fit = np.zeros(n, bool)
    fit[whose] = True
    astray = ~normal.gathers()[user] | ((of_a >= 0) & (of_b >= 0) & (of_a != of_b))
    fit[of_a[astray & (of_a >= 0)]] = fit[of_b[astray & (of_b >= 0)]] = False
    fit[[of[root] for root in normal.roots if of[root] >= 0]] = False
    fitting = np.nonzero(fit)[0]
    if len(fitting) < 2:
        return []
    rank = np.full(n + 1, -1)
    rank[fitting] = np.arange(len(fitting))
    nodes, start, size = _by_rank(rank[owner[order]], len(fitting))
    nodes = order[nodes]
    terms, start_of_terms, count = _by_rank(rank[whose], len(fitting))
    cut = user[terms]

    # One number that is the same for pieces of the same operations in the same order, and one for what they feed.
    dice = np.random.default_rng(1).integers(1, 1 << 60, max(n, int(size.max())) + 1)
    place = np.arange(len(nodes)) - start[:-1][rank[owner[nodes]]]
    arity = np.diff(normal.first)[nodes]
    look = np.add.reduceat((normal.code[nodes] * 1000003 + arity * 7919 + 11) * dice[place], start[:-1]) + size * 31
    fed = np.add.reduceat(dice[cut], start_of_terms[:-1])
    classes: dict[tuple[int, int], list[NDArray[np.intp]]] = defaultdict(list)
    _, which, often = np.unique(look * 31 + fed, return_inverse=True, return_counts=True)
    for k in np.nonzero(often > 1)[0].tolist():
        alike = np.nonzero(which.ravel() == k)[0]
        classes[int(look[alike[0]]), len(alike)].append(alike)
    found = []
    for classes_of_a_look in classes.values():
        # As many pieces that look the same and feed other cuts, one per neuron say, are parts of the same samples.
        members, of_cuts = [], defaultdict(list)
        for alike in classes_of_a_look:
            members.append(nodes[start[alike][:, None] + np.arange(size[alike[0]])])
            table = terms[start_of_terms[alike][:, None] + np.arange(count[alike[0]])]
            for one in np.unique(user[table[0]]).tolist():
                of_cuts[one].append(feeds[table[user[table] == one].reshape(len(alike), -1)])
        found.append(Pieces(np.hstack(members), {one: np.hstack(tables) for one, tables in of_cuts.items()}))
    return sorted(found, key=lambda pieces: int(pieces.members[0, 0]))


def _by_rank(rank: NDArray[np.intp], count: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices with a rank, sorted by it; where each rank begins; how many it has."""
    ranked = np.nonzero(rank >= 0)[0]
    ranked = ranked[np.argsort(rank[ranked], kind="stable")]
    size = np.bincount(rank[ranked], minlength=count)
    return ranked, np.concatenate([[0], np.cumsum(size)]), size


# ---- proof: pieces merged into one


def _merge(normal: Normal, found: list[Pieces], batched_inputs: bool = False) -> Batched:
    """Return the circuit with each class of pieces merged into one; raise NotABatch where that is wrong."""
    circuit = Circuit()
    new = _leaves(normal, circuit, batched_inputs)
    mergers = [_Merger(normal, circuit, new, axis, pieces) for axis, pieces in enumerate(found, 1)]
    shared = np.ones(len(normal.code), bool)
    feeding: dict[int, list[_Merger]] = defaultdict(list)
    for merger in mergers:
        shared[merger.pieces.members] = False
        for cut in merger.pieces.terms:
            feeding[cut].append(merger)
    # Operands come before users if each operation of the merged piece is made when the last sample has had it.
    steps: list[tuple[int, _Merger | None, int]] = [(k, None, 0) for k in np.nonzero(shared)[0].tolist()]
    for merger in mergers:
        steps += [(last, merger, k) for k, last in enumerate(merger.pieces.members.max(axis=0).tolist())]
    for k, whose, place in sorted(steps, key=lambda step: step[0]):
        if whose is not None:
            whose.make(place)
        else:
            _share(normal, k, circuit, new, feeding.get(k, ()))
    return Batched(circuit, [_old(new, root) for root in normal.roots], [merger.finish() for merger in mergers])


def _share(normal: Normal, k: int, circuit: Circuit, new: dict[int, int], mergers: Sequence[_Merger]) -> None:
    """Make an operation that all samples share: over the samples, where pieces feed it."""
    start, end = normal.first[k], normal.first[k + 1]
    where: slice | NDArray[np.intp] = slice(start, end)
    if mergers:
        taken = np.concatenate([merger.pieces.terms[k].ravel() for merger in mergers])
        where = np.setdiff1d(np.arange(start, end), taken)
    rest = zip(normal.role[where].tolist(), normal.a[where].tolist(), normal.b[where].tolist(), strict=True)
    terms = [(0, *merger.share_of(k)) for merger in mergers]
    terms += [(role, _old(new, a), _old(new, b)) for role, a, b in rest]
    axis = 0 if mergers else None
    if normal.code[k] == SUM:
        new[normal.leaves + k] = circuit.total(terms, axis)
    else:
        new[normal.leaves + k] = circuit.node(normal.tape.names[normal.code[k]], tuple(terms), axis)
    _remember(normal, k, circuit, new)


class _Merger:
    """Makes one sample of a class of pieces."""

    def __init__(self, normal: Normal, circuit: Circuit, new: dict[int, int], axis: int, pieces: Pieces) -> None:
        self.normal, self.circuit, self.new, self.axis, self.pieces = normal, circuit, new, axis, pieces
        self.weight = circuit.weights[axis] = circuit.column(axis, -1)  # its place is known at the end
        self.columns: list[NDArray[np.float64]] = []
        self.made: dict[object, int] = {}
        members = pieces.members
        self.local = np.full(len(normal) + 1, -1)
        self.local[members + normal.leaves] = np.arange(members.shape[1])
        self.owner = np.full(len(normal) + 1, -1)
        self.owner[members + normal.leaves] = np.arange(len(members))[:, None]
        self.nodes = [-1] * members.shape[1]
        self.in_common = self.chosen = False  # parameters that all samples use, and that samples choose

    def make(self, k: int) -> None:
        """Make operation k of the piece."""
        normal, members = self.normal, self.pieces.members[:, k]
        code, first = normal.code[members], normal.first[members]
        count = normal.first[members + 1] - first
        if (count != count[0]).any() or (code != code[0]).any():
            raise self._refusal("samples differ in their operations")
        terms = self._terms(first[:, None] + np.arange(count[0]))
        op = "sum" if code[0] == SUM else normal.tape.names[code[0]]
        self.nodes[k] = self.circuit.node(op, terms)  # shared, and computed once, where its operands are
        _remember(normal, int(members[0]), self.circuit, {int(members[0]) + normal.leaves: self.nodes[k]})

    def share_of(self, cut: int) -> tuple[int, int]:
        """Make what a sample adds to a sum over the samples, and its weight; or to a maximum."""
        terms, code = self._terms(self.pieces.terms[cut]), self.normal.code[cut]
        if code == SUM:
            return self.circuit.total(terms), self.weight
        share = terms[0][1] if len(terms) == 1 else self.circuit.node(self.normal.tape.names[code], terms)
        # On its axis even where it is shared: it counts once for every sample.
        return self.circuit.total([(0, share, -1)], self.axis), -1

    def finish(self) -> NDArray[np.float64]:
        """Return the data of the axis."""
        if self.chosen and not self.in_common:
            raise self._refusal("pieces that are alike have no parameter in common")
        self.circuit.columns[self.weight] = len(self.columns)
        return np.array([*self.columns, np.ones(len(self.pieces.members))])

    def _refusal(self, why: str) -> NotABatch:
        return NotABatch(why, self.pieces)

    def _terms(self, where: NDArray[np.intp]) -> tuple[tuple[int, int, int], ...]:
        """Return the terms of one node; `where`[sample, term] says where the samples have theirs."""
        normal = self.normal
        role, a, b = normal.role[where], normal.a[where], normal.b[where]
        if (role != role[0]).any():
            raise self._refusal("samples differ in their signs")
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
            self.in_common |= self._parameters(nodes)
            return _old(self.new, nodes[0])
        if (nodes < 0).any():
            raise self._refusal("samples differ in their terms")
        local = self.local[nodes]
        if (local >= 0).all():
            if (self.owner[nodes] != np.arange(len(nodes))).any():
                raise self._refusal("a sample uses a result of another one")
            if any(self.nodes[one] < 0 for one in np.unique(local).tolist()):
                raise self._refusal("samples compute in different orders")
            return self.nodes[local[0]] if (local == local[0]).all() else self._choice(local, self.nodes)
        if self._constants(nodes):
            return self._column(self.normal.tape.constants[nodes], place if is_data else -1)
        if self._parameters(nodes):
            self.chosen = True
            return self._choice(nodes, self.new)
        raise self._refusal("samples differ in what they use")

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


def _old(new: dict[int, int], node: int) -> int:
    try:
        return new[int(node)]
    except KeyError:
        raise NotABatch("a result of one sample is used outside of the sums") from None


def _remember(normal: Normal, k: int, circuit: Circuit, new: dict[int, int]) -> None:
    scope = normal.tape.nodes[normal.source[k]].scope
    if scope is not None:
        circuit.scopes.setdefault(new[normal.leaves + k], str(scope))
