"""The tasks of the DAG of the stream, and its sensor, on a real Postgres and the synthetic market.

Facts: 22 September 2026 is a session, final at 20:00; 0034J0 is an issue of the synthetic market that trades little.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred

from data_pipeline.engine.stream_load import StreamLoad
from data_pipeline.exceptions import IncompleteDataError, InvalidRequestError, TransientError, UnsupportedDatasetError
from data_pipeline.market.stream_batch import Batch
from data_pipeline.market.stream_records import Heartbeat
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.operators.stream_sensor import StreamSensor
from data_pipeline.operators.streaming import fill_stream_gaps, open_stream_day, prove_stream_day
from data_pipeline.sources.mock.source import MockDataSource
from data_pipeline.stream.gaps import GapWatch

DAY, CODE = date(2026, 9, 22), "0034J0"


def run(hour, minute=0):
    """A scheduled run that was due then, for one code."""
    due = datetime(2026, 9, 22, hour, minute, tzinfo=SEOUL)
    return {
        "params": {"stock_codes": [CODE]}, "data_interval_start": due,
        "dag_run": SimpleNamespace(run_after=due, run_type="scheduled"),
    }  # fmt: skip


def sensed(wait_for, hour):
    """What the sensor of a task says at an hour."""
    moment = datetime(2026, 9, 22, hour, 0, tzinfo=SEOUL)
    return StreamSensor(task_id="wait", wait_for=wait_for, session=DAY, clock=lambda: moment).execute({})


@pytest.fixture
def load(warehouse):
    """The service's own load, on the same warehouse."""
    return StreamLoad(warehouse, "mock")


def receive(load, lost):
    """The day's trades but for those that are lost; returns how many shares these have."""
    source = MockDataSource(clock=lambda: datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL))
    watch, batch = GapWatch(), Batch()
    trades = list(source.trades([CODE], DAY, DAY))
    for place, trade in enumerate(trades):
        if place not in lost:
            gap = watch.see(trade)
            batch.trades.append(trade)
            batch.gaps += [gap] if gap else []
    load.store(batch)
    return sum(trades[place].volume for place in lost)


def test_where_nobody_runs_the_service_the_day_is_skipped(warehouse):
    """No line is alive and nothing was streamed for a week; nothing is expected either."""
    with pytest.raises(AirflowSkipException, match="nobody runs the service"):
        open_stream_day(run(9))
    with warehouse.cursor() as cursor:
        cursor.execute("SELECT FROM market.stream_watch")
        assert cursor.rowcount == 0


@pytest.mark.thorough
def test_a_day_is_opened_filled_and_proved(warehouse, load):
    """A line is up; forty lost trades are filled; the run after the close proves the day, and the sensor goes on."""
    load.beat(Heartbeat("host:1", "a1b2c3d4", datetime(2026, 9, 22, 9, 0, tzinfo=SEOUL), 0.1, 0, "up"))
    assert open_stream_day(run(9)) == "host:1 with key a1b2c3d4 is up"
    assert sensed("healthy", 10) == "the stream is healthy"
    shares = receive(load, {*range(100, 120), *range(500, 520)})
    found = fill_stream_gaps(run(10, 5), "mock_default")
    assert (found["gaps"], found["filled"], found["trades"], found["volume"]) == (2, 2, 40, 0)
    with warehouse.cursor() as cursor:
        cursor.execute("SELECT sum(filled_volume)::bigint FROM market.stream_gap")
        assert cursor.fetchall() == [(shares,)]
    with pytest.raises(AirflowSkipException, match="2026-09-22 is not over"):
        prove_stream_day(run(10, 5), "mock_default")
    with pytest.raises(TaskDeferred):
        sensed("proven", 21)
    assert prove_stream_day(run(20, 55), "mock_default") == {"whole": 1, "empty": 0, "doubted": 0, "missing": 0}
    assert sensed("proven", 21) == "2026-09-22 is proven"


@pytest.mark.thorough
def test_a_service_that_is_gone_is_an_alarm_in_session_and_none_after_it(load):
    """It streamed this week and no line is up now: the run in session fails, that after the close goes on."""
    receive(load, set())
    with pytest.raises(TransientError, match="no line of the stream is up"):
        open_stream_day(run(9))
    assert "no line gave a sign of life" in open_stream_day(run(20, 55))


@pytest.mark.thorough
def test_a_day_that_is_not_whole_fails_its_proof(load):
    """Nobody filled the gap: the task fails and says so, and the sensor goes on sleeping."""
    receive(load, {*range(100, 120)})
    with pytest.raises(IncompleteDataError, match="0 codes are whole, 0 empty, 1 doubted and 0 without any"):
        prove_stream_day(run(20, 55), "mock_default")
    with pytest.raises(TaskDeferred):
        sensed("proven", 21)


def test_each_venue_is_watched(warehouse, load, monkeypatch):
    """Those of the setting, or of the run; nothing is expected where no trades are streamed."""
    load.beat(Heartbeat("host:1", "a1b2c3d4", datetime(2026, 9, 22, 9, 0, tzinfo=SEOUL), 0.1, 0, "up"))
    monkeypatch.setenv("STREAM_VENUES", "KRX, NXT")
    open_stream_day(run(9), "mock_default")
    context = run(9)
    context["params"]["venues"] = ["UNIFIED"]
    open_stream_day(context, "mock_default")
    monkeypatch.setenv("STREAM_KINDS", "order_book,market_operation")
    context["params"]["stock_codes"] = ["005930"]
    open_stream_day(context, "mock_default")
    with warehouse.cursor() as cursor:
        cursor.execute("SELECT venue, stock_code FROM market.stream_watch ORDER BY 1")
        assert cursor.fetchall() == [("KRX", CODE), ("NXT", CODE), ("UNIFIED", CODE)]


@pytest.mark.parametrize(
    ("kinds", "venues"),
    [("trade", "NXT"), ("order_book", "UNIFIED"), ("trade,market_operation", "KRX"), ("expected_price", "KRX")],
)
def test_what_the_virtual_server_lacks_is_refused_before_anything_is_noted(warehouse, monkeypatch, kinds, venues):
    """Its DAG says so as the command does."""
    virtual = {"conn_type": "kis", "login": "K" * 36, "password": "S" * 180, "extra": {"use_virtual_server": "true"}}
    monkeypatch.setenv("AIRFLOW_CONN_KIS_DEFAULT", json.dumps(virtual))
    monkeypatch.setenv("STREAM_KINDS", kinds)
    monkeypatch.setenv("STREAM_VENUES", venues)
    with pytest.raises(UnsupportedDatasetError, match="virtual server streams trades and order books of KRX only"):
        open_stream_day(run(9), "kis_default")
    with warehouse.cursor() as cursor:
        cursor.execute("SELECT FROM market.stream_watch")
        assert cursor.rowcount == 0


@pytest.mark.parametrize(
    ("name", "text"), [("STREAM_KINDS", "trades"), ("STREAM_VENUES", "KOSPI"), ("STREAM_VENUES", "KRX,,NXT")]
)
def test_a_setting_that_is_none_is_one_sentence(warehouse, monkeypatch, name, text):
    """It names the setting and what it takes."""
    monkeypatch.setenv(name, text)
    with pytest.raises(InvalidRequestError, match=f"{name} takes .*, separated by commas, not"):
        open_stream_day(run(9), "mock_default")
