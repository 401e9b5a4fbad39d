"""What a picture shows, before any engine draws it: one unit per value, every text ready.

A scene is a snapshot: the graph may change afterwards. Gradients come from the pure sweep,
seeded with 1, so that drawing touches no `.grad`.
"""

from __future__ import annotations

from collections import deque

from autograd_lite.errors import StaleGraphError
from autograd_lite.graph import check_fresh, numbers_of, sweep, topological_order
from autograd_lite.notation import SPELLED_OUT, SUPERSCRIPTS, arithmetic, numeral, product, second, summed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable
    from typing import Any, TypeVar

    from autograd_lite.primitives import Primitive

    T = TypeVar("T", bound=Hashable)

SPELLED = {"neg": "−x", "dot": "x·w"}  # where the symbol alone would be mistaken or overlooked
WITH_CONSTANT = {
    "add": ("+{}", "+{}"),
    "sub": ("{}−x", "−{}"),
    "mul": ("×{}", "×{}"),
    "div": ("{}/x", "÷{}"),
    "pow": ("{}^x", "x^{}"),
}
"""What a gate says when its first or its second operand is a constant."""


class Unit:
    """One value of the picture: the gate that made it, and the wire it runs on.

    Attributes:
        label: what the user called it, "" without a name.
        role: of a leaf: "parameter", "input", "constant" or None.
        gate: the glyph of the operation, with a constant operand folded in; "" for a leaf.
        arithmetic: the forward computation with its numbers, "2 × (−1)".
        value: the number, "−2".
        gradient: the gradient of the root with respect to it; "" before backward().
        chain_rule: local × upstream, one term per user, "2 × 0.1966"; "" before backward().
        operands: the units this one was computed from, in order, repetitions kept.
        hidden: how many more operands it has that the picture leaves out.
    """

    __slots__ = ("arithmetic", "chain_rule", "gate", "gradient", "hidden", "label", "operands", "role", "value")

    def __init__(self, node: Any, digits: int) -> None:
        row, operands = node.primitive, node.operands
        self.label: str = node.label or ""
        self.role: str | None = node.role
        self.value = numeral(node.data, digits)
        self.gate = gate_of(row, operands, digits) if row else ""
        self.arithmetic = arithmetic(row, [numeral(x, digits) for x in numbers_of(node)]) if row else ""
        self.gradient = ""
        self.chain_rule = ""
        self.operands: list[Unit] = []
        self.hidden = 0


class Scene:
    """The units of a picture in topological order, the root last.

    Attributes:
        whole: how many values the graph has; more than `units` where the picture is folded.
        has_gradients: False before backward().
    """

    def __init__(self, units: list[Unit], whole: int, has_gradients: bool) -> None:
        self.units = units
        self.whole = whole
        self.has_gradients = has_gradients

    @property
    def root(self) -> Unit:
        return self.units[-1]

    @property
    def folded(self) -> str:
        """Say what the picture leaves out; "" when it is whole."""
        return said_of_fold(len(self.units), self.whole)


def scene_of(root: Any, *, with_gradients: bool, digits: int, limit: int) -> Scene:
    """Return the scene of the graph below root; above `limit` wires, of what is nearest to it."""
    try:
        adjoints = sweep(root, 1.0) if with_gradients else dict.fromkeys(topological_order(root), 0.0)
        for node in () if with_gradients else adjoints:  # the sweep has looked
            check_fresh(node)
    except StaleGraphError as stale:
        raise StaleGraphError(str(stale).replace("gradient", "draw", 1)) from None
    shown = nearest(root, _operands, limit)
    units = {node: Unit(node, digits) for node in _operands_first(root, shown)}
    for node, unit in units.items():
        kept, unit.hidden = shown[node]
        unit.operands = [units[operand] for operand in kept]
    if with_gradients:
        users = units if len(units) == len(adjoints) else adjoints
        terms = _terms(users, adjoints, units, digits)
        for node, unit in units.items():
            unit.gradient = numeral(float(adjoints[node]), digits)
            unit.chain_rule = _chain_rule(*terms[node])
        name = root.label if root.label and root.label.isidentifier() else "root"
        units[root].chain_rule = f"∂{name}/∂{name}"
    return Scene(list(units.values()), len(adjoints), with_gradients)


def nearest(root: T, operands_of: Callable[[T], Iterable[T]], limit: int) -> dict[T, tuple[list[T], int]]:
    """Return, breadth first from root, each item's operands up to `limit` in all, and how many are left out."""
    found: dict[T, tuple[list[T], int]] = {}
    queue = deque([root])
    waiting = {root}
    while queue:
        item = queue.popleft()
        operands = list(operands_of(item))
        kept = operands[: max(0, limit)]
        limit -= len(kept)
        found[item] = kept, len(operands) - len(kept)
        for operand in kept:
            if operand not in waiting:
                waiting.add(operand)
                queue.append(operand)
    return found


def _operands_first(root: Any, shown: dict[Any, tuple[list[Any], int]]) -> list[Any]:
    """Return what is shown in topological order, along the wires that are."""
    order, seen = [], set()
    stack = [(root, False)]
    while stack:
        node, is_done = stack.pop()
        if is_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack += [(operand, False) for operand in reversed(shown[node][0])]
    return order


def said_of_fold(shown: int, whole: int) -> str:
    """Say what a picture leaves out, "" for nothing.

    >>> said_of_fold(60, 1000001)
    '1,000,001 values: the 60 nearest to the root are shown.'
    """
    return f"{whole:,} values: the {shown:,} nearest to the root are shown." if shown < whole else ""


def gate_of(row: Primitive, operands: tuple[Any, ...], digits: int) -> str:
    """Return the glyph of an operation, with a constant operand folded in: ×2, +1, x², 1/x."""
    constants = [operand.__class__ is float for operand in operands]
    if row.name in SPELLED:
        return SPELLED[row.name]
    if row.name not in WITH_CONSTANT or constants not in ([True, False], [False, True]):
        return row.symbol
    position = constants.index(True)
    constant = numeral(operands[position], digits)
    if row.name == "pow" and position and len(constant) == 1:
        return "x" + constant.translate(SUPERSCRIPTS)
    template = WITH_CONSTANT[row.name][position]
    # A product reads well with a sign in it (×−1), the others do not (+(−3)).
    return template.format(constant if row.name == "mul" or template.startswith("{") else second(constant))


def _operands(node: Any) -> list[Any]:
    return [operand for operand in node.operands if operand.__class__ is not float]


def _terms(users: Iterable[Any], adjoints: dict[Any, float], shown: dict[Any, Unit], digits: int) -> dict[Any, Any]:
    """Return for each shown node how many paths lead to the root, and the first terms of its gradient."""
    terms: dict[Any, tuple[int, list[str]]] = {node: (0, []) for node in shown}
    for user in users:
        operands = user.operands
        locals_ = None
        for position, operand in enumerate(operands):
            if operand.__class__ is float or operand not in terms:
                continue
            count, texts = terms[operand]
            terms[operand] = count + 1, texts
            if count < SPELLED_OUT:
                locals_ = locals_ or user.local_gradients
                texts.append(product(numeral(locals_[position], digits), numeral(float(adjoints[user]), digits)))
    return terms


def _chain_rule(count: int, terms: list[str]) -> str:
    return f"Σ of {count} paths" if count > SPELLED_OUT else summed(terms) if terms else ""
