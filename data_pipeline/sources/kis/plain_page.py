"""Pages of a daily chart that are plainly right, read in columns; whatever is not goes the long way, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from operator import gt, itemgetter, mul

import msgspec

from data_pipeline.market.bar_columns import daily_bars
from data_pipeline.market.records import DailyBar
from data_pipeline.sources.answer_row import DAY

_FIELDS = itemgetter(
    *("stck_bsop_date", "stck_oprc", "stck_hgpr", "stck_lwpr", "stck_clpr", "acml_vol", "acml_tr_pbmn", "prdy_vrss"),
    "prdy_vrss_sign",
)
_NUMBERS = msgspec.json.Decoder(list[int])
_MOST = 10**18
"""A whole number has at most 18 digits."""
_SIGNS: dict[object, int] = {"1": 1, "2": 1, "3": 0, "0": 0, "": 0, "4": -1, "5": -1}


def plain_bars(stock_code: str, rows: object, first: date, last: date) -> list[DailyBar] | None:
    """Return the bars of a page, newest first, when nothing about any row of it is unusual; None otherwise.

    What it returns is what :func:`~data_pipeline.sources.kis.parse_chart.parse_chart` and
    :func:`~data_pipeline.sources.kis.parse_chart.daily_bar` make of the same rows, without an error.

    Args:
        stock_code: The code asked for, which the head of the answer repeats.
        rows: What stands under ``output2``, whatever that is.
        first: The oldest day asked for.
        last: The newest day asked for.
    """
    try:
        days, *texts, signs = zip(*map(_FIELDS, rows), strict=True)  # type: ignore[call-overload]
        sessions = [*map(_day, days)]
        opens, highs, lows, closes, volumes, values, sizes = _whole_numbers(texts)
        if 0 in volumes:
            traded = map(_traded, opens, highs, lows, volumes, values)
            opens, highs, lows = (list(column) for column in zip(*traded, strict=True))
        changes = _changes(sizes, [*map(_SIGNS.__getitem__, signs)])
        in_order = first <= sessions[-1] and sessions[0] <= last and all(map(gt, sessions, sessions[1:]))
        bars = daily_bars(stock_code, sessions, opens, highs, lows, closes, volumes, values, changes)
    except (LookupError, TypeError, ValueError, msgspec.DecodeError):
        return None
    return bars if in_order else None


@lru_cache(maxsize=20_000)
def _day(text: str) -> date:
    if not DAY.fullmatch(text):
        raise ValueError
    return date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:]}")


def _whole_numbers(columns: Sequence[Sequence[str]]) -> list[list[int]]:
    """Return columns of whole numbers, when each text is one as JSON writes it, of at most 18 digits."""
    text, rows = ",".join(map(",".join, columns)).encode("ascii"), len(columns[0])
    if text.translate(None, b"0123456789-,"):
        raise ValueError
    found = _NUMBERS.decode(b"[%b]" % text)
    if len(found) != rows * len(columns) or not -_MOST < min(found) <= max(found) < _MOST:
        raise ValueError
    return [found[start : start + rows] for start in range(0, len(found), rows)]


def _traded(opened: int, high: int, low: int, volume: int, value: int) -> tuple[int, int, int]:
    """Return the prices of a session, 0 when nothing was traded; KIS may repeat the close then."""
    if volume == 0 and (value != 0 or not opened == high == low):
        raise ValueError
    return (opened, high, low) if volume else (0, 0, 0)


def _changes(sizes: Sequence[int], signs: Sequence[int]) -> list[int]:
    """Return changes with the sign of their code; a fall may be written with its minus or without."""
    changes = [*map(mul, map(abs, sizes), signs)]
    if changes != sizes and any(
        sign >= 0 and size != change for size, sign, change in zip(sizes, signs, changes, strict=True)
    ):
        raise ValueError
    return changes
