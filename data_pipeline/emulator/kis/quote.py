"""The parts that answers about one instrument are made of."""

from __future__ import annotations

from dataclasses import dataclass

from data_pipeline.emulator.figures import book_value_per_share, earnings_per_share
from data_pipeline.emulator.kis.view import MarketView, Moment
from data_pipeline.market.records import DailyBar, Instrument

FUNDS = ("EF", "EN", "FE")


@dataclass(frozen=True, slots=True)
class Quote:
    """One instrument at one moment."""

    instrument: Instrument
    bar: DailyBar
    before: DailyBar | None
    base: int
    limits: tuple[int, int]
    shares: int

    @property
    def is_fund(self) -> bool:
        """Whether it trades by the rules of funds."""
        return is_fund(self.instrument)

    @property
    def earnings(self) -> int:
        """Yearly profit a share, won; 0 for a fund."""
        return 0 if self.is_fund else earnings_per_share(self.instrument.stock_code, self.base)

    @property
    def book_value(self) -> int:
        """Book value a share, won; 0 for a fund."""
        return 0 if self.is_fund else book_value_per_share(self.instrument.stock_code, self.base)


def read_quote(view: MarketView, code: str, moment: Moment) -> Quote:
    """Return the parts of a quote; refuses (MCA05918) a code that is not listed."""
    instrument = view.instrument(code, moment.session)
    return Quote(
        instrument,
        view.bar(code, moment),
        view.bar_before(code, moment.session),
        view.market.base_price(code, moment.session),
        view.market.price_limits(code, moment.session),
        view.market.listed_shares(code, moment.session),
    )


def is_fund(instrument: Instrument) -> bool:
    """Return whether the price rules know this instrument as a fund."""
    return instrument.security_group in FUNDS
