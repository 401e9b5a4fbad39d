"""From a source to code: the stages in order, and the ladder of fallbacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from autograd_lite.compiler.adjoint import add_gradients
from autograd_lite.compiler.batch import Batched, find_batch, whole
from autograd_lite.compiler.circuit import Circuit
from autograd_lite.compiler.forms import spell_out
from autograd_lite.compiler.guards import poisoned
from autograd_lite.compiler.normal import normalise
from autograd_lite.compiler.plan import Plan, make_plan
from autograd_lite.compiler.repeat import join_terms, length_of
from autograd_lite.compiler.roll import RESULT, Flat, Rolled, TooLong, roll
from autograd_lite.compiler.source import ExampleSource, Source
from autograd_lite.compiler.tape import Tape, paused_collector
from autograd_lite.compiler.vm import Records, tabulate
from autograd_lite.errors import Uncompilable
from autograd_lite.primitives import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from numpy.typing import NDArray

    from autograd_lite.compiler.normal import Normal

    Samples: TypeAlias = NDArray[np.float64]

BUDGET = 400
"""Instructions that are worth compiling: each costs about 2 ms."""

UNLIMITED = 1 << 30


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
    samples: dict[int, Samples]
    recorded: int
    notes: list[str] = field(default_factory=list)
    inputs: int = 0
    length: int = 0
    """How many instructions are to be written, repeated ones once."""
    records: Records | None = None
    """Of the level machine, where that is to run it."""
    guard: int | None = None
    """The node that is 0 while Python would branch as it did when it was recorded."""

    @property
    def columns(self) -> dict[int, int]:
        return {axis: data.shape[1] + 1 for axis, data in self.samples.items()}


def lower(source: Source, tape: Tape, engine: str | None) -> Lowered:
    """Return the instructions of a source as it was recorded; raise Uncompilable where there are none.

    The ladder: samples on an axis, rolled; all samples, rolled; tables of the level machine. The
    samples of a batch that was given stay on their axis, with as many instructions as it takes.
    """
    with paused_collector():
        return _lower(source, tape, engine)


def _lower(source: Source, tape: Tape, engine: str | None) -> Lowered:
    for name, row in tape.rows.items():
        if not row.reserved:
            raise Uncompilable(f"the row {name!r} is not one of the table's and has no array form")
    notes: list[str] = []
    for batched, samples, budget in _attempts(source, normalise(tape), engine, notes):
        circuit, roots, slopes = _with_gradients(source, batched, bool(tape.branches))
        flat = Flat(circuit, circuit.live([*roots, *slopes]))
        guard = roots.pop() if tape.branches else None
        counts = len(source.parameters), source.shared_inputs
        try:
            rolled = roll(circuit, flat, slopes, *counts, budget)
            plan = _planned(rolled, roots, {axis: len(data) for axis, data in samples.items()})
            length = length_of(plan.steps, rolled.instructions)
            if length > budget:
                raise TooLong(f"{length} instructions")
            return Lowered(circuit, roots, rolled, plan, samples, len(tape.code), notes, counts[1], length, guard=guard)
        except TooLong as reason:
            notes.append(str(reason))
        if not samples and engine != "native":
            rolled, records = tabulate(circuit, flat, slopes, *counts)
            plan = Plan([], {})
            return Lowered(circuit, roots, rolled, plan, {}, len(tape.code), notes, counts[1], 0, records, guard)
    raise Uncompilable("; ".join(notes))


def _planned(rolled: Rolled, roots: list[int], sizes: dict[int, int]) -> Plan:
    """Return the plan, with the terms of sums joined that lie in step."""
    make_plan(rolled, sizes)
    for root in roots:  # what is wanted of every sample is kept for every sample
        group = rolled.group_of[root]
        if group is not None and group.space == RESULT:
            group.crossing = True
    for instruction in rolled.instructions:
        join_terms(instruction)
    return make_plan(rolled, sizes)


def _attempts(
    source: Source, normal: Normal, engine: str | None, notes: list[str]
) -> Iterator[tuple[Batched, dict[int, Samples], int]]:
    """Yield what may be compiled, the best first, each with its budget of instructions."""
    budget = {None: BUDGET, "table": 0}.get(engine, UNLIMITED)
    if isinstance(source, ExampleSource):
        if engine is None:
            yield *_examples(source, normal), BUDGET
        yield *_examples(source, normal), UNLIMITED
        return
    if budget:
        found = find_batch(normal)
        if isinstance(found, str):
            notes.append(f"no batch: {found}")
        else:
            samples = {axis: np.ascontiguousarray(data[:-1].T) for axis, data in enumerate(found.columns, 1)}
            yield found, samples, budget
    yield whole(normal), {}, budget


def _examples(source: ExampleSource, normal: Normal) -> tuple[Batched, dict[int, Samples]]:
    """Return the circuit of one example; the value is their mean, and what else was recorded is added."""
    if source.shared_inputs:
        batched = whole(normal)
        if source.gradient:
            batched.roots = [batched.circuit.total([(0, root, -1) for root in batched.roots])]
        return batched, {}
    batched = whole(normal, batched_inputs=True)
    weight = batched.circuit.column(1, len(source.inputs))
    if source.gradient:
        terms = [(0, batched.roots[0], weight), *[(0, root, -1) for root in batched.roots[1:]]]
        batched.roots = [batched.circuit.total(terms, 0)]
    return batched, {1: np.zeros((source.capacity, len(source.inputs)))}


def _with_gradients(source: Source, batched: Batched, guarded: bool) -> tuple[Circuit, list[int], list[int]]:
    """Return the circuit in elementary rows, its roots and the gradient; the last of guarded roots is the guard."""
    circuit, roots = batched.circuit, batched.roots
    slopes = add_gradients(circuit, roots[0], len(source.parameters), ROWS) if source.gradient else []
    if guarded:
        roots = [poisoned(circuit, roots[0], roots[-1]), *roots[1:]]
    circuit, nodes = spell_out(circuit, [*roots, *slopes], ROWS)
    return circuit, nodes[: len(roots)], nodes[len(roots) :]
