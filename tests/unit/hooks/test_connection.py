"""What is said of a connection that cannot be meant, before anything is sent."""

from __future__ import annotations

import json

import pytest

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.hooks.kis import KISHook
from data_pipeline.hooks.krx import KRXHook
from data_pipeline.hooks.mock import MockHook
from data_pipeline.hooks.source import open_source
from data_pipeline.hooks.warehouse import WarehouseHook

KEY, SECRET = "PSAPPKEY".ljust(36, "7"), "SECRET/SECRET+".ljust(179, "3") + "="
KIS = {"conn_type": "kis", "login": KEY, "password": SECRET}
KRX = {"conn_type": "krx", "password": KEY}


@pytest.fixture
def said(environment):
    """What a hook says of a connection."""

    def read(hook, connection):
        text = connection if isinstance(connection, str) else json.dumps(connection)
        environment(**{f"AIRFLOW_CONN_{hook.default_conn_name.upper()}": text})
        with pytest.raises(ConfigurationError) as caught:
            hook().get_conn()
        assert SECRET not in str(caught.value)
        assert SECRET[:6] not in str(caught.value)
        assert caught.value.__cause__ is None
        return str(caught.value)

    return read


@pytest.mark.parametrize(
    ("hook", "connection", "field", "meant"),
    [
        (KISHook, KIS, "rate_limits", "did you mean 'rate_limit'?"),
        (KISHook, KIS, "Rate_Limit", "did you mean 'rate_limit'?"),
        (KISHook, KIS, "virtual", "there are account_number, app_key, base_url, "),
        (KRXHook, KRX, "daily_limits", "did you mean 'daily_limit'?"),
        (KRXHook, KRX, "rate_limit", "there are base_url, daily_limit, environment"),
        (MockHook, {"conn_type": "mock"}, "sead", "did you mean 'seed'?"),
    ],
)
def test_an_unknown_extra_field_is_named(said, hook, connection, field, meant):
    """With the nearest one, or with all there are; it would have no effect, and nobody would know."""
    message = said(hook, {**connection, "extra": {field: 1}})
    assert f"connection '{hook.default_conn_name}': its extra has no field {field!r}; {meant}" in message


@pytest.mark.parametrize(
    ("hook", "connection", "words"),
    [
        (KISHook, KRX, "connection 'kis_default' must be of type kis, not 'krx'"),
        (KRXHook, KIS, "connection 'krx_default' must be of type krx, not 'kis'"),
        (MockHook, {"conn_type": "http"}, "connection 'mock_default' must be of type mock, not 'http'"),
        (WarehouseHook, KIS, "connection 'market_db' must be of type postgres, not 'kis'"),
        (KISHook, {**KIS, "login": SECRET, "password": KEY}, "field 'login' holds 180 characters and field"),
        (KISHook, {**KIS, "login": f'"{KEY}"'}, "field 'login' begins or ends with a quote"),
        (KISHook, {**KIS, "password": f"'{SECRET}'"}, "field 'password' begins or ends with a quote"),
        (KRXHook, {**KRX, "password": f'"{KEY}"'}, "field 'password' begins or ends with a quote"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_named(said, hook, connection, words):
    """A wrong type, a key and a secret in each other's place, quotes around a key."""
    assert words in said(hook, connection)


@pytest.mark.parametrize(
    ("hook", "text"),
    [
        (KISHook, f"kis://{KEY}:{SECRET}@/?environment=real"),
        (KISHook, f"kis://{KEY}:SECRET#{SECRET}@/"),
        (KISHook, '{"conn_type": "kis", "password": "' + SECRET + '"oops"}'),
        (KRXHook, f"krx://:{SECRET}@"),
        (WarehouseHook, f"postgres://market_loader:{SECRET}@db:5432/market"),
        (WarehouseHook, f"postgres://market_loader:SECRET?{SECRET}@db:5432/market"),
    ],
)
def test_an_unescaped_password_is_never_repeated(said, hook, text):
    """The variable is named, and what to do about it."""
    message = said(hook, text)
    assert f"cannot read what AIRFLOW_CONN_{hook.default_conn_name.upper()} holds" in message
    assert "as JSON, or percent-encode" in message


def test_a_documented_uri_is_read(environment):
    """A secret that is percent-encoded arrives as it is, extra fields behind the question mark."""
    encoded = SECRET.replace("/", "%2F").replace("+", "%2B").replace("=", "%3D")
    environment(AIRFLOW_CONN_KIS_DEFAULT=f"kis://{KEY}:{encoded}@/?environment=real&rate_limit=15")
    settings = KISHook().settings()
    assert (settings.app_secret, settings.environment, settings.rate_limit) == (SECRET, "real", 15.0)


def test_a_connection_that_is_not_there_is_said():
    """By the hook as by a task."""
    for ask in (KISHook("nowhere").get_conn, lambda: open_source("nowhere")):
        with pytest.raises(ConfigurationError, match="connection 'nowhere': there is none of that name in Airflow"):
            ask()
