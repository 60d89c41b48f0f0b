"""The load sequence: what is expected of a window, what is counted, and what reaches which step.

Fact: 27 September 2026 is a Sunday after Chuseok; the last session before it is the 23rd.
"""

from __future__ import annotations

from datetime import date, datetime

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.one_window import Fetched, Run, WindowLoad
from data_pipeline.exceptions import IncompleteDataError, PayloadError
from data_pipeline.loading.instruments.listing import Listing
from data_pipeline.loading.instruments.lists import Difference, KeptList
from data_pipeline.loading.prices.reconciliation import Comparison
from data_pipeline.loading.rows.counts import LoadCounts
from data_pipeline.market.records import OrderBook
from data_pipeline.market.rejections import Rejection, Rejections
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.window import Window
from tests.support.tables import ORDER_BOOK
from tests.unit.engine.fakes import MON, TUE, FakeWarehouse, bar, instruments

TWO = ("000660", "005930")
LISTED = {"certain_listings": lambda codes: [Listing(code, date(2020, 1, 2), TUE) for code in codes]}


def loaded(warehouse, records, dataset="daily_bar", window=None, source="mock", run=None, held=None, failed=None):
    """Load one window of which this came, and return the counts."""
    window = window or Window(TWO, TUE, TUE)
    load = WindowLoad(warehouse, DATASETS[dataset], source, window, run or Run())
    load.start()
    load.take(Fetched(records, failed or {}, held or Rejections()))
    return load.store(7)


def test_rows_that_must_exist_are_on_record():
    """Two listed codes on two sessions are four bars; a number of quotes is that of the codes."""
    warehouse = FakeWarehouse(**LISTED)
    WindowLoad(warehouse, DATASETS["daily_bar"], "mock", Window(TWO, MON, TUE), Run()).start()
    assert warehouse.arguments["start_run"][-1] == 4
    WindowLoad(warehouse, DATASETS["order_book"], "mock", Window(TWO, MON, TUE), Run()).start()
    assert warehouse.arguments["start_run"][-1] == 2


def test_it_is_unknown_how_many_rows_must_exist_when_no_list_says_so():
    """Zero would claim that none must."""
    warehouse = FakeWarehouse()
    WindowLoad(warehouse, DATASETS["daily_bar"], "mock", Window(TWO, TUE, TUE), Run()).start()
    assert warehouse.arguments["start_run"][-1] is None


def test_a_bar_that_did_not_come_is_missing():
    """One of two listed codes came."""
    assert loaded(FakeWarehouse(**LISTED), [bar("005930")])["missing"] == 1


def test_a_session_without_any_bar_is_refused_before_anything_is_written():
    """Both codes are listed and none has a bar: the source left the day out."""
    warehouse = FakeWarehouse(**LISTED)
    with pytest.raises(IncompleteDataError, match="not one bar"):
        loaded(warehouse, [])
    assert not {"upsert", "finish_run"} & {*warehouse.steps}


def test_a_row_in_quarantine_is_missing_and_no_reason_to_doubt_the_session():
    """Its code is listed; the other one came."""
    held = Rejections([Rejection({}, "no price", "000660", TUE)])
    assert loaded(FakeWarehouse(**LISTED), [bar("005930")], held=held)["missing"] == 1
    both = Rejections([Rejection({}, "no price", code, TUE) for code in TWO])
    assert loaded(FakeWarehouse(**LISTED), [], held=both)["missing"] == 2


def test_the_ledger_says_what_is_missing_when_only_gaps_are_asked_for():
    """Nothing of two listed codes came, and that is left to the ledger."""
    counts = loaded(FakeWarehouse(**LISTED, write=lambda *_: 2), [], run=Run(remember_empty=True))
    assert counts["missing"] == 2


def test_bars_of_a_code_that_failed_are_not_expected():
    """Its own error says why it has none, and goes into the run; the screen is not told to wait for it."""
    warehouse = FakeWarehouse(**LISTED)
    counts = loaded(warehouse, [bar("005930")], failed={"000660": PayloadError("malformed")})
    assert (counts["missing"], counts["failed"]) == (0, 1)
    assert warehouse.arguments["screen"][2].expected == {("005930", TUE)}
    assert warehouse.runs == {1: "1 of 2 stock codes failed, the others are loaded: 000660: PayloadError: malformed"}


def test_requests_are_those_of_the_caller():
    """A load that asked nobody has none."""
    assert loaded(FakeWarehouse(), [bar()])["requests"] == 7


def test_official_bars_are_compared_before_they_replace_provisional_ones():
    """The comparison is of the codes that came, and counted with the rows."""
    warehouse = FakeWarehouse(reconcile=lambda *_: Comparison(compared=2, different=3, unexpected=1))
    counts = loaded(warehouse, [bar(code) for code in TWO], source="krx", run=Run(kis_includes_after_market=True))
    assert warehouse.steps.index("reconcile") < warehouse.steps.index("upsert")
    assert (counts["compared"], counts["different"], counts["unexpected"]) == (2, 3, 1)
    bars, session, source, run_id, known, codes = warehouse.arguments["reconcile"]
    assert ([one.stock_code for one in bars], session, source, run_id) == ([*TWO], TUE, "krx", 1)
    assert (known, codes) == (True, [*TWO])


