"""What raw prices are multiplied by, from when to when: now, or as it was known at a moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Context, Decimal
from fractions import Fraction
from itertools import groupby
from typing import Any, NamedTuple

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from data_pipeline.loading.prices.factors import Close, adjustments, times
from data_pipeline.loading.prices.price_adjustment import read_breaks

DIGITS = Context(prec=30)
"""Significant digits of a factor handed to Postgres; a float has 17."""
JOIN = """
    LEFT JOIN unnest(%(span_code)s::text[], %(span_since)s::date[], %(span_until)s::date[], %(span_factor)s::numeric[])
        AS a (stock_code, since, until, factor)
        ON a.stock_code = b.stock_code AND b.session >= a.since AND b.session < a.until
"""
_STORED = """
    SELECT stock_code::text, session::date, kind, factor FROM market.price_adjustment
    WHERE session > %(first)s AND (%(codes)s::text[] IS NULL OR stock_code = ANY (%(codes)s)) ORDER BY 1, 2
"""
# Only where a session may count from another price than the previous close is there something to judge.
_UNEVEN = """
    SELECT stock_code, prior, prior_close, prior_change, session, close, change FROM (
        SELECT b.stock_code::text, b.session::date, b.close, b.change, s.number,
            (lag(b.session) OVER line)::date AS prior, lag(b.close) OVER line AS prior_close,
            lag(b.change) OVER line AS prior_change, lag(s.number) OVER line AS prior_number
        FROM market.daily_bar_as_of(%(as_of)s) b
        LEFT JOIN (SELECT session, row_number() OVER (ORDER BY session) AS number FROM market.calendar_session) s
            ON s.session = b.session
        WHERE b.session >= %(first)s AND (%(codes)s::text[] IS NULL OR b.stock_code = ANY (%(codes)s))
        WINDOW line AS (PARTITION BY b.stock_code ORDER BY b.session)
    ) bar
    WHERE close - change <> prior_close OR number - prior_number > 1 ORDER BY 1, 5
"""
_EMPTY = """
    SELECT stock_code, session FROM market.no_data
    WHERE dataset = 'daily_bar' AND stock_code = ANY (%s) AND session >= %s AND loaded_at <= %s
"""


class Break(NamedTuple):
    """A session before which raw prices are not comparable with those from it on."""

    stock_code: str
    session: date
    kind: str
    """action, listing or gap, as in ``market.price_adjustment``."""
    factor: Fraction | None


class Span(NamedTuple):
    """Sessions of one code whose raw prices are multiplied by one factor."""

    stock_code: str
    since: date
    """Included."""
    until: date
    """Excluded: the session of the break."""
    factor: Fraction | None
    """None where nobody knows it, because bars are missing."""


def spans(breaks: Iterable[Break]) -> Iterator[Span]:
    """Yield the spans whose factor is not 1; ``breaks`` come by code and session.

    A factor is the product of those of all later actions up to the next ``listing``, as in the view
    ``market.daily_bar_adjusted``, which computes it for each bar anew and takes four times as long.
    """
    for code, own in groupby(breaks, key=lambda one: one.stock_code):
        line = list(own)
        product: Fraction | None = Fraction(1)
        for place in reversed(range(len(line))):
            one = line[place]
            product = Fraction(1) if one.kind == "listing" else times(product, one.factor)
            if product != 1:
                yield Span(code, line[place - 1].session if place else date.min, one.session, product)


def read_spans(cursor: Cursor, codes: Sequence[str] | None, first: date, as_of: datetime | None) -> list[Span]:
    """Return the spans that sessions from ``first`` on fall into.

    Args:
        cursor: In a transaction.
        codes: None for all.
        first: Breaks on it or before do not matter.
        as_of: None for the factors kept in ``market.price_adjustment``. For a moment they are computed from the bars
            known then, by the rules of the load; a later split is not in them. What was listed when is taken from
            today's knowledge; cells count as known to be empty if that had been noted by then.
    """
    values = {"codes": codes, "first": first, "as_of": as_of}
    if as_of is not None:
        return list(spans(_breaks_as_of(cursor, first, as_of, values)))
    cursor.execute(_STORED, values)
    return list(spans(Break(code, day, kind, _exactly(factor)) for code, day, kind, factor in cursor.fetchall()))


def join_values(found: Iterable[Span]) -> dict[str, list[Any]]:
    """Return the values that ``JOIN`` takes."""
    rows = list(found)
    return {
        "span_code": [span.stock_code for span in rows],
        "span_since": [span.since for span in rows],
        "span_until": [span.until for span in rows],
        "span_factor": [_digits(span.factor) for span in rows],
    }


def _breaks_as_of(cursor: Cursor, first: date, as_of: datetime, values: dict[str, Any]) -> Iterator[Break]:
    cursor.execute(_UNEVEN, values)
    pairs = [
        (Close(code, prior, prior_close, prior_change), Close(code, day, close, change))
        for code, prior, prior_close, prior_change, day, close, change in cursor.fetchall()
    ]
    codes = sorted({after.stock_code for _, after in pairs})
    cursor.execute(_EMPTY, (codes, first, as_of))
    empty = set(cursor.fetchall())
    between = read_breaks(cursor, codes, empty)
    for pair in pairs:
        for one in adjustments(pair, between):
            yield Break(one.stock_code, one.session, one.kind, one.factor)


def _exactly(factor: Decimal | None) -> Fraction | None:
    return None if factor is None else Fraction(factor)


def _digits(factor: Fraction | None) -> Decimal | None:
    return None if factor is None else DIGITS.divide(Decimal(factor.numerator), Decimal(factor.denominator))
