"""Program: compiled code with its parameters, data and results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite.compiler.build import Lowered, lower
from autograd_lite.compiler.circuit import Uncompilable
from autograd_lite.compiler.emit_numpy import NumpyCode
from autograd_lite.compiler.resident import resident_class
from autograd_lite.compiler.source import (
    ExampleSource,
    FunctionSource,
    GraphSource,
    Source,
    as_arrays,
    as_matrix,
    as_roots,
)
from autograd_lite.errors import ArgumentError, AutogradError, InputTypeError
from autograd_lite.modes import raise_on_nonfinite
from autograd_lite.primitives import to_float
from autograd_lite.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

TOLERANCE = 1e-9
"""How far, relative to the largest number, a program may be from the tape's own passes when it is verified."""


class Program:
    """What `compile` returns: call it for the value and the gradient.

    `program()` is (value, gradient), or the values alone where no gradient was asked for;
    `program(X, y)` takes new data, `program(1.0, 2.0)` new inputs. The results are also on the
    Values themselves: the gradient in `p.grad` of every parameter.

    Attributes:
        engine: what runs it: "native", "table", "numpy" or "eager".
        notes: which fallbacks were taken, and why.
    """

    def __init__(self, source: Source, gradient: bool, engine: str | None) -> None:
        self.source, self.gradient = source, gradient
        self.parameters = tuple(source.parameters)
        self.notes: list[str] = []
        self.lowered: Lowered | None = None
        self.code: Any = None
        self._resident = resident_class(self._release)
        self._held = False
        if engine != "eager":
            try:
                self._compile(engine)
            except Uncompilable as reason:
                self.notes.append(f"eager: {reason}")

    @property
    def engine(self) -> str:
        return self.code.engine if self.code is not None else "eager"

    def _compile(self, engine: str | None) -> None:
        lowered = lower(self.source, self.gradient)
        self.notes += lowered.notes
        self.lowered, self.code = lowered, NumpyCode(lowered)
        circuit, place = lowered.circuit, lowered.rolled.place
        for node, number in circuit.numbers.items():
            if place[node] >= 0:
                self.code.shared[place[node]] = number
        for axis, samples in lowered.samples.items():
            self.code.bind(axis, samples, 1.0)
        if isinstance(self.source, ExampleSource):
            self._bind(self.source.arrays)

    # ---- data and parameters in

    def _bind(self, arrays: Sequence[Any]) -> None:
        source = self.source
        if isinstance(source, ExampleSource):
            given = as_arrays(tuple(arrays))
            if [a.shape[1:] for a in given] != source.shapes:
                expected = ", ".join(str(("n", *shape)) for shape in source.shapes)
                raise ArgumentError(
                    f"program: the data must have the shapes {expected}, got {', '.join(str(a.shape) for a in given)}."
                )
            source.arrays = given
            if self.code is not None:
                self.code.bind(1, as_matrix(given), 1.0 / len(given[0]) if self.gradient else 1.0)
            return
        if len(arrays) != len(source.inputs):
            raise ArgumentError(f"program: takes {len(source.inputs)} inputs, got {len(arrays)}.")
        for leaf, number in zip(source.inputs, arrays, strict=True):
            leaf.data = to_float(number, "program")

    def _upload(self) -> None:
        count, source = len(self.parameters), self.source
        if not self._held and count:
            self.code.shared[:count] = [p.data for p in self.parameters]
            for p in self.parameters:
                p.__class__ = self._resident
            self._held = True
        if source.inputs and not isinstance(source, ExampleSource):
            self.code.shared[2 * count : 2 * count + len(source.inputs)] = [leaf.data for leaf in source.inputs]

    def _release(self) -> None:
        """Bring the parameters up to date and let them be Values."""
        if not self._held:
            return
        self._held = False
        count = len(self.parameters)
        numbers = self.code.shared[: 2 * count].tolist()
        for p in self.parameters:
            p.__class__ = Value
        for p, number, slope in zip(self.parameters, numbers[:count], numbers[count:], strict=True):
            if p.data != number:
                p.data = number
            if self.gradient:
                p.grad = slope

    # ---- the call

    def __call__(self, *data: Any) -> Any:
        """Return (value, gradient), or the values where no gradient was asked for."""
        if data:
            self._bind(data)
        if self.code is None:
            return self._shape(*self.source.evaluate(), on_values=True)
        self._upload()
        self.code.evaluate()
        values, slopes = self._results()
        if not np.isfinite(values).all() or (slopes is not None and not np.isfinite(slopes).all()):
            return self._second_opinion(values)
        return self._shape(values, slopes)

    def _results(self) -> tuple[Array, Array | None]:
        lowered, count = self.lowered, len(self.parameters)
        assert lowered is not None
        slopes = self.code.shared[count : 2 * count].copy() if self.gradient else None
        axes = [lowered.circuit.axis[root] for root in lowered.roots]
        if not any(axes):
            return self.code.shared[lowered.rolled.place[lowered.roots]], slopes
        samples = len(self.source.arrays[0])
        columns = [self._column(root, samples) for root in lowered.roots]
        return np.stack(columns, axis=1), slopes

    def _column(self, root: int, samples: int) -> Array:
        assert self.lowered is not None
        rolled = self.lowered.rolled
        group, place = rolled.group_of[root], int(rolled.place[root])
        assert group is not None
        if not group.axis:
            return np.full(samples, self.code.shared[place])
        return self.code.results_of(group, place)[:samples]  # type: ignore[no-any-return]

    def _second_opinion(self, values: Array) -> Any:
        """Ask the eager passes, which name the operation and the node; what they find is the answer."""
        self._release()
        if not np.isfinite(values).all():
            with raise_on_nonfinite():
                self.source.evaluate()
        return self._shape(*self.source.evaluate(), on_values=True)

    def _shape(self, values: Array, slopes: Array | None, on_values: bool = False) -> Any:
        if slopes is not None:
            if on_values:
                for p, slope in zip(self.parameters, slopes.tolist(), strict=True):
                    p.grad = slope
            return float(values[0]), slopes
        if isinstance(self.source, ExampleSource):
            return values[:, 0] if values.shape[1] == 1 else values
        return float(values[0]) if len(values) == 1 else values

    # ---- verification

    def verify(self) -> None:
        """Compare the program with the tape's own passes, at the numbers of now.

        Raises:
            AssertionError: they differ by more than rounding explains.
        """
        found = self._bare_results()
        expected = self.source.evaluate()
        for what, ours, theirs in zip(("value", "gradient"), found, expected, strict=True):
            if theirs is None or ours is None:
                continue
            gap = np.abs(ours.reshape(theirs.shape) - theirs).max(initial=0.0)
            if gap > TOLERANCE * max(1.0, float(np.abs(theirs).max(initial=0.0))):
                raise ProgramMismatch(
                    f"compile: the {what} of the {self.engine} program must agree with the tape's, got a difference "
                    f"of {gap:.3g}. Please report it; engine='eager' runs the tape itself."
                )

    def _bare_results(self) -> tuple[Array, Array | None]:
        if self.code is None:
            return self.source.evaluate()
        self._upload()
        self.code.evaluate()
        results = self._results()
        self._release()
        return results


