"""Where a model says what: the plane of two features, and the class at each of its points.

What pictures of decision boundaries are drawn from; plain lists of floats, so that nothing
has to be installed. Models are evaluated on arrays where numpy is there.
"""

from __future__ import annotations

from contextlib import contextmanager
from math import fsum
from operator import index

from autograd_lite.errors import ArgumentError, InputTypeError
from nn.activations import Activation
from nn.layers import Layer, Neuron
from nn.module import Module
from nn.networks import Sequential
from nn.prediction import class_of, meaning
from nn.targets import class_names, examples, target_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

MARGIN = 0.25
"""How far a picture reaches beyond the points, as a share of where they lie."""
EQUAL = 5.0
"""Features whose ranges differ by no more than this factor are drawn to the same scale."""


class Plane:
    """The plane of two features; all others stand at their mean.

    Attributes:
        X: the examples: an array where numpy is there, else lists; so is a grid.
        points: (horizontal, vertical) of each example.
        low, high: the corners of the picture.
        equal: whether both features are drawn to the same scale.
        others: the mean of every feature.
    """

    def __init__(self, X: Any, model: Module, features: Any, eps: float | None, who: str) -> None:  # noqa: N803
        found = examples(X, model, who)
        rows = found.tolist() if hasattr(found, "tolist") else found
        self.X = _as_array(rows)
        self.features = _two(features, len(rows[0]), who)
        across, up = self.features
        self.points: list[tuple[float, float]] = [(row[across], row[up]) for row in rows]
        self.others = [fsum(column) / len(rows) for column in zip(*rows, strict=True)]
        bounds = [(min(column), max(column)) for column in zip(*self.points, strict=True)]
        spans = [high - low for low, high in bounds]
        widest = max(spans) or 1.0
        self.equal = eps is not None or min(spans) * EQUAL >= widest or min(spans) == 0.0
        if eps is not None and not (isinstance(eps, (int, float)) and 0.0 < eps < float("inf")):
            raise ArgumentError(
                f"{who}: eps must be a number, positive and finite, got {eps!r:.40}. Leave it out for a quarter."
            )
        room = [eps or MARGIN * (widest if self.equal else span) for span in spans]
        self.low = (bounds[0][0] - room[0], bounds[1][0] - room[1])
        self.high = (bounds[0][1] + room[0], bounds[1][1] + room[1])

    def grid(self, n: int) -> Any:
        """Return n × n examples, row by row from the low corner."""
        across, up = self.features
        xs, ys = ([a + (b - a) * k / (n - 1) for k in range(n)] for a, b in zip(self.low, self.high, strict=True))
        if not hasattr(self.X, "tolist"):
            rows = []
            for y in ys:
                for x in xs:
                    row = list(self.others)
                    row[across], row[up] = x, y
                    rows.append(row)
            return rows
        import numpy as np

        grid = np.tile(np.array(self.others), (n * n, 1))
        grid[:, across], grid[:, up] = np.tile(xs, n), np.repeat(ys, n)
        return grid


