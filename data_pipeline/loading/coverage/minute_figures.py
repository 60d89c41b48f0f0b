"""What a session of minutes comes to, by its records and by the stored rows: equal figures are equal minutes."""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from itertools import chain, groupby, repeat
from operator import attrgetter, is_
from typing import TYPE_CHECKING, Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.market.seoul import SEOUL, seoul_date

if TYPE_CHECKING:
    from data_pipeline.market.window import Cell

NOTHING = {"minutes": 0, "volume": 0}
_MINUTES = """
    SELECT m.stock_code::text, m.session::date{sums}, md5(string_agg(timestamptz_send(m.at) || int8send(m.open)
        || int8send(m.high) || int8send(m.low) || int8send(m.close) || int8send(m.volume) || int8send(m.trading_value),
        ''::bytea ORDER BY m.at))
    FROM market.minute_bar m JOIN unnest(%(codes)s::text[], %(days)s::date[]) AS v (code, day)
        ON m.stock_code = v.code AND m.session = v.day
    WHERE m.session BETWEEN %(first)s AND %(last)s GROUP BY 1, 2
"""
_SUMS = ", count(*), sum(m.volume)::bigint, sum(m.trading_value)::bigint, min(m.low), max(m.high)"
_AT = attrgetter("at")
_ZONE = attrgetter("tzinfo")
_CANDLE = attrgetter("open", "high", "low", "close", "volume", "trading_value")
_WIDTH = 6
_EPOCH, _UNIT = datetime(2000, 1, 1, tzinfo=timezone.utc), timedelta(microseconds=1)
"""What the binary form of a timestamptz counts from, and in; source: PostgreSQL, src/include/datatype/timestamp.h."""
_FIGURES = ("minutes", "volume", "trading_value", "low", "high", "digest")


def by_session(minutes: list[Any]) -> Iterator[tuple[date, list[Any]]]:
    """Yield the sessions of minutes of one code with their rows, as these follow each other; mostly it is one."""
    starts = [*map(_AT, minutes)]
    if starts and (day := seoul_date(min(starts))) == seoul_date(max(starts)):
        yield day, minutes
    else:
        yield from ((day, [*rows]) for day, rows in groupby(minutes, lambda one: seoul_date(one.at)))


def figures(minutes: Sequence[Any]) -> dict[str, Any]:
    """Return what the minutes of a session come to, in any order: how many, shares, won, low, high and their digest."""
    if not minutes:
        return {**NOTHING}
    return {
        "minutes": len(minutes),
        "volume": sum(bar.volume for bar in minutes),
        "trading_value": sum(bar.trading_value for bar in minutes),
        "low": min(bar.low for bar in minutes),
        "high": max(bar.high for bar in minutes),
        "digest": _digest(minutes),
    }


def _digest(minutes: Sequence[Any]) -> str:
    bars = sorted(minutes, key=_AT)
    candles = array("q", chain.from_iterable(map(_CANDLE, bars)))
    packed = array("q", bytes(8 * (1 + _WIDTH) * len(bars)))
    packed[:: 1 + _WIDTH] = array("q", _times([*map(_AT, bars)]))
    for place in range(_WIDTH):
        packed[1 + place :: 1 + _WIDTH] = candles[place::_WIDTH]
    if sys.byteorder == "little":
        packed.byteswap()
    return hashlib.md5(packed, usedforsecurity=False).hexdigest()


def _times(starts: Sequence[datetime]) -> list[int]:
    """Return the starts of a day's minutes, in their order, as the database keeps them."""
    begun = (starts[0] - _EPOCH) // _UNIT
    if not all(map(is_, map(_ZONE, starts), repeat(SEOUL))):
        return [(at - _EPOCH) // _UNIT for at in starts]
    # Within a zone a difference costs little, and no session of Seoul has had summer time since 1988.
    since = [at - starts[0] for at in starts]
    return [begun + one.seconds * 1_000_000 + one.microseconds for one in since]


def stored_figures(connection: Connection, cells: Iterable[Cell]) -> dict[Cell, dict[str, Any]]:
    """Return the same of the stored minutes, for each of these cells; the digest is made of the same bytes."""
    wanted = [*cells]
    stored = {cell: dict(zip(_FIGURES, found, strict=True)) for cell, found in _stored(connection, wanted, _SUMS)}
    return {cell: stored.get(cell, NOTHING) for cell in wanted}


def repeated_minutes(connection: Connection, minutes: Mapping[Cell, Sequence[Any]]) -> set[Cell]:
    """Return the cells whose minutes are just those that are stored; one without a minute is none of them."""
    came = {cell: bars for cell, bars in minutes.items() if bars}
    return {cell for cell, (digest,) in _stored(connection, came, "") if digest == _digest(came[cell])}


def _stored(connection: Connection, cells: Collection[Cell], sums: str) -> list[tuple[Cell, Sequence[Any]]]:
    if not cells:
        return []
    codes, days = map(list, zip(*sorted(cells), strict=True))
    with connection.cursor() as cursor:
        values = {"codes": codes, "days": days, "first": min(days), "last": max(days)}
        cursor.execute(_MINUTES.format(sums=sums), values)
        return [((code, day), found) for code, day, *found in cursor.fetchall()]
