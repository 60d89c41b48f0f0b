"""The warehouse hook: which connections it accepts, and what it says about those it does not."""

from __future__ import annotations

import json
import socket

import pytest

from data_pipeline.exceptions import ConfigurationError, ConnectionFailedError
from data_pipeline.hooks.warehouse import WarehouseHook

PASSWORD = "p@ss/word:?&"


@pytest.fixture
def connect(environment):
    """Define the connection market_db for one test."""

    def define(**fields):
        base = {"conn_type": "postgres", "host": "127.0.0.1", "schema": "market", "login": "w", "password": PASSWORD}
        environment(AIRFLOW_CONN_MARKET_DB=json.dumps(base | fields))
        return WarehouseHook()

    return define


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"conn_type": "mysql"}, "type postgres"),
        ({"host": ""}, "host and schema"),
        ({"schema": ""}, "host and schema"),
    ],
    ids=["type", "host", "database"],
)
def test_an_unusable_connection_is_named(connect, fields, words):
    """Nothing falls back to a default host or database: rows would end up somewhere else."""
    with pytest.raises(ConfigurationError, match=f"'market_db'.*{words}"):
        connect(**fields).get_conn()


def test_a_server_that_is_away_is_worth_another_try(connect):
    """Refused connections pass by themselves; the message names the server and hides a password full of signs."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectionFailedError) as caught:
        connect(port=port).get_conn()
    assert str(port) in str(caught.value)
    assert PASSWORD not in str(caught.value)
