"""The Airflow pools of the DAGs, which keep long loads from taking the slots of those that must run this minute.

Airflow never starts a task of a pool that does not exist, and no DAG file can make one. So this module is registered as
a listener: whichever component with Airflow's database starts first (scheduler, triggerer, DAG processor) makes those
that are missing. Slots that somebody changed stay as they are.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.listeners import hookimpl

from data_pipeline.exceptions import ConfigurationError

log = logging.getLogger(__name__)

QUOTES_POOL = "market_quotes"
HISTORY_POOL = "market_history"
POOLS = {
    QUOTES_POOL: (8, "Loads of the present: prices, order books, the last minutes. Each is over within a minute."),
    HISTORY_POOL: (2, "Loads of whole sessions and of lists. Two already use up the budget of a key."),
}
"""Slots and description of each."""


@hookimpl
def on_starting(component: object) -> None:
    """Make the missing pools when a component of Airflow starts."""
    if type(component).__name__ == "Job":  # a task that starts has no access to Airflow's database
        create_missing_pools()


def known_pools() -> set[str]:
    """Return the names of all pools; needs Airflow's database.

    Raises:
        ConfigurationError: It cannot be read.
    """
    from airflow.models.pool import Pool

    return _names(Pool.pool)


def known_dags() -> set[str]:
    """Return the ``dag_id`` of every DAG that Airflow has read; as ``known_pools``."""
    from airflow.models.dag import DagModel

    return _names(DagModel.dag_id)


def _names(column: Any) -> set[str]:
    from airflow.utils.session import create_session
    from sqlalchemy import select
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with create_session() as session:
            return set(session.scalars(select(column)))
    except SQLAlchemyError as error:
        raise ConfigurationError(f"Airflow's database cannot be read ({type(error).__name__})") from None


def create_missing_pools() -> None:
    """Make the pools that are not there yet; needs Airflow's migrated database."""
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from sqlalchemy import select
    from sqlalchemy.exc import IntegrityError

    try:
        with create_session() as session:
            known = set(session.scalars(select(Pool.pool)))
            for name in POOLS.keys() - known:
                slots, description = POOLS[name]
                session.add(Pool(pool=name, slots=slots, description=description, include_deferred=False))
    except IntegrityError:
        log.info("Another component made the pools at the same moment")
