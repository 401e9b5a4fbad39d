"""The plan: what is computed when, and where numbers lie.

Phase 0 is everything that needs no sample. Pass 0 goes over the samples in blocks, all
instructions for one block before the next, so that a block stays in the cache from its data
to its gradients. Phase 1 finishes the sums over the samples; if samples need what it finds
(the root of a mean, a batch statistic), pass 1 goes over them again, and so on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING

from autograd_lite.compiler.roll import RESULT

if TYPE_CHECKING:
    from typing import TypeAlias

    from autograd_lite.compiler.roll import Instruction, Kind, Rolled

    Part: TypeAlias = tuple[Instruction, list[Kind] | None]

WIDTH = 8
"""Numbers in a vector: 8 doubles fill 512 bits; two registers stand for one where there are 256."""

BLOCK = 128
"""Samples in a block, at most: what they need lies in the first cache levels."""


@dataclass(slots=True)
class Step:
    """A phase (axis 0), or a pass over the samples of an axis; `parts` of instructions in order.

    A part is an instruction with the kinds to add up, None for all: a sum over the samples has a
    part in a pass, and one in the phase that finishes it.
    """

    axis: int
    parts: list[Part] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """The steps in order; `lanes[axis]` samples are a block."""

    steps: list[Step]
    lanes: dict[int, int]


def make_plan(rolled: Rolled, samples: dict[int, int]) -> Plan:
    """Return when to do what; `samples` says how many each axis has."""
    phases: dict[tuple[int, int], list[tuple[Instruction, list[Kind] | None]]] = {}

    def add(when: int, axis: int, instruction: Instruction, kinds: list[Kind] | None) -> None:
        phases.setdefault((when, axis), []).append((instruction, kinds))

    for instruction in rolled.instructions:
        group = instruction.group
        for kind in instruction.kinds:
            kind.pass_ = _ready(kind)
        if instruction.axis:
            when = max(kind.pass_ for kind in instruction.kinds)
            add(when, instruction.axis, instruction, None)
        else:
            when = 0
            reducing = instruction.reducing
            for kind in instruction.kinds:
                when = max(when, kind.pass_ + (kind in reducing))
            for axis, pass_ in sorted({(kind.axis, kind.pass_) for kind in reducing}):
                some = [kind for kind in reducing if (kind.axis, kind.pass_) == (axis, pass_)]
                add(pass_, axis, instruction, some)
                _mark_crossing(some, pass_)
            add(when, 0, instruction, [k for k in instruction.kinds if k not in reducing] if reducing else None)
        if instruction.axis:
            _mark_crossing(instruction.kinds, when)
        group.ready = max(group.ready, when)
    steps = [Step(axis, parts) for (_, axis), parts in sorted(phases.items(), key=lambda item: item[0])]
    return Plan(steps, {axis: lanes_for(count) for axis, count in samples.items()})


def _ready(kind: Kind) -> int:
    return max(kind.a.ready, kind.b.ready if kind.b else 0)


def _mark_crossing(kinds: list[Kind], pass_: int) -> None:
    for kind in kinds:
        for group in (kind.a, kind.b):
            if group is not None and group.space == RESULT and group.ready < pass_:
                group.crossing = True


def lanes_for(samples: int) -> int:
    """Return the size of a block: blocks are equal, whole vectors, and as few as there may be."""
    blocks = max(1, ceil(samples / BLOCK))
    return ceil(samples / blocks / WIDTH) * WIDTH
