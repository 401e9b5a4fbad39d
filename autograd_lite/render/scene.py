"""What a picture shows, before any engine draws it: one unit per value, every text ready.

A scene is a snapshot: the graph may change afterwards. Gradients come from the pure sweep,
seeded with 1, so that drawing touches no `.grad`.
"""

from __future__ import annotations

from collections import deque
from copy import copy

from autograd_lite.derivation import edges
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

    What follows is for the step-through page, and empty where gradients were not asked for:

        symbol: the glyph of the operation alone; "" for a leaf.
        edges: (operand, local gradient, whether anything flows), as `derivation.edges` has them.
        adjoint: the gradient as a number.
        paths: how many terms the chain rule has, those of users that the picture leaves out included.
        is_used_outside: whether there are such users.
    """

    __slots__ = (
        "adjoint", "arithmetic", "chain_rule", "edges", "gate", "gradient", "hidden", "is_used_outside", "label",
        "operands", "paths", "role", "symbol", "value",
    )  # fmt: skip

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
        self.symbol: str = row.symbol if row else ""
        self.edges: list[tuple[Unit, float | None, bool]] = []
        self.adjoint = 0.0
        self.paths = 0
        self.is_used_outside = False


class Scene:
    """The units of a picture in topological order, the root last.

    Attributes:
        whole: how many values the graph has; more than `units` where the picture is folded.
        has_gradients: False before backward().
        digits: how many significant digits its numbers have.
    """

    def __init__(self, units: list[Unit], whole: int, has_gradients: bool, digits: int) -> None:
        self.units = units
        self.whole = whole
        self.has_gradients = has_gradients
        self.digits = digits

    @property
    def root(self) -> Unit:
        return self.units[-1]

    @property
    def folded(self) -> str:
        """Say what the picture leaves out; "" when it is whole."""
        return said_of_fold(len(self.units), self.whole)

    def without_gradients(self) -> Scene:
        """Return the scene as it is before backward()."""
        bare = {unit: copy(unit) for unit in self.units}
        for unit in bare.values():
            unit.gradient = unit.chain_rule = ""
            unit.operands = [bare[operand] for operand in unit.operands]
            unit.edges = []
        return Scene(list(bare.values()), self.whole, False, self.digits)


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
        for node, unit in units.items():
            unit.adjoint = float(adjoints[node])
            unit.edges = [
                (units[operand], local, flows)
                for operand, local, flows in edges(node, unit.adjoint)[: len(unit.operands)]
            ]
        is_folded = len(units) < len(adjoints) or any(unit.hidden for unit in units.values())
        _write_gradients(adjoints if is_folded else units, adjoints, units, digits)
        name = root.label if root.label and root.label.isidentifier() else "root"
        units[root].chain_rule = f"∂{name}/∂{name}"
    return Scene(list(units.values()), len(adjoints), with_gradients, digits)


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


def _write_gradients(users: Iterable[Any], adjoints: dict[Any, float], shown: dict[Any, Unit], digits: int) -> None:
    """Write the gradient of each unit, and local × upstream for the paths it came by."""
    terms: dict[Unit, list[str]] = {unit: [] for unit in shown.values()}
    for user in users:
        reached = list(shown[user].edges) if user in shown else []
        drawn = len(reached)
        if shown[user].hidden if user in shown else not shown.keys().isdisjoint(user.operands):
            others = edges(user, adjoints[user])[drawn:]
            reached += [(shown[operand], local, flows) for operand, local, flows in others if operand in shown]
        for position, (unit, local, _) in enumerate(reached):
            unit.paths += 1
            unit.is_used_outside |= position >= drawn
            if unit.paths <= SPELLED_OUT:
                terms[unit].append(term(local, float(adjoints[user]), digits))
    for unit, texts in terms.items():
        unit.gradient = numeral(unit.adjoint, digits)
        unit.chain_rule = f"Σ of {unit.paths} paths" if unit.paths > SPELLED_OUT else summed(texts) if texts else ""


def term(local: float | None, upstream: float, digits: int) -> str:
    """Return local × upstream with their numbers.

    >>> term(2.0, -0.5, 4)
    '2 × (−0.5)'
    """
    return product(numeral(local or 0.0, digits), numeral(upstream, digits))
