"""What is asked of a live stream, most important first."""

from __future__ import annotations

import pytest

from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.market.stream_records import StreamKind
from data_pipeline.market.stream_wishes import wishes
from data_pipeline.market.venue import Venue


def test_kinds_come_before_codes_and_codes_before_venues():
    """The trades of every code matter more than the first book."""
    found = wishes(["005930", "000660", "005930"], [StreamKind.TRADE, StreamKind.BOOK], [Venue.KRX, Venue.NXT])
    assert [(one.kind.value, one.stock_code, one.venue.value) for one in found] == [
        ("trade", "005930", "KRX"), ("trade", "005930", "NXT"), ("trade", "000660", "KRX"), ("trade", "000660", "NXT"),
        ("order_book", "005930", "KRX"), ("order_book", "005930", "NXT"), ("order_book", "000660", "KRX"),
        ("order_book", "000660", "NXT"),
    ]  # fmt: skip


@pytest.mark.parametrize(("codes", "kinds"), [([], [StreamKind.TRADE]), (["005930"], []), (["59"], [StreamKind.TRADE])])
def test_nothing_or_nonsense_is_refused(codes, kinds):
    """A stream of nothing and a code that is none are the caller's mistake."""
    with pytest.raises(InvalidRequestError):
        wishes(codes, kinds, [Venue.KRX])
