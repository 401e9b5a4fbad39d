"""The perceptron, which learns without gradients."""

from __future__ import annotations

from math import fsum
from time import perf_counter

from autograd_lite import no_grad
from autograd_lite.errors import ArgumentError
from nn.history import History, callback_list
from nn.layers import Neuron
from nn.losses import bce
from nn.targets import encode, examples

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from autograd_lite import Primitive
    from nn.history import Callback
    from nn.init import Scheme


class Perceptron(Neuron):
    """o = step(w·x + b), Rosenblatt's neuron (1958); activation="sigmoid" gives P(class 1 | x) instead.

    Its weights start at 0. A step has gradient 0 everywhere, so `nn.fit` refuses it, and it
    has a rule of its own, `Perceptron.fit`.

    >>> gate = Perceptron(2)
    >>> gate.fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1])
    History(6 epochs, loss 0  accuracy 1.000, stopped: no mistakes)
    >>> [w.data for w in gate.w], gate.b.data
    ([2.0, 1.0], -2.0)
    """

    def __init__(
        self,
        n_in: int,
        activation: str | Primitive = "step",
        *,
        bias: bool = True,
        init: str | Scheme = "zeros",
        random_state: Any = None,
    ) -> None:
        super().__init__(n_in, activation, bias=bias, init=init, random_state=random_state)
        if self.activation.name not in ("step", "sigmoid"):
            raise ArgumentError(
                f"Perceptron: the activation must be 'step' or 'sigmoid', got {self.activation.name!r}. "
                f"Use Neuron for others."
            )

    def fit(
        self,
        X: Any,  # noqa: N803
        y: Any,
        *,
        epochs: int = 100,
        lr: float = 1.0,
        callbacks: Callback | Iterable[Callback] = (),
    ) -> History:
        """Learn by the perceptron rule, w ← w + lr·(t − o)·x and b ← b + lr·(t − o), example by example.

        With a step it ends after an epoch without mistakes, which comes for certain if a line
        separates the classes, and never otherwise. With a sigmoid the same rule is gradient
        descent on the cross-entropy of one example at a time.

        Args:
            X: n examples of n_in numbers, met in this order.
            y: n targets, 0 or 1, or names of two classes.
            epochs: how often every example is met, at most.
            lr: length of a step.
            callbacks: one, or a list of them, as of `nn.fit`.

        Returns:
            The history; its loss is the mean of (t − o)², for a step the share of mistakes.
        """
        rows = examples(X, self, "Perceptron.fit")
        rows = rows.tolist() if hasattr(rows, "tolist") else rows
        targets, classes = encode(y, bce, 1, self.classes, "Perceptron.fit")
        if len(targets) != len(rows):
            raise ArgumentError(
                f"Perceptron.fit: one target per row of X is needed, got {len(targets)} for {len(rows)} rows."
            )
        called = callback_list(callbacks, "Perceptron.fit")
        self.loss, self.classes = bce, classes
        history, start = History(), perf_counter()
        try:
            for _ in range(epochs):
                errors = [self._correct(x, t, lr) for x, t in zip(rows, targets, strict=True)]
                loss = fsum(e * e for e in errors) / len(errors)
                right = sum(abs(e) < 0.5 for e in errors) / len(errors)
                history.add(loss, right, None, None, lr, perf_counter() - start)
                wishes = [callback(self, history) for callback in called]
                if not any(errors) or any(wishes):
                    history.stopped = "callback" if any(errors) else "no mistakes"
                    break
        except KeyboardInterrupt:
            history.stopped = "interrupted"
        return history

    def _correct(self, x: list[float], target: float, lr: float) -> float:
        with no_grad():
            error: float = target - self(x).data
        if error:
            before = [p.data for p in self.parameters()]
            try:
                for w, xk in zip(self.w, x, strict=True):
                    w.data += lr * error * xk
                if self.b is not None:
                    self.b.data += lr * error
            except BaseException:  # Ctrl-C: the whole correction, or nothing of it
                for p, number in zip(self.parameters(), before, strict=True):
                    p.data = number
                raise
        return error
