"""`first_nonfinite`: where nan or inf came from, forward or backward, in words and numbers."""

from __future__ import annotations

from math import isfinite, isinf

from autograd_lite.derivation import edges
from autograd_lite.errors import NumberOverflowError, OperationError
from autograd_lite.formulas import ATOM, Names, check_root, constant, formula
from autograd_lite.graph import numbers_of, sweep, topological_order, used_by
from autograd_lite.notation import DIGITS, INFIX, arithmetic, numeral, on_stdout, printable
from autograd_lite.primitives import ROWS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from autograd_lite.value import Value

WIDEST, LARGEST = 72, 12  # of the expression that is written out: characters, operations
SHOWN = 6  # so many operands are written, the largest where there are more


class NonFinite:
    """The first nan or inf of a graph; print it to read where it came from.

    Attributes:
        phase: "forward" or "backward".
        node: the Value whose operation gave it; a leaf where it was given nan or inf.
        operand: backward, the operand whose gradient it is; else None.
        value: the nan or inf.
        numbers: the operands of the operation, as floats.
        local, upstream: backward, the two factors; else None.
        before: backward, the gradient of the operand before the product was added; else None.
        expression: what the node is computed from, down to labelled values.
        sentence: all of it in words.
    """

    def __init__(self, node: Any, value: float) -> None:
        self.phase, self.node, self.value = "forward", node, value
        self.numbers: tuple[float, ...] = tuple(numbers_of(node))
        self.operand: Value | None = None
        self.local: float | None = None
        self.upstream: float | None = None
        self.before: float | None = None
        self.expression, self.sentence = "", ""

    def __str__(self) -> str:
        return on_stdout(self.sentence)

    __repr__ = __str__


def first_nonfinite(root: Value) -> NonFinite | None:
    """Return what first gave nan or inf, in the forward or else in the backward pass; None if all is finite.

    Forward in topological order, operands before users; backward in the order of the sweep,
    which starts from 1. A branch that `where` or `relu` did not take does not count, and no
    `.grad` is touched.

    Raises:
        StaleGraphError: the forward pass is finite, and a leaf was set after it; call root.forward().

    >>> from autograd_lite import Value, first_nonfinite, sqrt
    >>> x = Value(1e200, label="x")
    >>> print(first_nonfinite((x * x).named("square") - 1.0))
    In the forward pass × is the first to give inf: 1e200 × 1e200 = inf at node 'square'. \
It is square = x * x, where x = 1e200. Larger numbers than 1.8e308 are inf.
    >>> x = Value(0.0, label="x")
    >>> found = first_nonfinite(sqrt(x))
    >>> found.phase, found.local, found.upstream
    ('backward', inf, 1.0)
    """
    check_root(root, "first_nonfinite")
    broken = [node for node in topological_order(root) if not isfinite(node.data)]
    if broken:
        used = used_by(root)
        for node in broken:
            if node in used:
                return _forward(node)
    adjoints = sweep(root, 1.0)
    if all(map(isfinite, adjoints.values())):
        return None
    return _backward(root, list(adjoints))


def _forward(node: Any) -> NonFinite:
    found = NonFinite(node, node.data)
    value = _number(node.data)
    if node.is_leaf:
        found.expression = printable(node.label or "a leaf")
        found.sentence = f"{value} is there from the start: {node.place()} was set to it, no operation gave it."
        return found
    made = f"{arithmetic(node.primitive, [_number(x) for x in found.numbers])} = {value}"
    found.expression, said = _written(node)
    found.sentence = (
        f"In the forward pass {_operation(node)} is the first to give {value}: {made}{_where(node)}. {said}"
    )
    found.sentence += _why(found)
    return found


def _why(found: NonFinite) -> str:
    """Say why finite operands gave nan or inf."""
    odd = [x for x in found.numbers if not isfinite(x)]
    if odd:
        return f"{_number(odd[0])} is one of its operands."
    row = found.node.primitive
    try:
        ROWS.get(row.name, row).evaluate(found.numbers)  # the row itself: inside of a loss it may run quiet
    except NumberOverflowError:
        pass
    except OperationError:
        return f"{row.name} has no finite value there."
    return "Larger numbers than 1.8e308 are inf." if isinf(found.value) else f"{row.name} has no value there."


