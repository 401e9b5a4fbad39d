"""Numbers as pictures print them: few digits, a true minus, no trailing zeros."""

from __future__ import annotations

from math import isfinite

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


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


def _without_trailing_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
