"""How the exchange's own bars differ from the provisional ones that they are about to replace."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from psycopg2.extras import execute_values

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.market.records import DailyBar
from data_pipeline.market.trading_calendar import TradingCalendar, krx_calendar
from data_pipeline.warehouse.errors import said_plainly

COMPARED = ("open", "high", "low", "close", "volume", "trading_value", "change")
AFTER_MARKET_GROWS = ("volume", "trading_value")
AFTER_MARKET_MOVES = ("high", "low", "close", "change")
MISSING_PROVISIONAL, MISSING_OFFICIAL = "missing_provisional", "missing_official"
_AFTER_MARKET_ENDS = 20

_READ = """
    SELECT stock_code, session, open, high, low, close, volume, trading_value, change, source,
        market.source_rank(source) < market.source_rank(%s)
    FROM market.daily_bar WHERE session = %s AND (%s::text[] IS NULL OR stock_code = ANY(%s))
"""
_WRITE = """
    INSERT INTO market.reconciliation (session, stock_code, kind, provisional, official, after_market, expected,
        provisional_source, official_source, run_id) VALUES %s
    ON CONFLICT (session, stock_code, kind) DO UPDATE SET (provisional, official, after_market, expected,
        provisional_source, official_source, run_id, loaded_at) = (excluded.provisional, excluded.official,
        excluded.after_market, excluded.expected, excluded.provisional_source, excluded.official_source,
        excluded.run_id, statement_timestamp())
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between two bars of one instrument and session."""

    session: date
    stock_code: str
    kind: str
    """A column of the bar, ``missing_provisional`` or ``missing_official``."""
    provisional: int | None
    official: int | None
    after_market: bool
    """Whether trades in the after-market can explain it."""
    expected: bool | None
    """Whether it is to be expected, given the setting; None while nobody knows the setting."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of comparing one session."""

    compared: int
    """Instruments that both sides have."""
    different: int
    """Differences of any kind; all of them are stored."""
    unexpected: int
    """Differences that nothing explains: the after-market cannot, or does not according to the setting."""


def after_market_setting(text: str | None) -> bool | None:
    """Return what ``KIS_BARS_INCLUDE_AFTER_MARKET`` says; None while nobody knows.

    Raises:
        ConfigurationError: It is neither true, false nor empty.
    """
    value = (text or "").strip().lower()
    if value not in {"", "true", "false"}:
        raise ConfigurationError(f"KIS_BARS_INCLUDE_AFTER_MARKET must be true, false or empty, not {text!r}")
    return None if not value else value == "true"


def differences(
    provisional: Mapping[str, DailyBar],
    official: Iterable[DailyBar],
    session: date,
    kis_includes_after_market: bool | None,
    calendar: TradingCalendar | None = None,
) -> Iterator[Difference]:
    """Yield the differences in the order of the official bars, then the bars that only the provisional side has.

    Since 2026-09-14 KRX's volume and value include the after-market, while its close is that of 15:30. So if KIS's bars
    stop at the close, KRX's amounts are larger; if they go on until 20:00, KIS's prices may be those of the evening.

    Args:
        provisional: The provisional bars of the session, by code.
        official: The exchange's bars, each code once.
        session: Their session.
        kis_includes_after_market: Whether KIS's daily bars include the after-market; None while nobody knows.
        calendar: Knows when a session's figures become final.
    """
    late = (calendar or krx_calendar()).final_at(session).hour >= _AFTER_MARKET_ENDS
    seen: set[str] = set()
    for bar in official:
        seen.add(bar.stock_code)
        other = provisional.get(bar.stock_code)
        if other is None:
            yield Difference(session, bar.stock_code, MISSING_PROVISIONAL, None, bar.close, False, False)
            continue
        for kind in COMPARED:
            mine, theirs = getattr(other, kind), getattr(bar, kind)
            if mine != theirs:
                explained, expected = _explained(kind, mine, theirs, kis_includes_after_market, late=late)
                yield Difference(session, bar.stock_code, kind, mine, theirs, explained, expected)
    for code in sorted(set(provisional) - seen):
        yield Difference(session, code, MISSING_OFFICIAL, provisional[code].close, None, False, False)


def reconcile(
    connection: Connection,
    official: Iterable[DailyBar],
    session: date,
    source: str,
    run_id: int | None,
    kis_includes_after_market: bool | None,
    stock_codes: Collection[str] | None = None,
) -> Comparison:
    """Store how the official bars differ from the stored provisional ones; never commits, safe to repeat.

    Call it in the transaction that loads the official bars, before they are loaded. Codes that have an official bar
    already were compared when it was loaded and are left out. ``stock_codes`` are the codes that were asked for; None
    means the whole market.

    Raises:
        ConfigurationError: The warehouse is not migrated, or the user may not load.
        TransientError: The connection was lost or a lock was in the way; trying again can help.
    """
    with said_plainly("reconciliation"), connection.cursor() as cursor:
        provisional, sources, done = _stored(
            cursor, session, source, None if stock_codes is None else list(stock_codes)
        )
        if not provisional:
            return Comparison(0, 0, 0)
        fresh = [bar for bar in official if bar.stock_code not in done]
        found = list(differences(provisional, fresh, session, kis_includes_after_market))
        rows = [
            (one.session, one.stock_code, one.kind, one.provisional, one.official, one.after_market, one.expected,
             sources.get(one.stock_code), source, run_id)
            for one in found
        ]  # fmt: skip
        execute_values(cursor, _WRITE, rows, page_size=1000)
    both = sum(bar.stock_code in provisional for bar in fresh)
    return Comparison(both, len(found), sum(one.expected is False for one in found))


def _stored(
    cursor: Cursor, session: date, source: str, codes: list[str] | None
) -> tuple[dict[str, DailyBar], dict[str, str], set[str]]:
    """Return the provisional bars and their sources by code, and the codes whose stored bar is official."""
    cursor.execute(_READ, (source, session, codes, codes))
    provisional: dict[str, DailyBar] = {}
    sources: dict[str, str] = {}
    done: set[str] = set()
    for *values, origin, lower in cursor.fetchall():
        bar = DailyBar(*values)
        if lower:
            provisional[bar.stock_code], sources[bar.stock_code] = bar, origin
        else:
            done.add(bar.stock_code)
    return provisional, sources, done


def _explained(
    kind: str, provisional: int, official: int, kis_includes: bool | None, *, late: bool
) -> tuple[bool, bool | None]:
    """Return whether the after-market can explain a difference, and whether it is to be expected."""
    if late and kind in AFTER_MARKET_GROWS and official > provisional:
        return True, None if kis_includes is None else not kis_includes
    if late and kind in AFTER_MARKET_MOVES:
        return True, kis_includes
    return False, False
