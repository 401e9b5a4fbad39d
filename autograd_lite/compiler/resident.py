"""Parameters that live in a program's memory until somebody looks.

Writing a thousand parameters back into their Values takes longer than the step that changed
them. So while a program holds them they are `Resident`, a class of Values whose numbers are
properties: the first look at one of them, or the first change, brings all of the program's
parameters up to date and makes them ordinary Values again. Nothing outside can tell the difference.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from autograd_lite.graph import HELD, Node, hold_gradient, notes_of
from autograd_lite.value import Resident, Value
from autograd_lite.variant import NATIVE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

NUMBER: Any = vars(Node)["_data"]
GRADIENT: Any = vars(Node)["_grad"]
"""Where the number of a node is stored, and its gradient."""


class Residence:
    """The parameters of a program, and the memory they live in: parameters first, then their gradient.

    Attributes:
        memory: where they are now, None while they are Values.
    """

    def __init__(self, parameters: Sequence[Value], gradient: bool) -> None:
        self.parameters, self.gradient = parameters, gradient
        self.memory: NDArray[Any] | None = None
        self._epochs: list[int] = []
        self._reference = weakref.ref(self)  # a strong one would be a cycle through nodes that no collector sees

    def move_in(self, memory: NDArray[Any]) -> None:
        """Let a program's memory hold the parameters."""
        self.move_out()
        if not self.parameters:
            return
        memory[: len(self.parameters)] = [p._data for p in self.parameters]
        self.memory, self._epochs = memory, [p._epoch for p in self.parameters]
        for p in self.parameters:
            p._epoch = HELD
            notes_of(p).holder = self._reference
            p.__class__ = Resident

    def move_out(self) -> None:
        """Bring the parameters up to date and let them be Values."""
        if self.memory is None:
            return
        count = len(self.parameters)
        numbers, slopes = self.memory[:count].tolist(), self.memory[count : 2 * count].tolist()
        self.memory = None
        now = None
        for p, number, slope, epoch in zip(self.parameters, numbers, slopes, self._epochs, strict=True):
            p.__class__ = Value
            if self.gradient:
                hold_gradient(p, slope)
            if p._data == number:
                p._epoch = epoch
            else:
                if now is None:
                    p.data = number  # begins an epoch, in which the others are too
                    now = p._epoch
                p._data, p._epoch = number, now

    def __del__(self) -> None:
        self.move_out()


def _bring_back(node: Any) -> None:
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
