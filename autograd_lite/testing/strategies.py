"""Strategies: numbers, points of a row, expressions with sharing, small networks with data."""

from __future__ import annotations

from math import ceil, floor, inf, isfinite
from typing import TYPE_CHECKING, Any

from hypothesis import assume
from hypothesis import strategies as st

import autograd_lite
from autograd_lite.errors import ArgumentError, InputTypeError
from autograd_lite.primitives import FAILURES, ROWS, Interval, Primitive, row_named, to_float
from autograd_lite.testing.programs import Expression, Network, parameter_count, run_steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KINKS = ("away", "near", "anywhere")
MARGIN, LARGEST = 0.01, 100.0  # "away": so far from a kink; no value and no local gradient larger
GRID = 64  # numbers on a grid of 1/64 differ visibly, and shrink well
CODE = st.integers(0, 16**4 - 1)  # of four operands
FIRST = (0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 5, 8, 13, None)  # how far back an operand lies; None: a constant
OTHERS = (1, 1, 2, 2, 3, 4, 5, 8, 13, 21, 34, 0, None, None, None, None)  # deep graphs, with much sharing
NUDGES = (0.0, 1e-7, -1e-7, 1e-12, -1e-12, 1e-4, -1e-4)
NUDGE = st.integers(0, 8 * len(NUDGES) - 1)  # which kink, and how far from it
FREQUENT = ("add", "mul", "sub", "div") * 4


def reals(low: float = -2.0, high: float = 2.0) -> st.SearchStrategy[float]:
    """Return a strategy for floats from low to high, on a grid of 1/64 if that is wide enough; they shrink towards 0.

    >>> from hypothesis import find
    >>> find(reals(), lambda x: x > 0.3)
    0.3125
    """
    low, high = to_float(low, "reals: low"), to_float(high, "reals: high")
    if not (isfinite(low) and isfinite(high) and low <= high):
        raise ArgumentError(f"reals: two finite bounds are needed, low <= high, got {low!r} and {high!r}.")
    if (high - low) * GRID < 4.0:
        return st.floats(low, high)
    return st.integers(ceil(low * GRID), floor(high * GRID)).map(lambda k: k / 64)  # as Hypothesis prints it


def points(row: Primitive | str, kinks: str = "away") -> st.SearchStrategy[tuple[float, ...]]:
    """Return a strategy for operands of a row, at which it has a value.

    Args:
        row: a primitive, or its name.
        kinks: "away" from kinks and poles, where finite differences can be trusted; "near",
            at kinks and closed ends of the domain or up to 1e-4 off; "anywhere" a float can be.

    >>> from hypothesis import find
    >>> from autograd_lite import sqrt
    >>> find(points(sqrt), lambda xs: xs[0] > 1.0), find(points(sqrt, "near"), lambda xs: True)
    ((1.015625,), (0.0,))
    """
    primitive, _ = _row(row, "points"), _mode(kinks, "points")
    if kinks == "near":
        targets = kink_points(primitive)
        if not targets:
            raise ArgumentError(
                f"points: {primitive.name} has no kink and no edge, got kinks='near'. Write kinks='away'."
            )
        return _nudged_point(targets).filter(lambda xs: _value(primitive, xs) is not None)
    if kinks == "anywhere":
        number = st.one_of(reals(), st.floats())
        return _operands(primitive, [number]).filter(lambda xs: _value(primitive, xs) is not None)
    found = _operands(primitive, [_inside(interval) for interval in _trusted(primitive)])
    return found.filter(lambda xs: _is_tame(primitive, _value(primitive, xs), xs, inf))


