"""What a window leaves behind besides its rows, on the synthetic market of the evening of 22 September 2026.

Facts: 21 and 22 September are sessions; their figures are final at 20:00.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import islice

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.many_windows import load_spans
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.progress import Step, require_no_failure
from data_pipeline.exceptions import IncompleteDataError, RequestTimeoutError, UnknownStockError
from data_pipeline.loading.coverage.cells import missing_cells, unstored_cells
from data_pipeline.market.evidence import MinuteEvidence, tell
from data_pipeline.market.window import Span, Window
from tests.support.altered import EVENING, Altered
from tests.support.market_rows import PROOF

MONDAY, TUESDAY = date(2026, 9, 21), date(2026, 9, 22)
CODES = ("000660", "005930")
FILL = Run(moment=EVENING, remember_empty=True)
EMPTY = "SELECT dataset, stock_code, session, reason, source FROM market.no_data ORDER BY 1, 2, 3"
REASON = "nothing was traded that day: its volume is 0"


def without(code, session=None):
    """A source that has nothing for a code, or for one session of it."""

    def keeps(bar):
        day = bar.session if hasattr(bar, "session") else bar.at.date()
        return bar.stock_code != code or (session is not None and day != session)

    return Altered(lambda bars: filter(keeps, bars))


@pytest.fixture
def contents(mock_list):
    """The instruments are there."""
    return mock_list


@pytest.fixture
def loader(database):
    """A connection of the loader; the warehouse lists the instruments of the market."""
    with database.connect("owner") as connection:
        # Most instruments are taken off, so that twenty cells are many.
        with connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM market.instrument WHERE NOT stock_code = ANY (%s)", (list(CODES),))
        yield connection


def load(connection, source, run=FILL, dataset="daily_bar", codes=CODES, first=MONDAY):
    """Load a window."""
    return load_window(connection, source, DATASETS[dataset], Window(tuple(codes), first, TUESDAY), run)


@pytest.mark.thorough
@pytest.mark.parametrize("gone", [(MONDAY,), (MONDAY, TUESDAY)], ids=["one of two", "both"])
def test_a_daily_bar_that_did_not_come_is_missing_whoever_asks(loader, database, gone):
    """One instrument lacks a bar, or all of its bars: the cells are missing, expected from now on, asked for again."""
    source = Altered(lambda bars: (bar for bar in bars if bar.stock_code != "000660" or bar.session not in gone))
    assert load(loader, source)["missing"] == len(gone)
    assert database.rows(EMPTY) == []
    gaps = {"000660": [(gone[0], gone[-1])]}
    assert unstored_cells(loader, "daily_bar", CODES, MONDAY, TUESDAY) == gaps
    assert missing_cells(loader, "daily_bar", None, MONDAY, TUESDAY) == gaps


def test_a_bar_that_comes_after_all_is_no_longer_known_empty(loader, database):
    """The source has mended its gap."""
    with loader, loader.cursor() as cursor:
        cursor.execute("SELECT market.admit_source('mock')")
        cursor.execute(
            PROOF + "('daily_bar', '000660', %s, 'empty', 'x', 0, 'mock')",
            (MONDAY,),
        )
    load(loader, Altered())
    assert database.rows(EMPTY) == []


def test_a_daily_run_leaves_the_cell_missing(loader, database):
    """What did not come in the evening is asked for again before it counts as empty."""
    counts = load(loader, without("000660", MONDAY), Run(moment=EVENING))
    assert counts["missing"] == 1
    assert database.rows(EMPTY) == []
    assert missing_cells(loader, "daily_bar", None, MONDAY, TUESDAY) == {"000660": [(MONDAY, MONDAY)]}


def test_a_failure_is_never_taken_for_emptiness(loader, database):
    """The source breaks off after the first issue: nothing is stored, and nothing is remembered."""

    def broken(bars):
        yield next(bars)
        raise RequestTimeoutError("no answer within 30 s")

    with pytest.raises(RequestTimeoutError):
        load(loader, Altered(broken))
    assert database.rows(EMPTY) == []
    assert unstored_cells(loader, "daily_bar", CODES, MONDAY, TUESDAY) == {code: [(MONDAY, TUESDAY)] for code in CODES}


def test_an_answer_without_anything_is_doubted(loader, database):
    """Two instruments over ten sessions and not one bar: an outage looks like that."""
    with pytest.raises(IncompleteDataError, match="not one row came for"):
        load(loader, Altered(lambda bars: iter(())), first=date(2026, 9, 8))
    assert database.rows(EMPTY) == []


def test_minutes_of_final_sessions_are_whole(loader, database):
    """Each session that was fetched on its evening is noted with the minutes that came."""
    load(loader, Altered(), dataset="minute_bar", codes=CODES[1:])
    noted = database.rows("SELECT stock_code, session, rows FROM market.loaded_day ORDER BY session")
    stored = database.rows("SELECT stock_code, session, count(*)::int FROM market.minute_bar GROUP BY 1, 2 ORDER BY 2")
    assert noted == stored
    assert [row[1] for row in noted] == [MONDAY, TUESDAY]


def test_minutes_loaded_through_the_day_are_not_whole(loader, database):
    """At 19:59 Tuesday is not over: only Monday counts."""
    load(loader, Altered(), Run(moment=EVENING.replace(hour=19, minute=59)), "minute_bar", CODES[1:])
    assert database.rows("SELECT session FROM market.loaded_day") == [(MONDAY,)]
    assert unstored_cells(loader, "minute_bar", CODES[1:], MONDAY, TUESDAY) == {"005930": [(TUESDAY, TUESDAY)]}


class Silent(Altered):
    """A source that has no minutes and says nothing of the day's volume."""

    def minute_bars(self, stock_codes, first, last):
        """Yield nothing; tell that nothing came."""
        for code in stock_codes:
            for day in self.calendar.sessions(first, last):
                tell(MinuteEvidence(code, day, 0))
        return iter(())


