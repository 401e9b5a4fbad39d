"""What keeps a training run from learning nothing, or nonsense, without a word."""

from __future__ import annotations

from math import isfinite

from autograd_lite import Value, first_nonfinite
from autograd_lite.errors import ArgumentError, NonFiniteError
from nn.loss import Loss

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nn.module import Module
    from nn.optim import Optimizer


def refuse_unlearnable(model: Module, loss: Any) -> None:
    """Raise ArgumentError where gradients could teach nothing, or the wrong thing."""
    final = model.final
    if final is not None and isinstance(loss, Loss):
        loss.refuse(final.name)
    for part in model.activations():
        if part.row is not None and not any(part.row.gradients):
            raise ArgumentError(
                f"fit: the activation must have a gradient, got {part.name}, whose gradient is 0 everywhere: "
                f"it cannot learn by gradients. Use sigmoid instead, or the perceptron rule, Perceptron.fit."
            )


def not_finite(cost: Value, row: int, epoch: int) -> NonFiniteError:
    """Return the error to raise for a loss that is nan or inf: it names the first operation that was."""
    culprit = first_nonfinite(cost)
    primitive = culprit.primitive
    operands = [x.data if isinstance(x, Value) else x for x in culprit.operands]
    made = "a leaf" if primitive is None else f"{primitive.name} of {', '.join(map(repr, operands[:8]))}"
    made += ", ..." * (len(operands) > 8) + (f" at node {culprit.label!r}" if culprit.label else "")
    error = NonFiniteError(
        f"fit: the loss must be finite, got {cost.data!r} at row {row} in epoch {epoch}; "
        f"first {culprit.data!r}: {made}. Lower the learning rate, or standardise the data."
    )
    error.primitive = "" if primitive is None else primitive.name
    error.numbers, error.operands = tuple(operands), culprit.operands
    return error


def check_gradients(optimizer: Optimizer, epoch: int) -> None:
    """Raise NonFiniteError if a gradient is nan or inf: a step with it would spoil its parameter for good."""
    for parameter in optimizer.parameters:
        if not isfinite(parameter.grad):
            raise NonFiniteError(
                f"fit: gradients must be finite, got {parameter.grad!r} at {parameter.label or 'an unnamed parameter'} "
                f"in epoch {epoch}. Lower the learning rate, or look for a root or logarithm at 0."
            )
