"""What `check_gradients` checks: a function that can be evaluated near a point, and its gradient there.

Three kinds: one of ours, recorded, so that every evaluation says whether a kink or another
branch lies between; any other function, with a gradient that came with it; one row of the table.
"""

from __future__ import annotations

import sys
from math import inf, isfinite

from autograd_lite.budget import error_budget
from autograd_lite.errors import ArgumentError, InputTypeError
from autograd_lite.graph import Node, numbers_of, sweep, topological_order
from autograd_lite.modes import Mode, recording
from autograd_lite.primitives import FAILURES, Traced, to_float
from autograd_lite.value import Value, gradients

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from autograd_lite.primitives import Primitive

DOUBLE = 2.0**-52
LEGS = 60  # of a way past kinks: away from one, each is twice the last
PRECISIONS = (("bfloat16", 2.0**-7), ("float16", 2.0**-10), ("float32", 2.0**-23))


class Evaluation:
    """A function at a point, and near it.

    Attributes:
        numbers: the point, flat; names: one for each of them.
        value: the function there; analytic: the gradient that is checked.
        epsilon: the spacing of its numbers at 1; noise: how far off its values may be.
        crossings: what lay between the point and the nearest sample on a side: kinks, or other paths.
        vague: the sides whose nearest sample beyond a kink says little: the kink was not at the point, or
            there is one at the sample again.
        failure: the error that the nearest sample without a value raised.
        order: the nodes of a graph that was recorded; judged, parts: verdicts on their local
            gradients that were found, and those to come.
    """

    numbers: list[float]
    names: list[str]
    value: float
    analytic: list[float]

    knows_kinks = True

    def __init__(self) -> None:
        self.epsilon, self.noise = DOUBLE, 0.0
        self.order: list[Any] = []
        self.parts: Iterator[tuple[Any, Any]] | None = None
        self.judged: list[tuple[Any, Any]] = []
        self.crossings: dict[tuple[int, bool], tuple[float, tuple[Any, ...]]] = {}
        self.vague: set[tuple[int, bool]] = set()
        self.failure: dict[int, tuple[float, Exception]] = {}

    def at(self, i: int, x: float) -> tuple[float | None, bool]:
        """Return the value with the i-th number at x, and whether no kink lies between."""
        try:
            y, crossed, vague = self._evaluate(i, x)
        except FAILURES as failure:
            distance = abs(x - self.numbers[i])
            if distance < self.failure.get(i, (inf,))[0]:
                self.failure[i] = distance, failure
            return None, True
        if crossed:
            distance, side = abs(x - self.numbers[i]), (i, x > self.numbers[i])
            if distance < self.crossings.get(side, (inf,))[0]:
                self.crossings[side] = distance, crossed
                (self.vague.add if vague else self.vague.discard)(side)
        return (y if isfinite(y) else None), not crossed

    def _evaluate(self, i: int, x: float) -> tuple[float, tuple[Any, ...], bool]:
        raise NotImplementedError

    def at_complex(self, i: int, z: complex) -> complex | None:
        """Return the value with the i-th number complex, None where the function takes none."""
        return None

    def chain_rule(self) -> list[float]:
        """Return the gradient once more, found another way."""
        return self.analytic

    def rounding_of_gradient(self, i: int) -> float:
        """Return how far off the i-th number of the gradient may be by rounding, 0.0 where that is not known."""
        return 0.0


