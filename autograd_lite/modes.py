"""Modes: how operations behave inside a `with` block, in this thread or task alone."""

from __future__ import annotations

from contextvars import ContextVar
from threading import Lock

from autograd_lite.errors import InputTypeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])

recording: ContextVar[bool] = ContextVar("recording", default=True)
"""False: operations record nothing."""

checking: ContextVar[bool] = ContextVar("checking", default=False)
"""True: the first nan or inf raises."""

inside_gradient: ContextVar[bool] = ContextVar("inside_gradient", default=False)
"""True: rows run quiet, IEEE inf or nan where they would raise outside."""

_before: ContextVar[tuple[bool, ...]] = ContextVar("before", default=())  # what the blocks around had set

active = 0
"""How many modes are on, in any thread: operators ask no context variable while it is 0."""

_lock = Lock()

SUSPENDS = 0x20 | 0x80 | 0x100 | 0x200  # flags of code that leaves its block and comes back: generators, coroutines


class Mode:
    """A context manager, and a decorator, that sets a context variable for the block."""

    def __init__(self, variable: ContextVar[bool], setting: bool) -> None:
        self._variable, self._setting = variable, setting

    def __enter__(self) -> None:
        global active
        _before.set((*_before.get(), self._variable.get()))
        self._variable.set(self._setting)
        with _lock:
            active += 1

    def __exit__(self, *exception: object) -> None:
        global active
        with _lock:
            active -= 1
        *rest, before = _before.get()
        self._variable.set(before)
        _before.set(tuple(rest))

    def __call__(self, function: F) -> F:
        code = getattr(function, "__code__", None)
        if code is None or code.co_flags & SUSPENDS:
            raise InputTypeError(
                f"{self._variable.name}: decorates plain functions, got {function!r}. Write `with` inside it instead."
            )

        def inside(*args: Any, **options: Any) -> Any:
            with Mode(self._variable, self._setting):
                return function(*args, **options)

        inside.__name__, inside.__doc__ = function.__name__, function.__doc__
        return inside  # type: ignore[return-value]


def no_grad() -> Mode:
    """Return a context manager in which operations record nothing: results are leaves.

    >>> from autograd_lite import Value, no_grad
    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y.is_leaf
    True
    """
    return Mode(recording, False)


def raise_on_nonfinite() -> Mode:
    """Return a context manager in which the first value that is nan or inf raises NonFiniteError and is named.

    >>> from autograd_lite import Value, raise_on_nonfinite
    >>> with raise_on_nonfinite():
    ...     Value(1e200, label="x") * 1e200
    Traceback (most recent call last):
    autograd_lite.errors.NonFiniteError: mul: result must be finite, got inf from 1e+200 at node 'x', 1e+200. ...
    """
    return Mode(checking, True)
