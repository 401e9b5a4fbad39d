"""A tile: some rows of an instruction at once, each number loaded once, running sums in registers."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, TypeAlias

from autograd_lite.compiler.circuit import SYMMETRIC
from autograd_lite.compiler.plan import WIDTH
from autograd_lite.compiler.rows_llvm import apply_row
from autograd_lite.compiler.writer import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from autograd_lite.compiler.streams import Streams

Sides: TypeAlias = list[tuple[int, list[int], int]]
"""Of each loop over rows that a tile is cut from: how many rows, how far every stream moves, in how many lanes."""


class Tile:
    """Rows of an instruction, from `offsets` of its streams on, in vectors of `width`."""

    def __init__(self, streams: Streams, offsets: list[str], sides: Sides, width: int) -> None:
        self.streams, self.offsets, self.width = streams, offsets, width
        self.w, self.op = streams.emitter.w, streams.instruction.op
        places = list(product(*[range(count) for count, _, _ in sides]))
        self.shifts = [
            [sum(strides[q] * at * n for (_, strides, n), at in zip(sides, place, strict=True)) for place in places]
            for q in range(len(offsets))
        ]

    def compute(self, start: int | None) -> None:
        """Compute the rows and store them; `start` says that they go on from what is stored, in that width."""
        w, width = self.w, self.width
        out = [w.pointer("%memory", self.offsets[0], shift) for shift in self.shifts[0]]
        first = [] if start is None else [w.load(pointer, width) for pointer in out]
        if self.op == "sum":
            values = self._sum(first or [w.number(0.0, width)] * len(out))
        else:
            values = self._row(first)
        for value, pointer in zip(values, out, strict=True):
            w.store(value, pointer, width)

    def _load(self, q: int, offset: str, width: int) -> list[str]:
        """Return an operand for every row."""
        w, lane = self.w, self.streams.lane[q]
        found: dict[int, str] = {}
        for shift in self.shifts[q]:
            if shift not in found:
                pointer = w.pointer("%memory", offset, shift)
                found[shift] = w.load(pointer, width) if lane else w.splat(w.load(pointer, 1), width)
        return [found[shift] for shift in self.shifts[q]]

    def _row(self, first: list[str]) -> list[str]:
        w, op, width, kinds = self.w, self.op, self.width, self.streams.kinds
        if op not in SYMMETRIC:
            order = sorted(range(len(kinds)), key=lambda k: kinds[k].role)
            operands = [self._load(1 + 2 * k, self._first(k), width) for k in order]
            return [apply_row(w, op, width, list(xs)) for xs in zip(*operands, strict=True)]
        # The first operand twice: the largest of x, x, y, z.
        values = first or self._load(1, self._first(0), width)
        for k in range(len(kinds)):

            def further(a: str, _: str, now: list[str], k: int = k) -> list[str]:
                loaded = self._load(1 + 2 * k, a, width)
                return [apply_row(w, op, width, [x, y]) for x, y in zip(now, loaded, strict=True)]

            values = self._over_terms(k, self.offsets, further, values, width)
        return values

    def _sum(self, values: list[str]) -> list[str]:
        for k in range(len(self.streams.kinds)):
            loops = self.streams.terms[k].loops
            if self.streams.lanes_are_terms and loops and loops[-1][0] >= WIDTH and is_unit(loops[-1][1:]):
                values = self._sum_in_lanes(k, values)
            else:
                values = self._add_products(k, self.offsets, values, self.width)
        return values

    def _sum_in_lanes(self, k: int, values: list[str]) -> list[str]:
        """Add up terms eight at a time, then the rest one by one."""
        w, streams, terms = self.w, self.streams, self.streams.terms[k]
        *outer, (extent, step_a, step_b) = terms.loops
        whole, rest = divmod(extent, WIDTH)
        lane, streams.lane = streams.lane, list(streams.lane)
        streams.lane[1 + 2 * k], streams.lane[2 + 2 * k] = step_a, step_b
        terms.loops = [*outer, (whole, step_a * WIDTH, step_b * WIDTH)]
        lanes = self._add_products(k, self.offsets, [w.number(0.0, WIDTH)] * len(values), WIDTH)
        streams.lane = lane
        values = [
            w.let(f"fadd double {value}, {w.sum_of_lanes(total)}") for value, total in zip(values, lanes, strict=True)
        ]
        if rest:
            terms.loops = [*outer, (rest, step_a, step_b)]
            moved = list(self.offsets)
            for q, step in ((1 + 2 * k, step_a), (2 + 2 * k, step_b)):
                moved[q] = w.add(moved[q], whole * WIDTH * step)
            values = self._add_products(k, moved, values, 1)
        terms.loops = [*outer, (extent, step_a, step_b)]
        return values

    def _add_products(self, k: int, offsets: list[str], values: list[str], width: int) -> list[str]:
        """Return values ± a·b, or values ± a, over all terms of a kind, for every row."""
        w, kind, number = self.w, self.streams.kinds[k], kind_of(width)

        def further(place_a: str, place_b: str, now: list[str]) -> list[str]:
            a = self._load(1 + 2 * k, place_a, width)
            if kind.b is None:
                op = "fsub" if kind.role else "fadd"
                return [w.let(f"{op} {number} {x}, {y}") for x, y in zip(now, a, strict=True)]
            b = self._load(2 + 2 * k, place_b, width)
            if kind.role:
                a = [w.let(f"fneg {number} {x}") for x in a]
            return [w.fma(x, y, z, width) for x, y, z in zip(a, b, now, strict=True)]

        return self._over_terms(k, offsets, further, values, width)

    # ---- terms

    def _first(self, k: int) -> str:
        """Return where the first operand of a kind lies."""
        streams = self.streams
        if not streams.full:
            return self.offsets[1 + 2 * k]
        return self._listed(k, self.w.mul(streams.row, streams.kinds[k].count), self.offsets)[0]

    def _listed(self, k: int, index: str, offsets: list[str]) -> tuple[str, str]:
        w, terms, entry = self.w, self.streams.terms[k], self.streams.emitter.entry
        a = w.add(offsets[1 + 2 * k], entry(w.add(index, terms.table)))
        if self.streams.kinds[k].b is None:
            return a, "0"
        return a, w.add(offsets[2 + 2 * k], entry(w.add(index, terms.table + terms.length)))

    def _over_terms(
        self,
        k: int,
        offsets: list[str],
        further: Callable[[str, str, list[str]], list[str]],
        values: list[str],
        width: int,
    ) -> list[str]:
        """Carry values through `further(place of a, place of b, values)` for all terms of a kind."""
        w, streams, terms, kind = self.w, self.streams, self.streams.terms[k], kind_of(width)

        def nest(level: int, a: str, b: str, now: list[str]) -> list[str]:
            if level == len(terms.loops):
                return further(a, b, now)
            extent, step_a, step_b = terms.loops[level]
            return w.loop(
                extent,
                lambda i, inner: nest(level + 1, w.add(a, w.mul(i, step_a)), w.add(b, w.mul(i, step_b)), inner),
                [(kind, value) for value in now],
            )

        if terms.table < 0:
            return nest(0, offsets[1 + 2 * k], offsets[2 + 2 * k], values)
        count = streams.kinds[k].count
        start = w.mul(streams.row, count) if streams.full else "0"

        def listed(t: str, now: list[str]) -> list[str]:
            return further(*self._listed(k, w.add(start, t), offsets), now)

        return w.loop(count, listed, [(kind, value) for value in values])


def is_unit(strides: Sequence[int]) -> bool:
    """Whether neighbouring lanes are neighbours in memory, or one number for all."""
    return all(stride in (0, 1) for stride in strides)
