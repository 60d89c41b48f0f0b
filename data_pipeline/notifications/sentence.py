"""What somebody who is not at the screen is told about a task that failed: one sentence, and where its log is."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from data_pipeline.exceptions import DataPipelineError, PermanentError

LONGEST = 1500
"""Characters of what failed; a message about thousands of codes is no sentence."""
_PERMANENT = "trying again cannot help: mend that, then clear the task"
_TRANSIENT = "all tries are spent: clear the task when that has passed"
_UNKNOWN = "read its log, then clear the task"


def failure_sentence(context: Mapping[str, Any]) -> str:
    """Return which task failed, about which dataset and session, what is missing or wrong, and what to do.

    The text of an error of this package is told, which names what is missing and holds no secret. Of any other error
    only the class is: nobody knows what its text holds.

    Args:
        context: Airflow's own, as a failure callback gets it; what is not in it is left out.
    """
    error = context.get("exception")
    if not isinstance(error, DataPipelineError) and isinstance(getattr(error, "__cause__", None), DataPipelineError):
        error = error.__cause__  # type: ignore[union-attr] # it was wrapped for an Airflow without retry policies
    name = type(error).__name__ if isinstance(error, BaseException) else "an error"
    text, todo = name, _UNKNOWN
    if isinstance(error, DataPipelineError):
        text = f"{name}: {' '.join(str(error).split())}"
        todo = _PERMANENT if isinstance(error, PermanentError) else _TRANSIENT
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - 1]}…"
    where = getattr(context.get("ti"), "log_url", None)
    return f"{_task(context)}{_about(context)} failed: {text}; {todo}{f' ({where})' if where else ''}"


def _task(context: Mapping[str, Any]) -> str:
    instance = context.get("ti")
    if instance is None:
        return "A task"
    index = instance.map_index if getattr(instance, "map_index", -1) not in (None, -1) else None
    return f"{instance.dag_id}.{instance.task_id}{f' [{index}]' if index is not None else ''}"


def _about(context: Mapping[str, Any]) -> str:
    """Return the dataset and the days that the task was about, as far as they are known."""
    from data_pipeline.engine.windows import run_session

    task = context.get("task")
    dataset = getattr(task, "dataset", "") or "data"
    first, last = (getattr(task, name, None) for name in ("first", "last"))
    if first:
        return f" ({dataset} of {first}{f' to {last}' if last and last != first else ''})"
    with suppress(DataPipelineError, KeyError):
        return f" ({dataset} of {run_session(context, final=False)})"
    return f" ({dataset})"
