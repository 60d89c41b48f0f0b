"""Reports the state that processes share about a source to Airflow's metrics (StatsD or OpenTelemetry)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.observability.stats import Stats

from data_pipeline.exceptions import CoordinationError
from data_pipeline.sources.base import AbstractDataSource

log = logging.getLogger(__name__)


@contextmanager
def gauged(source: AbstractDataSource) -> Iterator[None]:
    """
    Set the gauges ``data_pipeline.<source>.<name>`` when the block ends, also when it fails.

    :param source: The names and numbers are its :meth:`~data_pipeline.sources.base.AbstractDataSource.gauges`.
    """
    try:
        yield
    finally:
        try:
            found = source.gauges()
        except CoordinationError as error:
            log.warning("No metrics: %s", error)
            found = {}
        for name, value in found.items():
            Stats.gauge(f"data_pipeline.{source.name}.{name}", value)
