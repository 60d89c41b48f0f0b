"""Which DAGs run by themselves once everything is up, and what is said then."""

import json
from pathlib import Path

import pytest

from data_pipeline.local.starting import served, what_is_up
from data_pipeline.local.up import Running

KIS = {"KIS_APP_KEY": "K" * 36, "KIS_APP_SECRET": "S" * 180}
KRX = {"KRX_API_KEY": "R" * 40}
OF_KIS = [
    "current_prices", "daily_bars", "heal_gaps", "index_bars", "investor_flows", "market_reference", "minute_bars",
    "order_books",
]  # fmt: skip
OF_KRX = ["daily_bars_official", "index_bars_official"]


@pytest.mark.parametrize(
    ("environ", "dags"),
    [
        ({}, OF_KIS),
        ({"DATA_SOURCE_TYPE": "mock", **KRX}, OF_KIS),
        ({**KIS, "KIS_USE_VIRTUAL_SERVER": "false"}, OF_KIS),
        ({**KIS, **KRX, "KIS_USE_VIRTUAL_SERVER": "false"}, sorted(OF_KIS + OF_KRX)),
        (KRX, OF_KRX),
    ],
    ids=["no key", "mock", "KIS", "both", "KRX"],
)
def test_a_source_is_asked_for_what_it_has(environ, dags):
    """KRX has no quotes and KIS no official figures; what is only started by hand is never unpaused."""
    assert served(environ) == dags


def test_at_the_end_it_says_where_to_look_and_as_whom(tmp_path):
    """The morning page has an address of its own, which leads a stranger to Airflow's login first."""
    file = tmp_path / "passwords.json"
    file.write_text(json.dumps({"admin": "drawn[x]"}))
    said = "\n".join(what_is_up(Running("http://127.0.0.1:8080", "admin", file, tmp_path), ["daily_bars"]))
    assert "The morning page: [bold]http://127.0.0.1:8080/plugin/market-data[/bold]" in said
    assert "user [bold]admin[/bold], password [bold]drawn\\[x][/bold]" in said
    assert "from now on: daily_bars" in said


def test_a_password_that_cannot_be_read_is_named_by_its_file():
    """Nothing is said to run by itself where nothing was unpaused."""
    said = "\n".join(what_is_up(Running("http://127.0.0.1:8080", "admin", Path("/no/such/file"), Path("/logs")), []))
    assert "password in /no/such/file" in said
    assert "by themselves" not in said
