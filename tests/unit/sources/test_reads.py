"""The four documented reads repeat an answer for as long as they are told to, whatever the source."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from data_pipeline.market.clock import SEOUL
from data_pipeline.market.records import PriceType
from data_pipeline.sources.factory import create_data_source
from data_pipeline.sources.mock.market import SyntheticMarket
from data_pipeline.sources.mock.source import MockDataSource
from data_pipeline.sources.reads import Reads, cache_ttl, cache_url

CODE = "005930"
OPEN = datetime(2026, 9, 14, 10, 0, tzinfo=SEOUL)
DOCUMENTED = {
    "KIS_CACHE_TTL_PRICE": "1800",
    "KIS_CACHE_TTL_ORDERBOOK": "10",
    "KIS_CACHE_TTL_CHART": "3600",
    "KIS_CACHE_TTL_STOCK_INFO": "86400",
}
CALLS = {
    "price": lambda source: source.get_current_price(CODE),
    "orderbook": lambda source: source.get_order_book(CODE),
    "chart": lambda source: source.get_chart_data(CODE, PriceType.MINUTE_1, 3),
    "stock_info": lambda source: source.get_stock_info(CODE),
}
LIVES = {"price": 1800, "orderbook": 10, "chart": 3600, "stock_info": 86_400}


class Running:
    """A market clock and the real time beside it."""

    def __init__(self) -> None:
        self.now = OPEN
        self.wall = 1_789_347_600.0

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.wall += seconds


def source_of(time: Running, ttl: dict[str, float]) -> MockDataSource:
    """A mock source whose reads are kept so long."""
    return MockDataSource(SyntheticMarket(), lambda: time.now, Reads(ttl, "mock", wall=lambda: time.wall))


def test_the_documented_times_are_read() -> None:
    """As the product's README has them; nothing set means nothing kept."""
    assert cache_ttl(DOCUMENTED) == LIVES
    assert cache_ttl({}) == cache_ttl({"KIS_CACHE_TTL_PRICE": "0"}) == {}


@pytest.mark.thorough
@pytest.mark.parametrize("read", LIVES)
def test_each_read_is_repeated_for_its_time(read: str) -> None:
    """The record says how old it is, and equals what was fetched; afterwards it is asked for anew."""
    time = Running()
    source = source_of(time, {read: LIVES[read]})
    first = CALLS[read](source)
    time.advance(LIVES[read] - 1)
    again = CALLS[read](source)
    time.advance(1)
    last = CALLS[read](source)
    assert again == first
    rows = [(one if isinstance(one, list) else [one]) for one in (first, again, last)]
    assert [{bar.age_seconds for bar in one} for one in rows] == [{0.0}, {LIVES[read] - 1.0}, {0.0}]


@pytest.mark.thorough
@pytest.mark.parametrize("read", LIVES)
def test_off_is_off(read: str) -> None:
    """Without a time each call is asked for, and no other read is kept with one."""
    time = Running()
    source = source_of(time, {name: 3600 for name in LIVES if name != read})
    CALLS[read](source)
    time.advance(90)
    found = CALLS[read](source)
    assert {one.age_seconds for one in (found if isinstance(found, list) else [found])} == {0.0}


@pytest.mark.thorough
def test_what_loads_rows_never_asks_the_cache() -> None:
    """Prices for the warehouse are of their moment."""
    time = Running()
    source = source_of(time, dict.fromkeys(LIVES, 3600.0))
    before = [source.get_current_price(CODE), *source.price_snapshots([CODE]), *source.order_books([CODE])]
    time.advance(600)
    assert source.get_current_price(CODE) == before[0]
    assert [*source.price_snapshots([CODE])] != before[1:2]
    assert [*source.order_books([CODE])] != before[2:]


@pytest.mark.thorough
def test_a_chart_of_another_length_is_another_answer() -> None:
    """So is one of another period."""
    source = source_of(Running(), {"chart": 3600})
    lengths = [
        len(source.get_chart_data(CODE, period, count))
        for period, count in ((PriceType.DAILY, 2), (PriceType.DAILY, 3), (PriceType.WEEKLY, 2), (PriceType.DAILY, 2))
    ]
    assert lengths == [2, 3, 2, 2]
    assert source.get_chart_data(CODE, PriceType.WEEKLY, 2) != source.get_chart_data(CODE, PriceType.DAILY, 2)


def test_a_wrong_code_is_refused_before_the_cache() -> None:
    """Nothing of it becomes a key."""
    with pytest.raises(ValueError, match="005930"):
        source_of(Running(), {"price": 3600}).get_current_price("5930")


@pytest.mark.thorough
def test_clear_makes_the_next_answer_a_new_one() -> None:
    """It says how many it forgot."""
    time = Running()
    source = source_of(time, {"price": 3600})
    before = source.get_current_price(CODE)
    time.advance(600)
    assert source.get_current_price(CODE) == before
    assert source.reads.clear() == 1
    assert source.get_current_price(CODE) != before


def test_where_answers_lie() -> None:
    """What is named, else the Redis that is shared anyway, else memory."""
    shared = {"COORDINATION_URL": "redis://:word@h:6379/1"}
    assert cache_url(shared | {"CACHE_URL": "memory"}) == "memory"
    assert cache_url(shared) == "redis://:word@h:6379/1"
    assert repr(cache_url(shared)) == "<hidden>"
    assert cache_url({"COORDINATION_URL": "file:///srv"}) == ""


@pytest.mark.thorough
def test_sources_of_two_processes_share_a_redis(redis_url: str) -> None:
    """Everybody's mock at its fixed moment is the same market; one with another clock is another."""
    environ = DOCUMENTED | {"DATA_SOURCE_TYPE": "mock", "CACHE_URL": redis_url, "MARKET_CLOCK": ""}
    with create_data_source(environ=environ) as one, create_data_source(environ=environ) as two:
        assert one.get_current_price(CODE) == two.get_current_price(CODE)
        assert two.reads.clear() == 1
        assert one.reads.clear() == 0
