"""What the strategies draw: functions as data, with a point, whose repr is Python that rebuilds them."""

from __future__ import annotations

import re
from itertools import pairwise

from autograd_lite.errors import ArgumentError, InputTypeError
from autograd_lite.formulas import TAKEN, Names, formulas, identifier
from autograd_lite.functions import dot
from autograd_lite.graph import topological_order
from autograd_lite.modes import Mode, recording
from autograd_lite.primitives import ROWS, Primitive, row_named, to_float
from autograd_lite.table import sum as sum_row
from autograd_lite.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

HIDDEN = re.compile(r"\b(max|min|sum)\(")  # a star import leaves Python's own
NOT_FINITE = re.compile(r"\b(inf|nan)\b")


class Expression:
    """A function made of rows, as straight-line code, with a point where it has a value.

    Call it with floats, Values or anything else that rows take. Its repr is Python that
    rebuilds it, once `from autograd_lite import *` has run.

    Args:
        function: any function of numbers. What it does at the point is recorded; branches
            in Python stay as they were taken there.
        point: its arguments, one number each.

    Attributes:
        point: a tuple of floats.
        steps: (row, operands) for each operation, the last one is the result. An operand is
            a float, or an int: the k-th of all numbers so far, those of the point first.

    >>> from autograd_lite import sin
    >>> e = Expression(lambda x, y: sin(x * y) + x, 0.5, -1.0)
    >>> e
    Expression(lambda x0, x1: sin(x0 * x1) + x0, 0.5, -1.0)
    >>> e(0.0, 3.0), e.steps[0], e.depth
    (0.0, (<primitive mul>, (0, 1)), 3)
    """

    __slots__ = ("point", "steps")

    point: tuple[float, ...]
    steps: tuple[tuple[Primitive, tuple[int | float, ...]], ...]

    def __init__(self, function: Callable[..., Any], *point: float) -> None:
        self.point = tuple([to_float(x, "Expression: the point") for x in point])
        leaves = [Value(x) for x in self.point]
        with Mode(recording, True):
            root = function(*leaves)
        if not isinstance(root, Value) or root.is_leaf:
            raise InputTypeError(
                f"Expression: the function must compute one number from its arguments, got {root!r}. "
                f"Write it with operators and functions of autograd_lite."
            )
        places: dict[Any, int] = {leaf: k for k, leaf in enumerate(leaves)}
        steps = []
        for node in topological_order(root):
            if node.is_leaf:
                if node not in places:
                    raise InputTypeError(
                        f"Expression: the function must depend on its arguments alone, got {node!r} in it. "
                        f"Pass its number as an argument, or write it as a float."
                    )
                continue
            steps.append((node.primitive, tuple([x if x.__class__ is float else places[x] for x in node.operands])))
            places[node] = len(places)
        self.steps = tuple(steps)

    def run(self, numbers: Sequence[Any]) -> list[Any]:
        """Return the given numbers and the result of every step after them.

        >>> Expression(lambda x: (x + 1) * x, 2.0).run([5.0])
        [5.0, 6.0, 30.0]
        """
        if len(numbers) != len(self.point):
            raise ArgumentError(f"Expression: takes {len(self.point)} numbers, got {len(numbers)}.")
        return run_steps(self.steps, numbers)

    def __call__(self, *numbers: Any) -> Any:
        return self.run(numbers)[-1]

    @property
    def depth(self) -> int:
        """The number of operations on the longest path to the result."""
        depths = [0] * len(self.point)
        for _, operands in self.steps:
            depths.append(1 + max([depths[k] for k in operands if k.__class__ is int], default=0))
        return depths[-1]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        labels = ["x"] if len(self.point) == 1 else [f"x{k}" for k in range(len(self.point))]
        with Mode(recording, True):
            root = self(*[Value(x, label) for x, label in zip(self.point, labels, strict=True)])
        order = topological_order(root)
        parts = []
        for node, name, text in formulas(order, Names(order, identifier, "_", {*TAKEN, *ROWS})):
            runnable = NOT_FINITE.sub(r'float("\1")', HIDDEN.sub(r"autograd_lite.\1(", text))
            parts.append(runnable if node is root else f"{name} := {runnable}")
        numbers = ", ".join(NOT_FINITE.sub(r'float("\1")', repr(x)) for x in self.point)
        head = f"lambda {', '.join(labels)}:"
        if len(parts) == 1:
            return f"Expression({head} {parts[0]}, {numbers})"
        lines = "".join(f"        {part},\n" for part in parts)
        return f"Expression(\n    {head} (\n{lines}    )[-1],\n    {numbers},\n)"


