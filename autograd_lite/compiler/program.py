"""Program: compiled code with its parameters, data and results."""

from __future__ import annotations

from math import isfinite
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite.compiler.build import Lowered, lower
from autograd_lite.compiler.guards import what_decides
from autograd_lite.compiler.listing import listing
from autograd_lite.compiler.native import NativeCode
from autograd_lite.compiler.resident import Residence
from autograd_lite.compiler.source import (
    ExampleSource,
    Source,
    as_matrix,
    rows_of,
)
from autograd_lite.compiler.trainer import Trainer, check_parameters, rule_of
from autograd_lite.compiler.way import Way
from autograd_lite.errors import (
    ArgumentError,
    AutogradError,
    InputTypeError,
    NonFiniteError,
    ProgramMismatch,
    Uncompilable,
)
from autograd_lite.modes import raise_on_nonfinite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from autograd_lite.compiler.tape import Tape

    Array = NDArray[np.float64]

ENGINES = (None, "native", "table", "numpy", "eager")

TOLERANCE = 1e-9
"""How far, relative to the largest number, a program may be from the tape's own passes when it is verified."""

NOTHING = np.zeros(0, np.int64)

WAYS = 8
"""How many ways through a function's Python branches are compiled; with one more it runs eagerly from then on."""


class Program:
    """What `compile` returns: call it for the value and the gradient.

    `program()` is (value, gradient), or the values alone where no gradient was asked for;
    `program(X, y)` takes new data, `program(1.0, 2.0)` new inputs. The results are also on the
    Values themselves: the gradient in `p.grad` of every parameter.

    Native code does not raise. Where a result is nan or inf the eager passes are asked, and raise the
    error that names the operation and the node, or find that it is so; what comes out finite is returned.

    A zero has no sign of its own: sums of products begin at +0, so that `atan2(-y, x)` at y = 0, x < 0 is pi here, and
    -pi in eager passes (that is the one row which tells -0 from 0 by more than a sign of zero).

    A function without arguments may branch on Values: the program notices when Python would branch
    otherwise, and records the function again, WAYS times at most. Each way is compiled once.

    Threads of Python may call one program: they take turns, and each gets what belongs to its data. What is on the
    Values is of the last call.

    Attributes:
        engine: what runs it: "native", "table", "numpy" or "eager".
        notes: which fallbacks were taken, and why.
        threads: how many share a pass over the samples.
    """

    def __init__(self, source: Source, engine: str | None, threads: int) -> None:
        self.source, self.gradient = source, source.gradient
        self.parameters = tuple(source.parameters)
        self.notes: list[str] = []
        self.lowered: Lowered | None = None
        self.code: Any = None
        self.threads = 1
        self._fed = () if isinstance(source, ExampleSource) else tuple(source.inputs)
        self._residence = Residence(self.parameters, source.gradient)
        self._trainer: Trainer | None = None
        self._turns = self._residence.turns
        self._asked, self._threads = engine, threads
        self._ways: list[Way] = []
        self._way: Any = None
        if engine != "eager":
            self._compile(source.record())

    @property
    def engine(self) -> str:
        return self.code.engine if self.code is not None else "eager"

    def _compile(self, tape: Tape) -> None:
        """Make the code of a tape, and let it run from now on; or run eagerly, and note why."""
        try:
            lowered = lower(self.source, tape, self._asked)
        except Uncompilable as reason:
            self._give_up(str(reason))
            return
        self.notes += [note for note in lowered.notes if note not in self.notes]
        if tape.branches:
            self.notes.append(what_decides(tape.branches, [way.branches for way in self._ways]))
        way = Way(tape.branches, lowered, self._asked, self._threads)
        self._ways.append(way)
        self._take(way)
        if self._threads > way.threads:
            note = f"{way.threads} thread{'s' * (way.threads > 1)}, not {self._threads}: {way.fewer}"
            self.notes += [note] if note not in self.notes else []
        if isinstance(self.source, ExampleSource):
            self._bind(self.source.arrays)

    def _give_up(self, reason: str) -> None:
        self._residence.move_out()
        self.notes.append(f"eager: {reason}")
        self.lowered = self.code = self._way = None
        self.threads = 1

    # ---- Python branches

    def _take(self, way: Way) -> None:
        self._way, self.lowered, self.code, self.threads = way, way.lowered, way.code, way.threads
        self._trainer = None

    def _turn(self) -> bool:
        """Take the way that Python would take now, and evaluate it; False where only Python can tell."""
        for way in [way for way in self._ways if way.code is not self.code]:
            self._take(way)
            self._evaluate()
            if not way.has_turned():
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
        return not self._way.has_turned()

    # ---- data and parameters in

    def _bind(self, arrays: Sequence[Any]) -> None:
        source = self.source
        source.take(arrays)
        if self.code is None or not isinstance(source, ExampleSource):
            return
        if source.shared_inputs:
            self._way.set_inputs(as_matrix(source.arrays)[0])
        else:
            self.code.load(source.arrays, self.gradient)

    def _fetch_inputs(self) -> None:
        self._way.set_inputs([leaf.data for leaf in self._fed])

    def _evaluate(self) -> None:
        if self._fed:
            self._fetch_inputs()
        self._residence.use(self.code.shared, self.code.evaluate)

    # ---- the call

    def __call__(self, *data: Any) -> Any:
        """Return (value, gradient), or the values where no gradient was asked for."""
        turns, mine = self._turns, True  # `Turns.take`, written out
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
        if self._way.guard is not None and self._way.has_turned() and not self._turn():
            return self._eagerly()
        if self.gradient:
            value, slopes = self._way.value_and_gradient(len(self.parameters))
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
        turns, mine = self._turns, True  # `Turns.take`, written out
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
            if self._way.has_turned():
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
            chosen = self.source.batches(data, steps, batches)
        elif batches is not None:
            raise ArgumentError("run: batches number rows of data, got none. Pass data=(X, y).")
        count = len(chosen[1]) if chosen else steps
        if count is None:
            raise ArgumentError("run: how many steps must be said. Pass steps=100.")
        if count < 0:
            raise ArgumentError(f"run: steps must be at least 0, got {count!r:.40}.")
        losses, made = np.zeros(count), 0
        while trainer := self._new_trainer(optimizer):
            if self._fed:
                self._fetch_inputs()
            if chosen:
                self._point_to(*chosen)
            try:
                losses[made:], more = trainer.run(count - made)
            except BaseException:
                if chosen:
                    self._bind(self.source.arrays)  # Ctrl-C: back to the data from before
                raise
            finally:
                self.code.control.set(matrix=0)
            made += more
            if chosen and count:
                self.source.arrays = rows_of(chosen[0], chosen[1][min(made, count - 1)])
            if made == count:
                return losses
            if not self._way.has_turned():
                raise self._not_finite()
            losses[made] = self._step(optimizer)  # finds the way that Python would take now
            made += 1
        losses[made:] = [self._step_on_values(optimizer, chosen, k) for k in range(made, count)]
        return losses

    def _point_to(self, arrays: Sequence[Array], batches: Sequence[NDArray[np.int64]]) -> None:
        starts = np.cumsum([0, *map(len, batches)], dtype=np.int64)
        self.code.point_to(as_matrix(arrays), np.concatenate([*batches, NOTHING]), starts, True)

    def _new_trainer(self, optimizer: Any) -> Trainer | None:
        if not self.gradient:
            raise ArgumentError("program: a step needs a gradient, got values alone. Pass parameters to compile.")
        check_parameters(optimizer, self.parameters)
        rule = rule_of(optimizer)
        if rule is None or not isinstance(self.code, NativeCode):
            return None
        if self._trainer is None or self._trainer.optimizer is not optimizer or not self._trainer.fits():
            self._trainer = Trainer(self.code, self._residence, optimizer, rule, self._way.loss)
        return self._trainer

    def _step_on_values(self, optimizer: Any, chosen: Any = None, k: int = 0) -> float:
        return self._move(optimizer, *self._call(rows_of(chosen[0], chosen[1][k]) if chosen else ()))

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

    def _values(self) -> Array:
        arrays = self.source.arrays
        found: Array = self._way.values(len(arrays[0]) if arrays else 0)
        return found

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
        return self.source.shape(values)

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
            ours = ours.reshape(theirs.shape)
            with np.errstate(invalid="ignore"):
                gaps = np.where((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)), 0.0, np.abs(ours - theirs))
            gap = gaps.max(initial=0.0)
            if not gap <= TOLERANCE * max(1.0, float(np.abs(theirs[np.isfinite(theirs)]).max(initial=0.0))):
                raise ProgramMismatch(
                    f"compile: the {what} of the {self.engine} program must agree with the tape's, got a difference "
                    f"of {gap:.3g}. Please report it; engine='eager' runs the tape itself."
                )

    def _bare_results(self) -> tuple[Array, Array | None]:
        if self.code is None:
            return self.source.evaluate()
        self._evaluate()
        if self._way.has_turned() and not self._turn():
            return self.source.evaluate()
        value, slopes = self._way.value_and_gradient(len(self.parameters)) if self.gradient else (self._values(), None)
        self._residence.move_out()
        return np.atleast_1d(value), slopes


def build(source: Source, engine: str | None, threads: Any, verify: bool) -> Program:
    """Return the program of a source, as `compile` was asked for it."""
    try:
        count = index(threads)
    except TypeError:
        raise InputTypeError(
            f"compile: threads must be an int, got {threads!r:.40} of type {type(threads).__name__}."
        ) from None
    if count < 1:
        raise ArgumentError(f"compile: threads must be at least 1, got {count}. Leave it out for one thread.")
    if engine not in ENGINES:
        raise ArgumentError(f"compile: engine must be one of {', '.join(map(repr, ENGINES))}, got {engine!r:.40}.")
    program = Program(source, engine, count)
    if verify:
        program.verify()
    return program
