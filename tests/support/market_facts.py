"""What the synthetic market says of itself: what tests expect, however it came into a table."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from data_pipeline.sources.mock.market import SyntheticMarket


@lru_cache(maxsize=1)
def market() -> SyntheticMarket:
    """Return the market that everybody gets."""
    return SyntheticMarket()


def listed(session: date) -> list[str]:
    """Return the codes that are listed on a session, in order."""
    return [one.stock_code for one in market().instruments(session)]
