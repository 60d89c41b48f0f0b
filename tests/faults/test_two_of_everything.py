"""Two of the same at once: both do their work, and nothing is done twice."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from typing import Any

import psycopg2

from data_pipeline.local.home import Home
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from tests.faults.matrix import Tally
from tests.faults.nursery import Nursery
from tests.faults.rig import FIRST, Kis, Work, running
from tests.support.database import Database
from tests.support.installation import command, ended, home

__all__ = ["command", "home"]

CODES = 10
EARLIER = date(2026, 8, 31)
"""Up to here everything is loaded before two heals begin."""


def whole(database: Database, first: date, ended: list[dict[str, Any]], undisturbed: str) -> None:
    """Both succeeded, and each bar is there once."""
    assert all("returned" in one for one in ended), ended
    assert database.rows("SELECT min(session) FROM market.daily_bar") == [(first,)]
    assert database.digest() == undisturbed
    assert database.rows("SELECT count(*) FROM market.ingest_run WHERE status <> 'success'") == [(0,)]
    assert running(database) == 0


def alone(fresh: Any, work: Work) -> str:
    """The digest of what one leaves behind."""
    with fresh() as database:
        work.on(url=database.url()).run()
        return str(database.digest())


def test_two_backfills(
    tally: Tally, fresh: Any, kis: Kis, nursery: Nursery, listed: tuple[str, ...], tmp_path: Any
) -> None:
    """Of the same range, by two processes."""
    work, sent = Work("", kis.url, f"{tmp_path.as_uri()}/state", listed[:CODES]), 0
    undisturbed = alone(fresh, work)
    for number in range(tally.row.tries):
        with fresh() as database, tally.one(number):
            before = kis.bars()
            ended = nursery.run(*[nursery.backfill(work.on(url=database.url()))] * 2)
            whole(database, FIRST, ended, undisturbed)
            sent = max(sent, kis.bars() - before)
    tally.figure = f"at most {sent} requests of both, {CODES} by one alone"


def test_two_heals(
    tally: Tally, fresh: Any, kis: Kis, nursery: Nursery, listed: tuple[str, ...], tmp_path: Any
) -> None:
    """Of the same gaps, by two processes."""
    work, sent = Work("", kis.url, f"{tmp_path.as_uri()}/state", listed[:CODES]), 0
    undisturbed = alone(fresh, work)
    for number in range(tally.row.tries):
        with fresh() as database, tally.one(number):
            mine = work.on(url=database.url())
            mine.run(last=EARLIER)
            before = kis.bars()
            ended = nursery.run(*[nursery.backfill(mine, heal=True)] * 2)
            whole(database, FIRST, ended, undisturbed)
            sent = max(sent, kis.bars() - before)
    tally.figure = f"at most {sent} requests of both"


def test_two_migrations(tally: Tally, server: Any, nursery: Nursery) -> None:
    """Of an empty database, by two processes."""
    for number in range(tally.row.tries):
        name = f"twice_{number}"
        server.create_database(name)
        database = Database(server, name)
        with tally.one(number):
            ended = nursery.run(*[("migration", {"url": database.url("owner")})] * 2)
            assert all("returned" in one for one in ended), ended
            assert database.rows("SELECT count(*) FROM market.alembic_version") == [(1,)]
            tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'market'"
            assert database.rows(tables) == Database(server, "market").rows(tables)
        with closing(psycopg2.connect(server.url("postgres", "admin"))) as admin:
            admin.autocommit = True
            admin.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_two_runs(tally: Tally, home: Home, command: Any) -> None:
    """A second run is told, `sql` shares its server, `down` leaves it, nothing is deleted, all is loaded."""
    with tally.one():
        first = command("run")
        assert first.stdout.readline().startswith("Session ")  # it has the lock from here on
        code, said = ended(command("run"))
        assert (code, f"BusyError: `data-pipeline run` (pid {first.pid}, since 20" in said) == (2, True), said
        code, said = ended(command("sql", "SELECT 41 + 1 AS answer"))
        assert (code, "42" in said.split()) in [(0, True), (2, False)], said  # the run may not have migrated yet
        code, said = ended(command("down"))
        assert code == 0, said
        code, said = ended(command("down", "--delete"))
        assert (code, f"pid {first.pid}" in said) == (2, True), said
        code, said = ended(first)
        assert (code, "Everything expected is there" in said) == (0, True), said
        assert not EmbeddedPostgres(home.postgres).running
