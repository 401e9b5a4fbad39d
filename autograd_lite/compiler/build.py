"""From a source to code: the stages in order, and the ladder of fallbacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from autograd_lite.compiler.adjoint import add_gradients
from autograd_lite.compiler.batch import Batched, find_batch, whole
from autograd_lite.compiler.circuit import Circuit, Uncompilable
from autograd_lite.compiler.forms import spell_out
from autograd_lite.compiler.normal import normalise
from autograd_lite.compiler.plan import Plan, make_plan
from autograd_lite.compiler.roll import RESULT, Rolled, roll
from autograd_lite.compiler.source import ExampleSource, Source
from autograd_lite.primitives import ROWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autograd_lite.compiler.tape import Tape


@dataclass(slots=True)
class Lowered:
    """A program down to its instructions, before there is code.

    `samples[axis]` are the data of an axis, one row per sample, without the weight, which is the
    last column.
    """

    circuit: Circuit
    roots: list[int]
    rolled: Rolled
    plan: Plan
    samples: dict[int, NDArray[np.float64]]
    recorded: int
    notes: list[str] = field(default_factory=list)

    @property
    def columns(self) -> dict[int, int]:
        return {axis: data.shape[1] + 1 for axis, data in self.samples.items()}


def lower(source: Source, gradient: bool) -> Lowered:
    """Return the instructions of a source; raise Uncompilable where there are none."""
    tape = source.record()
    notes: list[str] = []
    batched, samples = _samples(source, tape, notes)
    circuit, roots, count = batched.circuit, batched.roots, len(source.parameters)
    rows = {**ROWS, **{name: row for name, row in tape.rows.items() if name not in ROWS}}
    for name, row in tape.rows.items():
        if not row.reserved:
            raise Uncompilable(f"the row {name!r} is not one of the table's and has no array form")
    slopes = add_gradients(circuit, roots[0], count, rows) if gradient else []
    circuit, nodes = spell_out(circuit, [*roots, *slopes], rows)
    roots, slopes = nodes[: len(roots)], nodes[len(roots) :]
    inputs = 0 if isinstance(source, ExampleSource) else len(source.inputs)
    rolled = roll(circuit, roots, slopes, count, inputs)
    plan = make_plan(rolled, {axis: len(data) for axis, data in samples.items()})
    for root in roots:  # what is wanted of every sample is kept for every sample
        group = rolled.group_of[root]
        if group is not None and group.space == RESULT:
            group.crossing = True
    return Lowered(circuit, roots, rolled, plan, samples, len(tape.code), notes)


def _samples(source: Source, tape: Tape, notes: list[str]) -> tuple[Batched, dict[int, NDArray[np.float64]]]:
    """Return the circuit of one sample, and the data of the samples."""
    normal = normalise(tape)
    if isinstance(source, ExampleSource):
        batched = whole(normal, batched_inputs=True)
        weight = batched.circuit.column(1, len(source.inputs))
        if source.gradient:
            terms = [(0, batched.roots[0], weight), *[(0, root, -1) for root in batched.roots[1:]]]
            batched.roots = [batched.circuit.total(terms, 0)]
        return batched, {1: np.zeros((len(source.arrays[0]), len(source.inputs)))}
    found = find_batch(normal)
    if isinstance(found, str):
        notes.append(f"no batch: {found}")
        return whole(normal), {}
    return found, {axis: np.ascontiguousarray(data[:-1].T) for axis, data in enumerate(found.columns, 1)}
