"""Curves with matplotlib (extra `plot`), imported where it is used."""

from __future__ import annotations

from math import isfinite

from autograd_lite import value_and_grad
from autograd_lite.errors import ArgumentError, InputTypeError
from nn.history import History

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

POINTS = 401
DECADE = 10.0
BLUE, VERMILION, INK = "#0B5CAD", "#B4410B", "#1E293B"


def new_axes(ax: Any, who: str, columns: int = 1, size: tuple[float, float] = (6.0, 4.2)) -> Any:
    """Return the axes to draw on: those given, or those of a new figure, shown as pyplot shows figures.

    Raises:
        ImportError: matplotlib is missing; with the command that installs it.
    """
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError(
            f"{who}: needs matplotlib, which is not installed. Run `python -m pip install matplotlib`."
        ) from None
    if columns == 1 and ax is not None and not hasattr(ax, "imshow"):
        raise InputTypeError(f"{who}: ax must be the axes to draw on, got {type(ax).__name__}. Write ax=axes[0].")
    if ax is None:
        return pyplot.subplots(ncols=columns, figsize=size, layout="constrained")[1]
    return ax


def plot_function(
    f: Callable[[Any], Any], low: float = -6.0, high: float = 6.0, *, label: str | None = None, ax: Any = None
) -> Any:
    """Draw y = f(x) as a line and its slope dy/dx dashed in the same colour; return the axes.

    Args:
        f: a function of one number, written with operators and the functions of autograd_lite.
        low, high: where x runs.
        label: its name in the legend; the function's own unless given.
        ax: the axes to draw on, those of a new figure unless given. Nothing is shown or saved.

    >>> from autograd_lite import sigmoid, step
    >>> ax = plot_function(lambda x: step(x - 2), label="step at 2")      # doctest: +SKIP
    >>> plot_function(sigmoid, ax=ax).figure.savefig("neurons.png")       # doctest: +SKIP
    """
    if not callable(f):
        raise InputTypeError(f"plot_function: a function of one number is needed, got {f!r:.60}.")
    try:
        is_interval = isfinite(low) and isfinite(high) and low < high
    except TypeError:
        raise InputTypeError(
            f"plot_function: low and high must be numbers, got {low!r:.40} and {high!r:.40}. "
            f"Write plot_function(f, -6, 6)."
        ) from None
    if not is_interval:
        raise ArgumentError(f"plot_function: low must be below high, both finite, got {low!r} and {high!r}.")
    ax = new_axes(ax, "plot_function", size=(6.0, 3.6))
    name = label or getattr(f, "__name__", "f")
    xs = [low + (high - low) * k / (POINTS - 1) for k in range(POINTS)]
    both = value_and_grad(f)
    values, slopes = zip(*[both(x) for x in xs], strict=True)
    (line,) = ax.plot(xs, values, label=name)
    ax.plot(xs, slopes, color=line.get_color(), linestyle="--", label=f"slope of {name}")
    ax.set_xlabel("x")
    ax.legend()
    return ax


def plot_history(history: History, *, ax: Any = None) -> Any:
    """Draw the loss after each epoch, that of the validation data dashed; return the axes.

    The vertical axis is logarithmic where the losses span more than a decade and none is 0.

    >>> from nn import MLP, data, fit
    >>> history = fit(MLP(2, [4, 1], "tanh", random_state=0), *data.xor(), loss="bce_logits", epochs=5)
    >>> history.plot().figure.savefig("loss.png")                         # doctest: +SKIP
    """
    if not isinstance(history, History):
        raise InputTypeError(f"plot_history: a History is needed, got {history!r:.40}. fit(...) returns one.")
    if not history.loss:
        raise ArgumentError("plot_history: at least one finished epoch is needed, got none.")
    ax = new_axes(ax, "plot_history", size=(5.0, 3.6))
    from matplotlib.ticker import LogLocator

    epochs = range(1, history.epochs + 1)
    alone = "o" if history.epochs == 1 else None
    ax.plot(epochs, history.loss, color=BLUE, linewidth=2, marker=alone, label="training")
    if history.validation_loss:
        tried = epochs[: len(history.validation_loss)]
        ax.plot(tried, history.validation_loss, color=VERMILION, linewidth=2, linestyle="--", label="validation")
        ax.legend()
    losses = history.loss + history.validation_loss
    if 0.0 < DECADE * min(losses) < max(losses):
        ax.set_yscale("log")
        ax.yaxis.set(major_locator=LogLocator(subs=(1.0, 2.0, 5.0)), major_formatter="{x:g}")
        ax.yaxis.set_minor_formatter("")
    ax.grid(alpha=0.25, which="both")
    ax.set(xlabel="epoch", ylabel="loss", title=f"loss {_short(history.loss[0])} → {_short(history.loss[-1])}")
    return ax


def _short(loss: float) -> str:
    return f"{loss:.3f}" if loss == 0.0 or 0.001 <= loss < 1000.0 else f"{loss:.3g}"
