"""Expressions typed at a shell: read by a whitelist of the syntax tree, never by eval."""

from __future__ import annotations

import ast
import math
from math import isfinite

import autograd_lite
from autograd_lite.errors import ArgumentError
from autograd_lite.primitives import ROWS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

LONGEST, DEEPEST = 2000, 100
OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "pow",
}
NUMBERS = {"pi": math.pi, "e": math.e, "inf": math.inf}
INTERNAL = ("dot", "softmax", "detach", "identity", "chain", "gate")
FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: row for name, row in ROWS.items() if row.reserved and name not in INTERNAL and hasattr(autograd_lite, name)
}
FUNCTIONS["mean"] = lambda *xs: autograd_lite.mean(xs)
FUNCTIONS["norm"] = lambda *xs: autograd_lite.norm(xs)
ELSEWHERE = {
    "softmax": "softmax gives several values, a formula one. Write exp(a) / (exp(a) + exp(b)).",
    "log_softmax": "log_softmax gives several values, a formula one. Write a - logsumexp(a, b).",
    "dot": "dot takes lists, a formula has none. Write a*b + c*d.",
}
"""Functions that are no formulas, and what to write instead."""
ALIASES = {"ln": "log", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "logistic": "sigmoid", "sgn": "sign"}


class Expression:
    """A formula of named variables, to be evaluated on Values or on floats.

    Attributes:
        text: as it was typed.
        variables: the names in it, in the order in which they appear.

    Raises:
        ArgumentError: what it says is no formula; the text names the part and the cure.

    >>> f = Expression("1 / (1 + exp(-w*x))")
    >>> f.variables
    ['w', 'x']
    >>> f({"w": 2.0, "x": 0.0})
    0.5
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._tree = _parse(text)
        called = {id(node.func) for node in ast.walk(self._tree) if isinstance(node, ast.Call)}
        names = [node for node in ast.walk(self._tree) if isinstance(node, ast.Name) and id(node) not in called]
        names.sort(key=lambda node: (node.lineno, node.col_offset))
        self.variables = list(dict.fromkeys(node.id for node in names if node.id not in NUMBERS))
        _check(self._tree)

    def __call__(self, numbers: Mapping[str, Any]) -> Any:
        """Return the value of the formula at `numbers`, one per variable."""
        return _evaluate(self._tree, {**NUMBERS, **numbers})


def assignments(texts: Sequence[str], variables: Sequence[str]) -> dict[str, float]:
    """Return the numbers of "x=2" "w=-3", one for each of the variables.

    >>> assignments(["x=2", "w=-3"], ["w", "x"])
    {'w': -3.0, 'x': 2.0}
    """
    numbers: dict[str, float] = {}
    for text in texts:
        name, sign, number = text.partition("=")
        name = name.strip()
        if not sign:
            raise ArgumentError(f"expression: variables are given as name=number, got {text!r}. Write x=2.")
        if name not in variables:
            rule = f"the variables are {', '.join(variables)}" if variables else "there are no variables"
            raise ArgumentError(f"expression: {rule}, got {text!r}. Leave it out, or use it in the formula.")
        try:
            numbers[name] = float(number)
        except ValueError:
            raise ArgumentError(f"expression: {name} must be a number, got {number!r}. Write {name}=1.5.") from None
        if not isfinite(numbers[name]):
            raise ArgumentError(f"expression: {name} must be finite, got {number!r}. Write {name}=1.5.")
    missing = [name for name in variables if name not in numbers]
    if missing:
        cure = " ".join(f"{name}=1" for name in missing[:4])
        raise ArgumentError(
            f"expression: every variable needs a number, got none for {', '.join(missing)}. Add {cure}."
        )
    return {name: numbers[name] for name in variables}


def _parse(text: str) -> ast.expr:
    if len(text) > LONGEST:
        raise ArgumentError(f"expression: at most {LONGEST} characters, got {len(text)}. Write it in Python instead.")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ArgumentError(
            f"expression: cannot be read, got {text!r:.60}: {error.msg}. Write it as in Python: 2*x, x**2."
        ) from None
    except (ValueError, RecursionError, MemoryError):  # a null byte; nesting beyond Python's own parser
        raise ArgumentError(
            f"expression: cannot be read, got {text!r:.60}. Write it as in Python, less nested."
        ) from None
    level, depth = [tree], 0
    while level:
        level = [below for node in level for below in ast.iter_child_nodes(node) if isinstance(below, ast.expr)]
        depth += 1
        if depth > DEEPEST:
            raise ArgumentError(f"expression: at most {DEEPEST} levels deep, got more. Write it in Python instead.")
    return tree


def _check(tree: ast.expr) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.expr):
            trouble = _trouble(node)
            if trouble:
                raise ArgumentError(f"expression: {trouble}")


def _trouble(node: ast.expr) -> str:
    """Return what is wrong with one node of the syntax tree, "" for nothing."""
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.BitXor):
            return "^ is no power in Python. Write x**2."
        return "" if type(node.op) in OPERATORS else f"operators are + - * / **, got {_name(node.op)}. Use a function."
    if isinstance(node, ast.UnaryOp):
        return "" if isinstance(node.op, (ast.USub, ast.UAdd)) else f"signs are + and -, got {_name(node.op)}."
    if isinstance(node, ast.Constant):
        return "" if type(node.value) in (int, float) else f"constants are numbers, got {node.value!r:.40}."
    if isinstance(node, ast.Name):
        return ""
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            return _no_function(ast.unparse(node.func))
        arity = getattr(FUNCTIONS[node.func.id], "arity", None)
        if node.func.id == "where" and len(node.args) != arity:
            return f"where takes {arity} operands, got {len(node.args)}. Write where(greater(x, 0), a, b)."
        return "functions take plain operands: f(a, b)." if node.keywords else ""
    cure = ""
    if isinstance(node, ast.Compare):
        cure = " Write greater(a, b), which is 1 where a > b."
    elif isinstance(node, ast.IfExp):
        cure = " Write where(greater(x, 0), a, b)."
    return f"numbers, names, + - * / ** and functions only, got {_name(node)}: {ast.unparse(node):.60}.{cure}"


def _no_function(text: str) -> str:
    from difflib import get_close_matches

    name = text.rpartition(".")[2]  # math.exp, np.exp
    if name in ELSEWHERE:
        return ELSEWHERE[name]
    near = ALIASES.get(name) or next(iter(get_close_matches(name, FUNCTIONS, 1, 0.7)), None)
    cure = f"Did you mean {near}?" if near else f"There are {', '.join(sorted(FUNCTIONS))}."
    return f"no such function: {text:.40}. {cure}"


def _name(node: ast.AST) -> str:
    return type(node).__name__


def _evaluate(node: ast.expr, names: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        return _float(node.value)
    if isinstance(node, ast.Name):
        return names[node.id]
    if isinstance(node, ast.UnaryOp):
        operand = _evaluate(node.operand, names)
        return ROWS["neg"](operand) if isinstance(node.op, ast.USub) else operand
    if isinstance(node, ast.BinOp):
        return ROWS[OPERATORS[type(node.op)]](_evaluate(node.left, names), _evaluate(node.right, names))
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    return FUNCTIONS[node.func.id](*[_evaluate(operand, names) for operand in node.args])


def _float(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:
        raise ArgumentError(f"expression: numbers must fit in a float, got {number!r:.30}. Write 1e300.") from None
