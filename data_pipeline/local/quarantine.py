"""`data-pipeline quarantine` and `data-pipeline adjust`: refused rows and adjusted prices again, by hand."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from rich.table import Table

from data_pipeline.engine.retry_quarantine import held_rows, retry_rows
from data_pipeline.loading.prices.price_adjustment import adjust_all
from data_pipeline.local.home import local_home
from data_pipeline.local.opened import open_warehouse
from data_pipeline.market.clock import market_clock
from data_pipeline.warehouse.connect import connect

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

MOST_ROWS = 100


def list_quarantine(environ: Mapping[str, str]) -> Table:
    """Return the rows in quarantine as a table, newest first, at most 100."""
    with _connection(environ) as connection:
        rows = held_rows(connection)
    table = Table("id", "table", "code", "session", "source", "times", "reason", header_style="bold")
    for one in rows[::-1][:MOST_ROWS]:
        shown = (one.rejected_id, one.dataset, one.stock_code, one.session, one.source, one.times, one.reason)
        table.add_row(*("" if value is None else str(value) for value in shown))
    table.caption = f"{len(rows):,} rows in quarantine"
    return table


def retry_quarantine(environ: Mapping[str, str], rejected_ids: Collection[int] | None = None) -> dict[str, int]:
    """Try rows again, all unless some are named, and return how many had which outcome."""
    with _connection(environ) as connection:
        return retry_rows(connection, rejected_ids, clock=market_clock(environ))


def adjust(environ: Mapping[str, str], stock_codes: Collection[str] | None = None) -> int:
    """Compute adjusted prices anew and return how many rows of ``price_adjustment`` changed."""
    with _connection(environ) as connection:
        changed = adjust_all(connection, stock_codes)
        connection.commit()
        return changed


@contextmanager
def _connection(environ: Mapping[str, str]) -> Iterator[Connection]:
    with (
        open_warehouse(local_home(environ), environ) as warehouse,
        closing(connect(warehouse.loader_url)) as connection,
    ):
        yield connection
