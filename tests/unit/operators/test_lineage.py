"""The lineage of a load, as OpenLineage's own provider takes it."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from data_pipeline.operators.assets import tell_load
from data_pipeline.operators.fill_gaps import FillGapsOperator

SECRET = "hidden-word"


@pytest.fixture
def load(environment: Any) -> FillGapsOperator:
    """A load into a warehouse whose connection holds a password."""
    pytest.importorskip("airflow.providers.openlineage", reason="the provider of OpenLineage is not installed")
    connection = {
        "conn_type": "postgres", "host": "db.example.com", "schema": "market", "login": "market_loader",
        "password": SECRET,
    }  # fmt: skip
    environment(AIRFLOW_CONN_MARKET_DB=json.dumps(connection))
    return FillGapsOperator(task_id="load", dataset="daily_bar", source_conn_id="kis_default")


def test_a_load_leads_from_its_source_to_its_table(load: FillGapsOperator) -> None:
    """Two rows were written and one was there; the names are those that OpenLineage gives a Postgres."""
    days = [date(2026, 9, 21), date(2026, 9, 22)]
    tell_load(load, {}, "daily_bar", "kis", days, {"inserted": 1, "updated": 1, "unchanged": 1})
    lineage = load.get_openlineage_facets_on_complete(None)
    (came,), (went,) = lineage.inputs, lineage.outputs
    assert (came.namespace, came.name) == ("korean-market-data", "kis/daily_bar")
    assert (went.namespace, went.name) == ("postgres://db.example.com:5432", "market.market.daily_bar")
    assert went.outputFacets["outputStatistics"].rowCount == 2
    assert SECRET not in repr(lineage)


def test_a_task_that_loaded_nothing_tells_nothing(load: FillGapsOperator) -> None:
    """It was skipped, for want of a key."""
    lineage = load.get_openlineage_facets_on_complete(None)
    assert (lineage.inputs, lineage.outputs) == ([], [])
