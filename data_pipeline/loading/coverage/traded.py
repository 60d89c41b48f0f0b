"""The proof of a day of trades: they and what was never printed add up to the last running volume.

The counters on the wire prove each code and venue to the share. Beside that the trades lie within the daily bar, and
the minutes that they make are the stored ones, where those are proved. What both venues add up to beside the unified
feed is written down and is no condition.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from psycopg2.extras import Json

from data_pipeline.loading.coverage.noted import Said, note_proofs
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.warehouse.errors import said_plainly

log = logging.getLogger(__name__)

NAME = "trade"
ADDS_UP = "the trades and what was never printed add up to the last running volume"
IDLE = "the daily bar says that nothing was traded"
_LAST_SECOND = timedelta(seconds=59)
"""The minute of the close is the last one of regular hours; its auction trades in it."""
_SUMS = """
    WITH watched AS (SELECT venue, stock_code FROM market.stream_watch WHERE session = %(day)s)
    SELECT w.stock_code::text, w.venue::text, coalesce(t.rows, 0), coalesce(t.volume, 0), coalesce(t.last, 0), t.low,
        t.high, coalesce(t.filled, 0), coalesce(g.auction, 0), coalesce(g.block, 0), coalesce(g.beside, 0),
        coalesce(g.open, 0), coalesce(g.gaps, 0)
    FROM watched w LEFT JOIN LATERAL (
        SELECT count(*) AS rows, sum(volume)::bigint AS volume, max(cumulative_volume) AS last,
            min(price) FILTER (WHERE traded_at BETWEEN %(opens)s AND %(ends)s) AS low,
            max(price) FILTER (WHERE traded_at BETWEEN %(opens)s AND %(ends)s) AS high,
            coalesce(sum(volume) FILTER (WHERE filled), 0)::bigint AS filled
        FROM market.trade b WHERE b.venue = w.venue AND b.stock_code = w.stock_code AND b.session = %(day)s) t ON true
    LEFT JOIN LATERAL (
        SELECT sum(unprinted_volume) FILTER (WHERE kind = 'auction')::bigint AS auction,
            sum(unprinted_volume) FILTER (WHERE kind = 'block')::bigint AS block,
            sum(unprinted_volume) FILTER (WHERE kind NOT IN ('auction', 'block'))::bigint AS beside,
            sum(open_volume)::bigint AS open, count(*) AS gaps
        FROM market.stream_gap s
        WHERE s.venue = w.venue AND s.stock_code = w.stock_code AND s.session = %(day)s) g ON true
    ORDER BY 1, 2
"""
_BARS = """
    SELECT stock_code::text, low, high, volume, open FROM market.daily_bar
    WHERE session = %(day)s AND stock_code IN (SELECT stock_code FROM market.stream_watch WHERE session = %(day)s)
"""
# A minute in which something was never printed, or is still lacking, cannot be made of trades.
_MINUTES = """
    WITH proved AS (
        SELECT p.stock_code FROM market.proof p
        WHERE p.dataset = 'minute_bar' AND p.session = %(day)s AND p.state = 'whole' AND EXISTS (
            SELECT FROM market.stream_watch w
            WHERE w.session = %(day)s AND w.stock_code = p.stock_code AND w.venue = 'KRX')
    ), made AS (
        SELECT stock_code, date_trunc('minute', traded_at) AS at,
            (array_agg(price ORDER BY cumulative_volume))[1] AS open, max(price) AS high, min(price) AS low,
            (array_agg(price ORDER BY cumulative_volume DESC))[1] AS close, sum(volume)::bigint AS volume,
            sum(price * volume)::bigint AS trading_value
        FROM market.trade
        WHERE venue = 'KRX' AND session = %(day)s AND stock_code IN (SELECT stock_code FROM proved)
            AND traded_at BETWEEN %(opens)s AND %(ends)s
        GROUP BY 1, 2
    ), stored AS (
        SELECT stock_code, at, open, high, low, close, volume, trading_value FROM market.minute_bar
        WHERE session = %(day)s AND stock_code IN (SELECT stock_code FROM proved)
    )
    SELECT stock_code::text, count(*), count(*) FILTER (WHERE wrong), min(at) FILTER (WHERE wrong) FROM (
        SELECT coalesce(m.stock_code, s.stock_code) AS stock_code, coalesce(m.at, s.at) AS at,
            (m.open, m.high, m.low, m.close, m.volume, m.trading_value)
                IS DISTINCT FROM (s.open, s.high, s.low, s.close, s.volume, s.trading_value) AS wrong
        FROM made m FULL JOIN stored s ON s.stock_code = m.stock_code AND s.at = m.at
    ) minute
    WHERE NOT EXISTS (
        SELECT FROM market.stream_gap g
        WHERE g.venue = 'KRX' AND g.stock_code = minute.stock_code AND g.session = %(day)s
            AND g.unprinted_volume + g.open_volume > 0
            AND (g.after IS NULL OR g.after < minute.at + interval '1 minute') AND g.until >= minute.at)
    GROUP BY 1
