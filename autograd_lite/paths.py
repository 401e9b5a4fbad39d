"""The paths of the chain rule, from labelled value to labelled value, the largest first.

Every path is worth the product of its factors, and a gradient is the sum over all of them.
Their number doubles with every layer, so they are never listed: the best one is found by
dynamic programming, and each further one by its cheapest departure from the best.
"""

from __future__ import annotations

from math import frexp, isfinite

from autograd_lite.derivation import edges
from autograd_lite.graph import zeros_below

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeAlias

    Factor: TypeAlias = tuple[Any, Any, float]  # user, operand, duser/doperand
    Size: TypeAlias = tuple[int, float]  # exponent, mantissa: no product of factors is too large or too small

COUNTED = 10**15  # more paths than this are just many
ONE: Size = (1, 0.5)
WITHOUT_SIZE: Size = (1 << 20, 0.5)  # inf and nan, larger than every number


class PathGraph:
    """The graph between root and leaf, with a factor from labelled value to labelled value.

    What lies between two of them without a label is multiplied and summed out.

    Attributes:
        stations: the labelled values on the way, with leaf and root, operands before users.
        factors: for each of them, its factors that are not 0.
        count: how many paths there are, at most COUNTED.
    """

    def __init__(self, root: Any, leaf: Any) -> None:
        order = list(zeros_below(root))
        position = {node: k for k, node in enumerate(order)}
        leading = {leaf} if leaf in position else set()
        for node in order:
            if any(operand.__class__ is not float and operand in leading for operand in node.operands):
                leading.add(node)
        self.root, self.leaf = root, leaf
        self.is_connected = root in leading
        self.stations = [n for n in order if n in leading and (n.label or n is root or n is leaf)]
        slopes = {node: _slopes(node, leading) if node is not leaf else [] for node in order if node in leading}
        is_station = set(self.stations)
        self.factors: dict[Any, list[Factor]] = {
            node: _factors(node, slopes, is_station, position) for node in self.stations
        }
        self.best: dict[Any, Size] = {}
        counts: dict[Any, int] = {}
        for node in self.stations:
            below = [factor for factor in self.factors[node] if factor[1] in self.best]
            self.factors[node] = sorted(below, key=self._size, reverse=True)
            if node is leaf:
                self.best[node], counts[node] = ONE, 1
            elif below:
                self.best[node] = self._size(self.factors[node][0])
                counts[node] = min(COUNTED, sum([counts[operand] for _, operand, _ in below]))
        self.count = counts.get(root, 0)

    def _size(self, factor: Factor) -> Size:
        """Return how large the best path through this factor is."""
        _, operand, number = factor
        return _times(_size_of(number), self.best[operand])

    def largest(self) -> Iterator[list[Factor]]:
        """Yield every path from root to leaf, the one with the largest product first."""
        from heapq import heappop, heappush

        if self.root not in self.best:
            return
        # An entry is a path: how it departs from best ones, the last departure first, and the
        # size of all of it. Following the best factors costs nothing, so sizes only shrink.
        exponent, mantissa = self.best[self.root]
        heap: list[tuple[int, float, int, Any, Any]] = [(-exponent, -mantissa, 0, self.root, None)]
        serial = 0
        while heap:
            exponent, mantissa, _, node, link = heappop(heap)
            while node is not self.leaf:
                taken, *others = self.factors[node]
                for other in others:
                    less, small = _times((-exponent, -mantissa), _over(self._size(other), self.best[node]))
                    serial += 1
                    heappush(heap, (-less, -small, serial, other[1], (link, other)))
                link = (link, taken)
                node = taken[1]
            path = []
            while link is not None:
                link, factor = link
                path.append(factor)
            yield path[::-1]


def _slopes(node: Any, leading: set[Any]) -> list[tuple[Any, float]]:
    """Return (operand, local gradient) for each operand on the way through which anything flows."""
    return [(x, local) for x, local, flows in edges(node, 1.0) if flows and local is not None and x in leading]


def _factors(
    station: Any, slopes: dict[Any, list[tuple[Any, float]]], is_station: set[Any], position: dict[Any, int]
) -> list[Factor]:
    """Return the factors from one labelled value down to the next ones: a sweep of what is between."""
    between = {station}
    stack = [station]
    while stack:
        for operand, _ in slopes[stack.pop()]:
            if operand not in is_station and operand not in between:
                between.add(operand)
                stack.append(operand)
    adjoints: dict[Any, float] = {station: 1.0}
    for node in sorted(between, key=position.__getitem__, reverse=True):
        upstream = adjoints[node]
        for operand, local in slopes[node]:  # zero upstream stays zero, even times inf
            adjoints[operand] = adjoints.get(operand, 0.0) + (upstream * local if upstream else 0.0)
    return [(station, node, number) for node, number in adjoints.items() if node not in between and number]


def _size_of(number: float) -> Size:
    if not isfinite(number):
        return WITHOUT_SIZE
    mantissa, exponent = frexp(abs(number))
    return exponent, mantissa


def _times(a: Size, b: Size) -> Size:
    mantissa, exponent = frexp(a[1] * b[1])
    return a[0] + b[0] + exponent, mantissa


def _over(a: Size, b: Size) -> Size:
    mantissa, exponent = frexp(a[1] / b[1])
    return a[0] - b[0] + exponent, mantissa
