"""The warehouse goes away in the midst of a load: whatever happens to it, the load is there once after the next try."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest

from data_pipeline.datasets import DATASETS
from data_pipeline.engine.load_windows import load_windows
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import DataPipelineError, TransientError
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.market.window import Window
from data_pipeline.sources.mock.source import MockDataSource
from data_pipeline.warehouse.connect import PATIENCE, connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate
from data_pipeline.warehouse.silence import Patience
from tests.faults.conftest import running
from tests.faults.matrix import Tally
from tests.faults.rig import NEVER, Point, Watched
from tests.support import one_load
from tests.support.database import Database, copied

EVENING = datetime(2026, 9, 22, 20, 40, tzinfo=SEOUL)
CODES = ("000270", "000660", "005380", "005930", "035420")
SESSIONS = krx_calendar().sessions(date(2026, 9, 14), date(2026, 9, 22))
ROWS = len(CODES) * len(SESSIONS)
SHORT = Patience(quiet=0.2, asking=0.2, questions=2)
MOST_TRIES = 4


def load(url: str, point: Point, patience: Patience = PATIENCE) -> None:
    """Load a window for each session."""
    windows = [Window(CODES, day, day) for day in SESSIONS]
    with (
        closing(connect(url, patience=patience, connect_timeout=2)) as connection,
        closing(Watched(connection, point)) as warehouse,
    ):
        source = MockDataSource(clock=lambda: EVENING)
        list(load_windows(warehouse, source, DATASETS["daily_bar"], windows, Run(), threads=1))


def until_there(load: Callable[[Point], object], point: Point, mend: Callable[[], None]) -> str:
    """Load, as Airflow does: again after a transient error and no other; return the first error."""
    first = ""
    for _ in range(MOST_TRIES):
        try:
            load(point)
        except TransientError as error:  # noqa: PERF203 - each try has its own end
            first = first or type(error).__name__
            mend()
        except (DataPipelineError, psycopg2.Error) as error:
            raise AssertionError(f"not transient: {type(error).__name__}: {error}") from error
        else:
            return first
    raise AssertionError(f"not there after {MOST_TRIES} tries")


@pytest.fixture
def steps(database: Database) -> int:
    """How many steps a load has that nothing disturbs."""
    point = Point(0, NEVER)
    load(database.url(), point)
    return point.passed


@pytest.fixture
def undisturbed(database: Database, steps: int) -> str:
    """What it leaves behind; the database is empty again afterwards."""
    digest = str(database.digest())
    database.empty()
    return digest


def disturb(
    tally: Tally, dice: random.Random, database: Database, steps: int, undisturbed: str,
    act: Callable[[int], None], mend: Callable[[], None], **options: Any,
) -> None:  # fmt: skip
    """Load and do something at a step, as often as the row says; it is undone before the next try."""
    seen: dict[str, int] = {}
    for number in range(tally.row.tries):
        step = dice.randrange(steps)
        with tally.one(f"step {step} of {steps}"):
            point = Point(0, step, partial(act, number))
            try:
                error = until_there(lambda point: load(database.url(), point, **options), point, mend)
            finally:
                mend()
            assert database.digest() == undisturbed
            assert database.rows("SELECT count(*) FROM market.daily_bar") == [(ROWS,)]
            assert running(database) == 0
            seen[error or "no error"] = seen.get(error or "no error", 0) + 1
        database.empty()
    tally.figure = ", ".join(f"{error} {number}" for error, number in sorted(seen.items()))


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A server that keeps what it has committed, as that of the other tests does not."""
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-test-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "postgres")
    server.start()
    migrate(server.url())
    yield server
    server.destroy()
    shutil.rmtree(folder)


def title(process: psutil.Process) -> str:
    """What a process of the server says that it does."""
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""


def family(server: EmbeddedPostgres) -> list[psutil.Process]:
    """All processes of a server, its first one last."""
    first = psutil.Process(server.pid)
    return [*first.children(recursive=True), first]


