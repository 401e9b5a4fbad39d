"""The graph: what a node is, the order of its nodes, and the sweeps that run the chain rule.

Data flows operands -> node -> users; gradients flow back. Nothing here recurses: a chain of
a million nodes is walked at the default recursion limit.
"""

from __future__ import annotations

from math import inf, nan
from operator import attrgetter

from autograd_lite.errors import InputTypeError, NonLeafError, OperationError, StaleGraphError
from autograd_lite.primitives import FAILURES, Traced, to_float
from autograd_lite.table import add, chain, gate, mul

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from autograd_lite.modes import Scope
    from autograd_lite.primitives import Primitive


STALE = -1
"""An epoch older than any: the node must be recomputed before a gradient is asked of it."""

ROLES = ("parameter", "input", "constant")


class Node(Traced):
    """One number of a graph: its value, and the primitive and operands that made it.

    Constants stay plain floats inside `operands`: no node, no gradient. `_epoch` says which
    evaluation the number belongs to: a node older than one of its operands is stale.
    """

    __slots__ = ("_data", "_epoch", "_grad", "_label", "_operands", "_primitive", "_role", "_scope")

    _data: float
    _grad: float  # a leaf's is a node after backward(create_graph=True)
    _primitive: Primitive | None
    _operands: tuple[Any, ...]  # of Node | float
    _epoch: int
    _label: str  # these slots stay empty until they are set: most nodes have none
    _role: str
    _scope: Scope

    if TYPE_CHECKING:

        @property
        def operands(self) -> tuple[Any, ...]: ...
        @property
        def primitive(self) -> Primitive | None: ...
    else:  # attrgetter runs in C: a third of the cost of a Python getter
        operands = property(attrgetter("_operands"), doc="The operands in order, constants as floats.")
        primitive = property(attrgetter("_primitive"), doc="The row of the table that made this node; None for a leaf.")

    @property
    def label(self) -> str | None:
        """The name of this node, None without one."""
        return getattr(self, "_label", None)

    @label.setter
    def label(self, label: str) -> None:
        if not isinstance(label, str):
            raise InputTypeError(f"label: a str is needed, got {label!r} of type {type(label).__name__}.")
        self._label = label

    @property
    def role(self) -> str | None:
        """What a leaf is: "parameter", "input" or "constant"; None where it was not said."""
        return getattr(self, "_role", None)

    @role.setter
    def role(self, role: str) -> None:
        if self._primitive is not None:
            raise NonLeafError(f"role: only a leaf has a role, and {self.place()} is a result.")
        if role not in ROLES:
            raise InputTypeError(f"role: must be one of {', '.join(map(repr, ROLES))}, got {role!r}.")
        self._role = role

    @property
    def scope(self) -> Scope | None:
        """The innermost `scope` this node was made in, None outside of any."""
        return getattr(self, "_scope", None)

    @property
    def is_leaf(self) -> bool:
        """True where no operation made this node: a parameter, an input, a constant."""
        return self._primitive is None

    def place(self) -> str:
        if self.label:
            return f"node {self.label!a}"
        return "an unnamed leaf" if self._primitive is None else f"an unnamed result of {self._primitive.name}"


def topological_order(root: Node) -> list[Any]:
    """Return every node below root and root itself, operands before their users.

    The order depends on the structure alone: it is the same in every process.

    >>> from autograd_lite import leaves, topological_order
    >>> a, b = leaves(a=2.0, b=3.0)
    >>> [node.label or node.primitive.name for node in topological_order(a * b + a)]
    ['a', 'b', 'mul', 'add']
    """
    if not isinstance(root, Node):
        raise InputTypeError(f"topological_order: a Value is needed, got {root!r} of type {type(root).__name__}.")
    return list(zeros_below(root, refuse_stale=False))


def zeros_below(root: Node, *, refuse_stale: bool) -> dict[Any, float]:
    """Return {node: 0.0} in topological order: where a sweep starts from."""
    zeros: dict[Any, float] = {}
    stack: list[Any] = [root]
    while stack:
        node = stack.pop()
        if node is None:  # everything below the node under this mark is there now
            zeros[stack.pop()] = 0.0
        elif node not in zeros:
            operands = node._operands
            if not operands:
                zeros[node] = 0.0
                continue
            stack.append(node)
            stack.append(None)
            newest = node._epoch if refuse_stale else inf
            if len(operands) == 2:  # the loop below, spelled out: it is half of the walk's time
                a, b = operands
                if b.__class__ is not float:
                    if b._epoch > newest:
                        raise _stale(node, b)
                    if b not in zeros:
                        stack.append(b)
                if a.__class__ is not float:
                    if a._epoch > newest:
                        raise _stale(node, a)
                    if a not in zeros:
                        stack.append(a)
                continue
            for operand in reversed(operands):
                if operand.__class__ is not float:
                    if operand._epoch > newest:
                        raise _stale(node, operand)
                    if operand not in zeros:
                        stack.append(operand)
    return zeros


def _stale(node: Node, operand: Node) -> StaleGraphError:
    return StaleGraphError(
        f"gradient: {operand.place()} has a newer value than {node.place()}, which was computed "
        f"from an older one. Call root.forward() first, or build the expression again."
    )


def check_fresh(node: Node) -> None:
    """Raise StaleGraphError if an operand of this node has a newer value than the node itself."""
    for operand in node._operands:
        if operand.__class__ is not float and operand._epoch > node._epoch:
            raise _stale(node, operand)


def numbers_of(node: Node) -> list[float]:
    """Return the operands of a node as plain floats."""
    return [operand if operand.__class__ is float else operand._data for operand in node._operands]


