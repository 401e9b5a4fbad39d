"""Ordinary functions: compositions of rows. They take Values or plain floats, as rows do."""

from __future__ import annotations

from operator import index

from autograd_lite.errors import ArgumentError, InputTypeError, described
from autograd_lite.primitives import Traced, in_words, to_number
from autograd_lite.table import dot_row, gate, greater, hypot, log, log1p, logsumexp, softmax_row, softplus
from autograd_lite.table import sum as sum_row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


def dot(xs: Iterable[Any], ws: Iterable[Any]) -> Any:
    """Return x0*w0 + x1*w1 + ... as one node.

    >>> dot([1.0, 2.0], [3.0, 4.0])
    11.0
    """
    try:
        xs, ws = tuple(xs), tuple(ws)
    except TypeError:
        raise InputTypeError(f"dot: two lists of numbers are needed, got {xs!r} and {ws!r}.") from None
    if len(xs) != len(ws):
        raise ArgumentError(f"dot: both vectors must have the same length, got {len(xs)} and {len(ws)}.")
    return dot_row(*xs, *ws)


def mean(xs: Iterable[Any]) -> Any:
    """Return the arithmetic mean.

    >>> mean([1.0, 2.0, 6.0])
    3.0
    """
    xs = _some_numbers(xs, "mean")
    return sum_row(*xs) / float(len(xs))


def norm(xs: Iterable[Any]) -> Any:
    """Return the Euclidean length of a vector; its gradient at 0 is 0.

    >>> norm([3.0, 4.0])
    5.0
    """
    return hypot(*_numbers(xs, "norm"))


def softmax(zs: Iterable[Any]) -> list[Any]:
    """Return exp(z_k) / sum_j exp(z_j) for every k: positive numbers that add up to 1.

    >>> softmax([0.0, 0.0])
    [0.5, 0.5]
    """
    zs = _some_numbers(zs, "softmax")
    return [softmax_row(z, *zs[:k], *zs[k + 1 :]) for k, z in enumerate(zs)]


def log_softmax(zs: Iterable[Any]) -> list[Any]:
    """Return ln softmax(zs), exact where one output is close to 1.

    >>> log_softmax([40.0, 0.0])[0]
    -4.248354255291589e-18
    """
    zs = _some_numbers(zs, "log_softmax")
    return [-cross_entropy(zs, k) for k in range(len(zs))]


def select(items: Iterable[Any], index: Any) -> Any:
    """Return items[index], where index is an integer or a Value that holds one.

    As a Value the index is data: a compiled program takes another one at every call. Rows of a
    table are chosen whole. Of what is not chosen, an infinity or nan is not kept out.

    >>> from autograd_lite import Value
    >>> select([10.0, 20.0, 30.0], Value(1.0)).data
    20.0
    >>> [x.data for x in select([[1.0, 2.0], [3.0, 4.0]], Value(1.0))]
    [3.0, 4.0]
    """
    items = list(items)
    if not isinstance(index, Traced):
        return items[class_index(index, len(items), "select")]
    chosen = _is_index(index, len(items), "select")
    if items and isinstance(items[0], (list, tuple)):
        return [dot(chosen, column) for column in zip(*items, strict=True)]
    return dot(chosen, items)


def _is_index(index: Any, count: int, who: str) -> list[Any]:
    """Return 1 at the place that a traced index holds, and 0 at the others."""
    number = getattr(index, "data", None)
    if number is not None and number not in range(count):
        raise ArgumentError(f"{who}: the index must be a whole number in 0..{count - 1}, got {number!r}.")
    first, *others = [1.0 - greater(index, float(k)) - greater(float(k), index) for k in range(count)]
    # 0/0 where later data hold no such index: never a made-up number
    return [first / sum_row(first, *others), *others]


