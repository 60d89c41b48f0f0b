"""What Airflow's processes are told."""

import json
from pathlib import Path
from pkgutil import resolve_name

import pytest

from data_pipeline.coordination.opening import open_store
from data_pipeline.exceptions import ConfigurationError
from data_pipeline.local.environment import (
    SANDBOX_KEY,
    SANDBOX_SECRET,
    SourceConnection,
    airflow_command,
    airflow_environment,
    official_connection,
    postgres_connection_json,
    sandbox_connection,
)
from data_pipeline.local.home import Home
from tests.support.project import ROOT


def test_sandbox_credentials_have_the_documented_lengths():
    """KIS app keys have 36 characters, secrets 180; the emulator refuses others."""
    assert (len(SANDBOX_KEY), len(SANDBOX_SECRET)) == (36, 180)


def test_a_connection_never_shows_its_secrets():
    """Its repr names the connection alone."""
    connection = SourceConnection("kis_default", "kis", "the-key", "the-secret")
    assert repr(connection) == "SourceConnection(kis_default, kis)"
    assert json.loads(connection.as_json())["password"] == "the-secret"


def test_a_postgres_url_becomes_a_connection():
    """Percent-encoded characters of the password are decoded."""
    assert json.loads(postgres_connection_json("postgresql://loader:p%40ss@127.0.0.1:5433/market")) == {
        "conn_type": "postgres",
        "host": "127.0.0.1",
        "port": 5433,
        "login": "loader",
        "password": "p@ss",
        "schema": "market",
    }


