"""Refused rows: kept once, tried again, settled; and what a load leaves of a window with wrong rows in it."""

from dataclasses import replace
from datetime import date, datetime

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.datasets.findings import Finding, Severity
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.retry_quarantine import held_rows, retry_rows
from data_pipeline.exceptions import CodesFailedError, PayloadError, WindowRefusedError
from data_pipeline.loading.checks.judge import Asked
from data_pipeline.loading.checks.quarantine import as_rejection, json_text, keep_rejections
from data_pipeline.loading.checks.screen import read_context
from data_pipeline.loading.rows.ingest_run import start_run
from data_pipeline.loading.rows.upsert import upsert
from data_pipeline.local.quarantine import adjust, list_quarantine, retry_quarantine
from data_pipeline.market.listed import Listed
from data_pipeline.market.records import DailyBar, Instrument, MinuteBar
from data_pipeline.market.rejections import Rejection
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.window import Window
from data_pipeline.sources.mock.source import MockDataSource
from tests.support.market_rows import keep_some
from tests.support.tables import DAILY_BAR

MON, TUE = date(2026, 9, 21), date(2026, 9, 22)
BAR = DailyBar("005930", TUE, 71000, 92400, 70500, 71500, 2000, 142_500_000, 500)
"""Its high breaks the limit of a listed instrument."""
ISSUE = Instrument("005930", "KR7005930003", "삼성전자", "KOSPI", "ST", TUE, listed_on=date(1975, 6, 11))
ROW = {
    "stck_bsop_date": "20260922", "stck_clpr": "71500", "stck_oprc": "71000", "stck_hgpr": "72000",
    "stck_lwpr": "70500", "acml_vol": "2000", "acml_tr_pbmn": "142500000", "prdy_vrss": "500", "prdy_vrss_sign": "2",
}  # fmt: skip
CHART = "KIS inquire-daily-itemchartprice"


def evening():
    """The clock: the evening of the session."""
    return datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL)


def keep(connection, *rejections):
    """Put rows into quarantine, committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT market.admit_source('mock')")
    keep_rejections(connection, "daily_bar", "mock", rejections)
    connection.commit()


def refused(bar=BAR):
    """What a check refused."""
    return as_rejection(Finding("limit", Severity.ERROR, "too high", bar))


def held(database):
    """Code, session, reason, how often, and outcome of every row."""
    return database.rows(
        "SELECT stock_code, session, reason, times, outcome FROM market.rejected_row ORDER BY rejected_id"
    )


def test_the_same_row_again_is_counted(database, connection):
    """Twice the same row is one row; another day's is its own."""
    keep(connection, refused(), refused())
    keep(connection, refused(), refused(replace(BAR, session=MON)))
    assert held(database) == [
        ("005930", TUE, "limit: too high", 3, None),
        ("005930", MON, "limit: too high", 1, None),
    ]


@pytest.mark.parametrize(
    "value", [float("nan"), "\0", "\ud800", "x" * 10**6, {"a": [1, {"b": None}]}, b"\xff", 10**400]
)
def test_any_payload_can_be_kept(database, connection, value):
    """NUL, half surrogates, endless numbers and long texts do not stop the row from being kept."""
    keep(connection, Rejection({"x": value}, "y\0"))
    assert len(held(database)) == 1
    assert len(json_text({"x": value})) < 2000


def test_an_endless_reason_and_name_are_cut(database, connection):
    """Two thousand characters of a reason say enough, and a thousand of a field's name."""
    keep(connection, Rejection({"x" * 5000: "1"}, "y" * 10_000))
    assert held(database)[0][2] == "y" * 2000
    assert database.rows("SELECT payload FROM market.rejected_row") == [({"x" * 1000: "1"},)]


