"""Dual: forward mode. A value and its tangent travel together through the same rows.

    y = f(x1, ..., xn)        tangent of y = sum of df/dxk * tangent of xk

A Dual's primal and tangent are floats, or Values, or Duals of a lower level: so forward mode
nests in itself and in reverse mode. Each differentiation counts a level of its own, and a
number of a lower level is a constant to it: tangents of different levels never mix
(perturbation confusion: Siskind & Pearlmutter 2005).
"""

from __future__ import annotations

from itertools import count
from math import isfinite

from autograd_lite.errors import InputTypeError
from autograd_lite.graph import local_as_float, numbers_of, zeros_below
from autograd_lite.modes import Mode, active, checking, inside_gradient
from autograd_lite.primitives import FAILURES, ROWS, Traced, to_float, to_number
from autograd_lite.table import add, gate, mul, sub
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

    __slots__ = ("level", "primal", "tangent")

    def __init__(self, primal: Any, tangent: Any = 0.0, *, level: int = 1) -> None:
        self.primal = to_number(primal, "Dual")
        self.tangent = to_number(tangent, "Dual: tangent")
        self.level = level
        if max(getattr(self.primal, "level", 0), getattr(self.tangent, "level", 0)) >= level:
            raise InputTypeError(
                f"Dual: the level must be above those of primal and tangent, got {level!r}. Count a new one."
            )

    @property
    def parts(self) -> tuple[Any, ...]:
        return self.primal, self.tangent

    def like(self, *parts: Any) -> Dual:
        return _dual(parts[0], parts[1] if len(parts) > 1 else 0.0, self.level)

    def apply(self, primitive: Primitive, operands: tuple[Any, ...]) -> Dual:
        """Return `primitive` at operands of which none has a higher level than this one."""
        level = self.level
        primals, tangents = [], []
        for operand in operands:
            if operand.__class__ is Dual and operand.level == level:
                primals.append(operand.primal)
                tangents.append(operand.tangent)
            else:
                primals.append(operand)
                tangents.append(0.0)
        y = primitive(*primals)
        if active.count:
            check_finite(primitive, y, operands)
        tangent: Any = 0.0
        if any(t.__class__ is not float or t for t in tangents):  # else constant: no local gradient is needed
            for t, local in zip(tangents, local_gradients(primitive, y, primals, tangents), strict=True):
                if local is not None:
                    tangent = plus(tangent, product(t, local))
        return _dual(y, tangent, level)

    def place(self) -> str:
        return "a dual number"

    def __repr__(self) -> str:
        return f"Dual(primal={self.primal!r}, tangent={self.tangent!r})"


def check_finite(primitive: Primitive, y: Any, operands: tuple[Any, ...]) -> None:
    """Raise where a number that moves is nan or inf and `raise_on_nonfinite()` is on; a Value has looked at itself."""
    if y.__class__ is float and not isfinite(y) and checking.get() and not inside_gradient.get():
        raise nonfinite_error(primitive, y, operands)


def _dual(primal: Any, tangent: Any, level: int) -> Dual:
    dual = Dual.__new__(Dual)
    dual.primal, dual.tangent, dual.level = primal, tangent, level
    return dual


def product(rate: Any, factor: Any) -> Any:
    """Return rate * factor, 0 where either is 0 (not 0 * inf = nan), and no node where a constant decides."""
    if rate.__class__ is factor.__class__ is float:
        return rate * factor if rate and factor else 0.0
    if factor.__class__ is float and (not factor or factor == 1.0):
        return rate if factor else 0.0
    if rate.__class__ is float and (not rate or rate == 1.0):
        return factor if rate else 0.0
    return gate(rate, factor)


def plus(total: Any, term: Any) -> Any:
    """Return total + term, no node where the total is still a plain 0."""
    return total + term if total.__class__ is not float or total else term


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


