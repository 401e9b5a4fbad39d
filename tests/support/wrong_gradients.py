"""Random functions for the gradient checker, and the same ones with an error planted in one row."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from autograd_lite import Primitive, Value, gradients, topological_order
from autograd_lite.primitives import ROWS

OPERANDS = {
    "neg": 1, "sin": 1, "cos": 1, "tanh": 1, "sigmoid": 1, "relu": 1, "abs": 1, "atan": 1, "softplus": 1, "gelu": 1,
    "exp": 1, "log": 1, "sqrt": 1, "cbrt": 1, "elu": 1, "erf": 1, "floor": 1, "add": 2, "sub": 2, "mul": 2, "div": 2,
    "maximum": 2, "minimum": 2, "hypot": 2, "logaddexp": 2, "atan2": 2, "pow": 2, "sum": 2, "dot": 2, "max": 2,
    "min": 2, "greater": 2, "leaky_relu": 1, "where": 3, "prod": 3, "logsumexp": 3, "clip": 1,
}  # fmt: skip
"""Rows, and with how many operands each is called."""


class Function(NamedTuple):
    """Straight-line code: (row, operands), where an int is an earlier number and a float a constant."""

    steps: tuple[tuple[Primitive, tuple[int | float, ...]], ...]

    def __call__(self, *numbers: Any) -> Any:
        known = list(numbers)
        for row, operands in self.steps:
            known.append(row(*[known[k] if k.__class__ is int else k for k in operands]))
        return known[-1]

    def with_row(self, old: Primitive, new: Primitive) -> Function:
        return Function(tuple((new if row is old else row, operands) for row, operands in self.steps))


def functions(seed: str, count: int, *, at_kinks: bool = False) -> list[tuple[Function, list[float]]]:
    """Random functions with a finite value, each at a point: whole numbers, where kinks are, or any."""
    r = random.Random(seed)
    found: list[tuple[Function, list[float]]] = []
    while len(found) < count:
        leaves = r.randint(1, 3)
        steps = []
        for k in range(r.randint(1, 12)):
            name = r.choice(list(OPERANDS))
            operands: list[int | float] = [r.randrange(leaves + k) for _ in range(OPERANDS[name])]
            if len(operands) > 1 and r.random() < 0.25:
                operands[r.randrange(len(operands))] = r.randint(-128, 128) / 64
            steps.append((ROWS[name], (*operands, -1.0, 1.0) if name == "clip" else tuple(operands)))
        f = Function(tuple(steps))
        spread = r.uniform(-2.0, 2.0)
        point = [float(r.randint(-2, 2)) if at_kinks else r.gauss(0.0, 1.0) * 10**spread for _ in range(leaves)]
        if has_value(f, point):
            found.append((f, point))
    return found


def has_value(f: Callable[..., float], point: Sequence[float]) -> bool:
    try:
        return 1e-100 < abs(f(*point) or 1.0) < 1e100  # beyond, products of gradients may vanish or overflow
    except (ValueError, ArithmeticError):
        return False


def slopes(f: Callable[..., Any], point: Sequence[float]) -> list[float]:
    """Our gradient, as plain numbers."""
    leaves = [Value(x) for x in point]
    root = f(*leaves)
    return gradients(root, leaves) if isinstance(root, Value) else [0.0] * len(leaves)


def scaled(row: Primitive, factor: float) -> Primitive:
    """The same row with its local gradients multiplied; it is not in the table."""
    wrong = Primitive(f"wrong_{row.name}", row.forward, row.gradients)
    wrong.__dict__.update(row.__dict__, name=f"wrong_{row.name}", float_gradients=None, _quiet=None)
    if row.variadic:
        wrong.gradients = (lambda y, *xs: [factor * g for g in row.gradients[0](y, *xs)],)  # type: ignore[misc]
    else:
        wrong.gradients = tuple(g and (lambda y, *xs, g=g: factor * g(y, *xs)) for g in row.gradients)
    return wrong


def planted(f: Function, point: Sequence[float], factor: float, r: random.Random) -> tuple[Function, Primitive] | None:
    """f with one row wrong, and the row; None where it has none that matters."""
    root = f(*[Value(x) for x in point])
    nodes = topological_order(root) if isinstance(root, Value) else []
    rows = [node.primitive for node in nodes if not node.is_leaf and any(node.local_gradients)]
    # The engine spells + - * out: a wrong row of this name would not be met.
    rows = [row for row in rows if row.name not in ("add", "sub", "mul")]
    if not rows:
        return None
    row = r.choice(rows)
    wrong = scaled(row, factor)
    return f.with_row(row, wrong), wrong
