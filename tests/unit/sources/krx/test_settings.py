"""What the KRX settings take and refuse."""

from __future__ import annotations

import pytest

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.sources.krx.settings import KrxSettings
from tests.support.krx_answers import API_KEY


def test_defaults():
    """KRX's own server and its 10,000 calls a day."""
    settings = KrxSettings.from_env({"KRX_API_KEY": f" {API_KEY}  # a comment"})
    assert (settings.base_url, settings.daily_limit) == ("https://data-dbg.krx.co.kr", 10_000)
    assert (settings.api_key, settings.source_name) == (API_KEY, "krx")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "https://krx.example.org"])
def test_another_host_is_a_sandbox(url):
    """Rows of another server never pose as the exchange's."""
    environ = {"KRX_API_KEY": API_KEY, "KRX_API_BASE_URL": url, "KIS_ALLOWED_HOSTS": "krx.example.org"}
    assert KrxSettings.from_env(environ).source_name == "krx-sandbox"


@pytest.mark.parametrize(
    ("change", "variable"),
    [
        ({"KRX_API_KEY": ""}, "KRX_API_KEY"),
        ({"KRX_API_KEY": "a b"}, "KRX_API_KEY"),
        ({"KRX_API_BASE_URL": "http://data-dbg.krx.co.kr"}, "https://"),
        ({"KRX_API_BASE_URL": "http://192.168.0.7:8080"}, "https://"),
        ({"KRX_API_BASE_URL": "https://user:pw@data-dbg.krx.co.kr"}, "KRX_API_BASE_URL"),
        ({"KRX_API_BASE_URL": "nonsense"}, "KRX_API_BASE_URL"),
        ({"KRX_API_DAILY_LIMIT": "0"}, "KRX_API_DAILY_LIMIT"),
        ({"KRX_API_DAILY_LIMIT": "many"}, "KRX_API_DAILY_LIMIT"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_named(change, variable):
    """The message names the variable and shows neither the key nor a password."""
    with pytest.raises(ConfigurationError, match=variable) as caught:
        KrxSettings.from_env({"KRX_API_KEY": API_KEY} | change)
    assert API_KEY not in str(caught.value)
    assert "pw" not in str(caught.value)
