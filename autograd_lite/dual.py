"""Dual: forward mode. A value and its tangent travel together through the same rows.

    y = f(x1, ..., xn)        tangent of y = sum of df/dxk * tangent of xk

A Dual's primal and tangent are floats, or Values, or Duals of a lower level: so forward mode
nests in itself and in reverse mode. Each differentiation counts a level of its own, and a
number of a lower level is a constant to it: tangents of different levels never mix
(perturbation confusion: Siskind & Pearlmutter 2005).

Zero times infinity is as in reverse mode: a way from the result to a variable ends where a local
gradient is 0, whatever comes below. So a number that does not move adds nothing, even times inf;
nor does an operand that a selection did not use. A tangent that came out as 0 is a number: times
inf it is nan, for sqrt(x * x) at 0 in both modes, and not a slope of 0 that nobody computed (that
of cbrt(x**3) is 1). At such points modes still differ in three cases. Where terms cancel on the way,
or overflow: y - y with y = sqrt(x) at 0 is 0 * inf backward, and inf - inf forward. Where Duals hold
Values: which 0 came out of a selection is not known in a graph, and beyond one 0 decides. In second
derivatives, sums over more ways: nan in one mode may be inf in another (asin at 1).
"""

from __future__ import annotations

from itertools import count
from math import isfinite

from autograd_lite.errors import InputTypeError
from autograd_lite.graph import local_as_float, numbers_of, zeros_below
from autograd_lite.modes import Mode, active, checking, inside_gradient
from autograd_lite.primitives import FAILURES, ROWS, Traced, to_float, to_number
from autograd_lite.table import add, chain, gate, mul, sub
from autograd_lite.value import (
    Value,
    is_same,
    meet_numpy,
    nonfinite_error,
    refuse_floor_division,
    refuse_remainder,
    refuse_to_round,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, NoReturn

    from autograd_lite.primitives import Primitive

_levels = count(2)


def new_level() -> int:
    """Return a level above every one in use: inner differentiations start later than outer ones.

    None is used twice, so a Dual that outlives its differentiation is a constant to the next.
    """
    return next(_levels)


class Moving(Traced):
    """A number and how it changes as something else does: what `Dual` and `Series` have in common.

    It compares, decides and converts by its plain number, as Value does.
    """

    __slots__ = ()
    primal: Any

    @property
    def parts(self) -> tuple[Any, ...]:
        """The numbers of lower levels that it is made of, the primal first."""
        raise TypeError(f"{type(self).__name__} does not say what it is made of")

    def like(self, *parts: Any) -> Moving:
        """Return a number of the same kind and level made of other parts; a primal alone makes a constant."""
        raise TypeError(f"{type(self).__name__} does not say how another is made")

    @property
    def data(self) -> float:
        """The plain number, all that moves left aside."""
        number = self.primal
        while number.__class__ is not float:
            number = number.primal if isinstance(number, Moving) else number.data
        return number

    def __pos__(self) -> Moving:
        return self

    def __lt__(self, other: Any) -> bool:
        return self.data < _data(other, "<")

    def __le__(self, other: Any) -> bool:
        return self.data <= _data(other, "<=")

    def __gt__(self, other: Any) -> bool:
        return self.data > _data(other, ">")

    def __ge__(self, other: Any) -> bool:
        return self.data >= _data(other, ">=")

    __hash__ = object.__hash__
    __eq__ = is_same

    def __bool__(self) -> bool:
        return self.data != 0.0

    def __float__(self) -> NoReturn:
        raise InputTypeError(
            f"float: a {type(self).__name__} was used where a plain number is needed, which would lose how it moves. "
            "Use exp(v), log(v), ... from autograd_lite instead of math's, or v.data for the plain number."
        )

    __int__ = __index__ = __complex__ = __trunc__ = __floor__ = __ceil__ = __float__
    __round__ = refuse_to_round
    __floordiv__ = __rfloordiv__ = refuse_floor_division
    __mod__ = __rmod__ = refuse_remainder
    __array_ufunc__ = meet_numpy

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)


