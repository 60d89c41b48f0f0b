"""The hook of the synthetic market: which market, and which time it is there."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from airflow.sdk import BaseHook

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.hooks.mock import MockHook


@pytest.fixture
def connect(environment):
    """Define the connection mock_default for one test."""

    def define(**extra):
        environment(AIRFLOW_CONN_MOCK_DEFAULT=json.dumps({"conn_type": "mock", "extra": extra}))
        return MockHook()

    return define


def test_airflow_finds_the_hook_by_connection_type(connect):
    """A connection of type mock gives a MockHook."""
    connect()
    assert isinstance(BaseHook.get_connection("mock_default").get_hook(), MockHook)


def test_the_market_lives_by_the_clock_of_its_environment(connect, environment):
    """Without a time of its own, a price is of the market's present minute, not of the example's evening."""
    environment(MARKET_CLOCK="2027-03-16T11:02:30+09:00")
    price = connect().get_conn().get_current_price("005930")
    moment = datetime(2027, 3, 16, 2, 2, 30, tzinfo=timezone.utc)
    assert timedelta() <= price.observed_at - moment < timedelta(minutes=1)


@pytest.mark.thorough
def test_the_market_lives_by_a_clock_that_is_fixed(connect, environment):
    """A price is of that moment; a time in the connection itself goes before it."""
    environment(MARKET_CLOCK="2027-06-15T11:00")
    assert connect().get_conn().get_order_book("005930").timestamp.startswith("2027-06-15T")
    named = connect(now="2026-09-21T11:00:00+09:00").get_conn()
    assert named.get_order_book("005930").timestamp.startswith("2026-09-21T11:00")


@pytest.mark.thorough
def test_a_fixed_time_makes_a_run_repeatable(connect):
    """The same time, the same order book, whenever it is asked for."""
    source = connect(now="2026-09-21T20:30:00+09:00").get_conn()
    assert source.get_order_book("005930").timestamp.startswith("2026-09-21T20:30:00")


@pytest.mark.thorough
def test_another_seed_is_another_market(connect):
    """Prices of two seeds differ, of one seed they do not."""

    def bids(**extra):
        source = connect(now="2026-09-21T11:00:00+09:00", **extra).get_conn()
        return [book.best_bid for book in source.order_books(["000660", "373220"])]

    assert bids(seed=7) == bids(seed="7")
    assert bids(seed=7) != bids()


@pytest.mark.parametrize("extra", [{"now": "2026-09-21T20:30:00"}, {"now": "yesterday"}, {"seed": "one"}])
def test_a_wrong_field_is_named(connect, extra):
    """A time without a zone is nobody's time; the message names connection and field."""
    (field,) = extra
    with pytest.raises(ConfigurationError, match=f"'mock_default'.*'{field}'"):
        connect(**extra).get_conn()


def test_testing_the_connection_says_that_it_is_made_up(connect):
    """Whoever tests it in the UI learns that these are not real prices; a wrong field is told as well."""
    assert connect().test_connection() == (True, "mock is made up and needs no connection.")
    works, sentence = connect(seed="one").test_connection()
    assert not works
    assert "seed" in sentence
