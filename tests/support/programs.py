"""Random programs: straight-line code over rows, with sharing, constants, branches and kinks.

A program is data, so it can be run on floats, on Values and on mpmath numbers, run again at
other leaves, printed by Hypothesis when it fails, and sent to another process.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from hypothesis import strategies as st

from autograd_lite.primitives import ROWS

Reals: TypeAlias = "st.SearchStrategy[float]"

ARITIES = {
    "add": 2, "sub": 2, "mul": 2, "neg": 1, "sin": 1, "cos": 1, "tanh": 1, "sigmoid": 1, "relu": 1, "abs": 1,
    "atan": 1, "softplus": 1, "gelu": 1, "silu": 1, "maximum": 2, "minimum": 2, "greater": 2, "hypot": 2,
    "logaddexp": 2, "where": 3, "clip": 1, "sum": 3, "prod": 3, "max": 3, "min": 2, "logsumexp": 3, "dot": 4,
    "square": 1, "cube": 1, "softmax": 2, "erf": 1, "leaky_relu": 1, "floor": 1, "identity": 1,
}  # fmt: skip
EXACT = ("add", "sub", "mul", "neg", "relu", "abs", "maximum", "minimum", "greater", "where", "sum", "prod", "square")
WILD = {"div": 2, "sqrt": 1, "log": 1, "pow": 2, "exp": 1, "cbrt": 1, "atan2": 2, "detach": 1, "step": 1, "elu": 1}
SMOOTH = tuple(name for name in ARITIES if name not in ("greater", "floor", "where", "clip"))


class Program(NamedTuple):
    """leaves: how many; steps: (row, references), where an int is an earlier node, a float a constant."""

    leaves: int
    steps: tuple[tuple[str, tuple[int | float, ...]], ...]

    def run(self, numbers: list[Any]) -> list[Any]:
        """Run on any kind of number; return the leaves and every result, the root last."""
        nodes = list(numbers)
        for name, references in self.steps:
            nodes.append(call(name, [nodes[r] if r.__class__ is int else r for r in references]))
        return nodes


def call(name: str, operands: list[Any]) -> Any:
    if name == "square":
        return ROWS["pow"](*operands, 2.0)
    if name == "cube":
        return ROWS["pow"](*operands, 3.0)
    if name == "clip":
        return ROWS["clip"](*operands, -1.0, 1.0)
    return ROWS[name](*operands)


def reals(low: float = -2.0, high: float = 2.0) -> Reals:
    """Floats on a grid of 1/64: no two are closer than that, and they shrink well."""
    return st.integers(int(low * 64), int(high * 64)).map(lambda k: k / 64)


@st.composite
def programs(
    draw: Any,
    names: tuple[str, ...] = tuple(ARITIES),
    longest: int = 10,
    constants: st.SearchStrategy[float] | None = None,
) -> Program:
    leaves = draw(st.integers(1, 3))
    steps = []
    for k in range(draw(st.integers(1, longest))):
        name = draw(st.sampled_from(names))
        count = leaves + k
        references: list[int | float] = [
            draw(st.integers(0, count - 1)) for _ in range(ARITIES.get(name) or WILD[name])
        ]
        if len(references) > 1 and draw(st.integers(0, 3)) == 0:
            references[draw(st.integers(0, len(references) - 1))] = draw(reals() if constants is None else constants)
        steps.append((name, tuple(references)))
    return Program(leaves, tuple(steps))


@st.composite
def programs_at_points(
    draw: Any,
    names: tuple[str, ...] = tuple(ARITIES),
    longest: int = 10,
    numbers: st.SearchStrategy[float] | None = None,
) -> tuple[Program, list[float], list[float]]:
    """A program and two points to run it at."""
    program = draw(programs(names, longest, numbers))
    numbers = reals() if numbers is None else numbers
    point = st.lists(numbers, min_size=program.leaves, max_size=program.leaves)
    return program, draw(point), draw(point)
