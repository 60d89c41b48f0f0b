"""What the sentence about a failed task says, and what it keeps to itself."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any

from data_pipeline.exceptions import ConnectionFailedError, IncompleteDataError
from data_pipeline.market.clock import SEOUL
from data_pipeline.notifications.sentence import LONGEST, failure_sentence

INSTANCE = SimpleNamespace(dag_id="daily_bars", task_id="load", map_index=2, log_url="http://127.0.0.1:8080/log")
TASK = SimpleNamespace(dataset="daily_bar", first=None, last=None)
LACKING = IncompleteDataError("2 of 2,700 codes\nhave no bar: 005930, 000660")


def context(error: Any, **more: Any) -> dict[str, Any]:
    """What a failure callback gets of a run about 22 September 2026."""
    start = datetime(2026, 9, 22, tzinfo=SEOUL)
    return {"ti": INSTANCE, "task": TASK, "exception": error, "data_interval_start": start, "params": {}, **more}


def test_it_names_dataset_session_what_is_missing_and_what_to_do() -> None:
    """One line, which somebody reads on a phone."""
    assert failure_sentence(context(LACKING)) == (
        "daily_bars.load [2] (daily_bar of 2026-09-22) failed: IncompleteDataError: 2 of 2,700 codes have no bar: "
        "005930, 000660; trying again cannot help: mend that, then clear the task (http://127.0.0.1:8080/log)"
    )


def test_what_may_pass_says_so() -> None:
    """A source that is away for an hour comes back, and then clearing is enough."""
    assert "all tries are spent: clear the task when that has passed" in failure_sentence(
        context(ConnectionFailedError("GET https://kis: the connection failed"))
    )


def test_the_days_of_a_backfill_are_its_own() -> None:
    """Not those on which somebody pressed the button."""
    task = SimpleNamespace(dataset="minute_bar", first="2026-01-02", last="2026-01-30")
    assert "(minute_bar of 2026-01-02 to 2026-01-30) failed" in failure_sentence(context(LACKING, task=task))


def test_the_text_of_a_foreign_error_stays_in_the_log() -> None:
    """It may hold an address with a password."""
    said = failure_sentence(context(RuntimeError("postgresql://loader:hidden-word@db/market")))
    assert "failed: RuntimeError; read its log, then clear the task" in said
    assert "hidden-word" not in said


def test_an_error_that_was_wrapped_for_an_older_airflow_is_told() -> None:
    """Airflow 3.2 has no retry policy, so the task raised one that it never tries again."""
    wrapped = RuntimeError("IncompleteDataError: ...")
    wrapped.__cause__ = LACKING
    assert "failed: IncompleteDataError: 2 of 2,700 codes" in failure_sentence(context(wrapped))


def test_a_message_about_thousands_of_codes_is_cut() -> None:
    """A chat refuses a text of any length."""
    said = failure_sentence(context(IncompleteDataError("005930, " * 5000)))
    assert len(said) < LONGEST + 300
    assert "…; trying again cannot help" in said


def test_a_context_that_says_nothing_is_still_a_sentence() -> None:
    """A callback never fails for what it does not know."""
    assert failure_sentence({}) == "A task (data) failed: an error; read its log, then clear the task"
