"""Where the pages lie in an Airflow; beside nothing else, because commands and every component of Airflow ask."""

from __future__ import annotations

PREFIX = "/data-pipeline"
"""Where the pages themselves lie below the address of Airflow; a stranger gets 401 there."""
ROUTE = "market-data"
"""Under which Airflow's own UI shows them, with its menu around them; a stranger is led to the login first."""


def morning_address(airflow: str) -> str:
    """Return the address of the morning page for people, given the address of Airflow."""
    return f"{airflow.rstrip('/')}/plugin/{ROUTE}"
