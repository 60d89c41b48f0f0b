"""Every parameter of MARKET_DB_URL on its way to a task: address, Airflow connection, hook."""

from __future__ import annotations

import json

import pytest
from airflow.providers.postgres.hooks.postgres import PostgresHook
from psycopg2.extensions import parse_dsn

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.local.environment import postgres_connection_json

WAYS = {
    "plain": (
        "postgresql://loader:secret@db.example:6432/market",
        {"user": "loader", "password": "secret", "host": "db.example", "port": "6432", "dbname": "market"},
    ),
    "TLS": (
        "postgresql://u@h/m?sslmode=verify-full&sslrootcert=/etc/ca.pem&sslcert=/c.pem&sslkey=/k.pem",
        {"user": "u", "host": "h", "dbname": "m", "sslmode": "verify-full", "sslrootcert": "/etc/ca.pem",
         "sslcert": "/c.pem", "sslkey": "/k.pem"},
    ),
    "the JDBC word": ("postgresql://u@h/m?ssl=true", {"user": "u", "host": "h", "dbname": "m", "sslmode": "require"}),
    "several hosts": (
        "postgresql://u@a.example:5432,b.example:5433/m?target_session_attrs=read-write&load_balance_hosts=random",
        {"user": "u", "host": "a.example,b.example", "port": "5432,5433", "dbname": "m",
         "target_session_attrs": "read-write", "load_balance_hosts": "random"},
    ),
    "several hosts on the usual port": (
        "postgresql://u@a.example,b.example/m",
        {"user": "u", "host": "a.example,b.example", "port": ",", "dbname": "m"},
    ),
    "a socket's folder": (
        "postgresql://u@/m?host=/var/run/postgresql",
        {"user": "u", "host": "/var/run/postgresql", "dbname": "m"},
    ),
    "a socket's folder as the host": (
        "postgresql://u@%2Ftmp%2Fs/m",
        {"user": "u", "host": "/tmp/s", "dbname": "m"},
    ),
    "IPv6": ("postgresql://u@[::1]:5433/m", {"user": "u", "host": "::1", "port": "5433", "dbname": "m"}),
    "percent signs": (
        "postgresql://u%40x:p%40%2F%3A%3F%26%25%20%27%5C@h/m%2Fn",
        {"user": "u@x", "password": "p@/:?&% '\\", "host": "h", "dbname": "m/n"},
    ),
    "server options": (
        "postgresql://u@h/m?options=-c%20geqo%3Doff%20-c%20work_mem%3D64MB",
        {"user": "u", "host": "h", "dbname": "m", "options": "-c geqo=off -c work_mem=64MB"},
    ),
    "keepalives and waiting": (
        "postgresql://u@h/m?keepalives=1&keepalives_idle=30&tcp_user_timeout=5000&connect_timeout=3&application_name=me",
        {"user": "u", "host": "h", "dbname": "m", "keepalives": "1", "keepalives_idle": "30",
         "tcp_user_timeout": "5000", "connect_timeout": "3", "application_name": "me"},
    ),
    "a password file": (
        "postgresql://u@h/m?passfile=/run/secrets/pgpass",
        {"user": "u", "host": "h", "dbname": "m", "passfile": "/run/secrets/pgpass"},
    ),
    "an address beside the name": (
        "postgresql://u@h/m?hostaddr=10.0.0.7&sslmode=verify-full",
        {"user": "u", "host": "h", "hostaddr": "10.0.0.7", "dbname": "m", "sslmode": "verify-full"},
    ),
    "a service file": ("postgresql://?service=market", {"service": "market"}),
    "libpq's default host": ("postgresql://u@/m", {"user": "u", "dbname": "m"}),
}  # fmt: skip


@pytest.mark.parametrize(("url", "parameters"), WAYS.values(), ids=WAYS)
def test_every_parameter_reaches_a_task(environment, url, parameters):
    """What libpq reads in the address is what it reads in the address of the task's hook."""
    environment(AIRFLOW_CONN_MARKET_DB=postgres_connection_json(url))
    assert parse_dsn(WarehouseHook().get_uri()) == parameters


@pytest.mark.parametrize(
    ("url", "parameters"), [way for name, way in WAYS.items() if "default" not in name and "service" not in name]
)
def test_airflows_own_hook_gets_the_same(environment, url, parameters):
    """Airflow's Postgres hook hands the same parameters to its driver."""
    handed = {}

    class Recording(PostgresHook):  # type: ignore[misc]  # the provider has no types
        def _create_connection(self, conn_args):
            handed.update(conn_args)

    environment(AIRFLOW_CONN_MARKET_DB=postgres_connection_json(url))
    Recording(postgres_conn_id="market_db").get_conn()
    assert {name: str(value) for name, value in handed.items() if value is not None} == parameters


def define(environment, extra, **fields):
    """Set the connection market_db, its extra as text."""
    base = {"conn_type": "postgres", "host": "h", "schema": "m", "login": "w", "password": "s3cret"}
    environment(AIRFLOW_CONN_MARKET_DB=json.dumps({**base, **fields, "extra": extra}))
    return WarehouseHook()


@pytest.mark.parametrize("name", ["sslmod", "iam", "x=1 sslmode"])
def test_what_libpq_does_not_know_is_named(environment, name):
    """A misspelt `sslmode` would otherwise mean no TLS at all."""
    with pytest.raises(ConfigurationError, match=f"'market_db'.*'{name}'"):
        define(environment, json.dumps({name: "require"})).get_uri()


def test_a_broken_extra_is_refused(environment):
    """Airflow takes an extra that is no JSON for an empty one, which would drop TLS without a word."""
    with pytest.raises(ConfigurationError, match=r"'market_db'.*JSON"):
        define(environment, '{"sslmode": "require"').get_uri()


def test_numbers_and_switches_of_the_extra(environment):
    """JSON's numbers and truth values become libpq's text; what only Airflow's own hook reads is left out."""
    extra = json.dumps({"keepalives": False, "connect_timeout": 5, "sslmode": None, "cursor": "dictcursor"})
    assert parse_dsn(define(environment, extra).get_uri()) == {
        "user": "w", "password": "s3cret", "host": "h", "dbname": "m", "keepalives": "0", "connect_timeout": "5",
    }  # fmt: skip
