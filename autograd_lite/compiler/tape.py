"""The tape: a graph of Values as flat arrays of integers.

Values are recorded as they are: there is one way to build a graph, and its numbers are there
to check against. In a function they are caught as they are made, so that the order on the
tape is the order of the program; a comparison leaves a guard behind, and reading `.data` is
refused with the line that did it.

A node costs (moons and digits from their loops, ns, pure Python and the compiled core): to be built
319-362 and 70-124, to be built and caught 383-384 and 167-241, to be put on the tape 259-324
and 238-276 more.
"""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock, get_ident
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_lite import table
from autograd_lite.compiler.guards import Branch, Guards
from autograd_lite.dual import Moving
from autograd_lite.errors import InputTypeError
from autograd_lite.graph import flatten, topological_order
from autograd_lite.modes import active
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


_one_at_a_time = RLock()  # what watches stands in the class, for all threads


@contextmanager
def watching(guards: Guards | None = None) -> Iterator[list[Value]]:
    """Catch the Values made in the block, in order, and refuse what a recorded graph would not repeat.

    Results of other threads are caught too: nothing here depends on them, and they are left out.

    Args:
        guards: where comparisons go; they are refused without it.
    """
    made: list[Value] = []
    thread = get_ident()
    with _one_at_a_time, paused_collector():
        during: list[tuple[Any, str, Any]] = [(Value, "apply", _applying(Value.apply, made))]
        during += [(Value, name, _operating(vars(Value)[name], made)) for name in ("__add__", "__sub__", "__mul__")]
        for kind in (Value, Moving):
            during += [(kind, name, _comparing(name, vars(kind)[name], guards, made, thread)) for name in COMPARISONS]
            during.append((kind, "data", _reading(vars(kind)["data"], thread)))
        before = [(kind, name, vars(kind)[name]) for kind, name, _ in during]
        try:
            for kind, name, method in during:
                setattr(kind, name, method)
            yield made
        finally:
            for kind, name, method in before:
                setattr(kind, name, method)


def _applying(apply: Callable[..., Value], made: list[Value]) -> Callable[..., Value]:
    def applied(self: Value, primitive: Primitive, operands: tuple[Any, ...]) -> Value:
        node = apply(self, primitive, operands)
        made.append(node)
        return node

    return applied


def _operating(method: Callable[..., Any], made: list[Value]) -> Callable[..., Any]:
    """Return an operator that is spelled out; one that is not comes by `apply`, as this one does inside a mode."""

    def operate(self: Value, other: Any) -> Any:
        if active.count:
            return method(self, other)
        node = method(self, other)
        if node.__class__ is Value:
            made.append(node)
        return node

    return operate


COMPARISONS = ("__lt__", "__le__", "__gt__", "__ge__", "__bool__")


def _comparing(
    name: str, method: Callable[..., bool], guards: Guards | None, made: list[Value], thread: int
) -> Callable[..., bool]:
    what = "if, while, max, min or sorted" if name != "__bool__" else "if, while, and, or"

    def compare(self: Any, *other: Any) -> bool:
        if _is_elsewhere(thread):
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


def _reading(data: Any, thread: int) -> property:
    def refuse(self: Any) -> float:
        if _is_elsewhere(thread):
            return float(data.fget(self))
        raise InputTypeError(
            f"compile: .data may not be read inside the function, got {self.place()} at {_line()}: the number of "
            f"today would be in the program for ever. Use detach(v) from autograd_lite for a number without gradient."
        )

    return property(refuse, data.fset)


