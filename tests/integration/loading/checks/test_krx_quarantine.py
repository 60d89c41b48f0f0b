"""What a wrong row in an answer of KRX costs: itself, and nothing else; and how it comes in after a fix."""

from __future__ import annotations

from datetime import date

import pytest

from data_pipeline.coordination.file import FileStore
from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.official import load_official
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import PayloadError, WindowRefusedError
from data_pipeline.loading.checks.quarantine import keep_rejections
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.local.quarantine import retry_quarantine
from data_pipeline.market.records import DailyBar
from data_pipeline.market.rejections import Rejection
from data_pipeline.market.window import Window
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.sources.krx.source import KRXDataSource
from tests.support.krx_answers import API_KEY, BAR, FRIDAY, SUSPENDED, Clock, FakeKrx, base_of, block
from tests.support.tables import DAILY_BAR

THURSDAY = date(2026, 11, 19)
SANDBOX = "http://127.0.0.1:9"
OTHERS = [BAR | {"ISU_CD": code} for code in ("000070", "000660", "035720")]
BAD = BAR | {"TDD_CLSPRC": "71,000"}
KOSPI = "KRX sto/stk_bydd_trd"


@pytest.fixture
def krx():
    """KOSPI has four good rows and a wrong one; the other markets and the funds have one row each."""
    server = FakeKrx()
    server.answer("stk_bydd_trd", block(SUSPENDED, *OTHERS, BAD))
    server.answer("stk_isu_base_info", block(*[base_of(row["ISU_CD"]) for row in (SUSPENDED, BAD)]))
    for market, code in (("ksq", "900100"), ("knx", "900200")):
        server.answer(f"{market}_bydd_trd", block(BAR | {"ISU_CD": code}))
        server.answer(f"{market}_isu_base_info", block(base_of(code)))
    server.answer("etf_bydd_trd", block(BAR | {"ISU_CD": "069500"}))
    return server


@pytest.fixture
def source(krx, tmp_path):
    """A source that is no real exchange."""
    clock = Clock()
    settings = KrxSettings(API_KEY, base_url=SANDBOX)
    return KRXDataSource(settings, FileStore(tmp_path / "state"), krx, clock=clock.now, sleep=clock.sleep)


def held(database):
    """Code, session, payload, service, how often and outcome of every row in quarantine."""
    return database.rows(
        "SELECT stock_code, session, payload, origin, times, outcome FROM market.rejected_row ORDER BY rejected_id"
    )


def loaded(database):
    """The codes that have a bar."""
    return [code for (code,) in database.rows("SELECT stock_code FROM market.daily_bar ORDER BY 1")]


def test_the_other_codes_of_the_window_are_loaded(database, connection, source):
    """Of three codes two come; the wrong row is kept as it came, and its cell is not taken for an empty one."""
    load_window(connection, source, DATASETS["instrument"], Window((), FRIDAY, FRIDAY), Run())
    window = Window(("000020", "005930", "900100"), FRIDAY, FRIDAY)
    counts = load_window(connection, source, DATASETS["daily_bar"], window, Run(remember_empty=True))
    assert (counts["inserted"], counts["failed"]) == (2, 0)
    assert loaded(database) == ["000020", "900100"]
    assert held(database) == [("005930", FRIDAY, BAD, KOSPI, 1, None)]
    assert database.rows("SELECT count(*) FROM market.no_data") == [(0,)]


def test_the_rest_of_an_official_session_is_loaded(database, connection, source):
    """The whole market comes without the wrong row, which counts as missing."""
    load_window(connection, source, DATASETS["instrument"], Window((), FRIDAY, FRIDAY), Run())
    counts = load_official(connection, source, FRIDAY, Run(), None)
    assert (counts["inserted"], counts["missing"]) == (7, 1)
    assert held(database) == [("005930", FRIDAY, BAD, KOSPI, 1, None)]
    assert database.rows("SELECT rows_rejected FROM market.ingest_run WHERE dataset = 'daily_bar'") == [(1,)]


