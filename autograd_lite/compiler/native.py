"""Native code with its memory and its control block."""

from __future__ import annotations

import ctypes
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite.compiler.control import MEAN, Control
from autograd_lite.compiler.emit_llvm import Emitter
from autograd_lite.compiler.kernel import kernel
from autograd_lite.compiler.plan import WIDTH
from autograd_lite.compiler.roll import DATA
from autograd_lite.compiler.source import as_matrix
from autograd_lite.compiler.streams import lay_out, threads_for
from autograd_lite.compiler.team import Team, has_threads
from autograd_lite.compiler.vm import emit_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from autograd_lite.compiler.build import Lowered
    from autograd_lite.compiler.roll import Group
    from autograd_lite.compiler.writer import Module

    Array = NDArray[np.float64]


class NativeCode:
    """The instructions of a program as machine code.

    Attributes:
        shared: the numbers that are the same for all samples: parameters, gradient, inputs, constants, ...
        control: what the kernel is told.
        engine: "native" for loops of its own, "table" for the level machine.
        evaluate: compute everything from what is in memory.
        train: make the steps that the control block speaks of; return how many were made.
        threads: how many share a pass over the samples; `fewer` says why they are fewer than was asked for.
    """

    def __init__(self, lowered: Lowered, threads: int = 1) -> None:
        self.lowered, self.lanes = lowered, lowered.plan.lanes
        self.engine = "native" if lowered.records is None else "table"
        self.capacity = {axis: ceil(len(data) / self.lanes[axis]) for axis, data in lowered.samples.items()}
        self.threads, self.fewer = 1, ""
        if threads > 1:
            self.threads, self.fewer = threads_for(lowered, self.capacity, threads)
        if self.threads > 1 and not has_threads():
            self.threads, self.fewer = 1, "this system has no POSIX threads"
        self.layout = lay_out(lowered, self.capacity, self.threads)
        if lowered.records is None:
            module, tables = Emitter(lowered, self.layout).emit()
        else:
            module, tables = emit_machine(lowered.records)
        self._kernel = kernel()
        self.team = Team(self.threads, self.layout.shares) if self.threads > 1 else None
        self.memory = aligned(self.layout.size)
        self.shared = self.memory[: lowered.rolled.shared]
        self.blocks = np.zeros(max(1, len(self.capacity)), np.int64)
        self.control, self._loading = Control(), Control()
        self._add_entries(module, tables)
        self.machine = module.compile()
        self.evaluate: Callable[[], None] = self._with_team(self.machine.function("once", None))
        self.train: Callable[[], int] = self._with_team(self.machine.function("steps", ctypes.c_int64))
        self._take = self.machine.function("take", None)
        self._order = np.arange(max(map(len, lowered.samples.values()), default=0))
        self._ends = np.zeros(2, np.int64)
        self._examples = np.zeros((len(self._order), lowered.columns[1] - 1 if self.lanes else 0))
        self.control.set(evaluate=self.machine.address("evaluate"), tables=tables)
        self._loading.set(matrix=self._examples, order=self._order, starts=self._ends)
        for control in (self.control, self._loading):
            control.set(memory=self.memory, blocks=self.blocks, shares=1)
            if self.team is not None:
                control.set(team=self.team.cells, shares=self.team.shares)
            if self.lanes:
                control.set(columns=lowered.columns[1] - 1, lanes=self.lanes[1], data=self.layout.data[1])
            else:
                control.set(columns=lowered.inputs, data=lowered.rolled.inputs)

    def _add_entries(self, module: Module, tables: NDArray[np.int32]) -> None:
        """Add functions without arguments, which Python calls in half the time."""
        team = 0 if self.team is None else self.team.cells.ctypes.data
        arrays = [array.ctypes.data for array in (self.memory, tables, self.blocks)]
        arguments = ", ".join(_pointer(address) for address in (*arrays, team))
        train, pack = (_pointer(self._kernel.address(name)).removeprefix("ptr ") for name in ("train", "pack"))
        control, loading = (_pointer(block.cells.ctypes.data) for block in (self.control, self._loading))
        module.functions["once"] = f"define void @once() {{\n  call void @evaluate({arguments})\n  ret void\n}}"
        module.functions["steps"] = f"define i64 @steps() {{\n  %n = call i64 {train}({control})\n  ret i64 %n\n}}"
        module.functions["take"] = f"define void @take() {{\n  call void {pack}({loading}, i64 0)\n  ret void\n}}"

    def _with_team(self, function: Callable[[], Any]) -> Callable[[], Any]:
        return function if self.team is None else self.team.before(function)

    def bind(self, axis: int, samples: Array, weight: float) -> None:
        """Take the data of an axis, one row per sample; lanes that are left over repeat the last one at weight 0."""
        lanes, columns = self.lanes[axis], self.lowered.columns[axis]
        count = ceil(len(samples) / lanes)
        self.blocks[axis - 1] = count
        full = np.empty((count * lanes, columns))
        full[: len(samples), :-1] = samples
        full[len(samples) :, :-1] = samples[-1]
        full[:, -1] = weight
        full[len(samples) :, -1] = 0.0
        blocks = full.reshape(count, lanes, columns).transpose(0, 2, 1)
        start = self.layout.data[axis]
        self.memory[start : start + blocks.size] = blocks.ravel()

    def load(self, arrays: Sequence[Array], mean: bool) -> None:
        """Take the examples of axis 1, natively."""
        as_matrix(arrays, self._examples)
        self._ends[1], self._loading.cells[MEAN] = len(arrays[0]), mean
        self._take()

    def point_to(self, matrix: Array, order: NDArray[np.int64], starts: NDArray[np.int64], mean: bool) -> None:
        """Say where the kernel finds the examples of its steps."""
        self.control.set(matrix=matrix, order=order, starts=starts, mean=int(mean))

    def results_of(self, group: Group, place: int) -> Array:
        """Return a result for every sample of its axis."""
        lanes, count = self.lanes[group.axis], int(self.blocks[group.axis - 1])
        if group.space == DATA:
            size, start = self.lowered.columns[group.axis], self.layout.data[group.axis]
        else:
            size, start = group.size, self.layout.crossing[group.number]
        stored = self.memory[start : start + count * size * lanes].reshape(count, size, lanes)
        return stored[:, place - group.base].ravel()


def _pointer(address: int) -> str:
    return f"ptr inttoptr (i64 {address} to ptr)"


def aligned(size: int) -> Array:
    """Return zeros that start where a vector may."""
    space = np.zeros(size + WIDTH)
    start = (-space.ctypes.data // 8) % WIDTH
    return space[start : start + size]
