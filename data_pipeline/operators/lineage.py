"""What a load tells OpenLineage, where its provider is there: from which source, into which table, how many rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data_pipeline.hooks.connection import read_connection

SOURCE_NAMESPACE = "korean-market-data"
"""Under which a source's datasets go, as ``kis/daily_bar``; a vendor's API has no naming of its own in OpenLineage."""
_WRITTEN = ("inserted", "updated")


class LoadLineage:
    """
    Makes lineage of what an operator loaded; a base of operators beside Airflow's own.

    OpenLineage's provider calls the method after the task has succeeded. A task that loaded nothing tells nothing.
    """

    postgres_conn_id: str
    loaded: Mapping[str, Any] | None = None
    """What the task told its asset; set while it runs."""

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ARG002 - the provider's signature
        """
        Return the lineage of the load as the provider's ``OperatorLineage``, without any credential.

        :param task_instance: Airflow's own.
        """
        from airflow.providers.openlineage.extractors import OperatorLineage
        from openlineage.client.event_v2 import InputDataset, OutputDataset
        from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics

        if self.loaded is None:
            return OperatorLineage()
        dataset, written = self.loaded["dataset"], sum(int(self.loaded.get(name, 0)) for name in _WRITTEN)
        connection = read_connection(self.postgres_conn_id, "postgres", "postgresql")
        rows = statistics.OutputStatisticsOutputDatasetFacet(rowCount=written)
        return OperatorLineage(
            inputs=[InputDataset(SOURCE_NAMESPACE, f"{self.loaded['source']}/{dataset}")],
            outputs=[
                OutputDataset(
                    f"postgres://{connection.host}:{connection.port or 5432}",
                    f"{connection.schema}.market.{dataset}",
                    outputFacets={"outputStatistics": rows},
                )
            ],
        )
