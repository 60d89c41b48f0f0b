"""A real Airflow as `data-pipeline up` starts it, asked through its API, and killed in parts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import psutil
import psycopg2
import requests

from data_pipeline.datasets import DATASETS
from data_pipeline.emulator.log import key_hash
from data_pipeline.engine.load_windows import load_window
from data_pipeline.engine.one_window import Run
from data_pipeline.local.airflow_database import METADATA_DATABASE, METADATA_ROLE
from data_pipeline.local.environment import SANDBOX_KEY, SANDBOX_RATE
from data_pipeline.local.home import Home
from data_pipeline.local.keyless import running_emulator
from data_pipeline.local.processes import Background, wait_until
from data_pipeline.market.window import Window
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.locate import SANDBOX_DATABASE
from data_pipeline.warehouse.migrate import migrate
from tests.faults.rig import LAST, NEVER, Point, Work
from tests.support.installation import command_in, ended

WITHIN_S = 180.0
UPS = 5
UNDISTURBED = "undisturbed"
"""A database beside the warehouse, for the same load when nothing happens."""
BARS = """
    SELECT stock_code, session, open, high, low, close, volume, trading_value, change, source
    FROM market.daily_bar WHERE stock_code = ANY(%s) AND session <= %s ORDER BY 1, 2
