"""Many windows on their way: in which order, which codes fail, what goes on, and when the work ends."""

from __future__ import annotations

from datetime import date

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_window, load_windows
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import (
    AuthenticationError,
    CodesFailedError,
    ConnectionFailedError,
    IncompleteDataError,
    PayloadError,
    RequestTimeoutError,
    UnknownStockError,
    WindowRefusedError,
)
from data_pipeline.market.rejections import Rejection
from data_pipeline.market.window import Window
from tests.unit.engine.fakes import MON, TUE, FakeSource, FakeWarehouse

BARS = DATASETS["daily_bar"]
TWO = ("000660", "005930")
UNREADABLE = PayloadError("stck_clpr is not a number")


def work(warehouse, source, windows, **how):
    """Load windows with one thread and return the counts of each."""
    return [counts for _, counts in load_windows(warehouse, source, BARS, windows, Run(), threads=1, **how)]


def days(codes=TWO):
    """A window on Monday and one on Tuesday."""
    return [Window(codes, day, day) for day in (MON, TUE)]


def test_a_window_takes_these_steps_in_this_order():
    """It is on record before the source is asked, and its rows, ledger and prices are one transaction with its end."""
    warehouse = FakeWarehouse()
    source = FakeSource(before=lambda: warehouse.steps.append("ask"))
    load_window(warehouse, source, BARS, Window(("005930",), TUE, TUE), Run())
    assert warehouse.steps == [
        "gone_before", "commit", "certain_listings", "final_sessions", "start_run", "commit",
        "ask",
        "renew_runs", "screen", "none_stored", "weigh", "upsert", "write", "adjust_prices", "finish_run",
        "commit run 1",
    ]  # fmt: skip


def test_the_counts_of_a_window():
    """Two rows that are new, two requests; nothing is missing."""
    counts = load_window(FakeWarehouse(), FakeSource(), BARS, Window(TWO, TUE, TUE), Run())
    assert counts == {
        "inserted": 2, "updated": 0, "unchanged": 0, "outranked": 0, "missing": 0, "failed": 0, "requests": 2,
        "windows": 1,
    }  # fmt: skip


def test_a_code_that_fails_is_left_out_and_not_asked_for_again():
    """The other code is loaded on both days; the error and the run name the one that failed."""
    warehouse, source = FakeWarehouse(), FakeSource({"005930": UNREADABLE})
    with pytest.raises(CodesFailedError, match=r"1 of 2 stock codes failed.*005930: PayloadError"):
        work(warehouse, source, days(), most_rows=1)
    assert [(row.stock_code, row.session) for row in warehouse.rows] == [("000660", MON), ("000660", TUE)]
    assert source.asked == ["000660", "005930", "000660"]
    assert warehouse.runs[1].startswith("1 of 2 stock codes failed, the others are loaded: 005930: PayloadError")
    assert warehouse.runs[2] == "success"


def test_when_every_code_fails_the_first_error_is_told():
    """It is no matter of codes; the window's run says why and has no rows."""
    warehouse = FakeWarehouse()
    with pytest.raises(PayloadError, match="stck_clpr"):
        work(warehouse, FakeSource(dict.fromkeys(TWO, UNREADABLE)), days()[:1])
    assert (warehouse.rows, warehouse.runs) == ([], {1: "stck_clpr is not a number"})


def test_the_work_ends_when_more_than_twenty_and_half_of_the_codes_failed():
    """The first 21 of 60 codes are malformed: the source is at fault, and the others are not asked for."""
    codes = [f"{number:06d}" for number in range(60)]
    source = FakeSource(dict.fromkeys(codes, UNREADABLE))
    with pytest.raises(PayloadError):
        work(FakeWarehouse(), source, [Window((code,), TUE, TUE) for code in codes], most_rows=1)
    assert source.asked == codes[:21]


def test_twenty_codes_may_fail_whatever_their_share():
    """Twenty of 21: the last one is asked for and loaded."""
    codes = [f"{number:06d}" for number in range(21)]
    warehouse = FakeWarehouse()
    with pytest.raises(CodesFailedError, match="20 of 21"):
        work(warehouse, FakeSource(dict.fromkeys(codes[:20], UNREADABLE)), [Window((c,), TUE, TUE) for c in codes])
    assert [row.stock_code for row in warehouse.rows] == ["000020"]


def test_a_source_that_is_away_fails_all_windows_under_way():
    """Nothing is loaded, and both runs end with the reason; one that did not meet it says that it was given up."""
    warehouse = FakeWarehouse()
    with pytest.raises(RequestTimeoutError):
        work(warehouse, FakeSource({"000660": RequestTimeoutError("no answer")}), days())
    assert warehouse.rows == []
    assert {reason.removeprefix("given up: ") for reason in warehouse.runs.values()} == {"no answer"}


