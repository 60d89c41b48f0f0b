"""What callers hand in, checked before anything is read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time

from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.market.records import require_stock_code


def as_codes(codes: str | Iterable[str] | None) -> list[str] | None:
    """Return the codes, each once, in order; None, which stands for the whole market, stays None.

    Raises:
        InvalidRequestError: One is not a stock code, or there is none: an empty list is never meant.
    """
    if codes is None:
        return None
    try:
        found = sorted({require_stock_code(code) for code in ([codes] if isinstance(codes, str) else codes)})
    except ValueError as error:
        raise InvalidRequestError(str(error)) from None
    if not found:
        raise InvalidRequestError("codes is empty: name at least one stock code, or None for the whole market")
    return found


def as_day(value: date | str, name: str) -> date:
    """Return a day in Seoul.

    Raises:
        InvalidRequestError: It is not a date, text like 2026-09-21, or a midnight without a zone.
    """
    try:
        day = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(day, datetime):
            if day.tzinfo is None and day.time() == time.min:
                return date(day.year, day.month, day.day)
        elif isinstance(day, date):
            return day
    except ValueError:
        pass
    raise InvalidRequestError(f"{name} must be a date like 2026-09-21, not {value!r}")


def as_range(first: date | str, last: date | str) -> tuple[date, date]:
    """Return the range, both ends included.

    Raises:
        InvalidRequestError: A day is malformed, or the range is reversed.
    """
    begin, end = as_day(first, "first"), as_day(last, "last")
    if begin > end:
        raise InvalidRequestError(f"the range is reversed: first {begin} is after last {end}")
    return begin, end


def as_moment(value: datetime | str | None) -> datetime | None:
    """Return a moment with its zone.

    Raises:
        InvalidRequestError: It is malformed, or has no zone: 18:00 where?
    """
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00")) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise InvalidRequestError(
            f"as_of must be a moment with its zone, like 2026-09-14T18:00+09:00, not {str(value)!r}"
        )
    return moment
