"""Rows in quarantine once more: how each ends, and what is written when."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date, datetime, timedelta

import pytest

from data_pipeline.engine.retry_quarantine import Held, retry_rows, retry_untried
from data_pipeline.exceptions import ConnectionFailedError, TransientError, WindowRefusedError
from data_pipeline.loading.rows.counts import LoadCounts
from data_pipeline.market.rejections import Rejection
from data_pipeline.market.trading_calendar import SEOUL
from tests.unit.engine.fakes import TUE, FakeWarehouse, bar

EVENING = datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL)
CHART = "KIS inquire-daily-itemchartprice"
ROW = {
    "stck_bsop_date": "20260922", "stck_clpr": "71500", "stck_oprc": "71000", "stck_hgpr": "72000",
    "stck_lwpr": "70500", "acml_vol": "2000", "acml_tr_pbmn": "142500000", "prdy_vrss": "500", "prdy_vrss_sign": "2",
}  # fmt: skip


def held(number=1, payload=None, origin="record", dataset="daily_bar", code="005930", session=TUE):
    """A row in quarantine."""
    payload = payload or asdict(bar()) | {"session": "2026-09-22"}
    return Held(number, dataset, code, session, origin, payload, "old reason", "kis", 1, EVENING - timedelta(hours=1))


class Quarantine(FakeWarehouse):
    """A warehouse with rows in quarantine, which notes how each was settled.

    Args:
        rows: Those that are not settled.
        superseded: The numbers of those whose cell was written since.
        answers: As for any fake warehouse.
    """

    def __init__(self, *rows, superseded=(), **answers):
        self.settled: dict = {}
        super().__init__(
            **{
                "held_rows": lambda numbers: [one for one in rows if numbers is None or one.rejected_id in numbers],
                "untried_rows": lambda most: [one.rejected_id for one in rows],
                "_is_superseded": lambda one: one.rejected_id in superseded,
                "_execute": lambda statement, how, number: self.settled.update({number: how}),
            }
            | answers
        )

    def retry(self, *numbers):
        """Try these rows, or all, and return the outcomes that there are."""
        return {name: many for name, many in retry_rows(self, numbers or None, clock=lambda: EVENING).items() if many}


def test_a_row_is_loaded_and_settled_in_one_transaction():
    """It takes the steps of any window, without a commit before its end."""
    quarantine = Quarantine(held())
    assert quarantine.retry() == {"loaded": 1}
    assert quarantine.rows == [bar()]
    assert quarantine.settled == {1: "loaded"}
    assert quarantine.steps == [
        "held_rows", "commit", "_is_superseded", "certain_listings", "final_sessions", "start_run",
        "screen", "none_stored", "weigh", "upsert", "write", "adjust_prices", "finish_run", "_execute", "commit run 1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("counts", "outcome"),
    [(LoadCounts(unchanged=1), "unchanged"), (LoadCounts(outranked=1), "outranked"), (LoadCounts(updated=1), "loaded")],
)
def test_a_row_ends_as_its_load_did(counts, outcome):
    """What stands there already, or better, is said to."""
    assert Quarantine(held(), upsert=lambda *_, **__: counts).retry() == {outcome: 1}


def test_a_row_whose_cell_was_written_since_is_not_loaded_over_it():
    """It is settled without a run."""
    quarantine = Quarantine(held(), superseded={1})
    assert (quarantine.retry(), quarantine.settled, quarantine.runs) == ({"superseded": 1}, {1: "superseded"}, {})


def test_a_row_that_is_refused_again_has_its_newest_reason():
    """The check's own words, not those of a window of one row; nothing of the run stays."""

    def screen(table, records, asked, rejections, *_, **__):
        rejections.rows.append(Rejection({}, "limit: prices break the limits", "005930", TUE))
        raise WindowRefusedError("the window is refused: 1 of 1 rows are wrong")

    quarantine = Quarantine(held(), screen=screen)
    assert quarantine.retry() == {"refused": 1}
    assert quarantine.settled == {1: "limit: prices break the limits"}
    assert quarantine.steps[-3:] == ["rollback", "_execute", "commit"]
    assert not {"fail_run", "keep_refused"} & {*quarantine.steps}


def test_one_refused_row_does_not_stop_the_next():
    """Of three rows the one that is no bar stays."""
    quarantine = Quarantine(held(1), held(2, {"nonsense": 1}), held(3))
    assert quarantine.retry() == {"loaded": 2, "refused": 1}
    assert (quarantine.settled[1], quarantine.settled[3]) == ("loaded", "loaded")


@pytest.mark.parametrize("error", [TransientError("deadlock"), ConnectionFailedError("broke off")])
def test_a_warehouse_that_is_away_is_no_reason_against_a_row(error):
    """The work ends, and the row keeps the reason that it had."""
    quarantine = Quarantine(held(), upsert=error)
    with pytest.raises(type(error)):
        quarantine.retry()
    assert quarantine.settled == {}


def test_a_vendors_row_is_read_by_the_parser_of_today():
    """The chart row becomes the bar; a row of a call that names no session says what to do instead."""
    quarantine = Quarantine(held(1, ROW, CHART), held(2, ROW, "KIS intstock-multprice"))
    assert quarantine.retry() == {"loaded": 1, "refused": 1}
    assert quarantine.rows == [bar()]
    assert "load the window again" in quarantine.settled[2]


def test_a_row_must_be_what_it_was_refused_as():
    """What is asked for is the cell that it was kept under, whatever its payload says now."""
    quarantine = Quarantine(held(code="000660", session=date(2026, 9, 21)))
    quarantine.retry()
    asked = quarantine.arguments["screen"][2]
    assert (asked.stock_codes, asked.first, asked.last) == (("000660",), date(2026, 9, 21), date(2026, 9, 21))


def test_a_session_counts_as_final_by_the_clock_that_is_handed_in():
    """A bar that is retried while its session runs proves nothing whole."""
    quarantine = Quarantine(held())
    quarantine.retry()
    assert quarantine.arguments["final_sessions"] == ([TUE], EVENING)


def test_a_row_that_nobody_had_asked_for_stays():
    """However right it looks, it came in an answer about something else; its reason stays, and it counts as tried."""
    quarantine = Quarantine(replace(held(), was_asked_for=False))
    assert (quarantine.retry(), quarantine.settled, quarantine.rows) == ({"refused": 1}, {1: "old reason"}, [])


def test_only_the_rows_that_are_named_are_tried():
    """The others wait."""
    quarantine = Quarantine(held(1), held(2))
    quarantine.retry(2)
    assert quarantine.settled == {2: "loaded"}


def test_without_untried_rows_nothing_is_done():
    """An evening without anything new in quarantine costs one look."""
    quarantine = Quarantine()
    assert retry_untried(quarantine, clock=lambda: EVENING) == {}
    assert quarantine.steps == ["untried_rows", "commit"]


def test_untried_rows_get_their_one_chance():
    """At most two thousand are looked up, and those are tried."""
    quarantine = Quarantine(held(1), held(2))
    assert retry_untried(quarantine, clock=lambda: EVENING)["loaded"] == 2
    assert quarantine.arguments["untried_rows"] == (2000,)
