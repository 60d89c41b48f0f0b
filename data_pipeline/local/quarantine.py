"""`data-pipeline quarantine` and `data-pipeline adjust`: refused rows and adjusted prices again, by hand."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from data_pipeline.engine.retry_quarantine import Held, held_rows, retry_rows
from data_pipeline.engine.windows import as_codes
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.loading.prices.price_adjustment import adjust_all
from data_pipeline.local.home import local_home
from data_pipeline.local.opened import open_warehouse
from data_pipeline.local.output import as_text, columns, write_json
from data_pipeline.local.waiting import waiting
from data_pipeline.market.clock import market_clock
from data_pipeline.warehouse.connect import connect

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

MOST_ROWS = 100


def list_quarantine(environ: Mapping[str, str]) -> Table:
    """Return the rows in quarantine as a table, newest first, at most 100."""
    return _table(_held(environ))


def show_quarantine(options: argparse.Namespace, environ: Mapping[str, str], console: Console) -> int:
    """List the rows or try them again; return 0, or 1 when a retry was refused once more.

    Raises:
        InvalidRequestError: As :func:`retry_quarantine`.
    """
    if options.action == "list":
        rows = _held(environ)
        console.print(_table(rows))
        if options.json:
            write_json({"rows": [_told(one) for one in rows[::-1][:MOST_ROWS]], "count": len(rows)})
        return 0
    with waiting("trying the rows again"):
        counts = retry_quarantine(environ, options.rejected_id or None)
    said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    console.print(said or "Nothing is in quarantine.")
    if options.json:
        write_json({"outcomes": counts})
    return 1 if counts.get("refused") else 0


def show_adjusted(options: argparse.Namespace, environ: Mapping[str, str], console: Console) -> int:
    """Compute adjusted prices anew, say how many changed, and return 0.

    Raises:
        InvalidRequestError: As :func:`adjust`.
    """
    with waiting("computing adjusted prices"):
        changed = adjust(environ, options.stock_code or None)
    console.print(f"{changed} adjustments changed.")
    if options.json:
        write_json({"changed": changed})
    return 0


def _held(environ: Mapping[str, str]) -> list[Held]:
    with _connection(environ) as connection:
        return held_rows(connection)


def _table(rows: Sequence[Held]) -> Table:
    table = Table(box=None, header_style="bold", caption=f"{len(rows):,} rows in quarantine")
    for name in ("id", "table", "code", "session", "source", "times"):
        table.add_column(name, no_wrap=name in ("id", "code", "session"))
    table.add_column("reason", min_width=20)
    for one in rows[::-1][:MOST_ROWS]:
        table.add_row(*(Text(as_text(value)) for value in _told(one).values()))
    return columns(table)


def _told(one: Held) -> dict[str, object]:
    return {
        "id": one.rejected_id, "table": one.dataset, "code": one.stock_code, "session": one.session,
        "source": one.source, "times": one.times, "reason": one.reason,
    }  # fmt: skip


def retry_quarantine(environ: Mapping[str, str], rejected_ids: Collection[int] | None = None) -> dict[str, int]:
    """Try rows again, all unless some are named, and return how many had which outcome; empty when there are none.

    Raises:
        InvalidRequestError: A number is that of no row in quarantine.
    """
    with _connection(environ) as connection:
        held = {one.rejected_id for one in held_rows(connection, rejected_ids)}
        if unknown := sorted({*(rejected_ids or ())} - held):
            numbers = ", ".join(map(str, unknown))
            raise InvalidRequestError(f"no such row in quarantine: {numbers}; `quarantine list` shows those there are")
        if not held:
            return {}
        connection.rollback()  # each row is tried in a transaction of its own
        return retry_rows(connection, rejected_ids, clock=market_clock(environ))


def adjust(environ: Mapping[str, str], stock_codes: Collection[str] | None = None) -> int:
    """Compute adjusted prices anew and return how many rows of ``price_adjustment`` changed.

    Raises:
        InvalidRequestError: There are no daily bars to compute from, or none of a code.
    """
    codes = as_codes([*stock_codes]) if stock_codes else None
    with _connection(environ) as connection:
        _require_bars(connection, codes)
        changed = adjust_all(connection, codes)
        connection.commit()
        return changed


def _require_bars(connection: Connection, codes: Collection[str] | None) -> None:
    """Refuse to compute from nothing, which would say that nothing changed."""
    with connection.cursor() as cursor:
        if codes is None:
            cursor.execute("SELECT WHERE EXISTS (SELECT FROM market.daily_bar)")
            if cursor.fetchone() is None:
                raise InvalidRequestError("there are no daily bars yet: `data-pipeline run` or `backfill` loads some")
            return
        cursor.execute(
            "SELECT code FROM unnest(%s::text[]) AS code"
            " WHERE NOT EXISTS (SELECT FROM market.daily_bar WHERE stock_code = code)",
            ([*codes],),
        )
        if unknown := ", ".join(sorted(code for (code,) in cursor.fetchall())):
            raise InvalidRequestError(f"there are no daily bars of {unknown}")


@contextmanager
def _connection(environ: Mapping[str, str]) -> Iterator[Connection]:
    with (
        open_warehouse(local_home(environ), environ) as warehouse,
        closing(connect(warehouse.loader_url)) as connection,
    ):
        yield connection