def test_a_session_without_a_minute_is_empty_only_when_its_daily_bar_says_so(loader, database):
    """Monday's bar has volume 0, Tuesday's has shares and Friday's is not there: only Monday is empty."""
    friday = date(2026, 9, 18)

    def still(bars):
        idle = {"open": 0, "high": 0, "low": 0, "volume": 0, "trading_value": 0, "change": 0}
        return (replace(bar, **idle) if bar.session == MONDAY else bar for bar in bars)

    load(loader, Altered(still), codes=CODES[1:])
    assert load(loader, Silent(), dataset="minute_bar", codes=CODES[1:], first=friday)["missing"] == 2
    assert database.rows(EMPTY) == [("minute_bar", "005930", MONDAY, REASON, "mock")]
    assert unstored_cells(loader, "minute_bar", CODES[1:], friday, TUESDAY) == {
        "005930": [(friday, friday), (TUESDAY, TUESDAY)]
    }


def test_minutes_of_a_source_that_proves_nothing_are_not_whole(loader, database):
    """Half of the minutes are lost on the way, or the source says nothing: rows are stored, no session is whole."""
    assert load(loader, Altered(lambda bars: islice(bars, 200)), dataset="minute_bar", codes=CODES[1:])["missing"] == 2
    assert database.rows("SELECT count(*) FROM market.loaded_day") == [(0,)]
    assert database.rows("SELECT count(*) FROM market.minute_bar") == [(200,)]


class Withholding(Altered):
    """A source that has every minute of Tuesday but one, which traded and does not show its shares."""

    def minute_bars(self, stock_codes, first, last):
        """Yield all but the minute of 15:19; tell of it."""
        bars = [bar for bar in super().minute_bars(stock_codes, first, last) if f"{bar.at:%H%M}" != "1519"]
        tell(MinuteEvidence("005930", TUESDAY, sum(bar.volume for bar in bars), reached_close=True, withheld=1))
        return bars


