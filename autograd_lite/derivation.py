"""The chain rule in words and numbers: `steps`, forward and backward, one at a time."""

from __future__ import annotations

from autograd_lite.formulas import Names, check_root
from autograd_lite.graph import check_fresh, local_as_float, numbers_of, zeros_below
from autograd_lite.notation import arithmetic, numeral, on_stdout, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from autograd_lite.value import Value

DIGITS = 4  # four let the printed products be checked by hand


class Step:
    """One step of the forward or the backward pass; print it to read its sentence.

    Attributes:
        phase: "forward" (one step per operation), "seed" (the root's own gradient), or
            "backward" (one step per edge).
        node: the value whose operation is passed through.
        operand: backward, the operand that gets a contribution; else None.
        local: dnode/doperand; None where no gradient ever flows, and outside of backward.
        upstream: droot/dnode, all of it; None in the forward pass.
        contribution: what is added to the gradient of the operand; 0 where nothing is.
        before, after: the gradient of the operand before and after it was added (in the
            seed step, that of the root); None in the forward pass.
        sentence: the step in words, with its numbers.
    """

    __slots__ = ("after", "before", "contribution", "local", "node", "operand", "phase", "sentence", "upstream")

    def __init__(self, phase: str, node: Value, sentence: str, operand: Value | None = None) -> None:
        self.phase = phase
        self.node = node
        self.operand = operand
        self.sentence = sentence
        self.local: float | None = None
        self.upstream: float | None = None
        self.contribution: float | None = None
        self.before: float | None = None
        self.after: float | None = None

    def __str__(self) -> str:
        return on_stdout(self.sentence)

    def __repr__(self) -> str:
        return on_stdout(f"<step {self.phase}: {self.sentence}>")


def steps(root: Value) -> Iterator[Step]:
    """Return an iterator over the forward and the backward pass; no `.grad` is touched.

    Forward, one step per operation; then the seed droot/droot = 1; then one step per edge:
    local gradient x upstream gradient, added to what the operand has gathered so far. Nodes
    without a label are called v1, v2, ...

    Raises:
        StaleGraphError: a leaf was set after root was computed; call root.forward().

    >>> from autograd_lite import leaves, steps
    >>> w, x = leaves(w=2.0, x=-1.0)
    >>> f = (w * x + x).named("f")
    >>> for s in steps(f): print(s)
    Forward through ×: 2 × (−1) = −2, which is v1.
    Forward through +: −2 + (−1) = −3, which is f.
    Seed: ∂f/∂f = 1.
    Backward through +: local gradient 1 × upstream gradient 1 = 1, added to the gradient of v1.
    Backward through +: local gradient 1 × upstream gradient 1 = 1, added to the gradient of x.
    Backward through ×: local gradient −1 × upstream gradient 1 = −1, added to the gradient of w.
    Backward through ×: local gradient 2 × upstream gradient 1 = 2, added to the gradient of x: 1 + 2 = 3.
    """
    check_root(root, "steps")
    return _steps(root, zeros_below(root, refuse_stale=True))


def _steps(root: Any, adjoints: dict[Any, float]) -> Iterator[Step]:
    names = Names(adjoints, printable, " #", ())
    for node in adjoints:
        if node.primitive is not None:
            check_fresh(node)
            made = arithmetic(node.primitive, [_number(x) for x in numbers_of(node)])
            said = f"Forward through {node.primitive.symbol}: {made} = {_number(node.data)}, which is {names[node]}."
            yield Step("forward", node, said)
    seed = Step("seed", root, f"Seed: ∂{names[root]}/∂{names[root]} = 1.")
    seed.upstream, seed.before, seed.after, adjoints[root] = 1.0, 0.0, 1.0, 1.0
    yield seed
    for node in reversed(adjoints):
        check_fresh(node)
        upstream = adjoints[node]
        for operand, local, flows in edges(node, upstream):
            before = adjoints[operand]
            term = upstream * local if flows and local is not None else 0.0
            after = adjoints[operand] = before + term if flows else before
            said = _sentence(node.primitive.symbol, names[operand], local, upstream, flows, before, after)
            step = Step("backward", node, said, operand)
            step.local, step.upstream, step.contribution = local, upstream, term
            step.before, step.after = before, after
            yield step


def edges(node: Any, upstream: float) -> list[tuple[Any, float | None, bool]]:
    """Return (operand, local gradient, whether anything flows) for each operand that is no constant.

    The sweep's own rule: nothing flows from a zero upstream gradient, nor to an operand that
    a selection did not use.
    """
    primitive = node.primitive
    if primitive is None:
        return []
    partials = primitive.partials(node.data, numbers_of(node))
    found = []
    for operand, partial in zip(node.operands, partials, strict=True):
        if operand.__class__ is not float:
            local = partial if partial.__class__ is float else local_as_float(primitive, partial)
            flows = upstream != 0.0 and local is not None and (local != 0.0 or not primitive.selection)
            found.append((operand, local, flows))
    return found


def _sentence(
    symbol: str, name: str, local: float | None, upstream: float, flows: bool, before: float, after: float
) -> str:
    through = f"Backward through {symbol}:"
    if local is None:
        return f"{through} no gradient flows to {name}."
    if not upstream:
        return f"{through} the upstream gradient is 0, so nothing is added to the gradient of {name}."
    if not flows:
        return f"{through} {name} was not used, so nothing is added to its gradient."
    term = _number(upstream * local)
    said = (
        f"{through} local gradient {_number(local)} × upstream gradient {_number(upstream)} = {term}, "
        f"added to the gradient of {name}"
    )
    if not before:
        return f"{said}."
    shown = f"({term})" if term.startswith("−") else term
    return f"{said}: {_number(before)} + {shown} = {_number(after)}."


def _number(x: float) -> str:
    return numeral(x, DIGITS)
