"""An instrument that traded outside of regular hours alone: its bar is stored, and its minutes are known to be empty.

As reported: 57 shares for 518,700 won at a close of 9,100, and no open, high and low. Friday is 20 November 2026.
"""

from __future__ import annotations

from datetime import date, datetime

import pytest

from data_pipeline.coordination.file import FileStore
from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.official import load_official
from data_pipeline.engine.one_window import Run
from data_pipeline.loading.coverage.cells import coverage
from data_pipeline.loading.instruments.lists import keep_list
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.market.evidence import MinuteEvidence, tell
from data_pipeline.market.records import DailyBar, Instrument
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.window import Window
from data_pipeline.read import daily_bars
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.sources.krx.source import KRXDataSource
from data_pipeline.sources.mock.source import MockDataSource
from tests.support.kis_answers import APP_KEY, APP_SECRET, HEAD, PRICE, ROW, FakeKis, FakeTime, ok
from tests.support.krx_answers import API_KEY, BAR, Clock, FakeKrx, base_of, block
from tests.support.tables import DAILY_BAR

CODE = "900001"
THURSDAY, FRIDAY = date(2026, 11, 19), date(2026, 11, 20)
EVENING = datetime(2026, 11, 20, 20, 30, tzinfo=SEOUL)
FILL = Run(moment=EVENING, remember_empty=True)
OF_CODE = {"stck_shrn_iscd": CODE, "hts_kor_isnm": "가나전자"}
LATE = {
    "stck_bsop_date": "20261120", "stck_oprc": "0", "stck_hgpr": "0", "stck_lwpr": "0", "stck_clpr": "9100",
    "acml_vol": "57", "acml_tr_pbmn": "518700", "prdy_vrss": "0", "prdy_vrss_sign": "3",
}  # fmt: skip
LATE_OF_KRX = BAR | {
    "ISU_CD": CODE, "TDD_OPNPRC": "0", "TDD_HGPRC": "0", "TDD_LWPRC": "0", "TDD_CLSPRC": "9100", "ACC_TRDVOL": "57",
    "ACC_TRDVAL": "518700", "CMPPREVDD_PRC": "0",
}  # fmt: skip
STORED = "SELECT session, open, high, low, close, volume, trading_value, change FROM market.daily_bar"
EMPTY = "SELECT dataset, session, reason FROM market.no_data"
OUTSIDE = "nothing was traded in regular hours: the day's open is 0"


@pytest.fixture
def kis(tmp_path):
    """KIS on Friday evening: the day's bar, and minute charts whose head counts its 57 shares."""
    server, time = FakeKis(), FakeTime(EVENING)
    server.answer("inquire-price", ok(output=PRICE | {"stck_shrn_iscd": CODE}))
    server.answer("inquire-daily-itemchartprice", ok(output1=HEAD | OF_CODE, output2=[ROW | LATE]))
    for chart in ("inquire-time-itemchartprice", "inquire-time-dailychartprice"):
        server.answer(chart, ok(output1={**OF_CODE, "acml_vol": "57"}, output2=[]))
    settings = KisSettings(APP_KEY, APP_SECRET, base_url="http://127.0.0.1:9", rate_limit=1000.0)
    store = FileStore(tmp_path / "state", clock=time.monotonic, sleep=time.sleep, boot_id="test")
    source = KISDataSource(settings, store, server, clock=time.now, sleep=time.sleep, wall=lambda: time.at.timestamp())
    with source:
        yield source


def list_it(connection, source="kis-sandbox"):
    """The instrument is on Friday's list."""
    one = Instrument(CODE, "KR7900001009", "가나전자", "KOSDAQ", "ST", FRIDAY, date(2010, 1, 4))
    keep_list(connection, [one], source)
    connection.commit()


def load(connection, source, dataset, first=FRIDAY):
    """One window of the instrument."""
    return load_window(connection, source, DATASETS[dataset], Window((CODE,), first, FRIDAY), FILL)


def states(connection, dataset):
    """Cells expected, loaded, known to be empty and missing on Friday."""
    (cell,) = coverage(connection, FRIDAY, FRIDAY, dataset)
    return cell.expected, cell.loaded, cell.known_empty, cell.missing


def test_a_bar_of_kis_and_its_minutes(kis, database, connection):
    """The bar is stored as it came; no minute of regular hours exists, and the bar's open of 0 proves it."""
    list_it(connection)
    assert load(connection, kis, "daily_bar")["missing"] == 0
    assert database.rows(STORED) == [(FRIDAY, 0, 0, 0, 9100, 57, 518_700, 0)]
    assert load(connection, kis, "minute_bar")["missing"] == 0
    assert database.rows(EMPTY) == [("minute_bar", FRIDAY, OUTSIDE)]
    assert states(connection, "daily_bar") == (1, 1, 0, 0)
    assert states(connection, "minute_bar") == (1, 0, 1, 0)


