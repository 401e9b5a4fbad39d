"""`to_python`: a graph as a Python function of its leaves, with its gradient, on plain floats.

The local gradients are the rows' own, run on operands that are text. Functions that `math`
lacks are copied from `floats`, so that what is printed needs the standard library alone.
"""

from __future__ import annotations

import math
import operator

from autograd_lite import floats
from autograd_lite.errors import InputTypeError
from autograd_lite.formulas import (
    ATOM,
    OPERATORS,
    PRODUCT,
    SIGN,
    TAKEN,
    Listing,
    Names,
    check_root,
    formula,
    identifier,
)
from autograd_lite.graph import topological_order
from autograd_lite.primitives import ROWS, Traced

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from autograd_lite.primitives import Primitive
    from autograd_lite.value import Value

ALL_AT_ONCE = {
    "pow": "power_gradients({y}, {xs})",
    "prod": "products_of_others({y}, {xs})",
    "max": "shares_of_the_top({y}, {xs})",
    "min": "shares_of_the_bottom({y}, {xs})",
    "maximum": "maximum_gradients({y}, {0}, {1})",
    "minimum": "maximum_gradients({y}, {1}, {0})",
    "logsumexp": "logsumexp_gradients({y}, {xs})",
    "logaddexp": "logsumexp_gradients({y}, {xs})",
    "softmax": "share_gradients({y}, {xs})",
}
"""Rows whose local gradients are computed together."""

AT_EDGE = {
    "sqrt": ["0.5 / {y} if {y} else inf"],
    "cbrt": ["{y} / {0} / 3.0 if {0} else inf"],
    "asin": ["1.0 / sqrt((1.0 - {0}) * (1.0 + {0})) if abs({0}) < 1.0 else inf"],
    "acos": ["-1.0 / sqrt((1.0 - {0}) * (1.0 + {0})) if abs({0}) < 1.0 else -inf"],
    "acosh": ["1.0 / (sqrt({0} - 1.0) * sqrt({0} + 1.0)) if {0} > 1.0 else inf"],
    "atan2": [
        "{1} / hypot({0}, {1}) / hypot({0}, {1}) if {0} or {1} else nan",
        "-{0} / hypot({0}, {1}) / hypot({0}, {1}) if {0} or {1} else nan",
    ],
}
"""Rows whose local gradients leave the floats at a point of their domain; rows run quiet there."""

BUILT_IN = "abs max sum list reversed zip len range float ArithmeticError OverflowError ValueError"


class Text(Traced):
    """An operand that is text: what a row does with it is written down."""

    __slots__ = ("binding", "text")

    def __init__(self, text: str, binding: int = ATOM) -> None:
        self.text, self.binding = text, binding

    def apply(self, primitive: Primitive, operands: tuple[Any, ...]) -> Text:
        return _called(primitive, [x if isinstance(x, Text) else _constant(x) for x in operands], lazy=True)


def to_python(root: Value) -> Listing:
    """Return a Python module with one function: the leaves are its arguments, root and its gradient its result.

    It needs the standard library alone and gives the same numbers to the last bit. Arguments
    have the leaves' numbers as defaults. Where an operation has no value it raises as `math` does.

    Raises:
        InputTypeError: an operation is a primitive of the user's; its Python is not known.

    >>> from autograd_lite import leaves, to_python
    >>> w, x = leaves(w=2.0, x=-1.0)
    >>> print(to_python((w * x).named("p") + x))
    def f(w=2.0, x=-1.0):
        \"\"\"Return f and its gradient, one partial derivative per argument.\"\"\"
        p = w * x
        v1 = p + x
    <BLANKLINE>
        d_w = d_x = d_p = 0.0
        d_v1 = 1.0
        d_p += d_v1
        d_x += d_v1
        d_w += d_p * x
        d_x += d_p * w
        return v1, (d_w, d_x)
    """
    check_root(root, "to_python")
    order = topological_order(root)
    for node in order:
        if node.primitive is not None and not node.primitive.reserved:
            raise InputTypeError(
                f"to_python: only rows of the table can be written, got the primitive {node.primitive.name!a}. "
                f"Write it with operators and functions of autograd_lite."
            )
    taken = {*TAKEN, *ROWS, *_forward_names(), *dir(floats), *BUILT_IN.split(), "slopes"}
    names = Names(order, identifier, "_", taken)
    texts = {node: Text(names[node]) for node in order}
    prefix = "d_"
    while any(text.text.startswith(prefix) for text in texts.values()):
        prefix += "_"
    function = identifier(root.label) if root.label and not root.is_leaf else "f"
    body = [f'"""Return {function} and its gradient, one partial derivative per argument."""']
    for node in order:
        if not node.is_leaf:
            body.append(f"{names[node]} = {_called(node.primitive, _operands(node, texts)).text}")
    body.append("")
    zeros = [f"{prefix}{names[node]}" for node in order if node is not root]
    body += [f"{' = '.join(zeros[k : k + 8])} = 0.0" for k in range(0, len(zeros), 8)]
    body.append(f"{prefix}{names[root]} = 1.0")
    for node in reversed(order):
        if not node.is_leaf:
            body += _backward(node, texts, prefix)
    inputs = [node for node in order if node.is_leaf]
    partials = "".join(f"{prefix}{names[node]}, " for node in inputs)
    body.append(f"return {names[root]}, ({partials[:-1] if len(inputs) == 1 else partials[:-2]})")
    arguments = ", ".join(f"{names[node]}={_constant(node.data).text}" for node in inputs)
    name = f"{function}_" if function in taken else function
    lines = [f"def {name}({arguments}):", *[f"    {line}" if line else "" for line in body]]
    return Listing("\n".join([*_preamble([*body, arguments]), *lines]))


