"""The files that `data-pipeline airflow install` writes, as Airflow reads them."""

from __future__ import annotations

import pytest
from airflow.dag_processing.dagbag import DagBag

from data_pipeline.dag_files import dag_names
from data_pipeline.local.airflow_install import install_dags


@pytest.mark.parametrize("prefix", ["", "krx_"])
def test_airflow_loads_every_dag_from_them(tmp_path, prefix):
    """Each under its name with the prefix, as a DAG of that file, in its tasks too."""
    install_dags(tmp_path, prefix)
    bag = DagBag(str(tmp_path), bundle_name="dags-folder")
    assert bag.import_errors == {}
    assert sorted(bag.dags) == sorted(f"{prefix}{name}" for name in dag_names())
    for name, dag in bag.dags.items():
        assert (dag.fileloc, dag.dag_display_name) == (str(tmp_path / f"{name}.py"), name)
        assert {task.dag_id for task in dag.tasks} == {name}
