"""Made-up daily bars for the loading benchmark, always the same: as records, as COPY text and as KIS's pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from itertools import islice
from pathlib import Path

from data_pipeline.datasets.daily_bar import DAILY_BAR
from data_pipeline.emulator.kis.wire_chart import row
from data_pipeline.market.records import DailyBar
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar

SOURCE = "mock"
COLUMNS = (*DAILY_BAR.table.columns, "source")
"""What the COPY text holds; ``run_id`` and ``loaded_at`` are left to their defaults."""
SESSIONS = 500
MOST_ROWS = 50_000_000
PAGE = 100
LAST = date(2026, 11, 20)
ANSWERED = datetime.combine(LAST, time(20, 30), SEOUL)
CHANGED_EVERY = 100


@lru_cache(maxsize=1)
def sessions() -> list[date]:
    """Return the days that every code has a bar of, oldest first: about two years, 25 partitions."""
    return krx_calendar().sessions(date(2024, 6, 1), LAST)[-SESSIONS:]


def codes(rows: int) -> int:
    """Return how many codes so many rows have."""
    return -(-rows // SESSIONS)


def codes_of(count: int) -> list[str]:
    """Return the first codes, in their order."""
    return [stock_code(number) for number in range(count)]


def stock_code(number: int, *, other: bool = False) -> str:
    """Return the code of one number; other codes lie between those that are loaded."""
    return f"{10 * number + 5 * other:06d}"


def bars(rows: int, *, other: bool = False, changed: bool = False) -> Iterator[DailyBar]:
    """Yield bars code by code and newest first, as KIS gives them.

    Args:
        rows: How many.
        other: Those of other codes, on the same days.
        changed: One in a hundred says a share more, spread over codes and days.
    """
    return islice((bar for number in range(codes(rows)) for bar in bars_of_code(number, other, changed)), rows)


def bars_of_code(number: int, other: bool = False, changed: bool = False) -> Iterator[DailyBar]:
    """Yield the bars of one code, newest first; the options are those of :func:`bars`."""
    code, days = stock_code(number, other=other), sessions()
    for place in range(len(days) - 1, -1, -1):
        before, close = _close(number, place - 1), _close(number, place)
        volume = 1 + (number * 48_271 + place * 1_680_700) % 4_999_999 + (changed and is_changed(number, place))
        high, low = max(before, close) + 100, min(before, close) - 100
        yield DailyBar(code, days[place], before, high, low, close, volume, volume * close, close - before)


def _close(number: int, place: int) -> int:
    return 50_000 + 100 * ((number * 7_919 + place * 104_729) % 41 - 20)


def is_changed(number: int, place: int) -> bool:
    """Whether the bar of this code and session is among the changed ones."""
    return (place + 37 * number) % CHANGED_EVERY == 0


def changes(rows: int) -> int:
    """Return how many of the first rows are changed."""
    places = range(len(sessions()) - 1, -1, -1)
    pairs = ((number, place) for number in range(codes(rows)) for place in places)
    return sum(is_changed(number, place) for number, place in islice(pairs, rows))


@dataclass(frozen=True)
class Content:
    """What a table that holds certain rows adds up to."""

    rows: int
    volume: int

    def __add__(self, other: Content) -> Content:
        return Content(self.rows + other.rows, self.volume + other.volume)


def write_text(path: Path, records: Iterable[DailyBar], source: str = SOURCE) -> Content:
    """Write records as COPY text of ``COLUMNS`` and return what they add up to."""
    rows = volume = 0
    with path.open("w", encoding="utf-8") as file:
        for bar in records:
            file.write(f"{DAILY_BAR.table.line(bar)[:-1]}\t{source}\n")
            rows, volume = rows + 1, volume + bar.volume
    return Content(rows, volume)


def write_pages(path: Path, rows: int) -> None:
    """Write the answers of KIS's daily chart that hold these bars, one a line, a hundred bars each, newest first."""
    records = bars(rows)
    with path.open("w", encoding="utf-8") as file:
        while page := list(islice(records, PAGE)):
            head = {"stck_shrn_iscd": page[0].stock_code, "hts_kor_isnm": "가나다"}
            answer = {"output1": head, "output2": [row(bar, 1.0) for bar in page]}
            file.write(json.dumps({**answer, "rt_cd": "0", "msg_cd": "MCA00000", "msg1": "OK"}) + "\n")
