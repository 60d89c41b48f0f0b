"""A warehouse that knows five sessions and two instruments, to be filled with bars by hand.

14 to 18 September 2026 (Monday to Friday) are sessions, final at 20:00. Both instruments are listed since the 1st, and
daily bars of both are expected from the 14th on.
"""

from typing import Any

CODES = ("005930", "0001A0")
INSTRUMENT = (
    "INSERT INTO market.instrument (stock_code, isin, name, market, security_group, as_of, listed_on, listed_from,"
    " halted, managed, liquidation, preferred, source) VALUES (%s, 'KR7005930003', '이름', 'KOSPI', 'ST', '2026-09-18',"
    " '2026-09-01', '2026-09-01', false, false, false, false, 'mock')"
)
BAR = (
    "INSERT INTO market.daily_bar (stock_code, session, open, high, low, close, volume, trading_value, change, source)"
    " VALUES (%s, %s, 10, 10, 10, 10, 1, 10, 0, 'mock')"
)
RUN = (
    "INSERT INTO market.ingest_run (dataset, source, first, last, status, started_at, finished_at, lease_until)"
    " VALUES ('daily_bar', 'mock', %s, %s, %s, %s, %s, '2026-09-18T21:05+09:00')"
)


def prepare(cursor: Any) -> None:
    """Make a warehouse such a one, as its owner; the caller commits."""
    cursor.execute("SELECT market.admit_source('mock')")
    cursor.execute("SELECT market.ensure_partitions('daily_bar', '2026-09-01', '2026-09-30')")
    cursor.execute("DELETE FROM market.calendar_session WHERE session NOT BETWEEN '2026-09-14' AND '2026-09-18'")
    for code in CODES:
        cursor.execute(INSTRUMENT, (code,))
        cursor.execute("INSERT INTO market.coverage_start VALUES ('daily_bar', %s, '2026-09-14')", (code,))


def bars(cursor: Any, *cells: tuple[str, int]) -> None:
    """Store the bars of these codes and days of September."""
    for code, number in cells:
        cursor.execute(BAR, (code, f"2026-09-{number}"))
