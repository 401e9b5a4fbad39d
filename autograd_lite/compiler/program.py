"""Program: compiled code with its parameters, data and results."""

from __future__ import annotations

from math import isfinite
from operator import index
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autograd_lite.compiler.build import BUDGET, Lowered, lower
from autograd_lite.compiler.emit_numpy import NumpyCode
from autograd_lite.compiler.guards import what_decides
from autograd_lite.compiler.listing import listing
from autograd_lite.compiler.native import NativeCode
from autograd_lite.compiler.resident import Residence
from autograd_lite.compiler.source import (
    ExampleSource,
    FunctionSource,
    GraphSource,
    Source,
    as_arrays,
    as_matrix,
    as_roots,
)
from autograd_lite.compiler.trainer import Trainer, check_parameters, rule_of
from autograd_lite.errors import (
    ArgumentError,
    AutogradError,
    InputTypeError,
    NonFiniteError,
    ProgramMismatch,
    Uncompilable,
)
from autograd_lite.modes import raise_on_nonfinite
from autograd_lite.primitives import to_float
from autograd_lite.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from autograd_lite.compiler.guards import Branch
    from autograd_lite.compiler.tape import Tape

    Array = NDArray[np.float64]

ENGINES = (None, "native", "table", "numpy", "eager")

TOLERANCE = 1e-9
"""How far, relative to the largest number, a program may be from the tape's own passes when it is verified."""

NOTHING = np.zeros(0, np.int64)

WAYS = 8
"""How many ways through a function's Python branches are compiled; with one more it runs eagerly from then on."""


class Way(NamedTuple):
    """One way through a function's Python branches, and its code."""

    branches: tuple[Branch, ...]
    lowered: Lowered
    code: Any


