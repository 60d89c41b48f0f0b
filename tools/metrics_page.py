"""Writes the reference page of the exporter's figures, and of those that running work tells, out of their tables.

python -m tools.metrics_page > docs/reference/metrics.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from data_pipeline.client.meter import FIGURES
from data_pipeline.hooks.stats import PREFIX
from data_pipeline.metrics.table import METRICS

HEAD = """# Metrics

Written by `python -m tools.metrics_page` from `data_pipeline/metrics/table.py`. `data-pipeline metrics` serves these
figures on 127.0.0.1: [watch it with Prometheus](../how-to/watch-it-with-prometheus.md). The window is the 30 days
before the newest final session, or `--days`. No figure has a label with a stock code; `key` and `budget` are what
`data-pipeline budget` shows, the first eight digits of a hash. A figure that cannot be known is absent, never 0.

| figure | kind | unit | labels | meaning |
|---|---|---|---|---|"""
TOLD = """
## While work runs

From `data_pipeline/client/meter.py`: Airflow tasks tell these to Airflow's own metrics (`[metrics]` in `airflow.cfg`)
at the moment they happen, with the labels as tags. OpenTelemetry makes a histogram of a timing. Plain StatsD knows no
tags: set `statsd_influxdb_enabled`, or use DataDog. Outside Airflow nobody listens and nothing is told.

| figure | kind | unit | labels | meaning |
|---|---|---|---|---|"""


def lines() -> Iterator[str]:
    """Yield the page line by line."""
    yield HEAD
    for one in METRICS.values():
        labels = ", ".join(f"`{label}`" for label in one.labels) or "-"
        yield f"| `{one.full_name}` | {one.kind} | {one.unit} | {labels} | {one.about} |"
    yield TOLD
    for figure in FIGURES:
        labels = ", ".join(f"`{label}`" for label in figure.labels)
        yield f"| `{PREFIX}{figure.name}` | {figure.kind} | {figure.unit} | {labels} | {figure.about} |"


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
