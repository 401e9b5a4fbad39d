"""Every exception this library raises on purpose.

Each one is also the built-in exception a caller would already be catching, so
`except ZeroDivisionError` keeps working when plain floats become Values. The text reads
`<who>: <rule>, got <value> <where>. <what to do>`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


def described(thing: object) -> str:
    """Return what a message says it got: "'2' of type str", cut where it is long, escaped where it is not ASCII."""
    text = ascii(thing)
    return f"{text if len(text) <= 40 else text[:37] + '...'} of type {type(thing).__name__}"


ELSEWHERE = {
    "item": "Write v.data for the plain number.",
    "numpy": "Write v.data for the plain number.",
    "requires_grad": "Leave it out: every leaf has a gradient. Where none is wanted write v.detach() or no_grad().",
    "retain_grad": "Leave it out: every node keeps its gradient.",
    "grad_fn": "Write v.primitive, and v.operands.",
    "clone": "Leave it out: no operation changes its operands. A new leaf is Value(v.data).",
    "pow": "Write v ** n.",
    "square": "Write v ** 2.",
    "_prev": "Write v.operands.",
    "_op": "Write v.primitive.",
    "_backward": "Write primitive(name, forward, local gradient) for a function of your own.",
}
"""Attributes of a number in PyTorch and micrograd, and what to write here."""


class Elsewhere:
    """An attribute that is not there, and says what to write instead.

    It stands in the class: with `__getattr__` every attribute, of every node, would take seven times as long.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.__doc__ = f"Not here. {ELSEWHERE[name]}"

    def __get__(self, traced: object, kind: type) -> NoReturn:
        text = f"{kind.__name__!r} object has no attribute {self.name!r}. {ELSEWHERE[self.name]}"
        raise AttributeError(text, name=self.name, obj=None)  # no obj: it would be kept, and searched for a likely name

    def __set__(self, traced: object, thing: object) -> NoReturn:
        self.__get__(traced, type(traced))


class AutogradError(Exception):
    """The common base: `except AutogradError` catches all of them and nothing else."""


class ArgumentError(AutogradError, ValueError):
    """A value of the right type that breaks a rule (an empty batch, a class out of range)."""


class InputTypeError(AutogradError, TypeError):
    """An object that is not a real number, or an operation that would lose the gradient."""


class OperationError(AutogradError):
    """An operation that has no value at its operands.

    Attributes:
        primitive: name of the operation.
        numbers: its operands as plain floats.
        operands: its operands as they were given, nodes included.
    """

    primitive: str = ""
    numbers: tuple[float, ...] = ()
    operands: tuple[object, ...] = ()

    def __reduce__(self) -> tuple[object, ...]:
        """Travel between processes without the operands: results cannot be pickled."""
        return type(self), self.args, {"primitive": self.primitive, "numbers": self.numbers}


class DomainError(OperationError, ValueError):
    """An operand outside the set where the operation is defined: log(-1)."""


class DivisionByZeroError(OperationError, ZeroDivisionError):
    """A division by zero, or a negative power of zero."""


class NumberOverflowError(OperationError, OverflowError):
    """A result too large for a float: exp(1000)."""


class NonFiniteError(OperationError, FloatingPointError):
    """A nan or inf that appeared while `raise_on_nonfinite()` was on."""


class StaleGraphError(AutogradError, RuntimeError):
    """A gradient was asked of a graph whose leaves have moved since it was evaluated."""


class NonLeafError(AutogradError, AttributeError, TypeError):
    """Something only a leaf can do was asked of a node that an operation made."""


class RenderError(AutogradError, RuntimeError):
    """A picture could not be rendered: `dot` is missing, or failed."""


class Uncompilable(AutogradError):
    """A graph, or a row in it, that has no native form: the next rung of the ladder takes it."""


class ProgramMismatch(AutogradError, AssertionError):
    """A compiled program that disagrees with the tape's own passes."""


class GradientMismatch(AutogradError, AssertionError):
    """A gradient that finite differences contradict.

    Attributes:
        report: what was found, a `GradientReport`.
    """

    report: Any = None
