"""Records of the stream out of the fields of a frame. Pure functions; nothing may be guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any

from data_pipeline.exceptions import PayloadError
from data_pipeline.market.records import BOOK_DEPTH, OrderBook, OrderBookLevel
from data_pipeline.market.rejections import Rejection
from data_pipeline.market.seoul import SEOUL
from data_pipeline.market.stream_records import ExpectedPrice, MarketOperation, Side, StreamKind, Trade
from data_pipeline.sources.answer_row import shortened
from data_pipeline.sources.kis.codes import short_code
from data_pipeline.sources.kis.parse_fields import Row
from data_pipeline.sources.kis.stream.fields import FEEDS, Feed
from data_pipeline.sources.kis.stream.frame import Records

LiveRecord = Trade | OrderBook | MarketOperation | ExpectedPrice
Parser = Callable[[Feed, Sequence[str], datetime], Any]
"""Makes a record of feed, fields and moment of receipt."""
AHEAD = timedelta(seconds=5)
"""How far a time may lie ahead of the moment of receipt."""
NOTHING = frozenset({"", "(null)"})
_SIDES = {"1": Side.BUY, "3": Side.AUCTION, "5": Side.SELL}
_NUMBERS = re.compile(r"[0-9^]+")
_FIGURES = (
    "STCK_PRPR", "CNTG_VOL", "ACML_VOL", "ACML_TR_PBMN", "SELN_CNTG_CSNU", "SHNU_CNTG_CSNU", "SELN_CNTG_SMTN",
    "SHNU_CNTG_SMTN", "ASKP1", "BIDP1",
)  # fmt: skip
_WORDS = ("NEW_MKOP_CLS_CODE", "HOUR_CLS_CODE")
_LEVELS = slice(3, 45)
"""Ten asks, ten bids, their volumes in the same order, and both totals: the same places in every feed of books."""


def records_of(
    frame: Records, at: datetime, parsers: Mapping[StreamKind, Parser] | None = None
) -> list[LiveRecord | Rejection]:
    """Return what each record of a frame describes, in the order of the wire; what cannot be a record is set aside.

    Args:
        frame: What came.
        at: When it was received, in Seoul. Each record has a microsecond more than the one before it, because some
            are told apart by the moment of receipt alone.
        parsers: As in :func:`record_of`.
    """
    return [
        _record_or_rejection(frame.feed, row, at + timedelta(microseconds=number), parsers)
        for number, row in enumerate(frame.rows)
    ]


def record_of(
    feed: Feed, fields: Sequence[str], at: datetime, parsers: Mapping[StreamKind, Parser] | None = None
) -> LiveRecord:
    """Return the record that the fields of one record of a frame describe.

    Args:
        feed: Of which feed it is.
        fields: At least ``feed.least`` texts; those beyond ``feed.names`` are not read.
        at: When it was received, in Seoul; it dates what the wire does not.
        parsers: What makes a record of each kind; None for those of ``PARSERS``.

    Raises:
        PayloadError: A field is missing or no number, the values contradict each other, or the time lies more than
            five seconds ahead. Its ``payload`` has every field that came.
    """
    record: LiveRecord = (parsers or PARSERS)[feed.kind](feed, fields, at)
    return record


def _record_or_rejection(
    feed: Feed, fields: Sequence[str], at: datetime, parsers: Mapping[StreamKind, Parser] | None
) -> LiveRecord | Rejection:
    try:
        return record_of(feed, fields, at, parsers)
    except PayloadError as error:
        return Rejection(error.payload or {}, str(error), short_code(fields[0]), at.date(), error.origin)


def _trade(feed: Feed, fields: Sequence[str], at: datetime) -> Trade:
    figures = _FIGURES_OF[feed.tr_id](fields)
    if not _NUMBERS.fullmatch("^".join(figures)) or "" in figures:
        raise _unreadable(feed, fields, _FIGURES)
    price, volume, total, value, sells, buys, sold, bought, ask, bid = map(int, figures)
    traded_at = _moment(fields[_DAY], fields[1])
    if traded_at is None or traded_at > at + AHEAD:
        raise _wrong_time(feed, fields, "BSOP_DATE with STCK_CNTG_HOUR", traded_at, at)
    market, hour = _WORDS_OF(fields)
    try:
        return Trade(
            feed.venue, short_code(fields[0]), traded_at, price, volume, total, value, _SIDES.get(fields[_SIDE]),
            sells, buys, sold, bought, ask, bid, market, hour, fields[46] if len(fields) > 46 else "",
        )  # fmt: skip
    except ValueError as error:
        raise _contradiction(feed, fields, error) from error


def _book(feed: Feed, fields: Sequence[str], at: datetime) -> OrderBook:
    """Auctions leave what is expected behind the levels; those are no prices of the book and are not read."""
    figures = fields[_LEVELS]
    if not _NUMBERS.fullmatch("^".join(figures)) or "" in figures:
        raise _unreadable(feed, fields, feed.names[_LEVELS])
    said = _moment(at.strftime("%Y%m%d"), fields[1])
    if said is None or said > at + AHEAD:
        raise _wrong_time(feed, fields, "BSOP_HOUR", said, at)
    numbers = list(map(int, figures))
    sides = []
    for first in (0, BOOK_DEPTH):
        prices, volumes = numbers[first : first + BOOK_DEPTH], numbers[first + 20 : first + 20 + BOOK_DEPTH]
        for level, (price, volume) in enumerate(zip(prices, volumes, strict=True), 3 + first):
            if volume and not price:
                raise _row(feed, fields).error(feed.names[level], f"is 0, but {volume} shares wait there")
        sides.append(tuple(OrderBookLevel(*one) for one in zip(prices, volumes, strict=True) if one[0]))
    try:
        return OrderBook(
            short_code(fields[0]), "", sides[1], sides[0], numbers[41], numbers[40], at.isoformat(), feed.venue
        )
    except ValueError as error:
        raise _contradiction(feed, fields, error) from error


def _operation(feed: Feed, fields: Sequence[str], at: datetime) -> MarketOperation:
    words = ["" if text.strip() in NOTHING else text.strip() for text in fields]
    row = _row(feed, words)
    return row.make(
        MarketOperation, venue=feed.venue, stock_code=short_code(words[0]), observed_at=at, halted=row.flag("TRHT_YN"),
        halt_reason=words[2], phase=words[3], expected_phase=words[4], vi=words[8] not in {"", "N"},
        overtime_vi=words[9] not in {"", "N"}, status=words[7],
    )  # fmt: skip


def _expected(feed: Feed, fields: Sequence[str], at: datetime) -> ExpectedPrice:
    row = _row(feed, fields)
    observed_at = row.moment("BSOP_DATE", "STCK_CNTG_HOUR")
    if observed_at > at + AHEAD:
        raise _wrong_time(feed, fields, "BSOP_DATE with STCK_CNTG_HOUR", observed_at, at)
    return row.make(
        ExpectedPrice, venue=feed.venue, stock_code=short_code(fields[0]), observed_at=observed_at,
        price=row.integer("STCK_PRPR"), volume=row.integer("CNTG_VOL"),
    )  # fmt: skip


PARSERS: Mapping[StreamKind, Parser] = {
    StreamKind.TRADE: _trade,
    StreamKind.BOOK: _book,
    StreamKind.OPERATION: _operation,
    StreamKind.EXPECTED: _expected,
}
_FIGURES_OF = {
    feed.tr_id: itemgetter(*(feed.positions[name] for name in _FIGURES))
    for feed in FEEDS.values()
    if feed.kind is StreamKind.TRADE
}
_KRX = FEEDS["H0STCNT0"].positions
_WORDS_OF = itemgetter(*(_KRX[name] for name in _WORDS))
_DAY, _SIDE = _KRX["BSOP_DATE"], _KRX["CCLD_DVSN"]


@lru_cache(maxsize=256)
def _moment(day: str, hour: str) -> datetime | None:
    """Return a second in Seoul; None when the texts are none."""
    try:
        return datetime.strptime(day + hour, "%Y%m%d%H%M%S").replace(tzinfo=SEOUL) if len(day + hour) == 14 else None
    except ValueError:
        return None


def _row(feed: Feed, fields: Sequence[str]) -> Row:
    beyond = {f"field {at}": text for at, text in enumerate(fields[feed.width :], feed.width)}
    return Row(f"KIS {feed.tr_id} of {fields[0]}", {**dict(zip(feed.names, fields, strict=False)), **beyond})


def _unreadable(feed: Feed, fields: Sequence[str], names: Sequence[str]) -> PayloadError:
    row = _row(feed, fields)
    wrong = next((name for name in names if not re.fullmatch(r"[0-9]{1,18}", row.fields[name])), names[0])
    return row.error(wrong, f"is no number of shares or won: {shortened(row.fields[wrong])}")


def _wrong_time(feed: Feed, fields: Sequence[str], name: str, said: datetime | None, at: datetime) -> PayloadError:
    problem = "is no time of the day" if said is None else f"is {said}, which lies ahead of {at}"
    return _row(feed, fields).error(name, problem)


def _contradiction(feed: Feed, fields: Sequence[str], error: ValueError) -> PayloadError:
    made = _row(feed, fields)
    found = PayloadError(f"{made.where}: the values contradict each other: {error}")
    found.payload, found.origin = dict(made.fields), made.where.split(" of ", maxsplit=1)[0]
    return found