class Reading:
    """A model read as a classifier, whatever its outputs are.

    One output that is no probability is a class all the same: it is tried against 0 where the
    targets are −1 and 1, against ½ where they are 0 and 1.

    Attributes:
        targets: the class index of each example.
        names: what each class is called.
        signs: whether the one output is a margin, −1 or 1 by its sign.
        takes: what the outputs are: see `nn.prediction.meaning`.
        is_guess: whether nothing says if the one output is a logit.

    >>> from nn import MLP
    >>> reading = Reading(MLP(1, [1], random_state=0), [[0.0], [1.0]], [-1, 1], None, "example")
    >>> reading.targets, reading.names, reading.takes
    ([0, 1], ('class −1', 'class 1'), 'margins')
    """

    def __init__(self, model: Module, X: Any, y: Any, loss: Any, who: str) -> None:  # noqa: N803
        self.model = model
        outputs = len(model.evaluate(X[:1])[0])
        labels = [_label(t) for t in target_list(y, who)]
        if len(labels) != len(X):
            raise ArgumentError(f"{who}: one target per row of X is needed, got {len(labels)} for {len(X)} rows.")
        names = class_names(labels, outputs, model.classes, who) or model.classes
        signed = all(t in (-1, 1) for t in labels) and -1 in labels
        takes = meaning(model, loss, outputs)
        self.takes = takes if takes != "numbers" else "margins" if signed else "probabilities"
        self.is_guess = takes == "numbers" and outputs == 1 and not signed and loss is None and model.loss is None
        self.signs = self.takes == "margins" and outputs == 1
        if signed:
            labels = [(t + 1) // 2 for t in labels]
        numbers = ("−1", "1") if signed else range(max(outputs, 2))
        self.names = names or tuple(f"class {k}" for k in numbers)
        self.targets = [_index(t, self.names, f"{who}: row {k} of y") for k, t in enumerate(labels)]

    def refuse_guess(self, who: str) -> None:
        """Raise ArgumentError where 0 and 1 are told apart by an output that may be a logit or a share."""
        if self.is_guess:
            raise ArgumentError(
                f"{who}: the loss must be known to tell 0 and 1 apart by one output, got a model that fit has not "
                f"trained. Pass loss='bce_logits' if it is tried against 0, loss='mse' if against a half."
            )

    def shares(self, X: Any) -> Any:  # noqa: N803
        """Return the share of each class at each row of X, from 0 to 1: a column per class, of two only the second.

        P(class) where the outputs are probabilities or logits; a margin m counts (m + 1) / 2.
        """
        outputs = self.model.evaluate(X)
        if self.takes == "logits":
            outputs = Activation("softmax" if len(outputs[0]) > 1 else "sigmoid").evaluate(outputs)
        if hasattr(outputs, "tolist"):
            columns = ((outputs + 1.0) / 2.0 if self.takes == "margins" else outputs).clip(0.0, 1.0).T
        else:
            both = (0.5, 0.5) if self.takes == "margins" else (1.0, 0.0)
            columns = [[min(max(both[0] * y + both[1], 0.0), 1.0) for y in c] for c in zip(*outputs, strict=True)]
        return columns[1:] if len(columns) == 2 else columns

    def found(self, X: Any) -> list[int]:  # noqa: N803
        """Return the index of the class that the model says, for each row of X."""
        outputs = self.model.evaluate(X)
        return [class_of(row, self.takes) for row in (outputs.tolist() if hasattr(outputs, "tolist") else outputs)]

    def wrong(self, X: Any) -> list[int]:  # noqa: N803
        """Return which rows of X get another class than their target."""
        return [k for k, (a, b) in enumerate(zip(self.found(X), self.targets, strict=True)) if a != b]


@contextmanager
def in_state(model: Module, state: Mapping[str, float]) -> Iterator[None]:
    """Give a model other parameters for a while.

    >>> from nn import Perceptron
    >>> gate = Perceptron(1)
    >>> with in_state(gate, {"w.0": 1.0, "b": 0.0}):
    ...     gate.predict([[2.0]])
    [1]
    >>> gate.predict([[2.0]])
    [0]
    """
    now = model.state_dict()
    model.load_state_dict(state)
    try:
        yield
    finally:
        model.load_state_dict(now)


def weighted(model: Module) -> list[Module]:
    """Return the parts of a network in order: layers, neurons and activations; [model] where it is no network."""
    if isinstance(model, Sequential):
        return [part for layer in model.layers for part in weighted(layer)]
    return [model]


def neurons_of(part: Module) -> list[Neuron]:
    """Return the neurons of a layer, [part] of a neuron, none of anything else."""
    return part.neurons if isinstance(part, Layer) else [part] if isinstance(part, Neuron) else []


def _as_array(rows: list[list[float]]) -> Any:
    try:
        import numpy as np
    except ImportError:
        return rows
    return np.array(rows)


def _two(features: Any, width: int, who: str) -> tuple[int, int]:
    try:
        across, up = (index(k) for k in features)
        fits = 0 <= across < width and 0 <= up < width and across != up
    except (TypeError, ValueError):
        fits = False
    if width < 2:
        raise ArgumentError(f"{who}: X must have at least two features to be a plane, got {width}.")
    if not fits:
        raise ArgumentError(
            f"{who}: features must be two different columns of X, 0 to {width - 1}, got {features!r}. "
            f"Write features=(0, 1)."
        )
    return across, up


def _label(target: Any) -> Any:
    """Return a target as a name or a number; a one-hot one as the index of its class."""
    if isinstance(target, (list, tuple)) and target:
        return list(target).index(max(target)) if len(target) > 1 else target[0]
    return target


def _index(label: Any, names: tuple[str, ...], where: str) -> int:
    if isinstance(label, str):
        return names.index(label)
    try:
        k = int(label)
    except (TypeError, ValueError, OverflowError):
        raise InputTypeError(f"{where}: a class is needed, got {label!r:.40}.") from None
    if k != label or not 0 <= k < len(names):
        raise ArgumentError(f"{where}: must be a class, 0 to {len(names) - 1}, got {label!r:.40}.")
    return k
