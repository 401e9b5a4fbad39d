"""Random programs for our laws: the expressions of `autograd_lite.testing`, with a second point to move to."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from autograd_lite.primitives import ROWS
from autograd_lite.testing import Expression, expressions, reals

ARITIES = {
    "add": 2, "sub": 2, "mul": 2, "neg": 1, "sin": 1, "cos": 1, "tanh": 1, "sigmoid": 1, "relu": 1, "abs": 1,
    "atan": 1, "softplus": 1, "gelu": 1, "silu": 1, "maximum": 2, "minimum": 2, "greater": 2, "hypot": 2,
    "logaddexp": 2, "where": 3, "clip": 1, "sum": 3, "prod": 3, "max": 3, "min": 2, "logsumexp": 3, "dot": 4,
    "softmax": 2, "erf": 1, "leaky_relu": 1, "floor": 1, "identity": 1,
}  # fmt: skip
"""Rows that have a value everywhere, and of how many operands the stateful machine makes one."""

WILD = ("div", "sqrt", "log", "pow", "exp", "cbrt", "atan2", "detach", "step", "elu")
"""Rows with poles, with operands where they have no value, or without a gradient."""

EXACT = ("add", "sub", "mul", "neg", "relu", "abs", "maximum", "minimum", "greater", "where", "sum", "prod")
"""Rows that round nothing on small whole numbers."""

SMOOTH = tuple(name for name in ARITIES if name not in ("greater", "floor", "where", "clip"))

SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, -8.0, 1 / 3, 1e-320, 1e200, -1e300, 1e308)
SPECIAL = (*SPECIAL, float("inf"), float("-inf"), float("nan"))
"""Numbers at which something decides: zeros, the ends of the floats, and what lies beyond."""


def call(name: str, operands: list[Any]) -> Any:
    return ROWS[name](*operands, *([-1.0, 1.0] if name == "clip" else []))


def programs_at_points(
    names: tuple[str, ...] = tuple(ARITIES),
    longest: int = 10,
    numbers: st.SearchStrategy[float] | None = None,
    kinks: str = "anywhere",
) -> st.SearchStrategy[tuple[Expression, list[float], list[float]]]:
    """A program and two points to run it at; at the first one it has a value."""
    numbers = reals() if numbers is None else numbers
    programs = expressions(longest, primitives=names, numbers=numbers, kinks=kinks)
    return _with_two_points(programs, st.lists(numbers, min_size=3, max_size=3))


@st.composite
def _with_two_points(draw: Any, programs: Any, three_numbers: Any) -> tuple[Expression, list[float], list[float]]:
    program = draw(programs)
    return program, list(program.point), draw(three_numbers)[: len(program.point)]
