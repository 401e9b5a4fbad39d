"""The tape: a graph of Values as flat arrays of integers.

Values are recorded as they are: there is one way to build a graph, and its numbers are there
to check against. In a function they are caught as they are made, so that the order on the
tape is the order of the program; a comparison leaves a guard behind, and reading `.data` is
refused with the line that did it.
"""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite import modes, table
from autograd_lite.compiler.guards import Branch, Guards
from autograd_lite.dual import Moving
from autograd_lite.errors import InputTypeError
from autograd_lite.graph import topological_order
from autograd_lite.modes import Mode
from autograd_lite.primitives import to_float
from autograd_lite.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from autograd_lite.primitives import Primitive


@dataclass(slots=True)
class Tape:
    """Nodes 0, 1, ...: constants, parameters, inputs, then operations, operands before users.

    Operation k has the row `names[code[k]]` and the operands `operand[first[k] : first[k + 1]]`.
    Where Python branched, the last root is the sum of the guards.
    """

    constants: NDArray[np.float64]
    parameters: int
    inputs: int
    names: list[str]
    rows: dict[str, Primitive]
    code: NDArray[np.intp]
    first: NDArray[np.intp]
    operand: NDArray[np.intp]
    nodes: list[Value]
    roots: list[int]
    branches: tuple[Branch, ...] = ()

    @property
    def leaves(self) -> int:
        return len(self.constants) + self.parameters + self.inputs


@contextmanager
def paused_collector() -> Iterator[None]:
    """Switch the cyclic collector off: with a million young objects alive it takes most of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def watching(guards: Guards | None = None) -> Iterator[list[Value]]:
    """Catch the Values made in the block, in order, and refuse what a recorded graph would not repeat.

    Args:
        guards: where comparisons go; they are refused without it.
    """
    made: list[Value] = []
    before: list[tuple[Any, str, Any]] = []
    try:
        for kind in (Value, Moving):
            for name in (*COMPARISONS, "data"):
                now = vars(kind)[name]
                before.append((kind, name, now))
                setattr(kind, name, _comparing(name, now, guards, made) if name != "data" else _reading(now))
        with Mode(modes.made, made):
            yield made
    finally:
        for kind, name, method in before:
            setattr(kind, name, method)


COMPARISONS = ("__lt__", "__le__", "__gt__", "__ge__", "__bool__")


def _comparing(name: str, method: Callable[..., bool], guards: Guards | None, made: list[Value]) -> Callable[..., bool]:
    what = "if, while, max, min or sorted" if name != "__bool__" else "if, while, and, or"

    def compare(self: Any, *other: Any) -> bool:
        if _is_the_library():
            return method(self, *other)
        if guards is None:
            raise InputTypeError(
                f"compile: a Python branch ({what}) may not depend on a Value, got one at {_line()}: every example "
                f"would go the way of the first. Use where, relu, clip, maximum or max from autograd_lite."
            )
        outcome = method(self, *other)
        made.extend(guards.compared(name, _primal(self), _primal(*other or (0.0,)), outcome, _line()))
        return outcome

    return compare


def _primal(number: Any) -> Any:
    """Return the Value, or the float, that a comparison looks at."""
    while isinstance(number, Moving):
        number = number.primal
    return number if isinstance(number, Value) else to_float(number, "compile")


def _reading(data: Any) -> property:
    def refuse(self: Any) -> float:
        if _is_the_library():
            return float(data.fget(self))
        raise InputTypeError(
            f"compile: .data may not be read inside the function, got {self.place()} at {_line()}: the number of "
            f"today would be in the program for ever. Use detach(v) from autograd_lite for a number without gradient."
        )

    return property(refuse, data.fset)


def _is_the_library() -> bool:
    """Whether the line that compares or reads stands in this library: it decides the same way every time."""
    name = sys._getframe(2).f_globals.get("__name__", "")
    return str(name).split(".")[0] in ("autograd_lite", "nn")


def _line() -> str:
    frame = sys._getframe(2)
    return f"line {frame.f_lineno} of {frame.f_code.co_filename.rsplit('/', 1)[-1]}"


def record(
    roots: Sequence[Value],
    parameters: Sequence[Value],
    inputs: Sequence[Value],
    made: list[Value] | None = None,
    guards: Guards | None = None,
) -> Tape:
    """Return the graph below roots as a tape.

    Args:
        roots: what is computed.
        parameters, inputs: the leaves that vary; any other leaf is a constant.
        made: all nodes in the order they were made in; the order of a walk without it.
        guards: what was compared on the way.
    """
    branches: tuple[Branch, ...] = ()
    if guards is not None and guards.nodes and made is not None:
        total = guards.total()
        roots, branches = [*roots, total], tuple(guards.branches)
        made.append(total)
    order = _below(roots)
    known = {id(leaf) for leaf in [*parameters, *inputs]}
    fixed = [node for node in order if node._primitive is None and id(node) not in known]
    nodes = [node for node in order if node._primitive is not None]
    if made is not None:
        below, young = set(map(id, nodes)), set(map(id, made))
        if not young.isdisjoint(map(id, fixed)):
            raise InputTypeError(
                "compile: no_grad may not be used inside the function, got a result of it: the number of today would "
                "be in the program for ever. Use detach(v) from autograd_lite for a number without gradient."
            )
        nodes = [node for node in nodes if id(node) not in young] + [node for node in made if id(node) in below]

    operands = [node.operands for node in nodes]
    count = np.fromiter(map(len, operands), np.intp, len(nodes))
    first = np.concatenate([[0], np.cumsum(count)])
    flat = list(chain.from_iterable(operands))
    # A number stands for itself: every float and every other leaf is one of the constants.
    varying = [*parameters, *inputs, *nodes]
    position = dict.fromkeys(map(id, fixed), -1)
    position.update(zip(map(id, varying), range(len(varying)), strict=True))
    operand = np.fromiter(map(position.get, map(id, flat), repeat(-1)), np.intp, len(flat))
    plain = np.nonzero(operand < 0)[0]
    constant_roots = [root for root in roots if position[id(root)] < 0]
    things = [*[flat[k] for k in plain.tolist()], *constant_roots]
    numbers = [thing if thing.__class__ is float else thing._data for thing in things]
    bits = np.array(numbers, np.float64).view(np.int64)  # by bits: 0.0 and -0.0 are two constants, nan is one
    constants, which = np.unique(bits, return_inverse=True)
    operand += len(constants)
    operand[plain] = which[: len(plain)]
    of_root = dict(zip(map(id, constant_roots), which[len(plain) :].tolist(), strict=True))

    primitives: list[Any] = [node._primitive for node in nodes]
    distinct = {id(row): row for row in primitives}  # a row and its quiet twin are two of one name
    rows: dict[str, Primitive] = {row.name: row for row in distinct.values()}
    names = list(rows)
    codes = {key: names.index(row.name) for key, row in distinct.items()}
    code = np.fromiter(map(codes.__getitem__, map(id, primitives)), np.intp, len(nodes))
    return Tape(
        constants.view(np.float64), len(parameters), len(inputs), names, rows, code, first, operand, nodes,
        [of_root.get(id(root), position[id(root)] + len(constants)) for root in roots],
        branches,
    )  # fmt: skip


def _below(roots: Sequence[Value]) -> list[Any]:
    """Return the nodes below any of the roots, once each."""
    if len(roots) == 1:
        return topological_order(roots[0])
    together = Value(0.0)
    together._record(table.sum, tuple(roots))
    return topological_order(together)[:-1]
