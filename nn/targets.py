"""Examples and targets as models and losses want them, and errors where they are not so."""

from __future__ import annotations

from math import isfinite
from operator import index

from autograd_lite import Value
from autograd_lite.errors import ArgumentError, InputTypeError
from nn.dataset import Dataset
from nn.layers import Layer
from nn.loss import Loss, as_list
from nn.losses import one_hot
from nn.module import UNORDERED, modules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nn.module import Module


def examples(X: Any, model: Module, who: str) -> Any:  # noqa: N803
    """Return X checked: an array, tensor or table becomes an array of floats, anything else lists of floats.

    Raises:
        ArgumentError: no examples, a row that is not n_in wide, or a number that is nan or inf.
    """
    n_in = model.n_in
    if hasattr(X, "to_numpy"):  # a table of pandas or polars, which would be walked through by its columns
        X = X.to_numpy()  # noqa: N806
    if hasattr(X, "tolist") and hasattr(X, "ndim"):
        return _array(X, n_in, who)
    if isinstance(X, Dataset):
        raise InputTypeError(f"{who}: X must be a list of examples, got a Dataset. Write dataset.X.")
    try:
        given = [X] if isinstance(X, UNORDERED) else list(X)
        if any(isinstance(row, UNORDERED) for row in given):
            raise TypeError
        rows = [row.tolist() if hasattr(row, "tolist") else list(row) for row in given]
    except TypeError:
        raise InputTypeError(
            f"{who}: X must be a list of examples, each a list of numbers, got {X!r:.60}. Write [x] for one."
        ) from None
    if not rows:
        raise ArgumentError(f"{who}: X must have at least one example, got none.")
    width = n_in or len(rows[0])
    for k, row in enumerate(rows):
        if len(row) != width:
            place = f" for {entrance(model)}" if n_in else ""
            raise ArgumentError(f"{who}: row {k} of X must have {width} numbers{place}, got {len(row)}.")
        for j, x in enumerate(row):
            if x.__class__ is not float:
                row[j] = x = plain(x, f"{who}: row {k} of X")
            if not isfinite(x):
                raise ArgumentError(f"{who}: row {k}, column {j} of X must be finite, got {x!r}. Clean the data first.")
    return rows


def entrance(model: Module) -> str:
    """Return the name of the layer that examples meet first."""
    return next((part.place for part in modules(model) if isinstance(part, Layer)), model.describe())


def _array(X: Any, n_in: int | None, who: str) -> Any:  # noqa: N803
    import numpy as np

    X = np.asarray(X)  # noqa: N806  # a tensor of torch or jax, too
    if X.ndim != 2 or not X.shape[0] or (n_in is not None and X.shape[1] != n_in):
        width, one = "n_in" if n_in is None else n_in, " Write [x] for one." * (X.ndim == 1)
        raise ArgumentError(f"{who}: X must have shape (examples, {width}), at least one example, got {X.shape}.{one}")
    if X.dtype.kind not in "biuf":
        raise InputTypeError(f"{who}: X must be an array of numbers, got one of {X.dtype}.")
    X = X.astype(float, copy=False)  # noqa: N806
    if not np.isfinite(X).all():
        k, j = np.argwhere(~np.isfinite(X))[0].tolist()
        raise ArgumentError(f"{who}: row {k}, column {j} of X must be finite, got {X[k, j]}. Clean the data first.")
    return X


def plain(x: Any, who: str) -> float:
    """Return a plain number as a float."""
    if isinstance(x, Value):
        raise InputTypeError(f"{who}: a plain number is needed, got a Value. Write v.data.")
    try:
        return Value(x).data
    except InputTypeError:
        raise InputTypeError(
            f"{who}: a number is needed, got {x!r:.40} of type {type(x).__name__}. Convert it with float(...) first."
        ) from None


def target_list(y: Any, who: str) -> list[Any]:
    """Return targets, one per example, as a list."""
    try:
        if isinstance(y, (str, bytes, dict, set)):
            raise TypeError
        return list(y.tolist() if hasattr(y, "tolist") else y)
    except TypeError:
        raise InputTypeError(f"{who}: y must be a list with one target per example, got {y!r:.40}.") from None


