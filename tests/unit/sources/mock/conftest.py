"""One synthetic market for all tests of it: it is immutable."""

from __future__ import annotations

import pytest

from data_pipeline.sources.mock.market import SyntheticMarket


@pytest.fixture(scope="session")
def market() -> SyntheticMarket:
    """The market that everybody gets by default."""
    return SyntheticMarket()
