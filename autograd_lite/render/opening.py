"""What is inside of an operation: sigmoid as ×−1, exp, +1, 1/x, for pictures that show it."""

from __future__ import annotations

from autograd_lite import table
from autograd_lite.errors import AutogradError
from autograd_lite.graph import topological_order
from autograd_lite.modes import Mode, Scope, checking, recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any

DEFINITIONS: dict[str, Callable[..., Any]] = {
    "sigmoid": lambda x: 1.0 / (table.exp(x * -1.0) + 1.0),
    "silu": lambda x: x / (table.exp(x * -1.0) + 1.0),
    "tanh": lambda x: (table.exp(x * 2.0) - 1.0) / (table.exp(x * 2.0) + 1.0),
    "softplus": lambda x: table.log(table.exp(x) + 1.0),
    "logsumexp": lambda *xs: table.log(table.sum([table.exp(x) for x in xs])),
}
"""Operations as the textbooks define them. The rows of the table compute them more exactly."""


def spelled_out(root: Any, names: Collection[str]) -> Any:
    """Return root on a graph in which the operations of these names are spelled out, each in a scope.

    Where a definition overflows, as exp does in sigmoid(−1000), the operation stays as it is.

    >>> from autograd_lite import Value, sigmoid, topological_order
    >>> y = spelled_out(sigmoid(Value(0.5)), ["sigmoid"])
    >>> [node.primitive.name for node in topological_order(y)[1:]]
    ['mul', 'exp', 'add', 'div']
    """
    copies: dict[Any, Any] = {}
    with Mode(recording, True), Mode(checking, False):
        for node in topological_order(root):
            operands = tuple(x if x.__class__ is float else copies[x] for x in node.operands)
            if node.is_leaf or (node.primitive.name not in names and operands == node.operands):
                copies[node] = node
                continue
            copies[node] = _copy(node, operands, names)
            if node.label:
                copies[node].label = node.label
    return copies[root]


def _copy(node: Any, operands: tuple[Any, ...], names: Collection[str]) -> Any:
    row = node.primitive
    if row.name in names:
        inside = Scope(f"{row.name} {row.symbol}" if row.symbol != row.name else row.name)
        try:
            with inside:
                made = DEFINITIONS[row.name](*operands)
        except AutogradError:
            pass
        else:
            inside.parent = node.scope
            return made
    made = node.apply(row, operands)
    if node.scope is not None:
        made._notes = node.scope
    return made
