"""`error_budget`: where the rounding error of a result comes from, by the chain rule."""

from __future__ import annotations

from math import fsum, inf, isfinite, log10, ulp

from autograd_lite.errors import ArgumentError
from autograd_lite.formulas import check_root, expression
from autograd_lite.graph import graph_sweep, numbers_of, sweep, topological_order
from autograd_lite.modes import Mode, inside_gradient, recording
from autograd_lite.notation import arithmetic, numeral, on_stdout, printable
from autograd_lite.primitives import FAILURES
from autograd_lite.table import add, sub
from autograd_lite.table import sum as total
from autograd_lite.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from autograd_lite.primitives import Primitive

EPSILON = 2.0**-52
SMALLEST_NORMAL, TINIEST = 2.0**-1022, 2.0**-1074
DIGITS, WIDEST, SHOWN = 4, 40, 8


class Contribution:
    """What the rounding of one operation does to the root.

    Attributes:
        node: the operation.
        rounding: how far off its own result may be.
        gradient: droot/dnode.
        error: their product, how far that moves the root.
        share: of the bound of all errors together.
    """

    __slots__ = ("error", "gradient", "node", "rounding", "share")

    def __init__(self, node: Value, rounding: float, gradient: float) -> None:
        self.node, self.rounding, self.gradient = node, rounding, gradient
        error = rounding * abs(gradient) or TINIEST  # the product may underflow, the error does not
        self.error = error if error == error else inf  # an undefined gradient bounds nothing
        self.share = 0.0

    def __repr__(self) -> str:
        return on_stdout(f"<{numeral(self.error, 2)} from {_in_numbers(self.node)}>")


class ErrorBudget:
    """The rounding errors of a graph; print it to read them, the largest first.

    Attributes:
        root: the Value; value: its number.
        bound: how far off it may be by rounding, to first order.
        contributions: one per operation that rounds, the largest error first.
        conditions: {leaf: |leaf x droot/dleaf / root|}, the largest first: how many times
            larger a relative error of the leaf is in the root.
    """

    def __init__(self, root: Value, contributions: list[Contribution], gradients: dict[Value, float]) -> None:
        self.root, self.value = root, root.data
        self.bound = _total([c.error for c in contributions])
        for c in contributions:
            c.share = c.error / self.bound if isfinite(self.bound) else float(not isfinite(c.error))
        self.contributions = sorted(contributions, key=lambda c: c.error, reverse=True)
        found = {leaf: _condition(leaf.data, gradient, self.value) for leaf, gradient in gradients.items()}
        self.conditions = dict(sorted(found.items(), key=lambda item: item[1], reverse=True))

    @property
    def relative(self) -> float:
        """The bound as a part of the value; inf where a value of 0 may be wrong."""
        return self.bound / abs(self.value) if self.value else inf if self.bound else 0.0

    @property
    def digits(self) -> int:
        """How many significant digits of the value are sure: 16 at most."""
        return 16 if not self.relative else 0 if self.relative >= 1.0 else min(16, int(-log10(self.relative)))

    @property
    def condition(self) -> float:
        """The sum of the conditions: what no way of computing can avoid where the leaves are rounded themselves."""
        return _total(list(self.conditions.values()))

    def __str__(self) -> str:
        return on_stdout("\n".join(self._lines()))

    def __repr__(self) -> str:
        return on_stdout(f"<error budget: {numeral(self.value, 17)} ± {numeral(self.bound, 2)}>")

    def _lines(self) -> list[str]:
        sure = f"{self.digits or 'no'} digit{'s are' if self.digits > 1 else ' is'} sure"
        shown = max(self.digits + 1, 4)
        lines = [f"{numeral(self.value, shown)} ± {numeral(self.bound, 2)} by rounding, to first order: {sure}"]
        rows = [("error", "share", "gradient", "operation")]
        for c in self.contributions[:SHOWN]:
            said = f"{_operation(c.node)} = {numeral(c.node.data, DIGITS)}"
            rows.append((numeral(c.error, 2), f"{c.share:.0%}", numeral(c.gradient, DIGITS), said))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        if len(rows) > 1:
            for *cells, said in rows:
                padded = [f"{cell:>{width}}" for cell, width in zip(cells, widths[:-1], strict=True)]
                lines.append("  ".join(["", *padded, said]))
        rest = self.contributions[SHOWN:]
        if rest:
            lines.append(f"  ... and {len(rest)} more, {sum(c.share for c in rest):.0%} together")
        named = [f"{numeral(k, 2)} ({leaf.label or 'a leaf'})" for leaf, k in list(self.conditions.items())[:SHOWN]]
        if named:
            more = ", ..." * (len(self.conditions) > SHOWN)
            lines.append(f"Relative errors of the leaves come out multiplied by {', '.join(named)}{more}.")
        return lines


