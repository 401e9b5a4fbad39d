"""A way: one way through the Python branches of a function, its instructions and their code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite.compiler.build import BUDGET
from autograd_lite.compiler.emit_numpy import NumpyCode
from autograd_lite.compiler.native import NativeCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from autograd_lite.compiler.build import Lowered
    from autograd_lite.compiler.guards import Branch

    Array = NDArray[np.float64]


class Way:
    """What was recorded, compiled, and where its results are.

    Attributes:
        code: native code, or that of NumPy.
        guard: where the number is that is 0 while Python would branch as it did; None without branches.
        loss: where the value is.
        threads: how many share a pass over the samples; `fewer` says why they are fewer than was asked for.
    """

    def __init__(self, branches: tuple[Branch, ...], lowered: Lowered, engine: str | None, threads: int) -> None:
        self.branches, self.lowered = branches, lowered
        place = lowered.rolled.place
        self.code: Any
        if engine == "numpy" or (engine is None and lowered.length > BUDGET):
            self.code = NumpyCode(lowered)
            self.threads, self.fewer = 1, f"the engine {self.code.engine!r} uses no more"
        else:
            self.code = NativeCode(lowered, threads)
            self.threads, self.fewer = self.code.threads, self.code.fewer
        for node, number in lowered.circuit.numbers.items():
            if place[node] >= 0:
                self.code.shared[place[node]] = number
        for axis, samples in lowered.samples.items():
            self.code.bind(axis, samples, 1.0)
        self.guard = None if lowered.guard is None else int(place[lowered.guard])
        self.loss = int(place[lowered.roots[0]])

    def has_turned(self) -> bool:
        """Whether Python would not, or might not, have gone this way in the evaluation that was made."""
        return self.guard is not None and self.code.shared[self.guard] != 0.0

    def set_inputs(self, numbers: Sequence[float] | Array) -> None:
        start = self.lowered.rolled.inputs
        self.code.shared[start : start + len(numbers)] = numbers

    def value_and_gradient(self, parameters: int) -> tuple[float, Array]:
        shared = self.code.shared
        return shared.item(self.loss), shared[parameters : 2 * parameters].copy()

    def values(self, samples: int) -> Array:
        """Return the values of all roots: [roots] without samples, else [samples, roots]."""
        lowered = self.lowered
        if not any(lowered.circuit.axis[root] for root in lowered.roots):
            values: Array = self.code.shared[lowered.rolled.place[lowered.roots]]
            return values[None] if samples else values
        return np.stack([self._column(root, samples) for root in lowered.roots], axis=1)

    def _column(self, root: int, samples: int) -> Array:
        rolled = self.lowered.rolled
        group, place = rolled.group_of[root], int(rolled.place[root])
        assert group is not None
        if not group.axis:
            return np.full(samples, self.code.shared[place])
        found: Array = self.code.results_of(group, place)
        return found[:samples]
