"""Parameters that live in a program's memory until somebody looks.

Writing a thousand parameters back into their Values takes longer than the step that changed
them. So while a program holds them they are `Resident`, a class of Values whose numbers are
properties: the first look at one of them, or the first change, brings all of the program's
parameters up to date and makes them ordinary Values again. Nothing outside can tell the difference.

Native code runs beside other threads of Python, which may look as well. They wait until it has ended, and not
for the rest of a call, which may have to wait for something that they hold.
"""

from __future__ import annotations

import os
import weakref
from itertools import compress
from threading import RLock
from time import sleep
from typing import TYPE_CHECKING, Any

from autograd_lite.compiler.turns import Turns, is_inside
from autograd_lite.graph import HELD, Node, notes_of
from autograd_lite.value import Resident, Value
from autograd_lite.variant import NATIVE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

NUMBER: Any = vars(Node)["_data"]
GRADIENT: Any = vars(Node)["_grad"]
"""Where the number of a node is stored, and its gradient."""


PATIENCE = 0.0001
"""Seconds between two looks whether native code has ended."""

_moving = RLock()  # a parameter may be that of several programs


class Residence:
    """The parameters of a program, and the memory they live in: parameters first, then their gradient.

    Attributes:
        memory: where they are now, None while they are Values.
        in_use: whether code may be running on that memory, and must not lose it.
        turns: of the calls of the program.
    """

    def __init__(self, parameters: Sequence[Value], gradient: bool) -> None:
        self.parameters, self.gradient = parameters, gradient
        self.memory: NDArray[Any] | None = None
        self.in_use, self.turns = False, Turns()
        self._lock = RLock()
        self._epochs: list[int] = []
        self._reference = weakref.ref(self)  # a strong one would be a cycle through nodes that no collector sees
        with _moving:
            _residences.add(self)

    def use(self, memory: NDArray[Any], code: Callable[[], Any]) -> Any:
        """Run code on a program's memory, with the parameters in it."""
        while True:
            self.in_use = True  # first: who takes the memory away looks at this afterwards
            try:
                if self.memory is memory:
                    return code()
            finally:
                self.in_use = False
            self._move_in(memory)

    def _move_in(self, memory: NDArray[Any]) -> None:
        """Let the memory hold the parameters, unless another program takes some of them at the same time."""
        self.move_out()
        for p in self.parameters:
            _bring_back(p)
        with self._lock, _moving:
            if Resident in map(type, self.parameters):
                return
            memory[: len(self.parameters)] = [p._data for p in self.parameters]
            self._epochs = [p._epoch for p in self.parameters]
            self.memory = memory
            _to_the_end(self._hold)

    def _hold(self) -> None:
        for p in self.parameters:
            notes_of(p).holder = self._reference
            p.__class__ = Resident
            p._epoch = HELD

    def move_out(self) -> None:
        """Bring the parameters up to date and let them be Values, once code that is running has ended."""
        with self._lock:
            memory, self.memory = self.memory, None
            if memory is None:
                return
            try:
                while self.in_use and not is_inside(self):
                    sleep(PATIENCE)
            except BaseException:
                self.memory = memory
                raise
            with _moving:
                _to_the_end(self._release, memory)

    def _release(self, memory: NDArray[Any]) -> None:
        count, now = len(self.parameters), 0
        numbers, slopes = memory[:count].tolist(), memory[count : 2 * count].tolist()
        still: list[Any] = [p.__class__ is Resident for p in self.parameters]
        for p, number, slope, epoch in compress(
            zip(self.parameters, numbers, slopes, self._epochs, strict=True), still
        ):
            if self.gradient:
                GRADIENT.__set__(p, slope)
                notes_of(p).gradient = None
            if NUMBER.__get__(p) != number:
                NUMBER.__set__(p, number)
                epoch = now = now or _new_epoch()
            p._epoch = epoch
            p.__class__ = Value  # last: whoever looks meanwhile waits

    def __del__(self) -> None:
        self.move_out()


_residences: weakref.WeakSet[Residence] = weakref.WeakSet()


def _to_the_end(work: Callable[..., None], *arguments: Any) -> None:
    """Do something that may be begun twice; Ctrl-C comes when it is done."""
    try:
        work(*arguments)
    except KeyboardInterrupt:
        work(*arguments)
        raise


def _new_epoch() -> int:
    leaf = Value(0.0)
    leaf.data = 0.0
    return leaf._epoch


def _bring_back(node: Any) -> None:
    while type(node) is Resident:
        notes_of(node).holder().move_out()


def _stored(slot: Any) -> property:
    def read(node: Value) -> Any:
        _bring_back(node)
        return slot.__get__(node)

    def write(node: Value, number: float) -> None:
        _bring_back(node)
        slot.__set__(node, number)

    return property(read, write)


def _property(name: str) -> property:
    def read(node: Value) -> Any:
        _bring_back(node)
        return getattr(node, name)

    def write(node: Value, number: Any) -> None:
        _bring_back(node)
        setattr(node, name, number)

    return property(read, write)


def _method(name: str) -> Callable[..., Any]:
    def method(node: Value, *arguments: Any, **options: Any) -> Any:
        _bring_back(node)
        return getattr(type(node), name)(node, *arguments, **options)

    return method


def _prepare() -> None:
    """Give residents their properties. Compiled methods read fields, not attributes: they are told first."""
    changed: dict[str, Any] = {"_data": _stored(NUMBER), "_grad": _stored(GRADIENT)}
    if NATIVE:
        changed |= {name: _property(name) for name in ("data", "grad")}
        names = {name for kind in (Node, Value) for name, thing in vars(kind).items() if callable(thing)}
        changed |= {name: _method(name) for name in names - UNTOUCHED}
    for name, thing in changed.items():
        setattr(Resident, name, thing)


UNTOUCHED = {"__new__", "__init__", "__hash__", "__eq__", "__ne__", "__getattribute__", "__setattr__", "__delattr__"}
"""Methods that look at no number of the node."""

_prepare()


def _before_fork() -> None:
    """Let all parameters be Values and stay so: the child will be without the threads that use the memory."""
    while True:
        for residence in list(_residences):
            residence.move_out()
        _moving.acquire()
        if all(residence.memory is None for residence in _residences):
            return
        _moving.release()


def _in_child() -> None:
    """Go on without the calls of threads that are not there."""
    _moving.release()
    for residence in _residences:
        residence.turns.free = True
        residence.turns.waiting.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_moving.release, after_in_child=_in_child)
