"""The first load of `make up` without a key: the emulator tells three things wrongly, and the warehouse names each."""

import os
import subprocess
import sys
from contextlib import closing

import pytest

from data_pipeline.emulator.lively import REFUSED, STRAY
from data_pipeline.local.opened import open_warehouse
from data_pipeline.warehouse.connect import connect
from tests.support.installation import new_home
from tests.support.project import ROOT

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]

FIRST_LOAD = """
import os, sys
from rich.console import Console
from data_pipeline.local.home import local_home
from data_pipeline.local.run import run
from data_pipeline.market.clock import market_now
sys.exit(run(local_home(os.environ), os.environ, market_now(), Console(), lively=True))
"""
REJECTED = "SELECT stock_code, session::text, split_part(reason, ':', 1) FROM market.rejected_row ORDER BY 1 DESC"
HEALED = f"""
    SELECT r.dag_id FROM market.daily_bar b JOIN market.ingest_run r USING (run_id)
    WHERE b.stock_code = '{REFUSED}' AND b.session = '2026-11-25'
"""
ACTIONS = "SELECT count(*) FROM market.price_adjustment WHERE kind <> 'gap'"


@pytest.fixture(scope="module")
def loaded():
    """What the first load of one watched instrument printed, and a reader of what it left."""
    with new_home() as home:
        environ = {
            **os.environ,
            "DATA_PIPELINE_HOME": str(home.root),
            "WATCH_LIST": STRAY,
            "MARKET_CLOCK": "2026-11-25T20:40+09:00",
        }
        del environ["COORDINATION_URL"]
        done = subprocess.run(
            [sys.executable, "-c", FIRST_LOAD], env=environ, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        with open_warehouse(home, {}) as warehouse, closing(connect(warehouse.reader_url)) as connection:

            def rows(statement):
                with connection, connection.cursor() as cursor:
                    cursor.execute(statement)
                    return cursor.fetchall()

            yield " ".join(done.stdout.split()), rows


def test_it_says_that_the_emulator_does_it(loaded):
    """Before anything is loaded; and in the end nothing is missing."""
    printed, _ = loaded
    assert "The emulator tells three things wrongly the first time" in printed
    assert "Everything expected is there" in printed


def test_what_was_refused_is_there_all_the_same(loaded):
    """The value of one bar did not fit its volume, and it came again; the 21st of November 2026 is a Saturday."""
    _, rows = loaded
    refused, stray = rows(REJECTED)
    assert refused == (REFUSED, "2026-11-25", "value")
    assert stray == (STRAY, "2026-11-21", "day")
    assert rows(HEALED) == [("backfill",)]


def test_a_history_holds_an_action_on_the_price(loaded):
    """Of one instrument that nobody watches."""
    _, rows = loaded
    assert rows(ACTIONS)[0][0] >= 1