@pytest.mark.thorough
@pytest.mark.parametrize(("at", "missing"), [(EVENING.replace(hour=15, minute=19), 0), (EVENING, 1)])
def test_a_withheld_minute_is_lost_only_when_the_session_is_over(loader, database, at, missing):
    """In the session a later load brings it; afterwards its session is missing. All other minutes are stored."""
    counts = load(loader, Withholding(), Run(moment=at), "minute_bar", CODES[1:], first=TUESDAY)
    assert (counts["missing"], counts["inserted"]) == (missing, 380)
    assert database.rows("SELECT count(*) FROM market.loaded_day") == [(0,)]


def test_a_bad_issue_costs_its_own_rows_only(loader, database):
    """Of two instruments one is unknown to the source: it is named, and the other is loaded."""

    def refuse(bars):
        for bar in bars:
            if bar.stock_code == "000660":
                raise UnknownStockError("000660", "the source")
            yield bar

    steps = list(load_spans(loader, Altered(refuse), DATASETS["daily_bar"], [Span(CODES, MONDAY, TUESDAY, 2)], FILL))
    assert [(step.window.stock_codes, str(step.error or "")) for step in steps] == [
        (("000660",), "the source does not know stock_code '000660'"),
        (CODES, ""),
    ]
    assert database.rows("SELECT DISTINCT stock_code FROM market.daily_bar") == [("005930",)]
    assert unstored_cells(loader, "daily_bar", CODES, MONDAY, TUESDAY) == {"000660": [(MONDAY, TUESDAY)]}


def test_failures_are_named_at_the_end():
    """A heal run does not fail for what the source can never serve; any other failure is named."""
    window = Window(("000660",), MONDAY, TUESDAY)
    unknown = Step(window, error=UnknownStockError("000660", "the source"))
    require_no_failure([unknown], 3, unservable_is_fine=True)
    with pytest.raises(IncompleteDataError, match="1 of 3 windows failed, the others are loaded: 2026-09-21 to"):
        require_no_failure([unknown], 3)


def test_a_refused_minute_keeps_its_session_missing(loader, database):
    """One minute comes twice with two volumes: the others are loaded, and the session counts as missing, as it is."""

    def doubled(bars):
        first, *rest = bars
        return [first, replace(first, volume=first.volume + 1), *rest]

    counts = load(loader, Altered(doubled), dataset="minute_bar", codes=["005930"], first=TUESDAY)
    assert counts["missing"] == 1
    assert counts["inserted"] > 300
    assert database.rows("SELECT count(*) FROM market.loaded_day") == [(0,)]


@pytest.mark.thorough
@pytest.mark.parametrize("run", [FILL, Run(moment=EVENING)])
def test_a_refused_bar_of_an_issue_that_no_list_has_is_missing(loader, run):
    """A bar goes to quarantine whose instrument is on no list: nothing expects it, and yet it did not come."""
    with loader, loader.cursor() as cursor:
        cursor.execute("DELETE FROM market.instrument WHERE stock_code = '000660'")
    wrong = Altered(lambda bars: [replace(bar, trading_value=1) if bar.stock_code == "000660" else bar for bar in bars])
    assert load(loader, wrong, run, first=TUESDAY)["missing"] == 1


def test_a_refused_price_is_missing(loader, database):
    """One of two prices has a change rate that its change contradicts: it is in quarantine, and counts as missing."""

    class Wrong(Altered):
        def price_snapshots(self, stock_codes):
            """Yield a wrong rate of one code."""
            for price in super().price_snapshots(stock_codes):
                yield replace(price, change_rate=29.0) if price.stock_code == "000660" else price

    counts = load(loader, Wrong(), Run(moment=EVENING), "price_snapshot")
    assert (counts["inserted"], counts["missing"]) == (1, 1)
    assert database.rows("SELECT stock_code FROM market.rejected_row") == [("000660",)]
