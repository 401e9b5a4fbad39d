"""Rolling: thousands of equal nodes become a few instructions.

Nodes on one level (longest path from a leaf) with the same operation, axis and kinds of
operands form a group; how many terms they have does not matter. A group is stored
contiguously in the order of the nodes its members belong to, so that gradients lie like what
they are the gradients of, and the places of its operands are mostly affine in the row:

    second layer      16 rows    + bias[j] + Σ w[17·j + i] · h[i],  i < 16

Groups decide where numbers lie, instructions are loops over them: a ragged group may need
several instructions, and is still one stretch of memory to its users.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from autograd_lite.compiler.affine import Loop, affine_prefix, fit, walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from autograd_lite.compiler.circuit import Circuit

SHARED, RESULT, DATA = "shared", "result", "data"


@dataclass(slots=True, eq=False)
class Group:
    """Nodes that lie together in a space: shared numbers, or the data or the results of an axis."""

    space: str
    axis: int
    size: int
    base: int
    number: int
    scope: str = ""
    backward: bool = False
    """Whether it is part of a gradient."""
    ready: int = 0
    """The phase from which shared numbers, the pass from which results of a sample are there (see `plan`)."""
    crossing: bool = False
    """Whether a later pass over the samples uses results of this one, so that they are kept for all of them."""


@dataclass(slots=True, eq=False)
class Kind:
    """The terms of one role, first and second operand from one group each.

    Places are those of the space. `loops` walk over the terms of a row; where they are not
    affine `table` lists the offsets [terms, 2]; where rows differ in them `full` lists the
    places themselves [rows, terms, 2].
    """

    role: int
    a: Group
    b: Group | None
    count: int
    loops: tuple[Loop, ...] | None = None
    table: NDArray[np.intp] | None = None
    full: NDArray[np.intp] | None = None
    pass_: int = 0

    @property
    def axis(self) -> int:
        return max(self.a.axis, self.b.axis if self.b else 0)

    def offsets(self) -> NDArray[np.intp]:
        """Return where the terms of a row lie relative to its first [terms, 2]."""
        if self.table is not None:
            return self.table
        assert self.loops is not None
        return walk(self.loops, 2)


@dataclass(slots=True, eq=False)
class Instruction:
    """out[row] = op of the terms of all kinds, for every row of a (part of a) group.

    The columns of rows are the places of out and of a and b of each kind's first term.
    """

    op: str
    group: Group
    count: int
    kinds: list[Kind]
    base: NDArray[np.intp]
    loops: tuple[Loop, ...] | None
    table: NDArray[np.intp] | None = None

    @property
    def axis(self) -> int:
        return self.group.axis

    @property
    def reducing(self) -> list[Kind]:
        """The kinds that are added up over the samples."""
        return [] if self.axis else [kind for kind in self.kinds if kind.axis]

    def rows(self) -> NDArray[np.intp]:
        """Return the places of every row [rows, 1 + 2 kinds]."""
        if self.table is not None:
            return self.table
        assert self.loops is not None
        return self.base + walk(self.loops, len(self.base))


@dataclass(slots=True)
class Rolled:
    """The instructions in order, and where every node lies."""

    instructions: list[Instruction]
    groups: list[Group]
    place: NDArray[np.intp]
    group_of: list[Group | None]
    shared: int
    results: dict[int, int] = field(default_factory=dict)
    """Axis -> how many results a sample has."""
    inputs: int = 0
    """Where the inputs begin."""


STEPS = 20
"""How many times its budget a recurrence may roll into, before it is folded."""

LONGEST_PERIOD = 16

STRETCH = 32
"""Rows that are worth an instruction of their own; fewer, unless they are half of all, go into a table."""


class TooLong(Exception):
    """A graph of more instructions than are worth compiling."""


def roll(circuit: Circuit, flat: Flat, gradients: Sequence[int], parameters: int, inputs: int, budget: int) -> Rolled:
    """Return the instructions that compute the nodes of `flat`, and the gradient in its place.

    Shared memory starts with the parameters, their gradients in the same order, the inputs and
    the constants. Raises TooLong where there are more instructions than `budget`.
    """
    return _Roller(circuit, flat, gradients, parameters, inputs, budget).roll()


class _Roller:
    def __init__(
        self,
        circuit: Circuit,
        flat: Flat,
        gradients: Sequence[int],
        parameters: int,
        inputs: int,
        budget: int,
    ) -> None:
        self.circuit, self.gradients, self.parameters, self.inputs = circuit, gradients, parameters, inputs
        self.budget = budget
        self.flat = flat
        size = len(circuit)
        self.place = np.full(size, -1, np.intp)
        self.number = np.full(size, -1, np.intp)  # of the group
        self.groups: list[Group] = []
        self.instructions: list[Instruction] = []
        self.results: dict[int, int] = {}
        self.top = 0

    def roll(self) -> Rolled:
        self._place_leaves()
        levels = self.flat.levels()
        if self._recurs(levels):  # to be folded into loops afterwards
            self.budget *= STEPS
        self._spend(len(levels) + 1)
        for level in levels:
            self._roll_level(self.flat, level)
            self._spend(len(self.instructions))
        self._copy_gradients()
        groups: list[Group | None] = [self.groups[k] if k >= 0 else None for k in self.number.tolist()]
        return Rolled(self.instructions, self.groups, self.place, groups, self.top, self.results, self.input_base)

    def _recurs(self, levels: list[NDArray[np.intp]]) -> bool:
        """Whether most levels look like the one a period later, as those of a recurrence do."""
        look = [hash(np.sort(self.flat.code[nodes]).tobytes()) for nodes in levels] if len(levels) > 40 else []
        return any(
            sum(a == b for a, b in zip(look, look[period:], strict=False)) > 0.8 * (len(look) - period)
            for period in range(1, min(LONGEST_PERIOD, len(look) // 4) + 1)
        )

    def _spend(self, instructions: int) -> None:
        if instructions > self.budget:
            raise TooLong(f"more than {self.budget} instructions" if self.budget else "tables were asked for")

    def _place_leaves(self) -> None:
        circuit, count = self.circuit, self.parameters
        parameters = self._group(SHARED, 0, count)
        self.gradient_group = self._group(SHARED, 0, count)
        inputs = self._group(SHARED, 0, self.inputs)
        self.input_base = inputs.base
        constants = self._group(SHARED, 0, len(circuit.numbers))
        for node, k in circuit.parameters.items():
            self._put(node, parameters, k)
        for node, k in circuit.inputs.items():
            self._put(node, inputs, k)
        for k, node in enumerate(circuit.numbers):
            self._put(node, constants, k)
        data: dict[int, Group] = {}
        for node, k in circuit.columns.items():
            axis = circuit.axis[node]
            if axis not in data:
                data[axis] = Group(DATA, axis, 0, 0, len(self.groups))
                self.groups.append(data[axis])
            data[axis].size = max(data[axis].size, k + 1)
            self._put(node, data[axis], k)
        # A gradient is computed in its own place, where one node is the gradient of one parameter.
        self.gradient_place: dict[int, int] = {}
        for k, node in enumerate(self.gradients):
            if circuit.terms[node] and node not in self.gradient_place:
                self.gradient_place[node] = self.gradient_group.base + k

    def _group(self, space: str, axis: int, size: int) -> Group:
        if axis:
            base = self.results.get(axis, 0)
            self.results[axis] = base + size
        else:
            base = self.top
            self.top += size
        group = Group(space, axis, size, base, len(self.groups))
        self.groups.append(group)
        return group

    def _put(self, node: int, group: Group, k: int) -> None:
        self.place[node] = group.base + k
        self.number[node] = group.number

    def _roll_level(self, flat: Flat, nodes: NDArray[np.intp]) -> None:
        user, role, a, b = flat.terms_of(nodes)
        of_a, of_b = self.number[a], np.where(b >= 0, self.number[b], -1)
        swap = of_b > of_a  # a product has no order: the later group first
        a, b = np.where(swap, b, a), np.where(swap, a, b)
        of_a, of_b = np.where(swap, of_b, of_a), np.where(swap, of_a, of_b)
        kind = (of_a * (len(self.groups) + 1) + of_b + 1) * 64 + np.minimum(role, 63)
        order = np.lexsort((kind, user))
        user, role, a, b, kind = (x[order] for x in (user, role, a, b, kind))

        # The set of a node's kinds as one number.
        names, index = np.unique(kind, return_inverse=True)
        fresh = np.ones(len(kind), bool)
        fresh[1:] = (user[1:] != user[:-1]) | (kind[1:] != kind[:-1])
        first = np.searchsorted(user, np.arange(len(nodes)))
        kinds = np.add.reduceat(np.where(fresh, _dice(len(names).bit_length())[index.ravel()], 0), first)
        count = np.diff(np.append(first, len(user)))
        alike: dict[tuple[int, int, int], list[int]] = {}
        keys = zip(flat.code[nodes].tolist(), flat.axis[nodes].tolist(), kinds.tolist(), strict=True)
        for row, key in enumerate(keys):
            alike.setdefault(key, []).append(row)
        for group in alike.values():
            rows = np.array(group)
            rows = rows[np.lexsort((nodes[rows], flat.origin[nodes[rows]]))]
            span = np.repeat(first[rows] - np.cumsum(count[rows]) + count[rows], count[rows])
            terms = span + np.arange(len(span))
            self._roll_group(nodes[rows], count[rows], kind[terms], role[terms], a[terms], b[terms])

    def _roll_group(
        self,
        members: NDArray[np.intp],
        count: NDArray[np.intp],
        kind: NDArray[np.intp],
        role: NDArray[np.intp],
        a: NDArray[np.intp],
        b: NDArray[np.intp],
    ) -> None:
        """Store a group and make its instructions, one for each pattern of how many terms of each kind there are."""
        circuit, op = self.circuit, self.circuit.op[members[0]]
        axis = circuit.axis[members[0]]
        kinds, index = np.unique(kind, return_inverse=True)
        row = np.repeat(np.arange(len(members)), count)
        pattern = np.zeros((len(members), len(kinds)), np.intp)
        np.add.at(pattern, (row, index.ravel()), 1)
        start = np.concatenate([[0], np.cumsum(count)])
        where_a, where_b = self.place[a], np.where(b >= 0, self.place[b], 0)
        first = start[0] + np.concatenate([[0], np.cumsum(pattern[0])[:-1]])
        types = [
            (int(role[t]), self.groups[self.number[a[t]]], self.groups[self.number[b[t]]] if b[t] >= 0 else None)
            for t in first
        ]
        own = self.gradient_place
        fixed = not axis and all(node in own for node in members.tolist())
        group = self._group(RESULT if axis else SHARED, axis, 0 if fixed else len(members))
        group.scope = _common_scope(circuit, members)
        group.backward = any(circuit.origin[node] != node for node in members.tolist())
        if fixed:
            self.place[members] = [own[node] for node in members.tolist()]
        else:
            self.place[members] = group.base + np.arange(len(members))
        self.number[members] = group.number
        group.size = len(members)
        alike: dict[tuple[int, ...], list[int]] = {}
        for k, counts in enumerate(map(tuple, pattern.tolist())):
            alike.setdefault(counts, []).append(k)
        for counts, rows in sorted(alike.items()):
            span = start[rows][:, None] + np.arange(sum(counts))
            cuts = np.concatenate([[0], np.cumsum(counts)])
            tables = [
                np.stack([where_a[span[:, i:j]], where_b[span[:, i:j]]], axis=2) for i, j in pairwise(cuts.tolist())
            ]
            self._emit(op, group, self.place[members[rows]], types, tables)

    def _copy_gradients(self) -> None:
        """Bring the gradients that were not computed in their own places there."""
        base = self.gradient_group.base
        elsewhere = [k for k, node in enumerate(self.gradients) if self.place[node] != base + k]
        for number in sorted({int(self.number[self.gradients[k]]) for k in elsewhere}):
            some = np.array([k for k in elsewhere if self.number[self.gradients[k]] == number], np.intp)
            where = self.place[[self.gradients[k] for k in some.tolist()]]
            table = np.stack([where, np.zeros_like(where)], axis=1)[:, None]
            self._emit("sum", self.gradient_group, base + some, [(0, self.groups[number], None)], [table])

    def _emit(
        self,
        op: str,
        group: Group,
        out: NDArray[np.intp],
        types: list[tuple[int, Group, Group | None]],
        tables: list[NDArray[np.intp]],
    ) -> None:
        """Add the instruction of rows `out`, or several where only stretches of it are affine."""
        kinds = [Kind(*kind, table.shape[1]) for kind, table in zip(types, tables, strict=True)]
        separable = all((t - t[:, :1] == t[0] - t[0, 0]).all() for t in tables)
        if not separable:
            for kind, table in zip(kinds, tables, strict=True):
                kind.full = table
            rows = out[:, None]
            self.instructions.append(Instruction(op, group, len(out), kinds, rows[0], None, rows))
            return
        rows = np.concatenate([out[:, None], *[table[:, 0] for table in tables]], axis=1)
        loops = fit(rows)
        if loops is None:
            length = affine_prefix(rows)
            if length >= STRETCH or (length >= 2 and 2 * length >= len(rows)):
                self._emit(op, group, out[:length], types, [table[:length] for table in tables])
                self._emit(op, group, out[length:], types, [table[length:] for table in tables])
                return
        for kind, table in zip(kinds, tables, strict=True):
            offsets = table[0] - table[0, 0]
            kind.loops = fit(offsets)
            if kind.loops is None:
                kind.table = offsets
        self.instructions.append(
            Instruction(op, group, len(out), kinds, rows[0], loops, None if loops is not None else rows)
        )


@cache
def _dice(bits: int) -> NDArray[np.int64]:
    """Return 2**bits random numbers, always the same, whose sums tell sets apart."""
    return np.random.default_rng(2).integers(1, 1 << 60, 1 << bits)


class Flat:
    """The live nodes of a circuit as arrays."""

    def __init__(self, circuit: Circuit, live: list[int]) -> None:
        self.axis = np.array(circuit.axis, np.intp)
        self.origin = np.array(circuit.origin, np.intp)
        names: dict[str, int] = {}
        self.code = np.array([names.setdefault(op, len(names)) for op in circuit.op], np.intp)
        nodes = [node for node in live if circuit.terms[node]]
        self.nodes = np.array(nodes, np.intp)
        terms = [circuit.terms[node] for node in nodes]
        count = np.fromiter(map(len, terms), np.intp, len(terms))
        self.first = np.zeros(len(circuit) + 1, np.intp)
        self.count = np.zeros(len(circuit), np.intp)
        self.count[self.nodes] = count
        self.first[self.nodes] = np.concatenate([[0], np.cumsum(count)])[:-1]
        table = np.array([term for row in terms for term in row], np.intp).reshape(-1, 3)
        self.role, self.a, self.b = table.T

        level = [0] * len(circuit)
        for node, row in zip(nodes, terms, strict=True):
            top = 0
            for _, a, b in row:
                if level[a] > top:
                    top = level[a]
                if b >= 0 and level[b] > top:
                    top = level[b]
            level[node] = top + 1
        self.level = np.array(level, np.intp)

    def levels(self) -> list[NDArray[np.intp]]:
        """Return the operations, level by level."""
        level = self.level[self.nodes]
        order = np.argsort(level, kind="stable")
        cuts = np.nonzero(np.diff(level[order]))[0] + 1
        return [part for part in np.split(self.nodes[order], cuts) if len(part)]

    def terms_of(self, nodes: NDArray[np.intp]) -> tuple[NDArray[np.intp], ...]:
        count = self.count[nodes]
        user = np.repeat(np.arange(len(nodes)), count)
        start = np.cumsum(count) - count
        span = self.first[nodes][user] + np.arange(len(user)) - start[user]
        return user, self.role[span], self.a[span], self.b[span]


def _common_scope(circuit: Circuit, members: NDArray[np.intp]) -> str:
    """Return the part of their scope that the origins of members have in common."""
    names = {circuit.scopes.get(circuit.origin[node], "") for node in members.tolist()}
    paths = [name.split("/") for name in names]
    common = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return "/".join(common)