class ProgramMismatch(AutogradError, AssertionError):
    """A compiled program that disagrees with the tape's own passes."""


def build(
    what: Any,
    parameters: Iterable[Value] | None,
    inputs: Iterable[Value] | None,
    batch: Any,
    gradient: bool | None,
    penalty: Callable[[], Value] | None,
    engine: str | None,
    verify: bool,
) -> Program:
    """Return the program of what was given to `compile`."""
    learned, fed = _leaves(parameters, "parameters"), _leaves(inputs, "inputs")
    with_gradient = bool(learned) if gradient is None else gradient
    source: Source
    if isinstance(what, (Value, list, tuple)):
        roots = as_roots(what, False)
        if with_gradient and len(roots) != 1:
            with_gradient = False
        source = GraphSource(roots, learned, fed, with_gradient)
    elif not callable(what):
        raise InputTypeError(
            f"compile: a function or a Value is needed, got {what!r:.40} of type {type(what).__name__}."
        )
    elif batch is not None:
        source = ExampleSource(what, learned, batch, with_gradient, penalty)
    else:
        source = FunctionSource(what, learned, fed, with_gradient)
    program = Program(source, with_gradient, engine)
    if verify:
        program.verify()
    return program


def _leaves(leaves: Iterable[Value] | None, name: str) -> list[Value]:
    found = list(leaves or ())
    for leaf in found:
        if not isinstance(leaf, Value) or not leaf.is_leaf:
            raise InputTypeError(f"compile: {name} must be Values that are leaves, got {leaf!r:.60}.")
    if len({id(leaf) for leaf in found}) < len(found):
        raise ArgumentError(f"compile: {name} must be different Values, got one of them twice.")
    return found
