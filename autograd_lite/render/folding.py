"""What stands together in a picture: chains of + as one Σ, a closed scope as one box.

A picture is drawn of groups. Most are one node; a sum has the nodes of a chain of additions,
a closed scope all that was made in it, and the parameters that nothing else uses.
"""

from __future__ import annotations

from collections import Counter

from autograd_lite.errors import ArgumentError
from autograd_lite.render.layout import count_shared
from autograd_lite.render.opening import DEFINITIONS
from autograd_lite.table import add

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any, TypeAlias

    from autograd_lite.modes import Scope

    Path: TypeAlias = "tuple[Scope, ...]"

FEW, MANY = 60, 400  # values; above, the innermost scopes are closed, and those around them
TERMS = 3  # from so many on, a chain of + is a Σ
DEEPEST = 8  # frames within frames


class Group:
    """Nodes that are drawn as one.

    Attributes:
        nodes: in topological order.
        scope: the closed scope that it stands for, None where it is a node or a Σ.
        path: the scopes that it is in, the outermost first: the frames around it.
        operands: the nodes and constants it was computed from, in order, repetitions kept; for a
            closed scope every node once, and no constants.
        outputs: its nodes that are used outside of it, and the root.
        name: what tells its closed scope from all others.
    """

    __slots__ = ("name", "nodes", "operands", "outputs", "path", "scope")

    def __init__(self, scope: Scope | None, path: Path) -> None:
        self.nodes: list[Any] = []
        self.scope = scope
        self.path = path
        self.operands: list[Any] = []
        self.outputs: list[Any] = []
        self.name = ""


def grouped(order: Collection[Any], *, sums: bool, depth: int | None, opened: Collection[str]) -> dict[Any, Group]:
    """Return the group of each node.

    Args:
        order: nodes in topological order, the root last.
        sums: whether chains of + become a Σ.
        depth: how many levels of scopes are open; None: all in a small picture, in a larger one
            without the innermost, or without those around them too.
        opened: scopes that are open all the same, by name, by path, or by path and number as in
            "layer 1 #3" where several bear the same.

    Raises:
        ArgumentError: `opened` names a scope that is not there.
    """
    homes = _homes(order)
    paths = {scope: path[: k + 1] for path in dict.fromkeys(homes.values()) for k, scope in enumerate(path)}
    names = _names(paths)
    groups = _groups(homes, _closed(homes, paths, names, depth, opened), sums)
    if not _is_acyclic(groups):  # threads that built one graph were in and out of scopes at the same time
        groups = _groups(dict.fromkeys(homes, ()), set(), sums)
    for group in groups.values():
        group.name = names[group.scope] if group.scope else ""
    return groups


def _homes(order: Collection[Any]) -> dict[Any, Path]:
    """Return the scopes that each node is in; a parameter or a constant is where all its users are."""
    paths: dict[Any, Path] = {None: ()}
    homes: dict[Any, Path] = {}
    shared: dict[Any, Path] = {}
    for node in order:
        scope, inward = node.scope, []
        while scope not in paths:
            inward.append(scope)
            scope = scope.parent
        path = paths[scope]
        for scope in reversed(inward):  # each once: scopes may nest by the thousands
            paths[scope] = path = path if len(path) == DEEPEST else (*path, scope)
        homes[node] = path
        for operand in node.operands:
            if operand.__class__ is not float and operand.role in ("parameter", "constant"):
                known = shared.get(operand, path)
                if known is not path:
                    known = known[: count_shared(known, path)]
                shared[operand] = known
    return {node: shared.get(node, path) for node, path in homes.items()}


def _names(scopes: Collection[Scope]) -> dict[Scope, str]:
    """Return what tells scopes apart: the path; with a number where several have the same."""
    same: dict[str, list[Scope]] = {}
    for scope in scopes:
        same.setdefault(str(scope), []).append(scope)
    return {
        scope: f"{path} #{k}" if len(alike) > 1 else path
        for path, alike in same.items()
        for k, scope in enumerate(alike, 1)
    }


