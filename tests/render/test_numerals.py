"""Numbers in pictures: four digits, a true minus, exponents only where they help."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_lite.notation import numeral, product, second, summed


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-2.0, "−2"),
        (0.1966119, "0.1966"),
        (9.99996, "10"),
        (12345.6, "12346"),
        (99999.9, "1e5"),
        (1e5, "1e5"),
        (-1.2345e7, "−1.234e7"),
        (1e-4, "0.0001"),
        (9.99996e-5, "0.0001"),
        (1.5e-5, "1.5e−5"),
        (5e-324, "4.941e−324"),
        (float("nan"), "nan"),
        (float("-inf"), "−inf"),
    ],
)
def test_a_number_is_written_with_four_digits(number, text):
    assert numeral(number, 4) == text


def test_one_digit_gives_the_hand_rounded_numbers_of_the_lectures():
    assert [numeral(x, 1) for x in (0.1966, 0.3932, -0.5344)] == ["0.2", "0.4", "−0.5"]


@given(st.floats(-1e308, 1e308), st.integers(1, 17))
def test_what_is_written_is_the_number_to_that_many_digits(number, digits):
    """|read(written) − number| ≤ half a unit of the last digit, and 0 is written for 0 alone."""
    read = float(numeral(number, digits).replace("−", "-"))
    assert read == pytest.approx(number, rel=0.5000001 * 10.0 ** (1 - digits), abs=5e-324)
    assert (read == 0.0) == (number == 0.0)


def test_a_negative_number_after_a_sign_is_put_in_parentheses():
    assert product("−2", "−3") == "−2 × (−3)"
    assert summed(["−2 × 1", "−3 × 1"]) == "−2 × 1 + (−3) × 1"
    assert second("2") == "2"
