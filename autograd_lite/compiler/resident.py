"""Parameters that live in a program's memory until somebody looks.

Writing a thousand parameters back into their Values takes longer than the step that changed
them. So while a program holds them they are of a class of its own, whose number is a
property: the first look at one of them, or the first change, brings all of them up to date
and makes them ordinary Values again. Nothing outside can tell the difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autograd_lite.graph import Node
from autograd_lite.value import Value
from autograd_lite.variant import NATIVE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Residence:
    """The parameters of a program, and the memory they live in: parameters first, then their gradient.

    Attributes:
        memory: where they are now, None while they are Values.
    """

    def __init__(self, parameters: Sequence[Value], gradient: bool) -> None:
        self.parameters, self.gradient = parameters, gradient
        self.memory: NDArray[Any] | None = None
        self._resident: type[Value] = type(
            "Resident", (Value,), {"__slots__": (), "_data": self._slot("_data"), "_grad": self._slot("_grad")}
        )

    def _slot(self, name: str) -> property:
        stored: Any = vars(Node)[name]

        def read(node: Value) -> Any:
            self.move_out()
            return stored.__get__(node)

        def write(node: Value, number: float) -> None:
            self.move_out()
            stored.__set__(node, number)

        return property(read, write)

    def move_in(self, memory: NDArray[Any]) -> None:
        """Let a program's memory hold the parameters."""
        self.move_out()
        memory[: len(self.parameters)] = [p.data for p in self.parameters]
        if not NATIVE:
            for p in self.parameters:
                p.__class__ = self._resident
        self.memory = memory

    def move_out(self) -> None:
        """Bring the parameters up to date and let them be Values."""
        if self.memory is None:
            return
        count = len(self.parameters)
        numbers = self.memory[: 2 * count].tolist()
        self.memory = None
        if not NATIVE:
            for p in self.parameters:
                p.__class__ = Value
        for p, number, slope in zip(self.parameters, numbers[:count], numbers[count:], strict=True):
            if p.data != number:
                p.data = number
            if self.gradient:
                p.grad = slope

    def look(self) -> None:
        """Bring parameters of compiled Values up to date at once: such a Value cannot ask when it is looked at."""
        if NATIVE:
            self.move_out()
