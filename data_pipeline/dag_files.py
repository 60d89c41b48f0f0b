"""The DAGs of this package for another Airflow: what the files call that `data-pipeline airflow install` writes."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.shipped import shipped


def dag_names() -> list[str]:
    """Return the names of all DAGs of this package, in order; a file has the name of its DAG."""
    return sorted(path.stem for path in shipped("dags").glob("*.py"))


def packaged_dag(name: str, prefix: str = "") -> Any:
    """Return a DAG of this package, made anew by each call.

    Args:
        name: One of ``dag_names()``.
        prefix: Comes before its ``dag_id``, for an Airflow that has a DAG of that name already.

    Raises:
        ConfigurationError: This version has no such DAG; the message says how its file goes away.
    """
    path = shipped("dags") / f"{name}.py"
    spec = spec_from_file_location(f"data_pipeline.shipped.dags.{name}", path) if path.is_file() else None
    if spec is None or spec.loader is None:
        raise ConfigurationError(
            f"this version of korean-market-pipeline has no DAG {name!r}: delete this file, or run `data-pipeline "
            "airflow install` again, which does it"
        )
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    dag = module.dag
    dag.dag_id = dag.dag_display_name = f"{prefix}{name}"
    return dag
