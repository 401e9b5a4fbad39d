"""What a training run leaves behind, and the line that shows it on the way."""

from __future__ import annotations

import os
import sys
from time import perf_counter

from autograd_lite.errors import InputTypeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TextIO, TypeAlias

    Callback: TypeAlias = Callable[[Any, "History"], bool | None]
    """A function of (model, history), called after each epoch; True ends the run."""


class History:
    """The course of a training run, one entry per finished epoch.

    Attributes:
        loss: mean loss of the training examples, each as it was met.
        accuracy: share of them that were right then; empty where there are no classes.
        validation_loss, validation_score: on the validation data, after the epoch.
        lr: learning rate at the end of the epoch.
        seconds: time since the start.
        stopped: why it ended before the last epoch: "interrupted", "callback", or None.
    """

    def __init__(self) -> None:
        self.loss: list[float] = []
        self.accuracy: list[float] = []
        self.validation_loss: list[float] = []
        self.validation_score: list[float] = []
        self.lr: list[float] = []
        self.seconds: list[float] = []
        self.stopped: str | None = None

    @property
    def epochs(self) -> int:
        """How many epochs were finished."""
        return len(self.loss)

    def add(
        self,
        loss: float,
        accuracy: float | None,
        validation_loss: float | None,
        validation_score: float | None,
        lr: float,
        seconds: float,
    ) -> None:
        """Enter one finished epoch; None where there is nothing to enter."""
        self.loss.append(loss)
        self.lr.append(lr)
        self.seconds.append(seconds)
        for column, entry in (
            (self.accuracy, accuracy),
            (self.validation_loss, validation_loss),
            (self.validation_score, validation_score),
        ):
            if entry is not None:
                column.append(entry)

    def summary(self) -> str:
        """Return the last epoch in words: "loss 0.0412  accuracy 0.980"."""
        parts = [("loss", self.loss, ".4g"), ("accuracy", self.accuracy, ".3f")]
        parts += [("validation loss", self.validation_loss, ".4g"), ("score", self.validation_score, ".3f")]
        return "  ".join(f"{name} {column[-1]:{spec}}" for name, column, spec in parts if column)

    def plot(self, ax: Any = None) -> Any:
        """Draw the losses, on `ax` or in a new figure; return the axes: see `nn.plot_history`."""
        from nn.plotting import plot_history

        return plot_history(self, ax=ax)

    def __repr__(self) -> str:
        stopped = f", stopped: {self.stopped}" if self.stopped else ""
        epochs = f"{self.epochs} epoch{'s' * (self.epochs != 1)}{', ' * bool(self.loss)}"
        return f"History({epochs}{self.summary()}{stopped})"


def callback_list(callbacks: Any, who: str) -> list[Callback]:
    """Return one callback, or several, as a list."""
    found = [callbacks] if callable(callbacks) else callbacks
    for callback in found if isinstance(found, (list, tuple)) else (found,):
        if isinstance(callback, type):
            name = callback.__name__
            raise InputTypeError(
                f"{who}: callbacks must be functions of (model, history), got the class {name}. Write {name}(...)."
            )
        if not callable(callback):
            raise InputTypeError(
                f"{who}: callbacks must be functions of (model, history), got {callback!r:.40}. "
                f"Write callbacks=[EarlyStopping(10)]."
            )
    return list(found)


class Progress:
    """One line on a terminal, rewritten ten times a second at most.

    Args:
        epochs: how many are planned.
        shown: None shows it only where `stream` is a terminal.
        stream: standard error unless given.
    """

    def __init__(self, epochs: int, shown: bool | None = None, stream: TextIO | None = None) -> None:
        self.stream = stream if stream is not None else sys.stderr
        self.epochs = epochs
        if self.stream is None:  # as under pythonw: there is nowhere to show it
            shown = False
        self.shown = self.stream.isatty() if shown is None else shown
        self.start = perf_counter()
        self.written = -1.0
        self.width = 0

    def update(self, history: History) -> None:
        """Show where the run is, if it is time to."""
        now = perf_counter() - self.start
        done = history.epochs
        if not self.shown or (now - self.written < 0.1 and done < self.epochs):
            return
        self.written = now
        left = now / done * (self.epochs - done)
        self._write(f"epoch {done}/{self.epochs}  {history.summary()}  {left:.1f} s left")

    def close(self, history: History) -> None:
        """End the line."""
        if not self.shown:
            return
        end = f", {history.stopped}" if history.stopped else ""
        self._write(
            f"epoch {history.epochs}/{self.epochs}{end}  {history.summary()}  {perf_counter() - self.start:.1f} s"
        )
        self.stream.write("\n")
        self.stream.flush()

    def _write(self, line: str) -> None:
        columns = _columns(self.stream)  # asked each time: a window can be made narrower
        line = line[:columns]
        self.stream.write("\r" + line.ljust(self.width)[:columns])
        self.stream.flush()
        self.width = len(line)


def _columns(stream: TextIO) -> int | None:
    """Return how much fits on a line, so that it is not wrapped; None where that is not known."""
    try:
        return os.get_terminal_size(stream.fileno()).columns - 1
    except (OSError, ValueError, AttributeError):  # no terminal, or no file at all
        return None
