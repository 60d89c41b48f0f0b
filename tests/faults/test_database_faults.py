"""The warehouse goes away in the midst of a load: whatever happens to it, the load is there once after the next try."""

from __future__ import annotations

import random
import signal
from contextlib import suppress
from typing import Any

import psutil

from data_pipeline.warehouse.embedded import EmbeddedPostgres
from tests.faults.loads import SHORT, disturb, server, steps, undisturbed, until_there
from tests.faults.matrix import Tally
from tests.faults.rig import NEVER, Point, running
from tests.support import one_load
from tests.support.database import Database

__all__ = ["server", "steps", "undisturbed"]


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