class Program:
    """What `compile` returns: call it for the value and the gradient.

    `program()` is (value, gradient), or the values alone where no gradient was asked for;
    `program(X, y)` takes new data, `program(1.0, 2.0)` new inputs. The results are also on the
    Values themselves: the gradient in `p.grad` of every parameter.

    Native code does not raise. Where a result is nan or inf the eager passes are asked, and raise the
    error that names the operation and the node, or find that it is so; what comes out finite is returned.

    A function without arguments may branch on Values: the program notices when Python would branch
    otherwise, and records the function again, WAYS times at most. Each way is compiled once.

    Threads of Python may call one program: they take turns, and each gets what belongs to its data. What is on the
    Values is of the last call.

    Attributes:
        engine: what runs it: "native", "table", "numpy" or "eager".
        notes: which fallbacks were taken, and why.
        threads: how many share a pass over the samples.
    """

    def __init__(self, source: Source, gradient: bool, engine: str | None, threads: int) -> None:
        self.source, self.gradient = source, gradient
        self.parameters = tuple(source.parameters)
        self.notes: list[str] = []
        self.lowered: Lowered | None = None
        self.code: Any = None
        self._fed = () if isinstance(source, ExampleSource) else tuple(source.inputs)
        self._residence = Residence(self.parameters, gradient)
        self._trainer: Trainer | None = None
        self._turns = self._residence.turns
        self._asked, self._threads = engine, threads
        self._ways: list[Way] = []
        self._guard: int | None = None
        self._place = -1
        if engine != "eager":
            self._compile(source.record())

    @property
    def engine(self) -> str:
        return self.code.engine if self.code is not None else "eager"

    def _compile(self, tape: Tape) -> None:
        """Make the code of a tape, and let it run from now on; or run eagerly, and note why."""
        try:
            lowered = lower(self.source, tape, self.gradient, self._asked)
        except Uncompilable as reason:
            self._give_up(str(reason))
            return
        too_long = self._asked is None and lowered.length > BUDGET
        code: Any = NumpyCode(lowered) if self._asked == "numpy" or too_long else NativeCode(lowered, self._threads)
        for node, number in lowered.circuit.numbers.items():
            if lowered.rolled.place[node] >= 0:
                code.shared[lowered.rolled.place[node]] = number
        for axis, samples in lowered.samples.items():
            code.bind(axis, samples, 1.0)
        self.notes += [note for note in lowered.notes if note not in self.notes]
        if tape.branches:
            self.notes.append(what_decides(tape.branches, [way.branches for way in self._ways]))
        self._ways.append(Way(tape.branches, lowered, code))
        self._take(self._ways[-1])
        if self._threads > self.threads and (note := self._why_fewer_threads()) not in self.notes:
            self.notes.append(note)
        if isinstance(self.source, ExampleSource):
            self._bind(self.source.arrays)

    @property
    def threads(self) -> int:
        return self.code.threads if isinstance(self.code, NativeCode) else 1

    def _why_fewer_threads(self) -> str:
        why = self.code.fewer if isinstance(self.code, NativeCode) else f"the engine {self.engine!r} uses no more"
        return f"{self.threads} thread{'s' * (self.threads > 1)}, not {self._threads}: {why}"

    def _give_up(self, reason: str) -> None:
        self._residence.move_out()
        self.notes.append(f"eager: {reason}")
        self.lowered = self.code = self._guard = None

    # ---- Python branches

    def _take(self, way: Way) -> None:
        self.lowered, self.code, self._trainer = way.lowered, way.code, None
        place = way.lowered.rolled.place
        self._guard = None if way.lowered.guard is None else int(place[way.lowered.guard])
        self._place = int(place[way.lowered.roots[0]])

    def _has_turned(self) -> bool:
        """Whether the evaluation that was made took a way that Python would not, or might not."""
        return self._guard is not None and self.code.shared[self._guard] != 0.0

    def _turn(self) -> bool:
        """Take the way that Python would take now, and evaluate it; False where only Python can tell."""
        for way in [way for way in self._ways if way.code is not self.code]:
            self._take(way)
            self._evaluate()
            if not self._has_turned():
                return True
        self._residence.move_out()
        tape = self.source.record()
        for way in self._ways:
            if way.branches == tape.branches:  # its guards hold, by less than rounding can tell
                self._take(way)
                return False
        if len(self._ways) == WAYS:
            self._give_up(f"more than {WAYS} ways through the Python branches of the function")
            return False
        self._compile(tape)
        if self.code is None:
            return False
        self._evaluate()
        return not self._has_turned()

    # ---- data and parameters in

    def _bind(self, arrays: Sequence[Any]) -> None:
        source = self.source
        if isinstance(source, ExampleSource):
            given = as_arrays(tuple(arrays))
            source.check_shapes(given)
            if len(given[0]) > source.capacity:
                raise ArgumentError(
                    f"program: was compiled for {source.capacity} examples at most, got {len(given[0])}. "
                    f"Compile it with a larger batch."
                )
            source.arrays = given
            if self.code is None:
                return
            if source.shared_inputs:
                self._set_inputs(as_matrix(given)[0])
            else:
                self.code.load(given, self.gradient)
            return
        if len(arrays) != len(source.inputs):
            raise ArgumentError(f"program: takes {len(source.inputs)} inputs, got {len(arrays)}.")
        for leaf, number in zip(source.inputs, arrays, strict=True):
            leaf.data = to_float(number, "program")

    def _fetch_inputs(self) -> None:
        self._set_inputs([leaf.data for leaf in self._fed])

    def _evaluate(self) -> None:
        if self._fed:
            self._fetch_inputs()
        self._residence.use(self.code.shared, self.code.evaluate)

    def _set_inputs(self, numbers: Sequence[float] | Array) -> None:
        assert self.lowered is not None
        start = self.lowered.rolled.inputs
        self.code.shared[start : start + len(numbers)] = numbers

    # ---- the call

    def __call__(self, *data: Any) -> Any:
        """Return (value, gradient), or the values where no gradient was asked for."""
        turns, mine = self._turns, True
        try:
            del turns.free
        except AttributeError:
            mine = turns.wait(self)
        try:
            return self._call(data)
        finally:
            if mine:
                turns.free = True
                if turns.waiting:
                    turns.hand_over()

    def _call(self, data: Sequence[Any]) -> Any:
        if data:
            self._bind(data)
        if self.code is None:
            return self._eagerly()
        self._evaluate()
        if self._guard is not None and self._has_turned() and not self._turn():
            return self._eagerly()
        if self.gradient:
            value, slopes = self._value_and_gradient()
            if isfinite(value) and np.count_nonzero(np.isfinite(slopes)) == len(slopes):
                return value, slopes
            return self._second_opinion(value)
        values = self._values()
        return self._shape(values, None) if np.isfinite(values).all() else self._second_opinion(values)

    # ---- training

    def step(self, optimizer: Any, *data: Any) -> float:
        """Make one step of an optimiser: loss, gradient and update; return the loss before it.

        `data` are new data or inputs, as in a call.

        SGD and Adam of `nn` move the parameters in the same native call. Any other optimiser with a
        `step()` gets the gradient on the Values.

        Raises:
            NonFiniteError: the loss, the gradient or a parameter would be nan or inf. No step was made.
        """
        turns, mine = self._turns, True
        try:
            del turns.free
        except AttributeError:
            mine = turns.wait(self)
        try:
            return self._step(optimizer, data)
        finally:
            if mine:
                turns.free = True
                if turns.waiting:
                    turns.hand_over()

    def _step(self, optimizer: Any, data: Sequence[Any] = ()) -> float:
        if data:
            self._bind(data)
        trainer = self._trainer
        if trainer is None or trainer.optimizer is not optimizer or not trainer.fits():
            trainer = self._new_trainer(optimizer)
            if trainer is None:
                return self._step_on_values(optimizer)
        if self._fed:
            self._fetch_inputs()
        loss = trainer.step()
        if loss is None:
            if self._has_turned():
                return self._step(optimizer) if self._turn() else self._move(optimizer, *self._eagerly())
            raise self._not_finite()
        return loss

    def run(self, optimizer: Any, steps: int | None = None, data: Any = None, batches: Any = None) -> Array:
        """Make many steps in one native call; return the loss before each.

        Args:
            optimizer: as of `step`.
            steps: how many; as many as there are batches unless given.
            data: X, or (X, y), of any number of examples; None stays with the data that are bound.
            batches: the examples of each step, as lists of row numbers; in order unless given, as many
                at a time as the program was compiled for.
        """
        found: Array = self._turns.take(self, self._run, optimizer, steps, data, batches)
        return found

    def _run(self, optimizer: Any, steps: int | None, data: Any, batches: Any) -> Array:
        chosen = None
        if data is not None:
            if not isinstance(self.source, ExampleSource):
                raise ArgumentError("run: data can be given to a program of one example only. Pass batch= to compile.")
            chosen = self._batches(data, steps, batches)
        elif batches is not None:
            raise ArgumentError("run: batches number rows of data, got none. Pass data=(X, y).")
        count = len(chosen[1]) if chosen else steps
        if count is None:
            raise ArgumentError("run: how many steps must be said. Pass steps=100.")
        trainer = self._new_trainer(optimizer)
        if trainer is None:
            return np.array([self._step_on_values(optimizer, chosen, k) for k in range(count)])
        if self._fed:
            self._fetch_inputs()
        if chosen:
            starts = np.cumsum([0, *map(len, chosen[1])], dtype=np.int64)
            order = np.concatenate([*chosen[1], NOTHING])
            self.code.point_to(as_matrix(chosen[0]), order, starts, True)
        try:
            losses, made = trainer.run(count)
        finally:
            self.code.control.set(matrix=0)
        if chosen and count:
            self.source.arrays = _rows(chosen[0], chosen[1][min(made, count - 1)])
        while made < count:
            if not self._has_turned():
                raise self._not_finite()
            losses[made] = self._step(optimizer)  # finds the way that Python would take now
            made += 1
            trainer = self._new_trainer(optimizer)
            if trainer is None:
                losses[made:] = [self._step_on_values(optimizer) for _ in range(made, count)]
                break
            if self._fed:
                self._fetch_inputs()
            further, more = trainer.run(count - made)
            losses[made:] = further
            made += more
        return losses

    def _batches(self, data: Any, steps: int | None, batches: Any) -> tuple[tuple[Array, ...], list[NDArray[np.int64]]]:
        assert isinstance(self.source, ExampleSource)
        given = as_arrays(data)
        self.source.check_shapes(given)
        total = len(given[0])
        if batches is None:
            size = min(self.source.capacity, total)
            parts = [np.arange(k, min(k + size, total), dtype=np.int64) for k in range(0, total, size)]
            chosen = [parts[k % len(parts)] for k in range(len(parts) if steps is None else steps)]
        else:
            chosen = [np.asarray(batch, np.int64) for batch in batches][:steps]
            self._check_batches(chosen, total)
        return given, chosen

    def _check_batches(self, batches: list[NDArray[np.int64]], total: int) -> None:
        most = self.source.capacity

        def is_fine(rows: NDArray[np.int64]) -> bool:
            return not len(rows) or (int(rows.min()) >= 0 and int(rows.max()) < total)

        # All of them at once: one by one takes as long as a step.
        lengths = [len(batch) for batch in batches]
        if lengths and min(lengths) > 0 and max(lengths) <= most and is_fine(np.concatenate(batches)):
            return
        for batch in batches:
            if not 0 < len(batch) <= most or not is_fine(batch):
                raise ArgumentError(
                    f"run: a batch is 1 to {most} numbers of rows in 0..{total - 1}, got {batch!r:.60}."
                )

    def _new_trainer(self, optimizer: Any) -> Trainer | None:
        if not self.gradient:
            raise ArgumentError("program: a step needs a gradient, got values alone. Pass parameters to compile.")
        check_parameters(optimizer, self.parameters)
        rule = rule_of(optimizer)
        if rule is None or not isinstance(self.code, NativeCode):
            return None
        if self._trainer is None or self._trainer.optimizer is not optimizer or not self._trainer.fits():
            self._trainer = Trainer(self.code, self._residence, optimizer, rule, self._place)
        return self._trainer

    def _step_on_values(self, optimizer: Any, chosen: Any = None, k: int = 0) -> float:
        return self._move(optimizer, *self._call(_rows(chosen[0], chosen[1][k]) if chosen else ()))

    def _move(self, optimizer: Any, value: float, slopes: Array) -> float:
        for p, slope in zip(self.parameters, slopes.tolist(), strict=True):
            p.grad = slope
        optimizer.step()
        return value

    def _not_finite(self) -> AutogradError:
        """Return the error of a step that was not made; the eager passes may raise a better one."""
        self._residence.move_out()
        with raise_on_nonfinite():
            value, slopes = self.source.evaluate()
        assert slopes is not None
        bad = [p for p, slope in zip(self.parameters, slopes.tolist(), strict=True) if not np.isfinite(slope)]
        what = f"the gradient of {bad[0].place()} is not" if bad else "a parameter would not be"
        return NonFiniteError(
            f"program: a step must leave everything finite, got a loss of {float(value[0]):.6g}, and {what}. "
            f"No step was made. Lower the learning rate, or call explain and first_nonfinite on the eager graph."
        )

    def _value_and_gradient(self) -> tuple[float, Array]:
        shared, count = self.code.shared, len(self.parameters)
        return shared.item(self._place), shared[count : 2 * count].copy()

    def _values(self) -> Array:
        lowered = self.lowered
        assert lowered is not None
        if not any(lowered.circuit.axis[root] for root in lowered.roots):
            values: Array = self.code.shared[lowered.rolled.place[lowered.roots]]
            return values[None] if self.source.arrays else values
        samples = len(self.source.arrays[0])
        return np.stack([self._column(root, samples) for root in lowered.roots], axis=1)

    def _column(self, root: int, samples: int) -> Array:
        assert self.lowered is not None
        rolled = self.lowered.rolled
        group, place = rolled.group_of[root], int(rolled.place[root])
        assert group is not None
        if not group.axis:
            return np.full(samples, self.code.shared[place])
        found: Array = self.code.results_of(group, place)
        return found[:samples]

    def _second_opinion(self, values: Array | float) -> Any:
        """Ask the eager passes, which name the operation and the node; what they find is the answer."""
        self._residence.move_out()
        if not np.isfinite(values).all():
            with raise_on_nonfinite():
                self.source.evaluate()
        return self._eagerly()

    def _eagerly(self) -> Any:
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

    def __str__(self) -> str:
        return listing(self.lowered, self.engine, self.threads, self.notes, len(self.parameters))

    def __repr__(self) -> str:
        return f"<program of {len(self.parameters)} parameters, {self.engine}>"

    # ---- verification

    def verify(self) -> None:
        """Compare the program with the tape's own passes, at the numbers of now.

        Raises:
            AssertionError: they differ by more than rounding explains.
        """
        self._turns.take(self, self._verify)

    def _verify(self) -> None:
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
        self._evaluate()
        if self._has_turned() and not self._turn():
            return self.source.evaluate()
        value, slopes = self._value_and_gradient() if self.gradient else (self._values(), None)
        self._residence.move_out()
        return np.atleast_1d(value), slopes