def test_without_the_bar_nothing_proves_that_no_minute_exists(kis, database, connection):
    """57 shares and no minute of them: the session stays missing until its daily bar tells."""
    list_it(connection)
    assert load(connection, kis, "minute_bar")["missing"] == 1
    assert (database.rows(EMPTY), states(connection, "minute_bar")) == ([], (1, 0, 0, 1))


def test_a_bar_of_the_exchange(database, connection, tmp_path):
    """KRX's own row, whose provisional bar had not a single share."""
    server, clock = FakeKrx(), Clock()
    server.answer("ksq_bydd_trd", block(LATE_OF_KRX))
    server.answer("ksq_isu_base_info", block(base_of(CODE, LIST_DD="20100104")))
    for board, code in (("stk", "000660"), ("knx", "900200")):
        server.answer(f"{board}_bydd_trd", block(BAR | {"ISU_CD": code}))
        server.answer(f"{board}_isu_base_info", block(base_of(code, LIST_DD="20100104")))
    server.answer("etf_bydd_trd", block(BAR | {"ISU_CD": "069500"}))
    settings = KrxSettings(API_KEY, base_url="http://127.0.0.1:9")
    source = KRXDataSource(settings, FileStore(tmp_path / "state"), server, clock=clock.now, sleep=clock.sleep)
    upsert(connection, DAILY_BAR, [DailyBar(CODE, FRIDAY, 0, 0, 0, 9100, 0, 0, 0)], "kis-sandbox")
    connection.commit()
    load_window(connection, source, DATASETS["instrument"], Window((), FRIDAY, FRIDAY), Run())
    assert load_official(connection, source, FRIDAY, Run(), None)["missing"] == 0
    stored = database.rows(f"{STORED} WHERE stock_code = %s", CODE)
    assert stored == [(FRIDAY, 0, 0, 0, 9100, 57, 518_700, 0)]
    differences = "SELECT kind, after_market FROM market.reconciliation WHERE stock_code = %s ORDER BY kind"
    assert database.rows(differences, CODE) == [("trading_value", True), ("volume", True)]


def test_an_answer_that_was_cut_short_settles_nothing(database, connection):
    """The source says that a page lacks rows: the session stays missing, whatever the daily bar tells."""

    class Late(MockDataSource):
        def minute_bars(self, stock_codes, first, last):
            """Tell of nothing, and of a problem."""
            tell(MinuteEvidence(CODE, FRIDAY, 0, problem="a page was cut short"))
            return iter(())

    list_it(connection, "mock")
    upsert(connection, DAILY_BAR, [DailyBar(CODE, FRIDAY, 0, 0, 0, 9100, 57, 518_700, 0)], "mock")
    connection.commit()
    assert load(connection, Late(clock=lambda: EVENING), "minute_bar")["missing"] == 1
    assert database.rows(EMPTY) == []


def test_adjusted_zeros_stay_zeros(database, connection):
    """After a split 1 to 2 the close is halved and the shares doubled; what has no price has none."""
    late = DailyBar(CODE, THURSDAY, 0, 0, 0, 9100, 57, 518_700, 0)
    split = DailyBar(CODE, FRIDAY, 4550, 4600, 4500, 4600, 10, 45_500, 50)

    class Two(MockDataSource):
        def daily_bars(self, stock_codes, first, last):
            """Yield both bars."""
            return iter([late, split])

    list_it(connection, "mock")
    assert load(connection, Two(clock=lambda: EVENING), "daily_bar", THURSDAY)["inserted"] == 2
    frame = daily_bars(CODE, THURSDAY, FRIDAY, connection=connection)
    names = ["open", "high", "low", "close", "volume", "trading_value", "factor"]
    assert frame[names].iloc[0].tolist() == [0, 0, 0, 4550, 114, 518_700, 0.5]
    raw = daily_bars(CODE, THURSDAY, THURSDAY, adjusted=False, connection=connection)
    assert raw[names[:-1]].iloc[0].tolist() == [0, 0, 0, 9100, 57, 518_700]


@pytest.mark.thorough
def test_a_day_of_the_synthetic_market(database, connection):
    """34 shares after hours on 22 September 2026: the bar is stored and its minutes are settled."""
    code, day = "141470", date(2026, 9, 22)
    source = MockDataSource(clock=lambda: datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL))
    load_window(connection, source, DATASETS["instrument"], Window((), day, day), Run())
    for dataset in ("daily_bar", "minute_bar"):
        run = Run(moment=datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL), remember_empty=True)
        assert load_window(connection, source, DATASETS[dataset], Window((code,), day, day), run)["missing"] == 0
    assert database.rows("SELECT open, volume, trading_value, close FROM market.daily_bar") == [
        (0, 34, 34 * 22_850, 22_850)
    ]
    assert database.rows(EMPTY) == [("minute_bar", day, OUTSIDE)]
