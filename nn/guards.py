"""What keeps a training run from learning nothing, or nonsense, without a word."""

from __future__ import annotations

from math import isfinite

from autograd_lite import first_nonfinite, gradients
from autograd_lite.errors import ArgumentError, NonFiniteError, OperationError
from nn.loss import Loss

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from autograd_lite import NonFinite, Value
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
    return _error(
        f"fit: the loss must be finite, got {cost.data!r} at {examples_at([row])} in epoch {epoch}.",
        first_nonfinite(cost),
        "Lower the learning rate, or standardise the data.",
    )


def check_gradients(optimizer: Optimizer, batch: list[int], epoch: int, cost: Callable[[int], Value]) -> None:
    """Raise NonFiniteError if a gradient is nan or inf: a step with it would spoil its parameter for good.

    Args:
        batch: the examples whose gradients were added up.
        cost: what one of them adds, as a graph; asked only to find out where it began.
    """
    spoiled = next((parameter for parameter in optimizer.parameters if not isfinite(parameter.grad)), None)
    if spoiled is None:
        return
    culprits, found = [], None
    for row in batch:
        root = cost(row)
        if not isfinite(gradients(root, [spoiled])[0]):
            culprits.append(row)
            found = found or first_nonfinite(root)
    name = f"node {spoiled.label!r}" if spoiled.label else "an unnamed parameter"
    source = f"from {examples_at(culprits)}" if culprits else "summed over the batch: that of each example is finite"
    raise _error(
        f"fit: gradients must be finite, got {spoiled.grad!r} at {name} in epoch {epoch}, {source}.",
        found,
        "Lower the learning rate, or look for a root or a logarithm at 0.",
    )


def _error(rule: str, found: NonFinite | None, cure: str) -> NonFiniteError:
    said = f" {found.sentence}" if found else ""
    error = NonFiniteError(f"{rule}{said} No step was made. {cure}")
    if found is not None:
        primitive = found.node.primitive
        error.primitive = "" if primitive is None else primitive.name
        error.numbers, error.operands = found.numbers, found.node.operands
    return error


def at_example(error: OperationError, row: int, epoch: int) -> OperationError:
    """Return an error that an operation raised, with the example in front."""
    error.args = (f"fit: {examples_at([row])} in epoch {epoch}: {error}",)
    return error


def examples_at(rows: list[int]) -> str:
    """Return what examples are called: by number, from 1, and where they stand in X.

    >>> examples_at([16])
    'example 17 (X[16])'
    >>> examples_at([0, 3, 5, 6, 8])
    'examples 1, 4, 6 (X[0], X[3], X[5]) and 2 more'
    """
    shown = rows[:3]
    numbers, places = ", ".join([str(row + 1) for row in shown]), ", ".join([f"X[{row}]" for row in shown])
    more = f" and {len(rows) - 3} more" * (len(rows) > 3)
    return f"example{'s' * (len(rows) > 1)} {numbers} ({places}){more}"
