"""Puts the figures into Prometheus's text format, and serves them on this machine only."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import psycopg2
from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from data_pipeline.exceptions import DataPipelineError
from data_pipeline.metrics.table import METRICS, Sample

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
FAMILIES = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily}


class Exporter(Collector):
    """Reads every figure anew whenever it is asked, one asker at a time.

    Args:
        parts: For each figure that says whether something answers, as ``warehouse_up``, what reads the figures of it.
            When that raises, they are absent, the figure is 0, and the log says why.
    """

    def __init__(self, parts: Mapping[str, Callable[[], Iterable[Sample]]]) -> None:
        self._parts = parts
        self._turn = threading.Lock()

    def samples(self) -> Iterator[Sample]:
        """Yield every figure there is now, in no order."""
        for up, read in self._parts.items():
            found = _read(up, read)
            yield Sample(up, float(found is not None))
            yield from found or ()

    def collect(self) -> Iterator[Metric]:
        """Yield each figure of the table that has a value, with its values."""
        with self._turn:
            found = defaultdict(list)
            for one in self.samples():
                found[one.name].append(one)
        for name, metric in METRICS.items():
            if name not in found:
                continue
            family = FAMILIES[metric.kind](metric.full_name, metric.help, labels=metric.labels)
            for one in found[name]:
                family.add_metric([one.labels[label] for label in metric.labels], one.value)
            yield family

    def text(self) -> str:
        """Return every figure in Prometheus's text format."""
        return generate_latest(self._registry()).decode()

    @contextmanager
    def served(self, port: int) -> Iterator[tuple[str, threading.Thread]]:
        """Serve them over HTTP on 127.0.0.1 for the block; yields the address and the thread that answers.

        Args:
            port: 0 takes a free one.

        Raises:
            OSError: The port is taken, or may not be used.
        """
        server, thread = start_http_server(port, addr=HOST, registry=self._registry())
        try:
            yield f"http://{HOST}:{server.server_port}/metrics", thread
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _registry(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        registry.register(self)
        return registry


def _read(up: str, read: Callable[[], Iterable[Sample]]) -> list[Sample] | None:
    try:
        return list(read())
    except (DataPipelineError, psycopg2.Error) as error:
        log.warning("%s is 0: %s: %s", METRICS[up].full_name, type(error).__name__, str(error).strip())
        return None
