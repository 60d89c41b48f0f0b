"""Hands the figures of running work to Airflow's metrics: StatsD or OpenTelemetry, as Airflow is configured."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_pipeline.client.meter import Figure

log = logging.getLogger(__name__)
PREFIX = "data_pipeline."


def tell_airflow(figure: Figure, value: float, labels: Mapping[str, str]) -> None:
    """
    Tell Airflow one figure, under ``data_pipeline.<name>`` with its labels as tags.

    :param figure: A counter is incremented, a gauge set, a timing recorded (a histogram in OpenTelemetry).
    :param value: Seconds for a timing.
    :param labels: What is said as tags; backends without tags, as plain StatsD, leave them out.
    """
    from airflow.sdk.observability.stats import Stats

    # Values go into a line of text in some backends, in which a blank ends the name.
    name, tags = PREFIX + figure.name, {label: value.replace(" ", "_") for label, value in labels.items()}
    try:
        if figure.kind == "counter":
            Stats.incr(name, int(value), tags=tags)
        elif figure.kind == "timing":
            Stats.timing(name, timedelta(seconds=value), tags=tags)
        else:
            Stats.gauge(name, value, tags=tags)
    except Exception:  # whatever a backend raises, a figure that is lost must not fail the work
        log.debug("The figure %s is not told", name, exc_info=True)
