"""`data-pipeline sql`: ask the warehouse a question, with a role that can only read."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from rich.table import Table

from data_pipeline.local.home import Home
from data_pipeline.local.stack import warehouse_of
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres

MOST_ROWS = 1000


def query(home: Home, environ: Mapping[str, str], statement: str) -> Table:
    """Return the answer as a table of at most 1,000 rows; a server that was not running runs only for the question.

    Raises:
        psycopg2.Error: Postgres refuses the statement; its message says where.
        TransientError: The server cannot be reached.
    """
    server = EmbeddedPostgres(home.postgres)
    was_running = server.running
    if not environ.get("MARKET_DB_URL") and not was_running:
        server.start()
    try:
        with closing(connect(warehouse_of(server, environ).reader_url)) as connection:
            connection.set_session(readonly=True)
            with connection.cursor() as cursor:
                cursor.execute("SET search_path = market, public; SET timezone = 'Asia/Seoul'")
                cursor.execute(statement)
                names = [column.name for column in cursor.description or ()]
                return _table(names, cursor.fetchmany(MOST_ROWS) if names else [], cursor.rowcount)
    finally:
        if not was_running and server.running:
            server.stop()


def _table(names: list[str], rows: list[tuple[object, ...]], total: int) -> Table:
    caption = "1 row" if total == 1 else f"{total:,} rows"
    if total > len(rows):
        caption += f", the first {MOST_ROWS:,} shown"
    table = Table(*names, caption=caption, header_style="bold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    return table