def run_steps(steps: Sequence[tuple[Primitive, Sequence[int | float]]], numbers: Sequence[Any]) -> list[Any]:
    """Return the numbers, and the result of each step after them."""
    values = list(numbers)
    for row, operands in steps:
        values.append(row(*[values[k] if k.__class__ is int else k for k in operands]))
    return values


class Network:
    """A multilayer perceptron with data: a function of its parameters that returns its mean squared error.

    The last layer is linear. Called with Values it is a graph; `network(*network.point)` is the loss.

    Args:
        widths: the number of inputs, of units in each hidden layer, and of outputs.
        activation: a unary row, or its name.
        inputs, targets: the data, one list of numbers each per example.
        parameters: of each layer the weights, row by row, and then the biases.

    >>> network = Network([1, 2, 1], "relu", [[1.0]], [[0.0]], [1.0, -1.0, 0.0, 0.0, 3.0, 5.0, 0.5])
    >>> network(*network.point)                  # (3 relu(1) + 5 relu(-1) + 0.5)**2
    12.25
    """

    def __init__(
        self,
        widths: Sequence[int],
        activation: str | Primitive,
        inputs: Sequence[Sequence[float]],
        targets: Sequence[Sequence[float]],
        parameters: Sequence[float],
    ) -> None:
        self.widths = list(widths)
        self.activation = activation if isinstance(activation, Primitive) else row_named(activation)
        self.inputs = [[to_float(x, "Network: the inputs") for x in xs] for xs in inputs]
        self.targets = [[to_float(t, "Network: the targets") for t in ts] for ts in targets]
        self.point = tuple([to_float(p, "Network: the parameters") for p in parameters])
        count = parameter_count(self.widths)
        if len(self.point) != count:
            raise ArgumentError(f"Network: {self.widths} has {count} parameters, got {len(self.point)}.")
        ends = {(len(xs), len(ts)) for xs, ts in zip(self.inputs, self.targets, strict=True)}
        if ends != {(self.widths[0], self.widths[-1])}:
            raise ArgumentError(f"Network: {self.widths} needs as many inputs and targets in each example, got {ends}.")

    def __call__(self, *parameters: Any) -> Any:
        errors = []
        for x, target in zip(self.inputs, self.targets, strict=True):
            for output, wanted in zip(self.outputs(parameters, x), target, strict=True):
                errors.append((output - wanted) ** 2)
        return sum_row(*errors) / len(self.inputs)

    def outputs(self, parameters: Sequence[Any], x: Sequence[Any]) -> list[Any]:
        """Return what the network makes of one input."""
        values, start = list(x), 0
        for k, (m, n) in enumerate(pairwise(self.widths)):
            rows = [parameters[start + m * i : start + m * (i + 1)] for i in range(n)]
            biases = parameters[start + m * n : start + m * n + n]
            values = [dot(row, values) + bias for row, bias in zip(rows, biases, strict=True)]
            if k < len(self.widths) - 2:
                values = [self.activation(value) for value in values]
            start += (m + 1) * n
        return values

    def __repr__(self) -> str:
        rest = ",\n    ".join(map(repr, (self.widths, self.activation.name, self.inputs, self.targets, [*self.point])))
        return f"Network(\n    {rest},\n)"


def parameter_count(widths: Sequence[int]) -> int:
    """Return how many weights and biases a network has.

    >>> parameter_count([2, 3, 1])
    13
    """
    return sum((m + 1) * n for m, n in pairwise(widths))
