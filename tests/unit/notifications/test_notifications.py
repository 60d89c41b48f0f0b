"""Who is told about a task that failed for good."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from data_pipeline.exceptions import CalendarMismatchError, ConfigurationError
from data_pipeline.notifications import alert

CONTEXT = {"exception": CalendarMismatchError("2026-12-24 (closed by the source)")}


def test_nobody_is_told_unless_somebody_is_named(environment):
    """An empty setting leaves the red task in the UI as the only sign."""
    environment(ALERT_CALLBACK=" ")
    alert(CONTEXT)


def test_the_named_function_gets_the_context(environment):
    """It is looked up when a task fails and gets what Airflow hands to any callback."""
    told: list[object] = []
    module = ModuleType("somebodys_alerts")
    vars(module)["to_chat"] = told.append
    sys.modules[module.__name__] = module
    environment(ALERT_CALLBACK="somebodys_alerts.to_chat")
    try:
        alert(CONTEXT)
    finally:
        del sys.modules[module.__name__]
    assert told == [CONTEXT]


@pytest.mark.parametrize("name", ["nowhere.to_chat", "json.to_chat", "to_chat"])
def test_a_name_that_does_not_exist_is_said(environment, name):
    """A misspelt name must not swallow alerts in silence."""
    environment(ALERT_CALLBACK=name)
    with pytest.raises(ConfigurationError, match="ALERT_CALLBACK"):
        alert(CONTEXT)
