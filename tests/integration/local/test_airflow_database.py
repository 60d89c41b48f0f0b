"""Airflow's databases of an installation: brought up to date when something about them changed, and else left alone."""

from contextlib import closing

import psycopg2
import pytest

from data_pipeline.local.airflow_database import copy_unused, migrate_airflow
from data_pipeline.local.home import Home

RUN, UP = "migrated_run", "migrated_up"
SAID = "migrated by Airflow 3."
TABLES = """
    CREATE TABLE IF NOT EXISTS alembic_version (version_num text);
    CREATE TABLE IF NOT EXISTS dag_run (run_id text);
    TRUNCATE alembic_version;
    INSERT INTO alembic_version VALUES ('a1b2');
"""


class Airflow:
    """An installation and what `airflow db migrate` does there: it makes tables, and writes its settings once."""

    def __init__(self, server, home):
        self.server, self.home, self.times, self.more = server, home, 0, {}
        self.settings = home.airflow / "airflow.cfg"

    def __call__(self, command, _environ, _log_file, _family):
        """Migrate."""
        assert command[1:] == ["db", "migrate"]
        self.times += 1
        self.do(self.name, TABLES)
        if not self.settings.exists():
            self.settings.write_text("[core]\n")

    def do(self, name, statement):
        """Do something in a database as Airflow."""
        with closing(psycopg2.connect(self.server.url(name, "airflow"))) as connection, connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def environ(self, name):
        """What Airflow's processes are told."""
        url = self.server.url(name, "airflow").replace("postgresql://", "postgresql+psycopg2://", 1)
        return {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url, **self.more}

    def migrate(self, name=RUN):
        """Bring a database up to date, and return how often anything was started for it so far."""
        self.name = name
        migrate_airflow(self.home, self.environ(name), self)
        return self.times

    def copy(self):
        """Make the second database of the first."""
        copy_unused(self.server, self.home, self.environ(RUN), RUN, UP)


@pytest.fixture
def airflow(server, tmp_path):
    """A new installation, with one database."""
    server.create_database(RUN, "airflow")
    yield Airflow(server, Home(tmp_path / "home").prepare())
    with closing(psycopg2.connect(server.url("postgres", "admin"))) as connection:
        connection.autocommit = True
        for name in (RUN, UP):
            connection.cursor().execute(f"DROP DATABASE IF EXISTS {name}")


def change_tables(airflow):
    """Go back to another Airflow's tables, as `airflow db downgrade` does."""
    airflow.do(RUN, "UPDATE alembic_version SET version_num = '0000'")


def lose_tables(airflow):
    """Lose them, as by `airflow db reset`."""
    airflow.do(RUN, "DROP TABLE alembic_version")


def lose_settings(airflow):
    """Lose AIRFLOW_HOME, which the migration writes."""
    airflow.settings.unlink()


def change_settings(airflow):
    """Name another auth manager, which may have tables of its own."""
    airflow.settings.write_text("[core]\nauth_manager = another\n")


def choose_tables(airflow):
    """Name it in the environment."""
    airflow.more = {"AIRFLOW__CORE__AUTH_MANAGER": "another"}


def take_another_airflow(airflow):
    """Find what an Airflow of another version has said."""
    ((said,),) = airflow.do(RUN, f"SELECT description FROM pg_shdescription WHERE description LIKE '{SAID}%'")
    other = said.replace(SAID, "migrated by Airflow 2.").replace("'", "''")
    airflow.do(RUN, f"COMMENT ON DATABASE {RUN} IS '{other}'")


def test_what_is_up_to_date_is_left_alone(airflow):
    """The first time it is migrated; later nothing is started."""
    assert [airflow.migrate() for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize(
    "change", [change_tables, lose_tables, lose_settings, change_settings, choose_tables, take_another_airflow]
)
def test_whatever_changes_what_there_is_to_do_starts_it(airflow, change):
    """Once, and then not again."""
    airflow.migrate()
    change(airflow)
    assert [airflow.migrate() for _ in range(2)] == [2, 2]


def test_a_copy_is_as_its_original(airflow):
    """It is up to date as well; made once, and a second time nothing happens."""
    airflow.migrate()
    airflow.copy()
    airflow.do(UP, "INSERT INTO dag_run VALUES ('of up')")
    airflow.copy()
    assert airflow.migrate(UP) == 1
    assert airflow.do(UP, "SELECT * FROM dag_run") == [("of up",)]


def test_runs_of_one_database_never_come_into_the_other(airflow):
    """Where something has run there is no copy."""
    airflow.migrate()
    airflow.do(RUN, "INSERT INTO dag_run VALUES ('of run')")
    airflow.copy()
    assert airflow.server.create_database(UP, "airflow")
