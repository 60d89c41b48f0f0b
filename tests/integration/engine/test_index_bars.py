"""Index bars in a real Postgres: coverage, official rows over provisional ones, what a hole is, and how they are read.

Facts: 23, 24 and 25 November 2026 are Monday to Wednesday, and sessions; four indices are the main ones.
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
from data_pipeline.exceptions import IncompleteDataError, InvalidRequestError, PayloadError, WindowRefusedError
from data_pipeline.loading.coverage.cells import coverage
from data_pipeline.market.index_records import MAIN_INDICES, IndexBar
from data_pipeline.market.origin import Offer
from data_pipeline.market.rejections import leave_out
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.market.window import Window
from data_pipeline.sources.base import AbstractDataSource
from data_pipeline.sources.mock.source import MockDataSource

MON, TUE, WED = (date(2026, 11, day) for day in (23, 24, 25))
EVENING = datetime(2026, 11, 25, 20, 40, tzinfo=SEOUL)
DATASET = DATASETS["index_bar"]


class Told(MockDataSource):
    """A source of a name, whose main indices rise by one point a session; volumes can be altered."""

    def __init__(self, name: str, volume: int = 1_000, without: str = "") -> None:
        super().__init__(clock=lambda: EVENING)
        self.name, self.volume, self.without = name, volume, without

    def offer(self):
        """Say that everything up to Tuesday is published, and all of the day's calls are left."""
        return Offer(self.name, TUE, 10_000)

    def index_bars(self, first, last):
        """Yield a bar for each main index and session."""
        for session in krx_calendar().sessions(first, last):
            for one in MAIN_INDICES:
                close = 1000.25 + session.day
                if one.name != self.without:
                    yield IndexBar(one.family, one.name, session, close, close, close, close, 1.0, self.volume, 5, None)


def load(connection, source: AbstractDataSource, first=MON, last=WED):
    """Load a range and return the counts."""
    return load_window(connection, source, DATASET, Window((), first, last), Run(moment=EVENING))


def test_a_range_is_loaded_and_covered(connection):
    """Four bars a session, each expected once, whatever is loaded twice."""
    counts = load(connection, Told("kis-sandbox"))
    assert (counts["inserted"], counts["missing"]) == (12, 0)
    assert load(connection, Told("kis-sandbox"))["unchanged"] == 12
    found = coverage(connection, date(2026, 11, 1), WED, "index_bar")
    assert [(one.session, one.expected, one.loaded, one.missing) for one in found] == [
        (day, 4, 4, 0) for day in (MON, TUE, WED)
    ]


def test_official_rows_replace_provisional_ones(connection):
    """KIS does not come back over KRX, and what a row said before is kept."""
    load(connection, Told("kis-sandbox", volume=1_000))
    assert load(connection, Told("krx-sandbox", volume=1_234))["updated"] == 12
    assert load(connection, Told("kis-sandbox", volume=1_000))["outranked"] == 12
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT source::text, volume, close::text FROM market.index_bar WHERE session = %s", (MON,)
        )
        assert cursor.fetchall() == [("krx-sandbox", 1_234, "1023.25")]
        cursor.execute(
            "SELECT DISTINCT old_row ->> 'volume', old_source::text, source::text, stock_code IS NULL"
            " FROM market.restatement WHERE dataset = 'index_bar'"
        )
        assert cursor.fetchall() == [("1000", "kis-sandbox", "krx-sandbox", True)]


def test_a_session_without_a_main_index_is_not_loaded(connection):
    """Nothing of the window is stored, and the run says which one did not come."""
    with pytest.raises(WindowRefusedError, match="KOSDAQ 코스닥 150 of 2026-11-25 did not come"):
        load(connection, Told("kis-sandbox", without="코스닥 150"), WED, WED)
    assert coverage(connection, MON, WED, "index_bar") == []


def test_levels_that_do_not_follow_are_refused(connection):
    """What is stored of the session before is held against the next one: here its figures come again."""
    load(connection, Told("kis-sandbox"), TUE, TUE)

    class Stale(Told):
        """A source that goes on saying what it said the day before."""

        def index_bars(self, first, last):
            return (replace(bar, session=WED, change=0.0) for bar in super().index_bars(TUE, TUE))

    with pytest.raises(WindowRefusedError, match="4 of 4 rows are wrong"):
        load(connection, Stale("kis-sandbox"), WED, WED)


class WithSectors(Told):
    """A source that has a sector, too, or leaves all of them out."""

    def __init__(self, name: str, volume: int = 1_000, *, believed: bool = True) -> None:
        super().__init__(name, volume)
        self.believed = believed

    def index_bars(self, first, last):
        """Yield the main indices and one sector, or hand over why none of 41 came."""
        yield from super().index_bars(first, last)
        for session in krx_calendar().sessions(first, last):
            close = 14_000.25 + session.day
            if self.believed:
                yield IndexBar("KOSPI", "제약", session, close, close, close, close, 1.0, self.volume, 5, None)
            for number in range(0 if self.believed else 41):
                leave_out(PayloadError(f"of the index {number}"), [session], {"number": str(number)}, "KIS chart")