@st.composite
def _nudged_point(draw: Any, targets: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    first, *rest = draw(st.sampled_from(targets))
    return (first + draw(st.sampled_from(NUDGES)), *rest)


def _operands(row: Primitive, numbers: list[st.SearchStrategy[float]]) -> st.SearchStrategy[tuple[float, ...]]:
    if row.arity is not None:
        return st.tuples(*(numbers if len(numbers) > 1 else numbers * row.arity))
    lists = st.lists(numbers[0], min_size=1, max_size=4)
    return (st.tuples(lists, lists).map(_halves) if row.name == "dot" else lists).map(tuple)


def _halves(pair: tuple[list[float], list[float]]) -> list[float]:
    size = min(map(len, pair))
    return [*pair[0][:size], *pair[1][:size]]


def expressions(
    size: int = 10,
    *,
    depth: int | None = None,
    primitives: Iterable[Primitive | str] | None = None,
    leaves: int = 3,
    numbers: st.SearchStrategy[float] | None = None,
    kinks: str = "away",
) -> st.SearchStrategy[Expression]:
    """Return a strategy for expressions with sharing, each with a point where it has a value.

    Args:
        size: operations at most.
        depth: operations at most on a path.
        primitives: rows or their names; one named twice comes twice as often. All that have a
            gradient, unless given.
        leaves: variables at most.
        numbers: where variables and constants come from; a grid inside what the rows take, unless given.
        kinks: "away": every operation at least 0.01 from its kinks, no number and no local gradient
            above 100 (more where variables exceed 4), none without effect (x - x). "near":
            operations that have a kink or an edge are mostly placed on it, or next to it.
            "anywhere": whatever has a value, infinite ones too.

    >>> from hypothesis import find
    >>> find(expressions(primitives=["mul", "sin"]), lambda e: "sin" in repr(e))
    Expression(lambda x: sin(x), 0.0)
    """
    _mode(kinks, "expressions")
    _counts("expressions", size=size, leaves=leaves, depth=1 if depth is None else depth)
    if isinstance(primitives, str):
        primitives = [primitives]
    rows = tuple(_row(row, "expressions") for row in (_usual() if primitives is None else primitives))
    if not rows:
        raise ArgumentError("expressions: at least one primitive is needed, got none.")
    start = st.lists(_numbers_for(rows) if numbers is None else numbers, min_size=1, max_size=leaves)
    constants = reals() if numbers is None else numbers
    count, which = st.integers(1, 2 * size), st.integers(0, len(rows))  # some steps will be left out
    return _expression(start, count, which, constants, rows, size, depth or size, kinks)


@st.composite
def _expression(
    draw: Any, start: Any, count: Any, which: Any, constants: Any, rows: Any, size: int, depth: int, kinks: str
) -> Expression:
    """Two choices a step, whatever it is: fast to draw, and a step can shrink to none without moving the others."""
    program = _Program(draw(start), depth, kinks)
    for _ in range(draw(count)):
        if len(program.steps) >= size:
            break
        chosen, code = draw(which), draw(CODE)
        nudge = draw(NUDGE) if kinks == "near" else None
        if not chosen:
            continue
        row = rows[chosen - 1]
        operands: list[int | float] = []
        for k in range(row.arity or 1 + code % 4):
            code, field = divmod(code, 16)
            back = OTHERS[field] if k else FIRST[field]
            operands.append(draw(constants) if back is None else back)
        program.add(row, operands, nudge)
    assume(program.steps)
    return program.expression()


class _Program:
    """Straight-line code while it is drawn: a step without a value, or at a kink it should avoid, is left out."""

    def __init__(self, point: list[float], depth: int, kinks: str) -> None:
        self.point, self.depth, self.kinks = point, depth, kinks
        self.values = list(point)
        size = max(map(abs, point)) / 4.0
        self.largest = LARGEST * max(1.0, size * size)
        self.depths = [0] * len(point)
        self.steps: list[tuple[Primitive, list[int | float]]] = []

    def add(self, row: Primitive, drawn: list[int | float], nudge: int | None) -> None:
        operands = [self._place(back) if back.__class__ is int else back for back in drawn]
        is_decided = row is ROWS["where"] and operands[0].__class__ is float  # printed, it would make no node
        if is_decided or not any(k.__class__ is int for k in operands):
            operands[0] = self._place(0)
        if nudge is not None and (targets := kink_points(row)):
            which, k = divmod(nudge, len(NUDGES))
            operands = self._nudged(operands, targets[which % len(targets)], NUDGES[k])
        self._append(row, operands)

    def _place(self, back: int | float) -> int:
        place = len(self.values) - 1 - int(back) % len(self.values)
        return place if self.depths[place] < self.depth else place % len(self.point)

    def _nudged(self, operands: list[int | float], target: tuple[float, ...], nudge: float) -> list[int | float]:
        """Return operands at a kink, or next to it: the first one moved there by a subtraction."""
        first = next(k for k in operands if k.__class__ is int)
        shift = self.values[int(first)] - (target[0] + nudge)
        if shift and isfinite(shift) and self.depths[int(first)] + 1 < self.depth:
            self._append(ROWS["sub"], [first, shift])
            first = len(self.values) - 1
        return [first, *target[1:]]

    def _append(self, row: Primitive, operands: list[int | float]) -> None:
        xs = [self.values[int(k)] if k.__class__ is int else k for k in operands]
        y = _value(row, xs)
        if y is None or (self.kinks == "away" and not self._belongs(row, y, xs, operands)):
            return
        self.steps.append((row, operands))
        self.values.append(y)
        self.depths.append(1 + max(self.depths[int(k)] for k in operands if k.__class__ is int))

    def _belongs(self, row: Primitive, y: float, xs: list[float], operands: list[int | float]) -> bool:
        return _is_tame(row, y, xs, self.largest) and _matters(row, y, xs, operands)

    def expression(self) -> Expression:
        used, waiting = set(), [len(self.values) - 1]
        while waiting:
            place = waiting.pop()
            if place not in used:
                used.add(place)
                if place >= len(self.point):
                    waiting += [int(k) for k in self.steps[place - len(self.point)][1] if k.__class__ is int]
        kept = [k for k in range(len(self.point)) if k in used]

        def function(*numbers: Any) -> Any:
            values: list[Any] = list(self.point)
            for k, number in zip(kept, numbers, strict=True):
                values[k] = number
            return run_steps(self.steps, values)[-1]

        return Expression(function, *[self.point[k] for k in kept])


def networks(
    inputs: int = 2, hidden: int = 3, outputs: int = 2, *, layers: int = 2, examples: int = 3
) -> st.SearchStrategy[Network]:
    """Return a strategy for small networks with data: so many inputs, units, hidden layers and examples at most.

    The activation is any of tanh, sigmoid, relu, softplus, gelu, silu, leaky_relu, sin and identity.
    To check all parameters of one takes some 0.1 s: `@settings(deadline=None)` gives it the time.
    """
    _counts("networks", inputs=inputs, hidden=hidden, outputs=outputs, examples=examples)
    return _network(inputs, hidden, outputs, layers, examples)


ACTIVATIONS = ("tanh", "sigmoid", "relu", "softplus", "gelu", "silu", "leaky_relu", "sin", "identity")


@st.composite
def _network(draw: Any, inputs: int, hidden: int, outputs: int, layers: int, examples: int) -> Network:
    middle = draw(st.lists(st.integers(1, hidden), max_size=layers))
    widths = [draw(st.integers(1, inputs)), *middle, draw(st.integers(1, outputs))]

    def numbers(count: int) -> st.SearchStrategy[list[float]]:
        return st.lists(reals(), min_size=count, max_size=count)

    data = draw(st.lists(st.tuples(numbers(widths[0]), numbers(widths[-1])), min_size=1, max_size=examples))
    parameters = draw(numbers(parameter_count(widths)))
    activation = draw(st.sampled_from(ACTIVATIONS))
    return Network(widths, activation, [x for x, _ in data], [t for _, t in data], parameters)


# ---- what a row says of itself


def _row(row: Primitive | str, who: str) -> Primitive:
    if isinstance(row, Primitive):
        return row
    if not isinstance(row, str):
        raise InputTypeError(f"{who}: a primitive or its name is needed, got {row!r:.60}. Write autograd_lite.sin.")
    return row_named(row)


def _counts(who: str, **counts: int) -> None:
    for name, number in counts.items():
        if not isinstance(number, int) or number < 1:
            raise ArgumentError(f"{who}: {name} must be a whole number from 1 on, got {number!r}.")


def _mode(kinks: str, who: str) -> str:
    if kinks not in KINKS:
        raise ArgumentError(f"{who}: kinks must be one of {', '.join(map(repr, KINKS))}, got {kinks!r}.")
    return kinks


def _usual() -> list[Primitive | str]:
    """Return the rows of the table that are public and have a gradient, arithmetic several times."""
    public = [row for row in ROWS.values() if row.reserved and hasattr(autograd_lite, row.name) and any(row.gradients)]
    return [*FREQUENT, *public]


def _value(row: Primitive, xs: Sequence[float]) -> float | None:
    try:
        return row.evaluate(xs)
    except FAILURES:
        return None


def _is_tame(row: Primitive, y: float | None, xs: Sequence[float], largest: float) -> bool:
    if y is None or not abs(y) <= largest or not isfinite(y):
        return False
    if row.kink_distance is not None and not row.kink_distance(*xs) >= MARGIN:
        return False
    return all(local is None or (abs(local) <= largest and isfinite(local)) for local in row.partials(y, xs))


def _matters(row: Primitive, y: float, xs: Sequence[float], operands: Sequence[int | float]) -> bool:
    """Return whether the result changes with some number before it: not x - x, nor max(x, 2) at 1."""
    slopes: dict[int, float] = {}
    for k, local in zip(operands, row.partials(y, xs), strict=True):
        if k.__class__ is int:
            slopes[int(k)] = slopes.get(int(k), 0.0) + (local or 0.0)
    return any(slopes.values())


def kink_points(row: Primitive) -> list[tuple[float, ...]]:
    """Return operands at which a row has a kink or its domain a closed end."""
    edges = []
    if row.domain is not None and row.arity == 1:
        low, high = row.domain.low, row.domain.high
        edges = [(x,) for x, is_open in ((low, row.domain.low_open), (high, row.domain.high_open)) if not is_open]
    return [xs for xs in (*row.kinks, *edges) if all(map(isfinite, xs))]


def _trusted(row: Primitive) -> list[Interval]:
    """Return where a row says that differences can be trusted, as far as it is defined there."""
    if row.domain is None:
        return list(row.probe)
    low, high, found = row.domain.low, row.domain.high, []
    for interval in row.probe:
        first, last = max(low, interval.low), min(high, interval.high)
        if not first < last:  # a probe that was not thought of
            first, last = (low, min(high, low + 4.0)) if isfinite(low) else (high - 4.0, high)
        found.append(interval if (first, last) == (interval.low, interval.high) else Interval(f"({first}, {last})"))
    return found


def _inside(interval: Interval) -> st.SearchStrategy[float]:
    low, high = interval.low, interval.high
    if (high - low) * GRID < 4.0:
        return st.floats(low, high, exclude_min=interval.low_open, exclude_max=interval.high_open)
    first, last = int(low * GRID) + (low > 0.0), int(high * GRID) - (high < 0.0)
    inside = [k for k in (first, last) if k / GRID in interval]
    return st.integers(first + (first not in inside), last - (last not in inside)).map(lambda k: k / 64)


def _numbers_for(rows: Sequence[Primitive]) -> st.SearchStrategy[float]:
    """Return numbers between -2 and 2 and numbers of which the rows say that they take them."""
    intervals: dict[str, Interval] = {}
    for row in rows:
        for interval in _trusted(row):
            if interval.text != "(-3, 3)":
                intervals[interval.text] = interval
    return st.one_of(reals(), *map(_inside, intervals.values()))