class Dual(Moving):
    """A number and the rate at which it changes: primal + tangent * e, with e * e = 0.

    Args:
        primal: the number.
        tangent: its derivative along the direction that is followed.
        level: which differentiation the tangent belongs to; above that of both numbers.

    >>> x = Dual(3.0, 1.0)
    >>> x * x + 2.0
    Dual(primal=11.0, tangent=6.0)
    """

    __slots__ = ("gated", "level", "primal", "rate")

    def __init__(self, primal: Any, tangent: Any = 0.0, *, level: int = 1) -> None:
        self.primal = to_number(primal, "Dual")
        rate = to_number(tangent, "Dual: tangent")
        self.rate: Any = None if rate.__class__ is float and not rate else rate
        """The tangent, None where the number does not move."""
        self.gated = False
        """True where a selection recorded in a graph may have stopped the rate: its 0 is 0 times inf, too."""
        self.level = level
        if max(getattr(self.primal, "level", 0), getattr(rate, "level", 0)) >= level:
            raise InputTypeError(
                f"Dual: the level must be above those of primal and tangent, got {level!r}. Count a new one."
            )

    @property
    def tangent(self) -> Any:
        """The rate at which it changes; 0 where it does not move."""
        return 0.0 if self.rate is None else self.rate

    @property
    def parts(self) -> tuple[Any, ...]:
        return self.primal, self.tangent

    def like(self, *parts: Any) -> Dual:
        moves = len(parts) > 1 and self.rate is not None
        return _dual(parts[0], parts[1] if moves else None, self.level, self.gated)

    def apply(self, primitive: Primitive, operands: tuple[Any, ...]) -> Dual:
        """Return `primitive` at operands of which none has a higher level than this one."""
        level = self.level
        primals: list[Any] = []
        rates: list[Any] = []
        moves = gated = False
        for operand in operands:
            if operand.__class__ is Dual and operand.level == level:
                primals.append(operand.primal)
                rates.append(operand.rate)
                if operand.rate is not None:
                    moves = True
                    gated = gated or operand.gated
            else:
                primals.append(operand)
                rates.append(None)
        y = primitive(*primals)
        if active.count:
            check_finite(primitive, y, operands)
        rate: Any = None
        if moves:  # else constant: no local gradient is needed
            for t, local in zip(rates, local_gradients(primitive, y, primals, rates), strict=True):
                rate = plus(rate, carried(primitive, t, local, gated))
            gated = gated or (primitive.selection and rate.__class__ is not float)
        return _dual(y, rate, level, gated)

    def place(self) -> str:
        return "a dual number"

    def __repr__(self) -> str:
        return f"Dual(primal={self.primal!r}, tangent={self.tangent!r})"


def check_finite(primitive: Primitive, y: Any, operands: tuple[Any, ...]) -> None:
    """Raise where a number that moves is nan or inf and `raise_on_nonfinite()` is on; a Value has looked at itself."""
    if y.__class__ is float and not isfinite(y) and checking.get() and not inside_gradient.get():
        raise nonfinite_error(primitive, y, operands)


def _dual(primal: Any, rate: Any, level: int, gated: bool = False) -> Dual:
    dual = Dual.__new__(Dual)
    dual.primal, dual.rate, dual.level, dual.gated = primal, rate, level, gated
    return dual


def carried(primitive: Primitive, rate: Any, local: Any, gated: bool) -> Any:
    """Return rate * local, what one operand adds to the rate of a result; None for nothing.

    Where a recorded selection may have stopped the rate (`gated`), one of the two that is 0
    decides; else a local gradient of 0 does, as an upstream gradient of 0 in reverse mode.
    """
    if rate is None or local is None:
        return None
    if local.__class__ is float:
        if not local:
            return None if primitive.selection else 0.0
        if rate.__class__ is float:
            return rate * local
        if local == 1.0:
            return rate
    elif rate.__class__ is float and rate == 1.0:
        return local
    return gate(rate, local) if gated or primitive.selection else chain(local, rate)


def plus(total: Any, term: Any) -> Any:
    """Return total + term, where either may be None; no node where the total is still a plain 0."""
    if term is None:
        return total
    return term if total is None or (total.__class__ is float and not total) else total + term


def _data(other: Any, who: str) -> float:
    return other.data if isinstance(other, (Moving, Value)) else to_float(other, who)


def _method(row: Primitive) -> Callable[..., Any]:
    def method(self: Moving, *rest: Any) -> Any:
        return row(self, *rest)

    method.__name__, method.__doc__ = row.name, row.__doc__
    return method


for _row in ROWS.values():  # x.tanh(), for functions that are written with Value's methods
    if hasattr(Value, _row.name):
        setattr(Moving, _row.name, _method(_row))


def local_gradients(primitive: Primitive, y: Any, primals: Sequence[Any], rates: Sequence[Any]) -> list[Any]:
    """Return dy/doperand where the rate is not None, quietly; None where no gradient ever flows."""
    if all(x.__class__ is float for x in primals):
        found: Sequence[Any] = primitive.partials(y, primals)
    else:
        with Mode(inside_gradient, True):
            found = _quietly(primitive, y, primals, rates)
    return [x if x.__class__ is float or isinstance(x, Traced) else local_as_float(primitive, x) for x in found]


def _quietly(primitive: Primitive, y: Any, primals: Sequence[Any], rates: Sequence[Any]) -> Sequence[Any]:
    try:
        return _wanted(primitive, y, primals, rates)
    except InputTypeError as error:
        primitive.note_place(error)
        raise
    except FAILURES:  # plain arithmetic on constants raised; made of the highest kind here they follow quiet rows
        highest = max([x for x in primals if x.__class__ is not float], key=lambda x: x.level)
        kind = highest.like if isinstance(highest, Moving) else lambda x: Value(x, role="constant")
        return _wanted(primitive, y, [kind(x) if x.__class__ is float else x for x in primals], rates)


