"""An Airflow whose metadata database is migrated."""

from tests.support.airflow_process import airflow_home, postgres

__all__ = ["airflow_home", "postgres"]