def local_gradients(primitive: Primitive, y: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
    """Return dy/doperand where the tangent is not 0, quietly; None where no gradient ever flows."""
    if all(x.__class__ is float for x in primals):
        found: Sequence[Any] = primitive.partials(y, primals)
    else:
        with Mode(inside_gradient, True):
            found = _quietly(primitive, y, primals, tangents)
    return [x if x.__class__ is float or isinstance(x, Traced) else local_as_float(primitive, x) for x in found]


def _quietly(primitive: Primitive, y: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> Sequence[Any]:
    try:
        return _wanted(primitive, y, primals, tangents)
    except FAILURES:  # plain arithmetic on constants raised; made of the highest kind here they follow quiet rows
        highest = max([x for x in primals if x.__class__ is not float], key=lambda x: x.level)
        kind = highest.like if isinstance(highest, Moving) else lambda x: Value(x, role="constant")
        return _wanted(primitive, y, [kind(x) if x.__class__ is float else x for x in primals], tangents)


def _wanted(primitive: Primitive, y: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> Sequence[Any]:
    if primitive.variadic:
        return primitive.local_gradients(y, primals)
    return [
        0.0 if t.__class__ is float and not t else gradient and gradient(y, *primals)
        for gradient, t in zip(primitive.gradients, tangents, strict=True)
    ]


# ---- along a recorded graph: the tangents of its nodes, and of its gradients


def push(order: Iterable[Any], tangents: Mapping[Any, float]) -> dict[Any, float]:
    """Return the tangent of every node of `order`, given those of some leaves: forward mode on a record."""
    rates: dict[Any, float] = {}
    for node in order:
        primitive = node._primitive
        if primitive is None:
            rates[node] = tangents.get(node, 0.0)
            continue
        if primitive is mul:  # spelled out, as in `sweep`
            a, b = node._a, node._b
            rate = 0.0
            if a.__class__ is not float and (t := rates[a]) and (local := b if b.__class__ is float else b._data):
                rate += t * local
            if b.__class__ is not float and (t := rates[b]) and (local := a if a.__class__ is float else a._data):
                rate += t * local
            rates[node] = rate
            continue
        operands = node.operands
        own = [0.0 if operand.__class__ is float else rates[operand] for operand in operands]
        rate = 0.0
        if any(own):
            for t, local in zip(own, primitive.partials(node._data, numbers_of(node)), strict=True):
                if t and local:
                    rate += t * (local if local.__class__ is float else local_as_float(primitive, local) or 0.0)
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
                terms: Any = [(operand, 1.0, 0.0) for operand in operands if operand.__class__ is not float]
            elif primitive is sub:
                a, b = operands
                terms = [] if a.__class__ is float else [(a, 1.0, 0.0)]
                if b.__class__ is not float:
                    terms.append((b, -1.0, 0.0))
            elif primitive is mul:
                a, b = operands
                if a.__class__ is float:
                    terms = ((b, a, 0.0),)
                elif b.__class__ is float:
                    terms = ((a, b, 0.0),)
                else:
                    terms = (a, b._data, rates[b]), (b, a._data, rates[a])
            else:
                terms = _locals_along(node, rates, level)
            for operand, local, bend in terms:
                if upstream:
                    adjoints[operand] += upstream * local
                    if bend:
                        turns[operand] += upstream * bend
                if turn and local:
                    turns[operand] += turn * local
    return [turns.get(variable, 0.0) for variable in variables]


def _locals_along(node: Any, rates: Mapping[Any, float], level: int) -> list[tuple[Any, float, float]]:
    """Return (operand, local gradient, its tangent) for each operand that gets a gradient."""
    primitive, operands, numbers = node._primitive, node.operands, numbers_of(node)
    own = [0.0 if operand.__class__ is float else rates[operand] for operand in operands]
    if any(own):
        duals = [
            x if o.__class__ is float else _dual(x, t, level) for x, t, o in zip(numbers, own, operands, strict=True)
        ]
        kept = [0.0 if operand.__class__ is float else 1.0 for operand in operands]
        found = _quietly(primitive, _dual(node._data, rates[node], level), duals, kept)
    else:
        found = primitive.partials(node._data, numbers)
    terms = []
    for operand, local in zip(operands, found, strict=True):
        if operand.__class__ is float:
            continue
        bend = 0.0
        if local.__class__ is Dual:
            local, bend = local.primal, local.tangent
        elif local.__class__ is not float:
            local = local_as_float(primitive, local)
        if local or bend or not (primitive.selection or local is None):
            terms.append((operand, local, bend))
    return terms
