"""Where a program comes from: a graph, a function, or one example's function and its data.

A source can be recorded on a tape, and it can be evaluated eagerly: the second is the check
on the first, the last rung of the ladder, and what names the node where a number went wrong.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite import modes
from autograd_lite.compiler.guards import Guards
from autograd_lite.compiler.tape import Tape, record, watching
from autograd_lite.errors import ArgumentError, InputTypeError
from autograd_lite.primitives import to_float
from autograd_lite.value import Value, gradients

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]


class Source(ABC):
    """What is compiled: `roots` functions of parameters, inputs and data."""

    arrays: tuple[Array, ...] = ()
    capacity = 0
    """How many examples there may be at once."""

    def __init__(self, parameters: Sequence[Value], inputs: Sequence[Value], gradient: bool) -> None:
        self.parameters, self.inputs, self.gradient = parameters, inputs, gradient

    @property
    def shared_inputs(self) -> int:
        """How many inputs are one number for all samples."""
        return len(self.inputs)

    def take(self, data: Sequence[Any]) -> None:
        """Go on with new inputs, or other examples."""
        if len(data) != len(self.inputs):
            raise ArgumentError(f"program: takes {len(self.inputs)} inputs, got {len(data)}.")
        for leaf, number in zip(self.inputs, [to_float(number, "program") for number in data], strict=True):
            leaf.data = number

    def shape(self, values: Array) -> Any:
        """Return values as a call returns them."""
        return float(values[0]) if len(values) == 1 else values

    @abstractmethod
    def record(self) -> Tape:
        """Return the graph on a tape."""

    @abstractmethod
    def evaluate(self) -> tuple[Array, Array | None]:
        """Return the values of the roots, and the gradient, by the tape's own passes."""


class GraphSource(Source):
    """A graph that exists: its branches in Python stay as they were."""

    def __init__(
        self, roots: Sequence[Value], parameters: Sequence[Value], inputs: Sequence[Value], gradient: bool
    ) -> None:
        super().__init__(parameters, inputs, gradient)
        self.roots = roots

    def record(self) -> Tape:
        return record(self.roots, self.parameters, self.inputs)

    def evaluate(self) -> tuple[Array, Array | None]:
        values = np.array([root.forward() for root in self.roots])
        return values, np.array(gradients(self.roots[0], self.parameters)) if self.gradient else None


class FunctionSource(Source):
    """A function without arguments that returns a Value, or a list of them."""

    def __init__(
        self, function: Callable[[], Any], parameters: Sequence[Value], inputs: Sequence[Value], gradient: bool
    ) -> None:
        super().__init__(parameters, inputs, gradient)
        self.function = function

    def record(self) -> Tape:
        guards = Guards()
        with watching(guards) as made:
            roots = as_roots(self.function(), self.gradient)
        return record(roots, self.parameters, self.inputs, made, guards)

    def evaluate(self) -> tuple[Array, Array | None]:
        roots = as_roots(self.function(), self.gradient)
        values = np.array([root.data for root in roots])
        return values, np.array(gradients(roots[0], self.parameters)) if self.gradient else None


