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

if TYPE_CHECKING:
    from collections.abc import Callable


def resident_class(release: Callable[[], None]) -> type[Value]:
    """Return a class whose numbers are looked up by calling `release`, which must make its nodes Values again."""

    def slot(name: str) -> Any:
        stored: Any = vars(Node)[name]

        def read(node: Value) -> Any:
            release()
            return stored.__get__(node)

        def write(node: Value, number: float) -> None:
            release()
            stored.__set__(node, number)

        return property(read, write)

    return type("Resident", (Value,), {"__slots__": (), "_data": slot("_data"), "_grad": slot("_grad")})
