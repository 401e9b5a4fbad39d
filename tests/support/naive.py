"""The chain rule as it stands in the books: a sum over paths of products of local gradients.

Exponentially slow, and with nothing in common with the engine: no topological order, no
accumulation in nodes, and local gradients from the mpmath oracle unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support import oracle
from support.oracle import mp


def true_locals(node: Any) -> list[Any]:
    """The local gradients of a node at its operands' floats, from the oracle."""
    numbers = [operand if operand.__class__ is float else operand.data for operand in node.operands]
    try:
        return oracle.partials(node.primitive.name, numbers)
    except ZeroDivisionError:  # hypot at the origin: the convention is 0
        return [mp.zero] * len(numbers)


def our_locals(node: Any) -> list[Any]:
    """The local gradients of a node as its row gives them, for rows the oracle does not know."""
    numbers = [operand if operand.__class__ is float else operand.data for operand in node.operands]
    locals_ = node.primitive.partials(node.data, numbers)
    return [mp.mpf(local or 0.0) for local in locals_]


def largest_term(node: Any, k: int) -> Any:
    """The largest of the terms that a local gradient is the difference of, 0 where it is no difference."""
    if node.primitive.name not in oracle.TERMS:
        return mp.zero
    return oracle.largest_term(node.primitive.name, k, [operand.data for operand in node.operands])


def path_count(root: Any) -> int:
    """How many paths lead from root to a leaf."""
    counts: dict[Any, int] = {}
    stack = [root]
    while stack:
        node = stack[-1]
        below = [operand for operand in node.operands if operand.__class__ is not float]
        missing = [operand for operand in below if operand not in counts]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        counts[node] = sum(counts[operand] for operand in below) or 1
    return counts[root]


def path_gradients(
    root: Any, seed: Any = 1, locals_of: Callable[[Any], list[Any]] = true_locals
) -> dict[Any, tuple[Any, Any]]:
    """For each node below root: (the sum over paths, the sum of their sizes: the scale of rounding).

    A local gradient near a root of its own, as that of gelu at -0.75, counts as large as its terms.
    """
    sums: dict[Any, tuple[Any, Any]] = {}
    stack = [(root, mp.mpf(seed), abs(mp.mpf(seed)))]
    while stack:
        node, product, size = stack.pop()
        total, sizes = sums.get(node, (mp.zero, mp.zero))
        sums[node] = total + product, sizes + size
        if node.primitive is None or not product:
            continue
        for k, (operand, local) in enumerate(zip(node.operands, locals_of(node), strict=True)):
            if operand.__class__ is not float and local:
                term = largest_term(node, k)
                stack.append((operand, product * local, size * max(abs(local), term)))
    return sums
