"""Repetition: a recurrence of a thousand steps is one loop, not a wall of code.

What rolling does to nodes is done once more, to instructions: a stretch of them that comes
again and again, with every place moved on by the same amount, becomes one loop around the
stretch. Before that, the terms that a sum takes from every step become one run of terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite.compiler.affine import Loop, affine_prefix, fit
from autograd_lite.compiler.roll import Instruction, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from autograd_lite.compiler.plan import Part, Step

LONGEST = 64
"""Instructions in a stretch, at most."""

FEWEST = 4
"""How often it has to come."""


@dataclass(slots=True)
class Stretch:
    """Parts that come `count` times; `moves[k]` is how far the columns of part k move each time, its sums last."""

    parts: list[Part]
    count: int
    moves: list[list[int]]


def places_of_sums(instructions: list[Instruction]) -> tuple[dict[Instruction, int], int]:
    """Return where, in vectors, each instruction that adds up over samples keeps its sums; and how many there are."""
    places, top = {}, 0
    for instruction in instructions:
        if instruction.reducing:
            places[instruction] = top
            top += instruction.count
    return places, top


def length_of(steps: list[Step], instructions: list[Instruction]) -> int:
    """Return how many parts there are to be written."""
    places, _ = places_of_sums(instructions)
    return sum(len(stretch.parts) for step in steps for stretch in stretches(step, places))


def stretches(step: Step, sums: dict[Instruction, int]) -> list[Stretch]:
    """Return the parts of a step as stretches; `sums` says where an instruction adds up over samples."""
    parts = step.parts
    shapes = [_shape(part) for part in parts]
    places = [np.append(part[0].base, sums.get(part[0], 0)) for part in parts]
    found, at = [], 0
    while at < len(parts):
        period, count = _best_period(shapes, places, at)
        block = parts[at : at + period]
        moves = [(places[at + period + k] - places[at + k]).tolist() if count > 1 else [] for k in range(period)]
        found.append(Stretch(block, count, moves))
        at += period * count
    return found


def _shape(part: Part) -> Any:
    """Return what two parts have in common where they differ in places alone; of its own for one with tables."""
    instruction, kinds = part
    if instruction.table is not None or any(k.full is not None or k.table is not None for k in instruction.kinds):
        return id(instruction)
    groups = [instruction.group, *[group for kind in instruction.kinds for group in (kind.a, kind.b)]]
    spaces = [group and (group.space, group.axis, group.crossing and group.number) for group in groups]
    terms = [(kind.role, kind.count, kind.loops) for kind in instruction.kinds]
    chosen = None if kinds is None else tuple(instruction.kinds.index(kind) for kind in kinds)
    return instruction.op, instruction.loops, tuple(spaces), tuple(terms), chosen


def _best_period(shapes: list[Any], places: list[NDArray[np.intp]], at: int) -> tuple[int, int]:
    best = (1, 1)
    for period in range(1, min(LONGEST, (len(shapes) - at) // FEWEST) + 1):
        if shapes[at] != shapes[at + period]:
            continue
        count, left = 1, (len(shapes) - at) // period
        while count < left and all(
            shapes[at + k] == shapes[at + count * period + k]
            and (
                places[at + count * period + k] - places[at + k] == count * (places[at + period + k] - places[at + k])
            ).all()
            for k in range(period)
        ):
            count += 1
        if count >= FEWEST and count * period > best[0] * best[1]:
            best = (period, count)
    return best


def join_terms(instruction: Instruction) -> None:
    """Make one kind of the kinds of a sum whose terms lie in step with one another."""
    if instruction.op != "sum" or len(instruction.kinds) < FEWEST or instruction.loops is None:
        return
    runs: list[list[int]] = []
    keys: list[Any] = []
    for k, kind in enumerate(instruction.kinds):
        strides = tuple((loop.strides[1 + 2 * k], loop.strides[2 + 2 * k]) for loop in instruction.loops)
        groups = [group and (group.space, group.axis, group.crossing and group.number) for group in (kind.a, kind.b)]
        keys.append((kind.role, kind.pass_, tuple(groups), strides) if kind.full is None else object())
    for k, key in enumerate(keys):
        same = next((run for run in runs if keys[run[0]] == key), None)
        if same is None:
            runs.append([k])
        else:
            same.append(k)
    kinds, columns = [], [0]
    for run in runs:
        for members, kind in _joined(instruction, run):
            kinds.append(kind)
            columns += [1 + 2 * members[0], 2 + 2 * members[0]]
    instruction.kinds, instruction.base = kinds, instruction.base[columns]
    instruction.loops = tuple(Loop(loop.extent, tuple(loop.strides[c] for c in columns)) for loop in instruction.loops)


def _joined(instruction: Instruction, run: list[int]) -> Iterator[tuple[list[int], Kind]]:
    """Yield stretches of a run whose places loops walk through, each with the kind that it becomes."""
    kinds = [instruction.kinds[k] for k in run]
    ends = np.cumsum([kind.count for kind in kinds])
    bases = [instruction.base[1 + 2 * k : 3 + 2 * k] for k in run]
    places = np.concatenate([base + kind.offsets() for base, kind in zip(bases, kinds, strict=True)])
    at = 0
    while at < len(run):
        first, done = kinds[at], int(ends[at]) - kinds[at].count
        until = max(at + 1, int(np.searchsorted(ends, done + affine_prefix(places[done:]), side="right")))
        stretch = places[done : ends[until - 1]]
        loops = fit(stretch - stretch[0])
        if until - at < FEWEST or loops is None or len(loops) > 3:
            yield run[at : at + 1], first
            at += 1
        else:
            yield run[at:until], Kind(first.role, first.a, first.b, len(stretch), loops, pass_=first.pass_)
            at = until
