"""When Airflow tries a task again, decided by Airflow's own evaluation of our policy."""

from __future__ import annotations

import pytest
from airflow.sdk import RetryAction

from data_pipeline import exceptions
from data_pipeline.operators.permanent import RETRY_POLICY


def decide(error):
    """What the policy says to a first failure of five."""
    return RETRY_POLICY.evaluate(error, try_number=1, max_tries=4).action


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ConfigurationError("no key"),
        exceptions.AuthenticationError("wrong key"),
        exceptions.UnknownStockError("000000", "KIS"),
        exceptions.PayloadError("not a number"),
        exceptions.IncompleteDataError("no bars"),
        exceptions.SyntheticDataRefusedError("made up"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_permanent_error_fails_at_once(error):
    """Somebody has to change something first, so the remaining tries would only delay the alarm."""
    assert decide(error) is RetryAction.FAIL


@pytest.mark.parametrize(
    "error",
    [
        exceptions.RateLimitedError("too many"),
        exceptions.RequestTimeoutError("30 s"),
        exceptions.CircuitOpenError("open", 60.0),
        exceptions.CoordinationError("locked"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_transient_error_is_tried_again(error):
    """It may pass by itself; pauses grow as the task's settings say."""
    assert decide(error) is RetryAction.RETRY


def test_an_error_of_nobody_is_left_to_airflow():
    """A killed worker or a bug gets the retries that the task has anyway."""
    assert decide(RuntimeError("?")) is RetryAction.DEFAULT
