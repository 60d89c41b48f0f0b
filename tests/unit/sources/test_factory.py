"""Which source is chosen, and what is said when none can be."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.sources.api_client import KISAPIClient
from data_pipeline.sources.factory import DataSourceFactory, DataSourceType, create_data_source
from tests.support.project import ROOT

KEYS = {"KIS_APP_KEY": "the-app-key", "KIS_APP_SECRET": "the-app-secret", "KIS_USE_VIRTUAL_SERVER": "false"}


@pytest.mark.parametrize(("kind", "environ", "name"), [
    (DataSourceType.MOCK, KEYS, "mock"),
    ("mock", {}, "mock"),
    (DataSourceType.KIS, {**KEYS, "DATA_SOURCE_TYPE": "mock"}, "kis"),
    (None, {**KEYS, "DATA_SOURCE_TYPE": "mock"}, "mock"),
    (None, {**KEYS, "DATA_SOURCE_TYPE": "KIS  # or 'mock' for testing"}, "kis"),
    (None, {**KEYS, "DATA_SOURCE_TYPE": "# Leave empty for auto-detection"}, "kis"),
    (None, {**KEYS, "KIS_USE_VIRTUAL_SERVER": "true"}, "kis-virtual"),
    (None, {**KEYS, "KIS_API_BASE_URL_REAL": "http://127.0.0.1:1"}, "kis-sandbox"),
    (None, {**KEYS, "KRX_API_KEY": "key"}, "kis"),
    (None, {"KRX_API_KEY": "key"}, "krx"),
    (None, {**KEYS, "KRX_API_KEY": "key", "DATA_SOURCE_TYPE": "krx"}, "krx"),
])  # fmt: skip
def test_choice(kind, environ, name):
    """The explicit kind wins, then DATA_SOURCE_TYPE, then the credentials."""
    with create_data_source(kind, environ) as source:
        assert source.name == name


def test_no_credentials_is_mock_and_said_loudly(caplog):
    """Without any credentials figures are made up, and a warning says so."""
    with caplog.at_level(logging.WARNING), create_data_source(None, {}) as source:
        assert source.name == "mock"
    assert "MADE UP" in caplog.text


@pytest.mark.parametrize(("kind", "environ", "said"), [
    (DataSourceType.KIS, {}, "KIS_APP_KEY is not set .No API key provided"),
    ("kis", {"KIS_APP_KEY": "key"}, "KIS_APP_SECRET"),
    (None, {"DATA_SOURCE_TYPE": "kis"}, "KIS_APP_KEY"),
    (None, {"KIS_APP_KEY": "key"}, "KIS_APP_SECRET"),
    (None, {"KIS_APP_SECRET": "secret"}, "KIS_APP_KEY"),
    (None, {"DATA_SOURCE_TYPE": "yahoo"}, "DATA_SOURCE_TYPE must be one of kis, krx, mock"),
    ("yahoo", KEYS, "DATA_SOURCE_TYPE"),
    (DataSourceType.KRX, {}, "KRX_API_KEY is not set .No API key provided"),
    (DataSourceType.KRX, KEYS, "KRX_API_KEY"),
    (None, {"KRX_API_KEY": "key", "KRX_API_DAILY_LIMIT": "-1"}, "KRX_API_DAILY_LIMIT"),
    (None, {**KEYS, "KIS_API_RATE_LIMIT": "fast"}, "KIS_API_RATE_LIMIT"),
    (None, {**KEYS, "COORDINATION_URL": "ftp://somewhere"}, "COORDINATION_URL"),
])  # fmt: skip
def test_missing_or_wrong_setting_is_named_and_never_mocked(kind, environ, said):
    """A kind that was asked for and cannot be had is an error that names the variable, never mock data."""
    with pytest.raises(ConfigurationError, match=said):
        create_data_source(kind, environ)


def test_rate_above_the_quota_is_said(caplog):
    """The README's 20 a second is more than KIS allows since 2026; it is used, and a warning says so."""
    with caplog.at_level(logging.WARNING):
        create_data_source(None, {**KEYS, "KIS_API_RATE_LIMIT": "20"}).close()
    assert "KIS_API_RATE_LIMIT 20 is above the 18 calls" in caplog.text
    assert "the-app-secret" not in caplog.text


@pytest.mark.parametrize(("given", "name"), [
    ({"use_virtual": True}, "kis-virtual"), ({"use_virtual": False}, "kis"), ({}, "kis-virtual"),
    ({"use_mock": True}, "mock"),
])  # fmt: skip
def test_client_arguments_win_over_the_environment(given, name):
    """What is given in the call is used, the rest is read."""
    environ = {**KEYS, "KIS_USE_VIRTUAL_SERVER": "true"}
    with KISAPIClient("a-key", "a-secret", **given, environ=environ) as client:
        assert client.source.name == name


def test_client_without_credentials():
    """The client raises what the README's troubleshooting names."""
    with pytest.raises(ConfigurationError, match="No API key provided"):
        KISAPIClient(environ={})


def test_client_needs_nothing_for_mock_data():
    """use_mock answers with no credential and no setting, and the records have the documented attributes."""
    with KISAPIClient(use_mock=True, environ={"KIS_API_RATE_LIMIT": "fast"}) as client:
        price = client.get_current_price("005930")
    assert (price.stock_name, price.current_price, price.volume) == ("Samsung Electronics", 71000, 25483920)


def _names_of_source(directory: Path, **environ: str) -> str:
    code = "from data_pipeline.sources.factory import create_data_source as c; print(c().name)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=directory, env={"PATH": os.environ["PATH"], "HOME": str(directory), "PYTHONPATH": str(ROOT), **environ},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


DOTENV = """\
# KIS API Credentials
KIS_APP_KEY=your$key
KIS_APP_SECRET="secret # not a comment"
KIS_USE_VIRTUAL_SERVER=true  # true=virtual, false=real
DATA_SOURCE_TYPE=                 # Leave empty for auto-detection
                                   # Options: kis, krx, mock
"""


@pytest.mark.thorough
def test_dotenv_of_the_working_directory(tmp_path):
    """.env is read as documented, and a variable that is set wins over it."""
    (tmp_path / ".env").write_text(DOTENV.replace(" # not a comment", ""), encoding="utf-8")
    assert _names_of_source(tmp_path) == "kis-virtual"
    assert _names_of_source(tmp_path, KIS_USE_VIRTUAL_SERVER="false") == "kis"
    assert _names_of_source(tmp_path, DATA_SOURCE_TYPE="mock") == "mock"


def test_given_environment_is_all_there_is(tmp_path):
    """A factory that is handed its variables reads neither the process's own nor .env."""
    assert DataSourceFactory({"DATA_SOURCE_TYPE": "mock"}).detect() is DataSourceType.MOCK
