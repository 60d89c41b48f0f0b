"""Records out of the fields of a frame."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from data_pipeline.exceptions import PayloadError
from data_pipeline.market.records import OrderBookLevel
from data_pipeline.market.stream_records import ExpectedPrice, MarketOperation, Side, Trade
from data_pipeline.market.venue import Venue
from data_pipeline.sources.kis.parse_live import record_of
from data_pipeline.sources.kis.stream.fields import FEEDS
from data_pipeline.sources.kis.stream.frame import Records, read_frame

SEOUL = ZoneInfo("Asia/Seoul")
SAMPLES = Path("tests/samples/kis/stream")
AT = datetime(2026, 11, 23, 9, 47, 52, 250_000, SEOUL)


def frame(name: str) -> Records:
    """Return the records of a sample."""
    found = read_frame((SAMPLES / f"{name}.txt").read_text("utf-8").strip())
    assert isinstance(found, Records)
    return found


def changed(name: str, number: int = 0, **fields: str) -> tuple[object, ...]:
    """Return feed and fields of a sample's record, with some of its fields replaced."""
    found = frame(name)
    row = list(found.rows[number])
    for field, text in fields.items():
        row[found.feed.positions[field]] = text
    return found.feed, row


def test_a_trade_is_read_whole():
    """Every figure of the record stands where the documented frame has it."""
    found = frame("h0stcnt0")
    assert record_of(found.feed, found.rows[1], AT) == Trade(
        Venue.KRX, "005930", datetime(2026, 11, 23, 9, 47, 51, tzinfo=SEOUL), 72000, 75, 8305293, 595409543150,
        Side.BUY, 21116, 28171, 3060315, 4163837, 72000, 71900, "20", "0", "2",
    )  # fmt: skip
    assert record_of(found.feed, found.rows[0], AT).side is Side.SELL


def test_a_trade_of_both_venues_says_so():
    """The unified feed has its own venue, and the sessions of its own."""
    found = frame("h0uncnt0")
    trade = record_of(found.feed, found.rows[0], AT.replace(hour=17))
    assert (trade.venue, trade.session_class, trade.cumulative_volume) == (Venue.UNIFIED, "3", 9412345)


def test_a_trade_of_the_older_layout_has_no_class_of_session():
    """46 fields are read as far as they go."""
    found = frame("official-h0stcnt0-46")
    trade = record_of(found.feed, found.rows[0], AT)
    assert (trade.price, trade.session_class, trade.session.isoformat()) == (71900, "", "2023-06-12")


def test_a_book_is_read_whole():
    """Ten levels on both sides, best first, dated by the moment of receipt."""
    found = frame("h0stasp0")
    book = record_of(found.feed, found.rows[0], AT)
    assert (book.ask_levels[0], book.ask_levels[9]) == (OrderBookLevel(71900, 91918), OrderBookLevel(72800, 104229))
    assert (book.bid_levels[0], book.bid_levels[9]) == (OrderBookLevel(71800, 95221), OrderBookLevel(70900, 158171))
    assert [level.volume for level in book.ask_levels[:3]] == [91918, 117942, 92673]
    assert (book.total_ask_volume, book.total_bid_volume) == (1159362, 2095167)
    assert (book.observed_at, book.venue, book.stock_code) == (AT, Venue.KRX, "005930")


@pytest.mark.parametrize(("name", "venue"), [("h0nxasp0", Venue.NXT), ("h0unasp0", Venue.UNIFIED)])
def test_books_of_every_venue_have_the_same_levels(name, venue):
    """What follows the levels differs, and is not read."""
    found = frame(name)
    book = record_of(found.feed, found.rows[0], AT)
    assert (book.venue, book.best_ask, book.best_bid) == (venue, 71900, 71800)


def test_what_an_auction_expects_is_no_price_of_the_book():
    """The expected change of minus one hundred percent of the documented frame reaches no record."""
    found = frame("h0stasp0")
    assert found.rows[0][50:53] == ["-72000", "5", "-100.00"]
    book = record_of(found.feed, found.rows[0], AT)
    assert min(level.price for level in (*book.ask_levels, *book.bid_levels)) == 70900


def test_levels_without_a_price_are_not_there():
    """A side may be short or empty, as at a price limit."""
    none = {f"ASKP{level}": "0" for level in range(1, 11)} | {f"ASKP_RSQN{level}": "0" for level in range(1, 11)}
    book = record_of(*changed("h0stasp0", **none), AT)
    assert book.ask_levels == ()
    assert len(book.bid_levels) == 10