def test_provisional_bars_are_compared_with_nothing():
    """They replace no other's."""
    warehouse = FakeWarehouse()
    loaded(warehouse, [bar()], source="kis")
    assert "reconcile" not in warehouse.steps


def test_a_window_without_codes_is_the_whole_market():
    """Every code that the warehouse lists on the session is expected, any may come, and all are compared."""
    warehouse = FakeWarehouse(**LISTED, listed_codes=lambda session: ["000660", "005930", "035720"])
    counts = loaded(warehouse, [bar("005930"), bar("069500")], window=Window((), TUE, TUE), source="krx")
    asked = warehouse.arguments["screen"][2]
    assert (counts["inserted"], counts["missing"], asked.stock_codes) == (2, 2, ())
    assert asked.expected == {(code, TUE) for code in ("000660", "005930", "035720")}
    assert warehouse.arguments["reconcile"][-1] is None


def test_a_quote_on_a_closed_day_belongs_to_the_session_before():
    """Sunday's quote goes to Wednesday, whose figures it shows."""
    sunday = date(2026, 9, 27)
    quote = OrderBook("005930", "x", (), (), 0, 0, "2026-09-27T13:00:00+09:00")
    warehouse = FakeWarehouse()
    loaded(warehouse, [quote], "order_book", Window(("005930",), sunday, sunday))
    table = warehouse.arguments["upsert"][0]
    assert table.values(quote)[ORDER_BOOK.columns.index("session")] == date(2026, 9, 23)


def test_a_quote_that_did_not_come_refuses_the_window():
    """One of two codes has a quote."""
    quote = OrderBook("005930", "x", (), (), 0, 0, "2026-09-22T13:00:00+09:00")
    with pytest.raises(IncompleteDataError, match="000660"):
        loaded(FakeWarehouse(), [quote], "order_book")


def test_a_list_says_who_left_and_what_is_disputed():
    """It is kept as a list and not row by row, and two fields are disputed on three instruments."""
    warehouse = FakeWarehouse(
        keep_list=lambda rows, *_: KeptList(LoadCounts(unchanged=len(rows)), left=4),
        differences=lambda session: [Difference("name", 2, ["000660", "005930"]), Difference("isin", 1, ["005930"])],
    )
    counts = loaded(warehouse, instruments(), "instrument", Window((), TUE, TUE))
    assert (counts["unchanged"], counts["left"], counts["different"]) == (3, 4, 3)
    assert not {"upsert", "adjust_prices", "screen"} & {*warehouse.steps}


def test_a_list_that_lacks_a_market_is_refused():
    """Its file was not read."""
    with pytest.raises(IncompleteDataError, match="KONEX"):
        loaded(FakeWarehouse(), instruments()[:2], "instrument", Window((), TUE, TUE))


def test_a_refused_row_of_a_list_goes_to_quarantine():
    """Lists are not screened row by row; what the parsers set aside is kept all the same."""
    held = Rejections([Rejection({"x": 1}, "no name", "000660", TUE)])
    warehouse = FakeWarehouse(keep_held=lambda *_: None)
    loaded(warehouse, instruments(), "instrument", Window((), TUE, TUE), held=held)
    assert warehouse.arguments["keep_held"][2].rows == held.rows


def test_parts_are_put_together():
    """A window of two parts is whole when both have come, and both parts' bars are loaded."""
    warehouse = FakeWarehouse()
    load = WindowLoad(warehouse, DATASETS["daily_bar"], "mock", Window(TWO, TUE, TUE), Run(), parts=2)
    load.start()
    load.take(Fetched([bar("000660")], {}, Rejections()))
    assert not load.is_whole
    load.take(Fetched([bar("005930")], {}, Rejections()))
    assert load.is_whole
    assert load.store()["inserted"] == 2


def test_the_row_of_an_error_is_kept_once():
    """The error that left a code out is not at fault for the window a second time."""
    error, warehouse = PayloadError("malformed"), FakeWarehouse()
    error.payload = {"y": "1"}
    load = WindowLoad(warehouse, DATASETS["daily_bar"], "mock", Window(("005930",), TUE, TUE), Run())
    load.start()
    load.take(Fetched([], {"005930": error}, Rejections()))
    load.refuse(error, error, 1)
    _, _, new, held, _ = warehouse.arguments["keep_refused"]
    assert (new, [row.payload for row in held.at_fault]) == (None, [{"y": "1"}])


def test_rows_are_judged_by_the_clock_that_is_handed_in():
    """A bar is of the future or not by the market's clock, whatever the machine's says."""
    said: dict = {}
    warehouse = FakeWarehouse(screen=lambda table, records, *_, now: said.update(now=now) or records)
    evening = datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL)
    load = WindowLoad(warehouse, DATASETS["daily_bar"], "mock", Window(TWO, TUE, TUE), Run(), clock=lambda: evening)
    load.start()
    load.take(Fetched([bar()], {}, Rejections()))
    load.store()
    assert said == {"now": evening}
