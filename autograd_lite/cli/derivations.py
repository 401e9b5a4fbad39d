"""`explain` at a shell: the chain rule of a formula, written out with its numbers."""

from __future__ import annotations

from autograd_lite import Value, explain, topological_order
from autograd_lite.cli.console import say
from autograd_lite.cli.expressions import Expression, assignments
from autograd_lite.errors import ArgumentError
from autograd_lite.formulas import Names, formulas
from autograd_lite.notation import DIGITS, numeral

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def explain_expression(text: str, numbers: Sequence[str], wrt: Sequence[str] | None) -> int:
    """Print a formula operation by operation, then its derivative by each of `wrt` (None: every variable)."""
    expression = Expression(text)
    leaves = {name: Value(number, label=name) for name, number in assignments(numbers, expression.variables).items()}
    for name in wrt or ():
        if name not in leaves:
            raise ArgumentError(
                f"explain: --wrt takes a variable of the formula, got {name!a:.40}. There are: {', '.join(leaves)}."
            )
    root = expression(leaves)
    if not isinstance(root, Value):
        raise ArgumentError(f"expression: at least one name is needed, got {text!a:.60}. Write x*x x=2.")
    order = topological_order(root)
    names = Names(order, str, "_", ())
    for node in order:  # every operation is a station of the chain rule
        if not node.is_leaf:
            node.label = "f" if node is root and "f" not in leaves else names[node]
    for node, name, formula in formulas(order, Names(order, str, "_", ())):
        value = numeral(node.data, DIGITS).replace("−", "-")
        say(f"{name} = {value}" if node.is_leaf else f"{name} = {formula} = {value}")
    for name in wrt or leaves:
        say()
        say(str(explain(root, leaves[name], digits=DIGITS)))
    return 0
