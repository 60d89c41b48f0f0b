"""The vocabulary of indices, apart from that of instruments: points are no won, and an index has a name and no code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple


class NamedIndex(NamedTuple):
    """An index as the exchange calls it."""

    family: str
    name: str
    since: date
    """The first session of which it is asked for: that of the index, or of the name."""

    @property
    def label(self) -> str:
        """Family and name: ``KOSPI 코스피``."""
        return f"{self.family} {self.name}"


MAIN_INDICES = (
    NamedIndex("KOSPI", "코스피", date(1980, 1, 4)),
    NamedIndex("KOSDAQ", "코스닥", date(1996, 7, 1)),
    NamedIndex("KOSPI", "코스피 200", date(1994, 6, 15)),
    NamedIndex("KOSDAQ", "코스닥 150", date(2015, 7, 13)),
)
"""The indices of which every session must have a bar; ``market.main_index`` holds the same.

Source: the exchange's descriptions of its indices, publication dates. The sector indices are in ``sector_indices``.
"""


def main_labels(session: date) -> list[str]:
    """Return the labels of the main indices that a session has."""
    return [one.label for one in MAIN_INDICES if one.since <= session]


@dataclass(frozen=True, slots=True)
class IndexBar:
    """One session of one index, in points."""

    family: str
    """Whose index it is: KRX, KOSPI or KOSDAQ (계열구분)."""
    name: str
    """The Korean name (지수명), unique within its family."""
    session: date
    open: float | None
    """Points; None together with high and low for an index that is only computed at the close."""
    high: float | None
    low: float | None
    close: float
    change: float | None
    """Close minus the close before, points, with its sign; None on the index's first day."""
    volume: int | None
    """Shares traded in its instruments; None where the exchange does not say, as the next two."""
    trading_value: int | None
    """Won."""
    market_cap: int | None
    """Won."""

    @property
    def label(self) -> str:
        """Family and name, which together say which index it is: ``KOSPI 코스피``."""
        return f"{self.family} {self.name}"

    def __post_init__(self) -> None:
        what = f"index bar {self.label} {self.session}"
        _require(bool(self.family.strip()) and bool(self.name.strip()), f"{what}: an index without a name")
        _require_levels(what, self.close, (self.open, self.high, self.low))
        amounts = (self.volume, self.trading_value, self.market_cap)
        _require(all(amount is None or amount >= 0 for amount in amounts), f"{what}: a negative amount")


@dataclass(frozen=True, slots=True)
class IndexSnapshot:
    """One index at one moment of a session, in points."""

    family: str
    """Whose index it is: KOSPI or KOSDAQ."""
    name: str
    """The Korean name, unique within its family."""
    observed_at: datetime
    """When the server answered, aware."""
    level: float
    change: float
    """Level minus the close before, points, with its sign."""
    open: float | None
    """Points; None together with high and low before the first level of the session."""
    high: float | None
    low: float | None
    volume: int
    """Shares traded in its instruments so far in the session."""
    trading_value: int
    """Won so far in the session."""

    @property
    def label(self) -> str:
        """Family and name, which together say which index it is: ``KOSPI 코스피``."""
        return f"{self.family} {self.name}"

    def __post_init__(self) -> None:
        what = f"index {self.label} at {self.observed_at}"
        _require(self.observed_at.tzinfo is not None, f"{what}: the time has no zone")
        _require_levels(what, self.level, (self.open, self.high, self.low))
        _require(self.volume >= 0 and self.trading_value >= 0, f"{what}: a negative amount")


def _require_levels(what: str, last: float, day: tuple[float | None, float | None, float | None]) -> None:
    _require(0 < last < float("inf"), f"{what}: the last level {last} is not positive")
    opened, high, low = day
    if opened is None or high is None or low is None:
        _require(day == (None, None, None), f"{what}: only some of open, high and low")
        return
    ordered = 0 < low <= min(opened, last) and max(opened, last) <= high < float("inf")
    _require(ordered, f"{what}: {[*day]} and the last level {last} contradict each other")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
