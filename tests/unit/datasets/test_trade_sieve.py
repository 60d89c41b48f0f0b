"""What the sieve of trades lets pass has no finding, and whatever has one it leaves to the checks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from data_pipeline.datasets.dataset import No
from data_pipeline.datasets.findings import Context
from data_pipeline.datasets.trade import TRADE, sieved_trades
from data_pipeline.loading.checks.judge import Asked, judge
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.market.venue import Venue
from tests.support.live import OPEN, trade

CONTEXT = Context(krx_calendar(), OPEN + timedelta(hours=1))
GOOD = [trade(10), trade(20), trade(20, venue=Venue.NXT), trade(20, stock_code="000660")]
DAYS = {"saturday": timedelta(days=-2), "tomorrow": timedelta(days=1), "301 s ahead": timedelta(seconds=3600 + 301)}


def test_trades_of_their_own_keys_and_in_sessions_that_have_begun_pass_at_once():
    """One venue, code and running volume after the other; 300 seconds ahead is still no future."""
    ahead = replace(trade(30), traded_at=CONTEXT.now + timedelta(seconds=300))
    assert sieved_trades([*GOOD, ahead], (), None, None, CONTEXT) == ([], True)


WRONG = {
    "twice": trade(20),
    "other values": trade(20, second=1),
    **{name: trade(30, traded_at=OPEN + day) for name, day in DAYS.items()},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_one_trade_with_a_finding_leaves_all_to_the_checks(wrong):
    """The verdict is that of a dataset without a sieve."""
    trades = [*GOOD, wrong]
    assert sieved_trades(trades, (), None, None, CONTEXT) is None
    found, plain = (judge(trades, one, Asked(), CONTEXT) for one in (TRADE, replace(TRADE, sieve=No("none"))))
    assert found == plain
    assert len(found.good) < len(trades)


def test_trades_that_were_asked_for_are_looked_at_one_by_one():
    """What is outside of the codes or the days is refused by name."""
    verdict = judge(GOOD, TRADE, Asked(("005930",)), CONTEXT)
    assert [one.check for one in verdict.errors] == ["code"]
    assert len(verdict.good) == 3