class ExampleSource(Source):
    """A function of one example, and the examples: the value is the mean over them, plus a penalty.

    Without a gradient the values are those of every example.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        parameters: Sequence[Value],
        batch: Any,
        gradient: bool,
        penalty: Callable[[], Value] | None,
    ) -> None:
        self.function, self.penalty = function, penalty
        self.arrays = as_arrays(batch)
        self.capacity = len(self.arrays[0])
        self.shapes = [array.shape[1:] for array in self.arrays]
        sizes = [array[0].size for array in self.arrays]
        first = np.concatenate([a[0].ravel() for a in self.arrays])
        leaves = [Value(number, None, "input") for number in first.tolist()]
        super().__init__(parameters, leaves, gradient)
        self.cuts = np.concatenate([[0], np.cumsum(sizes)]).tolist()

    @property
    def shared_inputs(self) -> int:
        return len(self.inputs) if self.capacity == 1 else 0  # one example needs no axis of its own

    def _arguments(self, numbers: Sequence[Any]) -> list[Any]:
        return [
            _nested(numbers[start:end], shape)
            for start, end, shape in zip(self.cuts[:-1], self.cuts[1:], self.shapes, strict=True)
        ]

    def take(self, data: Sequence[Any]) -> None:
        arrays = self._examples(tuple(data))
        if len(arrays[0]) > self.capacity:
            raise ArgumentError(
                f"program: was compiled for {self.capacity} examples at most, got {len(arrays[0])}. "
                f"Compile it with a larger batch."
            )
        self.arrays = arrays

    def shape(self, values: Array) -> Any:
        return values[:, 0] if values.shape[1] == 1 else values

    def _examples(self, data: Any) -> tuple[Array, ...]:
        """Return data as arrays, if they are examples of the shapes this was recorded with."""
        arrays = as_arrays(data)
        if [array.shape[1:] for array in arrays] != self.shapes:
            raise ArgumentError(
                f"program: the data must have the shapes {', '.join(str(('n', *shape)) for shape in self.shapes)}, "
                f"got {', '.join(str(array.shape) for array in arrays)}."
            )
        return arrays

    def batches(self, data: Any, steps: int | None, batches: Any) -> tuple[tuple[Array, ...], list[NDArray[np.int64]]]:
        """Return data as arrays, and which rows of them each step takes: those given, or all, over and over."""
        given = self._examples(data)
        total, most = len(given[0]), self.capacity
        if batches is None:
            size = min(most, total)
            parts = [np.arange(k, min(k + size, total), dtype=np.int64) for k in range(0, total, size)]
            return given, [parts[k % len(parts)] for k in range(len(parts) if steps is None else steps)]
        chosen = [np.asarray(batch) for batch in batches][:steps]

        def is_fine(rows: NDArray[Any]) -> bool:
            return rows.dtype.kind in "iu" and int(rows.min()) >= 0 and int(rows.max()) < total

        # All of them at once: one by one takes as long as a step.
        alike = {(batch.ndim == 1 and 0 < len(batch) <= most, batch.dtype.kind) for batch in chosen} <= {(True, "i")}
        if not (alike and (not chosen or is_fine(np.concatenate(chosen)))):
            for batch in chosen:
                if batch.ndim != 1 or not 0 < len(batch) <= most or not is_fine(batch):
                    raise ArgumentError(
                        f"run: a batch is 1 to {most} numbers of rows in 0..{total - 1}, got {batch!r:.60}."
                    )
        return given, [batch.astype(np.int64, copy=False) for batch in chosen]

    def record(self) -> Tape:
        with watching() as made:
            roots = as_roots(self.function(*self._arguments(self.inputs)), self.gradient)
            if self.penalty is not None:
                roots.append(self.penalty())
        return record(roots, self.parameters, self.inputs, made)

    def evaluate(self) -> tuple[Array, Array | None]:
        matrix = as_matrix(self.arrays)
        values, slopes = [], np.zeros(len(self.parameters))
        for row in matrix.tolist():
            leaves = [Value(number, None, "input") for number in row]
            roots = as_roots(self.function(*self._arguments(leaves)), self.gradient)
            values.append([root.data for root in roots])
            if self.gradient:
                slopes += np.array(gradients(roots[0] / float(len(matrix)), self.parameters))
        if not self.gradient:
            return np.array(values), None
        value = float(np.mean(values))
        if self.penalty is not None:
            extra = self.penalty()
            value += extra.data
            slopes += np.array(gradients(extra, self.parameters))
        return np.array([value]), slopes


def source_of(
    what: Any,
    parameters: Iterable[Value] | None,
    inputs: Iterable[Value] | None,
    batch: Any,
    gradient: bool | None,
    penalty: Callable[[], Value] | None,
) -> Source:
    """Return what was given to `compile`; raise where it does not go together."""
    learned, fed = _leaves(parameters, "parameters"), _leaves(inputs, "inputs")
    if not {*learned}.isdisjoint(fed):
        raise ArgumentError("compile: a parameter cannot be an input too, got one in both. Leave it out of inputs.")
    with_gradient = bool(learned) if gradient is None else gradient
    is_graph = isinstance(what, (Value, list, tuple))
    if not is_graph and not callable(what):
        raise InputTypeError(
            f"compile: a function or a Value is needed, got {what!r:.40} of type {type(what).__name__}."
        )
    if batch is not None:
        if is_graph:
            raise ArgumentError("compile: batch goes with a function of one example, got a graph. Pass a function.")
        if fed:
            raise ArgumentError(
                "compile: the inputs of a function of one example are its arguments, got inputs besides. "
                "Make what is the same for all examples a parameter, or a column of the batch."
            )
        if penalty is not None and not with_gradient:
            raise ArgumentError("compile: a penalty is added to a loss, got values alone. Leave it out.")
        return ExampleSource(what, learned, batch, with_gradient, penalty)
    if penalty is not None:
        raise ArgumentError("compile: penalty goes with batch, got none. Add it to the loss in the function.")
    if not is_graph:
        return FunctionSource(what, learned, fed, with_gradient)
    roots = as_roots(what, False)
    if gradient and len(roots) != 1:
        raise ArgumentError(f"compile: a gradient is that of one Value, got {len(roots)}. Compile each on its own.")
    return GraphSource(roots, learned, fed, with_gradient and len(roots) == 1)


def _leaves(leaves: Iterable[Value] | None, name: str) -> list[Value]:
    found = list(leaves or ())
    for leaf in found:
        if not isinstance(leaf, Value) or not leaf.is_leaf:
            raise InputTypeError(f"compile: {name} must be Values that are leaves, got {leaf!r:.60}.")
    if len({id(leaf) for leaf in found}) < len(found):
        raise ArgumentError(f"compile: {name} must be different Values, got one of them twice.")
    return found


def as_roots(result: Any, one: bool) -> list[Value]:
    """Return what a function returned as a list of Values."""
    roots = list(result) if isinstance(result, (list, tuple)) and not one else [result]
    with modes.Mode(modes.recording, True):
        return [root if isinstance(root, Value) else _constant(root) for root in roots]


def _constant(number: Any) -> Value:
    try:
        return Value(number)
    except InputTypeError:
        raise InputTypeError(
            f"compile: the function must return a Value, or a list of them without a gradient, got {number!r:.40}."
        ) from None


def as_arrays(batch: Any) -> tuple[Array, ...]:
    """Return X, or (X, y), as arrays whose first axis is the examples."""
    parts = batch if isinstance(batch, tuple) else (batch,)
    try:
        arrays = tuple(np.asarray(part, np.float64) for part in parts)
    except (TypeError, ValueError):
        raise InputTypeError("compile: batch must be an array of numbers, or a tuple of them, as (X, y).") from None
    length = len(arrays[0]) if arrays[0].ndim else 0
    if not length or any(not array.ndim or len(array) != length or not array.size for array in arrays):
        raise ArgumentError(
            f"compile: the arrays of a batch need one entry per example, got shapes "
            f"{', '.join(str(array.shape) for array in arrays)}. Pass batch=(X, y)."
        )
    return arrays


def as_matrix(arrays: Sequence[Array], out: Array | None = None) -> Array:
    """Return the examples as the rows of one matrix; the first rows of `out` where that is given."""
    if out is None and len(arrays) == 1 and arrays[0].ndim == 2:
        return np.ascontiguousarray(arrays[0])
    count, start = len(arrays[0]), 0
    matrix = np.empty((count, sum(array[0].size for array in arrays))) if out is None else out
    for array in arrays:
        width = array.size // count
        matrix[:count, start : start + width] = array.reshape(count, width)
        start += width
    return matrix


def rows_of(arrays: Sequence[Array], rows: NDArray[np.int64]) -> tuple[Array, ...]:
    """Return some of the examples."""
    return tuple(array[rows] for array in arrays)


def _nested(numbers: Sequence[Any], shape: tuple[int, ...]) -> Any:
    if not shape:
        return numbers[0]
    size = len(numbers) // shape[0]
    return [_nested(numbers[k * size : (k + 1) * size], shape[1:]) for k in range(shape[0])]
