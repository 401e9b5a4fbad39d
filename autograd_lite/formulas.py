"""A graph as text: the names of its values, and `expression`.

Every walk here is over the topological order, so that nothing recurses, and every text is
cut into named parts, so that none grows beyond the graph it says.
"""

from __future__ import annotations

from autograd_lite.errors import InputTypeError, described
from autograd_lite.graph import Node, topological_order
from autograd_lite.notation import on_stdout
from autograd_lite.primitives import ROWS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from autograd_lite.primitives import Primitive
    from autograd_lite.value import Value

LONGEST_NAME, WIDEST = 40, 72
SUM, PRODUCT, SIGN, POWER, ATOM = range(5)  # how tightly an operator binds
OPERATORS = {
    "add": ("+", SUM),
    "sub": ("-", SUM),
    "mul": ("*", PRODUCT),
    "chain": ("*", PRODUCT),
    "gate": ("*", PRODUCT),
    "div": ("/", PRODUCT),
}
KEYWORDS = (
    "False None True and as assert async await break class continue def del elif else except finally for from global "
    "if import in is lambda nonlocal not or pass raise return try while with yield"
)
TAKEN = frozenset([*KEYWORDS.split(), "inf", "nan"])


class Listing(str):
    """A text that a REPL shows as it is, line by line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return on_stdout(self[:])

    __str__ = __repr__


def expression(root: Value) -> Listing:
    """Return the graph below root as formulas in Python's notation, one line per shared or labelled part.

    The last line is root. Functions bear their names in autograd_lite; labels that are no
    identifiers are made into some. A part longer than a line is cut in parts: the text has the
    size of the graph, however often its parts are used.

    >>> from autograd_lite import exp, expression, leaves
    >>> x, y = leaves(x=2.0, y=3.0)
    >>> expression((x + y) ** 2 / 4)
    (x + y) ** 2 / 4
    >>> p = x * y
    >>> expression(exp(p) - p)
    v1 = x * y
    exp(v1) - v1
    """
    check_root(root, "expression")
    order = topological_order(root)
    names = Names(order, identifier, "_", {*TAKEN, *ROWS})
    lines = []
    for node, name, text in formulas(order, names):
        lines.append(f"{name} = {text}" if node is not root or (root.label and not node.is_leaf) else text)
    return Listing("\n".join(lines))


def check_root(root: Any, who: str) -> None:
    """Raise unless root is a Value."""
    if not isinstance(root, Node):
        raise InputTypeError(
            f"{who}: a Value is needed, got {described(root)}. "
            f"Pass the one Value at the end of the graph, such as the loss."
        )


class Names:
    """A name for every node, given when it is asked for; no two are the same.

    It is the label as `spelling` writes it, or v1, v2, ... for a node without one; where that
    is taken, with a number after `mark`.

    >>> from autograd_lite import leaves
    >>> nodes = leaves(**{"w 1": 0.0, "exp": 0.0, "7": 0.0})
    >>> names = Names(nodes, identifier, "_", {"exp"})
    >>> [names[node] for node in nodes]
    ['w_1', 'exp_2', '_7']
    """

    def __init__(self, nodes: Iterable[Any], spelling: Callable[[str], str], mark: str, taken: Iterable[str]) -> None:
        self._spelling, self._mark = spelling, mark
        self._given = set(taken)
        self._reserved = {*self._given, *[spelling(node.label) for node in nodes if node.label]}
        self._counts: dict[str, int] = {}
        self._names: dict[Any, str] = {}

    def __getitem__(self, node: Any) -> str:
        if node not in self._names:
            label = self._spelling(node.label) if node.label else ""
            self._names[node] = label if label and label not in self._given else self._numbered(label)
            self._given.add(self._names[node])
        return self._names[node]

    def _numbered(self, label: str) -> str:
        number = self._counts.get(label, 1 if label else 0) + 1
        stem = f"{label}{self._mark}" if label else "v"
        while f"{stem}{number}" in self._reserved:
            number += 1
        self._counts[label] = number
        self._reserved.add(f"{stem}{number}")
        return f"{stem}{number}"


def identifier(label: str) -> str:
    """Return a label as Python can read it, what cannot stand in a name as underscores.

    >>> identifier("ŷ"), identifier("layer 1/bias"), identifier("2b")
    ('ŷ', 'layer_1_bias', '_2b')
    """
    from unicodedata import normalize

    # Python reads identifiers in the normal form NFKC: two labels may be one name.
    text = normalize("NFKC", label[:LONGEST_NAME])
    text = normalize("NFKC", "".join(c if f"a{c}".isidentifier() else "_" for c in text))
    return text if text.isidentifier() else f"_{text}"


def formulas(order: list[Any], names: Names) -> Iterable[tuple[Any, str, str]]:
    """Yield (node, name, text) for each part that gets a line of its own, root last; leaves are names.

    A part gets one if it is labelled, used more than once, or longer than a line.
    """
    root = order[-1]
    uses = dict.fromkeys(order, 0)
    for node in order:
        for operand in node.operands:
            if operand.__class__ is not float:
                uses[operand] += 1
    texts: dict[Any, tuple[str, int]] = {}
    for node in order:
        if node.is_leaf:
            texts[node] = names[node], ATOM
            if node is root:
                yield node, names[node], names[node]
            continue
        operands = []
        for operand in node.operands:
            if operand.__class__ is float:
                operands.append(constant(operand))
            else:  # a part used once is forgotten: it lives on in the text of its user
                operands.append(texts[operand] if uses[operand] > 1 else texts.pop(operand))
        written = formula(node.primitive, operands)
        if node is root or node.label or uses[node] > 1 or len(written[0]) > WIDEST:
            yield node, names[node], written[0]
            written = names[node], ATOM
        texts[node] = written


def constant(number: float) -> tuple[str, int]:
    """Return a constant and how tightly it binds.

    >>> constant(2.0), constant(-0.5)
    (('2', 4), ('-0.5', 2))
    """
    text = repr(number)
    if text.endswith(".0") and text != "-0.0":
        text = text[:-2]
    return text, SIGN if text.startswith("-") else ATOM


def formula(row: Primitive, operands: list[tuple[str, int]]) -> tuple[str, int]:
    """Return an operation on operands that are texts, and how tightly it binds.

    >>> formula(ROWS["mul"], [("a + b", SUM), ("-2", SIGN)])
    ('(a + b) * (-2)', 1)
    """
    if row.name in ("chain", "gate") and ("1", ATOM) in operands:
        return operands[0 if operands[1] == ("1", ATOM) else 1]
    if row.name in OPERATORS:
        sign, binding = OPERATORS[row.name]
        a, b = operands
        return f"{_bound(a, binding)} {sign} {_bound(b, binding + 1, after=True)}", binding
    if row.name == "neg":
        return f"-{_bound(operands[0], SIGN, after=True)}", SIGN
    if row.name == "pow":
        return f"{_bound(operands[0], ATOM)} ** {_bound(operands[1], ATOM)}", POWER
    texts = [text for text, _ in operands]
    if row.name == "dot":
        half = len(texts) // 2
        return f"dot([{', '.join(texts[:half])}], [{', '.join(texts[half:])}])", ATOM
    if row.name == "softmax":
        return f"softmax([{', '.join(texts)}])[0]", ATOM
    return f"{row.name}({', '.join(texts)})", ATOM


def _bound(operand: tuple[str, int], binding: int, *, after: bool = False) -> str:
    text, own = operand
    return f"({text})" if own < binding or (after and text.startswith("-")) else text
