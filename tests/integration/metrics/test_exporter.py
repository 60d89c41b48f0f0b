"""The exporter as Prometheus and cron meet it."""

import json
import socket
import urllib.request
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from data_pipeline.cli import main
from data_pipeline.local.home import Home
from data_pipeline.local.metrics import exporter_of
from data_pipeline.metrics.table import METRICS


@pytest.fixture
def environ(shared, tmp_path, market_time):
    """The variables of an installation without keys, with a login that can only read."""
    return {
        "MARKET_DB_URL": shared.url("loader"),
        "MARKET_READER_URL": shared.url("reader"),
        "COORDINATION_URL": (tmp_path / "coordination").as_uri(),
        "DATA_PIPELINE_HOME": str(tmp_path),
        "MARKET_CLOCK": market_time,
    }


def values(text):
    """What stands in Prometheus's text format, read by its own parser."""
    return {
        (one.name, tuple(one.labels.items())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_it_is_read_over_http_on_this_machine_only(environ, tmp_path):
    """A scrape is the text format; the machine's other addresses do not answer."""
    with exporter_of(Home(tmp_path), environ, 30, 30).served(0) as (url, _):
        with urllib.request.urlopen(url) as answer:
            kind, text = answer.headers["Content-Type"], answer.read().decode()
        port = urlsplit(url).port
        with closing(socket.socket(socket.AF_INET)) as other, pytest.raises(OSError):
            other.connect(("127.0.0.2", port))
    found = values(text)
    assert kind.startswith("text/plain")
    assert (found["data_pipeline_warehouse_up", ()], found["data_pipeline_shared_state_up", ()]) == (1, 1)
    assert found["data_pipeline_rows_stored", (("dataset", "daily_bar"),)] == 0
    assert {name for name, _ in found} <= {one.full_name for one in METRICS.values()}


def test_a_database_that_is_away_is_a_figure(environ, tmp_path, caplog):
    """The figures of the shared state are still there, and the log says why without the password."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        away = f"postgresql://market_reader:hidden-word@127.0.0.1:{free.getsockname()[1]}/market"
        text = exporter_of(Home(tmp_path), {**environ, "MARKET_READER_URL": away}, 30, 30).text()
    found = values(text)
    assert (found["data_pipeline_warehouse_up", ()], found["data_pipeline_shared_state_up", ()]) == (0, 1)
    assert not any(name == "data_pipeline_rows_stored" for name, _ in found)
    assert "data_pipeline_warehouse_up is 0: ConnectionFailedError" in caplog.text
    assert "hidden-word" not in caplog.text + text


def test_a_login_that_may_write_is_not_used(environ, tmp_path, caplog):
    """The loader could change what it looks at."""
    found = values(exporter_of(Home(tmp_path), {**environ, "MARKET_READER_URL": ""}, 30, 30).text())
    assert found["data_pipeline_warehouse_up", ()] == 0
    assert "set MARKET_READER_URL to one that can" in caplog.text


def test_a_question_that_waits_too_long_is_stopped(environ, shared, tmp_path, caplog):
    """Somebody holds the seals for themselves: after the second that it may take, the warehouse counts as away."""
    with shared.connect("owner") as holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLE market.seal IN ACCESS EXCLUSIVE MODE")
        found = values(exporter_of(Home(tmp_path), environ, 30, 1).text())
    assert found["data_pipeline_warehouse_up", ()] == 0
    assert "statement_timeout" in caplog.text


def test_the_command_prints_the_same_as_json(environ, monkeypatch, capsys):
    """One array of names, values and labels; without --once it is refused in a sentence."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert main(["metrics", "--once", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"name": "warehouse_up", "value": 1.0, "labels": {}} in found
    assert main(["metrics", "--json"]) == 2
    assert "give --once too" in capsys.readouterr().err
    assert main(["metrics", "--once", "--days", "-1"]) == 2
    assert "--days must be from 0 to 3,660, not -1" in capsys.readouterr().err