def class_names(y: list[Any], outputs: int | None, known: tuple[str, ...] | None, who: str) -> tuple[str, ...] | None:
    """Return the names of the classes where targets are names; None where they are numbers."""
    names = [label for label in y if isinstance(label, str)]
    if not names:
        return None
    if len(names) < len(y):
        odd = next(label for label in y if not isinstance(label, str))
        raise InputTypeError(f"{who}: targets must be all names or all numbers, got {names[0]!r} and {odd!r}.")
    classes = known or tuple(sorted(set(names)))
    for k, label in enumerate(y):
        if label not in classes:
            cure = " Make a new model for other classes." if known else ""
            raise ArgumentError(f"{who}: row {k} of y must be one of {', '.join(classes)}, got {label!r:.60}.{cure}")
    if len(classes) == 1:
        raise ArgumentError(f"{who}: y must name at least two classes, got {names[0]!r:.40} alone.")
    if outputs is not None and len(classes) != (outputs if outputs > 1 else 2):
        raise ArgumentError(
            f"{who}: {len(classes)} classes ({', '.join(classes)}) need {len(classes)} outputs"
            f"{' (or 1)' if len(classes) == 2 else ''}, got a model with {outputs}."
        )
    return classes


def encode(
    y: Any, loss: Any, outputs: int | None, known: tuple[str, ...] | None, who: str
) -> tuple[list[Any], tuple[str, ...] | None]:
    """Return the targets as `loss` takes them, checked row by row, and the names of the classes.

    The names are the `known` ones if there are any, else those in y, else None. A loss that is
    a function of one's own gets its targets as they are.
    """
    targets = target_list(y, who)
    if not isinstance(loss, Loss):
        return targets, known
    if loss.targets == "class" and outputs == 1:
        instead = "bce_logits" if loss.takes == "logits" else "bce"
        raise ArgumentError(
            f"{who}: {loss.name}: one output per class, at least two, are needed, got 1. Use {instead} for one."
        )
    classes = class_names(targets, outputs, known, who)
    if classes is not None:
        return [_named(classes.index(label), loss, outputs, len(classes)) for label in targets], classes
    for k, target in enumerate(targets):
        _check(target, loss, outputs, f"{who}: row {k} of y")
    return targets, known


def _named(k: int, loss: Loss, outputs: int | None, classes: int) -> Any:
    if loss.targets == "class":
        return k
    if outputs is not None and outputs > 1:
        return one_hot(k, classes)
    return 2.0 * k - 1.0 if loss.targets == "sign" else float(k)


def _check(target: Any, loss: Loss, outputs: int | None, who: str) -> None:
    if loss.targets == "class" and not isinstance(target, (list, tuple)):
        try:
            k = index(target)
        except TypeError:
            raise InputTypeError(
                f"{who}: a class index is needed, got {target!r:.40} of type {type(target).__name__}. "
                f"Write 0, 1, 2, ..., or a name: int(t) of a whole number."
            ) from None
        if k < 0 or (outputs is not None and k >= outputs):
            rule = "not be negative" if outputs is None else f"lie in 0..{outputs - 1} for {outputs} outputs"
            raise ArgumentError(f"{who}: the class must {rule}, got {k}.")
        return
    numbers = [plain(t, who) for t in as_list(target)]
    if outputs is not None and len(numbers) != outputs:
        raise ArgumentError(
            f"{who}: {outputs} number{'s' * (outputs != 1)} expected, one per output, got {len(numbers)}. "
            f"one_hot(k, n) makes such a list of a class."
        )
    for t in numbers:
        if not isfinite(t):
            raise ArgumentError(f"{who}: must be finite, got {t!r}. Clean the data first.")
        if loss.targets == "sign" and t not in (-1.0, 1.0):
            raise ArgumentError(f"{who}: must be -1 or 1 for hinge, got {t!r}. Write 2 * t - 1 for targets 0 and 1.")
        if loss.targets in ("binary", "class", "distribution") and not 0.0 <= t <= 1.0:
            raise ArgumentError(f"{who}: must lie in [0, 1] for {loss.name}, got {t!r}.")
