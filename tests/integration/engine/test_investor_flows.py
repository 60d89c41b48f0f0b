"""Investor flows in a real Postgres: coverage, a hole, the fewest requests, and how they are read.

Facts: 23, 24 and 25 November 2026 are Monday to Wednesday, and sessions.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest

from data_pipeline import read
from data_pipeline.backfill.healing import healing
from data_pipeline.backfill.plan import plan_backfill, plan_wish
from data_pipeline.backfill.sources import Sources
from data_pipeline.backfill.wish import Wish
from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.many_windows import Loader
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import IncompleteDataError, UnsupportedDatasetError
from data_pipeline.loading.coverage.cells import coverage
from data_pipeline.loading.instruments.lists import keep_list
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.market.window import Window
from data_pipeline.sources.mock.source import MockDataSource

MON, TUE, WED = (date(2026, 11, day) for day in (23, 24, 25))
EVENING = datetime(2026, 11, 25, 20, 50, tzinfo=SEOUL)
CODES = ("000660", "005930", "247540")


class Broker(MockDataSource):
    """The synthetic market under a broker's name."""

    def __init__(self, name: str = "kis-sandbox") -> None:
        super().__init__(clock=lambda: EVENING)
        self.name = name

    def investor_flows(self, stock_codes, first, last):
        """Yield what the virtual server would: without kinds."""
        for flow in super().investor_flows(stock_codes, first, last):
            yield replace(flow, kinds={}, volume=None) if self.name == "kis-virtual" else flow


@pytest.fixture
def listed(connection):
    """A list of instruments that is older than the range."""
    chosen = [one for one in MockDataSource().market.instruments(date(2026, 9, 1)) if one.stock_code in CODES]
    keep_list(connection, chosen, "kis-sandbox")
    connection.commit()
    return connection


def load(connection, source=None, codes=CODES):
    """Load three sessions and return the counts."""
    run = Run(moment=EVENING)
    return load_window(connection, source or Broker(), DATASETS["investor_flow"], Window(codes, MON, WED), run)


def test_a_range_is_loaded_covered_and_read(database, listed):
    """Net is bought minus sold; every listed instrument has its row; loading again changes nothing."""
    assert (load(listed)["inserted"], load(listed)["unchanged"]) == (9, 9)
    found = coverage(listed, MON, WED, "investor_flow")
    assert [(one.expected, one.loaded, one.missing) for one in found] == [(3, 3, 0)] * 3
    with database.connect("reader") as reader:
        frame = read.investor_flows("005930", MON, WED, connection=reader)
    assert len(frame) == 3
    net = frame["individual_bought_volume"] - frame["individual_sold_volume"]
    assert (frame["individual_net_volume"] == net).all()
    everybody = sum(frame[f"{kind}_net_volume"] for kind in ("individual", "foreign", "institution", "other_group"))
    assert (everybody + frame["other_corporation_net_volume"] == 0).all()


def test_a_hole_is_healed(database, listed):
    """A deleted row is missing, and one call brings it; a frame refuses the range until then."""
    load(listed)
    with database.connect("owner") as owner, owner, owner.cursor() as cursor:
        cursor.execute("DELETE FROM market.investor_flow WHERE stock_code = '005930' AND session = %s", (TUE,))
    with database.connect("reader") as reader, pytest.raises(IncompleteDataError, match="005930 on 2026-11-24"):
        read.investor_flows(CODES, MON, WED, connection=reader)
    source = Broker()
    (backfill,) = [one for one in healing(listed, source.name, WED) if one.dataset == "investor_flow"]
    (share,) = plan_backfill(listed, backfill, Sources(source), EVENING).shares
    assert [(one.stock_codes, one.first, one.requests) for one in share.spans] == [(("005930",), TUE, 1)]
    (step,) = Loader(listed, Run(moment=EVENING), 1)(source, "investor_flow", share.spans)
    assert (step.error, step.counts["inserted"]) == (None, 1)
    assert [one.missing for one in coverage(listed, MON, WED, "investor_flow")] == [0, 0, 0]


@pytest.mark.parametrize(("sessions", "requests"), [(1, 3), (30, 3), (31, 6)])
def test_thirty_sessions_of_a_code_are_one_request(listed, sessions, requests):
    """One session of the whole market is a request a code, and so are thirty."""
    days = krx_calendar().sessions(date(2026, 9, 1), WED)[-sessions:]
    plan = plan_wish(listed, Wish("investor_flow", CODES, days[0], WED, True), Sources(Broker()), EVENING)
    assert plan.requests == requests


def test_krx_has_none_and_the_virtual_server_no_past(listed):
    """Both are refused before anything is asked."""
    with pytest.raises(UnsupportedDatasetError, match="krx-sandbox has no investor_flow"):
        plan_wish(listed, Wish("investor_flow", CODES, MON, TUE), Sources(Broker("krx-sandbox")), EVENING)
    early = Wish("investor_flow", CODES, date(2026, 9, 1), TUE)
    with pytest.raises(UnsupportedDatasetError, match="has investor_flow from 2026-10-16 on"):
        plan_wish(listed, early, Sources(Broker("kis-virtual")), EVENING)