def replay(order: list[Any], epoch: int) -> None:
    """Recompute the nodes of `order` from their operands; those that were stale join `epoch`.

    An operation without a value raises only if the last node uses it: not in a branch that
    `where` did not take. There it is nan.
    """
    failures: dict[Node, OperationError] = {}
    for node in order:
        primitive = node._primitive
        if primitive is None:
            continue
        operands = node._operands
        if primitive is mul or primitive is add:  # spelled out, as in `sweep`
            a, b = operands
            x = a if a.__class__ is float else a._data
            z = b if b.__class__ is float else b._data
            node._data = x * z if primitive is mul else x + z
        else:
            try:
                node._data = primitive.evaluate(numbers_of(node), operands)
            except OperationError as error:
                node._data, failures[node] = nan, error
        for operand in operands:
            if operand.__class__ is not float and operand._epoch > node._epoch:
                node._epoch = epoch
    if failures:
        used = used_by(order[-1])
        reached = [node for node in failures if node in used]
        for node in reached:
            node._epoch = STALE
        if reached:
            raise failures[reached[0]]


def used_by(root: Node) -> set[Node]:
    """Return the nodes that root depends on, without the branches that a selection did not take."""
    used = {root}
    stack = [root]
    while stack:
        node = stack.pop()
        if node._primitive is None:
            continue
        partials = node._primitive.partials(node._data, numbers_of(node)) if node._primitive.selection else None
        for k, operand in enumerate(node._operands):
            if operand.__class__ is float or operand in used or (partials and partials[k] == 0.0):
                continue
            used.add(operand)
            stack.append(operand)
    return used


def contributions(node: Node, upstream: float) -> list[tuple[Any, float]]:
    """Return (operand, local gradient x upstream gradient) for each operand that gets one."""
    primitive = node._primitive
    if primitive is None or not upstream:  # zero upstream stays zero, even times inf
        return []
    operands, selection = node._operands, primitive.selection
    numbers = (operands[0]._data,) if len(operands) == 1 else numbers_of(node)
    terms: list[tuple[Any, float]] = []
    for operand, local in zip(operands, primitive.partials(node._data, numbers), strict=True):
        if operand.__class__ is float:
            continue
        if local.__class__ is not float:
            local = local_as_float(primitive, local)
        if local or not (selection or local is None):
            terms.append((operand, upstream * local))
    return terms


def local_as_float(primitive: Primitive, local: Any) -> float | None:
    """Return a local gradient that is not a float as one, or None where the row declares that none flows."""
    if local is None and (primitive.variadic or None in primitive.gradients):
        return None
    return to_float(local, f"local gradient of {primitive.name}")


def sweep(root: Node, seed: float) -> dict[Any, float]:
    """Return seed times droot/dnode for every node below root, by the chain rule.

    Each node, users before operands, passes local gradient x upstream gradient on to its
    operands; several contributions add up. `mul` and `add` are spelled out because nine
    nodes in ten are one of these; a law of the tests holds them to their rows.
    """
    adjoints = zeros_below(root, refuse_stale=True)
    adjoints[root] = seed
    for node in reversed(adjoints):
        operands = node._operands
        upstream = adjoints[node]
        if not operands or not upstream:
            continue
        primitive = node._primitive
        if primitive is mul:
            a, b = operands
            if a.__class__ is float:
                adjoints[b] += upstream * a
            elif b.__class__ is float:
                adjoints[a] += upstream * b
            else:
                adjoints[a] += upstream * b._data
                adjoints[b] += upstream * a._data
        elif primitive is add:
            a, b = operands
            if a.__class__ is not float:
                adjoints[a] += upstream
            if b.__class__ is not float:
                adjoints[b] += upstream
        else:
            for operand, term in contributions(node, upstream):
                adjoints[operand] += term
    return adjoints


def graph_sweep(root: Node, seed: Any) -> dict[Any, Any]:
    """Return what `sweep` returns, as graphs: gradients that can be differentiated again.

    Only what is zero by structure is left out. A factor that happens to be zero now has
    derivatives of its own, and a replay may move it.
    """
    adjoints = {root: seed}
    for node in reversed(zeros_below(root, refuse_stale=True)):
        primitive = node._primitive
        if primitive is None or node not in adjoints:
            continue
        upstream = adjoints[node]
        product = gate if primitive.selection else chain
        for operand, local in zip(node._operands, _graph_local_gradients(node), strict=True):
            if operand.__class__ is float:
                continue
            if local is None:
                local_as_float(primitive, None)  # raises where a gradient was declared
                continue
            term = upstream if local.__class__ is float and local == 1.0 else product(upstream, local)
            adjoints[operand] = adjoints[operand] + term if operand in adjoints else term
    return adjoints


def _graph_local_gradients(node: Any) -> Any:
    primitive, operands = node._primitive, node._operands
    try:
        return _gradients_of_nodes(primitive, node, operands, operands)
    except FAILURES:  # plain arithmetic on constants raised; as leaves they follow quiet rows
        leaves = [
            type(node)(operand, None, "constant") if operand.__class__ is float else operand for operand in operands
        ]
        return _gradients_of_nodes(primitive, node, operands, leaves)


def _gradients_of_nodes(primitive: Primitive, y: Any, operands: Any, numbers: Any) -> Any:
    if primitive.variadic:
        return primitive.local_gradients(y, numbers)
    return [
        None if operand.__class__ is float or gradient is None else gradient(y, *numbers)
        for operand, gradient in zip(operands, primitive.gradients, strict=True)
    ]