class Recorded(Evaluation):
    """A function of ours: called with Values, its graph compared with the one at the point."""

    def __init__(self, f: Callable[..., Any], point: Sequence[Any], gradient: Callable[..., Any] | None = None) -> None:
        super().__init__()
        self.f, self.point = f, point
        self.numbers, self.names = flat(point, "check_gradients: the point"), names_of(f, point)
        self.leaves = [Value(x, label) for x, label in zip(self.numbers, self.names, strict=True)]
        try:
            self.root = self._run(self.leaves)
        except TypeError as error:
            if gradient is None and (isinstance(error, InputTypeError) or "Value" in str(error)):
                error.add_note(
                    "check_gradients: without gradient=..., the function is called with Values. "
                    "Give one of plain floats or arrays its own: check_gradients(f, x, gradient=df)."
                )
            raise
        self.value = number_in(self.root)
        self.order = topological_order(self.root) if isinstance(self.root, Value) else []
        self._rows = [node.primitive for node in self.order]
        self.kinks: list[tuple[int, list[float], float]] = []
        for k, node in enumerate(self.order):
            row = node.primitive
            if row is not None and row.kink_distance is not None:
                xs = numbers_of(node)
                distance = row.kink_distance(*xs)
                self.kinks.append((k, xs, distance if distance == distance else inf))
        self.analytic = [0.0] * len(self.leaves)
        if self.order:
            self.analytic = gradients(self.root, self.leaves)
            self.noise = _rounding(self.root)
        if gradient is not None:
            self.analytic = _given(gradient, point, self.numbers)

    def _run(self, numbers: Sequence[Any]) -> Any:
        args = rebuilt(self.point, iter(numbers))
        if recording.get():
            return self.f(*args)
        with Mode(recording, True):
            return self.f(*args)

    def _evaluate(self, i: int, x: float) -> tuple[float, tuple[Any, ...], bool]:
        moved = [Value(number) for number in self.numbers]
        moved[i] = Value(x)
        root = self._run(moved)
        y = number_in(root)
        order: list[Any] = topological_order(root) if isinstance(root, Value) else []
        if [node._primitive for node in order] != self._rows:
            return y, (None,), False
        crossed, vague = [], False
        for k, before, distance in self.kinks:
            after = numbers_of(order[k])
            row = self.order[k]._primitive
            way, between = _way(row.kink_distance, before, after, distance)
            if between:
                crossed.append(self.order[k])
                vague = vague or distance > 0.0 or row.kink_distance(*after) < 0.1 * way
        return y, tuple(crossed), vague

    def at_complex(self, i: int, z: complex) -> complex | None:
        return _complex_result(self.f, self.point, self.numbers, i, z)

    def chain_rule(self) -> list[float]:
        """Return the gradient once more, by another order than the sweep's."""
        users = dict.fromkeys(self.order, 0)
        for node in self.order:
            for operand in node.operands:
                if operand.__class__ is not float:
                    users[operand] += 1
        adjoints: dict[Any, list[float]] = {node: [] for node in self.order}
        ready = [node for node in self.order if not users[node]]
        for node in ready:
            adjoints[node].append(1.0)
        while ready:
            node = ready.pop()
            upstream = sum(adjoints[node])
            for operand, local in zip(node.operands, node.local_gradients, strict=True):
                if operand.__class__ is float:
                    continue
                if upstream and (local or not node.primitive.selection):
                    adjoints[operand].append(upstream * local)
                users[operand] -= 1
                if not users[operand]:
                    ready.append(operand)
        return [sum(adjoints.get(leaf, [])) for leaf in self.leaves]

    def rounding_of_gradient(self, i: int) -> float:
        try:
            return error_budget(self.root, self.leaves[i]).bound
        except ArgumentError:  # not finite, or does not depend on it
            return 0.0


def _rounding(root: Any) -> float:
    """Return a first-order bound of the rounding error of root: eps x the sum of |adjoint x value|."""
    terms: list[float] = [abs(adjoint * node.data) for node, adjoint in sweep(root, 1.0).items() if not node.is_leaf]
    return DOUBLE * sum([term for term in terms if isfinite(term)])


def _way(
    kink_distance: Callable[..., float], before: Sequence[float], after: Sequence[float], distance: float
) -> tuple[float, bool]:
    """Return how far operands moved, and whether a kink may lie on the straight way; `distance` is that before.

    No kink is nearer than its distance: so one may go as far, and ask again.
    """
    way = sum([abs(b - a) for a, b in zip(before, after, strict=True)])
    gone, free = 0.0, distance
    for _ in range(LEGS):
        if gone + free > way or way == 0.0:
            return way, False
        gone += 0.9 * free
        free = kink_distance(*[a + (b - a) * (gone / way) for a, b in zip(before, after, strict=True)])
        if not free > 0.2 * distance:
            break
    return way, True


class Opaque(Evaluation):
    """Any function, with the gradient that came with it."""

    knows_kinks = False

    def __init__(self, f: Callable[..., Any], point: Sequence[Any], gradient: Callable[..., Any]) -> None:
        super().__init__()
        self.f, self.point = f, point
        self.numbers, self.names = flat(point, "check_gradients: the point"), names_of(f, point)
        args = rebuilt(point, iter(self.numbers))
        out = f(*args)
        self.value = number_in(out)
        self.epsilon = max(map(precision, [out, *point]))
        self.analytic = _given(gradient, point, self.numbers)

    def _evaluate(self, i: int, x: float) -> tuple[float, tuple[Any, ...], bool]:
        numbers = list(self.numbers)
        numbers[i] = x
        out = self.f(*rebuilt(self.point, iter(numbers)))
        if out.__class__ is complex:  # (-1e-9) ** 0.5
            raise ValueError("the result is not real")
        return number_in(out), (), False

    def at_complex(self, i: int, z: complex) -> complex | None:
        return _complex_result(self.f, self.point, self.numbers, i, z)


def _given(gradient: Callable[..., Any], point: Sequence[Any], numbers: list[float]) -> list[float]:
    """Return the gradient that came with a function, flat."""
    found = flat(gradient(*rebuilt(point, iter(numbers))), "check_gradients: what gradient returned")
    if len(found) != len(numbers):
        raise ArgumentError(
            f"check_gradients: gradient must return one number for each of the {len(numbers)} of the point, "
            f"got {len(found)}. Return them in the order and shape of the arguments."
        )
    return found


