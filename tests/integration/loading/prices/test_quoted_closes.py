"""Funds that close by their quotes on a session without a trade: loaded, and no reason to adjust a price."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from data_pipeline.coordination.file import FileStore
from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.official import load_official
from data_pipeline.engine.one_window import Run
from data_pipeline.loading.checks.quarantine import keep_rejections
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.local.quarantine import retry_quarantine
from data_pipeline.market.records import DailyBar
from data_pipeline.market.rejections import Rejection
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.window import Window
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.sources.krx.source import KRXDataSource
from data_pipeline.sources.mock.source import MockDataSource
from tests.support.krx_answers import API_KEY, BAR, FRIDAY, Clock, FakeKrx, base_of, block
from tests.support.tables import DAILY_BAR

WEDNESDAY, THURSDAY = date(2026, 11, 18), date(2026, 11, 19)
TRADED = {
    "ISU_CD": "400580", "TDD_CLSPRC": "53600", "CMPPREVDD_PRC": "90", "TDD_OPNPRC": "53500", "TDD_HGPRC": "53700",
    "TDD_LWPRC": "53400", "ACC_TRDVOL": "100", "ACC_TRDVAL": "5355000",
}  # fmt: skip
QUOTED = TRADED | {
    "TDD_CLSPRC": "53510", "CMPPREVDD_PRC": "35", "TDD_OPNPRC": "0", "TDD_HGPRC": "0", "TDD_LWPRC": "0",
    "ACC_TRDVOL": "0", "ACC_TRDVAL": "0",
}  # fmt: skip
"""As recorded of an ETF on 2021-03-25: no trade, and a close of 53,510 that is 35 above the one before."""
ETF = "KRX etp/etf_bydd_trd"


def on(day, row):
    """A row of a daily service."""
    return BAR | row | {"BAS_DD": f"{day:%Y%m%d}"}


def exchange(tmp_path, **funds):
    """KRX with one instrument a board and the rows of an ETF that are given for Thursday and Friday."""
    server = FakeKrx()
    for board, code in (("stk", "000660"), ("ksq", "900100"), ("knx", "900200")):
        days = (THURSDAY, "25000000"), (FRIDAY, "25483920")
        server.answer(
            f"{board}_bydd_trd", *[block(on(day, {"ISU_CD": code, "ACC_TRDVOL": volume})) for day, volume in days]
        )
        server.answer(f"{board}_isu_base_info", block(base_of(code, LIST_DD="20100104")))
    server.answer("etf_bydd_trd", block(on(THURSDAY, funds["thursday"])), block(on(FRIDAY, funds["friday"])))
    clock = Clock()
    settings = KrxSettings(API_KEY, base_url="http://127.0.0.1:9")
    return KRXDataSource(settings, FileStore(tmp_path / "state"), server, clock=clock.now, sleep=clock.sleep)


def quarantine(database):
    """Code and reason of the rows that are held."""
    return database.rows("SELECT stock_code, reason FROM market.rejected_row WHERE settled_at IS NULL")


def test_a_fund_of_krx_that_closed_by_its_quotes(database, connection, tmp_path):
    """It is on no list of KRX, and comes in; the base of Friday is that close, so no price is adjusted."""
    before = DailyBar("400580", WEDNESDAY, 53400, 53500, 53300, 53475, 10, 534_000, 75)
    upsert(connection, DAILY_BAR, [before], "krx-sandbox")
    connection.commit()
    source = exchange(tmp_path, thursday=QUOTED, friday=TRADED)
    load_window(connection, source, DATASETS["instrument"], Window((), FRIDAY, FRIDAY), Run())
    assert [load_official(connection, source, day, Run(), None)["missing"] for day in (THURSDAY, FRIDAY)] == [0, 0]
    assert quarantine(database) == []
    assert database.rows(
        "SELECT session, open, volume, close, change FROM market.daily_bar WHERE stock_code = '400580' ORDER BY 1"
    ) == [(WEDNESDAY, 53400, 10, 53475, 75), (THURSDAY, 0, 0, 53510, 35), (FRIDAY, 53500, 100, 53600, 90)]
    assert database.rows("SELECT * FROM market.price_adjustment WHERE stock_code = '400580'") == []


def test_a_fund_in_quarantine_is_missing(database, connection, tmp_path):
    """Its row cannot be right (a value of one won for a hundred shares): nobody expects the fund, and yet it lacks."""
    source = exchange(tmp_path, thursday=TRADED | {"ACC_TRDVAL": "1"}, friday=TRADED)
    load_window(connection, source, DATASETS["instrument"], Window((), FRIDAY, FRIDAY), Run())
    assert load_official(connection, source, THURSDAY, Run(), None)["missing"] == 1
    assert [code for code, _ in quarantine(database)] == ["400580"]


def test_what_the_old_check_had_refused_comes_in_by_a_retry(database, connection):
    """The very row of KRX that was in quarantine for its moved close."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT market.admit_source('krx-sandbox')")
    reason = "volume: nothing traded and yet the price changed by 35"
    keep_rejections(
        connection, "daily_bar", "krx-sandbox", [Rejection(on(THURSDAY, QUOTED), reason, "400580", THURSDAY, ETF)]
    )
    connection.commit()
    assert retry_quarantine({"MARKET_DB_URL": database.url()})["loaded"] == 1
    assert database.rows("SELECT close, change FROM market.daily_bar") == [(53510, 35)]
    assert quarantine(database) == []


@pytest.mark.thorough
def test_thin_funds_of_the_synthetic_market(database, connection):
    """A month of every fund that a list tells of: all bars are loaded, and no price is adjusted."""
    source = MockDataSource(clock=lambda: datetime(2026, 11, 20, 20, 40, tzinfo=SEOUL))
    load_window(connection, source, DATASETS["instrument"], Window((), THURSDAY, THURSDAY), Run())
    funds = [one.stock_code for one in source.instruments(THURSDAY) if one.security_group == "EF"]
    window = Window(tuple(funds), date(2026, 10, 20), THURSDAY)
    counts = load_window(connection, source, DATASETS["daily_bar"], window, Run())
    assert (counts["missing"], counts["failed"]) == (0, 0)
    assert quarantine(database) == []
    ((quoted,),) = database.rows("SELECT count(*) FROM market.daily_bar WHERE volume = 0 AND change <> 0")
    assert quoted > 10
    assert database.rows("SELECT count(*) FROM market.price_adjustment WHERE kind = 'action'") == [(0,)]
