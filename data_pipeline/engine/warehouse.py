"""The warehouse as a load sees it: one connection, which is replaced when it breaks off after a commit that held."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from data_pipeline.loading.rows.commit import commit_run
from data_pipeline.loading.rows.ingest_run import renew_runs
from data_pipeline.warehouse.errors import said_plainly

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

P = ParamSpec("P")
T = TypeVar("T")
SIGN_S = 30.0
"""Seconds between two signs of life of a run."""


class Warehouse:
    """A connection to the warehouse that survives a commit whose answer is lost.

    Whoever loads calls the functions of ``loading`` through :meth:`do` and never keeps the connection itself, so only
    this class knows which one is in use. Tests hand in a subclass that answers the steps without a database.

    Args:
        connection: Of a user that may load. The caller closes it; replacements are closed here.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._replacements = ExitStack()

    def do(self, step: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function whose first argument is the connection, and return what it returns."""
        return step(self._connection, *args, **kwargs)

    def commit(self) -> None:
        """Commit what is not the end of a run; for that see :meth:`commit_run`."""
        with said_plainly("ingest_run"):
            self._connection.commit()

    def rollback(self) -> None:
        """Take back everything since the last commit."""
        self._connection.rollback()

    def commit_run(self, run_id: int) -> None:
        """Commit a finished run; when the answer is lost, find out what became of it and go on with a new connection.

        Raises:
            ConnectionFailedError: The run was not committed, or nobody can say; loading it again is safe.
            LoadError: Postgres refuses the commit.
        """
        newer = commit_run(self._connection, run_id)
        if newer is not self._connection:
            self._connection = self._replacements.enter_context(closing(newer))

    def close(self) -> None:
        """Close the replacements, if there are any."""
        self._replacements.close()


class SignsOfLife:
    """Shows that runs in ``market.ingest_run`` are under way, so that nobody takes them for those of a killed process.

    Args:
        warehouse: Where the runs are on record.
        clock: Seconds that never run backwards.
    """

    def __init__(self, warehouse: Warehouse, clock: Callable[[], float] = time.monotonic) -> None:
        self._warehouse, self._clock = warehouse, clock
        self._last = clock()

    def give(self, run_ids: Collection[int]) -> None:
        """Renew the runs; until the transaction ends nobody can take them for dead, however long it takes."""
        self._warehouse.do(renew_runs, run_ids)
        self._last = self._clock()

    def give_in_time(self, run_ids: Collection[int]) -> None:
        """Renew the runs and commit, when the last sign is half a minute old; no transaction may be open."""
        if run_ids and self._clock() - self._last >= SIGN_S:
            self.give(run_ids)
            self._warehouse.commit()


@contextmanager
def warehouse_on(target: Connection | Warehouse) -> Iterator[Warehouse]:
    """Hand over the warehouse of a connection for as long as the block lasts; one that is given stays open."""
    if isinstance(target, Warehouse):
        yield target
        return
    with closing(Warehouse(target)) as warehouse:
        yield warehouse
