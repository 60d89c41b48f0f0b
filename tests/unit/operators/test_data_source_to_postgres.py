"""The operator that loads a dataset: which arguments it takes."""

from __future__ import annotations

import pytest

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.operators.data_source_to_postgres import DataSourceToPostgresOperator


@pytest.mark.parametrize(
    ("name", "value"), [("cells", "missing"), ("ranges", []), ("fallback_conn_id", "kis_default"), ("cells", "")]
)
def test_an_argument_that_moved_names_its_successor(name, value):
    """Filling gaps is another operator's; the argument is refused when the DAG is read, even when it is empty."""
    with pytest.raises(ConfigurationError, match=f"{name}: filling gaps has moved to FillGapsOperator"):
        DataSourceToPostgresOperator(task_id="load", dataset="daily_bar", source_conn_id="kis", **{name: value})


def test_any_other_unknown_argument_is_refused_by_airflow():
    """A misspelt name is no successor's."""
    with pytest.raises(TypeError, match="cell"):
        DataSourceToPostgresOperator(task_id="load", dataset="daily_bar", source_conn_id="kis", cell="missing")
