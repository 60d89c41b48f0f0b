"""Which refused rows of a vendor are read once more."""

from __future__ import annotations

from datetime import date

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.sources.reread import REREAD, reread

FRIDAY = date(2026, 11, 20)


@pytest.mark.parametrize("vendor", REREAD)
def test_every_dataset_that_grants_a_second_chance_is_answered(vendor):
    """By a reader, or by the reason why a row of it cannot be read alone."""
    assert REREAD[vendor].keys() == {one.name for one in DATASETS.values() if one.second_chance}


@pytest.mark.parametrize(("dataset", "origin", "why"), [
    ("minute_bar", "KIS inquire-time-dailychartprice", "running total"),
    ("price_snapshot", "KIS inquire-price", "when it was observed"),
    ("minute_bar", "KRX sto/stk_bydd_trd", "KRX has none"),
    ("instrument", "KIS KOSPI master", "nobody reads them"),
    ("daily_bar", "elsewhere", "nobody reads them"),
])  # fmt: skip
def test_a_row_that_cannot_be_read_alone_says_why(dataset, origin, why):
    """A minute was read as a daily bar, and its reason was about a session that it lacks."""
    with pytest.raises(InvalidRequestError, match=rf"rows of {origin} cannot be read alone \(.*{why}.*load the window"):
        reread(dataset, origin, {"cntg_vol": "x"}, "005930", FRIDAY)