def error_budget(root: Value, leaf: Value | None = None) -> ErrorBudget:
    """Return where the rounding error of a result comes from, operation by operation; or of its gradient by a leaf.

    An operation is off by δ when it rounds its result: half a unit in the last place for
    + − × ÷, what the row says for others. That moves the root by droot/dnode · δ, and one backward
    sweep knows all of these; the bound is the sum of their sizes. It is of first order: products
    of two errors are left out. Leaves and constants count as exact; what errors of leaves would do
    is the condition. Where rounding may have moved a number over a kink or a jump (relu, floor),
    what that does counts as rounding there; what overflows is off by inf. With `leaf`, all of this
    is said of droot/dleaf, which is a graph as well.

    Raises:
        ArgumentError: the value of root is inf or nan.

    What is rounded away in a large number is missing in a small one that is left of it. Floats
    near 1e16 are 2 apart, so x + 1 is off by 1, and that is all there is to the result:

    >>> from autograd_lite import cos, error_budget, leaves, mean, sqrt
    >>> (x,) = leaves(x=1e16)
    >>> print(error_budget((x + 1) - x))
    0 ± 1 by rounding, to first order: no digit is sure
      error  share  gradient  operation
          1   100%         1  x + 1 = 1e16
    Relative errors of the leaves come out multiplied by 0 (x).

    A root of a x² + b x + c by the formula of the books, and by the same formula times
    (b + d) / (b + d), where nothing large is left to subtract from:

    >>> a, b, c = leaves(a=1.0, b=1e8, c=1.0)
    >>> d = sqrt(b * b - 4 * a * c).named("d")
    >>> books, other = error_budget((-b + d) / (2 * a)), error_budget(-2 * c / (b + d))
    >>> books.digits, other.digits
    (0, 15)
    >>> books.value, other.value
    (-7.450580596923828e-09, -1e-08)
    >>> books.contributions[0]
    <3.7e−9 from d = sqrt(1e16)>

    A variance as mean of squares less square of the mean, and as mean of squared differences:

    >>> xs = leaves(x1=1e8, x2=1e8 + 1, x3=1e8 + 2)
    >>> m = mean(xs)
    >>> error_budget(mean([x * x for x in xs]) - m * m)
    <error budget: 2 ± 7.1>
    >>> error_budget(mean([(x - m) ** 2 for x in xs]))
    <error budget: 0.66666666666666663 ± 8.7e−16>

    Gradients cancel too: the slope of (1 - cos x) / x² near 0 is left of two terms near 1e5.

    >>> (x,) = leaves(x=1e-5)
    >>> error_budget((1 - cos(x)) / x ** 2, x).digits
    0
    """
    check_root(root, "error_budget")
    if not isfinite(root.data):
        raise ArgumentError(
            f"error_budget: the value must be finite, got {root.data!r} at {root.place()}. "
            f"first_nonfinite(root) says where it came from."
        )
    return _budget(root, {}) if leaf is None else _budget(*_unfolded_gradient(root, leaf))


def _budget(root: Any, twins: dict[Any, Any]) -> ErrorBudget:
    """Return the budget of root; `twins` says which leaves stand for which, where they are twins."""
    if not isfinite(root.data):
        raise ArgumentError(
            f"error_budget: the gradient must be finite, got {root.data!r}. first_nonfinite says where it came from."
        )
    contributions: list[Contribution] = []
    conditions: dict[Any, float] = {}
    moved = _moved_over_kinks(root)
    for node, gradient in sweep(root, 1.0).items():
        if node.is_leaf:
            if not twins or node in twins:
                conditions[twins.get(node, node)] = gradient
        elif gradient or _overflows(node):
            rounding = rounding_of(node) + moved.get(node, 0.0)
            if twins:
                rounding += _rounding_of_constants(node)
            if rounding:
                contributions.append(Contribution(node, rounding, gradient))
    return ErrorBudget(root, contributions, conditions)