def build(
    what: Any,
    parameters: Iterable[Value] | None,
    inputs: Iterable[Value] | None,
    batch: Any,
    gradient: bool | None,
    penalty: Callable[[], Value] | None,
    engine: str | None,
    threads: int,
    verify: bool,
) -> Program:
    """Return the program of what was given to `compile`."""
    try:
        threads = index(threads)
    except TypeError:
        raise InputTypeError(
            f"compile: threads must be an int, got {threads!r:.40} of type {type(threads).__name__}."
        ) from None
    if threads < 1:
        raise ArgumentError(f"compile: threads must be at least 1, got {threads}. Leave it out for one thread.")
    if engine not in ENGINES:
        raise ArgumentError(f"compile: engine must be one of {', '.join(map(repr, ENGINES))}, got {engine!r:.40}.")
    learned, fed = _leaves(parameters, "parameters"), _leaves(inputs, "inputs")
    if not {*learned}.isdisjoint(fed):
        raise ArgumentError("compile: a parameter cannot be an input too, got one in both. Leave it out of inputs.")
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
    program = Program(source, with_gradient, engine, threads)
    if verify:
        program.verify()
    return program


def _rows(arrays: Sequence[Array], rows: NDArray[np.int64]) -> tuple[Array, ...]:
    return tuple(array[rows] for array in arrays)


def _leaves(leaves: Iterable[Value] | None, name: str) -> list[Value]:
    found = list(leaves or ())
    for leaf in found:
        if not isinstance(leaf, Value) or not leaf.is_leaf:
            raise InputTypeError(f"compile: {name} must be Values that are leaves, got {leaf!r:.60}.")
    if len({id(leaf) for leaf in found}) < len(found):
        raise ArgumentError(f"compile: {name} must be different Values, got one of them twice.")
    return found
