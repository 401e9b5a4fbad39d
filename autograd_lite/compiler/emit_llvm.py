"""Instructions as loops of LLVM, the vectors written out.

Samples are the lanes of vectors. A block of samples goes through all instructions of a pass
before the next one comes; sums over the samples are kept lane by lane and added up at the
end. Where there is no batch, lanes are neighbouring rows, or neighbouring terms of a sum.
"""

from __future__ import annotations

from functools import partial, reduce
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite.compiler.plan import WIDTH
from autograd_lite.compiler.repeat import Stretch, places_of_sums, stretches
from autograd_lite.compiler.rows_llvm import apply_row
from autograd_lite.compiler.streams import Dim, Layout, Streams
from autograd_lite.compiler.team import write_together
from autograd_lite.compiler.tile import Sides, Tile, is_unit
from autograd_lite.compiler.writer import Module, Writer, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from autograd_lite.compiler.build import Lowered
    from autograd_lite.compiler.roll import Instruction, Kind

NEUTRAL = {"max": -inf, "min": inf}
"""What a maximum in the making begins with."""

LONG = 3
"""From how many products in a row on it pays to keep a tile of running sums."""


class Emitter:
    """Writes `evaluate(memory, tables, blocks, team)` for a program."""

    def __init__(self, lowered: Lowered, layout: Layout) -> None:
        self.lowered, self.layout = lowered, layout
        self.module = Module()
        self.w = Writer(self.module, "void @evaluate(ptr %memory, ptr %tables, ptr %blocks, ptr %team)")
        self.tables: list[NDArray[np.int32]] = []
        self.table_size = 0
        self.places, self.vectors = places_of_sums(lowered.rolled.instructions)
        self.share = self.thread = self.block = "0"
        self.moving: tuple[str, list[int]] | None = None
        """In a repeated stretch: which time it is, and how far the columns of the instruction move each time."""
        self.lanes = 0

    def emit(self) -> tuple[Module, NDArray[np.int32]]:
        """Return the module, and the tables its code needs."""
        steps = self.lowered.plan.steps
        last = {instruction: k for k, step in enumerate(steps) if step.axis for instruction, _ in step.parts}
        is_first = True
        for k, step in enumerate(steps):
            found = stretches(step, self.places)
            if not step.axis:
                self._run(found, self._phase)
                continue
            complete = [i for i in self.places if last[i] == k and i.op == "sum"]
            write = partial(self._pass, step.axis, found, complete, is_first)
            if self.layout.shares == 1:
                write()
            else:
                self._divide(f"pass{k}", write)
            is_first = False
        self.w.do("ret void")
        self.module.add("evaluate", self.w)
        tables = np.concatenate([*self.tables, np.zeros(1, np.int32)])
        return self.module, tables

    def _run(self, found: list[Stretch], emit: Callable[[Instruction, list[Kind] | None], None]) -> None:
        for stretch in found:

            def once(time: str, _: list[str], stretch: Stretch = stretch) -> list[str]:
                for (instruction, kinds), moves in zip(stretch.parts, stretch.moves, strict=True):
                    self.moving = (time, moves) if moves else None
                    emit(instruction, kinds)
                self.moving = None
                return []

            self.w.loop(stretch.count, once)

    def _divide(self, name: str, write: Callable[[], None]) -> None:
        """Make a pass a function of the share and the thread; call it for every share, or let the team do so."""
        outer, signature = self.w, f"void @{name}(ptr %memory, ptr %tables, ptr %blocks, i64 %share, i64 %thread)"
        self.w = Writer(self.module, f"internal {signature}")
        self.share, self.thread = "%share", "%thread"
        write()
        self.w.do("ret void")
        self.module.add(name, self.w)
        self.w, self.share, self.thread = outer, "0", "0"
        if self.layout.threads > 1:
            write_together(outer, "%team", f"ptr @{name}, ptr %memory, ptr %tables, ptr %blocks")
            return

        def one(share: str, _: list[str]) -> list[str]:
            outer.do(f"call void @{name}(ptr %memory, ptr %tables, ptr %blocks, i64 {share}, i64 0)")
            return []

        outer.loop(self.layout.shares, one)

    def _pass(self, axis: int, found: list[Stretch], complete: list[Instruction], is_first: bool) -> None:
        """Write the blocks of a share; `complete` are the instructions whose sums are, after it."""
        w, shares = self.w, self.layout.shares
        self.lanes = self.lowered.plan.lanes[axis]
        count = w.fresh(f"load i64, ptr {w.let(f'getelementptr i64, ptr %blocks, i64 {axis - 1}')}")
        first = "0"
        if shares > 1:
            first, end = (
                w.let(f"udiv i64 {w.mul(count, share)}, {shares}") for share in (self.share, w.add(self.share, 1))
            )
            count = w.let(f"sub i64 {end}, {first}")
        if is_first:
            self._clear()

        def body(k: str, _: list[str]) -> list[str]:
            self.block = w.add(first, k)
            self._run(found, lambda i, kinds: self._for_samples(i) if kinds is None else self._add_up(i, kinds))
            self.block = "0"
            return []

        w.loop(count, body)
        if complete:
            places = [self.places[i] for i in complete]
            self._total(min(places), max(p + i.count for p, i in zip(places, complete, strict=True)))

    def scratch(self) -> str:
        """Return how far the results of this thread lie behind those of the first."""
        return self.w.mul(self.thread, self.layout.results_of_thread)

    def _sums(self) -> str:
        """Return how far the sums of this share lie behind those of the first."""
        return self.w.mul(self.share, self.layout.sums_of_share)

    def _clear(self) -> None:
        self._fill(0, self.vectors, 0.0)
        for instruction, place in self.places.items():
            if instruction.op != "sum":
                self._fill(place, instruction.count, NEUTRAL[instruction.op])

    def _fill(self, first: int, vectors: int, number: float) -> None:
        w, start = self.w, self.layout.sums + first * WIDTH
        value, share = w.number(number, WIDTH), self._sums()

        def body(i: str, _: list[str]) -> tuple[str, ...]:
            w.store(value, w.pointer("%memory", w.add(share, w.mul(i, WIDTH)), start), WIDTH)
            return ()

        w.loop(vectors, body)

    def _total(self, first: int, end: int) -> None:
        """Add up the lanes of sums, eight of them at once; maxima, and sums that go on, may be among them, unused."""
        w, layout, sums = self.w, self.layout, self._sums()
        totals = w.mul(self.share, layout.totals_of_share)

        def eight(i: str, _: list[str]) -> tuple[str, ...]:
            at = w.add(sums, w.mul(i, WIDTH * WIDTH))
            vectors = [w.load(w.pointer("%memory", at, layout.sums + (first + k) * WIDTH), WIDTH) for k in range(WIDTH)]
            place = w.add(totals, w.mul(i, WIDTH))
            w.store(w.sums_of_lanes(vectors), w.pointer("%memory", place, layout.totals + first), WIDTH)
            return ()

        w.loop(-(-(end - first) // WIDTH), eight)

    # ---- the three ways an instruction runs

    def _for_samples(self, instruction: Instruction) -> None:
        """One number per row and sample: the lanes are samples."""
        streams = Streams(self, instruction, instruction.kinds)
        vectors = self.lanes // WIDTH
        long = _is_long(instruction.op, instruction.kinds)
        wide = min(4 if long else 2, vectors)
        dims = streams.dims()
        if long and dims:
            dims[-1].tile = min(dims[-1].extent, {4: 4, 3: 5}.get(wide, 8))
        dims.append(Dim(self.lanes, streams.lane, wide, WIDTH))
        self._rows(streams, dims, lambda offsets, sides, width: Tile(streams, offsets, sides, width).compute(None))

    def _add_up(self, instruction: Instruction, kinds: list[Kind]) -> None:
        """A sum over the samples: the lanes are samples, and so are the terms."""
        streams = Streams(self, instruction, kinds)
        streams.into_sums(self._sums(), self.layout.sums + WIDTH * self.places[instruction])
        dims = streams.dims()
        for dim in [dim for dim in dims if dim.extent > 1][-2:]:
            dim.tile = min(dim.extent, 4)
        for k, terms in enumerate(streams.terms):
            a, b = streams.lane[1 + 2 * k], streams.lane[2 + 2 * k]
            terms.loops.append((self.lanes // WIDTH, a * WIDTH, b * WIDTH))
        self._rows(streams, dims, lambda offsets, sides, _: Tile(streams, offsets, sides, WIDTH).compute(WIDTH))

    def _phase(self, instruction: Instruction, kinds: list[Kind] | None) -> None:
        """One number for all samples: the lanes are rows, or terms, or there are none."""
        start = None
        if kinds is not None:
            self._finish(instruction)
            start = 1
            if not kinds:
                return
        streams = Streams(self, instruction, instruction.kinds if kinds is None else kinds)
        dims = streams.dims()
        long = _is_long(instruction.op, streams.kinds)
        row_dim = next((d for d in dims[::-1] if d.extent >= WIDTH and d.strides[0] == 1 and is_unit(d.strides)), None)
        if row_dim is not None and not streams.full:
            row_dim.lanes = WIDTH
            streams.lane = row_dim.strides
            if long:
                row_dim.tile = 2 if row_dim.extent >= 2 * WIDTH else 1
                others = [dim for dim in dims if dim is not row_dim and dim.extent > 1]
                if others:
                    others[-1].tile = min(others[-1].extent, 4)
        elif long and not streams.full:
            streams.lanes_are_terms = True
            for dim, tile in zip([dim for dim in dims if dim.extent > 1][:-3:-1], (4, 2), strict=False):
                dim.tile = min(dim.extent, tile)
        self._rows(streams, dims, lambda offsets, sides, width: Tile(streams, offsets, sides, width).compute(start))

    def _finish(self, instruction: Instruction) -> None:
        """Add up the totals of the shares, in order, to where each row lies; of a maximum the lanes as well."""
        streams = Streams(self, instruction, [])
        w, op, layout, place = self.w, instruction.op, self.layout, self.places[instruction]
        if op == "sum":
            streams.from_own(layout.totals + place, 1)
        else:
            streams.from_own(layout.sums + place * WIDTH, WIDTH)

        def of_shares(offset: str, size: int, width: int) -> list[str]:
            return [w.load(w.pointer("%memory", offset, share * size), width) for share in range(layout.shares)]

        def some(offsets: list[str], sides: Sides, width: int) -> None:
            if op == "sum":
                totals = of_shares(offsets[1], layout.totals_of_share, width)
                total = reduce(lambda x, y: w.let(f"fadd {kind_of(width)} {x}, {y}"), totals)
            else:
                vector = reduce(
                    lambda x, y: apply_row(w, op, WIDTH, [x, y]), of_shares(offsets[1], layout.sums_of_share, WIDTH)
                )
                lanes = [w.let(f"extractelement {kind_of(WIDTH)} {vector}, i32 {k}") for k in range(WIDTH)]
                total = reduce(lambda x, y: apply_row(w, op, 1, [x, y]), lanes)
            w.store(total, w.pointer("%memory", offsets[0]), width)

        dims = streams.dims()
        if op == "sum" and dims and dims[-1].strides[0] == 1:
            dims[-1].lanes = WIDTH
        self._rows(streams, dims, some)

    # ---- rows

    def _rows(self, streams: Streams, dims: list[Dim], leaf: Callable[[list[str], Sides, int], None]) -> None:
        """Write the nest of loops over rows, whole tiles first, then what is left over."""
        w = self.w

        def nest(level: int, offsets: list[str], sides: Sides, width: int) -> None:
            if level == len(dims):
                leaf(offsets, sides, width)
                return
            dim = dims[level]
            for start, count, tile, lanes in _segments(dim):

                def body(i: str, _: list[str], start: int = start, tile: int = tile, lanes: int = lanes) -> list[str]:
                    moved = [
                        w.add(w.add(offset, w.mul(i, stride * tile * lanes)), stride * start)
                        for offset, stride in zip(offsets, dim.strides, strict=True)
                    ]
                    here = [*sides, (tile, dim.strides, lanes)] if tile > 1 or lanes > 1 else sides
                    nest(level + 1, moved, here, max(width, lanes))
                    return []

                w.loop(count, body)

        if streams.table < 0:
            nest(0, [w.add(base, constant) for base, constant in streams.start()], [], 1)
            return

        def row(r: str, _: list[str]) -> list[str]:
            streams.row = r
            count = streams.instruction.count
            entries = [
                self.entry(w.add(r, streams.table + q * count)) if streams.listed[q] else "0"
                for q in range(len(streams.listed))
            ]
            offsets = [
                w.add(w.add(base, constant), entry)
                for (base, constant), entry in zip(streams.start(), entries, strict=True)
            ]
            nest(0, offsets, [], 1)
            return []

        w.loop(streams.instruction.count, row)

    def entry(self, index: str) -> str:
        """Load an offset from the tables."""
        w = self.w
        place = w.let(f"getelementptr i32, ptr %tables, i64 {index}")
        return w.let(f"sext i32 {w.fresh(f'load i32, ptr {place}')} to i64")

    def add_table(self, numbers: NDArray[Any]) -> int:
        """Keep offsets for the code; return the index of the first."""
        start = self.table_size
        self.tables.append(np.ascontiguousarray(numbers, np.int32).ravel())
        self.table_size += self.tables[-1].size
        return start


def _is_long(op: str, kinds: Sequence[Kind]) -> bool:
    return op == "sum" and any(kind.count >= LONG and kind.b is not None for kind in kinds)


def _segments(dim: Dim) -> list[tuple[int, int, int, int]]:
    """Return (start, how often, tile, lanes) that cover a loop: whole tiles, then smaller ones."""
    found, start = [], 0
    for tile, lanes in ((dim.tile, dim.lanes), (1, dim.lanes)):
        count = (dim.extent - start) // (tile * lanes)
        if count:
            found.append((start, count, tile, lanes))
            start += count * tile * lanes
    left = dim.extent - start
    if left and dim.lanes > 1:
        found.append((start, left, 1, 1))
    return found
