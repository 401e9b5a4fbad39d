"""Optimisers: how parameters move, given their gradients.

`lr` is a number, or a schedule: a function of the number of steps taken so far.
"""

from __future__ import annotations

from math import cos, inf, isfinite, pi, sqrt
from operator import index

from autograd_lite import Value
from autograd_lite.errors import ArgumentError, InputTypeError, NonFiniteError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeAlias

    Schedule: TypeAlias = Callable[[int], float]


class Optimizer:
    """What optimisers share: the parameters, the learning rate, the number of steps taken."""

    def __init__(self, parameters: Iterable[Value], lr: float | Schedule | None, weight_decay: float) -> None:
        who = type(self).__name__
        try:
            self.parameters = list(dict.fromkeys(parameters))
        except TypeError:
            raise InputTypeError(
                f"{who}: parameters must be a list of Values, got {type(parameters).__name__}. Pass model.parameters()."
            ) from None
        for parameter in self.parameters:
            if not isinstance(parameter, Value) or not parameter.is_leaf:
                raise InputTypeError(
                    f"{who}: parameters must be Values that are leaves, got {parameter!r}. Pass model.parameters()."
                )
        if not self.parameters:
            raise ArgumentError(f"{who}: at least one parameter is needed, got none. Pass model.parameters().")
        if lr is None:
            raise InputTypeError(f"{who}: lr must be given, got none. Pass lr=0.1, say.")
        rate = lr if callable(lr) else number(lr, f"{who}: lr", 0.0)
        self.schedule: Schedule = rate if callable(rate) else lambda step: rate
        self.weight_decay = number(weight_decay, f"{who}: weight_decay", 0.0)
        self.steps = 0

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        return number(self.schedule(self.steps), f"{type(self).__name__}: lr", 0.0)

    def __repr__(self) -> str:
        """Return what it moves, and how fast: SGD(17 parameters, lr=0.1)."""
        count = len(self.parameters)
        return f"{type(self).__name__}({count} parameter{'s' * (count != 1)}, lr={self.lr:g})"

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        for parameter in self.parameters:
            parameter.grad = 0.0

    def step(self) -> None:
        """Move every parameter once; or none, if Ctrl-C or an error comes in between.

        Raises:
            NonFiniteError: a parameter would become nan or inf.
        """
        memory, lr = vars(self).copy(), self.lr
        before = [p.data for p in self.parameters]
        gradients = [
            getattr(p.grad, "data", p.grad) + self.weight_decay * x
            for p, x in zip(self.parameters, before, strict=True)
        ]
        try:
            moves = self.moves(gradients)
            self.steps += 1
            for parameter, x, move in zip(self.parameters, before, moves, strict=True):
                parameter.data = x - lr * move
                if not isfinite(parameter.data):
                    raise self._not_finite(parameter, x, lr, move)
        except BaseException:
            vars(self).update(memory)
            for parameter, x in zip(self.parameters, before, strict=True):
                parameter.data = x
            raise

    def _not_finite(self, parameter: Value, x: float, lr: float, move: float) -> NonFiniteError:
        name = f"node {parameter.label!r}" if parameter.label else "an unnamed parameter"
        return NonFiniteError(
            f"{type(self).__name__}: a step must leave parameters finite, got {x - lr * move!r} at {name}: "
            f"{x:.4g} - {lr:.4g} * {move:.4g}. No step was made. Lower the learning rate."
        )

    def moves(self, gradients: list[float]) -> list[float]:
        """Return, per parameter, what is subtracted after multiplication by lr.

        What it remembers is replaced, not changed in place, so that a step can be taken back.
        """
        raise NotImplementedError(f"{type(self).__name__}: write moves(self, gradients)")