def test_database_killed(tally: Tally, dice: random.Random, database: Database, steps: int, undisturbed: str) -> None:
    """In turn all of it, and one session's process, after which the server restarts all others."""
    server = database.server

    def kill(number: int) -> None:
        processes = family(server)
        sessions = [one for one in processes if database.name in title(one)]
        for process in sessions[:1] if number % 2 and sessions else processes:
            with suppress(psutil.NoSuchProcess):  # it has ended with the others
                process.kill()

    disturb(tally, dice, database, steps, undisturbed, kill, server.start)


def test_database_stopped(tally: Tally, dice: random.Random, database: Database, steps: int, undisturbed: str) -> None:
    """As an administrator does, who starts it again later."""
    server = database.server
    disturb(tally, dice, database, steps, undisturbed, lambda _: server.stop(), server.start)


def test_database_frozen(tally: Tally, dice: random.Random, database: Database, steps: int, undisturbed: str) -> None:
    """It takes connections and answers nothing, as with a hung disk."""
    server = database.server

    def signalled(number: int) -> None:
        for process in family(server):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    disturb(
        tally, dice, database, steps, undisturbed, lambda _: signalled(signal.SIGSTOP),
        lambda: signalled(signal.SIGCONT), patience=SHORT,
    )  # fmt: skip


def test_black_hole(
    tally: Tally, dice: random.Random, database: Database, steps: int, undisturbed: str, proxy: Any
) -> None:
    """The network swallows everything from one moment on, in both directions."""
    direct = database.url

    class Beyond(Database):
        def url(self, role: str = "loader") -> str:
            return str(proxy.url(direct(role)))

    disturb(
        tally, dice, Beyond(database.server, database.name), steps, undisturbed, lambda _: proxy.silence(),
        proxy.silent.clear, patience=SHORT,
    )  # fmt: skip


def test_connection_cut(tally: Tally, dice: random.Random, database: Database, proxy: Any) -> None:
    """At a byte of either direction, of a load that adds and one that changes."""
    url = proxy.url(database.url())
    for records, expect_empty in ((one_load.FRESH, True), (one_load.MIXED, False)):
        one_load.reset(database)
        proxy.sent = {"up": 0, "down": 0}
        one_load.load(url, records, expect_empty)
        whole, sent = one_load.state(database), dict(proxy.sent)
        for _ in range(tally.row.tries // 2):
            one_load.reset(database)
            way = dice.choice(["up", "down"])
            byte = dice.randint(1, sent[way])
            with tally.one(f"{way} {byte}"):
                proxy.cut(**{way: byte})
                until_there(lambda _: one_load.load(url, records, expect_empty), Point(NEVER), lambda: None)  # noqa: B023
                assert one_load.state(database) == whole
                assert running(database) == 0
    tally.figure = f"{proxy.cuts} connections cut"


def test_commit_cut(tally: Tally, dice: random.Random, database: Database, proxy: Any) -> None:
    """The server has the COMMIT of the rows, and its answer is lost."""
    one_load.reset(database)
    url = proxy.url(database.url())
    for number in range(tally.row.tries):
        rows = one_load.FRESH[: dice.randint(1, len(one_load.FRESH))]
        with database.connect("admin") as connection, connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM market.daily_bar WHERE session = %s", (one_load.FRESH[0].session,))
        with tally.one(f"{len(rows)} rows"):
            proxy.cut(after=b"COMMIT", once=b"status = 'success'")
            assert one_load.load(url, rows, expect_empty=True).inserted == len(rows)
            assert proxy.cuts == number + 1
            last = "SELECT status, rows_inserted FROM market.ingest_run ORDER BY run_id DESC LIMIT 1"
            assert database.rows(last) == [("success", len(rows))]
            found = "SELECT count(*) FROM market.daily_bar WHERE session = %s"
            assert database.rows(found, one_load.FRESH[0].session) == [(len(rows),)]
            assert running(database) == 0
    tally.figure = f"{proxy.cuts} answers lost"


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