def test_official_bars_adjust_their_prices(database, connection, source):
    """Thursday closed at twice Friday's base price (71,000 less 1,420): a split, known once Friday is loaded."""
    before = DailyBar("000660", THURSDAY, 139_160, 139_160, 139_160, 139_160, 100, 13_916_000, 0)
    upsert(connection, DAILY_BAR, [before], "krx-sandbox")
    connection.commit()
    load_official(connection, source, FRIDAY, Run(), None)
    found = database.rows("SELECT stock_code, session, kind, base_price FROM market.price_adjustment")
    assert found == [("000660", FRIDAY, "action", 69_580)]


def test_too_many_wrong_rows_refuse_the_window(database, connection, source, krx):
    """Every row that was asked for is wrong: nothing is loaded, and all of them can be looked at."""
    krx.answer("stk_bydd_trd", block(SUSPENDED, *OTHERS, BAD, BAD | {"ISU_CD": "005940"}))
    with pytest.raises(WindowRefusedError, match="2 of 2 rows are wrong"):
        load_window(connection, source, DATASETS["daily_bar"], Window(("005930", "005940"), FRIDAY, FRIDAY), Run())
    assert loaded(database) == []
    assert [row[0] for row in held(database)] == ["005930", "005940"]


def test_an_official_answer_that_is_wrong_as_a_whole_is_refused(database, connection, source, krx):
    """Three wrong rows of five: nothing is loaded, the run says why, and the first of them can be looked at."""
    krx.answer(
        "stk_bydd_trd", block(SUSPENDED, OTHERS[0], *[row | {"TDD_CLSPRC": "NaN"} for row in (*OTHERS[1:], BAR)])
    )
    with pytest.raises(PayloadError, match="3 of 5 rows are wrong"):
        load_official(connection, source, FRIDAY, Run(), None)
    assert loaded(database) == []
    assert [row[2:4] for row in held(database)] == [(OTHERS[1] | {"TDD_CLSPRC": "NaN"}, KOSPI)]
    ((error, status),) = database.rows("SELECT error, status FROM market.ingest_run")
    assert status == "failed"
    assert "3 of 5 rows are wrong" in error


def test_a_wrong_row_comes_in_after_a_fix(database, connection):
    """`quarantine retry` reads both rows by the parsers of today: one passes now, the other stays with its reason."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT market.admit_source('krx-sandbox')")
    rows = [
        Rejection(BAR, "what an older parser said", "005930", FRIDAY, KOSPI),
        Rejection(BAD | {"ISU_CD": "000660"}, "what an older parser said", "000660", FRIDAY, KOSPI),
    ]
    keep_rejections(connection, "daily_bar", "krx-sandbox", rows)
    connection.commit()
    counts = retry_quarantine({"MARKET_DB_URL": database.url("loader")})
    assert (counts["loaded"], counts["refused"]) == (1, 1)
    assert database.rows("SELECT stock_code, close, source FROM market.daily_bar") == [("005930", 71000, "krx-sandbox")]
    assert [row[-1] for row in held(database)] == ["loaded", None]
    assert database.rows("SELECT reason FROM market.rejected_row WHERE settled_at IS NULL") == [
        (f"{KOSPI} of 2026-11-20: field TDD_CLSPRC is not a whole number: '71,000'",)
    ]


def test_new_fields_of_a_list_are_counted(database, connection, source, krx):
    """The list of instruments is not asked for by code, and its run says all the same which field is new."""
    rows = [base_of("005930", BRAND_NEW="1")]
    krx.answer("stk_isu_base_info", block(*rows))
    load_window(connection, source, DATASETS["instrument"], Window((), FRIDAY, FRIDAY), Run())
    assert database.rows("SELECT unknown_fields FROM market.ingest_run") == [
        ({"KRX sto/stk_isu_base_info.BRAND_NEW": 1},)
    ]
