"""Losses: what one example costs, and what a batch of them does.

    loss(output, target)                              one example
    loss.batch(outputs, targets, reduction="mean")    many: "mean" over examples, "sum", "none"

An output is what a model returns: a number (a Value or a float), or a list of them. A target is
plain numbers; or Values with the role "input", as in a compiled program, whose data change.
Cross-entropies are in nats; an impossible outcome (probability 0) costs inf, as it should.
"""

from __future__ import annotations

from math import isfinite
from operator import index

import autograd_lite as ag
from autograd_lite import Value
from autograd_lite.errors import ArgumentError, InputTypeError
from nn.loss import Loss, as_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _loss(takes: str, targets: str, link: str = "") -> Callable[[Callable[[list[Any], Any], Any]], Loss]:
    return lambda function: Loss(function, takes, targets, link)


@_loss("numbers", "numbers")
def squared_error(outputs: list[Any], target: Any) -> Any:
    """Return ½ Σ (ŷₖ − yₖ)², whose gradient is ŷ − y.

    >>> squared_error([1.0, 3.0], [0.0, 1.0])
    2.5
    """
    errors = _differences(outputs, target, "squared_error")
    return 0.5 * ag.dot(errors, errors)


@_loss("numbers", "numbers")
def mse(outputs: list[Any], target: Any) -> Any:
    """Return the mean of (ŷₖ − yₖ)² over the outputs.

    >>> mse([1.0, 3.0], [0.0, 1.0])
    2.5
    """
    errors = _differences(outputs, target, "mse")
    return ag.dot(errors, errors) / float(len(errors))


@_loss("probabilities", "binary")
def bce(outputs: list[Any], target: Any) -> Any:
    """Return −t ln p − (1 − t) ln(1 − p) of probabilities p, summed over the outputs, with 0 ln 0 = 0.

    >>> round(bce(0.5, 1), 6), bce(1.0, 1), bce(0.0, 1)
    (0.693147, 0.0, inf)
    """
    return _total([ag.bce(p, t) for p, t in _pairs(outputs, target, "bce")])


@_loss("logits", "binary", "sigmoid")
def bce_logits(outputs: list[Any], target: Any) -> Any:
    """Return the binary cross-entropy of σ(z), finite for logits z of any size, summed over the outputs.

    >>> round(bce_logits(0.0, 1), 6), bce_logits(-1e4, 1)
    (0.693147, 10000.0)
    """
    return _total([ag.bce_logits(z, t) for z, t in _pairs(outputs, target, "bce_logits")])


@_loss("logits", "class", "softmax")
def cross_entropy(outputs: list[Any], target: Any) -> Any:
    """Return −Σ tₖ ln softmax(z)ₖ of logits z; the target is a class index, or t itself (one-hot: the same).

    >>> round(cross_entropy([0.0, 0.0], 1), 6), cross_entropy([40.0, 0.0], [1, 0])
    (0.693147, 4.248354255291589e-18)
    """
    _several(outputs, "cross_entropy", "bce_logits")
    return _expected(lambda k: ag.cross_entropy(outputs, k), outputs, target, "cross_entropy")


@_loss("probabilities", "class")
def cross_entropy_probabilities(outputs: list[Any], target: Any) -> Any:
    """Return −Σ tₖ ln oₖ of probabilities o, with 0 ln 0 = 0: its gradient is −1/o at the true class.

    >>> round(cross_entropy_probabilities([0.25, 0.75], 0), 6)
    1.386294
    """
    _several(outputs, "cross_entropy_probabilities", "bce")
    _probabilities(outputs, "cross_entropy_probabilities")
    return _expected(lambda k: -ag.log.quiet(ag.select(outputs, k)), outputs, target, "cross_entropy_probabilities")


@_loss("probabilities", "distribution")
def kl_divergence(outputs: list[Any], target: Any) -> Any:
    """Return Σ tₖ ln(tₖ / oₖ), how far probabilities o are from the distribution t.

    >>> round(kl_divergence([0.5, 0.5], [0.25, 0.75]), 6)
    0.130812
    """
    _probabilities(outputs, "kl_divergence")
    t = _distribution(target, len(outputs), "kl_divergence")
    # ln t and ln o apart: their quotient could overflow where neither logarithm does.
    return _total([p * (ag.log(p) - ag.log.quiet(o)) for p, o in zip(t, outputs, strict=True) if _is_data(p) or p])


@_loss("margins", "sign")
def hinge(outputs: list[Any], target: Any) -> Any:
    """Return max(0, 1 − t ŷ) for t = −1 or 1: no cost once the example is right by a margin of 1.

    >>> hinge(0.25, -1)
    1.25
    """
    if len(outputs) != 1:
        raise ArgumentError(f"hinge: one output is needed, got {len(outputs)}. Use cross_entropy for several classes.")
    ((y, t),) = _pairs(outputs, target, "hinge")
    if not _is_data(t) and t not in (-1.0, 1.0):
        raise ArgumentError(f"hinge: the target must be -1 or 1, got {t!r}. Write 2 * t - 1 for targets 0 and 1.")
    return ag.relu(1.0 - t * y)


LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        squared_error,
        mse,
        bce,
        bce_logits,
        cross_entropy,
        cross_entropy_probabilities,
        kl_divergence,
        hinge,
    )
}
"""The losses by name."""


def loss_named(loss: Any) -> Any:
    """Return the loss of that name; a Loss, or a function (output, target) of your own, as it is."""
    if isinstance(loss, str):
        if loss not in LOSSES:
            from difflib import get_close_matches

            near = get_close_matches(loss.lower(), LOSSES, 1, 0.7)
            cure = f"Did you mean {near[0]!r}?" if near else "Write loss='mse', say."
            raise ArgumentError(f"loss: must be one of {', '.join(LOSSES)} or a function, got {loss!r:.60}. {cure}")
        return LOSSES[loss]
    if not callable(loss):
        raise InputTypeError(f"loss: must be a function (output, target) or a name, got {loss!r}.")
    return loss


def one_hot(target: int, classes: int) -> list[float]:
    """Return a list of zeros with 1 at index `target`.

    >>> one_hot(1, 3)
    [0.0, 1.0, 0.0]
    """
    try:
        k = index(target)
    except TypeError:
        raise InputTypeError(
            f"one_hot: the class must be an int, got {target!r} of type {type(target).__name__}."
        ) from None
    if not 0 <= k < classes:
        raise ArgumentError(f"one_hot: the class must lie in 0..{classes - 1}, got {target!r}.")
    return [1.0 if j == k else 0.0 for j in range(classes)]


def _is_data(target: Any) -> bool:
    """Whether a target is an input of a graph, whose number may change, so that nothing may depend on it now."""
    return isinstance(target, Value) and target.role == "input"


def _pairs(outputs: list[Any], target: Any, who: str) -> list[tuple[Any, Any]]:
    targets = [_number(t, who) for t in as_list(target)]
    if len(targets) != len(outputs):
        count = f"{len(outputs)} number{'s' * (len(outputs) != 1)}"
        raise ArgumentError(
            f"{who}: the target must have {count}, one per output, got {len(targets)}. "
            f"one_hot(k, n) makes such a list of a class."
        )
    return list(zip(outputs, targets, strict=True))


def _differences(outputs: list[Any], target: Any, who: str) -> list[Any]:
    return [y - t for y, t in _pairs(outputs, target, who)]


def _number(target: Any, who: str) -> Any:
    if _is_data(target):
        return target
    if isinstance(target, Value):
        raise InputTypeError(f"{who}: a target must be a plain number, got {target!r}. Write target.data.")
    try:
        number = Value(target).data
    except InputTypeError:
        raise InputTypeError(
            f"{who}: a real number is needed, got {target!r:.40} of type {type(target).__name__} as target."
        ) from None
    if not isfinite(number):
        raise ArgumentError(f"{who}: a target must be finite, got {number!r}. Clean the data first.")
    return number


def _total(terms: list[Any]) -> Any:
    return terms[0] if len(terms) == 1 else ag.sum(terms)


def _several(outputs: list[Any], who: str, instead: str) -> None:
    if len(outputs) < 2:
        raise ArgumentError(f"{who}: one output per class, at least two, are needed, got 1. Use {instead} for one.")


def _probabilities(outputs: list[Any], who: str) -> None:
    for o in outputs:
        number = o.data if isinstance(o, Value) else o
        if number < 0.0 or number > 1.0:
            raise ArgumentError(
                f"{who}: outputs must be probabilities in [0, 1], got {number!r}. "
                f"End the model with Softmax(), or use a loss on logits."
            )


def _distribution(target: Any, classes: int, who: str) -> list[float]:
    t = [_number(p, who) for p in as_list(target)]
    if len(t) == classes and all(map(_is_data, t)):
        return t
    if len(t) != classes or min(t) < 0.0 or abs(sum(t) - 1.0) > 1e-9:
        raise ArgumentError(
            f"{who}: the target must be {classes} probabilities that add up to 1, got {target!r}. "
            f"one_hot(k, {classes}) makes them of a class."
        )
    return t


def _expected(cost: Callable[[Any], Any], outputs: list[Any], target: Any, who: str) -> Any:
    """Return Σ tₖ cost(k), where the target is t or the index of the one class that has tₖ = 1."""
    if _is_data(target):
        return cost(target)
    if not isinstance(target, (list, tuple)) and not getattr(target, "ndim", 0):
        try:
            k = target.__index__()
        except AttributeError:
            raise InputTypeError(
                f"{who}: the target must be an integer class or one probability per class, "
                f"got {target!r} of type {type(target).__name__}."
            ) from None
        if not 0 <= k < len(outputs):
            raise ArgumentError(f"{who}: the class must lie in 0..{len(outputs) - 1}, got {k}.")
        return cost(k)
    t = _distribution(target, len(outputs), who)
    if all(map(_is_data, t)):
        return _total([p * cost(k) for k, p in enumerate(t)])
    return _total([cost(k) if p == 1.0 else p * cost(k) for k, p in enumerate(t) if p])
