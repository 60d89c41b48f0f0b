"""Makes bars from the rows of KIS's minute charts, and counts what they prove about their sessions. Pure."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta

from data_pipeline.market.evidence import MinuteEvidence, require_gatherer
from data_pipeline.market.records import MinuteBar
from data_pipeline.market.trading_calendar import TradingCalendar
from data_pipeline.sources.kis.parse_answer import Answer
from data_pipeline.sources.kis.parse_chart import MinuteRow

log = logging.getLogger(__name__)

NEVER_SHOWN = (
    "the virtual server never shows the shares of a session's last minute when the closing auction had no trade, and "
    "only a real key can load them"
)
AUCTION = timedelta(minutes=10)
"""How long the closing auction collects orders: nothing trades between its beginning and the close."""


class MinuteTally:
    """What the rows of one walk of one code prove, session by session.

    Args:
        stock_code: Whose minutes.
        calendar: The exchange's sessions.
        virtual: Whether it is the virtual server, which has the chart of today alone.
    """

    def __init__(self, stock_code: str, calendar: TradingCalendar, *, virtual: bool = False) -> None:
        self.stock_code = stock_code
        self._calendar, self._virtual = calendar, virtual
        self._volumes: Counter[date] = Counter()
        self._closed: set[date] = set()
        self._problems: dict[date, str] = {}
        self._days: dict[date, int] = {}
        self._withheld: dict[date, list[str]] = {}
        self._heard_at: datetime | None = None
        self._newest: dict[date, MinuteRow] = {}
        """The newest row of each session that a page of finished sessions has."""
        self._ended: set[date] = set()
        """Sessions after whose newest row nothing traded."""

    def look(self, page: Sequence[MinuteRow]) -> None:
        """Note the newest rows of a page of finished sessions, newest first.

        One that stands inside the page ends its session: the page runs on across the day's edge. The first one may be
        what is left of an answer that was cut.
        """
        for place, row in enumerate(page):
            if self._newest.setdefault(row.at.date(), row) is row and place:
                self._ended.add(row.at.date())

    def open_end(self, session: date) -> MinuteRow | None:
        """Return the newest minute of a session that needs a second answer to show that nothing traded after it.

        None when it does not: the closing auction traded, the day's volume is reached, something else is wrong, or the
        session is not final.
        """
        doubted = self._problems.get(session) or self._withheld.get(session)
        shown = session in self._closed or session in self._ended or self._days.get(session) == self._volumes[session]
        over = self._heard_at is not None and self._heard_at >= self._calendar.final_at(session)
        return None if doubted or shown or not over else self._newest.get(session)

    def compare(self, newest: MinuteRow, again: Sequence[MinuteRow]) -> None:
        """Take a second answer for the end of a session, asked for from its close: it must begin with the same minute.

        Args:
            newest: What :meth:`open_end` gave.
            again: The rows of the second answer, newest first.
        """
        first = again[0] if again else None
        if first is not None and (first.at, first.volume, first.total_value) == (
            newest.at,
            newest.volume,
            newest.total_value,
        ):
            self._ended.add(newest.at.date())
        else:
            other = f"with that of {first.at:%Y-%m-%d %H:%M}" if first else "with none"
            self._problems[newest.at.date()] = (
                f"the minute of {newest.at:%H:%M} is the newest of one answer, and another one begins {other}"
            )

    def hear(self, answer: Answer) -> None:
        """Take the quoted session's volume from an answer's head, once that session is final."""
        self._heard_at = answer.at
        session = self._calendar.quoted_session(answer.at)
        head = answer.row("output1")
        if answer.at >= self._calendar.final_at(session) and head.optional("acml_vol"):
            self._days[session] = head.integer("acml_vol")

    def count(self, one: MinuteRow) -> None:
        """Count a minute that is handed on."""
        session = one.at.date()
        self._volumes[session] += one.volume
        if session not in self._closed and one.at >= self._calendar.close_at(session):
            self._closed.add(session)

    def withhold(self, one: MinuteRow) -> None:
        """Note a minute that traded and whose shares KIS has not moved into its row yet."""
        self._withheld.setdefault(one.at.date(), []).append(f"{one.at:%H:%M}")

    def waits_for_auction(self, one: MinuteRow) -> bool:
        """Return whether a minute lies where the closing auction collects orders and nothing trades."""
        closes = self._calendar.close_at(one.at.date())
        return closes - AUCTION <= one.at < closes

    def say_withheld(self) -> None:
        """Log once which minutes were withheld: a later answer has them, unless their session has closed."""
        for session, times in self._withheld.items():
            closed = self._calendar.close_at(session) + timedelta(minutes=1)
            over = self._heard_at is not None and self._heard_at > closed
            log.log(
                logging.WARNING if over else logging.INFO,
                "minutes of %s on %s withheld: %d, the newest that of %s; KIS %s",
                self.stock_code, session, len(times), times[0],
                "did not show their shares by the close" if over else "moves their shares at the next trade",
            )  # fmt: skip

    def doubt(self, one: MinuteRow, problem: str) -> None:
        """Note that a minute is left out.

        Raises:
            IncompleteDataError: Nobody gathers evidence.
        """
        said = f"the minute of {one.at:%H:%M} {problem}"
        self._problems.setdefault(one.at.date(), said)
        require_gatherer(f"{one.row.where}, {one.at:%Y-%m-%d}", said)

    def evidence(self, session: date) -> MinuteEvidence:
        """Return what is proved about a session, once all of its rows have passed."""
        return MinuteEvidence(
            self.stock_code,
            session,
            self._volumes[session],
            session in self._closed,
            self._days.get(session),
            self._problems.get(session, ""),
            len(self._withheld.get(session, ())),
            session in self._ended and session not in self._closed,
            NEVER_SHOWN if self._virtual and self._withheld.get(session) and session not in self._closed else "",
        )


def minute_bars(newest_first: Iterable[MinuteRow], tally: MinuteTally) -> Iterator[MinuteBar]:
    """Yield the bars of one or more sessions, newest first, each with its own trading value.

    KIS gives the value since the session began, so a bar's own value is the difference from the row before it; for the
    oldest row of a session it is the total, from zero. These are links of a chain: each rise lies within volume x (low
    to high). Where it does not, earlier minutes did not come, so the minute is left out and its session has a problem.

    Minutes without a trade are left out. The last minute that traded reads as one of them, with the total from before
    it, until somebody trades again: then it is withheld, and the total rises in the row after it.

    Args:
        newest_first: The rows of whole sessions, each back to the oldest minute that came.
        tally: Counts what they prove.

    Raises:
        PayloadError: The running total falls, or shares were traded for nothing.
        IncompleteDataError: Minutes are missing, and nobody gathers evidence.
    """
    later: MinuteRow | None = None
    try:
        for row in newest_first:
            if later is not None:
                yield from _minute_bar(later, row if row.at.date() == later.at.date() else None, tally)
            later = row
        if later is not None:
            yield from _minute_bar(later, None, tally)
    finally:
        tally.say_withheld()


def _minute_bar(one: MinuteRow, before: MinuteRow | None, tally: MinuteTally) -> Iterator[MinuteBar]:
    value = one.total_value - (before.total_value if before else 0)
    if one.moving or (one.volume == 0 and value >= 0):
        if value > 0:
            _look_behind(one, before, value, tally)
        return
    if value <= 0:
        raise one.row.error("acml_tr_pbmn", f"rises by {value} in a minute of {one.volume} shares")
    bar = one.row.make(
        MinuteBar, stock_code=tally.stock_code, at=one.at, volume=one.volume, trading_value=value, **one.prices
    )
    if bar.volume * bar.low <= value <= bar.volume * bar.high:
        tally.count(one)
        yield bar
        return
    since = f"since {before.at:%H:%M}" if before else "since the session began"
    problem = f"has {bar.volume:,} shares at {bar.low:,} to {bar.high:,} won, and the total rose by {value:,}"
    tally.doubt(one, f"{problem} {since}: minutes before it did not come")


def _look_behind(one: MinuteRow, before: MinuteRow | None, value: int, tally: MinuteTally) -> None:
    """Note what a row that is no bar tells of the minute before it, since its total is higher.

    Beside the running minute it may be that one which traded, which the rows cannot tell: it counts as withheld too.
    """
    if before is None:
        if not one.moving:
            tally.doubt(one, f"has 0 shares, and {value:,} won were traded by then: minutes before it did not come")
    elif not before.volume and not before.moving:
        if not (one.moving and tally.waits_for_auction(before)):
            tally.withhold(before)
    elif not one.moving:
        tally.withhold(one)
