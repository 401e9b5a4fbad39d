"""Training with a compiled program: what `fit` does eagerly, an epoch in one native call."""

from __future__ import annotations

import autograd_lite as ag
from nn.optim import Optimizer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nn.module import Module


class CompiledTraining:
    """The loss of one example as a program, and all examples as arrays.

    Targets are data of the program: it is compiled once, for any of them.
    """

    def __init__(
        self,
        model: Module,
        X: list[Any],  # noqa: N803
        targets: list[Any],
        loss: Any,
        optimizer: Optimizer,
        size: int,
        threads: int,
    ) -> None:
        self.optimizer = optimizer
        self.program = ag.compile(
            lambda x, target: loss(model(x), target), optimizer.parameters, batch=(X[:size], targets[:size]),
            threads=threads,
        )  # fmt: skip
        import numpy as np

        self.data = (np.array(X, float), np.array(targets, float))

    def epoch(self, batches: list[list[int]]) -> float:
        """Make one step per batch; return the mean loss of the examples, each as it was met."""
        losses = self.program.run(self.optimizer, data=self.data, batches=batches).tolist()
        count = sum(map(len, batches))
        mean: float = sum(loss * (len(batch) / count) for loss, batch in zip(losses, batches, strict=True))
        return mean
