"""Series: a number and all its derivatives up to the n-th, in time that grows as a power of n.

Where y = f(x) and x moves, y' = f'(x) x': a product, whose derivatives Leibniz knows:

    y(k) = sum over j < k of C(k - 1, j) g(j) x(k - j)        with g = f'(x), one term per operand

So the k-th derivative of y needs g up to the (k - 1)-st, and g is the row's own local gradient,
evaluated on Series: no function is described a second time. A node of a local gradient that stands
there already is taken (the g of exp(x) is y itself). All n orders then cost n**2 products a node, or
n**3 where each order brings a node of its own (sqrt, tanh); derivatives of derivatives cost 2**n and
more. Griewank & Walther, Evaluating Derivatives (2008), chapter 13, is the standard account.

Terms are computed when they are asked for, with a stack of what they need: nothing recurses.
"""

from __future__ import annotations

from math import comb

from autograd_lite.dual import Moving, carried, check_finite, local_gradients, new_level, plus
from autograd_lite.errors import NumberOverflowError
from autograd_lite.modes import active

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from autograd_lite.primitives import Primitive


class Expansion:
    """One evaluation of a function along x + t: the nodes it made, and how far they may be expanded.

    Args:
        order: how many derivatives are wanted.
        scaled: keep Taylor coefficients, derivatives over k!, which stay in the floats for longer.
    """

    def __init__(self, order: int, scaled: bool = False) -> None:
        self.level, self.order, self.scaled = new_level(), order, scaled
        self.known: dict[Any, Series] = {}
        self.factors: dict[Series, list[tuple[Series, Any]]] = {}
        self.depth = 0
        """0 in the function itself, 1 in the local gradients of its nodes, 2 in theirs, and so on."""

    def number(self, *terms: Any) -> Series:
        """Return a number whose terms are known, 0 where they are left out: (x, 1.0) is the one that moves."""
        primal, *rest = [*terms, *[0.0] * self.order][: self.order + 1]
        return Series(self, None, (), [primal, *[None if x.__class__ is float and not x else x for x in rest]])

    def node(self, primitive: Primitive, operands: tuple[Any, ...]) -> Series:
        """Return `primitive` at operands, inside local gradients the node that is there already."""
        key = primitive, *[x.hex() if x.__class__ is float else id(x) for x in operands]
        found = self.known.get(key) if self.depth else None  # in the function itself a row may want to be asked twice
        if found is None or found.depth > self.depth:
            y = primitive(*[self.primal_of(x) for x in operands])
            if active.count and not self.depth:
                check_finite(primitive, y, operands)
            found = Series(self, primitive, operands, [y])
            self.known[key] = found
        return found

    def is_moving(self, number: Any) -> bool:
        return number.__class__ is Series and number.expansion is self

    def primal_of(self, number: Any) -> Any:
        return number.primal if self.is_moving(number) else number

    def terms_of(self, number: Any) -> list[Any]:
        """Return all terms of what the function returned."""
        return list(number.parts) if self.is_moving(number) else [number, *[0.0] * self.order]

    def close(self) -> None:
        """Forget the nodes, which refer to this and to each other: nothing waits for the cyclic collector."""
        self.known, self.factors = {}, {}

    def expand(self, node: Series, order: int) -> None:
        """Compute the terms of a node up to an order, and before them what they need."""
        needed = [(node, order)]
        while needed:
            node, k = needed[-1]
            have = len(node.terms)
            if have > k:
                needed.pop()
            elif have < k:
                needed.append((node, k - 1))
            else:
                factors = self._factors_of(node)
                missing = [(x, k) for x, _ in factors if len(x.terms) <= k]
                missing += [(slope, k - 1) for _, slope in factors if self.is_moving(slope) and len(slope.terms) < k]
                needed += missing
                if not missing:
                    node.terms.append(self._term(node, factors, k))

    def _term(self, node: Series, factors: list[tuple[Series, Any]], k: int) -> Any:
        """Return the k-th term, None where nothing adds to it: as of a number that does not move (see `dual.py`)."""
        primitive = node.primitive
        assert primitive is not None
        y: Any = None
        for x, slope in factors:
            node.gated = node.gated or x.gated
            for j, g in enumerate(slope.terms[:k] if self.is_moving(slope) else [slope]):
                term = carried(primitive, x.terms[k - j], g, node.gated)
                if term is not None:
                    weight = _as_float(k - j if self.scaled else comb(k - 1, j), k)
                    y = plus(y, term if weight == 1.0 else term * weight)
                    node.gated = node.gated or (primitive.selection and term.__class__ is not float)
        return y / float(k) if self.scaled and k > 1 and y is not None else y

    def _factors_of(self, node: Series) -> list[tuple[Series, Any]]:
        """Return (operand, local gradient) for each operand that counts: the latter a Series if it moves."""
        found = self.factors.get(node)
        if found is None:
            assert node.primitive is not None
            chosen = node.primitive.selection  # what it did not choose adds nothing
            moves = [1.0 if self.is_moving(x) else None for x in node.operands]
            y: Any = node
            xs: Any = node.operands
            if node.depth + 1 == self.order:  # their plain numbers are all that will be asked for
                y, xs = node.primal, [self.primal_of(x) for x in xs]
            before, self.depth = self.depth, node.depth + 1
            try:
                slopes = local_gradients(node.primitive, y, xs, moves)
            finally:
                self.depth = before
            found = self.factors[node] = [
                (x, slope)
                for x, slope in zip(node.operands, slopes, strict=True)
                if self.is_moving(x) and slope is not None and (slope.__class__ is not float or slope or not chosen)
            ]
        return found


def _as_float(weight: int, k: int) -> float:
    try:
        return float(weight)
    except OverflowError:
        raise NumberOverflowError(
            f"derivative: binomial coefficients must fit in a float (at most 1.8e308), got order {k}. "
            f"Use taylor, whose coefficients need none."
        ) from None


class Series(Moving):
    """A number and its derivatives along the argument of one `Expansion`."""

    __slots__ = ("depth", "expansion", "gated", "level", "operands", "primal", "primitive", "terms")

    def __init__(self, expansion: Expansion, primitive: Primitive | None, operands: Any, terms: list[Any]) -> None:
        self.expansion, self.primitive, self.operands, self.terms = expansion, primitive, operands, terms
        self.level, self.depth, self.primal = expansion.level, expansion.depth, terms[0]
        self.gated = False

    @property
    def parts(self) -> tuple[Any, ...]:
        self.expansion.expand(self, self.expansion.order - self.depth)
        return tuple([0.0 if term is None else term for term in self.terms])

    def like(self, *parts: Any) -> Series:
        return self.expansion.number(*parts)

    def apply(self, primitive: Primitive, operands: tuple[Any, ...]) -> Series:
        return self.expansion.node(primitive, operands)

    def place(self) -> str:
        return "a series"

    def __repr__(self) -> str:
        return f"Series({', '.join(map(repr, self.terms))})"