class SGD(Optimizer):
    """Gradient descent: v ← momentum·v + g, p ← p − lr·v, where g = gradient + weight_decay·p.

    With `nesterov` p ← p − lr·(g + momentum·v) (Sutskever et al. 2013); both in PyTorch's form.

    >>> p = Value(1.0); opt = SGD([p], lr=0.1)
    >>> (p ** 2).backward(); opt.step(); p.data
    0.8
    """

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float | Schedule | None = None,
        momentum: float = 0.0,
        *,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.momentum, self.nesterov = number(momentum, "SGD: momentum", 0.0), nesterov
        if nesterov and not momentum:
            raise ArgumentError("SGD: nesterov needs a momentum, got 0. Pass momentum=0.9, say.")
        self.velocity = [0.0] * len(self.parameters)

    def moves(self, gradients: list[float]) -> list[float]:
        if not self.momentum:
            return gradients
        self.velocity = [self.momentum * v + g for v, g in zip(self.velocity, gradients, strict=True)]
        if not self.nesterov:
            return self.velocity
        return [g + self.momentum * v for v, g in zip(self.velocity, gradients, strict=True)]


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015): steps of about lr whatever the size of the gradients.

    m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², p ← p − lr·m̂ / (√v̂ + eps), with m̂ = m/(1−β₁ᵗ) and
    v̂ = v/(1−β₂ᵗ). `eps` has the unit of a gradient.

    >>> p = Value(1.0); opt = Adam([p], lr=0.1)
    >>> (p ** 2).backward(); opt.step(); round(p.data, 6)
    0.9
    """

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float | Schedule = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise InputTypeError(f"Adam: betas must be a pair of numbers, got {betas!r}. Write betas=(0.9, 0.999).")
        self.betas, self.eps = tuple(betas), number(eps, "Adam: eps", 0.0)
        for beta in betas:
            if number(beta, "Adam: betas", 0.0) >= 1.0:
                raise ArgumentError(f"Adam: betas must lie in [0, 1), got {betas!r}.")
        self.mean = [0.0] * len(self.parameters)
        self.square = [0.0] * len(self.parameters)

    def moves(self, gradients: list[float]) -> list[float]:
        b1, b2 = self.betas
        self.mean = [b1 * m + (1.0 - b1) * g for m, g in zip(self.mean, gradients, strict=True)]
        self.square = [b2 * v + (1.0 - b2) * g * g for v, g in zip(self.square, gradients, strict=True)]
        t = self.steps + 1
        scale, root = 1.0 / (1.0 - b1**t), sqrt(1.0 - b2**t)
        return [scale * m / (sqrt(v) / root + self.eps) for m, v in zip(self.mean, self.square, strict=True)]


def linear_decay(start: float, end: float, steps: int) -> Schedule:
    """Return a schedule that goes from start to end in a straight line, then stays.

    >>> lr = linear_decay(1.0, 0.1, 100)
    >>> lr(0), lr(50), lr(1000)
    (1.0, 0.55, 0.1)
    """
    length = whole(steps, "linear_decay: steps")

    def lr(step: int) -> float:
        share = min(step / length, 1.0)
        return start * (1.0 - share) + end * share

    return lr


def exponential_decay(start: float, factor: float, every: int = 1) -> Schedule:
    """Return a schedule multiplied by `factor` after every `every` steps.

    >>> exponential_decay(1.0, 0.5, every=10)(25)
    0.25
    """
    length = whole(every, "exponential_decay: every")
    return lambda step: start * factor ** (step // length)


def cosine_decay(start: float, end: float, steps: int) -> Schedule:
    """Return a schedule that goes from start to end along half a cosine (Loshchilov & Hutter 2017), then stays.

    >>> lr = cosine_decay(1.0, 0.0, 100)
    >>> lr(0), round(lr(50), 6), lr(1000)
    (1.0, 0.5, 0.0)
    """
    length = whole(steps, "cosine_decay: steps")
    return lambda step: end + (start - end) * (1.0 + cos(pi * min(step / length, 1.0))) / 2.0


def whole(n: Any, who: str) -> int:
    """Return a number of steps or epochs, at least 1."""
    try:
        count = index(n)
    except TypeError:
        raise InputTypeError(f"{who} must be an int, got {n!r} of type {type(n).__name__}.") from None
    if count < 1:
        raise ArgumentError(f"{who} must be at least 1, got {count}.")
    return count


def number(value: float, who: str, low: float, high: float = inf) -> float:
    """Return a setting as a float, or raise an error that says where it must lie."""
    try:
        result = Value(value).data
    except InputTypeError:
        raise InputTypeError(f"{who}: a real number is needed, got {value!r} of type {type(value).__name__}.") from None
    if not (low <= result <= high and isfinite(result)):
        raise ArgumentError(f"{who}: must be a finite number of at least {low:g}, got {value!r}.")
    return result
