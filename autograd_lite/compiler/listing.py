"""A program as text: the loops that scalar code became, and where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autograd_lite.compiler.repeat import places_of_sums, stretches
from autograd_lite.compiler.roll import DATA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autograd_lite.compiler.affine import Loop
    from autograd_lite.compiler.build import Lowered
    from autograd_lite.compiler.roll import Group, Instruction, Kind

LONGEST = 120
"""Lines of instructions that are printed, at most."""


def listing(lowered: Lowered | None, engine: str, threads: int, notes: Sequence[str], parameters: int) -> str:
    """Return what `print(program)` shows: sizes, the loops of every phase and pass, fallbacks and why."""
    if lowered is None:
        return "\n".join([f"program of {parameters} parameters, run eagerly", *[f"  note: {note}" for note in notes]])
    instructions = lowered.rolled.instructions
    shared = f", {threads} threads" if threads > 1 else ""
    lines = [
        f"program of {parameters} parameters: {lowered.recorded:,} recorded operations, "
        f"{len(lowered.circuit):,} nodes with the gradient, {_instructions(lowered)}; engine {engine}{shared}"
    ]
    for axis, samples in lowered.samples.items():
        lanes, slots = lowered.plan.lanes[axis], lowered.rolled.results.get(axis, 0)
        lines.append(
            f"  axis {axis}: {len(samples):,} samples of {samples.shape[1]} numbers, in blocks of {lanes}; "
            f"{slots * lanes * 8 / 1024:,.1f} KiB of results a block"
        )
    lines.append(f"  shared: {lowered.rolled.shared * 8 / 1024:,.1f} KiB")
    lines += [f"  note: {note}" for note in notes]
    body = []
    places, _ = places_of_sums(instructions)
    for step in lowered.plan.steps:
        body += ["", f"for every sample of axis {step.axis}:" if step.axis else "once:"]
        for stretch in stretches(step, places):
            parts = [part for part in stretch.parts if part[1] != []]
            if stretch.count > 1 and parts:
                body.append(f"  {stretch.count} times, each time further on:")
            body += [("  " if stretch.count > 1 else "") + _line(*part, parameters) for part in parts]
    if body and body[-1].endswith(":"):
        del body[-2:]
    lines += body[:LONGEST]
    if len(body) > LONGEST:
        lines.append(f"  ... and {len(body) - LONGEST} lines more")
    return "\n".join(lines)


def _instructions(lowered: Lowered) -> str:
    if lowered.records is not None:
        return f"{len(lowered.records.records):,} records of the level machine"
    return f"{len(lowered.rolled.instructions):,} instructions"


def _line(instruction: Instruction, kinds: list[Kind] | None, parameters: int) -> str:
    rows = _Places(instruction, "ijklm", parameters)
    out = rows.of(0, instruction.group, ())
    chosen = instruction.kinds if kinds is None else kinds
    terms = [_terms(instruction, kind, rows) for kind in chosen]
    equals = "=" if kinds is None or instruction.op != "sum" else "+="
    if instruction.op == "sum":
        right = " ".join(terms).removeprefix("+ ")
    else:
        so_far = [] if kinds is None else [out]
        right = f"{instruction.op}({', '.join([*so_far, *[term.removeprefix('+ ') for term in terms]])})"
    code = f"{rows.loops}{out} {equals} {right}"
    scope = instruction.group.scope
    where = f"{'gradient of ' if instruction.group.backward else ''}{scope}" if scope else ""
    return f"  {code:<76}  {where}".rstrip()


def _terms(instruction: Instruction, kind: Kind, rows: _Places) -> str:
    k = instruction.kinds.index(kind)
    letters = "uvw"
    loops = kind.loops or ()
    a = rows.of(1 + 2 * k, kind.a, [loop.strides[0] for loop in loops], letters)
    text = a
    if kind.b is not None:
        text = f"{a}·{rows.of(2 + 2 * k, kind.b, [loop.strides[1] for loop in loops], letters)}"
    if kind.full is not None or kind.table is not None:
        text = f"Σ {kind.count} terms {text}" if kind.count > 1 else text
    elif loops:
        text = f"Σ{_ranges(loops, letters)} {text}"
    sign = "-" if instruction.op == "sum" and kind.role else "+"
    return f"{sign} {text}"


def _ranges(loops: Sequence[Loop], letters: str) -> str:
    return ", ".join(f"{letter}<{loop.extent}" for letter, loop in zip(letters, loops, strict=False))


class _Places:
    """Writes places as indices: "p[32 + 17·i + u]"."""

    def __init__(self, instruction: Instruction, letters: str, parameters: int) -> None:
        self.instruction, self.letters, self.parameters = instruction, letters, parameters
        loops = instruction.loops
        if loops is None:
            self.loops = f"for {instruction.count} rows: "
        else:
            self.loops = f"for {_ranges(loops, letters)}: " if loops else ""

    def of(self, column: int, group: Group, strides: Sequence[int], letters: str = "") -> str:
        instruction = self.instruction
        listed = instruction.loops is None or column >= len(instruction.base)
        name, base = self._name(group, group.base if listed else int(instruction.base[column]))
        if listed:
            return f"{name}[table]"
        assert instruction.loops is not None
        start = int(instruction.base[column]) - base
        moves = [(loop.strides[column], letter) for loop, letter in zip(instruction.loops, self.letters, strict=False)]
        moves += list(zip(strides, letters, strict=False))
        parts = [str(start)] if start else []
        parts += [letter if stride == 1 else f"{stride}·{letter}" for stride, letter in moves if stride]
        if group.size == 1 and not parts:
            return name
        return f"{name}[{' + '.join(parts) or '0'}]"

    def _name(self, group: Group, place: int) -> tuple[str, int]:
        """Return what a group is called, and where it begins."""
        if group.space == DATA:
            return "x", 0
        if not group.axis and place < 2 * self.parameters:
            return ("p", 0) if place < self.parameters else ("gradient", self.parameters)
        letter = "g" if group.backward else "v"
        return {2: "input", 3: "constant"}.get(group.number, f"{letter}{group.number}"), group.base
