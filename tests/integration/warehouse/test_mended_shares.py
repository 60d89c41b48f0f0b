"""A warehouse in which thousands were taken for shares: what the migration makes of it, and what it leaves alone."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import date, datetime

import pytest

from data_pipeline.datasets.findings import Finding, Severity
from data_pipeline.engine.retry_quarantine import retry_rows
from data_pipeline.loading.checks.quarantine import as_rejection, keep_rejections
from data_pipeline.loading.instruments.lists import differences, keep_list
from data_pipeline.market.records import CurrentPrice, Instrument
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.sources.kis.master import parse_master
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.migrate import SQL, migrate
from tests.support.kis_answers import line, zipped
from tests.support.old_warehouse import warehouse_before

MON, TUE, WED, THU = (date(2026, 9, day) for day in (14, 15, 16, 17))
ALONE = Instrument("000020", "KR7000020008", "동화약품", "KOSPI", "ST", MON, date(1976, 3, 24), 27_931, 1000.0)
LATER = Instrument("000040", "KR7000040006", "KR모터스", "KOSPI", "ST", MON, date(1976, 5, 25), 86_375, 500.0)
BOTH = Instrument("000050", "KR7000050005", "경방", "KOSPI", "ST", MON, date(1956, 3, 3), 27_415, 500.0)
EVENING = datetime(2026, 9, 17, 21, 0, tzinfo=SEOUL)
SILENT = {"halted": None, "managed": None, "liquidation": None}
PRICE = CurrentPrice(
    "000020", "x", 6060, 60, 1.0, 6000, 6100, 5990, 100, 606_000, "2026-09-15T10:00:00+09:00", 169_200_000_000
)
"""As recorded: 1,692 hundred million won at 6,060 won, for 27,931 thousand shares."""


def evening():
    """The clock: after the sessions of these tests."""
    return datetime(2026, 9, 22, 21, 0, tzinfo=SEOUL)


def fill_calendar(connection):
    """Put the sessions there as the version before did."""
    calendar = krx_calendar()
    known = calendar.sessions(calendar.first_day, calendar.last_day)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO market.calendar_session SELECT unnest(%s::date[])", (known,))


@pytest.fixture
def address(server, tmp_path):
    """The address of a database as the version before left it: with every migration but the newest."""
    with warehouse_before(server, "0007", tmp_path) as url:
        yield url


@pytest.fixture
def old(address):
    """A connection to it, with the calendar filled in."""
    with closing(connect(address)) as connection:
        fill_calendar(connection)
        connection.commit()
        yield connection


def tell(connection, session, source, *issues, **changes):
    """Load the list of a session."""
    keep_list(connection, [replace(one, as_of=session, **changes) for one in issues], source)
    connection.commit()


def rows(connection, query):
    """What a query finds."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def everything(connection):
    """Every row that the migration may touch."""
    tables = "instrument_report", "instrument_history", "instrument", "restatement"
    return [rows(connection, f"SELECT * FROM market.{table} ORDER BY 1, 2, 3, 4, 5") for table in tables]


REPORTS = (
    "SELECT stock_code, voice, first_told, last_told, listed_shares FROM market.instrument_report ORDER BY 1, 2, 3"
)
HISTORY = "SELECT stock_code, valid_from, valid_to, listed_shares FROM market.instrument_history ORDER BY 1, 2"
ISSUES = "SELECT stock_code, listed_shares, source FROM market.instrument ORDER BY 1"
KEPT = (
    "SELECT dataset, stock_code, session, (old_row ->> 'listed_shares')::int, operation FROM market.restatement"
    " WHERE dataset LIKE 'instrument%' ORDER BY 1, 2, 3"
)


def two_voices(connection):
    """KRX told of Monday what KIS told of Tuesday on; both told of Monday of one instrument, KIS alone of another."""
    exact = replace(LATER, listed_shares=86_375_184), replace(BOTH, listed_shares=27_415_270)
    tell(connection, MON, "kis", ALONE, BOTH)
    tell(connection, MON, "krx", *exact, **SILENT)
    tell(connection, TUE, "kis", ALONE, LATER, BOTH)
    tell(connection, WED, "kis", replace(ALONE, listed_shares=28_000), LATER, BOTH)


