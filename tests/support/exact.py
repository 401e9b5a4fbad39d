"""An expression and its gradient in mpmath, by the values and the partial derivatives of the oracle."""

from __future__ import annotations

import math
from typing import Any

from support.oracle import FIXED, VARIADIC, mp


def digits(e: Any) -> int:
    """How many digits to work with, so that 50 remain of what the oracle writes as exp(x) - 1 and the like."""
    sizes = [abs(math.log10(abs(x))) for x in e.run(e.point) if x and math.isfinite(x)]
    return 80 + 2 * int(max(sizes, default=0))


def true_values(e: Any) -> list[Any]:
    """Every number of an expression at its point, to 50 digits."""
    with mp.workdps(digits(e)):
        values = [mp.mpf(x) for x in e.point]
        for row, operands in e.steps:
            xs = [values[k] if k.__class__ is int else mp.mpf(k) for k in operands]
            values.append(VARIADIC[row.name][0](*xs) if row.name in VARIADIC else FIXED[row.name].value(*xs))
        return values


def true_gradients(e: Any, values: list[Any]) -> list[Any]:
    """The gradient by the chain rule, backwards through the steps."""
    with mp.workdps(digits(e)):
        adjoints = [mp.zero] * len(values)
        adjoints[-1] = mp.one
        for place in range(len(values) - 1, len(e.point) - 1, -1):
            row, operands = e.steps[place - len(e.point)]
            if not adjoints[place]:
                continue
            xs = [values[k] if k.__class__ is int else mp.mpf(k) for k in operands]
            for i, k in enumerate(operands):
                if k.__class__ is int:
                    local = VARIADIC[row.name][1](*xs)[i] if row.name in VARIADIC else FIXED[row.name].partials[i](*xs)
                    adjoints[k] += adjoints[place] * local
        return adjoints[: len(e.point)]
