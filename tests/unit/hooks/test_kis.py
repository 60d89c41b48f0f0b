"""The KIS hook: what it makes of a connection, what it refuses, and what it tells the log masker."""

from __future__ import annotations

import json
import socket

import pytest
from airflow.sdk import BaseHook
from airflow.sdk._shared.secrets_masker import redact

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.hooks.kis import KISHook

APP_KEY = "PSAPPKEY".ljust(36, "7")
APP_SECRET = "SECRETSECRET".ljust(180, "3")
ACCOUNT = "87654321-01"


@pytest.fixture
def connect(environment, tmp_path):
    """Define the connection kis_default for one test, with shared state of its own."""
    environment(COORDINATION_URL=tmp_path.as_uri())

    def define(login=APP_KEY, password=APP_SECRET, host=None, **extra):
        connection = {"conn_type": "kis", "login": login, "password": password, "host": host, "extra": extra}
        environment(AIRFLOW_CONN_KIS_DEFAULT=json.dumps(connection))
        return KISHook()

    return define


@pytest.fixture
def silent_server():
    """A local server that only counts who knocks."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


def test_airflow_finds_the_hook_by_connection_type(connect):
    """A connection of type kis gives a KISHook, so an operator needs no list of hooks."""
    connect()
    assert isinstance(BaseHook.get_connection("kis_default").get_hook(), KISHook)


def test_building_a_source_sends_nothing(connect, silent_server):
    """No token, no master file: nobody has knocked when the source is there."""
    address = f"http://127.0.0.1:{silent_server.getsockname()[1]}"
    with connect(base_url=address, master_url=address).get_conn() as source:
        assert source.name == "kis-sandbox"
    with pytest.raises(BlockingIOError):
        silent_server.accept()


def test_the_fields_become_settings(connect):
    """Every field of the form arrives, numbers as numbers."""
    settings = connect(
        environment="virtual", rate_limit=0.5, queue_timeout=12, breaker_threshold=3, breaker_timeout=7,
        account_number=ACCOUNT, master_url="https://new.real.download.dws.co.kr",
    ).settings()  # fmt: skip
    assert (settings.environment, settings.rate_limit, settings.queue_timeout) == ("virtual", 0.5, 12.0)
    assert (settings.breaker_threshold, settings.breaker_timeout) == (3, 7.0)
    assert (settings.app_key, settings.app_secret, settings.account_number) == (APP_KEY, APP_SECRET, ACCOUNT)


def test_more_keys_and_quotas_become_settings(connect):
    """Further keys come as a JSON object, from the form as text, and are masked like the first."""
    more = {"PSMOREKEY".ljust(36, "8"): "MORESECRET".ljust(180, "4")}
    settings = connect(more_keys=json.dumps(more), rate_limit_per_minute=900, ledger_rate_limit=2).settings()
    assert settings.more_keys == tuple(more.items())
    assert (settings.rate_limit_per_minute, settings.ledger_rate_limit) == (900.0, 2.0)
    (pair,) = more.items()
    assert redact(" ".join(pair)) == "*** ***"


@pytest.mark.parametrize("field", ["PSKEY:secret", '["a"]', '{"a": 1}', '{"a": ""}', '{"a b": "c"}', 7])
def test_wrong_more_keys_are_named_and_not_shown(connect, field):
    """The message says what the field must be and repeats nothing of it."""
    with pytest.raises(ConfigurationError, match="field 'more_keys'") as caught:
        connect(more_keys=field).settings()
    assert "PSKEY" not in str(caught.value)
    assert "KIS_APP" not in str(caught.value)


@pytest.mark.parametrize(("server", "rate"), [("real", 18.0), ("virtual", 1.0)])
def test_an_empty_rate_is_what_kis_allows(connect, server, rate):
    """The form stores an empty number as null or as empty text; both mean the server's own quota."""
    assert connect(environment=server, rate_limit=None).settings().rate_limit == rate
    assert connect(environment=server, rate_limit="").settings().rate_limit == rate


def test_the_host_field_is_an_address_too(connect):
    """A connection written as a URL carries the address in its host."""
    assert connect(host="http://127.0.0.1:9").settings().base_url == "http://127.0.0.1:9"


