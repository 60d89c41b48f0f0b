"""Airflow's databases of a local installation: each is brought up to date once for each version of Airflow."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from data_pipeline.local.environment import airflow_command
from data_pipeline.local.families import Family
from data_pipeline.local.home import Home
from data_pipeline.local.locks import in_turn
from data_pipeline.local.processes import run_to_the_end
from data_pipeline.settings.hidden import Hidden
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres

METADATA_DATABASE = "airflow"
RUN_METADATA_DATABASE = "airflow_run"
"""Of `run`, whose DAG runs the scheduler of `up` would otherwise take for its own."""
METADATA_ROLE = "airflow"
_ASKED = "AIRFLOW__CORE__AUTH_MANAGER", "AIRFLOW__DATABASE__EXTERNAL_DB_MANAGERS"
"""Variables that say whose tables there are."""
_SAID = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
_REVISIONS = "SELECT string_agg(version_num, ' ' ORDER BY version_num) FROM alembic_version"


def migrate_airflow(
    home: Home,
    environ: Mapping[str, str],
    run: Callable[[Sequence[str], Mapping[str, str], Path, Family], None] = run_to_the_end,
) -> None:
    """Bring Airflow's database up to date; its output goes to ``logs/airflow-migrate.log``.

    A comment on the database says which Airflow did so last, and while it is true nothing is started.

    Args:
        home: The installation's folder.
        environ: Of Airflow's processes; names the database.
        run: Runs a command to its end.

    Raises:
        ConfigurationError: It failed; the message names the log.
    """
    url = Hidden(environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "", 1))
    with in_turn(home, "airflow-migrate"):  # the first one also writes AIRFLOW_HOME
        if _is_migrated(home, environ, url):
            return
        family = Family(home, "airflow-migrate")
        run([airflow_command(), "db", "migrate"], environ, home.logs / "airflow-migrate.log", family)
        _say_migrated(home, environ, url)


def copy_unused(
    server: EmbeddedPostgres,
    home: Home,
    environ: Mapping[str, str],
    of: str = RUN_METADATA_DATABASE,
    to: str = METADATA_DATABASE,
) -> None:
    """Make one database as a copy of another in which nothing has run yet; nothing happens where it exists.

    Args:
        server: Where both are; nobody is connected to the first one.
        home: The installation's folder.
        environ: Of the Airflow that has just migrated it.
        of: The first one.
        to: The copy.
    """
    with closing(connect(server.url(of, METADATA_ROLE))) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT NOT EXISTS (SELECT FROM dag_run)")
        ((fresh,),) = cursor.fetchall()
    if fresh and server.create_database(to, METADATA_ROLE, like=of):
        _say_migrated(home, environ, server.url(to, METADATA_ROLE))  # a comment is not copied


def _say_migrated(home: Home, environ: Mapping[str, str], url: str) -> None:
    with closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        name, said = sql.Identifier(connection.info.dbname), sql.Literal(_state(home, environ, connection))
        cursor.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, said))


def _is_migrated(home: Home, environ: Mapping[str, str], url: str) -> bool:
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(_SAID)
        ((said,),) = cursor.fetchall()
        return said is not None and said == _state(home, environ, connection)


def _state(home: Home, environ: Mapping[str, str], connection: Connection) -> str:
    """Return what decides whether there is anything to migrate: Airflow, its settings, and the tables as they are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('alembic_version') IS NOT NULL")
        ((there,),) = cursor.fetchall()
        if there:
            cursor.execute(_REVISIONS)
        revisions = cursor.fetchall()[0][0] if there else None
    settings = home.airflow / "airflow.cfg"
    written = hashlib.sha256(settings.read_bytes()).hexdigest() if settings.exists() else None
    asked = [environ.get(name) for name in _ASKED]
    return f"migrated by Airflow {version('apache-airflow')}: {[revisions, written, *asked]}"
