r"""Names, numbers and operations in LaTeX's mathematics, as KaTeX, MathJax and matplotlib read it."""

from __future__ import annotations

from autograd_lite.formulas import ATOM, OPERATORS, POWER, PRODUCT, SIGN, SUM
from autograd_lite.notation import numeral

TYPE_CHECKING = False
if TYPE_CHECKING:
    from autograd_lite.primitives import Primitive

LETTERS = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
    "omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
)
GREEK = frozenset(LETTERS.split())
ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303"}
SIGNS = str.maketrans(
    {
        "\\": r"\backslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "^": r"\wedge{}", "~": r"\sim{}", "#": r"\#{}",
        "$": r"\$", "%": r"\%", "&": r"\&", "<": "{<}", ">": "{>}", "'": r"{\prime}", '"': r"{\prime\prime}",
        " ": r"\ ", "@": "{@}", "-": "{-}", "−": "{-}", "…": r"\ldots{}", "`": "‘",
    }
)  # fmt: skip
FUNCTIONS = {
    "exp": r"\exp", "log": r"\ln", "log2": r"\log_{2}", "log10": r"\log_{10}", "sigmoid": r"\sigma",
    "sin": r"\sin", "cos": r"\cos", "tan": r"\tan", "sinh": r"\sinh", "cosh": r"\cosh", "tanh": r"\tanh",
    "asin": r"\arcsin", "acos": r"\arccos", "atan": r"\arctan", "max": r"\max", "min": r"\min",
    "maximum": r"\max", "minimum": r"\min",
}  # fmt: skip


def latex_name(name: str) -> str:
    r"""Return a label in LaTeX: letters in italics, indices as subscripts, hats on; the rest as it is, upright.

    >>> print(latex_name("w11"), latex_name("w_in"), latex_name("w[1][2]"), latex_name("50 % $"))
    w_{11} w_{\mathrm{in}} w_{1,2} \mathrm{50\ \%\ \$}
    >>> print(latex_name("yhat"), latex_name("ŷ"), latex_name("theta_1"))
    \hat{y} \hat{y} \theta_{1}
    """
    head, indices = _parted(name)
    base = _letter(head)
    if base and indices[0] in ACCENTS:
        base, indices = rf"\{indices[0]}{{{base}}}", indices[1:]
    if not base and head.isalpha() and name[len(head) :].isdigit():  # relu3
        base = upright(head)
    if not base:
        return upright(name)
    index = ",".join([i if len(i) == 1 or i.isdigit() else upright(i) for i in indices if i])
    return f"{base}_{{{index}}}" if index else base


def _parted(name: str) -> tuple[str, list[str]]:
    """Return a name as its head and its indices, as many as are written; [""] where it has none."""
    head, indices = name, [""]
    if "[" in name and name.endswith("]"):
        head, _, rest = name[:-1].partition("[")
        indices = rest.split("][")
    elif "_" in name:
        head, *indices = name.split("_")
    elif name[-1:].isdigit():
        head = name.rstrip("0123456789")
        indices = [name[len(head) :]]
    return (head, indices) if all(i.isascii() and i.isalnum() for i in indices) else (name, [""])


def _letter(head: str) -> str:
    """Return one letter, Latin or Greek, with a hat or a bar if it has one; "" for anything else."""
    if head in GREEK:
        return rf"\{head}"
    if head.isascii():
        accent = next((accent for accent in ACCENTS if head.endswith(accent)), "")
        letter = _letter(head.removesuffix(accent)) if accent else ""
        return rf"\{accent}{{{letter}}}" if letter else head if len(head) == 1 and head.isalpha() else ""
    from unicodedata import normalize

    letter, mark = normalize("NFD", head)[:1], normalize("NFD", head)[1:]
    accent = next((accent for accent, sign in ACCENTS.items() if sign == mark), "")
    return (
        rf"\{accent}{{{letter}}}" if accent and letter.isalpha() else head if len(head) == 1 and head.isalpha() else ""
    )


def upright(text: str) -> str:
    r"""Return text as it is.

    >>> print(upright("3 of 5 paths"))
    \mathrm{3\ of\ 5\ paths}
    """
    if not text.isascii():
        from unicodedata import normalize

        # An accent that belongs to no letter would sit on a brace: KaTeX takes the two for one sign.
        text = "".join(ascii(c)[1:-1] if "\u0300" <= c <= "\u036f" else c for c in normalize("NFC", text))
    return rf"\mathrm{{{text.translate(SIGNS)}}}"


def latex_number(x: float, digits: int) -> str:
    r"""Return a number.

    >>> print(latex_number(-2.5e-7, 3), latex_number(float("inf"), 3))
    -2.5 \times 10^{-7} \infty
    """
    mantissa, exponent, power = numeral(x, digits).replace("−", "-").replace("inf", r"\infty").partition("e")
    return rf"{mantissa} \times 10^{{{power}}}" if exponent else mantissa.replace("nan", upright("nan"))


def latex_formula(row: Primitive, operands: list[tuple[str, int]]) -> tuple[str, int]:
    r"""Return an operation on operands in LaTeX, and how tightly it binds: the counterpart of `formulas.formula`.

    >>> from autograd_lite.primitives import ROWS
    >>> print(latex_formula(ROWS["mul"], [("a + b", SUM), ("c", ATOM)])[0])
    (a + b) \cdot c
    >>> print(latex_formula(ROWS["div"], [("a + b", SUM), ("c", ATOM)])[0])
    \frac{a + b}{c}
    """
    texts = [text for text, _ in operands]
    name = row.name
    if name in ("chain", "gate") and ("1", ATOM) in operands:
        return operands[0 if operands[1] == ("1", ATOM) else 1]
    if name == "div":
        return rf"\frac{{{texts[0]}}}{{{texts[1]}}}", POWER
    if name in OPERATORS:
        sign, binding = OPERATORS[name]
        if binding == PRODUCT:  # a factor that is a product needs no parentheses
            return rf"{_bound(operands[0], PRODUCT)} \cdot {_bound(operands[1], PRODUCT, after=True)}", PRODUCT
        return f"{_bound(operands[0], SUM)} {sign} {_bound(operands[1], PRODUCT, after=True)}", SUM
    if name == "neg":
        return f"-{_bound(operands[0], SIGN, after=True)}", SIGN
    if name == "pow":
        return f"{{{_bound(operands[0], ATOM)}}}^{{{texts[1]}}}", POWER
    if name == "sqrt":
        return rf"\sqrt{{{texts[0]}}}", ATOM
    if name == "abs":
        return rf"\left|{texts[0]}\right|", ATOM
    if name == "sum":
        return " + ".join([_bound(x, PRODUCT, after=k > 0) for k, x in enumerate(operands)]), SUM
    if name == "dot":
        half = len(operands) // 2
        pairs = zip(operands[:half], operands[half:], strict=True)
        terms = [rf"{_bound(a, PRODUCT)} \cdot {_bound(b, PRODUCT, after=True)}" for a, b in pairs]
        return " + ".join(terms), SUM
    return f"{FUNCTIONS.get(name) or upright(name)}{grouped(', '.join(texts))}", ATOM


def grouped(text: str) -> str:
    """Return a formula in parentheses, tall ones where it is tall."""
    return rf"\left({text}\right)" if r"\frac" in text else f"({text})"


def _bound(operand: tuple[str, int], binding: int, *, after: bool = False) -> str:
    text, own = operand
    return grouped(text) if own < binding or (after and text.startswith("-")) else text
