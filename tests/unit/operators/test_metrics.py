"""What a task tells Airflow's metrics about the state that its source shares."""

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk._shared.observability.metrics import stats

from data_pipeline.exceptions import CoordinationError
from data_pipeline.operators.metrics import gauged


def source(gauges) -> Any:
    """A source that only has gauges."""
    return SimpleNamespace(name="kis-virtual", gauges=gauges)


@pytest.fixture
def heard(monkeypatch):
    """What the metrics backend was told."""
    told = {}

    class Backend:
        def gauge(self, name, value, *_arguments, **_options):
            told[name] = value

    monkeypatch.setattr(stats, "_backend", Backend())
    return told


def test_the_gauges_are_set_when_the_work_has_failed_too(heard):
    """The breaker matters most when the task fails."""
    with pytest.raises(KeyError), gauged(source(lambda: {"breaker.state": 2.0})):
        raise KeyError
    assert heard == {"data_pipeline.kis-virtual.breaker.state": 2.0}


def test_a_state_that_cannot_be_read_hides_no_other_error(heard):
    """Metrics never fail a task."""

    def away():
        raise CoordinationError("the store is away")

    with pytest.raises(KeyError), gauged(source(away)):
        raise KeyError
    assert heard == {}