def _closed(
    homes: dict[Any, Path],
    paths: dict[Scope, Path],
    names: dict[Scope, str],
    depth: int | None,
    opened: Collection[str],
) -> set[Scope]:
    """Return the scopes that are drawn as one box."""
    known = {scope: {scope.name, str(scope), name} for scope, name in names.items()}
    for name in opened:  # operations have been opened before
        if name not in DEFINITIONS and not any(name in ways for ways in known.values()):
            there = ", ".join([repr(name) for name in names.values()][:8])
            raise ArgumentError(
                f"draw: open must name a scope of the graph, or one of the operations {', '.join(DEFINITIONS)}, "
                f"got {name!r:.60}. {f'The scopes are {there}' if there else 'This graph has no scopes'}."
            )
    kept_open = {outer for scope, path in paths.items() if not known[scope].isdisjoint(opened) for outer in path}
    if depth is not None:
        return {scope for scope, path in paths.items() if len(path) > depth} - kept_open
    heights = dict.fromkeys(paths, 0)  # levels of scopes within
    for path in sorted(paths.values(), key=len, reverse=True):
        if len(path) > 1:
            heights[path[-2]] = max(heights[path[-2]], heights[path[-1]] + 1)
    closed = {scope for scope, height in heights.items() if height < (len(homes) > FEW)}
    remaining = {next((scope for scope in path if scope in closed), node) for node, path in homes.items()}
    if len(homes) > MANY or len(remaining) > FEW:
        closed = {scope for scope, height in heights.items() if height < 2}
    return closed - kept_open


def _groups(homes: dict[Any, Path], closed: set[Scope], sums: bool) -> dict[Any, Group]:
    groups: dict[Any, Group] = {}
    boxes: dict[Scope, Group] = {}
    for node, path in homes.items():
        level = next((k for k, scope in enumerate(path) if scope in closed), len(path))
        if level == len(path):
            group = Group(None, path)
        else:
            group = boxes.setdefault(path[level], Group(path[level], path[:level]))
        group.nodes.append(node)
        groups[node] = group
        group.operands += [x for x in node.operands if group.scope is None or x.__class__ is not float]
    if sums:
        _join_sums(groups)
    outputs: dict[Group, dict[Any, None]] = {group: {} for group in groups.values()}
    outputs[groups[node]][node] = None  # the root
    for group in outputs:
        if group.scope is not None:
            group.operands = [x for x in dict.fromkeys(group.operands) if groups.get(x) is not group]
        for operand in group.operands:
            if operand.__class__ is not float and operand in groups:
                outputs[groups[operand]][operand] = None
    for group, found in outputs.items():
        group.outputs = list(found)
    return groups


def _join_sums(groups: dict[Any, Group]) -> None:
    """Make one group of a chain of +: of results with one user, another + in the same frame, and no name."""
    uses = Counter(operand for node in groups for operand in node.operands if operand.__class__ is not float)
    sums = [node for node, group in groups.items() if node.primitive is add and group.scope is None]
    inner = {
        operand
        for node in sums
        for operand in node.operands
        if operand.__class__ is not float
        and operand.primitive is add
        and uses[operand] == 1
        and not operand.label
        and operand in groups
        and groups[operand].path == groups[node].path
    }
    for head in sums:
        if head in inner:
            continue
        chain: list[Any] = []
        terms: list[Any] = []
        stack = [head]
        while stack:
            node = stack.pop()
            if node.__class__ is not float and (node is head or node in inner):
                chain.append(node)
                stack += reversed(node.operands)
            else:
                terms.append(node)
        if len(terms) >= TERMS:
            group = groups[head]
            group.nodes, group.operands = chain[::-1], terms
            groups.update(dict.fromkeys(chain, group))


def _is_acyclic(groups: dict[Any, Group]) -> bool:
    """Say whether no path leaves a group, or a frame, and comes back to it."""
    members = list(dict.fromkeys(groups.values()))
    wires = [
        (groups[x], group) for group in members for x in group.operands if x.__class__ is not float and x in groups
    ]
    for level in range(max(len(group.path) for group in members) + 1):
        points = {group: group.path[level] if level < len(group.path) else group for group in members}
        users: dict[Any, list[Any]] = {point: [] for point in points.values()}
        waiting = dict.fromkeys(users, 0)
        for source, group in wires:
            tail, head = points[source], points[group]
            if tail is not head:
                users[tail].append(head)
                waiting[head] += 1
        ready = [point for point in users if not waiting[point]]
        for point in ready:  # grows as it goes
            for user in users[point]:
                waiting[user] -= 1
                if not waiting[user]:
                    ready.append(user)
        if len(ready) < len(users):
            return False
    return True
