"""The parts that every local command needs: the warehouse, Airflow's database and a source of data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from data_pipeline.emulator.process import EmulatorProcess
from data_pipeline.local.airflow_database import METADATA_ROLE, RUN_METADATA_DATABASE, copy_unused, migrate_airflow
from data_pipeline.local.environment import (
    SANDBOX_RATE,
    SourceConnection,
    airflow_environment,
    krx_connection,
    official_connection,
    sandbox_connection,
)
from data_pipeline.local.home import Home
from data_pipeline.local.opened import forget_gone_runs
from data_pipeline.settings import filled_fields
from data_pipeline.settings.chosen import real_source
from data_pipeline.settings.hidden import hidden
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.locate import Warehouse, warehouse_of
from data_pipeline.warehouse.migrate import migrate

__all__ = [
    "SourceConnection", "Stack", "Warehouse", "kis_connection", "local_stack", "vendor_connections", "warehouse_of",
]  # fmt: skip


@dataclass(frozen=True)
class Stack:
    """A warehouse, Airflow's metadata database and a source, all ready."""

    home: Home
    warehouse: Warehouse
    metadata_url: str
    source: SourceConnection
    environ: Mapping[str, str] = field(repr=False)
    """What the processes inherit."""
    official: SourceConnection | None = None

    def __repr__(self) -> str:
        return f"Stack({self.source!r})"

    def airflow_environment(self) -> dict[str, str]:
        """Return the environment of every Airflow process on this stack."""
        return airflow_environment(
            self.home, self.metadata_url, self.warehouse.loader_url, self.source, self.environ, self.official,
            self.warehouse.reader_url,
        )  # fmt: skip


def kis_connection(environ: Mapping[str, str]) -> SourceConnection:
    """Return the connection that the environment's KIS credentials stand for."""
    environ = hidden(environ)
    settings = KisSettings.from_env(environ)
    extra: dict[str, object] = {
        **filled_fields("kis", environ),
        "use_virtual_server": settings.use_virtual,
        "rate_limit": settings.rate_limit,
        "more_keys": dict(settings.more_keys),
    }
    pair = settings.app_key, settings.app_secret
    return SourceConnection("kis_default", "kis", *pair, extra, settings.base_url)


def vendor_connections(environ: Mapping[str, str]) -> tuple[SourceConnection, SourceConnection | None] | None:
    """Return the connection that the DAGs load from, and that of KRX's official figures beside it, if any.

    None where no vendor is chosen: the emulator is loaded from then, and real official figures have no place beside it.

    Raises:
        ConfigurationError: A setting is missing or wrong; the message names it.
    """
    chosen = real_source(environ)
    if chosen == "kis":
        return kis_connection(environ), official_connection(environ)
    return (krx_connection(environ), None) if chosen else None


def _emulator(market_now: datetime, *, lively: bool) -> EmulatorProcess:
    """The emulator of the real server, whose market stands still: the same run gives the same rows."""
    return EmulatorProcess(rate=SANDBOX_RATE, now=market_now.isoformat(), frozen=True, lively=lively)


@contextmanager
def local_stack(
    home: Home, environ: Mapping[str, str], market_now: datetime, *, lively: bool = False
) -> Iterator[Stack]:
    """Start everything, yield it, and stop it; a server that others use runs on until the last of them has left.

    Args:
        home: The installation's folder, prepared.
        environ: Credentials and addresses, as documented in ``.env.example``.
        market_now: The time of the synthetic market, when no vendor is chosen.
        lively: Whether its emulator tells a few things wrongly the first time.

    Raises:
        ConfigurationError: A part did not start; the message names its log.
    """
    vendors = vendor_connections(environ)
    emulator = _emulator(market_now, lively=lively)  # started only where no vendor is chosen
    with ExitStack() as started:
        if not vendors:
            started.callback(emulator.stop)
        with ThreadPoolExecutor(2) as starter:
            emulator_ready = None if vendors else starter.submit(emulator.start)
            server = started.enter_context(EmbeddedPostgres(home.postgres))
            server.create_database(RUN_METADATA_DATABASE, METADATA_ROLE)
            warehouse = warehouse_of(server, environ)
            metadata_url = server.url(RUN_METADATA_DATABASE, METADATA_ROLE)
            migrated = starter.submit(migrate, warehouse.owner_url)
            if emulator_ready:
                emulator_ready.result()
                home.emulator_address.write_text(emulator.url, "ascii")
            source, official = vendors or (sandbox_connection(emulator.url, SANDBOX_RATE), None)
            stack = Stack(home, warehouse, metadata_url, source, environ, official)
            airflow = stack.airflow_environment()
            migrate_airflow(home, airflow)
            copy_unused(server, home, airflow)  # for `up`
            migrated.result()
            forget_gone_runs(warehouse.loader_url)
        yield stack