def test_market_operation_is_read_with_its_nulls():
    """(null) is nothing, a code of no table is kept, and the state of the issue is no volatility interruption."""
    found, ended = frame("h0stmko0"), frame("official-h0stmko0")
    assert record_of(found.feed, found.rows[0], AT) == MarketOperation(
        Venue.KRX, "003160", AT, halted=False, phase="AB1", expected_phase="311", vi=True, status="55"
    )
    assert not record_of(ended.feed, ended.rows[0], AT).vi


def test_an_expected_price_is_no_trade():
    """It has a record of its own, although its fields are those of a trade."""
    found = frame("official-h0stanc0")
    at = datetime(2026, 7, 7, 8, 51, 31, tzinfo=SEOUL)
    assert record_of(found.feed, found.rows[0], at) == ExpectedPrice(
        Venue.KRX, "005930", at - timedelta(seconds=1), 308000, 3
    )


def test_an_etn_loses_the_letter_before_its_code():
    """KIS writes Q before the code of an ETN, and nobody else does."""
    assert record_of(*changed("h0stcnt0", MKSC_SHRN_ISCD="Q500001"), AT).stock_code == "500001"


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        ("h0stcnt0", {"CNTG_VOL": "(null)"}, "field CNTG_VOL is no number"),
        ("h0stcnt0", {"CNTG_VOL": ""}, "field CNTG_VOL is no number"),
        ("h0stcnt0", {"ACML_VOL": "-5"}, "field ACML_VOL is no number"),
        ("h0stcnt0", {"STCK_PRPR": "1_000"}, "field STCK_PRPR is no number"),
        ("h0stcnt0", {"STCK_PRPR": "0"}, "contradict"),
        ("h0stcnt0", {"ACML_VOL": "1"}, "contradict"),
        ("h0stcnt0", {"STCK_CNTG_HOUR": "256161"}, "no time of the day"),
        ("h0stcnt0", {"BSOP_DATE": ""}, "no time of the day"),
        ("h0stcnt0", {"STCK_CNTG_HOUR": "094758"}, "lies ahead"),
        ("h0stcnt0", {"BSOP_DATE": "20261124"}, "lies ahead"),
        ("h0stcnt0", {"MKSC_SHRN_ISCD": "00593"}, "contradict"),
        ("h0stasp0", {"ASKP3": "x"}, "field ASKP3 is no number"),
        ("h0stasp0", {"ASKP1": "0"}, "field ASKP1 is 0, but 91918 shares wait there"),
        ("h0stasp0", {"BIDP1": "0"}, "field BIDP1 is 0, but 95221 shares wait there"),
        ("h0stasp0", {"ASKP2": "71900"}, "contradict"),
        ("h0stasp0", {"BSOP_HOUR": "094758"}, "lies ahead"),
        ("h0stmko0", {"TRHT_YN": ""}, "field TRHT_YN has no value"),
        ("official-h0stanc0", {"STCK_PRPR": ""}, "field STCK_PRPR has no value"),
    ],
)
def test_what_cannot_be_a_record_is_named_and_kept_whole(name, fields, words):
    """The message names the feed, the code and what is wrong; the error keeps every field as JSON."""
    feed, row = changed(name, **fields)
    with pytest.raises(PayloadError, match=words) as caught:
        record_of(feed, row, AT)
    assert f"KIS {feed.tr_id}" in str(caught.value)
    assert json.loads(json.dumps(caught.value.payload)).items() >= fields.items()


def test_five_seconds_ahead_are_the_clocks_of_two_machines():
    """A second that is not over here yet may be over there."""
    assert record_of(*changed("h0stcnt0", STCK_CNTG_HOUR="094757"), AT).traded_at.second == 57


def test_fields_beyond_the_known_ones_stay_with_an_error():
    """What is new behind a record is kept with its place."""
    feed, row = changed("h0stcnt0", CNTG_VOL="")
    with pytest.raises(PayloadError) as caught:
        record_of(feed, [*row, "NEW"], AT)
    assert caught.value.payload["field 47"] == "NEW"


def test_both_names_of_the_side_stand_in_the_same_place():
    """NXT and the unified feed name the field differently and have it where KRX has it."""
    assert {one.names[21] for one in FEEDS.values() if one.tr_id[4:] == "CNT0"} == {"CCLD_DVSN", "CNTG_CLS_CODE"}