def test_one_minute_makes_no_whole_session(database, connection):
    """A minute that is loaded after a retry does not say that the session's other minutes are there."""
    minute = MinuteBar("005930", datetime(2026, 9, 22, 10, 0, tzinfo=SEOUL), 71000, 71500, 70900, 71200, 100, 7_100_000)
    with connection.cursor() as cursor:
        cursor.execute("SELECT market.admit_source('mock')")
    keep_rejections(connection, "minute_bar", "mock", [as_rejection(Finding("x", Severity.ERROR, "x", minute))])
    connection.commit()
    assert retry_rows(connection, clock=evening)["loaded"] == 1
    assert database.rows("SELECT count(*) FROM market.minute_bar") == [(1,)]
    assert database.rows("SELECT count(*) FROM market.loaded_day") == [(0,)]


def test_retry_loads_what_passes_now(database, connection):
    """Without a listing the limit is a warning, so the row is loaded; a second retry has nothing to do."""
    keep(connection, refused())
    assert retry_rows(connection, clock=evening)["loaded"] == 1
    assert database.rows("SELECT high, source FROM market.daily_bar") == [(92400, "mock")]
    assert held(database)[0][-1] == "loaded"
    assert sum(retry_rows(connection, clock=evening).values()) == 0


def test_retry_keeps_what_is_still_wrong(database, connection):
    """The instrument is listed now, so the limit is broken: the row stays with its newest reason."""
    keep_some(connection, [ISSUE], "mock")
    keep(connection, refused())
    assert retry_rows(connection, clock=evening)["refused"] == 1
    assert held(database) == [
        ("005930", TUE, "limit: prices 70500 to 92400 break the limits 49700 to 92300 of base 71000", 1, None)
    ]
    assert database.rows("SELECT count(*) FROM market.daily_bar") == [(0,)]


def test_retry_never_loads_over_a_newer_row(database, connection):
    """The bar came right afterwards: the old row is settled and the new one stays."""
    keep(connection, refused())
    upsert(connection, DAILY_BAR, [replace(BAR, high=72000)], "mock")
    connection.commit()
    assert retry_rows(connection, clock=evening)["superseded"] == 1
    assert database.rows("SELECT high FROM market.daily_bar") == [(72000,)]


def test_retry_leaves_what_its_run_had_not_asked_for(database, connection):
    """A row of Monday in the answer to a run about Tuesday stays; that of a run about both days is loaded."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT market.admit_source('mock')")
    monday = Rejection(ROW | {"stck_bsop_date": "20260921"}, "not asked for", "005930", MON, origin=CHART)
    for first, row in ((TUE, monday), (MON, replace(monday, session=TUE, payload=ROW))):
        run_id = start_run(connection, "daily_bar", "mock", None, None, None, first, TUE, None)
        keep_rejections(connection, "daily_bar", "mock", [row], run_id)
    connection.commit()
    counts = retry_rows(connection, clock=evening)
    assert (counts["refused"], counts["loaded"]) == (1, 1)
    assert database.rows("SELECT session FROM market.daily_bar") == [(TUE,)]


def test_the_bars_beside_a_window_are_known(connection):
    """A row between two stored bars that joins neither goes to quarantine, though each link could be an action."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT market.admit_source('mock')")
    around = [
        DailyBar("005930", date(2026, 9, 18), 70000, 71500, 69900, 71000, 1000, 70_500_000, 1400),
        DailyBar("005930", TUE, 71500, 71600, 71000, 71200, 1000, 71_200_000, -300),
    ]
    upsert(connection, DAILY_BAR, around, "mock", None)
    foreign = DailyBar("005930", MON, 68000, 69000, 67500, 68500, 2000, 136_500_000, 500)
    context = read_context(connection, DATASETS["daily_bar"], [foreign], Asked(["005930"], MON, MON), evening())
    assert sorted(context.stored, key=lambda bar: bar.session) == around
    minute = MinuteBar("005930", datetime(2026, 9, 22, 10, 0, tzinfo=SEOUL), 71000, 71000, 71000, 71000, 1, 71_000)
    assert (
        read_context(connection, DATASETS["minute_bar"], [minute], Asked(["005930"], TUE, TUE), evening()).stored
        == around[1:]
    )