def test_airflow_is_told_where_everything_is(tmp_path: Path):
    """Examples are off, app keys are masked, and connections come from the environment."""
    source = sandbox_connection("http://127.0.0.1:9", 18.0)
    told = airflow_environment(
        Home(tmp_path).prepare(), "postgresql://a@h/airflow", "postgresql://b@h/market", source, {}
    )
    assert told["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert "appkey" in told["AIRFLOW__CORE__SENSITIVE_VAR_CONN_NAMES"]
    assert told["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == "postgresql+psycopg2://a@h/airflow"
    assert json.loads(told["AIRFLOW_CONN_KIS_DEFAULT"])["host"] == "http://127.0.0.1:9"


def test_no_proxy_stands_between_the_processes_of_one_machine(tmp_path: Path):
    """Whatever the environment keeps from its proxy stays so, and this machine is added."""
    source = sandbox_connection("http://127.0.0.1:9", 18.0)
    urls = ("postgresql://a@h/airflow", "postgresql://b@h/market")
    environ = {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "intern.example, localhost"}
    told = airflow_environment(Home(tmp_path).prepare(), *urls, source, environ)
    assert told["NO_PROXY"] == told["no_proxy"] == "intern.example,localhost,127.0.0.1,::1"


def test_airflows_database_may_not_fall_silent_without_end(tmp_path: Path):
    """What Airflow is told to import is there, and bounds a dead server and a transaction in which nothing happens."""
    source = sandbox_connection("http://127.0.0.1:9", 18.0)
    told = airflow_environment(Home(tmp_path).prepare(), "postgresql://a@h/airflow", "postgresql://b@h/m", source, {})
    names = [told[f"AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS{end}"] for end in ("", "_ASYNC")]
    sync, asynchronous = (resolve_name(name.replace(".metadata.", ".metadata:")) for name in names)
    assert (sync["tcp_user_timeout"], sync["keepalives"]) == ("60000", 1)
    assert sync["options"] == "-c idle_in_transaction_session_timeout=300000"
    assert asynchronous["server_settings"] == {"idle_in_transaction_session_timeout": "300000"}


def test_a_task_waits_for_a_busy_api(tmp_path: Path):
    """A busy machine takes longer for the first answer than Airflow waits, and a task that gives up spends a try.

    Containers are told the same.
    """
    source = SourceConnection("mock_default", "mock")
    told = airflow_environment(Home(tmp_path).prepare(), "postgresql://a@h/airflow", "postgresql://b@h/m", source, {})
    assert told["AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT"] == "60"
    assert 'AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT: "60"' in (ROOT / "docker-compose.yaml").read_text("utf-8")


def test_a_krx_key_becomes_the_official_connection(tmp_path: Path):
    """With a key Airflow knows where official bars come from; without one it does not."""
    source = sandbox_connection("http://127.0.0.1:9", 18.0)
    official = official_connection({"KRX_API_KEY": "K" * 40, "KRX_API_DAILY_LIMIT": "500  # of 10,000"})
    told = airflow_environment(
        Home(tmp_path).prepare(), "postgresql://a@h/airflow", "postgresql://b@h/market", source, {}, official
    )
    connection = json.loads(told["AIRFLOW_CONN_KRX_DEFAULT"])
    assert (connection["conn_type"], connection["password"]) == ("krx", "K" * 40)
    assert (connection["host"], connection["extra"]) == ("https://data-dbg.krx.co.kr", {"daily_limit": "500"})
    assert official_connection({"KRX_API_KEY": ""}) is None


def test_airflow_shares_a_clock_that_is_fixed(tmp_path: Path):
    """Its processes, begun one after the other, are told the moment together with the real one; or nothing at all."""
    source = sandbox_connection("http://127.0.0.1:9", 18.0)

    def told(environ: dict[str, str]) -> dict[str, str]:
        urls = ("postgresql://a@h/airflow", "postgresql://b@h/market")
        return airflow_environment(Home(tmp_path).prepare(), *urls, source, environ)

    moment, real = told({"MARKET_CLOCK": "2027-06-15T20:40"})["MARKET_CLOCK"].split("@")
    assert moment.startswith("2027-06-15T2")
    assert real.endswith("+00:00")
    assert "MARKET_CLOCK" not in told({})


@pytest.mark.parametrize("environ", [{"HOME": "/h"}, {"HOME": "/h", "XDG_STATE_HOME": "/x"}])
def test_airflow_shares_the_one_place_of_this_user(tmp_path: Path, environ: dict[str, str]):
    """`run` and `up` keep what they share where the command and Python keep it, unless a place is named."""
    source = sandbox_connection("http://127.0.0.1:9", 18.0)
    home = Home(tmp_path).prepare()

    def told(environ: dict[str, str]) -> str:
        return airflow_environment(home, "postgresql://a@h/a", "postgresql://b@h/m", source, environ)[
            "COORDINATION_URL"
        ]

    assert open_store(told(environ)).location("k") == open_store(environ=environ).location("k")
    assert told({**environ, "COORDINATION_URL": "redis://h/1"}) == "redis://h/1"


@pytest.mark.parametrize("named", [{}, {"NO_PROXY": "intranet"}, {"no_proxy": "intranet"}])
def test_no_proxy_is_asked_for_this_machine(tmp_path: Path, named: dict[str, str]):
    """Airflow's processes reach each other although the environment names a proxy; what else it says is kept."""
    environ = {"HOME": "/h", "HTTP_PROXY": "http://127.0.0.1:9", **named}
    source = sandbox_connection("http://127.0.0.1:9", 18.0)
    told = airflow_environment(Home(tmp_path).prepare(), "postgresql://a@h/a", "postgresql://b@h/m", source, environ)
    expected = ",".join([*named.values(), "127.0.0.1", "localhost", "::1"])
    assert (told["NO_PROXY"], told["no_proxy"], told["HTTP_PROXY"]) == (expected, expected, "http://127.0.0.1:9")


def test_without_airflow_the_message_names_the_extra(tmp_path: Path):
    """`run` and `up` need it; the package alone does not bring it."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "airflow").touch(mode=0o755)
    assert airflow_command(str(tmp_path / "bin" / "python")) == str(tmp_path / "bin" / "airflow")
    assert airflow_command("/nowhere/python", str(tmp_path / "bin")) == str(tmp_path / "bin" / "airflow")
    with pytest.raises(ConfigurationError, match="with its extra airflow"):
        airflow_command("/nowhere/python", str(tmp_path))
