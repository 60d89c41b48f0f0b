"""Spans and lists one after the other: how far the work is, what failed, and when it stops."""

from __future__ import annotations

from datetime import date

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.many_windows import load_spans
from data_pipeline.engine.official import load_official
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.progress import Step, require_no_failure
from data_pipeline.exceptions import (
    ConnectionFailedError,
    DailyQuotaError,
    IncompleteDataError,
    PayloadError,
    SyntheticDataRefusedError,
    UnknownStockError,
    UnsupportedDatasetError,
)
from data_pipeline.loading.prices.reconciliation import Comparison
from data_pipeline.market.window import Span, Window
from data_pipeline.sources.base import AbstractDataSource
from tests.unit.engine.fakes import MON, TUE, FakeSource, FakeWarehouse

FRI = date(2026, 9, 18)
SPANS = [Span(("000660", "005930"), MON, MON, 3), Span(("035720",), TUE, TUE, 1)]


def steps(source, spans=SPANS, **answers):
    """What became of each span, one after the other."""
    warehouse = FakeWarehouse(**answers)
    return list(load_spans(warehouse, source, DATASETS["daily_bar"], spans, Run(), threads=1, most_rows=1))


def test_each_span_says_how_much_of_the_plan_is_over():
    """Three of four requests after the first span, all of them after the second."""
    assert [(step.done, step.total) for step in steps(FakeSource())] == [(3, 4), (4, 4)]


def test_a_code_that_fails_is_a_step_of_its_own():
    """It is named before the span that it belonged to, and is no progress by itself."""
    found = steps(FakeSource({"005930": UnknownStockError("005930", "here")}))
    assert [(step.window.stock_codes, type(step.error), step.done) for step in found] == [
        (("005930",), UnknownStockError, 0),
        (("000660", "005930"), type(None), 3),
        (("035720",), type(None), 4),
    ]


def test_a_span_that_is_refused_is_over_and_the_next_one_is_loaded():
    """What is refused is not asked for again by this work, so it counts as done."""

    def screen(table, records, asked, *_, **__):
        if asked.first == MON:
            raise IncompleteDataError("Monday was left out")
        return records

    found = steps(FakeSource(), screen=screen)
    assert [(step.window.first, bool(step.error), step.done) for step in found] == [(MON, True, 3), (TUE, False, 4)]


def test_a_source_that_is_away_ends_the_work():
    """What was loaded before stays loaded."""
    warehouse, source = FakeWarehouse(), FakeSource({"035720": DailyQuotaError("the calls are spent", 3600)})
    with pytest.raises(DailyQuotaError):
        list(load_spans(warehouse, source, DATASETS["daily_bar"], SPANS, Run(), threads=1, most_rows=1))
    assert sorted(row.stock_code for row in warehouse.rows) == ["000660", "005930"]


def load_lists(warehouse, source, sessions):
    """Load the list of each session, one after the other."""
    spans = [Span((), session, session, requests=1) for session in sessions]
    return load_spans(warehouse, source, DATASETS["instrument"], spans, Run(), threads=1, most_rows=1)


def test_lists_are_loaded_one_by_one_past_those_that_fail():
    """Monday's list is malformed: it is named, and Tuesday's is loaded afterwards."""
    warehouse, source = FakeWarehouse(), FakeSource({"2026-09-21": PayloadError("no name")})
    found = list(load_lists(warehouse, source, [FRI, MON, TUE]))
    assert [(step.window.last, bool(step.error), step.done, step.total) for step in found] == [
        (FRI, False, 1, 3), (MON, True, 2, 3), (TUE, False, 3, 3),
    ]  # fmt: skip
    assert warehouse.runs == {1: "success", 2: "no name", 3: "success"}
    assert [step for step in warehouse.steps if step in ("start_run", "keep_list")] == [
        "start_run", "keep_list", "start_run", "start_run", "keep_list",
    ]  # fmt: skip


def test_a_list_that_the_checks_refuse_does_not_stop_the_next_one():
    """Friday's list is cut short."""
    seen = []

    def keep_list(rows, *_):
        seen.append(rows[0].as_of)
        raise IncompleteDataError("too many have vanished")

    found = list(load_lists(FakeWarehouse(keep_list=keep_list), FakeSource(), [FRI, MON]))
    assert ([bool(step.error) for step in found], seen) == ([True, True], [FRI, MON])


@pytest.mark.parametrize("error", [SyntheticDataRefusedError("real rows"), ConnectionFailedError("broke off")])
def test_lists_end_with_an_error_that_the_next_one_would_meet_too(error):
    """Only the first list is asked for."""
    source = FakeSource()
    with pytest.raises(type(error)):
        list(load_lists(FakeWarehouse(keep_list=error), source, [FRI, MON, TUE]))
    assert source.asked == ["2026-09-18"]


def test_failures_are_named_with_their_reasons():
    """One of seven windows failed; what the source will never have is fine only when that is said."""
    gone = Step(Window(("005930",), TUE, TUE), error=UnknownStockError("005930", "here"))
    require_no_failure([], 7)
    require_no_failure([gone], 7, unservable_is_fine=True)
    with pytest.raises(IncompleteDataError, match=r"1 of 7 windows failed.*2026-09-22, 005930: here does not know"):
        require_no_failure([gone], 7)
    malformed = Step(Window(("005930",), TUE, TUE), error=PayloadError("no price"))
    with pytest.raises(IncompleteDataError, match="1 of 7"):
        require_no_failure([gone, malformed], 7, unservable_is_fine=True)


def test_official_bars_are_one_request_for_the_whole_market():
    """Both bars are loaded, compared with what KIS had said, and counted like any other window."""
    warehouse = FakeWarehouse(reconcile=lambda *_: Comparison(2, 1, 0))
    source = FakeSource(name="krx")
    counts = load_official(warehouse, source, TUE, Run(), kis_includes_after_market=False)
    assert (counts["inserted"], counts["compared"], counts["different"], counts["requests"]) == (2, 2, 1, 1)
    assert source.asked == ["market"]
    assert warehouse.arguments["reconcile"][-2:] == (False, None)


def test_official_bars_that_are_wrong_as_a_whole_leave_their_reason():
    """Nothing is written, and the row that the error is about is kept."""
    warehouse, error = FakeWarehouse(), PayloadError("3 of 5 rows are wrong")
    with pytest.raises(PayloadError):
        load_official(warehouse, FakeSource({"market": error}, name="krx"), TUE, Run(), None)
    assert (warehouse.rows, warehouse.runs) == ([], {1: "3 of 5 rows are wrong"})
    assert warehouse.arguments["keep_refused"][2] is error


def test_only_the_exchange_has_official_bars():
    """Any other source says so before it sends anything."""
    with pytest.raises(UnsupportedDatasetError, match="mock is asked code by code"):
        AbstractDataSource.market_bars(FakeSource(), TUE)
