"""How a permanent error fails its task at once where Airflow has no retry policy, as 3.2 has not."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException

from data_pipeline.exceptions import ConfigurationError, TransientError
from data_pipeline.operators.permanent import RETRY_POLICY, fails_at_once


def raising(error):
    """The work of a task that fails."""

    def work():
        raise error

    return work


def test_a_permanent_error_becomes_one_that_is_never_tried_again():
    """It keeps its name and its words."""
    with pytest.raises(AirflowFailException, match="ConfigurationError: no such key"):
        fails_at_once(raising(ConfigurationError("no such key")), None)()


def test_any_other_error_stays_as_it_is():
    """So Airflow tries the task again."""
    with pytest.raises(TransientError, match="away"):
        fails_at_once(raising(TransientError("away")), None)()


def test_with_a_policy_the_work_stays_as_it_is():
    """Airflow's own decides then, and the log shows the error itself."""
    work = raising(ConfigurationError("x"))
    assert RETRY_POLICY is not None
    assert fails_at_once(work) is work
