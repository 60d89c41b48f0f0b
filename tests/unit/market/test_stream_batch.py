"""What a batch of the stream takes in."""

from __future__ import annotations

from data_pipeline.market.rejections import Rejection
from data_pipeline.market.stream_batch import Batch
from data_pipeline.market.stream_records import ExpectedPrice
from data_pipeline.market.venue import Venue
from tests.support.live import OPEN, trade


def test_an_expected_price_is_never_written():
    """It looks like a trade and is none, so a batch has no place for it."""
    batch = Batch()
    batch.add(ExpectedPrice(Venue.KRX, "005930", OPEN, 100, 10))
    batch.add(Rejection({}, "wrong"))
    batch.add(trade(10))
    assert (len(batch), len(batch.trades), len(batch.refused)) == (2, 1, 1)
