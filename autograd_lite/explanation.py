"""`explain`: the chain rule written out with its numbers, path by path."""

from __future__ import annotations

from itertools import islice
from math import nan

from autograd_lite import floats
from autograd_lite.errors import ArgumentError, InputTypeError, described
from autograd_lite.formulas import Names, check_root
from autograd_lite.graph import Node, sweep
from autograd_lite.notation import DIGITS, check_digits, numeral, on_stdout, printable
from autograd_lite.paths import COUNTED, PathGraph
from autograd_lite.symbols import symbolic
from autograd_lite.typesetting import latex_name, latex_number, upright

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from autograd_lite.value import Value

LONGEST = 20  # factors of a path; of a longer one the first and the last half of so many are written


def explain(root: Value, leaf: Value, *, paths: int = 3, digits: int = DIGITS) -> Explanation:
    """Return the chain rule for droot/dleaf written out: print it, or let a notebook show it.

    droot/dleaf = sum over the paths from root to leaf of the product of their factors. Factors run from
    labelled value to labelled value, what is between them is multiplied and summed out: so
    `.named(...)` decides how fine the explanation is. No `.grad` is touched.

    Args:
        root: what is differentiated.
        leaf: with respect to what; any Value below root.
        paths: how many to write out, those with the largest product.
        digits: how many significant digits numbers have.

    Raises:
        StaleGraphError: a leaf was set after root was computed; call root.forward().

    >>> from autograd_lite import explain, leaves, sigmoid
    >>> w, x = leaves(w=2.0, x=-1.0)
    >>> z = (w * x).named("z")
    >>> f = sigmoid(z).named("f")
    >>> print(explain(f, w))
    df/dw = df/dz * dz/dw
          = 0.105 * (-1) = -0.105
    <BLANKLINE>
      df/dz = f * (1 - f) = 0.105
      dz/dw = x = -1
    """
    check_root(root, "explain")
    if not isinstance(leaf, Node):
        raise InputTypeError(
            f"explain: the leaf must be a Value, got {described(leaf)}. "
            f"Pass the Value to differentiate by, such as a weight."
        )
    if not isinstance(paths, int) or paths < 1:
        raise ArgumentError(f"explain: paths must be an integer of at least 1, got {paths!r}. Leave it out for 3.")
    check_digits(digits, "explain")
    return Explanation(root, leaf, paths, digits)


class Factor:
    """One factor of the chain rule: duser/doperand, what lies between them summed out.

    Attributes:
        user, operand: the two values, as they are called.
        value: the number.
        formula: the symbolic form, "" where it would be too long.
        latex: the symbolic form in LaTeX.
        is_direct: whether it goes from root to leaf while other paths do, too: then it is a part of
            droot/dleaf, and not all of it.
    """

    __slots__ = ("formula", "is_direct", "latex", "operand", "user", "value")

    def __init__(self, user: str, operand: str, value: float, formula: str, latex: str, is_direct: bool) -> None:
        self.user, self.operand, self.value, self.formula, self.latex = user, operand, value, formula, latex
        self.is_direct = is_direct

    def __repr__(self) -> str:
        return on_stdout(f"<factor {_quotient(self.user, self.operand)} = {self.value!r}>")


class Path:
    """One path from root to leaf.

    Attributes:
        factors: those of the chain rule, that of the root first.
        value: their product, what this path adds to the gradient.
    """

    __slots__ = ("factors", "value")

    def __init__(self, factors: list[Factor]) -> None:
        self.factors = factors
        self.value = 1.0
        for factor in factors:
            self.value *= factor.value

    def __repr__(self) -> str:
        return on_stdout(f"<path of {len(self.factors)} factors: {self.value!r}>")