def _is_elsewhere(thread: int) -> bool:
    """Whether another thread asks, or a line of this library, which decides the same way every time."""
    name = sys._getframe(2).f_globals.get("__name__", "")
    return get_ident() != thread or str(name).split(".")[0] in ("autograd_lite", "nn")


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
    leaves = [*parameters, *inputs]
    flat = _flat(leaves, _results(roots) if made is None else made, roots)
    while flat.older:  # results that were there before the function ran
        flat = _flat(leaves, _results(flat.older) + flat.nodes, roots)
    flat.drop_unused(len(leaves))
    # A number stands for itself, and so does every other leaf: they are the constants.
    plain = np.nonzero(flat.operand < 0)[0]
    constant_roots = [k for k, end in enumerate(flat.roots) if end < 0]
    numbers = np.concatenate([flat.number[plain], [roots[k]._data for k in constant_roots]])
    bits = numbers.view(np.int64)  # by bits: 0.0 and -0.0 are two constants, nan is one
    constants, met, which = np.unique(bits, return_index=True, return_inverse=True)
    order = np.argsort(met)  # as they are met: what comes step by step lies step by step
    constants, which = constants[order], np.argsort(order)[which.ravel()]
    operand = flat.operand + len(constants)
    operand[plain] = which[: len(plain)]
    ends = [end + len(constants) for end in flat.roots]
    for k, constant in zip(constant_roots, which[len(plain) :].tolist(), strict=True):
        ends[k] = constant

    used = np.unique(flat.code).tolist()
    if any(flat.rows[code] is None for code in used):
        raise InputTypeError(
            "compile: no_grad may not be used inside the function, got a result of it: the number of today would "
            "be in the program for ever. Use detach(v) from autograd_lite for a number without gradient."
        )
    # A row and its quiet twin are two of one name, and so is a row of another number of operands.
    rows: dict[str, Primitive] = {flat.rows[code].name: flat.rows[code] for code in used}
    names = list(rows)
    new = np.array([names.index(row.name) if row and row.name in rows else -1 for row in flat.rows], np.intp)
    return Tape(
        constants.view(np.float64), len(parameters), len(inputs), names, rows, new[flat.code],
        np.concatenate([[0], np.cumsum(flat.count)]), operand, flat.nodes, ends, branches,
    )  # fmt: skip


@dataclass(slots=True)
class _Flat:
    """Nodes as arrays: operands of all of them, one after the other, less than 0 where one is no node of these.

    `number` says then which number it is. `older` are results among those.
    """

    nodes: list[Any]
    rows: list[Any]
    code: NDArray[np.intp]
    count: NDArray[np.intp]
    operand: NDArray[np.intp]
    number: NDArray[np.float64]
    roots: list[int]
    older: list[Any]

    def drop_unused(self, leaves: int) -> None:
        """Leave out nodes that no root depends on."""
        n = len(self.nodes)
        places = self.operand - leaves
        uses = np.bincount(places[places >= 0], minlength=n)
        uses += np.bincount([root - leaves for root in self.roots if root >= leaves], minlength=n)
        gone = np.nonzero(uses == 0)[0]
        if not len(gone):
            return
        first = np.cumsum(self.count) - self.count
        alive = np.ones(n, bool)
        while len(gone):
            alive[gone] = False
            lost = places[np.concatenate([np.arange(first[k], first[k] + self.count[k]) for k in gone])]
            lost = lost[lost >= 0]
            np.subtract.at(uses, lost, 1)
            gone = np.unique(lost[uses[lost] == 0])
        keep = np.repeat(alive, self.count)
        new = np.cumsum(alive) - 1
        self.nodes = [node for node, is_alive in zip(self.nodes, alive.tolist(), strict=True) if is_alive]
        self.code, self.count = self.code[alive], self.count[alive]
        self.operand, self.number, places = self.operand[keep], self.number[keep], places[keep]
        self.operand[places >= 0] = leaves + new[places[places >= 0]]
        self.roots = [leaves + int(new[root - leaves]) if root >= leaves else root for root in self.roots]


def _flat(leaves: Sequence[Value], nodes: list[Any], roots: Sequence[Value]) -> _Flat:
    """Return nodes, operands before their users, as arrays."""
    start, places, numbers, codes, lengths, kinds, ends = flatten(leaves, nodes, roots)
    code = np.array(codes, np.intp)
    count = np.array([kinds[k][1] for k in range(len(kinds))], np.intp)[code]
    count[count < 0] = lengths
    place = np.array(places, np.intp)
    number = np.zeros(len(place))
    number[place < 0] = numbers
    others = np.nonzero((place >= 0) & (place < start))[0]
    first = np.cumsum(count) - count
    users = np.searchsorted(first, others, "right") - 1
    things = [nodes[k].operands[j] for k, j in zip(users.tolist(), (others - first[users]).tolist(), strict=True)]
    number[others] = [thing._data for thing in things]
    things += [root for root, end in zip(roots, ends, strict=True) if end < start]
    return _Flat(
        nodes, [kinds[k][0] for k in range(len(kinds))], code, count, place - start, number,
        [end - start for end in ends], [thing for thing in things if thing._primitive is not None],
    )  # fmt: skip


def _results(roots: Sequence[Value]) -> list[Any]:
    """Return the results below any of the roots and themselves, once each, operands before their users."""
    return [node for node in _below(roots) if node._primitive is not None]


def _below(roots: Sequence[Value]) -> list[Any]:
    """Return the nodes below any of the roots, once each."""
    if len(roots) == 1:
        return topological_order(roots[0])
    together = Value(0.0)
    together._record(table.sum, tuple(roots))
    return topological_order(together)[:-1]
