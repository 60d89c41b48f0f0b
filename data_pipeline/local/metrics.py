"""`data-pipeline metrics`: the exporter, for Prometheus, for cron, or as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass

from data_pipeline.coordination.opening import open_store
from data_pipeline.coordination.store import Store
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.local.home import Home
from data_pipeline.local.keys import configured_keys
from data_pipeline.local.output import console
from data_pipeline.market.clock import Clock, market_clock
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.metrics.exporter import Exporter
from data_pipeline.metrics.shared import kis_samples, krx_samples
from data_pipeline.metrics.stored import Stored
from data_pipeline.metrics.table import Sample
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.locate import existing, reader_address
from data_pipeline.warehouse.rights import require_reader

LONGEST_S, MOST_DAYS = 3600, 3660
CONNECT_S = 5.0


def export_metrics(options: argparse.Namespace, home: Home, environ: Mapping[str, str]) -> int:
    """Print the figures, or serve them until the process is stopped; returns 0.

    Raises:
        InvalidRequestError: An option is out of bounds, or the options do not fit together.
        ConfigurationError: A setting is wrong.
        OSError: The port is taken.
    """
    if options.json and not options.once:
        raise InvalidRequestError("--json prints the figures once: give --once too")
    for name, value, least, most in (
        ("--port", options.port, 0, 65_535),
        ("--days", options.days, 0, MOST_DAYS),
        ("--timeout", options.timeout, 1, LONGEST_S),
    ):
        if not least <= value <= most:
            raise InvalidRequestError(f"{name} must be from {least} to {most:,}, not {value}")
    exporter = exporter_of(home, environ, options.days, options.timeout)
    if options.json:
        print(json.dumps([asdict(one) for one in exporter.samples()]))  # noqa: T201 - the answer
    elif options.once:
        print(exporter.text(), end="")  # noqa: T201 - the answer
    else:
        with exporter.served(options.port) as (url, thread):
            console().print(f"Figures are at {url}", markup=False)
            thread.join()
    return 0


def exporter_of(home: Home, environ: Mapping[str, str], days: int, timeout_s: float) -> Exporter:
    """Return the exporter of the configured warehouse and keys.

    Args:
        home: The installation's folder.
        environ: The settings, as ``.env.example`` names them.
        days: How many days before the newest final session its window begins.
        timeout_s: Seconds that one question to the warehouse may take.

    Raises:
        ConfigurationError: A setting is wrong.
    """
    clock = market_clock(environ)
    own = reader_address(environ)

    def stored() -> Iterator[Sample]:
        with (
            existing(environ, "reader", own) as url,
            closing(
                connect(
                    url,
                    application_name="data-pipeline metrics",
                    connect_timeout=CONNECT_S,
                    statement_timeout=timeout_s,
                    environ=environ,
                )
            ) as connection,
        ):
            connection.set_session(readonly=True)
            require_reader(connection, "metrics")
            yield from Stored(krx_calendar(), clock(), days).samples(connection)

    keys = [one for one in configured_keys(home, environ) if one]
    shared = {"shared_state_up": _Shared(keys, environ, clock)} if keys else {}
    return Exporter({"warehouse_up": stored, **shared})


@dataclass
class _Shared:
    """Reads what is shared about some keys; the store is opened when it is first asked."""

    keys: list[KisSettings | KrxSettings]
    environ: Mapping[str, str]
    clock: Clock
    store: Store | None = None

    def __call__(self) -> Iterator[Sample]:
        self.store = self.store or open_store(self.keys[0].coordination_url, self.environ)
        for one in self.keys:
            if isinstance(one, KisSettings):
                yield from kis_samples(one, self.store, self.clock)
            else:
                yield from krx_samples(one, self.store, self.clock)