def _moved_over_kinks(root: Any) -> dict[Any, float]:
    """Return {node: how far off it may be because its operands are, for all its gradient says} next to kinks."""
    order: list[Any] = topological_order(root)
    found: dict[Any, float] = {}
    if not any(not node.is_leaf and node.primitive.kink_distance for node in order):
        return found
    off: dict[Any, float] = {}
    for node in order:
        if node.is_leaf:
            off[node] = 0.0
            continue
        errors = [0.0 if x.__class__ is float else off[x] for x in node.operands]
        slopes = node.local_gradients if any(errors) else errors
        moved = sum([abs(slope * error) for slope, error in zip(slopes, errors, strict=True) if error])
        distance = node.primitive.kink_distance
        if distance and any(errors) and not distance(*numbers_of(node)) > sum(errors):
            moved = found[node] = _largest_change(node, errors)
        off[node] = rounding_of(node) + moved
    return found


def _largest_change(node: Any, errors: list[float]) -> float:
    """Return how far the result moves, at most, where each operand moves by its error."""
    numbers, total_change = numbers_of(node), 0.0
    for k, error in enumerate(errors):
        changes = [0.0]
        for x in (numbers[k] - error, numbers[k] + error):
            try:
                changes.append(abs(node.primitive.evaluate([*numbers[:k], x, *numbers[k + 1 :]]) - node.data))
            except FAILURES:
                changes.append(inf)
        total_change += max(changes)
    return total_change


def _overflows(node: Any) -> bool:
    return not isfinite(node.data) and all(map(isfinite, numbers_of(node)))


def _unfolded_gradient(root: Any, leaf: Any) -> tuple[Any, dict[Any, Any]]:
    """Return droot/dleaf as a graph in which every operation is a node, and {its leaves: those of root}.

    Where constants stay floats, what is computed from them alone (the 1/c of x / c) leaves no node.
    """
    twins: dict[Any, Any] = {}
    with Mode(inside_gradient, True), Mode(recording, True):
        for node in topological_order(root):
            if node.is_leaf:
                twins[node] = Value(node.data)
            else:
                operands = [Value(x) if x.__class__ is float else twins[x] for x in node.operands]
                twins[node] = node.primitive(*operands)
            if node.label:
                twins[node].label = node.label
        if leaf not in twins:
            raise ArgumentError(f"error_budget: the leaf must be a node below the root, got {leaf!r:.60}.")
        found = graph_sweep(twins[root], Value(1.0)).get(twins[leaf], 0.0)
    gradient = found if isinstance(found, Value) else Value(found)
    return gradient, {twin: node for node, twin in twins.items() if node.is_leaf}


def _rounding_of_constants(node: Any) -> float:
    """Return what it does that a float in the text of a local gradient (ln 2, not 2) was rounded itself."""
    operands = node.operands
    if all(x.__class__ is not float or (x * 1024.0).is_integer() for x in operands):
        return 0.0
    partials = node.primitive.partials(node.data, numbers_of(node))
    return 0.5 * fsum([ulp(x) * abs(p or 0.0) for x, p in zip(operands, partials, strict=True) if x.__class__ is float])


def rounding_of(node: Any) -> float:
    """Return how far off the result of one operation may be, given its operands."""
    row: Primitive = node.primitive
    y: float = node.data
    rounding = row.rounding
    if callable(rounding):
        return rounding(y, *numbers_of(node)) * EPSILON
    if abs(y) >= SMALLEST_NORMAL or not rounding:
        return rounding * ulp(y)
    if row in (add, sub, total):  # exact among numbers as small as these
        return 0.0
    if rounding > 0.5:  # a function promises nothing here but a tiny result
        return rounding * SMALLEST_NORMAL
    return 0.0 if not y and 0.0 in numbers_of(node) else TINIEST


def _condition(x: float, gradient: float, y: float) -> float:
    if not x or not gradient:
        return 0.0
    condition = abs(x / y * gradient) if y else inf
    return condition if condition == condition else inf


def _total(numbers: list[float]) -> float:
    try:
        return fsum(numbers)
    except (OverflowError, ValueError):
        return inf


def _operation(node: Any) -> str:
    """Return the last line of a node's expression, or its numbers where that is long or has no names."""
    text = str(expression(node)).rpartition("\n")[2]
    if len(text) <= WIDEST and not any(x.__class__ is Value and x.is_leaf and not x.label for x in node.operands):
        return text
    return _in_numbers(node)


def _in_numbers(node: Any) -> str:
    name = f"{printable(node.label)} = " if node.label else ""
    return name + arithmetic(node.primitive, [numeral(x, DIGITS) for x in numbers_of(node)])
