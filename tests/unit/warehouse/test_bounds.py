"""The bounds of waiting for Airflow's own database."""

from importlib import import_module

from psycopg2.extensions import make_dsn, parse_dsn

from data_pipeline.local.environment import SourceConnection, airflow_environment
from data_pipeline.local.home import Home


def test_airflows_database_is_bounded(tmp_path):
    """What every Airflow process is told to import is known to libpq and bounds each kind of wait."""
    source = SourceConnection("kis_default", "kis", "key", "secret", {})
    told = airflow_environment(Home(tmp_path).prepare(), "postgresql://a@h/airflow", "postgresql://l@h/m", source, {})
    module, _, name = told["AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS"].rpartition(".")
    arguments = getattr(import_module(module), name)
    assert parse_dsn(make_dsn(**arguments)) == {
        "connect_timeout": "10", "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3",
        "tcp_user_timeout": "60000", "options": "-c idle_in_transaction_session_timeout=300000",
    }  # fmt: skip
