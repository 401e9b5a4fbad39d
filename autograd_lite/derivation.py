"""The chain rule in words and numbers: `steps`, forward and backward, one at a time."""

from __future__ import annotations

from autograd_lite.formulas import Names, check_root
from autograd_lite.graph import check_fresh, local_as_float, numbers_of, zeros_below
from autograd_lite.notation import DIGITS, arithmetic, numeral, on_stdout, printable, second

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeAlias, TypeVar

    from autograd_lite.value import Value

    T = TypeVar("T")
    Edge: TypeAlias = tuple[T, float | None, bool]
    Made: TypeAlias = Callable[[T], tuple[str, str, str] | None]
    Edges: TypeAlias = Callable[[T, float], list[Edge[T]]]
    Outside: TypeAlias = Callable[[T], float | None]


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
        question: the sentence with ? for what the step finds out, to be predicted.
    """

    __slots__ = (
        "after", "before", "contribution", "local", "node", "operand", "phase", "question", "sentence", "upstream",
    )  # fmt: skip

    def __init__(self, phase: str, node: Any, sentence: str, question: str, operand: Any = None) -> None:
        self.phase = phase
        self.node = node
        self.operand = operand
        self.sentence = sentence
        self.question = question
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
    return walk(zeros_below(root), _made, _fresh_edges, DIGITS)


class Total(float):
    """What flows along an edge in all, where it is no product of one local gradient and one upstream gradient.

    Attributes:
        count: of how many values the operand consists; of more than one there is no single gradient.
    """

    count: int

    def __new__(cls, number: float, count: int) -> Total:
        total = super().__new__(cls, number)
        total.count = count
        return total


def walk(
    gathered: dict[T, float], made: Made[T], edges_of: Edges[T], digits: int, outside: Outside[T] = lambda part: None
) -> Iterator[Step]:
    """Yield the steps of both passes over anything that has operands; `steps` walks nodes, a page its picture.

    Args:
        gathered: 0.0 for each part, operands first, the root last; the walk gathers gradients in it.
        made: how a part was made: its symbol, its arithmetic and its value; None for a leaf.
        edges_of: what `edges` returns, given a part and its upstream gradient.
        digits: how many significant digits the sentences have.
        outside: the whole gradient of a part that has users outside of what is walked; None where it has none.
    """
    names = Names(gathered, printable, " #", ())
    symbols: dict[T, str] = {}
    for part in gathered:
        if told := made(part):
            symbols[part], arithmetic_, value = told
            through = f"Forward through {told[0]}: {arithmetic_}"
            yield Step("forward", part, *[f"{through} = {x}, which is {names[part]}." for x in (value, "?")])
    root = next(reversed(gathered))
    name = names[root]
    seed = Step("seed", root, f"Seed: ∂{name}/∂{name} = 1.", f"Seed: ∂{name}/∂{name} = ?.")
    seed.upstream, seed.before, seed.after, gathered[root] = 1.0, 0.0, 1.0, 1.0
    yield seed
    for part in reversed(gathered):
        if (whole := outside(part)) is not None:
            yield _outside(part, names[part], gathered[part], whole, digits)
            gathered[part] = whole
        if part not in symbols:
            continue
        upstream = gathered[part]
        for operand, local, flows in edges_of(part, upstream):
            before = gathered[operand]
            term = _term(local, upstream) if flows and local is not None else 0.0
            after = gathered[operand] = before + term if flows else before
            forms = _forms(symbols[part], names[operand], local, upstream, before, flows, digits)
            step = Step("backward", part, *forms, operand)
            step.local, step.upstream, step.contribution = local, upstream, term
            step.before, step.after = before, after
            yield step


def _made(node: Any) -> tuple[str, str, str] | None:
    row = node.primitive
    if row is None:
        return None
    check_fresh(node)
    return row.symbol, arithmetic(row, [numeral(x, DIGITS) for x in numbers_of(node)]), numeral(node.data, DIGITS)


def _fresh_edges(node: Any, upstream: float) -> list[Edge[Any]]:
    check_fresh(node)
    return edges(node, upstream)


def edges(node: Any, upstream: float) -> list[Edge[Any]]:
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


def _outside(part: Any, name: str, before: float, whole: float, digits: int) -> Step:
    forms = [
        f"Paths outside of the picture add {second(term)} to the gradient of {name}: {numeral(before, digits)} + "
        f"{second(term)} = {after}."
        for term, after in ((numeral(whole - before, digits), numeral(whole, digits)), ("?", "?"))
    ]
    step = Step("outside", part, forms[0], forms[1], part)
    step.before, step.contribution, step.after = before, whole - before, whole
    return step


def _term(local: float, upstream: float) -> float:
    return float(local) if isinstance(local, Total) else upstream * local


def _forms(
    symbol: str, name: str, local: float | None, upstream: float, before: float, flows: bool, digits: int
) -> tuple[str, str]:
    """Return a step backward as a sentence, and as a question."""
    through = f"Backward through {symbol}:"
    if local is None or not flows:
        if local is None:
            said = f"no gradient flows to {name}."
        elif not upstream and not isinstance(local, Total):
            said = f"the upstream gradient is 0, so nothing is added to the gradient of {name}."
        else:
            said = f"{name} was not used, so nothing is added to its gradient."
        return f"{through} {said}", f"{through} what is added to the gradient of {name}?"
    if isinstance(local, Total) and local.count > 1:
        said = f"{through} gradients flow to the {local.count} values of {name}."
        return said, said
    added = _term(local, upstream)
    term, after = numeral(added, digits), numeral(before + added, digits)
    factors = f"local gradient {numeral(local, digits)} × upstream gradient {numeral(upstream, digits)} = "
    if isinstance(local, Total):
        factors = ""
    forms = [f"{through} {factors}{x}, added to the gradient of {name}" for x in (term, "?")]
    if not before:
        return f"{forms[0]}.", f"{forms[1]}."
    gathered = numeral(before, digits)
    return f"{forms[0]}: {gathered} + {second(term)} = {after}.", f"{forms[1]}: {gathered} + ? = ?."