def _wanted(primitive: Primitive, y: Any, primals: Sequence[Any], rates: Sequence[Any]) -> Sequence[Any]:
    if primitive.variadic:
        return primitive.local_gradients(y, primals)
    return [
        0.0 if rate is None else gradient and gradient(y, *primals)
        for gradient, rate in zip(primitive.gradients, rates, strict=True)
    ]


# ---- along a recorded graph: the tangents of its nodes, and of its gradients


def push(order: Iterable[Any], tangents: Mapping[Any, float]) -> dict[Any, float | None]:
    """Return the tangent of every node of `order`, given those of some leaves: forward mode on a record.

    It is None for a node that does not move.
    """
    rates: dict[Any, float | None] = {}
    for node in order:
        primitive = node._primitive
        if primitive is None:
            rates[node] = tangents.get(node) or None
            continue
        rate: float | None = None
        if primitive is mul:  # spelled out, as in `sweep`
            a, b = node._a, node._b
            if a.__class__ is not float and (t := rates[a]) is not None:
                rate = t * local if (local := b if b.__class__ is float else b._data) else 0.0
            if b.__class__ is not float and (t := rates[b]) is not None:
                term = t * local if (local := a if a.__class__ is float else a._data) else 0.0
                rate = term if rate is None else rate + term
            rates[node] = rate
            continue
        operands = node.operands
        own = [None if operand.__class__ is float else rates[operand] for operand in operands]
        if own.count(None) < len(own):
            for t, local in zip(own, primitive.partials(node._data, numbers_of(node)), strict=True):
                if t is None:
                    continue
                if local.__class__ is not float:
                    local = local_as_float(primitive, local)
                if local or not (local is None or primitive.selection):  # as `carried` has it
                    term = t * local if local else 0.0
                    rate = term if rate is None else rate + term
        rates[node] = rate
    return rates


def second_sweep(root: Value, variables: Sequence[Value], tangents: Sequence[float]) -> list[float]:
    """Return the derivative of droot/dvariable along the tangents: a Hessian times a vector, on floats.

    The sweep of `graph.py`, run on values and tangents at once. `mul`, `add` and `sub`, whose local
    gradients need no Dual, are spelled out; a law of the tests holds them to their rows.
    """
    adjoints = zeros_below(root)
    rates = push(adjoints, dict(zip(variables, tangents, strict=True)))
    turns = adjoints.copy()  # the tangents of the adjoints
    adjoints[root] = 1.0
    level = new_level()
    with Mode(inside_gradient, True):
        for node in reversed(adjoints):
            primitive, operands = node._primitive, node.operands
            upstream, turn = adjoints[node], turns[node]
            if primitive is None or not (upstream or turn):
                continue
            if primitive is add:
                terms: Any = [(operand, 1.0, None) for operand in operands if operand.__class__ is not float]
            elif primitive is sub:
                a, b = operands
                terms = [] if a.__class__ is float else [(a, 1.0, None)]
                if b.__class__ is not float:
                    terms.append((b, -1.0, None))
            elif primitive is mul:
                a, b = operands
                if a.__class__ is float:
                    terms = ((b, a, None),)
                elif b.__class__ is float:
                    terms = ((a, b, None),)
                else:
                    terms = (a, b._data, rates[b]), (b, a._data, rates[a])
            else:
                terms = _locals_along(node, rates, level)
            for operand, local, bend in terms:
                if upstream:
                    adjoints[operand] += upstream * local
                    if bend is not None:
                        turns[operand] += upstream * bend
                if turn and (local or not primitive.selection):
                    turns[operand] += turn * local
    return [turns.get(variable, 0.0) for variable in variables]


def _locals_along(node: Any, rates: Mapping[Any, float | None], level: int) -> list[tuple[Any, float, float | None]]:
    """Return (operand, local gradient, its rate) for each operand that gets a gradient."""
    primitive, operands, numbers = node._primitive, node.operands, numbers_of(node)
    own = [None if operand.__class__ is float else rates[operand] for operand in operands]
    if own.count(None) < len(own):
        duals = [
            x if o.__class__ is float else _dual(x, t, level) for x, t, o in zip(numbers, own, operands, strict=True)
        ]
        kept = [None if operand.__class__ is float else 1.0 for operand in operands]
        found = _quietly(primitive, _dual(node._data, rates[node], level), duals, kept)
    else:
        found = primitive.partials(node._data, numbers)
    terms = []
    for operand, local in zip(operands, found, strict=True):
        if operand.__class__ is float:
            continue
        bend = None
        if local.__class__ is Dual:
            local, bend = local.primal, local.rate
        elif local.__class__ is not float:
            local = local_as_float(primitive, local)
        if local or bend or not (primitive.selection or local is None):
            terms.append((operand, local, bend))
    return terms
