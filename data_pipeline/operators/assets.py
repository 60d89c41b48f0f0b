"""What tasks tell Airflow's assets: an event for each load, with what it brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset

from data_pipeline.market.dataset_names import WITH_CELLS
from data_pipeline.operators.lineage import LoadLineage

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator


def loaded_asset(dataset: str) -> Asset:
    """Return the asset that has an event for each load of a dataset."""
    return Asset(f"market.{dataset}")


def proven_asset(dataset: str) -> Asset:
    """Return the asset whose partitions are the proven sessions of a dataset, ``YYYY-MM-DD`` each."""
    return Asset(f"market.{dataset}.proven")


def tell_asset(operator: BaseOperator, context: Mapping[str, Any], asset: Asset, extra: dict[str, Any]) -> bool:
    """
    Let a task that succeeds tell this one of our assets alone, and return whether it is among its outlets.

    Airflow makes an event for every outlet of a task. A task that is about one dataset of several has to drop those of
    the others, or whoever waits for them would be started for nothing. Outlets that are not ours stay.

    :param operator: The task that runs.
    :param context: Airflow's own; without one, as when a task is called by hand, nobody is told.
    :param asset: The one that the task was about.
    :param extra: What the event carries; no secret, and as JSON.
    """
    others = [one for name in WITH_CELLS for one in (loaded_asset(name), proven_asset(name)) if one != asset]
    operator.outlets = [outlet for outlet in operator.outlets if outlet not in others]
    events = context.get("outlet_events")
    if asset not in operator.outlets or events is None:
        return False
    events[asset].extra.update(extra)
    return True


def tell_load(
    operator: BaseOperator,
    context: Mapping[str, Any],
    dataset: str,
    source: str,
    days: Sequence[date],
    counts: Mapping[str, int],
) -> None:
    """
    Tell the asset of a dataset what a load brought: ``source``, ``first``, ``last`` and the counts of its rows.

    The same is kept for the lineage of the load.

    :param operator: The load, when that asset is among its outlets.
    :param context: Airflow's own.
    :param dataset: Its name.
    :param source: What its rows carry in ``source``.
    :param days: Days that were asked for, in any order; the first and the last of them are told.
    :param counts: What the load returns.
    """
    told: dict[str, Any] = {"dataset": dataset, "source": source}
    if days:
        told |= {"first": min(days).isoformat(), "last": max(days).isoformat()}
    told |= counts
    if isinstance(operator, LoadLineage):
        operator.loaded = told
    tell_asset(operator, context, loaded_asset(dataset), told)
