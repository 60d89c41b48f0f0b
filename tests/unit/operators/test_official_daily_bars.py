"""The operator of official bars: when it is skipped, and what it refuses before anything is sent."""

from __future__ import annotations

import json

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.operators.official_daily_bars import OfficialDailyBarsOperator


def load(**arguments):
    """Run the operator outside any DAG."""
    given = {"session": "2026-11-20", "kis_includes_after_market": ""} | arguments
    return OfficialDailyBarsOperator(task_id="load", **given).execute({})


@pytest.mark.parametrize("connection", [None, {"conn_type": "krx", "password": ""}], ids=str)
def test_without_a_key_it_is_skipped(environment, connection):
    """Who has no KRX key keeps provisional bars, and no run fails for it."""
    if connection:
        environment(AIRFLOW_CONN_KRX_DEFAULT=json.dumps(connection))
    with pytest.raises(AirflowSkipException, match="krx_default"):
        load()


def test_another_connection_must_exist(environment):
    """A connection that somebody named and that is not there is a mistake."""
    with pytest.raises(ConfigurationError, match="krx_other"):
        load(source_conn_id="krx_other")


def test_a_source_without_official_bars_is_refused(environment):
    """Made-up or provisional bars never pose as official ones."""
    environment(AIRFLOW_CONN_MOCK_DEFAULT=json.dumps({"conn_type": "mock"}))
    with pytest.raises(ConfigurationError, match="type 'krx', not from mock"):
        load(source_conn_id="mock_default")


def test_the_setting_is_checked(environment):
    """A misspelt setting would quietly explain the wrong differences."""
    with pytest.raises(ConfigurationError, match="KIS_BARS_INCLUDE_AFTER_MARKET"):
        load(kis_includes_after_market="maybe")
