"""The KRX hook: what it makes of a connection, what it refuses, and what it tells the log masker."""

from __future__ import annotations

import json
import socket

import pytest
from airflow.sdk import BaseHook
from airflow.sdk._shared.secrets_masker import redact

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.hooks.krx import KRXHook

API_KEY = "KRXKEYKRXKEY".ljust(40, "7")


@pytest.fixture
def connect(environment, tmp_path):
    """Define the connection krx_default for one test, with shared state of its own."""
    environment(COORDINATION_URL=tmp_path.as_uri())

    def define(password=API_KEY, host=None, **extra):
        connection = {"conn_type": "krx", "password": password, "host": host, "extra": extra}
        environment(AIRFLOW_CONN_KRX_DEFAULT=json.dumps(connection))
        return KRXHook()

    return define


def test_airflow_finds_the_hook_by_connection_type(connect):
    """A connection of type krx gives a KRXHook, so an operator needs no list of hooks."""
    connect()
    assert isinstance(BaseHook.get_connection("krx_default").get_hook(), KRXHook)


def test_building_a_source_sends_nothing(connect):
    """Nobody has knocked when the source is there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        with connect(base_url=address, environment="sandbox").get_conn() as source:
            assert source.name == "krx-sandbox"
        with pytest.raises(BlockingIOError):
            server.accept()


def test_the_fields_become_settings(connect):
    """Empty fields are the defaults; the host field is an address too."""
    settings = connect(environment="real", base_url="", daily_limit=None).settings()
    assert (settings.base_url, settings.daily_limit) == ("https://data-dbg.krx.co.kr", 10_000)
    assert (settings.api_key, settings.source_name) == (API_KEY, "krx")
    assert connect(host="http://127.0.0.1:9", daily_limit=500).settings().daily_limit == 500


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"password": ""}, "password"),
        ({"password": "with blank"}, "password"),
        ({"environment": "sandbox"}, "environment"),
        ({"environment": "real", "base_url": "http://127.0.0.1:9"}, "environment"),
        ({"base_url": "http://data-dbg.krx.co.kr"}, "base_url"),
        ({"base_url": "https://localhost\\.data-dbg.krx.co.kr"}, "base_url"),
        ({"host": "https://data-dbg.krx.co.kr\\.example"}, "base_url"),
        ({"daily_limit": 0}, "daily_limit"),
        ({"daily_limit": "many"}, "daily_limit"),
    ],
    ids=str,
)
def test_a_wrong_field_is_named(connect, change, field):
    """The message names the connection and the field, and no secret."""
    with pytest.raises(ConfigurationError, match=f"krx_default.*{field}") as caught:
        connect(**change).settings()
    assert API_KEY not in str(caught.value)


def test_the_key_is_masked_from_then_on(connect):
    """Whatever logs the key afterwards, logs asterisks; printing hook, settings and source tells nothing."""
    hook = connect()
    shown = repr(hook) + repr(hook.settings()) + repr(hook.get_conn())
    assert API_KEY not in shown
    assert redact(f"key {API_KEY}") == "key ***"


def test_testing_a_connection_tells_why_it_fails(connect):
    """A server that nobody listens at makes a sentence, not a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
    works, sentence = connect(host=address).test_connection()
    assert not works
    assert "the connection failed" in sentence
    assert "only to an address in the field host" in connect(base_url=address).test_connection()[1]
    assert API_KEY not in sentence


def test_a_fixed_clock_is_refused_beside_a_real_key(connect, environment):
    """Neither for a load nor for a test of the connection; an emulator may be asked on any day."""
    environment(MARKET_CLOCK="2027-06-15T11:00")
    with pytest.raises(ConfigurationError, match=r"MARKET_CLOCK fixes.*data-dbg\.krx\.co\.kr"):
        connect().get_conn()
    assert "MARKET_CLOCK" in connect().test_connection()[1]
    with connect(host="http://127.0.0.1:9").get_conn() as source:
        assert source.publication.last_published().isoformat() == "2027-06-14"