"""
CONTRADICTED = """
    WITH told AS (
        SELECT stock_code, session, count(*) AS rows, sum(volume)::bigint AS volume FROM market.trade
        WHERE session BETWEEN %(first)s AND %(last)s GROUP BY 1, 2
    )
    SELECT p.stock_code::text, p.session::date, CASE
        WHEN t.rows IS NULL THEN 'it is proved whole, and no trade is stored'
        WHEN t.rows <> p.rows THEN format('%%s trades are stored, and %%s were proved to be whole', t.rows, p.rows)
        ELSE format('the trades hold %%s shares, and %%s were proved', t.volume, p.figures ->> 'volume') END
    FROM market.proof p LEFT JOIN told t ON t.stock_code = p.stock_code AND t.session = p.session
    WHERE p.dataset = 'trade' AND p.state = 'whole' AND p.session BETWEEN %(first)s AND %(last)s
        AND (t.rows, t.volume) IS DISTINCT FROM (p.rows::bigint, (p.figures ->> 'volume')::bigint)
    ORDER BY 2, 1
"""
"""Days of trades that are proved and no longer hold what was proved."""


class Sums(NamedTuple):
    """What one venue's trades of a code add up to on a day."""

    stock_code: str
    venue: str
    rows: int
    volume: int
    """Shares of the stored trades."""
    last: int
    """The last running volume; 0 without a trade."""
    low: int | None
    """Of regular hours, as the next; None without a trade in them."""
    high: int | None
    filled: int
    """Shares that were asked for later."""
    auction: int
    """Shares that were never printed, out of an auction."""
    block: int
    """The same, of anything else."""
    beside: int
    """The same, found when a gap was filled: every trade was told, and they are fewer shares."""
    open: int
    """Shares that gaps still lack."""
    gaps: int

    @property
    def lacking(self) -> int:
        """Shares of the day that nothing accounts for."""
        return self.last - self.volume - self.auction - self.block - self.beside

    @property
    def problem(self) -> str:
        """Why the counters do not prove the day; empty when they do."""
        if self.lacking == self.open:
            return f"{self.venue} lacks {self.open:,} shares, as its gaps say" if self.open else ""
        return f"{self.venue} lacks {self.lacking:,} shares, and its gaps say {self.open:,}"


@dataclass(frozen=True)
class Proved:
    """What became of the codes that were watched on a day."""

    whole: int = 0
    doubted: int = 0
    empty: int = 0
    missing: int = 0
    """Nothing of it is stored, and no daily bar says that nothing was traded."""

    @property
    def settled(self) -> bool:
        """Whether every code is whole or truly empty."""
        return not self.doubted and not self.missing


class _Bar(NamedTuple):
    low: int
    high: int
    volume: int
    open: int


class _Minutes(NamedTuple):
    compared: int
    differing: int
    first: datetime | None


