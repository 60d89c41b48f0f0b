"""A connection whose settings begin every transaction, so that they hold whichever session of a pooler answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psycopg2.extensions import STATUS_READY
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from data_pipeline.settings.hidden import Hidden
from data_pipeline.warehouse.silence import Patience, Watch


class WarehouseConnection(Connection):
    """What :func:`~data_pipeline.warehouse.connect.connect` opens: psycopg2's own connection with two habits.

    Its settings are sent with ``SET LOCAL`` at the start of each transaction; PgBouncer in transaction mode takes no
    startup options and gives each transaction another session. In autocommit mode they are not sent, so the server's
    own settings hold. And it never waits for a silent server without end.
    """

    reopen: Callable[[], Connection]
    """Opens another connection to the same place, with the same user and settings."""
    settings: str = ""
    """``SET LOCAL`` statements."""

    def __init__(self, dsn: str) -> None:
        dsn = Hidden(dsn)  # what a traceback shows of this frame
        super().__init__(dsn)
        self.cursor_factory = WarehouseCursor
        self.watch: Watch | None = None

    def __repr__(self) -> str:
        """Return what it is, without the address: psycopg2 leaves the password of a TLS key in it."""
        return f"<WarehouseConnection, {'closed' if self.closed else 'open'}>"

    def watch_for_silence(self, answers: Callable[[float], bool], patience: Patience) -> None:
        """Cut this connection off from now on when its server goes silent; see ``Watch``."""
        self.watch = Watch(self, answers, patience)

    def wait(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """Call what waits for the server, and return what it returns.

        Raises:
            psycopg2.OperationalError: The server was silent, and the connection is cut off.
        """
        if self.watch is None:
            return step(*arguments)
        with self.watch.waiting():
            return step(*arguments)

    def commit(self) -> None:
        """Commit, as psycopg2 does."""
        self.wait(super().commit)

    def rollback(self) -> None:
        """Roll back, as psycopg2 does."""
        self.wait(super().rollback)

    def close(self) -> None:
        """Close, as psycopg2 does."""
        super().close()
        if self.watch is not None:
            self.watch.close()


class WarehouseCursor(Cursor):
    """psycopg2's cursor, which begins each transaction with the connection's settings."""

    connection: WarehouseConnection

    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002 - psycopg2's name
        """Send a statement and wait for its answer, as psycopg2 does."""
        self._begin()
        self.connection.wait(super().execute, query, vars)

    def executemany(self, query: Any, vars_list: Any) -> None:
        """Send a statement once for each row of values, as psycopg2 does."""
        self._begin()
        self.connection.wait(super().executemany, query, vars_list)

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        """COPY out of or into a file, as psycopg2 does."""
        self._begin()
        self.connection.wait(super().copy_expert, sql, file, size)

    def _begin(self) -> None:
        connection = self.connection
        if connection.settings and connection.status == STATUS_READY and not connection.autocommit:
            connection.wait(super().execute, connection.settings)
