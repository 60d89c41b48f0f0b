"""The warehouse for one command: found, or started for as long as somebody uses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

from data_pipeline.loading.rows.ingest_run import end_gone_runs
from data_pipeline.local.home import Home
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.locate import Warehouse, market_address, warehouse_of
from data_pipeline.warehouse.migrate import migrate


@contextmanager
def open_warehouse(home: Home, environ: Mapping[str, str], *, migrated: bool = True) -> Iterator[Warehouse]:
    """Yield the warehouse; an embedded server runs until the last of its users has left.

    Args:
        home: The installation's folder.
        environ: May name a server of the user's own in ``MARKET_DB_URL``, which is never migrated here.
        migrated: Whether the embedded one is brought up to date first.
    """
    if market_address(environ):
        yield warehouse_of(EmbeddedPostgres(home.postgres), environ)
        return
    with EmbeddedPostgres(home.prepare().postgres) as server:
        warehouse = warehouse_of(server, environ)
        if migrated:
            migrate(warehouse.owner_url)
        yield warehouse


def forget_gone_runs(loader_url: str) -> None:
    """Fail the runs in ``market.ingest_run`` whose process was killed, so that none says running for ever.

    Args:
        loader_url: The warehouse, migrated, as a user that may load.
    """
    with closing(connect(loader_url)) as connection, connection:
        end_gone_runs(connection)
