"""The vocabulary of indices, apart from that of instruments: points are no won, and an index has a name and no code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


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

    def __post_init__(self) -> None:
        what = f"index bar {self.family} {self.name} {self.session}"
        _require(bool(self.family.strip()) and bool(self.name.strip()), f"{what}: an index without a name")
        _require(0 < self.close < float("inf"), f"{what}: close {self.close} is not positive")
        day = [price for price in (self.open, self.high, self.low) if price is not None]
        _require(len(day) in {0, 3}, f"{what}: only some of open, high and low")
        if self.open is not None and self.high is not None and self.low is not None:
            ordered = 0 < self.low <= min(self.open, self.close) and max(self.open, self.close) <= self.high
            _require(
                ordered and self.high < float("inf"), f"{what}: {day} and close {self.close} contradict each other"
            )
        amounts = (self.volume, self.trading_value, self.market_cap)
        _require(all(amount is None or amount >= 0 for amount in amounts), f"{what}: a negative amount")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