class Explanation:
    """A gradient as the sum over paths, each a product; print it, or let a notebook show it.

    Attributes:
        gradient: droot/dleaf, by the sweep.
        paths: those written out, the largest product first.
        count: how many there are; 10**15 stands for that many or more.
        covered: the sum of the paths written out.
        coverage: covered / gradient; nan where the gradient is 0.
    """

    def __init__(self, root: Any, leaf: Any, paths: int, digits: int) -> None:
        self._digits = digits
        self.gradient: float = sweep(root, 1.0).get(leaf, 0.0)
        graph = PathGraph(root, leaf)
        found = list(islice(graph.largest(), paths))
        names = _names(graph)
        self._root, self._leaf = names[root], names.get(leaf, leaf.label or "x")
        self._is_connected = graph.is_connected
        factors: dict[tuple[Any, Any], Factor] = {}
        for k, (user, operand, number) in enumerate([factor for path in found for factor in path]):
            if (user, operand) not in factors:
                formulas = symbolic(user, operand, names, digits) if k < paths * LONGEST else ("", "")
                is_direct = user is root and operand is leaf and graph.count > 1
                factors[user, operand] = Factor(names[user], names[operand], number, *formulas, is_direct)
        self.paths = [Path([factors[user, operand] for user, operand, _ in path]) for path in found]
        self.count = graph.count
        self.covered = floats.total(*[path.value for path in self.paths])
        self.coverage = self.covered / self.gradient if self.gradient else nan

    def __str__(self) -> str:
        return on_stdout(self._text())

    __repr__ = __str__

    def _text(self) -> str:
        whole = _quotient(self._root, self._leaf)
        if not self.paths or not self.paths[0].factors:
            return f"{whole} = {self._number(self.gradient)}{self._why_trivial()}"
        lines = []
        if self._is_one_factor:
            formula, total = self.paths[0].factors[0].formula, self._number(self.gradient)
            return f"{whole} = {formula} = {total}" if formula not in ("", total) else f"{whole} = {total}"
        if self.count == 1:
            product = f"{self._product(self.paths[0])} = {self._number(self.gradient)}"
            lines += [f"{whole} = {_chain(self.paths[0])}", f"{' ' * len(whole)} = {product}"]
        else:
            lines.append(f"{whole} = sum over {_many(self.count)} paths, the largest first:")
            for path in self.paths:
                product = "" if len(path.factors) == 1 else f"{self._product(path)} = "
                lines += [f"  {_chain(path)}", f"    = {product}{self._number(path.value)}"]
            lines.append(self._total())
        said = [
            f"  {_written(f)} = {f.formula} = {self._number(f.value)}"
            for f in self._distinct()
            if f.formula not in ("", self._number(f.value))
        ]
        return "\n".join([*lines, *([""] if said else []), *said])

    @property
    def _is_one_factor(self) -> bool:
        return self.count == 1 and len(self.paths[0].factors) < 2

    def _why_trivial(self) -> str:
        if self.paths:
            return ""
        if not self._is_connected:
            return f": {self._root} does not depend on {self._leaf}."
        return ": every path has a factor 0."

    def _total(self) -> str:
        whole = _quotient(self._root, self._leaf)
        total = self._number(self.gradient)
        if len(self.paths) == self.count and self.count <= LONGEST:
            return f"{whole} = {_joined([self._number(path.value) for path in self.paths], ' + ')} = {total}"
        return f"{whole} = {total}; {self._share()}."

    def _share(self) -> str:
        share = f", {numeral(100.0 * self.coverage, 3)} % of it".replace("−", "-") if self.gradient else ""
        shown = "the largest path is" if len(self.paths) == 1 else f"the {len(self.paths)} largest paths add up to"
        return f"{shown} {self._number(self.covered)}{share}"

    def _distinct(self) -> list[Factor]:
        return list(dict.fromkeys([factor for path in self.paths for factor in _shown(path.factors) if factor]))

    def _product(self, path: Path) -> str:
        return _joined([self._number(f.value) if f else "..." for f in _shown(path.factors)], " * ")

    def _number(self, x: float) -> str:
        return numeral(x, self._digits).replace("−", "-")

    @property
    def latex(self) -> str:
        """The explanation in LaTeX, without dollar signs; labels are escaped."""
        whole, total = _fraction(self._root, self._leaf), self._latex_number(self.gradient)
        if not self.paths or not self.paths[0].factors:
            why = self._why_trivial().strip(":. ")
            return rf"{whole} = {total}" + (rf"\quad {upright(f'({why})')}" if why else "")
        if self._is_one_factor:
            formula = self.paths[0].factors[0].latex
            return f"{whole} = {formula} = {total}" if formula not in ("", total) else f"{whole} = {total}"
        rest = r" + \cdots" if len(self.paths) < self.count else ""
        rows = [f"{whole} &= {_latex_chain(self.paths[0])}"]
        rows += [rf"&\quad + {_latex_chain(path)}" for path in self.paths[1:]]
        rows[-1] += rest
        rows += [f"&= {self._latex_product(self.paths[0])}"]
        rows += [rf"&\quad + {self._latex_product(path, after=True)}" for path in self.paths[1:]]
        rows[-1] += rest
        if self.count > 1:
            rows.append(f"&= {_joined([self._latex_number(path.value) for path in self.paths], ' + ')}{rest}")
        rows[-1] += f" = {total}"
        if rest:
            rows.append(rf"&\quad {upright(f'({self._share()})')}")
        for f in self._distinct():
            value = self._latex_number(f.value)
            if f.latex not in ("", value):
                rows.append(f"{_typeset(f)} &= {f.latex} = {value}")
        return "\\begin{aligned}\n" + " \\\\[0.3em]\n".join(rows) + "\n\\end{aligned}"

    def _latex_product(self, path: Path, *, after: bool = False) -> str:
        numbers = [self._latex_number(f.value) if f else r"\cdots" for f in _shown(path.factors)]
        if after and numbers[0].startswith("-"):
            numbers[0] = f"({numbers[0]})"
        return _joined(numbers, r" \cdot ")

    def _latex_number(self, x: float) -> str:
        return latex_number(x, self._digits)

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex}\n$$"

    def markdown(self) -> str:
        """Return the explanation in Markdown: the formula, and a table of its factors."""
        lines = ["$$", self.latex, "$$"]
        if self.count > len(self.paths):
            lines += ["", _escaped(self._total())]
        factors = self._distinct()
        if factors:
            lines += ["", "| factor | is | value |", "|---|---|---:|"]
        for f in factors:
            cells = [_escaped(text) for text in (_written(f), f.formula, self._number(f.value))]
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines)