def test_retry_of_a_vendors_row(database, connection):
    """A chart row is read by the parser of today; a row of a call that names no session says what to do."""
    keep(
        connection,
        Rejection(ROW, "old reason", "005930", TUE, CHART),
        Rejection({**ROW, "stck_clpr": "x"}, "old reason", "005930", TUE, CHART),
        Rejection(ROW, "old reason", "000660", None, "KIS intstock-multprice"),
    )
    counts = retry_rows(connection, clock=evening)
    assert (counts["loaded"], counts["refused"], counts["superseded"]) == (1, 1, 1)
    assert "load the window again" in held(database)[2][2]


def test_only_the_rows_that_are_named(connection):
    """Others are left for later."""
    keep(connection, refused(), refused(replace(BAR, session=MON)))
    first, second = held_rows(connection)
    assert retry_rows(connection, rejected_ids=[second.rejected_id], clock=evening)["loaded"] == 1
    assert held_rows(connection) == [first]


class Spoilt(MockDataSource):
    """The synthetic market with a function over its daily bars."""

    def __init__(self, spoil):
        super().__init__(clock=lambda: datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL))
        self.spoil = spoil

    def daily_bars(self, stock_codes, first, last):
        """Yield what the function makes of the true bars."""
        return self.spoil(super().daily_bars(stock_codes, first, last))


def load(connection, spoil, codes=("000660", "005930")):
    """One window of two sessions, after the list of instruments."""
    source = Spoilt(spoil)
    load_window(connection, source, DATASETS["instrument"], Window((), TUE, TUE), Run())
    return load_window(connection, source, DATASETS["daily_bar"], Window(codes, MON, TUE), Run())


@pytest.mark.thorough
def test_a_wrong_row_does_not_stop_the_window(database, connection):
    """Three good bars are loaded, one is in quarantine, missing and counted."""

    def spoil(bars):
        return (replace(bar, volume=0) if (bar.stock_code, bar.session) == ("005930", MON) else bar for bar in bars)

    counts = load(connection, spoil)
    assert (counts["inserted"], counts["missing"]) == (3, 1)
    assert [row[:2] for row in held(database)] == [("005930", MON)]
    assert database.rows("SELECT rows_rejected, warnings, unknown_fields FROM market.ingest_run WHERE run_id = 2") == [
        (1, {}, {})
    ]


@pytest.mark.thorough
def test_a_refused_window_keeps_its_wrong_rows(database, connection):
    """Nothing is loaded, the run says why, and the rows can be looked at."""
    with pytest.raises(WindowRefusedError, match="4 of 4 rows are wrong"):
        load(connection, lambda bars: (replace(bar, volume=0) for bar in bars))
    assert len(held(database)) == 4
    assert database.rows("SELECT count(*) FROM market.daily_bar") == [(0,)]
    ((error,),) = database.rows("SELECT error FROM market.ingest_run WHERE run_id = 2")
    assert error.startswith("WindowRefusedError: daily_bar from mock: the window is refused")


@pytest.mark.thorough
def test_the_row_that_ended_a_window_is_kept(database, connection):
    """A PayloadError that a source does not set aside fails the window, and its row is in quarantine."""

    def spoil(_):
        error = PayloadError("KIS call: field x is missing")
        error.payload, error.origin = {"y": "1"}, "KIS call"
        raise error
        yield

    with pytest.raises(PayloadError):
        load(connection, spoil)
    assert database.rows("SELECT stock_code, payload, reason, origin FROM market.rejected_row ORDER BY 1") == [
        ("000660", {"y": "1"}, "KIS call: field x is missing", "KIS call"),
        ("005930", {"y": "1"}, "KIS call: field x is missing", "KIS call"),
    ]


@pytest.mark.thorough
def test_the_row_of_a_code_that_failed_is_kept(database, connection):
    """One of two codes breaks off: the other is loaded, and the row at fault is in quarantine under its own code."""

    def spoil(bars):
        for bar in bars:
            if bar.stock_code == "005930":
                error = PayloadError("KIS call: field x is missing")
                error.payload, error.origin = {"y": "1"}, "KIS call"
                raise error
            yield bar

    with pytest.raises(CodesFailedError, match="1 of 2 stock codes failed"):
        load(connection, spoil)
    assert [row[:2] for row in held(database)] == [("005930", None)]
    assert database.rows("SELECT DISTINCT stock_code FROM market.daily_bar") == [("000660",)]
    assert database.rows("SELECT rows_rejected FROM market.ingest_run WHERE run_id = 2") == [(1,)]


