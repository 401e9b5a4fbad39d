"""Instructions as NumPy calls: the form that runs everywhere, and the one to check against.

Whole arrays instead of blocks, tables instead of loops: slower than native code by far, and
written from the instructions alone, so that it shares no line with the other emitter.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite.compiler.circuit import SYMMETRIC
from autograd_lite.compiler.roll import DATA
from autograd_lite.compiler.source import as_matrix

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from autograd_lite.compiler.build import Lowered
    from autograd_lite.compiler.roll import Group, Instruction, Kind

    Array = NDArray[np.float64]


def _sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0.0, 1.0, e) / (1.0 + e) + 0.0 * x


def _sigmoid_slope(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return e / ((1.0 + e) * (1.0 + e))


def _where(condition: Any, a: Any, b: Any) -> Any:
    chosen = np.where(condition == 0.0, b, a)
    return np.where(np.isnan(condition), np.nan, chosen)


def _unless_nan(outcome: Any, *xs: Any) -> Any:
    return np.where(np.logical_or.reduce([np.isnan(x) for x in np.broadcast_arrays(*xs)]), np.nan, outcome)


ROWS: Mapping[str, Callable[..., Array]] = {
    "abs": np.abs, "acos": np.arccos, "acosh": np.arccosh, "asin": np.arcsin, "asinh": np.arcsinh, "atan": np.arctan,
    "atan2": np.arctan2, "atanh": np.arctanh, "cbrt": np.cbrt, "cos": np.cos, "cosh": np.cosh, "div": np.divide,
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "floor": np.floor, "log": np.log, "log10": np.log10,
    "log1p": np.log1p, "log2": np.log2, "max": np.maximum, "maximum": np.maximum, "min": np.minimum,
    "minimum": np.minimum, "pow": np.power, "sign": np.sign, "sin": np.sin, "sinh": np.sinh, "sqrt": np.sqrt,
    "tan": np.tan, "tanh": np.tanh, "sigmoid": _sigmoid, "sigmoid_slope": _sigmoid_slope,
    "where": _where,
    "erf": np.vectorize(math.erf, otypes=[float]), "erfc": np.vectorize(math.erfc, otypes=[float]),
    "relu": lambda x: np.where(x <= 0.0, 0.0, x),
    "step": lambda x: _unless_nan(x > 0.0, x),
    "greater": lambda a, b: _unless_nan(a > b, a, b),
    "chain": lambda upstream, local: np.where(upstream == 0.0, 0.0, upstream * local),
    "gate": lambda a, b: np.where((a == 0.0) | (b == 0.0), 0.0, a * b),
}  # fmt: skip
"""The array form of every elementary row."""


class NumpyCode:
    """The instructions of a program on arrays.

    Attributes:
        shared: the numbers that are the same for all samples: parameters, gradient, inputs, constants, ...
    """

    engine = "numpy"

    def __init__(self, lowered: Lowered) -> None:
        rolled = lowered.rolled
        self.shared = np.zeros(rolled.shared)
        self.sizes = rolled.results
        self.calls = [(instruction, *_places(instruction)) for instruction in rolled.instructions]
        self.data: dict[int, Array] = {}
        self.results: dict[int, Array] = {}

    def bind(self, axis: int, samples: Array, weight: float) -> None:
        """Take the data of an axis, one row per sample."""
        self.data[axis] = np.vstack([samples.T, np.full(len(samples), weight)])

    def load(self, arrays: Sequence[Array], mean: bool) -> None:
        """Take the examples of axis 1."""
        samples = as_matrix(arrays)
        self.bind(1, samples, 1.0 / len(samples) if mean else 1.0)

    def evaluate(self) -> None:
        """Compute everything from what is in shared memory and in the data."""
        self.results = {axis: np.zeros((self.sizes.get(axis, 0), data.shape[1])) for axis, data in self.data.items()}
        with np.errstate(all="ignore"):
            for instruction, out, places in self.calls:
                values = _compute(instruction, places, self._read)
                if instruction.axis:
                    self.results[instruction.axis][out] = values
                else:
                    self.shared[out] = values[:, 0]

    def results_of(self, group: Group, place: int) -> Array:
        """Return a result for every sample of its axis."""
        found: Array = self._read(group, np.array([[place]]))[0, 0]
        return found

    def _read(self, group: Group, places: NDArray[np.intp]) -> Array:
        if not group.axis:
            return self.shared[places][..., None]
        found: Array = (self.data if group.space == DATA else self.results)[group.axis][places]
        return found


def _places(instruction: Instruction) -> tuple[NDArray[np.intp], list[NDArray[np.intp]]]:
    """Return where the rows go, and per kind the places of the operands [rows, terms, 2]."""
    rows = instruction.rows()
    places = []
    for k, kind in enumerate(instruction.kinds):
        if kind.full is not None:
            places.append(kind.full)
        else:
            places.append(rows[:, None, 1 + 2 * k : 3 + 2 * k] + kind.offsets())
    return rows[:, 0], places


def _compute(instruction: Instruction, places: list[NDArray[np.intp]], read: Callable[..., Array]) -> Array:
    """Return the values of all rows [rows, samples], or [rows, 1]."""
    if instruction.op != "sum":
        operands = [
            _gathered(instruction, kind, read(kind.a, where[:, k, 0]))
            for kind, where in sorted(zip(instruction.kinds, places, strict=True), key=lambda item: item[0].role)
            for k in range(kind.count)
        ]
        row = ROWS[instruction.op]
        if instruction.op not in SYMMETRIC:
            return row(*operands)
        result = operands[0]
        for operand in operands[1:]:
            result = row(result, operand)
        return result
    total: Any = 0.0
    for kind, where in zip(instruction.kinds, places, strict=True):
        total = total + _sum_of_kind(kind, where, read, over_samples=not instruction.axis)
    return np.asarray(total)


def _gathered(instruction: Instruction, kind: Kind, operand: Array) -> Array:
    """Return an operand, the largest of all samples where the instruction asks for that."""
    if instruction.axis or not kind.axis:
        return operand
    row: Any = ROWS[instruction.op]  # a ufunc: np.maximum or np.minimum
    found: Array = row.reduce(operand, axis=1, keepdims=True)
    return found


def _sum_of_kind(kind: Kind, where: NDArray[np.intp], read: Callable[..., Array], over_samples: bool) -> Array:
    a = read(kind.a, where[..., 0])
    if kind.b is None:
        values = a.sum(axis=1)
    else:
        values = np.einsum("ntk,ntk->nk", *np.broadcast_arrays(a, read(kind.b, where[..., 1])))
    if over_samples and kind.axis:
        values = values.sum(axis=1, keepdims=True)
    return np.asarray(-values if kind.role else values)
