"""Training: an optimiser's steps made by the kernel.

SGD and Adam are known by what they remember (`velocity`; `mean` and `square`), so that an
optimiser of the same kind from elsewhere will do. What they remember moves into arrays that
the optimiser sees too: it may go on eagerly at any time, and the program after it.
"""

from __future__ import annotations

from math import inf, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite.compiler.control import DECAY
from autograd_lite.compiler.kernel import RULES
from autograd_lite.compiler.native import NativeCode, aligned
from autograd_lite.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from autograd_lite.compiler.resident import Residence
    from autograd_lite.value import Value

    Array = NDArray[np.float64]


def rule_of(optimizer: Any) -> str | None:
    """Return the kernel's name for an optimiser, None for one it does not know."""
    known = type(optimizer).__name__
    if known == "SGD" and hasattr(optimizer, "velocity"):
        return _rule_of_sgd(optimizer)
    return "adam" if known == "Adam" and hasattr(optimizer, "square") else None


def _rule_of_sgd(optimizer: Any) -> str:
    return ("nesterov" if optimizer.nesterov else "momentum") if optimizer.momentum else "sgd"


def check_parameters(optimizer: Any, parameters: Sequence[Value]) -> None:
    """Raise unless the optimiser moves the parameters of the program, in the same order."""
    own = getattr(optimizer, "parameters", ())
    if len(own) != len(parameters) or any(p is not q for p, q in zip(own, parameters, strict=True)):
        raise ArgumentError(
            f"program: the optimizer must move the {len(parameters)} parameters of the program, in the same order, "
            f"got {len(own)}. Pass the same list to both."
        )


class Trainer:
    """One optimiser on one program's native code."""

    def __init__(self, code: NativeCode, residence: Residence, optimizer: Any, rule: str, loss_place: int) -> None:
        self.code, self.residence, self.optimizer, self.rule = code, residence, optimizer, rule
        self.count, self.made = len(optimizer.parameters), code.control.get("made")
        self.state, scratch = aligned(2 * self.count), aligned(3 * self.count)
        self.memories = {"adam": ("mean", "square"), "sgd": ()}.get(rule, ("velocity",))
        self.views = [self.state[k * self.count : (k + 1) * self.count] for k in range(len(self.memories))]
        self.rates, self.losses = np.zeros((1, 3)), np.zeros(1)
        # Numpy takes twice as long for one number.
        self.rates_of_one_step, self.loss_of_one_step = self.rates[0].data, self.losses.data
        self.decay = code.control.doubles[DECAY : DECAY + 1].data
        self.cells = {"parameters": self.count, "loss": loss_place, "state": self.state, "scratch": scratch}
        self.attach()

    def fits(self) -> bool:
        """Whether the optimiser, whose settings may have been changed, still moves by this rule."""
        if self.rule == "sgd":
            return not self.optimizer.momentum
        return self.rule == "adam" or self.rule == _rule_of_sgd(self.optimizer)

    def attach(self) -> None:
        """Make this the optimiser that the code's control block speaks of."""
        self.code.control.set(rule=RULES[self.rule], steps=1, rates=self.rates, losses=self.losses, **self.cells)

    def _prepare(self) -> None:
        """Take over what may have been changed since: settings, and what the optimiser remembers."""
        optimizer, control = self.optimizer, self.code.control
        self.decay[0] = optimizer.weight_decay
        if self.rule == "sgd":
            return
        if self.rule == "adam":
            first, second = optimizer.betas
            control.set(first=float(first), second=float(second), epsilon=float(optimizer.eps))
        else:
            control.set(first=float(optimizer.momentum))
        for name, view in zip(self.memories, self.views, strict=True):
            if getattr(optimizer, name) is not view:
                view[:] = getattr(optimizer, name)
                setattr(optimizer, name, view)

    def _rates(self, rate: float, step: int) -> tuple[float, float, float]:
        """Return what the kernel needs for one step: the learning rate, and Adam's corrections."""
        if not 0.0 <= rate < inf:
            raise ArgumentError(f"program: lr must be a finite number of at least 0, got {rate!r} for step {step}.")
        if self.rule != "adam":
            return rate, 0.0, 0.0
        first, second = self.optimizer.betas
        return rate, 1.0 / (1.0 - first ** (step + 1)), sqrt(1.0 - second ** (step + 1))

    def _rates_of_run(self, steps: int) -> Array:
        schedule, numbers = self.optimizer.schedule, range(self.optimizer.steps, self.optimizer.steps + steps)
        found, rates = [schedule(step) for step in numbers], np.zeros((max(1, steps), 3))
        rates[:steps, 0] = found
        if self.rule == "adam" or not ((rates >= 0.0) & (rates < inf)).all():
            every = [self._rates(rate, step) for rate, step in zip(found, numbers, strict=True)]
            rates[:steps] = np.reshape(every, (steps, 3))
        return rates

    def _newly_made(self) -> int:
        """Return how many steps the kernel has made that are not counted yet, and count them."""
        before, self.made = self.made, self.code.control.get("made")
        return self.made - before

    def step(self) -> float | None:
        """Make one step; return the loss before it, None if it was not made."""
        self._prepare()
        optimizer = self.optimizer
        step = optimizer.steps
        row = self.rates_of_one_step
        row[0], row[1], row[2] = self._rates(optimizer.schedule(step), step)
        try:
            made = self.residence.use(self.code.shared, self.code.train)
        except BaseException:  # Ctrl-C, before the call or when it is over
            optimizer.steps = step + self._newly_made()
            raise
        if not made:
            return None
        self.made += 1
        optimizer.steps = step + 1
        loss: float = self.loss_of_one_step[0]
        return loss

    def run(self, steps: int) -> tuple[Array, int]:
        """Make many steps; return their losses, and how many were made."""
        self._prepare()
        rates, losses = self._rates_of_run(steps), np.zeros(max(1, steps))
        control = self.code.control
        control.set(steps=steps, rates=rates, losses=losses)
        try:
            self.residence.use(self.code.shared, self.code.train)
        finally:  # Ctrl-C comes when the call is over
            made = self._newly_made()
            control.set(steps=1, rates=self.rates, losses=self.losses)
            self.optimizer.steps += made
        return losses[:steps], made