@pytest.mark.thorough
def test_a_refused_row_proves_no_emptiness(database, connection):
    """Neither the session that did not come nor the one that is in quarantine is known to be empty afterwards."""
    first = date(2026, 9, 18)

    def spoil(bars):
        wanted = (bar for bar in bars if (bar.stock_code, bar.session) != ("000660", MON))
        return (replace(bar, volume=0) if bar.stock_code == "005930" and bar.session == MON else bar for bar in wanted)

    source = Spoilt(spoil)
    load_window(connection, source, DATASETS["instrument"], Window((), TUE, TUE), Run())
    window, run = Window(("000660", "005930"), first, TUE), Run(remember_empty=True)
    counts = load_window(connection, source, DATASETS["daily_bar"], window, run)
    assert (counts["inserted"], counts["missing"]) == (4, 2)
    assert database.rows("SELECT stock_code, session FROM market.no_data") == []
    assert [row[:2] for row in held(database)] == [("005930", MON)]


@pytest.mark.thorough
def test_bars_of_the_session_before_are_known(database, connection):
    """Monday is stored; a Tuesday that repeats it is refused, although Monday is not in the window."""
    monday = list(Spoilt(iter).daily_bars(("000660", "005930"), MON, MON))
    load_window(connection, Spoilt(iter), DATASETS["instrument"], Window((), TUE, TUE), Run())
    upsert(connection, DAILY_BAR, monday, "mock")
    connection.commit()
    source = Spoilt(lambda _: (replace(bar, session=TUE) for bar in monday))
    with pytest.raises(WindowRefusedError, match="stale: the same prices"):
        load_window(connection, source, DATASETS["daily_bar"], Window(("000660", "005930"), TUE, TUE), Run())
    assert [row[:2] for row in held(database)] == [("000660", TUE), ("005930", TUE)]


@pytest.mark.thorough
def test_a_session_that_did_not_come_breaks_the_line_whoever_asked(database, connection):
    """Adjusted prices before it stay unknown, also when the load asked for exactly what was missing."""
    source = Spoilt(lambda bars: (bar for bar in bars if (bar.stock_code, bar.session) != ("000660", MON)))
    load_window(connection, source, DATASETS["instrument"], Window((), TUE, TUE), Run())
    window = Window(("000660", "005930"), date(2026, 9, 18), TUE)
    load_window(connection, source, DATASETS["daily_bar"], window, Run())
    assert database.rows("SELECT stock_code, session, kind FROM market.price_adjustment") == [("000660", TUE, "gap")]
    load_window(connection, source, DATASETS["daily_bar"], window, Run(remember_empty=True))
    assert database.rows("SELECT stock_code, session, kind FROM market.price_adjustment") == [("000660", TUE, "gap")]


@pytest.mark.thorough
def test_a_load_adjusts_its_prices(database, connection):
    """The hook in the load: a halved base between the two sessions is an event as soon as they are loaded."""

    def halved(bars):
        for bar in bars:
            if bar.stock_code == "005930" and bar.session == TUE:
                names = ("open", "high", "low", "close", "change", "trading_value")
                yield replace(bar, **{name: int(getattr(bar, name) / 2) for name in names})
            else:
                yield bar

    load(connection, halved)
    assert database.rows("SELECT stock_code, session, kind FROM market.price_adjustment") == [("005930", TUE, "action")]


def test_the_commands(database, connection):
    """`quarantine list` shows the row, `retry` loads it, `adjust` has nothing left to do."""
    keep(connection, refused())
    environ = {"MARKET_DB_URL": database.url("loader")}
    assert list_quarantine(environ).row_count == 1
    assert retry_quarantine(environ)["loaded"] == 1
    assert list_quarantine(environ).row_count == 0
    assert adjust(environ) == adjust(environ, ["005930"]) == 0


def test_an_issue_needs_no_listing():
    """What is unknown about an instrument has a neutral default."""
    assert (Listed("KOSPI").liquidation, Listed("KOSPI").listed_on) == (False, None)
