"""Streams: the places an instruction writes and reads, as offsets that move with its loops.

Out, and the two operands of every kind of terms, are a stream each: a base, a stride for every
loop over rows, and what one lane means to it. Here the affine maps of rolling meet the layout
of memory; code is emitted from what comes out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autograd_lite.compiler.plan import WIDTH
from autograd_lite.compiler.repeat import places_of_sums
from autograd_lite.compiler.roll import DATA
from autograd_lite.compiler.rows_llvm import CALLED

if TYPE_CHECKING:
    from autograd_lite.compiler.build import Lowered
    from autograd_lite.compiler.emit_llvm import Emitter
    from autograd_lite.compiler.roll import Group, Instruction, Kind

SHARES, BLOCKS_OF_SHARE = 8, 4
"""How many shares there are of the blocks of an axis, at most, and how many blocks in one, at least.

A share has sums of its own to clear and to add up, which takes as long as a tenth of a block.
"""

LONG_ROW, WORTHWHILE = 30, 100_000
"""A tanh takes as long as so many products. From how many of these a step, some five microseconds, threads are put
to it: to start together and to wait for one another takes them one."""


@dataclass(slots=True)
class Layout:
    """Where things lie in the one array of doubles: first index per axis, and of each group that crosses passes.

    The blocks of an axis are divided into `shares`. Each has sums of its own, in the making a vector
    each (`sums`), then numbers (`totals`). Each of the `threads` has a block's results of its own.
    """

    threads: int
    shares: int
    sums: int
    sums_of_share: int
    totals: int
    totals_of_share: int
    results: dict[int, int]
    results_of_thread: int
    crossing: dict[int, int]
    data: dict[int, int]
    size: int


def lay_out(lowered: Lowered, blocks: dict[int, int], threads: int) -> Layout:
    """Return the layout: shared numbers, sums, results of a block, those kept, data."""
    rolled, lanes = lowered.rolled, lowered.plan.lanes
    shares = shares_of(max(blocks.values(), default=0))
    # The lanes of eight sums are added up at once, from any place on: there may be seven too many.
    rows = _whole(places_of_sums(rolled.instructions)[1] + WIDTH - 1)
    sums = _whole(rolled.shared)
    totals = sums + shares * rows * WIDTH
    top = totals + shares * rows
    start = top
    results, crossing, data = {}, {}, {}
    for axis in lanes:
        results[axis] = top
        top += rolled.results.get(axis, 0) * lanes[axis]
    results_of_thread = top - start
    top += (threads - 1) * results_of_thread
    kept = [group for group in rolled.groups if group.crossing]
    for group in kept:
        crossing[group.number] = top
        top += group.size * lanes[group.axis] * blocks[group.axis]
    for axis, columns in lowered.columns.items():
        data[axis] = top
        top += columns * lanes[axis] * blocks[axis]
    return Layout(threads, shares, sums, rows * WIDTH, totals, rows, results, results_of_thread, crossing, data, top)


def shares_of(blocks: int) -> int:
    """Return how many shares there are of so many blocks: a power of two, as the cores of most machines."""
    shares = 1
    while shares < SHARES and 2 * shares * BLOCKS_OF_SHARE <= blocks:
        shares *= 2
    return shares


def threads_for(lowered: Lowered, blocks: dict[int, int], threads: int) -> tuple[int, str]:
    """Return how many of the threads that were asked for have something to do, and why not all of them."""
    if not blocks:
        return 1, "there are no samples to share"
    most = max(blocks.values())
    shares = shares_of(most)
    if shares == 1:
        return 1, f"{most} block{'s' * (most > 1)} of samples cannot be shared, {2 * BLOCKS_OF_SHARE} can"
    products = _products_of_samples(lowered)
    if products < WORTHWHILE:
        return 1, f"{products:,} products a step are too few to share, {WORTHWHILE:,} are enough"
    return min(threads, shares), f"{most} blocks of samples make {shares} shares"


def _products_of_samples(lowered: Lowered) -> int:
    """Return how many products all instructions of all samples add up; a long row counts as many as take its time."""
    products = 0
    for step in lowered.plan.steps:
        for instruction, kinds in step.parts if step.axis else ():
            height = LONG_ROW if instruction.op in CALLED else sum(kind.count for kind in kinds or instruction.kinds)
            products += height * instruction.count * len(lowered.samples[step.axis])
    return products


def _whole(count: int) -> int:
    return -(-count // WIDTH) * WIDTH


@dataclass(slots=True)
class Dim:
    """One loop over rows: how far each stream moves, how many rows are done at once, and in how many lanes."""

    extent: int
    strides: list[int]
    tile: int = 1
    lanes: int = 1


@dataclass(slots=True)
class Terms:
    """The terms of a kind as loops (extent, stride of a, stride of b), or as a table of offsets."""

    kind: Kind
    loops: list[tuple[int, int, int]]
    table: int = -1
    length: int = 0


class Streams:
    """Out, and a and b of every kind: where each starts, and how it moves from row to row and lane to lane."""

    def __init__(self, emitter: Emitter, instruction: Instruction, kinds: list[Kind]) -> None:
        self.emitter, self.instruction, self.kinds = emitter, instruction, kinds
        self.row = "0"
        self.lanes_are_terms = False
        chosen = [instruction.kinds.index(kind) for kind in kinds]
        self.columns = [0, *[1 + 2 * k + side for k in chosen for side in (0, 1)]]
        groups: list[Group | None] = [instruction.group]
        for kind in kinds:
            groups += [kind.a, kind.b]
        self.bases: list[tuple[str, int]] = []
        self.unit: list[int] = []
        self.lane: list[int] = []
        for group in groups:
            base, unit = self._base(group)
            self.bases.append(base)
            self.unit.append(unit)
            self.lane.append(1 if group is not None and group.axis else 0)
        self.full = any(kind.full is not None for kind in instruction.kinds)
        self.listed = [True] * len(self.columns)
        self.own, self.own_unit = -1, WIDTH
        self.table = -1
        if instruction.table is not None:
            self._list_rows()
        self.terms = [self._terms(k, kind) for k, kind in enumerate(kinds)]

    def _base(self, group: Group | None) -> tuple[tuple[str, int], int]:
        """Return the address of place 0 of a group's space, as something known at run time and a constant."""
        e = self.emitter
        if group is None or not group.axis:
            return ("0", 0), 1
        lanes, layout = e.lowered.plan.lanes[group.axis], e.layout
        if group.space == DATA:
            columns = e.lowered.columns[group.axis]
            return (e.w.mul(e.block, columns * lanes), layout.data[group.axis]), lanes
        if group.crossing:
            start = layout.crossing[group.number] - group.base * lanes
            return (e.w.mul(e.block, group.size * lanes), start), lanes
        return (e.scratch(), layout.results[group.axis]), lanes

    def _list_rows(self) -> None:
        rows = self.instruction.table
        assert rows is not None
        columns = [
            rows[:, c] * u if c < rows.shape[1] else np.zeros(len(rows), np.intp)
            for c, u in zip(self.columns, self.unit, strict=True)
        ]
        self.listed = [c < rows.shape[1] for c in self.columns]
        self.table = self.emitter.add_table(np.concatenate(columns))

    def into_sums(self, share: str, start: int) -> None:
        """Let rows go to the sums in the making, one vector after the other."""
        self.bases[0], self.lane[0] = (share, start), 1
        self.own = 0

    def from_own(self, start: int, unit: int) -> None:
        """Let rows come from the totals of the first share, or from its sums in the making, as one more stream."""
        self.bases.append(("0", start))
        self.unit.append(1)
        self.lane.append(0)
        self.columns.append(0)
        self.listed.append(True)
        self.own, self.own_unit = len(self.columns) - 1, unit

    def start(self) -> list[tuple[str, int]]:
        """Return where row 0 of every stream lies (of a listed stream: its base)."""
        found, w = [], self.emitter.w
        for q, ((base, constant), column, unit) in enumerate(zip(self.bases, self.columns, self.unit, strict=True)):
            if q == self.own:
                offset = 0
                base = w.add(base, w.mul(self.row, self.own_unit)) if self.table >= 0 else base
            elif self.table >= 0 or column >= len(self.instruction.base):
                offset = 0
            else:
                offset = int(self.instruction.base[column]) * unit
            if self.emitter.moving is not None and (q == self.own or column < len(self.instruction.base)):
                time, moves = self.emitter.moving
                move = moves[-1] * self.own_unit if q == self.own else moves[column] * unit
                base = w.add(base, w.mul(time, move))
            found.append((base, constant + offset))
        return found

    def dims(self) -> list[Dim]:
        """Return the loops over rows; a table has one of its own around them."""
        if self.own >= 0:
            self.listed[self.own] = False
        if self.instruction.loops is None:
            return []
        dims, below = [], self.own_unit * self.instruction.count
        for extent, strides in self.instruction.loops:
            below //= extent
            moves = [
                below if q == self.own else (strides[column] * unit if column < len(strides) else 0)
                for q, (column, unit) in enumerate(zip(self.columns, self.unit, strict=True))
            ]
            dims.append(Dim(extent, moves))
        return dims

    def _terms(self, k: int, kind: Kind) -> Terms:
        a, b = self.unit[1 + 2 * k], self.unit[2 + 2 * k]
        offsets = kind.full if kind.full is not None else kind.table
        if offsets is not None:
            table = self.emitter.add_table(np.concatenate([offsets[..., 0].ravel() * a, offsets[..., 1].ravel() * b]))
            return Terms(kind, [], table, offsets[..., 0].size)
        assert kind.loops is not None
        b = 0 if kind.b is None else b
        return Terms(kind, [(loop.extent, loop.strides[0] * a, loop.strides[1] * b) for loop in kind.loops])
