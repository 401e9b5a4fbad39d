"""Gradients against finite differences, and a sweep written on public names alone.

Richardson extrapolation of central differences at two steps: the h**2 term is gone, what
remains is h**4 and rounding, near 1e-11 for functions of size 1. So the tolerance is 1e-8,
and a derivative that is wrong by one part in a million is rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autograd_lite import Value, gradients, topological_order

TOLERANCE = 1e-8


def nudged(f: Callable[..., Any], point: Sequence[float], i: int, h: float = 1e-3) -> float:
    """df/dx_i by finite differences on plain floats."""

    def difference(h: float) -> float:
        ahead, behind = list(point), list(point)
        ahead[i] += h
        behind[i] -= h
        return (f(*ahead) - f(*behind)) / (ahead[i] - behind[i])

    coarse, fine = difference(h), difference(h / 2)
    return fine + (fine - coarse) / 3


def check(f: Callable[..., Any], point: Sequence[float], differentiate: Callable[..., list[float]] = gradients) -> None:
    """Raise AssertionError unless reverse mode and the nudge agree in every operand."""
    leaves = [Value(x) for x in point]
    root = f(*leaves)
    for i, ours in enumerate(differentiate(root, leaves)):
        theirs = nudged(f, point, i)
        assert abs(ours - theirs) <= TOLERANCE * max(abs(ours), abs(theirs), 1e-3), (f, point, i, ours, theirs)


def sweep(
    root: Any,
    leaves: Sequence[Any],
    *,
    order: Callable[[Any], list[Any]] = topological_order,
    term: Callable[[float, float], float] = lambda upstream, local: upstream * local,
    accumulate: Callable[[float, float], float] = lambda old, new: old + new,
    pairs: Callable[[list[Any]], list[Any]] = list,
) -> list[float]:
    """The chain rule as a learner would write it on `operands` and `local_gradients`; each part can be broken."""
    adjoints = dict.fromkeys(topological_order(root), 0.0)
    adjoints[root] = 1.0
    for node in reversed(order(root)):
        for operand, local in pairs(list(zip(node.operands, node.local_gradients, strict=True))):
            if operand.__class__ is not float:
                adjoints[operand] = accumulate(adjoints[operand], term(adjoints[node], local))
    return [adjoints.get(leaf, 0.0) for leaf in leaves]


def breadth_first(root: Any) -> list[Any]:
    """The wrong order: by distance from the root, so a node may pass on what it has not yet gathered."""
    order, frontier = [root], [root]
    while frontier:
        frontier = [o for node in frontier for o in node.operands if o.__class__ is not float and o not in order]
        order += dict.fromkeys(frontier)
    return order[::-1]


def each_operand_once(pairs: list[Any]) -> list[Any]:
    """The wrong multiset: a repeated operand is met once, as if operands were a set."""
    return list({id(operand): (operand, local) for operand, local in pairs}.values())