def _names(graph: PathGraph) -> dict[Any, str]:
    """Return what the values on the paths are called; an unlabelled root is f, an unlabelled leaf x."""
    spare = Names(graph.stations, printable, " #", ())
    labels = {node.label for node in graph.stations}
    names = {}
    for node in graph.stations or [graph.root]:
        usual = "f" if node is graph.root else "x"
        names[node] = usual if not node.label and usual not in labels else spare[node]
    return names


def _shown(factors: list[Factor]) -> list[Factor | None]:
    """Return the factors to write, None where some are left out."""
    half = LONGEST // 2
    return [*factors] if len(factors) <= LONGEST else [*factors[:half], None, *factors[-half:]]


def _chain(path: Path) -> str:
    left_out = len(path.factors) - LONGEST
    return " * ".join([_written(f) if f else f"... ({left_out:,} more)" for f in _shown(path.factors)])


def _written(factor: Factor) -> str:
    return f"{_quotient(factor.user, factor.operand)}{' directly' * factor.is_direct}"


def _typeset(factor: Factor) -> str:
    quotient = _fraction(factor.user, factor.operand)
    return rf"\left. {quotient} \right|_{{{upright('directly')}}}" if factor.is_direct else quotient


def _quotient(user: str, operand: str) -> str:
    return f"d{_grouped(user)}/d{_grouped(operand)}"


def _grouped(name: str) -> str:
    return name if name.isidentifier() else f"({name})"


def _many(count: int) -> str:
    return f"{count:,}" if count < COUNTED else f"more than {COUNTED:,}"


def _joined(numbers: list[str], sign: str) -> str:
    first, *rest = numbers
    return sign.join([first, *[f"({x})" if x.startswith("-") else x for x in rest]])


def _latex_chain(path: Path) -> str:
    return r" \cdot ".join([_typeset(f) if f else r"\cdots" for f in _shown(path.factors)])


def _fraction(user: str, operand: str) -> str:
    return rf"\frac{{\partial {latex_name(user)}}}{{\partial {latex_name(operand)}}}"


def _escaped(text: str) -> str:
    """Return text as Markdown shows it as it is, in a table too."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#+!|~$&" else c for c in text)
