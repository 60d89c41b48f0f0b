"""Who is told when a task has failed for good: whatever ``ALERT_CALLBACK`` names, beside the red task in the UI."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.settings import text


def alert(context: Mapping[str, Any]) -> None:
    """Call what ``ALERT_CALLBACK`` names with Airflow's context; do nothing when it is empty.

    It is the ``on_failure_callback`` of every task here. The name is that of a function or of a notifier object, such
    as ``my_company.alerts.to_chat``, and is looked up when a task fails, in the process of the task. ``exception`` in
    the context is the error; its message says what to do.

    Raises:
        ConfigurationError: There is no such name; Airflow writes that into the task's log.
    """
    name = text(os.environ, "ALERT_CALLBACK")
    if not name:
        return
    module, _, attribute = name.rpartition(".")
    try:
        callback = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"ALERT_CALLBACK must be module.function, not {name!r}: {error}") from None
    callback(context)
