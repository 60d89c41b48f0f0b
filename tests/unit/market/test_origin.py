"""What the name of a source means; every fact by hand, from the documents of the vendors and of this project."""

from datetime import date, datetime, timedelta

import pytest

from data_pipeline.exceptions import InvalidRequestError, UnsupportedDatasetError
from data_pipeline.market.origin import BROKER, EXCHANGE, ORIGINS, origin_of, shape_of
from data_pipeline.market.publication import last_published, published_at
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.sources.factory import DataSourceType

FRIDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 23)


def at(day, hour, minute=0):
    """A moment in Seoul."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=SEOUL)


def test_the_exchange_ranks_above_kis_above_its_virtual_server():
    """Likewise among the synthetic sources: where both have a row of one key, the exchange's stays."""
    real = sorted((one for one in ORIGINS.values() if not one.made_up), key=lambda one: -one.rank)
    assert [one.name for one in real] == ["krx", "kis", "kis-virtual"]
    synthetic = sorted((one for one in ORIGINS.values() if one.made_up), key=lambda one: -one.rank)
    assert [one.name for one in synthetic] == ["krx-sandbox", "kis-sandbox", "mock", "replay"]


@pytest.mark.parametrize(
    ("name", "vendor", "made_up", "voice", "official"),
    [
        ("kis", "kis", False, BROKER, False),
        ("kis-virtual", "kis", False, BROKER, False),
        ("kis-sandbox", "kis", True, BROKER, False),
        ("krx", "krx", False, EXCHANGE, True),
        ("krx-sandbox", "krx", True, EXCHANGE, True),
        ("mock", "mock", True, BROKER, False),
        ("replay", "kis", True, BROKER, False),
    ],
)
def test_whose_word_a_source_is(name, vendor, made_up, voice, official):
    """Emulators and the synthetic market are made up, and only what KRX answers is official."""
    one = origin_of(name)
    assert (one.name, one.vendor, one.made_up, one.voice, one.official) == (name, vendor, made_up, voice, official)


def test_an_unknown_source_is_refused_by_name():
    """The message lists those there are, and asking what it holds says the same."""
    known = "kis, kis-virtual, kis-sandbox, krx, krx-sandbox, mock, replay"
    with pytest.raises(InvalidRequestError, match=f"source must be one of {known}, not 'yahoo'"):
        origin_of("yahoo")
    with pytest.raises(InvalidRequestError, match="not 'yahoo'"):
        shape_of("yahoo", "daily_bar")


def test_every_vendor_can_be_chosen():
    """`DATA_SOURCE_TYPE` names the same vendors."""
    assert {one.value for one in DataSourceType} == {one.vendor for one in ORIGINS.values()} == {"kis", "krx", "mock"}


@pytest.mark.parametrize("name", ["krx", "krx-sandbox"])
def test_krx_publishes_on_the_next_morning(name):
    """Friday's figures are there from 08:00 of Monday, and until then Thursday's are the newest."""
    assert published_at(origin_of(name), FRIDAY) == at(MONDAY, 8)
    assert last_published(origin_of(name), at(MONDAY, 7, 59)) == date(2026, 11, 19)
    assert last_published(origin_of(name), at(MONDAY, 8)) == FRIDAY


@pytest.mark.parametrize("name", ["kis", "kis-virtual", "kis-sandbox", "mock"])
def test_the_others_have_a_session_once_it_is_final(name):
    """That is the same evening at 20:00."""
    assert published_at(origin_of(name), FRIDAY) == at(FRIDAY, 20)
    assert last_published(origin_of(name), at(FRIDAY, 19, 59)) == date(2026, 11, 19)
    assert last_published(origin_of(name), at(FRIDAY, 20)) == FRIDAY


def test_whose_lists_reach_back():
    """KRX has base info of past sessions and the synthetic market invents it; KIS only has this morning's master."""
    for name in ("kis", "kis-virtual", "kis-sandbox"):
        with pytest.raises(UnsupportedDatasetError, match=f"{name} has no instrument of past sessions"):
            shape_of(name, "instrument")
    assert [shape_of(name, "instrument").list_calls for name in ("krx", "krx-sandbox", "mock")] == [3, 3, 0]


def test_what_a_request_of_the_virtual_server_holds():
    """It has no multi-stock quotes, no past minutes, 30 minutes a page, 30 sessions of flows, no open days."""
    virtual = origin_of("kis-virtual").shape
    assert (virtual.quotes_page, virtual.minutes_page) == (1, 30)
    assert virtual.reach == {"minute_bar": timedelta(0), "investor_flow": timedelta(days=40)}
    with pytest.raises(UnsupportedDatasetError, match="kis-virtual has no trading_session"):
        shape_of("kis-virtual", "trading_session")


def test_what_a_request_of_the_real_servers_holds():
    """KIS: 100 days, 30 quotes, 120 minutes for a year; KRX: a whole market in five calls of the key's 10,000 a day."""
    kis, krx = origin_of("kis").shape, origin_of("krx").shape
    assert (kis.daily_page, kis.quotes_page, kis.minutes_page, kis.reach) == (
        100,
        30,
        120,
        {"minute_bar": timedelta(365)},
    )
    assert (kis.market_calls, kis.calls_a_day, kis.first_day) == (0, None, date.min)
    assert (krx.market_calls, krx.calls_a_day, krx.first_day) == (5, 10_000, date(2010, 1, 4))
