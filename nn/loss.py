"""Loss: what a function of one output and one target needs, to be trained with."""

from __future__ import annotations

import autograd_lite as ag
from autograd_lite import Value
from autograd_lite.errors import ArgumentError, InputTypeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

REDUCTIONS = ("mean", "sum", "none")


class Loss:
    """A loss, with what training and prediction have to know of it.

    Attributes:
        name: what errors and saved models call it.
        takes: what the outputs of the model are to it: "logits", "probabilities", "margins" or "numbers".
        targets: what a target is: a "class" (index or one-hot), "binary" (0 to 1 per output),
            a "sign" (-1 or 1), "numbers" (one per output) or a "distribution".
        link: the activation that makes probabilities of logits: "softmax" or "sigmoid".
    """

    def __init__(self, function: Callable[[list[Any], Any], Any], takes: str, targets: str, link: str) -> None:
        self.__wrapped__ = function
        self.name = self.__name__ = function.__name__
        self.__doc__, self.__module__ = function.__doc__, function.__module__
        self.takes, self.targets, self.link = takes, targets, link

    def __call__(self, output: Any, target: Any) -> Any:
        """Return the loss of one example."""
        outputs = as_list(output)
        if not outputs:
            raise ArgumentError(f"{self.name}: at least one output is needed, got none.")
        if not isinstance(outputs[0], Value) and (outputs[0] is None or isinstance(outputs[0], str)):
            raise InputTypeError(f"{self.name}: outputs must be numbers, got {outputs[0]!r:.40}. Pass model(x).")
        if isinstance(outputs[0], (list, tuple)) or getattr(outputs[0], "ndim", 0) > 0:
            raise InputTypeError(
                f"{self.name}: the outputs of one example are needed, got those of {len(outputs)}. "
                f"Write {self.name}.batch(outputs, targets)."
            )
        if isinstance(outputs[0], Value) and outputs[0].primitive is not None:
            self.refuse(outputs[0].primitive.name)
        with ag.scope(self.name):
            return self.__wrapped__(outputs, target)

    def batch(self, outputs: Sequence[Any], targets: Sequence[Any], reduction: str = "mean") -> Any:
        """Return the losses of many examples: their mean, their sum, or with "none" the list.

        >>> from nn import squared_error
        >>> squared_error.batch([1.0, 3.0], [0.0, 0.0], reduction="none")
        [0.5, 4.5]
        """
        if reduction not in REDUCTIONS:
            raise ArgumentError(f"{self.name}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}.")
        if len(outputs) != len(targets):
            raise ArgumentError(f"{self.name}: one target per output is needed, got {len(targets)} for {len(outputs)}.")
        if not len(outputs):
            raise ArgumentError(f"{self.name}: the batch must have at least one example, got none.")
        losses = [self(output, target) for output, target in zip(outputs, targets, strict=True)]
        if reduction == "none":
            return losses
        return ag.mean(losses) if reduction == "mean" else ag.sum(losses)

    def refuse(self, activation: str) -> None:
        """Raise ArgumentError if outputs of that activation must not go into this loss."""
        if self.takes == "logits" and activation in ("softmax", self.link):
            instead = "cross_entropy_probabilities" if activation == "softmax" else "bce"
            raise ArgumentError(
                f"{self.name}: takes logits and applies {self.link} itself, got outputs of {activation}. "
                f"Drop the {activation} from the model, or use {instead}."
            )

    def __repr__(self) -> str:
        return f"<loss {self.name}>"

    def __reduce__(self) -> str:
        return self.name


def as_list(numbers: Any) -> list[Any]:
    """Return one number, or a list, tuple or array of them, as a list."""
    if isinstance(numbers, (list, tuple)):
        return list(numbers)
    if getattr(numbers, "ndim", 0):
        return list(numbers.tolist())
    return [numbers]