def test_a_sector_of_the_exchange_replaces_the_brokers(connection):
    """It has the same family and name, so there is one row, and what the broker said is kept; nothing expects one."""
    load(connection, WithSectors("kis-sandbox"), WED, WED)
    load(connection, WithSectors("krx-sandbox", volume=1_234), WED, WED)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT family, source::text, volume FROM market.index_bar WHERE name = '제약'")
        assert cursor.fetchall() == [("KOSPI", "krx-sandbox", 1_234)]
        cursor.execute("SELECT old_row ->> 'volume' FROM market.restatement WHERE old_row ->> 'name' = '제약'")
        assert cursor.fetchall() == [("1000",)]
    assert [one.expected for one in coverage(connection, MON, WED, "index_bar")] == [4]


def test_sectors_that_are_left_out_do_not_stop_the_main_ones(connection):
    """Forty-one reasons in quarantine beside four bars, and the session is whole."""
    counts = load(connection, WithSectors("kis-sandbox", believed=False), WED, WED)
    assert (counts["inserted"], counts["missing"]) == (4, 0)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*), min(session), min(origin) FROM market.rejected_row")
        assert cursor.fetchall() == [(41, WED, "KIS chart")]


def delete(database, where):
    """Delete index bars as the owner."""
    with database.connect("owner") as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM market.index_bar WHERE {where}")


def test_a_hole_is_healed(database, connection):
    """One row of a main index makes its session missing: it alone is asked for again."""
    source = Told("kis-sandbox")
    load(connection, source)
    delete(database, "name = '코스피 200' AND session = '2026-11-24'")
    (backfill,) = [one for one in healing(connection, source.name, WED) if one.dataset == "index_bar"]
    plan = plan_backfill(connection, backfill, Sources(source), EVENING)
    assert [(one.first, one.last, one.requests) for one in plan.shares[0].spans] == [(TUE, TUE, 45)]
    steps = list(Loader(connection, Run(moment=EVENING), 1)(source, "index_bar", plan.shares[0].spans))
    assert [(one.error, one.counts["inserted"]) for one in steps] == [(None, 1)]
    assert [one.missing for one in coverage(connection, MON, WED, "index_bar")] == [0, 0, 0]


@pytest.mark.parametrize(("source", "requests", "spans"), [("kis-sandbox", 90, 2), ("krx-sandbox", 180, 60)])
def test_a_backfill_asks_in_pages(connection, source, requests, spans):
    """Sixty sessions: four indices and 41 sectors in two pages of 49 sessions at KIS, three calls for each at KRX."""
    days = krx_calendar().sessions(date(2026, 6, 1), TUE)[-60:]
    plan = plan_wish(connection, Wish("index_bar", (), days[0], TUE), Sources(Told(source)), EVENING)
    assert (plan.requests, len(plan.shares[0].spans)) == (requests, spans)
    assert [(one.first, one.last) for one in plan.tasks(900)] == [(days[0], TUE)]


def test_reading_says_what_is_missing(database, connection):
    """A frame of all or of some indices; a session that lacks a main index is an error."""
    load(connection, Told("krx-sandbox"))
    with database.connect("reader") as reader:
        found = read.index_bars(MON, WED, "코스피", connection=reader)
        assert found[["family", "close", "volume"]].to_numpy().tolist() == [
            ["KOSPI", 1023.25, 1000], ["KOSPI", 1024.25, 1000], ["KOSPI", 1025.25, 1000]
        ]  # fmt: skip
        assert len(read.frame("index_bar", None, MON, WED, connection=reader)) == 12
        with pytest.raises(InvalidRequestError, match="no index called 'KOSPI'"):
            read.index_bars(MON, WED, "KOSPI", connection=reader)
        with pytest.raises(InvalidRequestError, match="leave the stock codes out"):
            read.frame("index_bar", "005930", MON, WED, connection=reader)
        delete(database, "name = '코스닥' AND session = '2026-11-24'")
        with pytest.raises(IncompleteDataError, match=r"1 cells are not stored \(KOSDAQ 코스닥 on 2026-11-24\)"):
            read.index_bars(MON, WED, connection=reader)
        assert len(read.index_bars(MON, WED, complete=False, connection=reader)) == 11


def test_the_schema_has_the_same_main_indices(database):
    """Names and first sessions."""
    assert sorted(database.rows("SELECT family, name, since FROM market.main_index")) == sorted(
        (one.family, one.name, one.since) for one in MAIN_INDICES
    )
