"""From a load to a DAG of the user's, through assets alone, in an Airflow as `data-pipeline up` starts it.

Facts: 27 and 30 November (a Friday and a Monday) and 1 December 2026 are sessions, and the market's clock stands on the
evening of the last. The backfill is what loads, since no schedule makes runs of it.
"""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from data_pipeline.local.airflow_database import METADATA_DATABASE
from data_pipeline.local.processes import wait_until
from tests.faults.airflow import WITHIN_S, Stack
from tests.support.installation import command_in, ended, new_home
from tests.support.project import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200), pytest.mark.xdist_group("airflow")]

EXAMPLE = "after_a_proven_session"
FRIDAY, MONDAY, TUESDAY = "2026-11-27", "2026-11-30", "2026-12-01"
CODES = 5
RUNS = "SELECT partition_key, run_type, state FROM dag_run WHERE dag_id = %s ORDER BY partition_key"
TOLD = """
    SELECT e.partition_key, count(*) FROM asset_event e JOIN asset a ON a.id = e.asset_id
    WHERE a.name = 'market.daily_bar.proven' GROUP BY 1 ORDER BY 1
"""
WAITING = "SELECT count(*) FROM asset_partition_dag_run WHERE created_dag_run_id IS NULL"
RETURNED = """
    SELECT r.partition_key, x.value #>> '{}' FROM xcom x JOIN dag_run r ON r.id = x.dag_run_id
    WHERE r.dag_id = %s AND x.key = 'return_value' ORDER BY 1
"""
TRADED = "SELECT session::text, sum(trading_value)::text FROM market.daily_bar GROUP BY 1 ORDER BY 1"


@pytest.fixture(scope="module")
def stack(market_time):
    """An installation that also has the DAG of the guide, and knows the instruments; both DAGs that wait may run."""
    bundle = {"classpath": "airflow.dag_processing.bundles.local.LocalDagBundle"}
    examples = {"path": str(ROOT / "docs" / "examples")}
    bundles = [
        {"name": name, **bundle, "kwargs": given} for name, given in (("dags-folder", {}), ("examples", examples))
    ]
    told = {"AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles)}
    with new_home() as home:
        stack = Stack(home, datetime.fromisoformat(market_time), environ=told)
        try:
            stack.up()
            for dag_id in ("proven_sessions", EXAMPLE):
                stack.pause(dag_id, paused=False)
            yield stack
        finally:
            ended(command_in(home)("down"))


@pytest.fixture(scope="module")
def codes(stack):
    """Instruments that were listed all the while."""
    return stack.prepare()[:CODES]


def asked(stack, query, *values):
    """Return what Airflow's own database answers."""
    return stack.rows(query, *values, database=METADATA_DATABASE)


def load(stack, codes, first, announced):
    """Load the sessions from this one on, and wait until so many runs of `proven_sessions` have ended."""
    form = {"dataset": "daily_bar", "stock_codes": codes, "first": first, "last": TUESDAY}
    stack.trigger(f"from-{first}", form)
    assert wait_until(lambda: stack.over(f"from-{first}"), WITHIN_S), "the load does not end"
    assert stack.state(f"from-{first}") == "success"
    over = [(None, "asset_triggered", "success")] * announced
    assert wait_until(lambda: asked(stack, RUNS, "proven_sessions") == over, WITHIN_S), asked(
        stack, RUNS, "proven_sessions"
    )


def ran_for(stack, *sessions):
    """Wait until the DAG of the guide has run for these sessions, each once; nothing else is about to run."""
    runs = [(session, "asset_triggered", "success") for session in sessions]
    assert wait_until(lambda: asked(stack, RUNS, EXAMPLE) == runs, WITHIN_S), asked(stack, RUNS, EXAMPLE)
    assert asked(stack, TOLD) == [(session, 1) for session in sessions]
    assert asked(stack, WAITING) == [(0,)]


def test_a_load_starts_the_dag_that_waits_once_for_each_session(stack, codes):
    """Two sessions, then an older one beside them; the DAG reads what is stored of the session that it is told of."""
    load(stack, codes, MONDAY, 1)
    ran_for(stack, MONDAY, TUESDAY)
    load(stack, codes, FRIDAY, 2)
    ran_for(stack, FRIDAY, MONDAY, TUESDAY)
    assert asked(stack, RETURNED, EXAMPLE) == stack.rows(TRADED)
