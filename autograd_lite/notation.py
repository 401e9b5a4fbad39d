"""How numbers, signs and labels are printed: few digits, a true minus, ASCII where a stream needs it."""

from __future__ import annotations

import sys
from math import isfinite

from autograd_lite.errors import ArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from autograd_lite.primitives import Primitive

DIGITS = 4  # four let the printed products be checked by hand
LABEL_WIDTH = 24
SPELLED_OUT = 3  # so many terms are written out; above, their number is
INFIX = {"add": "+", "sub": "−", "mul": "×", "div": "/", "pow": "^", "greater": ">"}
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
ASCII = str.maketrans(
    {
        "├": "|", "└": "`", "─": "-", "│": "|", "−": "-", "×": "*", "÷": "/", "·": "*", "±": "+-", "→": "->",
        "…": "...", "∂": "d", "σ": "sigmoid", "Σ": "sum", "Π": "prod", "Φ": "Phi", "√": "sqrt", "∛": "cbrt", "′": "'",
        "⁰": "^0", "¹": "^1", "²": "^2", "³": "^3", "⁴": "^4", "⁵": "^5", "⁶": "^6", "⁷": "^7", "⁸": "^8", "⁹": "^9",
    }
)  # fmt: skip


def numeral(number: float, digits: int) -> str:
    """Return a number with `digits` significant digits; exponents only outside 1e-4..1e5.

    >>> numeral(0.73105857863, 4), numeral(-2.0, 4), numeral(12345.6, 4), numeral(1.5e-7, 4)
    ('0.7311', '−2', '12346', '1.5e−7')
    """
    if not isfinite(number):
        return str(number).replace("-", "−")
    mantissa, _, power = f"{number:.{digits - 1}e}".partition("e")
    exponent = int(power)  # that of the rounded number: 9.99996 has the exponent 1
    if not float(mantissa):
        return "0"
    if -4 <= exponent < 5:
        text = _without_trailing_zeros(f"{number:.{max(0, digits - 1 - exponent)}f}")
    else:
        text = f"{_without_trailing_zeros(mantissa)}e{exponent}"
    return text.replace("-", "−")


def check_digits(digits: int, who: str) -> None:
    """Raise ArgumentError unless `numeral` can print so many digits."""
    if not isinstance(digits, int) or not 1 <= digits <= 17:
        raise ArgumentError(f"{who}: digits must be an int in 1..17, got {digits!r:.40}. Leave it out for {DIGITS}.")


def second(text: str) -> str:
    """Return a numeral as it stands after an operator: in parentheses where it is negative.

    >>> second("−3"), second("3")
    ('(−3)', '3')
    """
    return f"({text})" if text.startswith("−") else text


def product(a: str, b: str) -> str:
    """Return two numerals multiplied.

    >>> product("2", "−1")
    '2 × (−1)'
    """
    return f"{a} × {second(b)}"


def summed(terms: list[str]) -> str:
    """Return a sum of terms; one that starts with a minus sign is put in parentheses as far as it goes.

    >>> summed(["−1 × 3", "−2 × 5", "4"])
    '−1 × 3 + (−2) × 5 + 4'
    """
    first, *rest = terms
    return " + ".join([first, *(" ".join([second(head), *tail]) for head, *tail in map(str.split, rest))])


def printable(label: str) -> str:
    """Return a label on one line of bounded width, what cannot be printed as escapes.

    >>> printable("two\\nlines")
    'two\\\\nlines'
    """
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in label[: 4 * LABEL_WIDTH])
    return text if len(text) <= LABEL_WIDTH else text[: LABEL_WIDTH - 1] + "…"


def can_encode(text: str, encoding: str) -> bool:
    """Say whether a stream of this encoding takes the text.

    >>> can_encode("2 × 3", "cp1252"), can_encode("σ", "cp1252")
    (True, False)
    """
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def spelled(text: str, encoding: str) -> str:
    """Return the text without signs that few encodings have: the known ones as words, the rest as escapes.

    >>> spelled("σ(2 × −1)", "cp1252")
    'sigmoid(2 * -1)'
    """
    return text.translate(ASCII).encode(encoding, "backslashreplace").decode(encoding)


def arithmetic(row: Primitive, numbers: list[str]) -> str:
    """Return an operation on its numbers, as one writes it: 2 × (−1), 4², exp(−1), Σ of 5 terms."""
    name = row.name
    if name == "pow":
        base, exponent = (f"({x})" if "−" in x else x for x in numbers)  # in 1e−7 too
        return f"{base}{exponent.translate(SUPERSCRIPTS)}" if exponent.isdigit() else f"{base} ^ {exponent}"
    if name in INFIX:
        a, b = numbers
        return f"{a} {INFIX[name]} {second(b)}"
    if name == "neg":
        return f"−({numbers[0]})"
    if name == "dot":
        half = len(numbers) // 2
        if half > SPELLED_OUT:
            return f"Σ of {half} products"
        return summed([product(a, b) for a, b in zip(numbers[:half], numbers[half:], strict=True)])
    if name == "sum":
        return f"Σ of {len(numbers)} terms" if len(numbers) > SPELLED_OUT else summed(numbers)
    called = row.symbol if row.symbol.isalpha() else name
    return f"{called}({', '.join(numbers[:SPELLED_OUT])}{', …' * (len(numbers) > SPELLED_OUT)})"


def on_stdout(text: str) -> str:
    """Return the text as stdout can take it, in ASCII where it lacks the signs."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"  # None: a StringIO takes everything
    return text if can_encode(text, encoding) else spelled(text, encoding)


def _without_trailing_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