def cross_entropy(logits: Iterable[Any], target: Any) -> Any:
    """Return -ln softmax(logits)[target], in nats.

    Computed as the logsumexp of z_j - z_target, with 0 for the target itself: finite for
    logits of any size, and exact where the target wins (4.2e-18 at [40, 0], not 0).

    Args:
        logits: k scalars, unnormalised.
        target: index of the true class, 0 <= target < k; as a Value it is data, see `select`.

    >>> round(cross_entropy([0.0, 0.0], 1), 6)      # ln 2: no idea among two
    0.693147
    """
    logits = _some_numbers(logits, "cross_entropy")
    if isinstance(target, Traced):
        is_target = _is_index(target, len(logits), "cross_entropy")
        chosen = dot_row(*is_target, *logits)
        return logsumexp(*[(z - chosen) * (1.0 - one) for z, one in zip(logits, is_target, strict=True)])
    target = class_index(target, len(logits), "cross_entropy")
    chosen = logits[target]
    if len(logits) == 1:  # certain: 0, as a node where the logit is one
        return chosen - chosen
    return logsumexp(*[0.0 if k == target else z - chosen for k, z in enumerate(logits)])


def class_index(target: Any, classes: int, who: str) -> int:
    """Return target as an index into `classes` classes, or raise an error that says what is wrong."""
    try:
        k = index(target)
    except TypeError:
        raise InputTypeError(f"{who}: the target must be an integer class, got {described(target)}.") from None
    if not 0 <= k < classes:
        raise ArgumentError(f"{who}: the target must lie in 0..{classes - 1} for {classes} logits, got {k}.")
    return k


def bce(probability: Any, target: Any) -> Any:
    """Return the binary cross-entropy -t ln p - (1 - t) ln(1 - p), in nats, with 0 ln 0 = 0.

    Args:
        probability: p of class 1, checked here and not at a replay. An impossible outcome
            (p = 0 where t = 1) costs inf.
        target: t, in [0, 1]; a Value is checked here and not at a replay.

    >>> round(bce(0.5, 1.0), 6), bce(1.0, 1.0), bce(0.0, 1.0)
    (0.693147, 0.0, inf)
    """
    t = _target(target, "bce")
    p = to_number(probability, "bce")
    number: Any = getattr(p, "data", p)
    if not (0.0 <= number <= 1.0 or number != number):
        got = in_words([number], [p])
        raise ArgumentError(
            f"bce: the probability must lie in [0, 1], got {got}. Use bce_logits for an unbounded output."
        )
    # The quiet rows: ln 0 is -inf here, an honest infinite loss, not an error.
    if isinstance(t, Traced):
        return 0.0 - (gate(t, log.quiet(p)) + gate(1.0 - t, log1p.quiet(-p)))
    if t == 1.0:
        return 0.0 - log.quiet(p)
    if t == 0.0:
        return 0.0 - log1p.quiet(-p)
    return 0.0 - (t * log.quiet(p) + (1.0 - t) * log1p.quiet(-p))


def bce_logits(logit: Any, target: Any) -> Any:
    """Return the binary cross-entropy of sigmoid(logit), in nats: t softplus(-z) + (1 - t) softplus(z).

    The target t is a number in [0, 1]; a Value is checked here and not at a replay.

    >>> round(bce_logits(0.0, 1.0), 6), bce_logits(-1e4, 1.0)
    (0.693147, 10000.0)
    """
    t = _target(target, "bce_logits")
    z = to_number(logit, "bce_logits")
    if isinstance(t, Traced):
        return t * softplus(-z) + (1.0 - t) * softplus(z)
    if t == 1.0:
        return softplus(-z)
    return softplus(z) if t == 0.0 else t * softplus(-z) + (1.0 - t) * softplus(z)


def _target(target: Any, who: str) -> Any:
    t = to_number(target, f"{who}: target")
    number: Any = getattr(t, "data", t)
    if not isinstance(number, Traced) and not 0.0 <= number <= 1.0:
        raise ArgumentError(f"{who}: the target must be a number in [0, 1], got {target!r}.")
    return t


def _numbers(xs: Any, who: str) -> tuple[Any, ...]:
    """Return xs as a tuple of Values and floats."""
    try:
        items = iter(xs)
    except TypeError:
        raise InputTypeError(f"{who}: a list of numbers is needed, got {xs!r}.") from None
    return tuple([to_number(x, who) for x in items])


def _some_numbers(xs: Any, who: str) -> tuple[Any, ...]:
    numbers = _numbers(xs, who)
    if not numbers:
        raise ArgumentError(f"{who}: at least one number is needed, got none.")
    return numbers