def test_the_documented_switch_chooses_the_server(connect):
    """`use_virtual_server` true says what `environment` virtual says, for connections made from variables."""
    assert connect(use_virtual_server="true").settings().environment == "virtual"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"login": ""}, "login"),
        ({"password": ""}, "password"),
        ({"environment": "paper"}, "environment"),
        ({"rate_limit": 0}, "rate_limit"),
        ({"rate_limit": "many"}, "rate_limit"),
        ({"base_url": "not an address"}, "base_url"),
        ({"base_url": "https://localhost\\.koreainvestment.com"}, "base_url"),
        ({"host": "https://localhost\\.koreainvestment.com"}, "base_url"),
        ({"host": "http://emulator:8000"}, "base_url"),
        ({"master_url": "https://localhost\\.dws.co.kr"}, "master_url"),
        ({"breaker_threshold": "2.5"}, "breaker_threshold"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_field_is_named(connect, change, field):
    """The message names the connection and the field, and no secret."""
    with pytest.raises(ConfigurationError) as caught:
        connect(**change).settings()
    message = str(caught.value)
    assert "kis_default" in message
    assert field in message
    assert APP_KEY not in message
    assert APP_SECRET not in message


def test_missing_credentials_are_not_taken_from_the_environment(connect, environment):
    """A key in the environment may belong to another server; the connection alone decides."""
    environment(KIS_APP_KEY="K" * 36)
    with pytest.raises(ConfigurationError, match="login"):
        connect(login="").get_conn()


def test_secrets_are_masked_from_then_on(connect):
    """Whatever logs the key, the secret or the account afterwards, logs asterisks."""
    connect(account_number=ACCOUNT).settings()
    assert redact(f"a {APP_KEY} b {APP_SECRET} c {ACCOUNT}") == "a *** b *** c ***"


def test_a_hook_shows_no_secret(connect):
    """Printing the hook, its settings or its source tells nothing."""
    hook = connect(account_number=ACCOUNT)
    shown = repr(hook) + repr(hook.settings()) + repr(hook.get_conn())
    assert not any(secret in shown for secret in (APP_KEY, APP_SECRET, ACCOUNT))


def test_testing_a_connection_tells_why_it_fails(connect):
    """A server that nobody listens at makes a sentence, not a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
    works, sentence = connect(host=address, master_url=address).test_connection()
    assert not works
    assert "the connection failed" in sentence
    assert APP_SECRET not in sentence


@pytest.mark.parametrize("host", [None, "http://127.0.0.1:9"])
def test_a_test_sends_the_stored_secret_only_where_airflow_looks(connect, silent_server, host):
    """Airflow compares host and port with the stored ones; an address in the extra fields would get past it."""
    address = f"http://127.0.0.1:{silent_server.getsockname()[1]}"
    works, sentence = connect(host=host, base_url=address, master_url=address).test_connection()
    assert not works
    assert "only to an address in the field host" in sentence
    with pytest.raises(BlockingIOError):
        silent_server.accept()


def test_an_address_in_the_host_field_survives_airflows_test(connect, environment, silent_server):
    """Airflow hands the connection to the hook as a URI; the address comes out as it went in."""
    address = f"http://127.0.0.1:{silent_server.getsockname()[1]}"
    connect(host=address, rate_limit=3)
    environment(AIRFLOW_CONN_KIS_DEFAULT=BaseHook.get_connection("kis_default").get_uri())
    settings = KISHook().settings()
    assert (settings.base_url, settings.app_secret, settings.rate_limit) == (address, APP_SECRET, 3.0)


def test_a_host_is_named_by_the_process_and_not_by_the_connection(connect, environment):
    """Whoever may change a connection cannot choose where its secret goes."""
    with pytest.raises(ConfigurationError, match="KIS_ALLOWED_HOSTS"):
        connect(host="https://emulator:8000").settings()
    with pytest.raises(ConfigurationError, match="no field 'kis_allowed_hosts'"):
        connect(host="https://emulator:8000", kis_allowed_hosts="emulator").settings()
    environment(KIS_ALLOWED_HOSTS="emulator:8000")
    assert connect(host="http://emulator:8000").settings().source_name == "kis-sandbox"


def test_a_fixed_clock_is_refused_beside_a_real_key(connect, environment):
    """Neither for a load nor for a test of the connection; an emulator may be asked on any day."""
    environment(MARKET_CLOCK="2027-06-15T11:00")
    with pytest.raises(ConfigurationError, match=r"MARKET_CLOCK fixes.*openapivts\.koreainvestment\.com"):
        connect().get_conn()
    assert "MARKET_CLOCK" in connect().test_connection()[1]
    with connect(host="http://127.0.0.1:9").get_conn() as source:
        assert source.name == "kis-sandbox"


def test_the_app_key_may_stand_in_the_masked_field(connect):
    """The form shows the login as it was typed, and this one as dots; Airflow's log masker learns it all the same."""
    settings = connect(login=None, app_key=APP_KEY).settings()
    assert settings.app_key == APP_KEY
    assert APP_KEY not in redact(f"the key {APP_KEY}")


def test_two_app_keys_are_one_too_many(connect):
    """Nobody can tell which is meant; the same one twice is no contradiction, and neither is shown."""
    with pytest.raises(ConfigurationError, match="the field login and the field 'app_key' hold different") as raised:
        connect(app_key="X" * 36).settings()
    assert APP_KEY not in str(raised.value)
    assert connect(app_key=APP_KEY).settings().app_key == APP_KEY
