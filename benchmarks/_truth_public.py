"""Corporate actions that everybody could read about: the close before, and the base price that the exchange announced.

Each figure was in the news of its day; where only one of the two was, the other follows from the announced ratio or
from the day's change, and the source says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from data_pipeline.loading.prices.factors import Close, adjustments
from tests.support.cumulative_factors import cumulative_factors


@dataclass(frozen=True)
class PublicAction:
    """One corporate action and what it was said to do to the price."""

    name: str
    stock_code: str
    last: date
    """The last session that traded before."""
    session: date
    """The first session at the new base price."""
    previous_close: int
    base_price: int
    factor: str
    """The announced ratio of a split; base over close where the exchange rounded or weighed in an issue price."""
    source: str

    @property
    def closes(self) -> list[Close]:
        """The two sessions as bars; the second one closes at its base price."""
        return [
            Close(self.stock_code, self.last, self.previous_close, 0),
            Close(self.stock_code, self.session, self.base_price, 0),
        ]


PUBLIC = (
    PublicAction(
        "Samsung Electronics, split 1 to 50", "005930", date(2018, 4, 27), date(2018, 5, 4), 2_650_000, 53_000, "1/50",
        "The Korea Herald, 2018-04-29 (close); Reuters, 2018-05-04 (base)",
    ),
    PublicAction(
        "NAVER, split 1 to 5", "035420", date(2018, 10, 5), date(2018, 10, 12), 704_000, 140_800, "1/5",
        "eToday, 2018-10-18: up 0.85 % on the first day, then down 8.45 % to 130,000; base times five is the close",
    ),
    PublicAction(
        "Kakao, split 1 to 5", "035720", date(2021, 4, 9), date(2021, 4, 15), 558_000, 111_600, "1/5",
        "FETV and SBS Biz, 2021-04-12 (both)",
    ),
    PublicAction(
        "Ecopro, split 1 to 5", "086520", date(2024, 4, 8), date(2024, 4, 25), 517_000, 103_400, "1/5",
        "The Fact, 2024-04-25 (close); Energy Economy, 2024-04-25 (base)",
    ),
    PublicAction(
        "Notus, bonus of eight for one", "278650", date(2022, 5, 30), date(2022, 5, 31), 69_500, 7_730, "773/6950",
        "Business Post, 2022-06-02 (both); Chosun Biz, 2022-05-31 (base)",
    ),
    PublicAction(
        "Ecopro BM, bonus of three for one", "247540", date(2022, 6, 24), date(2022, 6, 27), 497_400, 124_700,
        "1247/4974", "Business Post and MBN, 2022-06-27 (both)",
    ),
    PublicAction(
        "Gonggu Woman, bonus of five for one", "366030", date(2022, 6, 28), date(2022, 6, 29), 89_900, 15_000,
        "150/899", "Yonhap, 2022-06-30 (both)",
    ),
    PublicAction(
        "Korean Air, rights at a discount", "003490", date(2021, 1, 22), date(2021, 1, 25), 34_950, 27_100, "542/699",
        "Edaily, 2021-01-25 (close); Hankyung, 2021-01-25: 30,350 is 3,250 or 11.99 % above the base",
    ),
)  # fmt: skip


def public_errors() -> Iterator[tuple[str, float]]:
    """Yield each action and how far its factor is off, as a share of it; infinite when there is none."""
    for action in PUBLIC:
        bars = action.closes
        found = list(adjustments(bars))
        factor = cumulative_factors(bars, found)[action.last]
        known = [(one.session, one.kind) for one in found] == [(action.session, "action")] and factor is not None
        yield action.name, abs(float((factor or 0) / Fraction(action.factor) - 1)) if known else float("inf")
