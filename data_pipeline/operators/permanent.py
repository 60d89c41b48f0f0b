"""A permanent error fails its task at once: by a retry policy, or in Airflow 3.2, which has none, by what is raised."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from airflow.sdk.exceptions import AirflowFailException

from data_pipeline.exceptions import PermanentError, TransientError

RETRY_POLICY: Any = None
"""A permanent error fails the task at once; anything else is tried again after growing pauses. None in Airflow 3.2."""
try:
    from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule
except ImportError:
    pass
else:
    RETRY_POLICY = ExceptionRetryPolicy(
        rules=[
            RetryRule(exception=PermanentError, action=RetryAction.FAIL, reason="trying again cannot help"),
            RetryRule(exception=TransientError, action=RetryAction.RETRY, reason="it may pass by itself"),
        ]
    )

Work = TypeVar("Work", bound=Callable[..., Any])


def fails_at_once(work: Work, policy: Any = RETRY_POLICY) -> Work:
    """Return the work of a task; without a policy, a permanent error becomes the one that Airflow never tries again."""
    if policy is not None:
        return work

    @wraps(work)
    def failing(*arguments: Any, **named: Any) -> Any:
        try:
            return work(*arguments, **named)
        except PermanentError as error:
            raise AirflowFailException(f"{type(error).__name__}: {error}") from error

    return failing  # type: ignore[return-value]
