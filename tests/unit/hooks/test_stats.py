"""How the figures of running work reach Airflow's metrics."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk._shared.observability.metrics import stats

from data_pipeline.client.meter import BUDGET_SHARE, ROWS, SLOT_WAIT
from data_pipeline.hooks.source import open_source
from data_pipeline.hooks.stats import tell_airflow


class Backend:
    """A backend of Airflow's metrics that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def incr(self, name: str, count: int = 1, *, tags: Any = None) -> None:
        self.told.append(("incr", name, count, tags))

    def gauge(self, name: str, value: float, *, tags: Any = None) -> None:
        self.told.append(("gauge", name, value, tags))

    def timing(self, name: str, dt: timedelta, *, tags: Any = None) -> None:
        self.told.append(("timing", name, dt, tags))


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Backend:
    """What Airflow would have made of its configuration."""
    made = Backend()
    monkeypatch.setattr(stats, "_backend", made)
    return made


def test_each_kind_is_told_as_airflow_knows_it(backend: Backend) -> None:
    """Counters add up, gauges are set, and a timing carries its own unit; labels are tags without blanks."""
    rows = {"source": "kis", "dataset": "daily_bar", "outcome": "inserted"}
    budget = {"source": "kis", "budget": "abcd1234 ledger"}
    tell_airflow(ROWS, 12, rows)
    tell_airflow(BUDGET_SHARE, 0.5, budget)
    tell_airflow(SLOT_WAIT, 0.25, budget)
    assert backend.told == [
        ("incr", "data_pipeline.rows", 12, rows),
        ("gauge", "data_pipeline.budget_share", 0.5, budget | {"budget": "abcd1234_ledger"}),
        ("timing", "data_pipeline.slot_wait", timedelta(milliseconds=250), budget | {"budget": "abcd1234_ledger"}),
    ]


def test_a_source_that_a_connection_opens_is_heard(backend: Backend, environment: Any) -> None:
    """Whichever task asks it, a plan or a load."""
    environment(AIRFLOW_CONN_MOCK_DEFAULT='{"conn_type": "mock"}')
    with open_source("mock_default") as source:
        source.meter.tell(ROWS, 2, dataset="daily_bar", outcome="missing")
    labels = {"source": "mock", "dataset": "daily_bar", "outcome": "missing"}
    assert backend.told == [("incr", "data_pipeline.rows", 2, labels)]


def test_a_backend_that_fails_fails_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure that is lost is not worth a load."""

    class Broken:
        def incr(self, *_: Any, **__: Any) -> None:
            raise OSError("the collector is away")

    monkeypatch.setattr(stats, "_backend", Broken())
    tell_airflow(ROWS, 1, {"source": "kis", "dataset": "daily_bar", "outcome": "inserted"})
