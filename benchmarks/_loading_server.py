"""The Postgres of the loading benchmark: our migrated table, a plain copy of it, and what a load did to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812

from benchmarks._loading_bars import COLUMNS, LAST, SOURCE, Content, sessions
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate

DATABASE = "loading"
TABLES = {"flat": "bench.daily_bar", "monthly": "market.daily_bar"}
"""The partitioned table that the migrations make, and the same without partitions."""
DLT = "bench_dlt"
"""The schema in which dlt makes a table of its own."""
_SIDE = (
    "market.restatement", "market.ingest_run", "market.rejected_row", "market.seal", "market.minute_bar",
    "market.proof",
)  # fmt: skip
_SHOWN = (
    "server_version", "shared_buffers", "work_mem", "wal_level", "wal_compression", "max_wal_size", "fsync",
    "synchronous_commit", "full_page_writes", "data_checksums", "autovacuum",
)  # fmt: skip


@dataclass(frozen=True)
class Mark:
    """Where the log and the table stand."""

    lsn: str
    bytes: int


_ONLY_DIGESTS = """
    CREATE OR REPLACE FUNCTION market.only_digests_{table}() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
    BEGIN
        PERFORM max(length(market.row_digest(r::market.{table}))) FROM new_rows r;
        RETURN NULL;
    END $$;
    CREATE TRIGGER only_digests AFTER INSERT ON market.{table}
        REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION market.only_digests_{table}()
"""


class LoadingServer:
    """A server with the embedded one's own settings, but without autovacuum, which would fall into some runs only.

    Args:
        server: Started.
        admin: A superuser's connection in autocommit mode.
    """

    def __init__(self, server: EmbeddedPostgres, admin: Connection) -> None:
        self._server, self._admin = server, admin

    def url(self, role: str) -> str:
        """Return the address for a role."""
        return self._server.url(DATABASE, role)

    def settings(self) -> str:
        """Return the settings that matter here, in one line."""
        return ", ".join(f"{name} {self._ask(f'SHOW {name}')[0]}" for name in _SHOWN)

    def empty(self) -> None:
        """Empty every table."""
        self._run(f"TRUNCATE {', '.join([*TABLES.values(), *_SIDE])}")
        self._run(f"DROP SCHEMA IF EXISTS {DLT}, {DLT}_staging CASCADE")

    def seal(self, *, wanted: bool, table: str = "daily_bar") -> None:
        """Let loads of a table keep their seals, or not."""
        for change in ("inserted", "updated", "deleted"):
            self._run(f"ALTER TABLE market.{table} {'ENABLE' if wanted else 'DISABLE'} TRIGGER keep_seal_{change}")

    def digest(self, *, wanted: bool, table: str) -> None:
        """Let loads of a table work out each row's SHA-256 in the way of a seal, and do nothing with it; or not."""
        self._run(f"DROP TRIGGER IF EXISTS only_digests ON market.{table}")
        if wanted:
            self._run(_ONLY_DIGESTS.format(table=table))

    def fill(self, table: str, text: Path) -> None:
        """Copy the rows of a file into a table."""
        with self._admin.cursor() as cursor, text.open("rb") as file:
            cursor.copy_expert(f"COPY {table} ({', '.join(COLUMNS)}) FROM STDIN", file, 1 << 16)

    def settle(self) -> None:
        """Do what autovacuum would have done by now, and write everything down: the same start for every load."""
        self._run("VACUUM (ANALYZE)")
        self._run("CHECKPOINT")

    def mark(self, table: str) -> Mark:
        """Return where the log and the size of a table, indexes included, stand."""
        size = """
            SELECT coalesce(sum(pg_total_relation_size(relid)), 0) FROM (
                SELECT relid FROM pg_partition_tree(to_regclass(%(table)s)) WHERE isleaf
                UNION SELECT to_regclass(%(table)s)
            ) parts WHERE relid IS NOT NULL
        """
        lsn, size_now = self._ask(f"SELECT pg_current_wal_insert_lsn(), ({size})", {"table": table})
        return Mark(lsn, int(size_now))

    def wal(self, began: Mark, ended: Mark) -> tuple[int, int | None]:
        """Return the bytes logged between two marks, and how many of them are images of whole pages.

        The second is None when a part of the log was recycled meanwhile, which happens from about 1 GB on.
        """
        places = {"start": began.lsn, "end": ended.lsn}
        images = """
            SELECT coalesce(sum(fpi_size), 0)
            FROM pg_get_wal_stats(%(start)s, least(%(end)s::pg_lsn, pg_current_wal_flush_lsn()))
        """
        (total,) = self._ask("SELECT pg_wal_lsn_diff(%(end)s, %(start)s)", places)
        try:
            (whole_pages,) = self._ask(images, places)
        except psycopg2.Error:
            return int(total), None
        return int(total), int(whole_pages)

    def content(self, table: str) -> Content:
        """Return what the rows of a table add up to."""
        rows, volume = self._ask(f"SELECT count(*), coalesce(sum(volume), 0) FROM {table}")
        return Content(int(rows), int(volume))

    def _run(self, statement: str) -> None:
        with self._admin.cursor() as cursor:
            cursor.execute(statement)

    def _ask(self, question: str, values: dict[str, Any] | None = None) -> tuple[Any, ...]:
        with self._admin.cursor() as cursor:
            cursor.execute(question, values)
            row: tuple[Any, ...] = cursor.fetchone() or ()
            return row


@contextmanager
def loading_server(folder: Path) -> Iterator[LoadingServer]:
    """Start a server whose files lie in a folder, with both tables in it and every partition made."""
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedPostgres(folder))
        server.create_database(DATABASE)
        migrate(server.url(DATABASE))
        with closing(connect(server.url(DATABASE))) as owner, owner, owner.cursor() as cursor:
            cursor.execute("SELECT market.admit_source(%s)", (SOURCE,))
            cursor.execute("SELECT market.ensure_partitions('daily_bar', %s, %s)", (sessions()[0], LAST))
            cursor.execute("CREATE SCHEMA bench")
            cursor.execute("CREATE TABLE bench.daily_bar (LIKE market.daily_bar INCLUDING ALL)")
        admin = stack.enter_context(closing(psycopg2.connect(server.url(DATABASE, "admin"))))
        admin.autocommit = True
        with admin.cursor() as cursor:
            cursor.execute("CREATE EXTENSION pg_walinspect")
            cursor.execute("ALTER SYSTEM SET autovacuum = off")
            cursor.execute("SELECT pg_reload_conf()")
        yield LoadingServer(server, admin)
