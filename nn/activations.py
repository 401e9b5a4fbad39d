"""Activations: what a layer does to its pre-activations z. As modules of their own, too."""

from __future__ import annotations

import autograd_lite as ag
from autograd_lite import Primitive
from autograd_lite.errors import ArgumentError
from nn.module import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Activation(Module):
    """a = f(z) for each z, or softmax over all of them.

    Args:
        function: "linear", "softmax", the name of a function of one number in autograd_lite
            ("relu", "tanh", "sigmoid", "step", "gelu", ...), or a primitive of your own.

    >>> Activation("relu")([-1.0, 2.0])
    [0.0, 2.0]
    """

    def __init__(self, function: str | Primitive) -> None:
        self.name, self.row = _resolve(function)

    def __call__(self, x: Any) -> Any:
        """Return the activations of a list of numbers, or of one number."""
        if isinstance(x, (list, tuple)) or hasattr(x, "tolist"):
            return self.outputs(x)
        return self.outputs([x])[0]

    def outputs(self, x: Sequence[Any]) -> list[Any]:
        with ag.scope(self.name):
            if self.row is not None:
                return [self.row(z) for z in x]
            return ag.softmax(x) if self.name == "softmax" else list(x)

    def evaluate(self, X: Any) -> Any:  # noqa: N803
        if not hasattr(X, "tolist"):
            return [self.outputs(row) for row in X]
        return on_array(self, X)

    def refuse_one(self, n_out: int | None) -> None:
        """Raise ArgumentError for a softmax over one output: it is always 1, and its gradient 0."""
        if self.name == "softmax" and n_out == 1:
            raise ArgumentError(
                "softmax: at least two outputs are needed, got 1, which would always be 1. Write sigmoid for one."
            )

    @property
    def final(self) -> Activation:
        return self

    def describe(self) -> str:
        return f"Activation({self.name!r})" if type(self) is Activation else f"{type(self).__name__}()"


class ReLU(Activation):
    """max(z, 0)."""

    def __init__(self) -> None:
        super().__init__("relu")


class Tanh(Activation):
    """tanh z, between −1 and 1."""

    def __init__(self) -> None:
        super().__init__("tanh")


class Sigmoid(Activation):
    """1 / (1 + e⁻ᶻ), between 0 and 1."""

    def __init__(self) -> None:
        super().__init__("sigmoid")


class Softmax(Activation):
    """exp(zₖ) / Σ exp(zⱼ): positive outputs that add up to 1.

    For a loss on probabilities. The losses on logits contain the softmax already.
    """

    def __init__(self) -> None:
        super().__init__("softmax")


def activation(function: str | Primitive | Activation) -> Activation:
    """Return the Activation of that name or primitive."""
    return function if isinstance(function, Activation) else Activation(function)


NAMED = ("linear", "relu", "tanh", "sigmoid", "softmax", "step", "gelu")


def _resolve(function: str | Primitive) -> tuple[str, Primitive | None]:
    if isinstance(function, str) and function in ("linear", "softmax"):
        return function, None
    row = getattr(ag, function, None) if isinstance(function, str) else function
    if not isinstance(row, Primitive) or row.arity is None or row.arity - len(row.defaults) != 1:
        raise ArgumentError(f"activation: must be a function of one number, got {_got(function)}")
    return row.name, row


def _got(function: Any) -> str:
    """Return what was given for an activation, and what to write instead."""
    if isinstance(function, type):
        return f"the class {function.__name__}. Write {function.__name__}()."
    if isinstance(function, str):
        from difflib import get_close_matches

        names = [name for name in ag.__all__ if isinstance(getattr(ag, name), Primitive)]
        wrong = function.lower()
        near = get_close_matches(wrong, NAMED, 1, 0.7) or get_close_matches(wrong, names, 1, 0.7)
        if near:
            return f"{function!r:.60}. Did you mean {near[0]!r}?"
    return f"{function!r:.60}. Name one of {', '.join(NAMED)}, ..., or pass a primitive."


def on_array(activation: Activation, z: Any) -> Any:
    """Return the activations of a numpy array with examples as rows, all at once."""
    import numpy as np

    name, row = activation.name, activation.row
    with np.errstate(all="ignore"):
        if name == "linear":
            return z
        if name == "softmax":
            powers = np.exp(z - z.max(axis=1, keepdims=True))
            return powers / powers.sum(axis=1, keepdims=True)
        if row is ag.relu:
            return np.maximum(z, 0.0)
        if row is ag.tanh:
            return np.tanh(z)
        if row is ag.sigmoid:
            small = np.exp(-np.abs(z))  # at most 1: no overflow on either side
            return np.where(z >= 0, 1.0, small) / (1.0 + small)
    assert row is not None
    return np.array([[row(number) for number in numbers] for numbers in z.tolist()]).reshape(z.shape)