def _backward(root: Any, order: list[Any]) -> NonFinite | None:
    """Return the first edge after which a gradient is nan or inf; `order` is that of the nodes below root."""
    adjoints = dict.fromkeys(order, 0.0)
    adjoints[root] = 1.0
    for node in reversed(order):
        upstream = adjoints[node]
        for operand, local, flows in edges(node, upstream):
            if not flows or local is None:
                continue
            before = adjoints[operand]
            after = adjoints[operand] = before + upstream * local
            if not isfinite(after):
                found = NonFinite(node, after)
                found.phase, found.operand = "backward", operand
                found.local, found.upstream, found.before = local, upstream, before
                found.expression, said = _written(node)
                found.sentence = _backward_sentence(found, said)
                return found
    return None


def _backward_sentence(found: NonFinite, said: str) -> str:
    local, upstream, before = found.local, found.upstream, found.before
    assert found.operand is not None
    assert local is not None
    assert upstream is not None
    assert before is not None
    term = upstream * local
    product = f"local gradient {_number(local)} × upstream gradient {_number(upstream)} = {_number(term)}"
    if not isfinite(local):
        why = f"The local gradient of {found.node.primitive.name} is {_number(local)} there."
    elif not isfinite(term):
        why = "Both factors are finite, their product is larger than any float (1.8e308)."
    else:
        product += f", added to {_number(before)}"
        why = "Both terms are finite, their sum is larger than any float (1.8e308)."
    return (
        f"The forward pass is finite. In the backward pass {_operation(found.node)}{_where(found.node)} is the first "
        f"to give {_number(found.value)}, to {found.operand.place()}: {product}. {said}{why}"
    )


def _operation(node: Any) -> str:
    name: str = node.primitive.name
    return INFIX.get(name, name)


def _where(node: Any) -> str:
    label = f" at node {printable(node.label)!r}" if node.label else ""
    return f"{label} in {node.scope}" if node.scope else label


def _written(node: Any) -> tuple[str, str]:
    """Return the expression of a node, and a sentence with the numbers in it."""
    inside = _inside(node)
    below = [x for part in inside for x in part.operands if x.__class__ is not float]
    names = Names([*inside, *below], printable, " #", ())
    texts: dict[Any, tuple[str, int]] = {}
    pending = [node]
    while pending:
        part = pending[-1]
        missing = [x for x in part.operands if x in inside and x not in texts] if part not in texts else []
        if missing:
            pending += missing
            continue
        pending.pop()
        if part not in texts:
            texts[part] = _part(part, inside, texts, names)
            if len(texts[part][0]) > WIDEST and part is not node:
                texts[part] = names[part], ATOM
    text = texts[node][0]
    if node.label:
        text = f"{names[node]} = {text}"
    ends = list(dict.fromkeys(_ends(node, texts, names)))
    largest = sorted(ends, key=lambda x: abs(x.data), reverse=True)[:SHOWN]
    values = [f"{names[x]} = {_number(x.data)}" for x in ends if x in largest]
    shown = ", ".join(values) + f" and {len(ends) - SHOWN} more" * (len(ends) > SHOWN)
    return text, f"It is {text}, where {shown}. " if values else f"It is {text}. "


def _inside(node: Any) -> set[Any]:
    """Return the operations to write out: node, and those without a label nearest to it."""
    queue, inside = [node], {node}
    for part in queue:  # it grows on the way
        for x in part.operands if len(part.operands) <= 2 * SHOWN else ():
            if x.__class__ is not float and x not in inside and len(inside) < LARGEST and not (x.label or x.is_leaf):
                inside.add(x)
                queue.append(x)
    return inside


def _part(part: Any, inside: set[Any], texts: dict[Any, tuple[str, int]], names: Names) -> tuple[str, int]:
    operands, count = [], len(part.operands)
    for x in part.operands if count <= 2 * SHOWN else part.operands[:SHOWN]:
        if x.__class__ is float:
            operands.append(constant(float(f"{x:.{DIGITS}g}")))
        else:
            operands.append(texts[x] if x in inside else (names[x], ATOM))
    if count > 2 * SHOWN:
        return f"{part.primitive.name}({', '.join([text for text, _ in operands])}, ... {count} operands)", ATOM
    return formula(part.primitive, operands)


def _ends(node: Any, texts: dict[Any, tuple[str, int]], names: Names) -> list[Any]:
    """Return the values that the written expression ends in, in order."""
    ends, stack, seen = [], [node], set()
    while stack:
        part = stack.pop()
        if part in seen:
            continue
        seen.add(part)
        if part is not node and (part not in texts or texts[part] == (names[part], ATOM)):
            ends.append(part)
            continue
        stack += [x for x in reversed(part.operands) if x.__class__ is not float]
    return ends


def _number(x: float) -> str:
    return numeral(x, DIGITS)