"""
LISTED = "SELECT stock_code FROM market.instrument WHERE listed_on < '2023-01-01' ORDER BY stock_code"
CHART = "inquire-daily-itemchartprice"


@dataclass(frozen=True)
class Stack:
    """An installation that is up."""

    home: Home
    now: datetime
    """Where its market's clock stands."""
    options: tuple[str, ...] = ()
    """How `up` is told to run it."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """What `up` finds in its environment besides."""

    def up(self) -> None:
        """Start what of it does not run; on a busy machine it is not healthy in time, and is told so again."""
        for _ in range(UPS):
            code, said = ended(command_in(self.home, **self.environ)("up", "--paused", *self.options))
            if code == 0:
                return
        raise AssertionError(said)

    @cached_property
    def server(self) -> EmbeddedPostgres:
        """Its Postgres."""
        return EmbeddedPostgres(self.home.postgres)

    @property
    def scheduler(self) -> Background:
        """Its scheduler, whose children are the tasks."""
        return Background(self.home, "scheduler")

    def url(self, database: str = SANDBOX_DATABASE) -> str:
        """Return the address of a database."""
        return self.server.url(database, "loader")

    def rows(self, query: str, *values: Any, database: str = SANDBOX_DATABASE) -> list[tuple[Any, ...]]:
        """Return what the warehouse, or another of its databases, answers."""
        role = METADATA_ROLE if database == METADATA_DATABASE else "owner"
        with closing(psycopg2.connect(self.server.url(database, role))) as connection, connection.cursor() as cursor:
            cursor.execute(query, values)
            connection.commit()
            return list(cursor.fetchall()) if cursor.description else []

    def bars(self, codes: list[str], database: str = SANDBOX_DATABASE) -> list[tuple[Any, ...]]:
        """Return all bars of these instruments to the last session of a backfill, in order; DAGs load later ones."""
        return self.rows(BARS, codes, LAST, database=database)

    def prepare(self) -> list[str]:
        """Load the list of instruments into both databases, without which nothing can be asked for; return codes."""
        self.server.create_database(UNDISTURBED)
        migrate(self.server.url(UNDISTURBED))
        for database in (SANDBOX_DATABASE, UNDISTURBED):
            with self._work(database).source(Point(NEVER), clock=lambda: self.now) as source:
                day = self.now.date()
                with closing(connect(self.url(database))) as connection:
                    load_window(connection, source, DATASETS["instrument"], Window((), day, day), Run())
        return [code for (code,) in self.rows(LISTED)]

    def undisturbed(self, codes: list[str], first: Any) -> None:
        """Load the same into the other database, with another app key and nothing in the way."""
        self._work(UNDISTURBED, tuple(codes)).run(first=first)

    def _work(self, database: str, codes: tuple[str, ...] = ()) -> Work:
        store = (self.home.root / "undisturbed").as_uri()
        return Work(self.url(database), running_emulator(self.home), store, codes, SANDBOX_RATE)

    def asked(self, *, by_airflow: bool = True) -> int:
        """Return how many calls for daily bars the emulator has answered, to Airflow or to the undisturbed load.

        Calls that it rejected as one too many a second were not answered, and had to be asked again whatever happens.
        """
        with requests.Session() as session:
            session.trust_env = False
            wanted = {"path": CHART, "limit": "1000000"}
            answer = session.get(f"{running_emulator(self.home)}/emulator/requests", params=wanted, timeout=30)
        mine = key_hash(SANDBOX_KEY)
        return sum(one["accepted"] and (one["key"] == mine) == by_airflow for one in answer.json())

    def trigger(self, run_id: str, form: dict[str, Any], dag_id: str = "backfill") -> None:
        """Unpause a DAG and make a run of it."""
        self.pause(dag_id, paused=False)
        with self._api() as (session, dags):
            run = {"dag_run_id": run_id, "conf": form, "logical_date": None}
            session.post(f"{dags}/{dag_id}/dagRuns", json=run, timeout=30).raise_for_status()

    def pause(self, dag_id: str, *, paused: bool = True) -> None:
        """Pause a DAG, or let it run, once Airflow has read it."""
        with self._api() as (session, dags):
            assert wait_until(lambda: session.get(f"{dags}/{dag_id}", timeout=30).ok, WITHIN_S), "it was not read"
            session.patch(f"{dags}/{dag_id}", json={"is_paused": paused}, timeout=30).raise_for_status()

    @contextmanager
    def _api(self) -> Iterator[tuple[requests.Session, str]]:
        """Yield a session that is logged in, and the address under which Airflow has its DAGs."""
        base = f"http://127.0.0.1:{(self.home.run / 'api-server.port').read_text('ascii')}"
        passwords = json.loads((self.home.airflow / "simple_auth_manager_passwords.json.generated").read_text("utf-8"))
        with requests.Session() as session:
            session.trust_env = False
            user = {"username": "admin", "password": passwords["admin"]}
            token = session.post(f"{base}/auth/token", json=user, timeout=30).json()["access_token"]
            session.headers["Authorization"] = f"Bearer {token}"
            yield session, f"{base}/api/v2/dags"

    def loading(self) -> list[str]:
        """Return which processes load at present, as the warehouse knows them."""
        running = "SELECT process FROM market.ingest_run WHERE status = 'running' AND dag_id = 'backfill' ORDER BY 1"
        return [process for (process,) in self.rows(running)]

    def kill_a_load(self) -> str:
        """Kill one of the processes that load, and return its name in the warehouse."""
        process = self.loading()[0]
        os.kill(int(process.split()[-2]), 9)
        return process

    def tries(self, run_id: str) -> int:
        """Return the most tries that a task of a DAG run has had."""
        query = "SELECT max(try_number) FROM task_instance WHERE run_id = %s"
        ((most,),) = self.rows(query, run_id, database=METADATA_DATABASE)
        return int(most or 0)

    def kill_scheduler(self) -> None:
        """Kill the scheduler and nothing else."""
        psutil.Process(self.scheduler.pid()).kill()

    def over(self, run_id: str) -> bool:
        """Return whether a DAG run has ended; where a task waits for its next try, it waits no longer."""
        self.hurry(run_id)
        return self.state(run_id) in ("success", "failed")

    def hurry(self, run_id: str) -> bool:
        """End the pause before another try of the run's tasks; return whether there was one."""
        early = """
            UPDATE task_instance SET end_date = end_date - interval '1 hour'
            WHERE run_id = %s AND state = 'up_for_retry' RETURNING task_id
        """
        return bool(self.rows(early, run_id, database=METADATA_DATABASE))

    def state(self, run_id: str) -> str:
        """Return the state of a DAG run."""
        ((state,),) = self.rows("SELECT state FROM dag_run WHERE run_id = %s", run_id, database=METADATA_DATABASE)
        return str(state)
