"""Checks of what callers ask a source for, before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.market.records import PriceType, require_stock_code


def checked_code(stock_code: str) -> str:
    """Return the code unchanged.

    Raises:
        InvalidRequestError: It is not six characters of ``0-9A-Z``.
    """
    try:
        return require_stock_code(stock_code)
    except ValueError as error:
        raise InvalidRequestError(str(error)) from None


def checked_codes(stock_codes: Sequence[str]) -> list[str]:
    """Return the codes as a list.

    Raises:
        InvalidRequestError: It is one text instead of several, or one of them is malformed.
    """
    if isinstance(stock_codes, str):
        raise InvalidRequestError(f"stock_codes must be a list of codes, not the text {stock_codes!r}")
    return [checked_code(code) for code in stock_codes]


def checked_range(first: date, last: date) -> None:
    """Accept a range of days, both included.

    Raises:
        InvalidRequestError: ``first`` lies after ``last``, or one of them is not a date in Seoul.
    """
    if any(not isinstance(day, date) or isinstance(day, datetime) for day in (first, last)):
        raise InvalidRequestError(f"first and last must be dates, not {first!r} and {last!r}")
    if first > last:
        raise InvalidRequestError(f"first {first} lies after last {last}")


def checked_count(period: PriceType, count: int) -> None:
    """Accept a period and a number of bars.

    Raises:
        InvalidRequestError: ``count`` is not a positive whole number, or ``period`` is no PriceType.
    """
    if not isinstance(period, PriceType):
        raise InvalidRequestError(f"period must be a PriceType, not {period!r}")
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InvalidRequestError(f"count must be a positive whole number, not {count!r}")
