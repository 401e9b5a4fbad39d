"""The control block: what the kernel is told, a row of 64-bit cells, integers, addresses and doubles alike."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from autograd_lite.compiler.writer import Writer

CELLS = (
    "evaluate", "memory", "tables", "blocks", "team", "shares", "steps", "made", "loss", "losses", "rates",
    "rule", "parameters", "state", "scratch", "decay", "first", "second", "epsilon",
    "matrix", "order", "starts", "columns", "lanes", "data", "mean",
)  # fmt: skip
"""evaluate, memory, tables, blocks, team, shares: the program. steps: how many; made: how many were, in all; loss:
its place; losses: where they go. rates: three numbers a step (the learning rate; Adam's two corrections). rule: 0
none, 1 SGD, 2 SGD with momentum, 3 with Nesterov's, 4 Adam. parameters: how many; state: velocities, or first and
second moments; scratch: three times as many numbers. decay: of the weights; first, second: momentum, or Adam's betas;
epsilon: Adam's. matrix: the examples, one per row, 0 where data stay; order: which rows, one step after the other;
starts: where in them each step begins, and the end; columns, lanes: of a block; data: its place; mean: whether the
weight of an example is 1/count."""

PLACE = {name: k for k, name in enumerate(CELLS)}
DECAY, MEAN = PLACE["decay"], PLACE["mean"]


class Control:
    """The control block of the kernel: cells by name; arrays that it points to are kept alive."""

    def __init__(self) -> None:
        self.cells = np.zeros(len(CELLS), np.int64)
        self.doubles = self.cells.view(np.float64)
        self._kept: dict[str, Any] = {}
        self._address: dict[str, int] = {}
        self.address = ctypes.c_void_p(self.cells.ctypes.data)

    def get(self, name: str) -> int:
        return int(self.cells[PLACE[name]])

    def set(self, **cells: Any) -> None:
        for name, value in cells.items():
            k = PLACE[name]
            if isinstance(value, np.ndarray):
                if self._kept.get(name) is not value:  # asking numpy for an address takes a microsecond
                    self._kept[name], self._address[name] = value, value.ctypes.data
                self.cells[k] = self._address[name]
            elif isinstance(value, float):
                self.doubles[k] = value
            else:
                self.cells[k] = value


class Cells:
    """Reads the cells of the control block."""

    def __init__(self, writer: Writer) -> None:
        self.w = writer

    def address(self, name: str) -> str:
        return self.w.let(f"getelementptr i64, ptr %control, i64 {CELLS.index(name)}")

    def integer(self, name: str) -> str:
        return self.w.let(f"load i64, ptr {self.address(name)}")

    def pointer(self, name: str) -> str:
        return self.w.let(f"load ptr, ptr {self.address(name)}")

    def number(self, name: str) -> str:
        return self.w.let(f"load double, ptr {self.address(name)}")


def cell(w: Writer, pointer: str, index: str) -> str:
    """Load an integer from a row of them."""
    return w.fresh(f"load i64, ptr {w.let(f'getelementptr i64, ptr {pointer}, i64 {index}')}")