def test_what_kis_told_is_in_shares_and_what_krx_told_is_untouched(old, address):
    """Reports times a thousand, an exact number where KRX has it, one range where only the unit had changed."""
    two_voices(old)
    assert ("000040", TUE, None, 86_375) in rows(old, HISTORY)
    migrate(address)
    assert rows(old, REPORTS) == [
        ("000020", "broker", MON, TUE, 27_931_000),
        ("000020", "broker", WED, WED, 28_000_000),
        ("000040", "broker", TUE, WED, 86_375_000),
        ("000040", "exchange", MON, MON, 86_375_184),
        ("000050", "broker", MON, WED, 27_415_000),
        ("000050", "exchange", MON, MON, 27_415_270),
    ]
    history = [(code, began, ended, shares) for code, began, ended, shares in rows(old, HISTORY)]
    assert [one for one in history if one[0] != "000040"] == [
        ("000020", MON, WED, 27_931_000),
        ("000020", WED, None, 28_000_000),
        ("000050", MON, None, 27_415_270),
    ]
    assert {shares for code, _, _, shares in history if code == "000040"} == {86_375_184}
    assert rows(old, ISSUES) == [
        ("000020", 28_000_000, "kis"), ("000040", 86_375_184, "kis"), ("000050", 27_415_270, "kis")
    ]  # fmt: skip


def test_a_change_of_the_unit_alone_is_no_change(old, address):
    """The exchange told exactly, then KIS in thousands and with the same flags: one range is left, from Monday on."""
    tell(old, MON, "krx", replace(LATER, listed_shares=86_375_184))
    tell(old, TUE, "kis", LATER)
    assert rows(old, HISTORY) == [("000040", MON, TUE, 86_375_184), ("000040", TUE, None, 86_375)]
    migrate(address)
    assert rows(old, HISTORY) == [("000040", MON, None, 86_375_184)]


def test_each_old_version_stays_readable(old, address):
    """What every changed or merged row said is in market.restatement."""
    tell(old, MON, "krx", replace(LATER, listed_shares=86_375_184))
    tell(old, TUE, "kis", ALONE, LATER)
    migrate(address)
    assert rows(old, KEPT) == [
        ("instrument", "000020", TUE, 27_931, "update"),
        ("instrument", "000040", TUE, 86_375, "update"),
        ("instrument_history", "000020", TUE, 27_931, "update"),
        ("instrument_history", "000040", MON, 86_375_184, "update"),
        ("instrument_history", "000040", TUE, 86_375, "delete"),
        ("instrument_report", "000020", TUE, 27_931, "update"),
        ("instrument_report", "000040", TUE, 86_375, "update"),
    ]


def test_the_migration_twice_and_lists_of_today_change_nothing(old, address):
    """The file run again finds nothing to mend; KIS's next list, with new names, adds its ranges and no number."""
    two_voices(old)
    migrate(address)
    before, ranges = everything(old), rows(old, HISTORY)
    old.commit()
    script = (SQL / "0007_mended" / "10_listed_shares.sql").read_text("utf-8")
    with old.cursor() as cursor:
        cursor.execute(script)
    old.commit()
    assert everything(old) == before
    names = {"000020": ("28000", ALONE), "000040": ("86375", LATER), "000050": ("27415", BOTH)}
    master = b"\n".join(
        line(code=code, isin=one.isin, name=one.name + "2", shares=shares.zfill(15), listed=f"{one.listed_on:%Y%m%d}",
             par=f"{one.face_value:012.0f}")
        for code, (shares, one) in names.items()
    )  # fmt: skip
    keep_list(old, parse_master("KOSPI", zipped(master), THU), "kis")
    new: list[tuple[object, ...]] = [
        ("000020", THU, None, 28_000_000),
        ("000040", THU, None, 86_375_184),
        ("000050", THU, None, 27_415_270),
    ]
    closed = [(code, began, ended or THU, shares) for code, began, ended, shares in ranges]
    assert rows(old, HISTORY) == sorted(closed + new)
    assert "listed_shares" not in {one.field for one in differences(old, MON)}


def test_the_sandbox_was_right(old, address):
    """The emulator's file held whole shares, so what came from it stays as it is, and so do rows of the mock."""
    tell(old, MON, "kis-sandbox", ALONE)
    tell(old, TUE, "mock", ALONE, LATER)
    before = everything(old)
    old.commit()
    migrate(address)
    assert everything(old) == before


@pytest.mark.thorough
def test_a_price_that_the_wrong_number_refused_is_loaded_by_a_retry(old, address):
    """169.2 billion won are 6,060 won times 27,931 thousand shares: refused before, loaded by the next retry."""
    tell(old, MON, "kis", ALONE)
    refused = as_rejection(Finding("market_cap", Severity.ERROR, "market value", PRICE))
    keep_rejections(old, "price_snapshot", "kis", [refused])
    old.commit()
    assert retry_rows(old, clock=evening)["refused"] == 1
    migrate(address)
    assert retry_rows(old, clock=evening)["loaded"] == 1, rows(old, "SELECT reason FROM market.rejected_row")
    assert rows(old, "SELECT stock_code, market_cap FROM market.price_snapshot") == [("000020", 169_200_000_000)]
