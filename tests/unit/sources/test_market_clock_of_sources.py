"""Sources live by the market's clock, and the vendors' own servers only by the real one, whoever makes the source.

Facts: 22 and 23 September 2026 (Tuesday, Wednesday) are sessions; KRX publishes a session from 08:00 of the next one.
"""

from __future__ import annotations

import os
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from data_pipeline.cli import main
from data_pipeline.coordination.file import FileStore
from data_pipeline.exceptions import ConfigurationError, NotPublishedError
from data_pipeline.market.clock import market_now, real_now
from data_pipeline.market.trading_calendar import SEOUL
from data_pipeline.sources.api_client import KISAPIClient
from data_pipeline.sources.factory import create_data_source
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource

KIS = {"KIS_APP_KEY": "K" * 36, "KIS_APP_SECRET": "S" * 180, "KIS_USE_VIRTUAL_SERVER": "false"}
KRX = {"KRX_API_KEY": "R" * 40}
NOWHERE = "http://127.0.0.1:9"
EMULATED = {"KIS_API_BASE_URL_REAL": NOWHERE, "KRX_API_BASE_URL": NOWHERE}
REAL = [
    pytest.param("kis", KIS, "openapi.koreainvestment.com", id="kis"),
    pytest.param("kis", KIS | {"KIS_USE_VIRTUAL_SERVER": "true"}, "openapivts.koreainvestment.com", id="virtual"),
    pytest.param("krx", KRX, "data-dbg.krx.co.kr", id="krx"),
]


def exchange(environ) -> Any:
    """The exchange as a source, with what only it has."""
    return create_data_source("krx", environ)


@pytest.fixture
def fix(monkeypatch):
    """Fix the market's clock of this process."""
    return lambda moment: monkeypatch.setenv("MARKET_CLOCK", moment)


@pytest.mark.parametrize(("kind", "keys", "host"), REAL)
def test_real_credentials_are_refused_in_python(fix, kind, keys, host):
    """Whether the clock is the process's or stands beside the keys; the sentence names the variable and the server."""
    for environ in (keys, keys | {"MARKET_CLOCK": "2027-06-15T11:00"}):
        with pytest.raises(ConfigurationError, match=f"MARKET_CLOCK fixes .*{host}"):
            create_data_source(kind, environ | {"MARKET_CLOCK": "2027-06-15T11:00"})
        fix("2027-06-15T11:00")
        with pytest.raises(ConfigurationError, match=f"MARKET_CLOCK fixes .*{host}"):
            create_data_source(kind, environ)


def test_the_documented_client_is_refused_too(fix, tmp_path):
    """As is the source itself when it is handed the market's clock."""
    fix("2027-06-15T11:00")
    with pytest.raises(ConfigurationError, match="MARKET_CLOCK"):
        KISAPIClient("K" * 36, "S" * 180, environ={})
    with pytest.raises(ConfigurationError, match="MARKET_CLOCK"):
        KISDataSource(KisSettings("K" * 36, "S" * 180), FileStore(tmp_path), clock=market_now)


@pytest.mark.parametrize("words", [
    ("run",), ("up",), ("budget",), ("backfill", "--dry-run", "--dataset", "daily_bar", "--first", "2026-09-01"),
    ("backfill", "--dry-run", "--dataset", "daily_bar", "--first", "2026-09-01", "--source", "krx"),
])  # fmt: skip
def test_real_credentials_are_refused_by_the_command(fix, monkeypatch, tmp_path, capsys, words):
    """Before anything is started or made, which this home would not allow: exit code 2 and one sentence."""
    no_folder = tmp_path / "file"
    no_folder.touch()
    for name, value in (KIS | KRX | {"DATA_PIPELINE_HOME": str(no_folder / "home")}).items():
        monkeypatch.setenv(name, value)
    fix("2027-06-15T11:00")
    assert main(words) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "ConfigurationError: MARKET_CLOCK fixes the market's clock, and these credentials lead to https://" in said


def test_a_wrong_moment_is_one_sentence(fix, capsys):
    """The command says what the variable must be."""
    fix("tomorrow")
    assert main(["coverage"]) == 2
    assert "MARKET_CLOCK must be a moment like" in capsys.readouterr().err


def test_an_emulator_may_be_asked_on_another_day(fix):
    """Its rows are made up anyway."""
    fix("2027-06-15T11:00")
    for kind in ("kis", "krx"):
        with create_data_source(kind, KIS | KRX | EMULATED) as source:
            assert source.name == f"{kind}-sandbox"


def test_the_exchange_publishes_by_the_market_s_clock(fix):
    """A minute before eight the Tuesday is not there yet, a minute after it must be."""
    fix("2026-09-23T07:59")
    with exchange(KRX | EMULATED) as source:
        assert source.publication.last_published() == date(2026, 9, 21)
        with pytest.raises(NotPublishedError, match="from 2026-09-23 08:00"):
            source.market_bars(date(2026, 9, 22))
    fix("2026-09-23T08:01")
    with exchange(KRX | EMULATED) as source:
        assert source.publication.last_published() == date(2026, 9, 22)
        assert source.market_bars(date(2026, 9, 22)) is not None


@pytest.mark.thorough
def test_the_synthetic_market_follows_a_fixed_clock(fix):
    """Without one it stands still at its reference moment, the documented answers' own."""
    with create_data_source("mock", {}) as source:
        assert source.get_order_book("005930").timestamp.startswith("2026-11-20T20:30")
    fix("2027-06-15T11:00")
    for client in (create_data_source("mock", {}), KISAPIClient(use_mock=True)):
        assert client.get_order_book("005930").timestamp.startswith("2027-06-15T")


def test_a_sandbox_counts_its_days_apart(fix, tmp_path):
    """The calls of the exchange's own day are neither used up nor forgotten by days that never were."""
    shared = {"COORDINATION_URL": tmp_path.as_uri(), "KRX_API_DAILY_LIMIT": "5"} | KRX
    with exchange(shared) as real:
        real.client.quota.take()
    for moment in ("2027-06-15T11:00", "2027-06-16T11:00", "2027-06-17T11:00"):
        fix(moment)
        with exchange(shared | EMULATED) as sandbox:
            assert sandbox.client.quota.left() == 5
            sandbox.client.quota.take()
    fix("")
    with exchange(shared) as real:
        assert real.client.quota.left() == 4


def test_the_command_s_clock_is_its_children_s(fix, monkeypatch, tmp_path, capsys):
    """After any command the variable names the moment together with the real one at which it was read."""
    monkeypatch.setenv("DATA_PIPELINE_HOME", str(tmp_path))
    fix("2026-09-23T07:59")
    main(["calendar", "show", "2026"])
    moment, real = map(datetime.fromisoformat, os.environ["MARKET_CLOCK"].split("@"))
    assert moment - datetime(2026, 9, 23, 7, 59, tzinfo=SEOUL) < timedelta(minutes=1)
    assert abs(real_now() - real) < timedelta(minutes=1)
    assert "2026" in capsys.readouterr().out
