"""What the checks know, what they find, and how strict they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from data_pipeline.exceptions import CalendarRangeError
from data_pipeline.market.index_records import IndexBar
from data_pipeline.market.price_rules import is_tick_rounding, limit_percent
from data_pipeline.market.records import DailyBar

if TYPE_CHECKING:
    from data_pipeline.market.listed import Listed
    from data_pipeline.market.trading_calendar import TradingCalendar

Bar = TypeVar("Bar", DailyBar, IndexBar)


class Severity(Enum):
    """What happens to a row, or to a window."""

    WARNING = "the row is loaded and counted"
    ERROR = "the row goes to quarantine"
    FATAL = "the window is refused"


CHECKS = (
    *("base", "code", "counter", "day", "day_bar", "duplicate", "errors", "future", "kinds", "limit", "market_cap"),
    *("missing", "rate", "stale", "tick", "value", "volume"),
)
"""The name of every check; the reason of a row in quarantine begins with the one that refused it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found."""

    check: str
    """Its name, one of ``CHECKS``."""
    severity: Severity
    problem: str
    """What is wrong, in words that can follow the name of the row."""
    record: Any = None
    """The row; None for a finding about the whole window."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How strict the checks are; each is the environment variable ``CHECK_`` and its name in capitals."""

    error_share: float = 0.2
    """A window is refused when more than this share of its rows are wrong, 0 to 1 ..."""
    error_rows: int = 10
    """... and at least this many are."""
    missing_share: float = 0.2
    """A window is refused when more than this share of a session's expected bars did not come, 0 to 1 ..."""
    missing_rows: int = 20
    """... and at least this many did not."""
    stale_share: float = 0.5
    """A window is refused when more than this share of a session's traded bars repeat the session before, or have no
    prices of regular hours, 0 to 1 ..."""
    stale_rows: int = 20
    """... and at least this many do."""
    stale_volume: int = 1000
    """A bar that repeats the session before is an error from this many shares on, below that a warning; one that
    traded outside of regular hours alone is a warning from as many on."""
    future_seconds: float = 300.0
    """How far a time may be ahead of the market's clock, in seconds."""
    rate_points: float = 0.02
    """How far a change rate may be from the calculated one, in percentage points."""
    market_cap_share: float = 0.5
    """How far a market value may be from price times listed shares before it is an error, as a share of that."""
    base_ratio: float = 20.0
    """How many times lower than the close before, if that session had trades, a base price may be."""


@dataclass(frozen=True)
class Context:
    """What a window is checked against; whatever is missing here is not checked."""

    calendar: TradingCalendar
    now: datetime
    """The market's clock, aware."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    instruments: Mapping[str, Listed] = field(default_factory=dict)
    """The newest stay on the list, by stock code."""
    stored: Collection[DailyBar | IndexBar] = ()
    """Stored bars that stand beside the window's own: daily bars a session before or after, and those of its minutes;
    index bars of the session before the first."""
    stays: Mapping[str, Sequence[Listed]] = field(default_factory=dict)
    """All stays on the list, oldest first, of each code that has several."""
    dated_rules: bool = True
    """Whether ticks and limits are those of each session; False for the synthetic market, which knows today's only."""
    replaced: Mapping[tuple[str, date], DailyBar] = field(default_factory=dict)
    """Provisional bars that the exchange's own are about to replace, by code and session."""

    def rules_of(self, session: date) -> date | None:
        """Return the session whose price rules apply to a bar of this session; None for the rules in force today."""
        return session if self.dated_rules else None


class Earlier:
    """Finds the daily bars, or the index bars, around a record, in the window or in the warehouse."""

    def __init__(self, records: Sequence[Any], context: Context) -> None:
        self._calendar = context.calendar
        bars = [one for one in records if isinstance(one, (DailyBar, IndexBar))]
        self._held: dict[tuple[str, date], Any] = {_cell(bar): bar for bar in [*context.stored, *bars]}
        self._refused: dict[tuple[str, date], Any] = {}
        self._previous: dict[date, date] = {}
        self._next: dict[date, date] = {}

    def get(self, bar: Bar) -> Bar | None:
        """Return the bar of the session directly before this one; None when it is unknown or was refused."""
        return self._beside(self._held, bar, self._previous, self._calendar.previous_session)

    def refused(self, bar: Bar) -> Bar | None:
        """Return the bar of the session directly before this one if that was refused; None otherwise."""
        return self._beside(self._refused, bar, self._previous, self._calendar.previous_session)

    def after(self, bar: Bar) -> Bar | None:
        """Return the bar of the session directly after this one; None when it is unknown."""
        return self._beside(self._held, bar, self._next, self._calendar.next_session)

    def of(self, stock_code: str, session: date) -> DailyBar | None:
        """Return the bar of one instrument and session; None when it is unknown."""
        return self._held.get((stock_code, session))

    def _beside(
        self, bars: dict[tuple[str, date], Any], bar: Bar, known: dict[date, date], find: Callable[[date], date]
    ) -> Bar | None:
        session = bar.session
        if session not in known:
            known[session] = date.min
            with suppress(CalendarRangeError):  # a session at an end of the calendar has no known neighbour
                known[session] = find(session)
        return bars.get((_cell(bar)[0], known[session]))

    def forget(self, record: Any) -> None:
        """Leave out a bar that was refused."""
        if isinstance(record, (DailyBar, IndexBar)) and self._held.get(_cell(record)) == record:
            self._refused[_cell(record)] = self._held.pop(_cell(record))


def _cell(bar: DailyBar | IndexBar) -> tuple[str, date]:
    return (bar.stock_code if isinstance(bar, DailyBar) else bar.label), bar.session


def is_repeated(bar: DailyBar, before: DailyBar) -> bool:
    """Return whether a bar with trades is the same as another one except for its session."""
    names = ("open", "high", "low", "close", "volume", "trading_value", "change")
    return bar.volume > 0 and all(getattr(bar, name) == getattr(before, name) for name in names)


def joins(before: DailyBar, bar: DailyBar) -> bool:
    """Return whether the base price of a bar is the close of the session before, which only an action changes."""
    base = bar.close - bar.change
    return base == before.close or is_tick_rounding(before.close, base)


JOINS_NEITHER = "it joins neither the bar before it nor the one after it, and one answer alone told it"
HIDES_TRADES = "it is idle as the one before it, the next one counts from another close, and one answer alone told it"


def why_doubtful(before: DailyBar, bar: DailyBar, after: DailyBar) -> str:
    """Return why a bar is believed only when it is told twice; empty when it is believed.

    A corporate action moves the base price once, so a bar beside it joins one side. After sessions without a trade a
    small move may be an action, or trades that the bar hides: it is the session before, told again.
    """
    if joins(bar, after):
        return ""
    if not joins(before, bar):
        return JOINS_NEITHER
    moved = abs(after.close - after.change - bar.close)
    idle = not before.volume and not bar.volume
    return HIDES_TRADES if idle and moved * 100 <= bar.close * limit_percent("KOSPI") else ""