def _operands(node: Any, texts: dict[Any, Text]) -> list[Text]:
    return [_constant(x) if x.__class__ is float else texts[x] for x in node.operands]


def _constant(number: float) -> Text:
    text = repr(number)
    return Text(text, SIGN if text.startswith("-") else ATOM)


def _called(row: Primitive, operands: list[Text], *, lazy: bool = False) -> Text:
    """Return a row at operands that are text; `lazy` where only the chosen branch may be computed."""
    name, texts = row.name, [operand.text for operand in operands]
    forward = ROWS[name].forward  # that of a quiet row is wrapped
    if name in ("identity", "detach"):
        return operands[0]
    is_operator = name in OPERATORS and name not in ("chain", "gate")
    if is_operator or name == "neg" or (name == "pow" and _is_whole(texts[1])):
        return Text(*formula(row, [(operand.text, operand.binding) for operand in operands]))
    if name == "where" and lazy:
        condition, a, b = texts
        return Text(f"({a} if {condition} else {b})")
    if name == "prod":
        return Text(f"prod([{', '.join(texts)}], start=1.0)")
    return Text(f"{forward.__name__}({', '.join(texts)})")


def _is_whole(text: str) -> bool:
    return text.endswith(".0") and text[:-2].lstrip("-").isdigit()


def _backward(node: Any, texts: dict[Any, Text], prefix: str) -> list[str]:
    """Return the statements that add local gradient x upstream gradient to each operand."""
    row, operands, y = node.primitive, _operands(node, texts), texts[node].text
    upstream = f"{prefix}{y}"
    shown = [operand.text for operand in operands]
    lines = []
    if row.name == "pow" and _is_whole(shown[1]) and node.operands[1] >= 1.0 and node.operands[1] < 2.0**53:
        less = _constant(node.operands[1] - 1.0)
        power = shown[0] if less.text == "1.0" else f"{shown[0]} ** {less.text}"
        locals_: list[Any] = [Text(f"{shown[1]} * {power}", PRODUCT), None]
    elif row.name in ALL_AT_ONCE:
        lines.append(f"slopes = {ALL_AT_ONCE[row.name].format(*shown, y=y, xs=', '.join(shown))}")
        locals_ = [Text(f"slopes[{k}]") for k in range(len(operands))]
    elif row.name in AT_EDGE:
        locals_ = [Text(template.format(*shown, y=y)) for template in AT_EDGE[row.name]]
    else:
        locals_ = list(row.local_gradients(texts[node], operands))
    is_quiet = row.name in AT_EDGE or (row.name == "pow" and lines)
    for operand, local in zip(node.operands, locals_, strict=True):
        if operand.__class__ is float or local is None:
            continue
        target = f"{prefix}{texts[operand].text}"
        if local.__class__ is float and abs(local) == 1.0:
            lines.append(f"{target} {'+' if local > 0.0 else '-'}= {upstream}")
            continue
        local = local if isinstance(local, Text) else _constant(local)
        if row.selection or is_quiet:
            lines.append(f"{target} += {'gate' if row.selection else 'chain'}({upstream}, {local.text})")
        else:
            lines.append(f"{target} += {formula(ROWS['mul'], [(upstream, ATOM), (local.text, local.binding)])[0]}")
    return lines if any(" += " in line or " -= " in line for line in lines) else []


def _preamble(body: list[str]) -> list[str]:
    """Return the imports and the helper functions that statements need, and those that these need."""
    import re

    words = {word for line in body for word in re.findall(r"\w+", line)}
    functions: dict[str, str] = {}
    constants: dict[str, str] = {}
    imports: dict[str, set[str]] = {"math": set(), "operator": set()}
    waiting = sorted(words & {*vars(floats), *_forward_names()}, reverse=True)
    while waiting:
        name = waiting.pop()
        thing = vars(floats).get(name)
        if name in functions or name in constants:
            continue
        if thing is operator.mul:
            imports["operator"].add(name)
        elif callable(thing) and thing is not vars(math).get(name):
            functions[name], uses = _function(name)
            waiting += uses
        elif name in vars(math):
            imports["math"].add(name)
        elif thing.__class__ is float:
            constants[name] = f"{name} = {thing!r}"
    lines = [f"from {module} import {', '.join(sorted(names))}" for module, names in imports.items() if names]
    lines += ["", ""] if lines else []
    lines += [*constants.values(), "", ""] if constants else []
    for code in functions.values():
        lines += [code, "", ""]
    return lines


def _forward_names() -> set[str]:
    return {getattr(row.forward, "__name__", "") for row in ROWS.values()} | {"inf", "nan", "prod"}


def _function(name: str) -> tuple[str, list[str]]:
    """Return the source of a helper function without its annotations, and the names it uses."""
    import ast
    import inspect

    tree: Any = ast.parse(inspect.getsource(vars(floats)[name]))
    function = tree.body[0]
    function.returns = None
    own = set()
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            node.annotation = None
            own.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
    uses = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)} - own
    return ast.unparse(tree), sorted(uses, reverse=True)
