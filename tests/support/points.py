"""Where rows are examined: fixed hard points, and fixed random ones of every magnitude."""

from __future__ import annotations

import itertools
import math
import random

from autograd_lite.primitives import ROWS, Primitive

HARD = [0.0, 5e-324, 1e-310, 2.3e-308, 1e-300, 1e-160, 1e-20, 1.2e-16, 1.5e-8, 1e-3, 0.1, 0.5, 0.7, 0.9]
HARD += [1 - 2**-53, 1.0, 1 + 2**-52, 1.5, 2.0, math.pi / 2, math.pi, 5.0, 10.0, 20.0, 27.3, 36.7, 38.1, 40.0]
HARD += [100.3, 354.4, 700.0, 709.7, 745.0, 1e4, 1e8, 1e16, 1e100, 1e154, 1e200, 1e300, 1.7e308]
HARD_SIGNED = sorted({sign * x for x in HARD for sign in (1.0, -1.0)})

HARD_PAIRS = [5e-324, 1e-300, 1e-160, 1e-20, 0.1, 1.0, 1.5, math.pi, 30.0, 700.0, 1e4, 1e16, 1e154, 1e300]

NO_FLOAT_ORACLE = frozenset({"detach"})  # its gradient is a convention, not a derivative


def number(r: random.Random) -> float:
    """A float of one of five kinds: ordinary, spread, in (-1, 1), close to ±1, of any size."""
    kind = r.random()
    if kind < 0.4:
        return r.uniform(-5.0, 5.0)
    if kind < 0.6:
        return r.gauss(0.0, 1.0) * 10 ** r.uniform(-3.0, 3.0)
    if kind < 0.7:
        return r.uniform(-1.0, 1.0)
    if kind < 0.8:
        return math.copysign(1 - 10 ** r.uniform(-16.0, 0.0), r.random() - 0.5)
    return math.copysign(10 ** r.uniform(-308.0, 308.0), r.random() - 0.5)


def points(row: Primitive, count: int) -> list[tuple[float, ...]]:
    """Hard points and `count` random ones where the row has a finite value."""
    r = random.Random(row.name)
    if row.arity == 1:
        candidates = [(x,) for x in HARD_SIGNED]
    elif row.arity == 2:
        signed = [sign * x for x in HARD_PAIRS[:: 2 if count < 100 else 1] for sign in (1.0, -1.0)]
        candidates = [*itertools.product(signed, signed), (1e-300, 0.1), (3.0, 0.0), (0.0, 2.0), (0.0, 0.5)]
    elif row.arity is None:
        candidates = [(0.3, -0.7), (40.0, 0.0), (-700.0, 700.0), (1e154, 1e154)]
    else:
        candidates = [(0.5, -1.0, 1.0), (-1e300, -1.0, 1.0), (1e-300, -1e-300, 1.0)]
    for _ in range(count):
        arity = row.arity or 2 * r.randint(1, 3)
        candidates.append(tuple(number(r) for _ in range(arity)))
        candidates.append(tuple(r.uniform(-3.0, 3.0) for _ in range(arity)))
    return [xs for xs in candidates if is_defined(row, xs)]


def is_defined(row: Primitive, xs: tuple[float, ...]) -> bool:
    try:
        return math.isfinite(row(*xs))
    except (ValueError, ArithmeticError):
        return False


def probes(row: Primitive, count: int, seed: str = "") -> list[tuple[float, ...]]:
    """Random points where the row says a finite difference can be trusted, away from kinks."""
    r = random.Random(row.name + seed)
    found: list[tuple[float, ...]] = []
    while len(found) < count:
        arity = row.arity or 2 * r.randint(1, 3)
        intervals = list(row.probe) * arity if len(row.probe) == 1 else list(row.probe)
        xs = tuple(r.uniform(max(i.low, -10.0), min(i.high, 10.0)) for i in intervals[:arity])
        if is_defined(row, xs) and (row.kink_distance is None or row.kink_distance(*xs) > 0.05):
            found.append(xs)
    return found


TABLE = tuple(row for row in ROWS.values() if row.reserved)
"""The rows of the table, without those a test has added."""
