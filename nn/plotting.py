"""Pictures with matplotlib (extra `plot`), imported where it is used."""

from __future__ import annotations

from math import isfinite

from autograd_lite import value_and_grad
from autograd_lite.errors import ArgumentError, InputTypeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

POINTS = 401


def plot_function(
    f: Callable[[Any], Any], low: float = -6.0, high: float = 6.0, *, label: str | None = None, ax: Any = None
) -> Any:
    """Draw y = f(x) as a line and its slope dy/dx dashed in the same colour; return the axes.

    Args:
        f: a function of one number, written with operators and the functions of autograd_lite.
        low, high: where x runs.
        label: its name in the legend; the function's own unless given.
        ax: the axes to draw on, a new figure's unless given. Nothing is shown or saved.

    >>> from autograd_lite import sigmoid, step
    >>> ax = plot_function(lambda x: step(x - 2), label="step at 2")      # doctest: +SKIP
    >>> plot_function(sigmoid, ax=ax).figure.savefig("neurons.png")       # doctest: +SKIP
    """
    if not callable(f):
        raise InputTypeError(f"plot_function: a function of one number is needed, got {f!r}.")
    if not (isfinite(low) and isfinite(high) and low < high):
        raise ArgumentError(f"plot_function: low must be below high, both finite, got {low!r} and {high!r}.")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ArgumentError("plot_function: needs matplotlib. Write: python -m pip install matplotlib") from None
    if ax is None:
        ax = Figure(figsize=(6.0, 3.6), layout="constrained").add_subplot()
    name = label or getattr(f, "__name__", "f")
    xs = [low + (high - low) * k / (POINTS - 1) for k in range(POINTS)]
    both = value_and_grad(f)
    values, slopes = zip(*[both(x) for x in xs], strict=True)
    (line,) = ax.plot(xs, values, label=name)
    ax.plot(xs, slopes, color=line.get_color(), linestyle="--", label=f"slope of {name}")
    ax.set_xlabel("x")
    ax.legend()
    return ax
