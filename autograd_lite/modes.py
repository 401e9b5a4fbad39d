"""Modes and scopes: how operations behave and are named inside a `with` block, in this thread or task alone."""

from __future__ import annotations

from _thread import allocate_lock  # threading itself takes most of a millisecond to import
from contextvars import ContextVar

from autograd_lite.errors import ArgumentError, InputTypeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")

recording: ContextVar[bool] = ContextVar("recording", default=True)
"""False: operations record nothing."""

checking: ContextVar[bool] = ContextVar("checking", default=False)
"""True: the first nan or inf raises."""

inside_gradient: ContextVar[bool] = ContextVar("inside_gradient", default=False)
"""True: rows run quiet, IEEE inf or nan where they would raise outside."""

innermost: ContextVar[Scope | None] = ContextVar("innermost", default=None)
"""The scope that operations are recorded in; None outside of any."""

_before: ContextVar[tuple[Any, ...]] = ContextVar("before", default=())  # what the blocks around had set


class Active:
    """How many modes are on, in any thread: operators ask no context variable while it is 0."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


active = Active()

open_scopes: set[Scope] = set()
"""The outermost ones, of all threads: no node is given a scope while there is none."""

_lock = allocate_lock()

SUSPENDS = 0x20 | 0x80 | 0x100 | 0x200  # flags of code that leaves its block and comes back: generators, coroutines


class Mode:
    """A context manager, and a decorator, that sets a context variable for the block."""

    def __init__(self, variable: ContextVar[Any], setting: Any) -> None:
        self._variable, self._setting = variable, setting

    def __enter__(self) -> None:
        _before.set((*_before.get(), self._variable.get()))
        self._variable.set(self._setting)
        with _lock:
            active.count += 1

    def __exit__(self, *exception: object) -> None:
        with _lock:
            active.count -= 1
        *rest, before = _before.get()
        self._variable.set(before)
        _before.set(tuple(rest))

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        code = getattr(function, "__code__", None)
        if code is None or code.co_flags & SUSPENDS:
            raise InputTypeError(
                f"{self._variable.name}: decorates plain functions, got {function!r}. Write `with` inside it instead."
            )

        def inside(*args: P.args, **options: P.kwargs) -> R:
            with Mode(self._variable, self._setting):
                return function(*args, **options)

        inside.__name__, inside.__doc__ = function.__name__, function.__doc__
        return inside


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

    That is the value of an operation on Values, dual numbers or series; gradients may be infinite.

    >>> from autograd_lite import Value, raise_on_nonfinite
    >>> with raise_on_nonfinite():
    ...     Value(1e200, label="x") * 1e200
    Traceback (most recent call last):
    autograd_lite.errors.NonFiniteError: mul: result must be finite, got inf from 1e+200 at node 'x', 1e+200. ...
    """
    return Mode(checking, True)


class Scope:
    """A named part of a graph: the nodes made while its `with` block ran. See `scope`.

    A block is a stretch of time, and operands are made before their users: no path leaves a
    scope and comes back. So any scope can be shown as one box without making a cycle.

    Attributes:
        name: what the part is called, "neuron 3".
        parent: the scope around it, None for an outermost one.
    """

    __slots__ = ("_is_open", "name", "parent")

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise InputTypeError(f"scope: a name is needed, got {name!r:.40} of type {type(name).__name__}.")
        if not name:
            raise ArgumentError("scope: the name must not be empty, got ''. Write scope('neuron 1').")
        self.name = name
        self.parent: Scope | None = None
        self._is_open: bool | None = None  # not yet

    def __enter__(self) -> Scope:
        if self._is_open is not None:
            raise ArgumentError(f"scope: {self.name!a} must be entered once, got it again. Write scope({self.name!a}).")
        self._is_open = True
        self.parent = parent = innermost.get()
        innermost.set(self)
        if parent is None:
            open_scopes.add(self)
        return self

    def __exit__(self, *exception: object) -> None:
        self._is_open = False
        if innermost.get() is not self:  # a generator went into another meanwhile, and is in it still
            return
        outer = self.parent
        while outer is not None and not outer._is_open:
            outer = outer.parent
        innermost.set(outer)
        if outer is None:
            open_scopes.discard(self if self.parent is None else self.path[0])

    @property
    def path(self) -> tuple[Scope, ...]:
        """The scopes around this one, the outermost first, and itself."""
        found = [self]
        while found[-1].parent is not None:
            found.append(found[-1].parent)
        return tuple(reversed(found))

    def __str__(self) -> str:
        return "/".join(scope.name for scope in self.path)

    def __repr__(self) -> str:
        return f"<scope {str(self)!a}>"


def scope(name: str) -> Scope:
    """Return a context manager that names what is computed in its block: pictures put a box around it.

    Scopes nest; a big picture folds them into one gate each. The layers and neurons of `nn`
    are scopes. Leaves belong to none: they may be used in several.

    >>> from autograd_lite import Value, scope, tanh
    >>> x = Value(1.0)
    >>> with scope("layer 1"), scope("neuron 2"):
    ...     h = tanh(3.0 * x)
    >>> str(h.scope)
    'layer 1/neuron 2'
    """
    return Scope(name)
