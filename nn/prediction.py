"""Predictions: what the outputs of a model mean. No graph is built.

The loss decides, the one given or the one the model was fitted with:

    several outputs   the class of the largest
    one output        class 1 where its probability is above a half (hinge: 1 or -1 by sign)
    squared errors    the output itself, unless the last activation makes probabilities, or the
                      targets were names: then the class that it is closest to, of 0 and 1

Without a loss, several outputs are taken for classes, one for a number unless the last
activation is sigmoid or step. Classes are indices, or names where the targets were names.
"""

from __future__ import annotations

from math import fsum

from autograd_lite import sigmoid, softmax
from autograd_lite.errors import ArgumentError
from nn.loss import Loss, as_list
from nn.losses import loss_named
from nn.targets import examples, plain, target_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nn.module import Module

BOUNDED = ("sigmoid", "softmax", "step")
"""Activations whose outputs are probabilities."""


def meaning(model: Module, loss: Any, outputs: int) -> str:
    """Return what the outputs are: "logits", "probabilities", "margins", "numbers", or "shares" near 0 or 1."""
    known = loss_named(loss) if loss is not None else model.loss
    takes = known.takes if isinstance(known, Loss) else None
    bounded = model.final is not None and model.final.name in BOUNDED
    if takes in (None, "numbers") and bounded:
        return "probabilities"
    if model.classes is not None and (takes == "numbers" or (takes is None and outputs == 1)):
        return "shares"
    return takes or ("logits" if outputs > 1 else "numbers")


def predict(model: Module, X: Any, loss: Any = None) -> Any:  # noqa: N803
    """Return the prediction for each row of X, as a list, or an array where X is one."""
    X = examples(X, model, "predict")  # noqa: N806
    predictions = decide(model, model.evaluate(X), loss)
    if not hasattr(X, "tolist"):
        return predictions
    import numpy as np

    return np.array(predictions)


def decide(model: Module, outputs: Any, loss: Any = None) -> list[Any]:
    """Return the prediction for each row of outputs."""
    count = len(outputs[0])
    takes = meaning(model, loss, count)
    if takes == "numbers":
        rows = outputs.tolist() if hasattr(outputs, "tolist") else outputs
        return [row[0] for row in rows] if count == 1 else rows
    if hasattr(outputs, "tolist"):
        threshold = threshold_of(takes)
        found = (outputs.argmax(axis=1) if count > 1 else (outputs[:, 0] > threshold).astype(int)).tolist()
    else:
        found = [class_of(row, takes) for row in outputs]
    if model.classes is not None:
        return [model.classes[k] for k in found]
    return [2 * k - 1 for k in found] if takes == "margins" else found


def class_of(row: list[float], takes: str) -> int:
    """Return the index of the class that one row of outputs speaks for."""
    if len(row) > 1:
        return row.index(max(row))
    return int(row[0] > threshold_of(takes))


def threshold_of(takes: str) -> float:
    """Return what a single output must be above to speak for class 1."""
    return 0.5 if takes in ("probabilities", "shares") else 0.0


def predict_proba(model: Module, X: Any, loss: Any = None) -> Any:  # noqa: N803
    """Return the probability of every class for each row of X: [1 − p, p] where there is one output p.

    Several sigmoid outputs are each a probability of their own and do not add up to 1.
    """
    X = examples(X, model, "predict_proba")  # noqa: N806
    outputs = model.evaluate(X)
    takes = meaning(model, loss, len(outputs[0]))
    if takes not in ("logits", "probabilities"):
        raise ArgumentError(
            f"predict_proba: the outputs must stand for probabilities, got {takes}. "
            f"Train with bce_logits or cross_entropy, or pass loss='bce_logits'."
        )
    rows = outputs.tolist() if hasattr(outputs, "tolist") else outputs
    if takes == "logits":
        rows = [softmax(row) if len(row) > 1 else [sigmoid(row[0])] for row in rows]
    rows = [[1.0 - row[0], row[0]] if len(row) == 1 else row for row in rows]
    if not hasattr(X, "tolist"):
        return rows
    import numpy as np

    return np.array(rows)


def score(model: Module, X: Any, y: Any, loss: Any = None) -> float:  # noqa: N803
    """Return the share of right classes, or R² = 1 − Σ(y−ŷ)² / Σ(y−ȳ)² where the model predicts numbers."""
    X = examples(X, model, "score")  # noqa: N806
    targets = target_list(y, "score")
    if len(targets) != len(X):
        raise ArgumentError(f"score: one target per row of X is needed, got {len(targets)} for {len(X)}.")
    outputs = model.evaluate(X)
    found = decide(model, outputs, loss)
    if meaning(model, loss, len(outputs[0])) == "numbers":
        targets = [[plain(t, f"score: row {k} of y") for t in as_list(row)] for k, row in enumerate(targets)]
        return _r_squared(found, targets)
    known, count = model.classes, len(targets)
    for k, target in enumerate(targets):
        if isinstance(target, str) and (known is None or target not in known):
            names = ", ".join(known) if known else "class indices (the model knows no names)"
            raise ArgumentError(f"score: row {k} of y must be one of {names}, got {target!r}.")
        if isinstance(target, (list, tuple)):
            targets[k] = target = list(target).index(max(target))
        if isinstance(target, int) and known is not None and not 0 <= target < len(known):
            raise ArgumentError(f"score: row {k} of y: the class must lie in 0..{len(known) - 1}, got {target}.")
    if known is not None:
        targets = [known[t] if not isinstance(t, str) else t for t in targets]
    right: int = sum(p == t for p, t in zip(found, targets, strict=True))
    return right / count


def _r_squared(found: list[Any], targets: list[Any]) -> float:
    pairs = list(zip(map(as_list, found), map(as_list, targets), strict=True))
    count = len(pairs)
    means = [fsum(t[k] for _, t in pairs) / count for k in range(len(pairs[0][1]))]
    left = fsum((a - b) ** 2 for p, t in pairs for a, b in zip(p, t, strict=True))
    total = fsum((b - m) ** 2 for _, t in pairs for b, m in zip(t, means, strict=True))
    return 1.0 - left / total if total else float(left == 0.0)