class RowAt(Evaluation):
    """One row of the table at some operands, and its local gradients."""

    def __init__(self, row: Primitive, numbers: list[float], value: float) -> None:
        super().__init__()
        self.row, self.numbers, self.value = row, numbers, value
        self.names = [f"operand {k + 1}" for k in range(len(numbers))]
        self.analytic = [to_float(local or 0.0, row.name) for local in row.partials(value, numbers)]
        distance = row.kink_distance(*numbers) if row.kink_distance else inf
        self._distance = distance if distance == distance else inf

    def _evaluate(self, i: int, x: float) -> tuple[float, tuple[Any, ...], bool]:
        numbers = list(self.numbers)
        numbers[i] = x
        y = self.row.evaluate(numbers)
        if self.row.kink_distance is None:
            return y, (), False
        way, between = _way(self.row.kink_distance, self.numbers, numbers, self._distance)
        vague = between and (self._distance > 0.0 or self.row.kink_distance(*numbers) < 0.1 * way)
        return y, (self.row,) if between else (), vague


def _complex_result(f: Any, point: Sequence[Any], numbers: list[float], i: int, z: complex) -> complex | None:
    if any(hasattr(argument, "dtype") for argument in point):
        return None
    moved: list[Any] = list(numbers)
    moved[i] = z
    try:
        y = f(*rebuilt(point, iter(moved)))
    except (TypeError, ValueError, ArithmeticError, AttributeError):  # no function of complex numbers
        return None
    return complex(y) if isinstance(y, complex) else None  # numpy.complex128 is one


# ---- points, gradients and results of every library


def flat(tree: Any, who: str) -> list[float]:
    """Return the numbers of nested lists, arrays and Values in order.

    >>> flat([1, [2.0, Value(3.0)]], "example")
    [1.0, 2.0, 3.0]
    """
    if isinstance(tree, (list, tuple)):
        return [number for branch in tree for number in flat(branch, who)]
    if isinstance(tree, Node):
        return [tree._data]
    if hasattr(tree, "__iter__") and not isinstance(tree, str) and not _is_array(tree):
        raise InputTypeError(
            f"{who}: numbers, lists or arrays of them are needed, got {tree!r:.40} of type {type(tree).__name__}. "
            f"Put its numbers into a list."
        )
    return flat(tree.tolist(), who) if _is_array(tree) else [to_float(tree, who)]


def rebuilt(tree: Any, numbers: Iterator[Any]) -> Any:
    """Return nested lists, tuples and arrays of the shape and kind of `tree`, filled with `numbers`."""
    if isinstance(tree, (list, tuple)):
        branches = [rebuilt(branch, numbers) for branch in tree]
        return branches if isinstance(tree, list) else getattr(type(tree), "_make", tuple)(branches)
    if hasattr(tree, "dtype") and not isinstance(tree, float):
        library: Any = sys.modules["jax.numpy" if "jax" in type(tree).__module__ else _library(tree)]
        kind = tree.dtype if "float" in str(tree.dtype) else library.float64
        return library.asarray(rebuilt(tree.tolist(), numbers), dtype=kind)
    return next(numbers)


def number_in(out: Any) -> float:
    """Return what a function returned as a plain float, if it is one number."""
    if isinstance(out, Node):
        return out._data
    if out.__class__ is float:
        return out
    if isinstance(out, (list, tuple)) or _is_array(out):
        numbers = flat(out, "check_gradients: the function's result")
        if len(numbers) != 1 or isinstance(out, (list, tuple)):
            raise InputTypeError(
                f"check_gradients: the function must return one number, got {len(numbers)} in a {type(out).__name__}. "
                f"Check their weighted sum, or one at a time."
            )
        return numbers[0]
    return to_float(out, "check_gradients: the function's result")


def precision(thing: Any) -> float:
    """Return the spacing at 1 of the numbers in an array, a list or a number.

    >>> precision([1.0, 2.0]) == 2.0**-52
    True
    """
    if isinstance(thing, (list, tuple)):
        return max(map(precision, thing), default=DOUBLE)
    kind = str(getattr(thing, "dtype", ""))
    return next((epsilon for name, epsilon in PRECISIONS if name in kind), DOUBLE)


def names_of(f: Any, point: Sequence[Any]) -> list[str]:
    """Return a name for every number: its label, or the parameter it is passed as, with indices."""
    code = getattr(f, "__code__", None)
    bound = getattr(f, "__self__", None) is not None
    known = code.co_varnames[bound : code.co_argcount] if code is not None else ()
    names: list[str] = []
    for k, argument in enumerate(point):
        _name(argument, known[k] if k < len(known) else f"x{k}" if len(point) > 1 else "x", names)
    return names


def _name(tree: Any, name: str, names: list[str]) -> None:
    if isinstance(tree, (list, tuple)):
        for k, branch in enumerate(tree):
            _name(branch, f"{name}[{k}]", names)
    elif isinstance(tree, Node):
        names.append(tree.label or name)
    elif _is_array(tree):
        _name(tree.tolist(), name, names)
    else:
        names.append(name)


def _is_array(thing: Any) -> bool:
    return hasattr(thing, "tolist") and not isinstance(thing, (float, Traced))


def _library(thing: Any) -> str:
    return type(thing).__module__.partition(".")[0]
