"""A disk of the warehouse fills in the midst of a load, and somebody makes room."""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg2

from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate
from tests.faults.loads import disturb, load, server, until_there
from tests.faults.matrix import Tally
from tests.faults.rig import NEVER, Point, running
from tests.support import one_load
from tests.support.database import Database, copied

__all__ = ["server"]


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    """A disk of this size in memory."""
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-test-"))
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=711", "tmpfs", str(folder)], check=True)
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
    finally:
        folder.rmdir()


def require_mounts(tally: Tally) -> None:
    """Leave the row out where no disk can be made."""
    folder = tempfile.mkdtemp()
    tried = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=False, capture_output=True)
    if tried.returncode == 0:
        subprocess.run(["umount", folder], check=True)
    Path(folder).rmdir()
    if tried.returncode != 0:
        tally.skip("only root may mount the small disk that this row fills")


def fill(disk: Path, leave: int) -> None:
    """Fill a disk but for so many bytes."""
    found = os.statvfs(disk)
    with (disk / "ballast").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, found.f_bavail * found.f_frsize - leave))


def drain(disk: Path) -> None:
    """Make room again."""
    (disk / "ballast").unlink(missing_ok=True)


MANY = [
    replace(bar, session=day)
    for day in krx_calendar().sessions(date(2026, 10, 1), date(2026, 10, 16))
    for bar in one_load.FRESH
]
"""A megabyte and more."""


def test_disk_full(tally: Tally, dice: random.Random, server: EmbeddedPostgres) -> None:
    """The tables' disk fills in the midst of a load, and somebody makes room."""
    require_mounts(tally)
    refused = 0
    with small_disk("96m") as disk, closing(psycopg2.connect(server.url("postgres", "admin"))) as admin:
        admin.autocommit = True
        (disk / "space").mkdir(mode=0o700)
        server.account.own(disk / "space")
        admin.cursor().execute(f"CREATE TABLESPACE small LOCATION '{disk / 'space'}'")
        try:
            with copied(server) as database:
                admin.cursor().execute(f"ALTER DATABASE {database.name} SET TABLESPACE small")
                one_load.load(database.url(), MANY, expect_empty=True)
                whole = one_load.state(database)
                for _ in range(tally.row.tries):
                    database.empty()
                    leave = dice.randrange(1 << 20)
                    with tally.one(f"{leave} bytes left"):
                        fill(disk, leave)
                        try:
                            error = until_there(
                                lambda _: one_load.load(database.url(), MANY, expect_empty=True),
                                Point(NEVER), lambda: drain(disk),
                            )  # fmt: skip
                        finally:
                            drain(disk)
                        refused += bool(error)
                        assert one_load.state(database) == whole
                        assert running(database) == 0
        finally:
            admin.cursor().execute("DROP TABLESPACE small")
    tally.figure = f"refused and loaded again: {refused}"


def test_log_disk_full(tally: Tally, dice: random.Random) -> None:
    """The disk of the write-ahead log fills, for which Postgres stops; it is started again when there is room."""
    require_mounts(tally)
    with small_disk("320m") as disk:
        server = EmbeddedPostgres(disk / "postgres")
        server.start()
        try:
            migrate(server.url())
            database = Database(server, "market")
            point = Point(0, NEVER)
            load(database.url(), point)
            digest = str(database.digest())
            database.empty()

            def act(_: int) -> None:
                fill(disk, 0)
                with closing(psycopg2.connect(server.url("postgres", "admin"))) as admin:
                    admin.autocommit = True
                    admin.cursor().execute("SELECT pg_switch_wal()")

            def mend() -> None:
                drain(disk)
                server.start()

            disturb(tally, dice, database, point.passed, digest, act, mend)
        finally:
            drain(disk)
            server.destroy()
