"""How gradients run through a picture: the edges of its units, and local × upstream on every wire."""

from __future__ import annotations

from autograd_lite.derivation import Total, edges
from autograd_lite.notation import SPELLED_OUT, numeral, product, summed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from autograd_lite.derivation import Edge
    from autograd_lite.render.folding import Group
    from autograd_lite.render.scene import Unit


def set_gradients(units: dict[Group, Unit], adjoints: dict[Any, float], digits: int) -> None:
    """Give the units of a picture their edges, and the texts of their gradients.

    Args:
        units: by what each was made of, operands first.
        adjoints: the gradient of the root with respect to each value of the graph.
        digits: how many significant digits numbers have.
    """
    made_by = {node: unit for group, unit in units.items() for node in group.outputs}
    for group, unit in units.items():
        drawn = set(unit.operands)
        unit.edges = [edge for edge in _edges(group, adjoints, made_by) if edge[0] in drawn]
    is_cut = sum(unit.values for unit in units.values()) < len(adjoints) or any(unit.hidden for unit in units.values())
    _write(units, adjoints, made_by, is_cut, digits)


def _edges(group: Group, adjoints: dict[Any, float], made_by: dict[Any, Unit]) -> list[Edge[Unit]]:
    """Return the edges of a group to other units, those to a scope with several outputs as one."""
    node = group.outputs[-1]
    if group.scope is not None:
        found = _edges_of_scope(group, adjoints)
    elif len(group.nodes) > 1:
        found = [(x, 1.0, adjoints[node] != 0.0) for x in group.operands if x.__class__ is not float]
    else:
        found = edges(node, float(adjoints[node]))
    wide: dict[Unit, bool] = {}
    merged: list[Edge[Unit]] = []
    for operand, local, flows in found:
        unit = made_by.get(operand)
        if unit is not None and unit.outputs > 1:
            wide[unit] = flows or wide.get(unit, False)
        elif unit is not None:
            merged.append((unit, local, flows))
    return merged + [(unit, Total(0.0, unit.outputs), flows) for unit, flows in wide.items()]


def _edges_of_scope(group: Group, adjoints: dict[Any, float]) -> list[Edge[Any]]:
    """Return the edges of a closed scope: of one output the local gradients, by a sweep inside; else the totals."""
    node = group.outputs[-1]
    is_single = len(group.outputs) == 1
    upstream = {**dict.fromkeys(group.nodes, 0.0), node: 1.0} if is_single else adjoints
    gathered: dict[Any, float] = dict.fromkeys(group.operands, 0.0)
    reached = set()
    for inner in reversed(group.nodes):
        for operand, local, flows in edges(inner, float(upstream[inner])):
            if not flows or local is None:
                continue
            if operand in gathered:
                gathered[operand] += upstream[inner] * local
                reached.add(operand)
            elif is_single:
                upstream[operand] += upstream[inner] * local
    if is_single:
        return [(x, local, x in reached and adjoints[node] != 0.0) for x, local in gathered.items()]
    return [(x, Total(total, 1), x in reached) for x, total in gathered.items()]


def _write(
    units: dict[Group, Unit], adjoints: dict[Any, float], made_by: dict[Any, Unit], is_cut: bool, digits: int
) -> None:
    """Write the gradient of each unit, and local × upstream for the paths it came by."""
    terms: dict[Unit, list[str]] = {unit: [] for unit in units.values()}

    def reach(unit: Unit, local: float | None, upstream: float) -> None:
        unit.paths += 1
        if unit.paths <= SPELLED_OUT:
            terms[unit].append(term(local, upstream, digits))

    for unit in units.values():
        for operand, local, _ in unit.edges:
            reach(operand, local, unit.adjoint)
    drawn = {node: unit for group, unit in units.items() for node in group.nodes}
    for user in adjoints if is_cut else ():
        kept = set(drawn[user].operands) if user in drawn else set()
        if (user in drawn and not drawn[user].hidden) or made_by.keys().isdisjoint(user.operands):
            continue
        for operand, local, _ in edges(user, float(adjoints[user])):
            target = made_by.get(operand)
            if target is not None and target not in kept and target is not drawn.get(user):
                target.is_used_outside = True
                reach(target, local, float(adjoints[user]))
    for group, unit in units.items():
        texts = terms[unit]
        if unit.outputs == 1:
            unit.gradient = numeral(unit.adjoint, digits)
            chain = f"Σ of {unit.paths} paths" if unit.paths > SPELLED_OUT else summed(texts) if texts else ""
            unit.chain_rule = chain if chain != unit.gradient else ""  # a single total says nothing new
        else:
            numbers = [float(adjoints[node]) for node in group.outputs]
            unit.gradient = f"{unit.outputs} gradients"
            unit.chain_rule = f"{numeral(min(numbers), digits)} … {numeral(max(numbers), digits)}"


def term(local: float | None, upstream: float, digits: int) -> str:
    """Return local × upstream with their numbers.

    >>> term(2.0, -0.5, 4)
    '2 × (−0.5)'
    """
    if isinstance(local, Total):
        return numeral(local, digits)
    return product(numeral(local or 0.0, digits), numeral(upstream, digits))
