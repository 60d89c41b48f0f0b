"""One instrument of the synthetic market: what it is, and the events of its life by session index."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from data_pipeline.market.price_rules import ETF
from data_pipeline.sources.mock.noise import mixed

SESSION_ZERO = date(2010, 1, 4)
"""The session whose index is 0; those before it have negative ones, so that more calendar changes no figure."""
OLD = -1
"""Session index, while the instruments are drawn, of a listing before ``SESSION_ZERO``."""
BEFORE_COVERAGE = -100_000
"""Session index of a listing that is older than the calendar."""
LIQUIDATION_SESSIONS = 7
IDLE_BLOCK = 10

_STRIDES = (1, 3, 7, 9)
_QUOTED = 0x7A1D << 32
_THIN_ODDS = 16
_LATE = 0x1A7E << 32
_LATE_ODDS = 2


@dataclass(frozen=True, slots=True)
class Step:
    """A jump of the price level by ``numerator`` over ``denominator`` from session ``index`` on."""

    index: int
    numerator: int
    denominator: int
    is_split: bool = True
    """A (reverse) split, which moves the base price and the shares too; otherwise a fall into liquidation trading."""


@dataclass(frozen=True, slots=True)
class Pin:
    """Figures of one session that are set by hand."""

    index: int
    close: int
    base: int | None = None
    volume: int | None = None


@dataclass(frozen=True, slots=True)
class Former:
    """What lists of the sessions before ``until`` say otherwise; None where they say the same."""

    until: int
    name: str | None = None
    market: str | None = None
    listed_on: date | None = None
    shares: int | None = None
    """Listed shares before the first step."""
    offered: bool = False
    """Whether shares are offered at its end, so that session ``until`` counts from the offer price."""


@dataclass(frozen=True, slots=True)
class Issue:
    """What the model knows about one instrument; all ``index`` values count sessions from ``SESSION_ZERO`` on."""

    code: str
    isin: str
    name: str
    english_name: str
    market: str
    group: str
    sector: str
    industry: str
    listed_on: date
    listed: int
    """Index of the first session, or ``BEFORE_COVERAGE``."""
    delisted: int | None
    """Index of the first session that no longer lists it."""
    shares: int
    """Listed shares before the first step."""
    face_value: int | None
    """Won before the first step."""
    key: int
    """Seed of all noise of this instrument."""
    sigma: int
    """Daily deviation of the logarithm to base two, fixed point."""
    level: int
    """Logarithm to base two of the typical price before the first step, fixed point."""
    turnover: int
    """Logarithm to base two of the typical trading value in won, fixed point."""
    halts: tuple[tuple[int, int], ...] = ()
    """First and last index of each trading halt, both included, oldest first."""
    steps: tuple[Step, ...] = ()
    idle: int = 0
    """Sessions without a trade in every ten."""
    thin: bool = False
    """Whether sessions may pass without a trade while the close follows the quotes, as of small funds."""
    late_from: int | None = None
    """Index from which on it may trade outside of regular hours alone, on days that found no orders before."""
    managed: bool = False
    preferred: bool = False
    pins: tuple[Pin, ...] = ()
    former: Former | None = None
    moved_on: date | None = None
    """The day of its move to this board, which lists give as its listing day from then on."""

    @property
    def board(self) -> str:
        """The name under which the price rules know it: its market, or ``ETF``."""
        return ETF if self.group == "EF" else self.market

    @property
    def surges(self) -> bool:
        """Return whether it closes on its upper limit now and then."""
        return self.listed < 0 and self.group == "ST" and not (self.steps or self.idle or self.pins)

    def is_listed(self, index: int) -> bool:
        """Return whether the instrument is listed on this session."""
        return self.listed <= index and (self.delisted is None or index < self.delisted)

    def is_halted(self, index: int) -> bool:
        """Return whether trading is halted on this session."""
        return any(first <= index <= last for first, last in self.halts)

    def is_stalled(self, index: int) -> bool:
        """Return whether nothing trades on this session, by a halt or for want of orders."""
        if self.is_offered(index):
            return False
        return self.is_halted(index) or (self.idle > 0 and index % IDLE_BLOCK in self._idle_days(index // IDLE_BLOCK))

    def is_offered(self, index: int) -> bool:
        """Return whether the session counts from an offer price: its first one, or one after a move with an offer."""
        former = self.former
        return index == self.listed or (former is not None and former.offered and index == former.until)

    def is_only_late(self, index: int) -> bool:
        """Return whether this session without orders in regular hours trades afterwards."""
        late = self.late_from is not None and index >= self.late_from and not self.is_halted(index)
        return late and self.is_stalled(index) and mixed(self.key, index ^ _LATE) % _LATE_ODDS == 0

    def board_on(self, index: int) -> str:
        """Return the name under which the price rules of a session know it."""
        former = self.former
        return former.market if former is not None and former.market and index < former.until else self.board

    def is_only_quoted(self, index: int) -> bool:
        """Return whether nothing trades on this session, while the close moves by quotes."""
        return self.thin and index != self.listed and mixed(self.key, index ^ _QUOTED) % _THIN_ODDS == 0

    def in_liquidation(self, index: int) -> bool:
        """Return whether the session belongs to the last days before the delisting, without price limits."""
        return any(not step.is_split and step.index <= index for step in self.steps)

    def ratio(self, index: int) -> tuple[int, int]:
        """Return numerator and denominator of all jumps of the price level up to this session."""
        return _product(step for step in self.steps if step.index <= index)

    def split(self, index: int) -> tuple[int, int]:
        """Return numerator and denominator of the splits up to this session; shares move by the inverse."""
        return _product(step for step in self.steps if step.is_split and step.index <= index)

    def clock(self, index: int) -> int:
        """Return how far the price path has come: the session index less the sessions on which nothing traded."""
        stalled = sum(min(index, last) - first + 1 for first, last in self.halts if first <= index)
        if self.idle:
            block, day = divmod(index, IDLE_BLOCK)
            stalled += block * self.idle + sum(idle_day <= day for idle_day in self._idle_days(block))
        return index - stalled

    def pin(self, index: int) -> Pin | None:
        """Return the figures set by hand for this session, if any."""
        return next((pin for pin in self.pins if pin.index == index), None)

    def _idle_days(self, block: int) -> tuple[int, ...]:
        bits = mixed(self.key, block ^ 0x1D7E << 32)
        start, stride = (bits >> 2) % IDLE_BLOCK, _STRIDES[bits & 3]
        return tuple((start + stride * step) % IDLE_BLOCK for step in range(self.idle))


def _product(steps: Iterable[Step]) -> tuple[int, int]:
    numerator = denominator = 1
    for step in steps:
        numerator, denominator = numerator * step.numerator, denominator * step.denominator
    return numerator, denominator
