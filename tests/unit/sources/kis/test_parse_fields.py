"""Single fields: everything is text, and nothing is guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.exceptions import PayloadError
from data_pipeline.sources.kis.parse_fields import Row


def row(**fields: object) -> Row:
    """Return a row of an answer about 005930."""
    return Row("KIS inquire-price of 005930", fields)


@pytest.mark.parametrize(("text", "expected"), [
    ("71000", 71000), ("000071000", 71000), ("     71000", 71000), ("71000   ", 71000), ("-1420", -1420),
    ("-0019", -19), ("0", 0),
])  # fmt: skip
def test_whole_numbers(text, expected):
    """Numbers may be padded with blanks or zeros and carry a minus in front of the zeros."""
    assert row(x=text).integer("x") == expected


@pytest.mark.parametrize(
    "value", ["", "   ", "N/A", "71,000", "71000.5", "1e5", "NaN", "+5", "٧١", "0x10", "9" * 30, "- 5"]
)
def test_text_that_is_no_whole_number(value):
    """Anything else is an error that names the call, the code and the field."""
    with pytest.raises(PayloadError, match=r"KIS inquire-price of 005930: field x"):
        row(x=value).integer("x")


@pytest.mark.parametrize("value", [71000, None, True, ["71000"], {}])
def test_value_that_is_no_text(value):
    """KIS sends text only, so another JSON type is not what is documented."""
    with pytest.raises(PayloadError, match="field x is not text"):
        row(x=value).integer("x")


def test_missing_field():
    """An absent field is said to be missing."""
    with pytest.raises(PayloadError, match="field stck_prpr is missing"):
        row().integer("stck_prpr")


@pytest.mark.parametrize(("value", "sign", "expected"), [
    ("1420", "2", 1420), ("21300", "1", 21300), ("-1420", "5", -1420), ("1420", "5", -1420), ("-21300", "4", -21300),
    ("0", "3", 0), ("0", "", 0), ("0", "0", 0),
])  # fmt: skip
def test_change_with_its_sign_code(value, sign, expected):
    """Sign 4 and 5 are falls whether or not the value has its own minus; it is never negated twice."""
    assert row(prdy_vrss=value, prdy_vrss_sign=sign).signed("prdy_vrss") == expected


@pytest.mark.parametrize(("value", "sign"), [("5", "3"), ("-5", "2"), ("-5", "1"), ("5", ""), ("5", "0"), ("5", "9")])
def test_change_against_its_sign_code(value, sign):
    """A value that contradicts its sign code is refused."""
    with pytest.raises(PayloadError, match="prdy_vrss_sign"):
        row(prdy_vrss=value, prdy_vrss_sign=sign).signed("prdy_vrss")


def test_rate_that_rounds_to_zero_fits_any_sign():
    """A small rise may print as 0.00 percent."""
    assert row(prdy_ctrt="0.00", prdy_vrss_sign="2").signed_rate("prdy_ctrt") == 0.0


@pytest.mark.parametrize("value", ["20261301", "2026112", "2026-11-20", "", "２０２６１１２０", "20260230"])
def test_text_that_is_no_day(value):
    """A day is eight digits of a day that exists."""
    with pytest.raises(PayloadError):
        row(d=value).day("d")


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_an_error(text):
    """Hostile text never passes as anything but a whole number."""
    try:
        value = row(x=text).integer("x")
    except PayloadError:
        return
    assert isinstance(value, int)
    assert text.strip().lstrip("-0") in {str(abs(value)), "" if value == 0 else str(abs(value))}
