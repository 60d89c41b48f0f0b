"""Which windows a task has: from its arguments, else from its run, and never a session that is not final.

Facts: 17 to 22 September 2026 hold four sessions, 18 a Friday; figures of a session are final at 20:00.
"""

from __future__ import annotations

from datetime import date, datetime
from types import SimpleNamespace

import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.windows import windows_of_run
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.market.window import Window

THU, TUE = date(2026, 9, 17), date(2026, 9, 22)


def due(hour, minute):
    """A scheduled run about Tuesday, at this time of that day."""
    moment = datetime(2026, 9, 22, hour, minute, tzinfo=SEOUL)
    run = SimpleNamespace(run_after=moment, run_type="scheduled")
    return {"params": {}, "data_interval_start": moment, "dag_run": run}


def windows(dataset, context, first=None, last=None, codes="005930,000660", most_rows=50_000, **how):
    """The windows of a task."""
    return windows_of_run(DATASETS[dataset], context, codes, first, last, most_rows, **how)


def test_without_a_range_it_is_the_session_of_the_run():
    """Both codes in one window."""
    assert windows("daily_bar", due(20, 0)) == [Window(("005930", "000660"), TUE, TUE)]


def test_a_range_is_cut_into_windows():
    """Four sessions of two codes at four rows a window: each cell is in one window, and none has more than four."""
    found = windows("daily_bar", due(20, 0), "2026-09-17", TUE, most_rows=4)
    cells = [(code, day) for window in found for code in window.stock_codes for day in window.sessions]
    assert len(cells) == len({*cells}) == 8
    assert max(len(window.stock_codes) * len(window.sessions) for window in found) <= 4


def test_the_last_day_is_the_first_when_only_that_is_given():
    """One day is asked for, whichever session the run is about."""
    assert windows("daily_bar", due(20, 0), "2026-09-17") == [Window(("005930", "000660"), THU, THU)]


def test_a_session_that_is_not_final_is_refused():
    """A minute before eight the day's figures still grow."""
    with pytest.raises(InvalidRequestError, match="daily_bar up to 2026-09-22: the figures are final only up to"):
        windows("daily_bar", due(19, 59))


def test_a_running_session_may_be_asked_for():
    """As far as it has come; quotes need no asking, because they describe the present."""
    assert windows("minute_bar", due(11, 0), running_session=True)[0].last == TUE
    assert windows("order_book", due(11, 0))[0].last == TUE


def test_a_range_without_a_session_is_refused():
    """The 19th and 20th are a weekend."""
    with pytest.raises(InvalidRequestError, match="no session of the exchange"):
        windows("daily_bar", due(20, 0), "2026-09-19", "2026-09-20")
