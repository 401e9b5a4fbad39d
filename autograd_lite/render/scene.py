"""What a picture shows, before any engine draws it: one unit per value, every text ready.

A scene is a snapshot: the graph may change afterwards. Gradients come from the pure sweep,
seeded with 1, so that drawing touches no `.grad`. `folding` says which nodes make one unit,
`flows` how gradients run through them.
"""

from __future__ import annotations

from collections import deque
from copy import copy

from autograd_lite.errors import StaleGraphError
from autograd_lite.graph import check_fresh, sweep, topological_order
from autograd_lite.notation import SPELLED_OUT, SUPERSCRIPTS, arithmetic, numeral, second
from autograd_lite.render.flows import set_gradients
from autograd_lite.render.folding import grouped
from autograd_lite.table import sum as sum_row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
    from typing import Any, TypeVar

    from autograd_lite.derivation import Edge
    from autograd_lite.modes import Scope
    from autograd_lite.primitives import Primitive
    from autograd_lite.render.folding import Group

    T = TypeVar("T", bound=Hashable)

LARGEST_GROUPED = 100_000  # values; of a larger graph only what is nearest to its root is looked at
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
        gate: the glyph of the operation, with a constant operand folded in; the name of a closed
            scope; "" for a leaf.
        arithmetic: the forward computation with its numbers, "2 × (−1)".
        value: the number, "−2".
        gradient: the gradient of the root with respect to it; "" before backward().
        chain_rule: local × upstream, one term per user, "2 × 0.1966"; "" before backward().
        operands: the units this one was computed from, in order, repetitions kept.
        hidden: how many more operands it has that the picture leaves out.
        path: the scopes that it is in, the outermost first: the frames around it.
        values: of how many values of the graph it stands for; 0 for a constant.
        outputs: how many of these are used outside of it; above 1 only for a closed scope.
        scope: the name of the closed scope that it stands for, with its path; else "".

    What follows is for the step-through page, and empty where gradients were not asked for:

        symbol: the glyph of the operation alone; "" for a leaf.
        edges: (operand, local gradient, whether anything flows), as `derivation.edges` has them.
        adjoint: the gradient as a number.
        paths: how many terms the chain rule has, those of users that the picture leaves out included.
        is_used_outside: whether there are such users.
    """

    __slots__ = (
        "adjoint", "arithmetic", "chain_rule", "edges", "gate", "gradient", "hidden", "is_used_outside", "label",
        "operands", "outputs", "path", "paths", "role", "scope", "symbol", "value", "values",
    )  # fmt: skip

    def __init__(self, value: str, role: str | None = None, path: tuple[Scope, ...] = ()) -> None:
        self.label = ""
        self.role = role
        self.gate = self.symbol = self.arithmetic = ""
        self.value = value
        self.gradient = self.chain_rule = ""
        self.operands: list[Unit] = []
        self.hidden = 0
        self.path = path
        self.values, self.outputs = 0, 1
        self.scope = ""
        self.edges: list[Edge[Unit]] = []
        self.adjoint = 0.0
        self.paths = 0
        self.is_used_outside = False

    @property
    def has_name_above(self) -> bool:
        """Whether its name stands with the arithmetic: a result has one, and it is not on the gate already."""
        return bool(self.gate and self.label) and not (self.scope and self.label == self.gate)


class Scene:
    """The units of a picture in topological order, the root last.

    Attributes:
        whole: how many values the graph has; more than the `units` stand for where something is left out.
        has_gradients: False before backward().
        digits: how many significant digits its numbers have.
        title: above the picture; "" for none.
        legend: whether the picture explains its signs below.
    """

    title = ""
    legend = False

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
        """Say what the picture leaves out, or has closed; "" when it is whole."""
        return said_of_fold(self.units, self.whole)

    def without_gradients(self) -> Scene:
        """Return the scene as it is before backward()."""
        bare = {unit: copy(unit) for unit in self.units}
        for unit in bare.values():
            unit.gradient = unit.chain_rule = ""
            unit.operands = [bare[operand] for operand in unit.operands]
            unit.edges = []
        scene = copy(self)
        scene.units, scene.has_gradients = list(bare.values()), False
        return scene


def scene_of(
    root: Any,
    *,
    with_gradients: bool,
    digits: int,
    limit: int,
    sums: bool = False,
    constants: bool = False,
    depth: int | None = None,
    opened: Collection[str] = (),
) -> Scene:
    """Return the scene of the graph below root; above `limit` wires, of what is nearest to it.

    `constants` are leaves of their own, not part of the gate; the rest is as of `folding.grouped`.
    """
    try:
        adjoints = sweep(root, 1.0) if with_gradients else dict.fromkeys(topological_order(root), 0.0)
        for node in () if with_gradients else adjoints:  # the sweep has looked
            check_fresh(node)
    except StaleGraphError as stale:
        raise StaleGraphError(str(stale).replace("gradient", "draw", 1)) from None
    order: Collection[Any] = adjoints
    if len(adjoints) > LARGEST_GROUPED:
        order = _operands_first(root, nearest(root, _operands, limit))
    groups = grouped(order, sums=sums, depth=depth, opened=opened)
    sources = {group: _sources(group, groups) for group in groups.values()}
    shown = nearest(groups[root], lambda group: [source for source in sources[group] if source], limit)
    units: dict[Group, Unit] = {}
    drawn: list[Unit] = []
    for group in _operands_first(groups[root], shown):
        kept, _ = shown[group]
        units[group] = unit = _unit(group, adjoints, digits, folds_constants=not constants)
        unit.operands = [units[source] for source in kept]
        unit.hidden = len(sources[group]) - len(kept)
        if constants and not unit.hidden:
            drawn += _show_constants(unit, group, digits)
        drawn.append(unit)
    if with_gradients:
        set_gradients(units, adjoints, digits)
        name = root.label if root.label and root.label.isidentifier() else "root"
        units[groups[root]].chain_rule = f"∂{name}/∂{name}"
    return Scene(drawn, len(adjoints), with_gradients, digits)


def _sources(group: Group, groups: dict[Any, Group]) -> list[Group | None]:
    """Return where the wires of a group come from, None for what is left out; one from a scope of many outputs."""
    found: list[Group | None] = []
    met = set()
    for operand in group.operands:
        if operand.__class__ is float:
            continue
        source = groups.get(operand)
        if source not in met:
            found.append(source)
        if source is not None and len(source.outputs) > 1:
            met.add(source)
    return found


def _unit(group: Group, adjoints: dict[Any, float], digits: int, *, folds_constants: bool) -> Unit:
    node = group.outputs[-1]
    row = node.primitive
    unit = Unit(numeral(node.data, digits), node.role, group.path)
    unit.label = node.label or ""
    unit.values, unit.outputs = len(group.nodes), len(group.outputs)
    unit.adjoint = float(adjoints[node])
    if group.scope is not None:
        unit.gate = unit.symbol = group.scope.name
        unit.scope = group.name
        unit.arithmetic = _called(group, digits)
        unit.label = unit.label or unit.gate
        if unit.outputs > 1:
            unit.label = unit.gate
            unit.value = f"{unit.outputs} values"
    elif row is not None:
        if len(group.nodes) > 1:
            row = sum_row
        unit.symbol = row.symbol
        unit.gate = gate_of(row, group.operands, digits) if folds_constants else SPELLED.get(row.name, row.symbol)
        unit.arithmetic = arithmetic(row, [numeral(_data(x), digits) for x in group.operands])
    return unit


def _called(group: Group, digits: int) -> str:
    """Return a closed scope as a function of its operands, f(2, −1).

    Parameters are no arguments of it where others are: its constants, the data of a layer, then are.
    """
    each = dict.fromkeys(tuple([x for x in node.operands if x.__class__ is float]) for node in group.nodes)
    constants = [x for xs in each for x in xs]  # once: all neurons of a layer have the same
    operands = [x for x in group.operands if x.role != "parameter"] or constants or group.operands
    numbers = [numeral(_data(x), digits) for x in operands[:SPELLED_OUT]]
    return f"f({', '.join(numbers)}{', …' * (len(operands) > SPELLED_OUT)})"


def _data(operand: Any) -> float:
    number: float = operand if operand.__class__ is float else operand.data
    return number


def _show_constants(unit: Unit, group: Group, digits: int) -> list[Unit]:
    """Put the constants of a group among the operands of its unit, and return their units."""
    made = []
    for position, operand in enumerate(group.operands):
        if operand.__class__ is float:
            made.append(Unit(numeral(operand, digits), "constant", group.path))
            made[-1].label = made[-1].value
            unit.operands.insert(position, made[-1])
    return made


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


def said_of_fold(units: Iterable[Unit], whole: int) -> str:
    """Say what a picture of these units leaves out of so many values, and what it has closed; "" for nothing."""
    units = list(units)
    shown = sum(unit.values for unit in units)
    closed = [unit.scope for unit in units if unit.scope]
    cut = f"the {shown:,} nearest to the root are shown" if shown < whole else ""
    if not closed:
        return f"{whole:,} values: {cut}." if cut else ""
    parts = f"{f'{cut}, ' if cut else ''}{len(closed)} part{'s' * (len(closed) > 1)} closed"
    return f"{whole:,} values, {parts}: draw(..., open={closed[0]!r}) shows one from inside."


def gate_of(row: Primitive, operands: Sequence[Any], digits: int) -> str:
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