def test_a_refused_window_is_rolled_back_before_its_wrong_rows_are_kept():
    """Its own run says why it was refused, and that of the other window under way that it was given up."""
    warehouse = FakeWarehouse(screen=WindowRefusedError("2 of 2 rows are wrong"))
    with pytest.raises(WindowRefusedError):
        work(warehouse, FakeSource(), days())
    assert warehouse.steps[-8:] == 2 * ["rollback", "keep_refused", "fail_run", "commit"]
    assert {*warehouse.runs.values()} == {"2 of 2 rows are wrong", "given up: 2 of 2 rows are wrong"}


def test_rows_that_were_screened_out_are_kept_when_the_window_fails():
    """What the checks had refused before the window failed goes to quarantine after the rollback."""
    wrong = Rejection({"close": 0}, "no price", "005930", TUE)

    def screen(table, records, asked, held, *_, **__):
        held.rows.append(wrong)
        raise WindowRefusedError("too much is wrong")

    warehouse = FakeWarehouse(screen=screen)
    with pytest.raises(WindowRefusedError):
        work(warehouse, FakeSource(), days()[:1])
    _, _, error, held, run_id = warehouse.arguments["keep_refused"]
    assert (str(error), held.rows, run_id) == ("too much is wrong", [wrong], 1)


def test_a_failure_that_cannot_be_noted_does_not_hide_the_first_one():
    """The warehouse goes away while the failure is written down: the error that is told is the failure's."""
    gone = ConnectionFailedError("the connection broke off")
    with pytest.raises(WindowRefusedError):
        work(FakeWarehouse(screen=WindowRefusedError("wrong"), fail_run=gone), FakeSource(), days())


def test_with_refused_each_failure_is_told_and_the_work_goes_on():
    """One code is unknown and Monday is refused; what is left of Tuesday is loaded, and nothing raises at the end."""
    told = []

    def screen(table, records, asked, *_, **__):
        if asked.first == MON:
            raise IncompleteDataError("Monday was left out")
        return records

    warehouse, source = FakeWarehouse(screen=screen), FakeSource({"005930": UnknownStockError("005930", "here")})
    counts = work(warehouse, source, days(), refused=lambda window, error: told.append((window, type(error))))
    assert [one["inserted"] for one in counts] == [1]
    assert (Window(("005930",), MON, MON), UnknownStockError) in told
    assert (Window(TWO, MON, MON), IncompleteDataError) in told
    assert warehouse.runs[1] == "Monday was left out"


def test_with_refused_an_error_of_the_whole_run_ends_it_all_the_same():
    """Wrong credentials fail every further request too."""
    source = FakeSource({"005930": AuthenticationError("the key is unknown")})
    with pytest.raises(AuthenticationError):
        work(FakeWarehouse(), source, days(("005930",)), most_rows=1, refused=lambda *_: None)
    assert source.asked == ["005930"]


def test_with_refused_a_malformed_code_is_asked_for_in_every_window_and_an_unknown_one_is_not():
    """A malformed answer may be one of that day; an unknown code stays unknown."""
    malformed, unknown = FakeSource({"005930": UNREADABLE}), FakeSource({"005930": UnknownStockError("005930", "x")})
    for source in (malformed, unknown):
        work(FakeWarehouse(), source, days(), most_rows=1, refused=lambda *_: None)
    assert (malformed.asked.count("005930"), unknown.asked.count("005930")) == (2, 1)


GONE = {"gone_before": lambda codes, first: {"005930": date(2026, 9, 18)}}


def test_a_delisted_code_is_never_asked_for():
    """It left before the window begins; the error says when."""
    source = FakeSource()
    with pytest.raises(CodesFailedError, match="005930 was delisted on 2026-09-18"):
        work(FakeWarehouse(**GONE), source, days())
    assert "005930" not in source.asked


def test_with_refused_a_delisted_code_is_told_and_not_asked_for_either():
    """The other code is loaded on both days."""
    source, told = FakeSource(), []
    work(FakeWarehouse(**GONE), source, days(), refused=lambda window, error: told.append(window.stock_codes))
    assert (source.asked, told) == (["000660", "000660"], [("005930",), ("005930",)])


def test_no_window_is_begun_while_there_is_no_room():
    """With room for nothing, each window is committed before the next one is put on record."""
    warehouse = FakeWarehouse()
    work(warehouse, FakeSource(), days(), most_rows=1)
    order = [step for step in warehouse.steps if step == "start_run" or step.startswith("commit run")]
    assert order == ["start_run", "commit run 1", "start_run", "commit run 2"]


def test_requests_are_counted_once_over_all_windows():
    """Two windows of two codes, one request a code: four, however they overlap."""
    assert sum(counts["requests"] for counts in work(FakeWarehouse(), FakeSource(), days())) == 4