def prove_day(connection: Connection, session: date, source: str, run_id: int | None) -> Proved:
    """Note in ``market.proof`` what proves the trades of each watched code, or why they are doubted; never commits.

    Args:
        connection: Of a user that may load.
        session: A session whose trades have all come, or will not come any more.
        source: Whose stream it was.
        run_id: The ``ingest_run`` that proves it.

    Raises:
        TransientError: The warehouse is away or busy; trying again can help.
    """
    calendar = krx_calendar()
    values = {"day": session, "opens": calendar.open_at(session), "ends": calendar.close_at(session) + _LAST_SECOND}
    with said_plainly("coverage"), connection.cursor() as cursor:
        sums = [Sums(*row) for row in _asked(cursor, _SUMS, values)]
        bars = {code: _Bar(*row) for code, *row in _asked(cursor, _BARS, values)}
        minutes = {code: _Minutes(*row) for code, *row in _asked(cursor, _MINUTES, values)}
        codes = {code: [one for one in sums if one.stock_code == code] for code in {one.stock_code for one in sums}}
        said = {code: _said(some, bars.get(code), minutes.get(code)) for code, some in sorted(codes.items())}
        proofs = [((code, session), one) for code, one in said.items() if one is not None]
        note_proofs(cursor, NAME, proofs, source, run_id)
    for (code, _), (state, why, *_) in proofs:
        if state == "doubted":
            log.warning("the trades of %s on %s are not proved: %s", code, session, why)
    states = [one[0] if one else "missing" for one in said.values()]
    return Proved(*(states.count(state) for state in ("whole", "doubted", "empty", "missing")))


def _asked(cursor: Cursor, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    cursor.execute(statement, values)
    return cursor.fetchall()


def _said(venues: Sequence[Sums], bar: _Bar | None, minutes: _Minutes | None) -> Said | None:
    """Return what is noted of a code; None when nothing is known of it."""
    rows = sum(one.rows for one in venues)
    figures = Json({"volume": sum(one.volume for one in venues), **_figures(venues, bar, minutes)})
    if not rows:
        return ("empty", IDLE, figures, 0) if bar is not None and bar.volume == 0 else None
    doubts = [*(one.problem for one in venues if one.problem), *_contradicted(venues, bar, minutes)]
    return ("doubted", "; ".join(doubts), figures, rows) if doubts else ("whole", ADDS_UP, figures, rows)


def _contradicted(venues: Sequence[Sums], bar: _Bar | None, minutes: _Minutes | None) -> Iterator[str]:
    """Yield what other datasets say against the trades of KRX, whose bars are bounds of them."""
    krx = next((one for one in venues if one.venue == "KRX"), None)
    if krx is not None and bar is not None:
        if krx.last > bar.volume:
            yield f"KRX traded {krx.last:,} shares by its counter, and the daily bar has {bar.volume:,}"
        if bar.open and krx.low is not None and krx.high is not None and not bar.low <= krx.low <= krx.high <= bar.high:
            yield f"KRX traded at {krx.low:,} to {krx.high:,} won, and the daily bar at {bar.low:,} to {bar.high:,}"
    if minutes is not None and minutes.first is not None:
        first = minutes.first.astimezone(SEOUL)
        yield f"{minutes.differing} of {minutes.compared} minutes are not those stored, the first at {first:%H:%M}"


def _figures(venues: Sequence[Sums], bar: _Bar | None, minutes: _Minutes | None) -> dict[str, object]:
    found: dict[str, object] = {}
    for one in venues:
        numbers = {
            "last": one.last, "trades": one.volume, "filled": one.filled, "auction": one.auction, "block": one.block,
            "beside": one.beside, "lacking": one.lacking, "gaps": one.gaps,
        }  # fmt: skip
        found[one.venue.lower()] = {name: number for name, number in numbers.items() if number}
    last = {one.venue: one.last for one in venues}
    if len(last) == 3:
        found["unified_minus_both"] = last["UNIFIED"] - last["KRX"] - last["NXT"]
    if bar is not None:
        found["day_volume"] = bar.volume
    if minutes is not None:
        found["minutes"] = {"compared": minutes.compared, "differing": minutes.differing}
    return found
