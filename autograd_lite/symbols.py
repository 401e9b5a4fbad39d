"""The symbolic form of a derivative between two values: "f * (1 - f)" for a sigmoid.

The rows' own local gradients are run on a copy of the few operations between the two; the
graph of the result is written as a formula, its constants gathered.
"""

from __future__ import annotations

from autograd_lite.formulas import ATOM, PRODUCT, SIGN, SUM, formula
from autograd_lite.graph import graph_sweep, topological_order
from autograd_lite.modes import Mode, inside_gradient, recording
from autograd_lite.notation import numeral, printable
from autograd_lite.primitives import Primitive
from autograd_lite.table import exp, softmax_row
from autograd_lite.typesetting import grouped, latex_formula, latex_name, latex_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Term: TypeAlias = tuple[float, str, int]  # coefficient, the rest as text ("" for none), how tightly it binds

LARGEST, WIDEST = 40, 60
TEXTBOOK = {
    "sigmoid": lambda y, x: y * (1.0 - y),
    "tanh": lambda y, x: 1.0 - y**2.0,
    "logsumexp": lambda y, *xs: [exp(x - y) for x in xs],
    "softmax": lambda y, *xs: [
        y * (1.0 - y),
        *[-y * softmax_row(xs[k], *xs[:k], *xs[k + 1 :]) for k in range(1, len(xs))],
    ],
}
"""Local gradients as one learns them; the rows' own forms keep their digits in the tails."""


def symbolic(user: Any, operand: Any, names: dict[Any, str], digits: int) -> tuple[str, str]:
    """Return duser/doperand as a formula of the labelled values between them, and in LaTeX; "" if it is too long."""
    region = _region(user, operand)
    if region is None:
        return "", ""
    try:
        copy, slope = _differentiated(user, operand, region, names)
    except Exception:  # a user's local gradient may know floats alone; the number is there without a formula
        if all(node.primitive is None or node.primitive.reserved for node in region):
            raise
        return "", ""
    if slope.__class__ is float:
        return Plain(digits).number(slope), Latex(digits).number(slope)
    text = _written(slope, {copy: names[user]}, Plain(digits))
    return text, text and _written(slope, {copy: names[user]}, Latex(digits))


class Plain:
    """How a formula is written: in Python's notation."""

    widest, times = WIDEST, "*"

    def __init__(self, digits: int) -> None:
        self.digits = digits

    def name(self, name: str) -> str:
        return name

    def number(self, x: float) -> str:
        return numeral(x, self.digits).replace("−", "-")

    def operation(self, row: Primitive, operands: list[tuple[str, int]]) -> tuple[str, int]:
        return formula(row, operands)

    def grouped(self, text: str) -> str:
        return f"({text})"


class Latex(Plain):
    """How it is written in LaTeX, at most as long as in Python's notation; what is long is its commands."""

    widest, times = 100 * WIDEST, r"\cdot"

    def name(self, name: str) -> str:
        return latex_name(name)

    def number(self, x: float) -> str:
        return latex_number(x, self.digits)

    def operation(self, row: Primitive, operands: list[tuple[str, int]]) -> tuple[str, int]:
        return latex_formula(row, operands)

    def grouped(self, text: str) -> str:
        return grouped(text)


def _differentiated(user: Any, operand: Any, region: list[Any], names: dict[Any, str]) -> tuple[Any, Any]:
    """Return a copy of user computed from labelled leaves alone, and its derivative by that of operand."""
    copies: dict[Any, Any] = {}
    with Mode(inside_gradient, True), Mode(recording, True):
        for node in region:
            if node is operand or node.is_leaf or (node.label and node is not user):
                label = names.get(node) or printable(node.label or "")
                copies[node] = type(node)(node.data, label or None)
                continue
            row = node.primitive
            if row.name in TEXTBOOK and row.reserved:
                textbook = Primitive(row.name, row.forward, (TEXTBOOK[row.name],))
                textbook.variadic, row = row.variadic, textbook
            operands = tuple([x if x.__class__ is float else copies[x] for x in node.operands])
            first: Any = next(x for x in operands if x.__class__ is not float)
            copies[node] = first.apply(row, operands)
        return copies[user], graph_sweep(copies[user], 1.0).get(copies[operand], 0.0)


def _region(user: Any, operand: Any) -> list[Any] | None:
    """Return what user is computed from, down to labelled values and leaves; None if that is too much."""
    found, stack = [], [(user, False)]
    seen = set()
    while stack:
        node, is_done = stack.pop()
        if is_done:
            found.append(node)
        elif node not in seen:
            seen.add(node)
            if len(seen) > LARGEST or len(node.operands) > LARGEST:
                return None
            stack.append((node, True))
            if node is user or not (node.label or node is operand):
                stack += [(x, False) for x in node.operands if x.__class__ is not float]
    return found


def _written(root: Any, known: dict[Any, str], script: Plain) -> str:
    terms: dict[Any, Term | None] = {}
    for node in topological_order(root):
        name = known.get(node) or (node.is_leaf and node.label)
        if name:
            terms[node] = 1.0, script.name(name), ATOM
        elif node.is_leaf:
            terms[node] = node.data, "", ATOM
        else:
            terms[node] = _term(node, [_operand(x, terms) for x in node.operands], script)
    term = terms[root]
    return "" if term is None else _text(term, script)[0]


def _operand(operand: Any, terms: dict[Any, Term | None]) -> Term | None:
    return (operand, "", ATOM) if operand.__class__ is float else terms[operand]


def _term(node: Any, operands: list[Term | None], script: Plain) -> Term | None:
    known = [operand for operand in operands if operand is not None]
    if len(known) < len(operands):
        return None
    name = node.primitive.name
    if name == "neg":
        coefficient, text, binding = known[0]
        return -coefficient, text, binding
    if name == "identity" or (name == "pow" and known[1][:2] == (1.0, "")):
        return known[0]
    if name == "add" and known[0][1:] == known[1][1:] and known[0][0] + known[1][0]:
        return known[0][0] + known[1][0], *known[0][1:]  # equal terms: ½e + ½e is e
    if name in ("mul", "chain", "gate"):
        texts = [(text, binding) for _, text, binding in known if text]
        coefficient = known[0][0] * known[1][0]
        if len(texts) < 2:
            return (coefficient, *texts[0]) if texts else (coefficient, "", ATOM)
    else:
        coefficient = 1.0
        texts = [_text(term, script) for term in known]
    written, binding = script.operation(node.primitive, texts)
    return (coefficient, written, binding) if len(written) <= script.widest else None


def _text(term: Term, script: Plain) -> tuple[str, int]:
    coefficient, text, binding = term
    if not text:
        number = script.number(coefficient)
        return number, SIGN if number.startswith("-") else ATOM
    if coefficient == 1.0:
        return text, binding
    factor = script.grouped(text) if binding == SUM else text
    if coefficient == -1.0:
        return f"-{factor}", SIGN if binding > SIGN else PRODUCT
    return f"{script.number(coefficient)} {script.times} {factor}", PRODUCT
