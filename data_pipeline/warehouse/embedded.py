"""An embedded Postgres on 127.0.0.1 that several processes share: started once, found by all, stopped by the last."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType

import psycopg2
from psycopg2 import errors, sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from typing_extensions import Self

from data_pipeline.exceptions import ConfigurationError, TransientError
from data_pipeline.market.state_folder import installation_folder
from data_pipeline.settings.hidden import Hidden
from data_pipeline.warehouse.account import Account
from data_pipeline.warehouse.cluster import ROLES, Cluster
from data_pipeline.warehouse.keeper import require_keeper
from data_pipeline.warehouse.postmaster import free_port, gone, read_postmaster

log = logging.getLogger(__name__)

BACKGROUND = '"$@" >&2 </dev/null & echo $!'
"""Run a program so that it outlives its caller and never becomes the caller's zombie; print its PID."""

OPEN_TO_ALL = """
SELECT datacl IS NULL OR EXISTS (SELECT FROM aclexplode(datacl) WHERE grantee = 0) FROM pg_database WHERE datname = %s
"""


def embedded_directory(environ: Mapping[str, str]) -> Path:
    """Return the embedded server's folder: ``postgres`` in the installation's."""
    return installation_folder(environ) / "postgres"


class EmbeddedPostgres:
    """A Postgres server on 127.0.0.1 whose files lie in one folder; any number of processes may use it at once.

    ``start()`` leaves it running until somebody calls ``stop()``. As a context manager it stops when the last process
    inside such a block has left or was killed, unless ``start()`` was called in between.

    Args:
        directory: Everything is kept here; made when absent. ``passwords.json`` in it has mode 0600. See ``Cluster``
            for the case that root's unprivileged account cannot reach it.
        durable: False lets a power cut destroy the data, which is faster; read only when the folder is first made.
        timeout: Seconds that one start or stop may take, including recovery after a crash.
    """

    def __init__(self, directory: str | os.PathLike[str], *, durable: bool = True, timeout: float = 60.0) -> None:
        self.directory = Path(directory).resolve()
        self.timeout = timeout
        self.account = Account.current()
        self.cluster = Cluster(self.directory, self.account, durable)
        self._uses: list[int] = []
        self._log_start = 0

    @property
    def running(self) -> bool:
        """Whether the server's process is there; it may still be recovering."""
        postmaster = read_postmaster(self.cluster.data)
        return postmaster is not None and postmaster.alive

    @property
    def pid(self) -> int | None:
        """The server's process; None while it does not run."""
        postmaster = read_postmaster(self.cluster.data)
        return postmaster.pid if postmaster is not None and postmaster.alive else None

    def start(self) -> None:
        """Start the server unless it runs, and return once it answers. Safe to call from many processes at once.

        The first start makes the data directory, the roles and the database ``market``. A server that was killed is
        recovered. The port of the last run is taken again when it is free.

        Raises:
            ConfigurationError: It cannot start; the message ends with the server's own words.
        """
        with self:
            (self.directory / "keep").touch()

    def stop(self) -> None:
        """Stop the server cleanly, whoever uses it, ending open connections; nothing happens when it does not run.

        Raises:
            TransientError: It is still running after the timeout.
        """
        with self._alone():
            self._stop()

    def release(self) -> bool:
        """Undo a ``start()``: stop the server, unless somebody is inside a ``with`` block, who will then stop it.

        Returns:
            Whether it is stopped.

        Raises:
            TransientError: It is still running after the timeout.
        """
        self.directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        with self._alone():
            (self.directory / "keep").unlink(missing_ok=True)
        return self._stop_as_last(self._open_use())

    def stop_unless_kept(self) -> None:
        """Stop the server unless ``start()`` was called; for callers that keep others from starting it meanwhile.

        Raises:
            TransientError: It is still running after the timeout.
        """
        if not (self.directory / "keep").exists():
            self._stop()

    def destroy(self) -> None:
        """Stop the server at once, writing nothing more, and delete all its files, wherever they lie."""
        if self.directory.exists():
            with self._alone():
                self._stop(signal.SIGQUIT)  # an immediate shutdown
            self.cluster.delete()

    def url(self, database: str = "market", role: str = "owner") -> str:
        """Return ``postgresql://...`` with the password in it; ``role`` is owner, loader, reader, airflow or admin.

        Raises:
            ConfigurationError: The server does not run, or there is no such role.
        """
        postmaster = read_postmaster(self.cluster.data)
        if postmaster is None or postmaster.port is None:
            raise ConfigurationError(f"the embedded Postgres in {self.directory} does not run: call start() first")
        return self._url_at(postmaster.port, database, role)

    def create_database(self, name: str, role: str = "owner", *, like: str = "template1") -> bool:
        """Make a database of ``role`` that only it may connect to, a copy of another; False when it exists already."""
        with closing(self._admin()) as connection, connection.cursor() as cursor:
            # One at a time, because two concurrent REVOKEs fail; not repeated, because a migration grants there too.
            cursor.execute("SELECT pg_advisory_lock(hashtext('data_pipeline.create_database'))")
            cursor.execute(OPEN_TO_ALL, (name,))
            found = cursor.fetchone()
            if found is None:
                statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
                cursor.execute(statement.format(*map(sql.Identifier, (name, ROLES[role], like))))
            if found is None or found[0]:
                cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
        return found is None

    def __enter__(self) -> Self:
        use = self._open_use()
        try:
            fcntl.flock(use, fcntl.LOCK_SH)
            self._start()
            require_keeper(self.directory)
        except BaseException:
            os.close(use)
            raise
        self._uses.append(use)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        use = self._uses.pop()
        fcntl.flock(use, fcntl.LOCK_UN)
        self._stop_as_last(use)

    def _open_use(self) -> int:
        self.directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        return os.open(self.directory / "users.lock", os.O_CREAT | os.O_RDWR, 0o600)

    def _stop_as_last(self, use: int) -> bool:
        """Close ``use`` and stop the server unless it is used or was started to stay; return whether it is stopped."""
        try:
            with self._alone():
                fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.stop_unless_kept()
                # Before the lock of starts and stops is released: whoever deletes `keep` next has to find nobody here.
                fcntl.flock(use, fcntl.LOCK_UN)
        except BlockingIOError:
            log.debug("others still use the Postgres in %s", self.directory)
            return False
        finally:
            os.close(use)
        return not self.running

    def _stop(self, *signals: signal.Signals) -> None:
        (self.directory / "keep").unlink(missing_ok=True)
        for how in signals or (signal.SIGINT, signal.SIGQUIT):  # fast shutdown, then immediate
            if self._signalled(how):
                return
        raise TransientError(f"Postgres in {self.directory} did not stop within {self.timeout:.0f} s")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        lock = os.open(self.directory / "start.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _start(self) -> None:
        with self._alone():
            self.cluster.create()
            deadline = time.monotonic() + self.timeout
            if not self._answers(deadline):
                self._launch()
                while not self._answers(deadline):
                    self._require_worth_trying(deadline)
                    self._launch()
            self._prepare()

    def _answers(self, deadline: float) -> bool:
        """Wait for the server that ``postmaster.pid`` names; False when it is not there."""
        while (postmaster := read_postmaster(self.cluster.data)) is not None and postmaster.alive:
            if postmaster.port is not None and self._accepts(postmaster.port):
                return True
            if time.monotonic() > deadline:
                raise ConfigurationError(f"Postgres in {self.directory} runs but does not answer: {self._last_words()}")
            time.sleep(0.01)
        return False

    def _accepts(self, port: int) -> bool:
        try:
            self._admin(port).close()
        except psycopg2.OperationalError as error:
            text = str(error)
            if "password authentication failed" in text:
                raise ConfigurationError(f"passwords.json in {self.directory} is not that of its server") from None
            return "too many clients" in text or "connection slots" in text
        return True

    def _launch(self) -> None:
        stale = read_postmaster(self.cluster.data)
        # The server respects a postmaster.pid whose process exists, even a zombie, unless that is its own ancestor.
        env = {"PG_GRANDPARENT_PID": str(stale.pid)} if stale is not None else {}
        port = free_port(self.directory / "port")
        command: list[str | Path] = [self.cluster.program("postgres"), "-D", self.cluster.data, "-p", str(port)]
        with self.cluster.open_log() as server_log:
            self._log_start = server_log.tell()
            started = self.account.run(["/bin/sh", "-c", BACKGROUND, "sh", *command], env=env, stderr=server_log)
        pid = int(started.stdout)
        while not gone(pid):
            postmaster = read_postmaster(self.cluster.data)
            if postmaster is not None and postmaster.pid == pid:
                (self.directory / "port").write_text(str(port), "ascii")
                return
            time.sleep(0.005)

    def _require_worth_trying(self, deadline: float) -> None:
        """After a ``kill -9`` the server's orphans hold its shared memory for a moment; a port may be taken."""
        words = self._last_words()
        passing = ("shared memory block", "could not create any TCP/IP sockets", "lock file")
        if time.monotonic() > deadline or not any(phrase in words for phrase in passing):
            raise ConfigurationError(f"Postgres in {self.directory} cannot start: {words}")
        time.sleep(0.05)

    def _last_words(self) -> str:
        return self.cluster.last_words(self._log_start)

    def _signalled(self, how: signal.Signals) -> bool:
        postmaster = read_postmaster(self.cluster.data)
        if postmaster is None or not postmaster.alive:
            return True
        with suppress(ProcessLookupError):
            os.kill(postmaster.pid, how)
        deadline = time.monotonic() + self.timeout
        while time.monotonic() < deadline:
            if gone(postmaster.pid):
                return True
            time.sleep(0.01)
        return False

    def _admin(self, port: int | None = None) -> Connection:
        """Connect as superuser; to ``port`` when ``postmaster.pid`` may not say it yet."""
        url = self.url("postgres", "admin") if port is None else self._url_at(port, "postgres", "admin")
        connection = psycopg2.connect(url, connect_timeout=10)
        connection.autocommit = True
        return connection

    def _url_at(self, port: int, database: str, role: str) -> str:
        password = self.cluster.password(role)
        return Hidden(f"postgresql://{ROLES[role]}:{password}@127.0.0.1:{port}/{database}")

    def _prepare(self) -> None:
        done = self.directory / "prepared"
        if done.exists():
            return
        with closing(self._admin()) as connection, connection.cursor() as cursor:
            for role in ("owner", "loader", "reader", "airflow"):
                with suppress(errors.DuplicateObject):
                    statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                    password = sql.Literal(self.cluster.password(role))
                    cursor.execute(statement.format(sql.Identifier(ROLES[role]), password))
        self.create_database("market")
        done.touch()
