"""Which frames a registration brings in a stretch of the market's time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from data_pipeline.emulator.figures import plain_code
from data_pipeline.emulator.kis.stream.codes import data
from data_pipeline.emulator.kis.stream.records import (
    Instrument,
    book_record,
    expected_record,
    operation_record,
    trade_record,
)
from data_pipeline.emulator.kis.stream.stage import Frame, Stage, Tape
from data_pipeline.market.stream_records import StreamKind
from data_pipeline.market.venue import Venue
from data_pipeline.sources.kis.stream.fields import FEEDS, Feed

if TYPE_CHECKING:
    from data_pipeline.emulator.kis.stream.rules import StreamRules
    from data_pipeline.sources.mock.tape import Tick

EXPECTED_EVERY = 2_000
"""Milliseconds between two expected prices of an auction."""


@dataclass
class Registration:
    """One feed of one instrument, as long as it is registered."""

    feed: Feed
    of: Instrument
    stage: Stage
    since: int
    """Up to when it was played; frames from here on are still to come."""
    _tape: Tape | None = field(default=None, repr=False)

    @property
    def code(self) -> str:
        """The stock code, without the Q of an ETN."""
        return plain_code(self.of.code)

    def play(self, until: int, rules: StreamRules) -> list[Frame]:
        """Return the frames up to ``until``, not included, by time, and go on from there."""
        since, self.since = self.since, max(self.since, until)
        if until <= since:
            return []
        made = {
            StreamKind.TRADE: self._trades,
            StreamKind.BOOK: self._books,
            StreamKind.OPERATION: self._operations,
            StreamKind.EXPECTED: self._expected,
        }[self.feed.kind](since, until, rules)
        return list(made)

    @property
    def session(self) -> date:
        """The session that is played."""
        return self.of.session

    def tape(self) -> Tape:
        """Return the trades that its frames are made of."""
        if self._tape is None:
            self._tape = self.stage.tape(self.code, self.session, self.feed.venue)
        return self._tape

    def _trades(self, since: int, until: int, rules: StreamRules) -> Iterator[Frame]:
        for at, burst in groupby(self.tape().between(since, until), attrgetter("at")):
            ticks = list(burst)
            for start in range(0, len(ticks), rules.together):
                yield self._frame(at, [self.record(one) for one in ticks[start : start + rules.together]])

    def record(self, one: Tick) -> str:
        """Return the record of a trade."""
        book = self.stage.book(self.code, self.session, one)
        return trade_record(self.feed, self.of, one, book, one.phase or self.stage.phase(self.session, one.at))

    def _books(self, since: int, until: int, rules: StreamRules) -> Iterator[Frame]:
        """Yield the books that were kept, or the one after the last trade of each step of time that had one."""
        kept = self.stage.books(self.code, self.session, self.feed.venue, since, until)
        if kept is not None:
            for at, book in kept:
                yield self._frame(at, [book_record(self.feed, self.of, at, book, 0)])
            return
        step = max(int(1000 / rules.books_a_second), 1) if rules.books_a_second else until - since
        for _, part in groupby(self.tape().between(since, until), lambda one: one.at // step):
            *_, last = part
            yield from self._book_after(last, last.at, last.cumulative_volume)
        if self.feed.venue is Venue.KRX:
            for at, price, _ in self._auction(since, until):
                newest = self.tape().before(at, 1) or self.tape().between(at, at + 3_600_000)[:1]
                yield from self._book_after(newest[0] if newest else None, at, 0, price)

    def _book_after(self, one: Tick | None, at: int, volume: int, expected: int = 0) -> Iterator[Frame]:
        book = None if one is None else self.stage.book(self.code, self.session, one)
        if book is not None:
            yield self._frame(at, [book_record(self.feed, self.of, at, book, volume, expected)])

    def _expected(self, since: int, until: int, _: StreamRules) -> Iterator[Frame]:
        for at, price, volume in self._auction(since, until):
            yield self._frame(at, [expected_record(self.feed, self.of, at, price, volume)])

    def _auction(self, since: int, until: int) -> Iterator[tuple[int, int, int]]:
        """Yield what each auction would come to: its own price, and a part of its shares that grows."""
        for begins, ends in self.stage.auctions(self.session):
            first = max(since, begins)
            last = min(until, ends)
            found = (
                self.stage.tape(self.code, self.session, Venue.KRX).between(ends, ends + 60_000) if first < last else ()
            )
            if not found:
                continue
            price, volume = found[0].price, found[0].volume
            for at in range(-(-first // EXPECTED_EVERY) * EXPECTED_EVERY, last, EXPECTED_EVERY):
                yield at, price, max(volume * (at - begins) // (ends - begins), 1)

    def _operations(self, since: int, until: int, _: StreamRules) -> Iterator[Frame]:
        for one in self.stage.notices(self.code, self.session):
            if since <= one.at < until:
                record = operation_record(self.feed, self.of.code, phase=one.phase, expected=one.expected, vi=one.vi)
                yield self._frame(one.at, [record])

    def _frame(self, at: int, records: list[str]) -> Frame:
        return Frame(at, self.feed.tr_id, self.code, data(self.feed.tr_id, records), len(records))


def registration(stage: Stage, of: Instrument | None, tr_id: str, since: int) -> Registration | None:
    """Return a new registration of an instrument that plays from ``since`` on; None for None."""
    return None if of is None else Registration(FEEDS[tr_id], of, stage, since)
