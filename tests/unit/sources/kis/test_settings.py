"""What the documented environment variables mean."""

from __future__ import annotations

import subprocess
import sys

import pytest

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.settings import text
from data_pipeline.sources.kis.settings import KisSettings

KEYS = {"KIS_APP_KEY": "the-app-key", "KIS_APP_SECRET": "the-app-secret"}


def test_documented_values_with_comments_behind_them():
    """Values are read as the README writes them, with blanks and a comment behind each."""
    settings = KisSettings.from_env(
        {
            **KEYS,
            "KIS_USE_VIRTUAL_SERVER": "true  # true=virtual, false=real",
            "KIS_API_RATE_LIMIT": "20             # Requests per second",
            "KIS_API_QUEUE_TIMEOUT": "30          # Queue timeout (seconds)",
            "KIS_API_CIRCUIT_BREAKER_THRESHOLD": "5   # Failures before opening",
            "KIS_API_CIRCUIT_BREAKER_TIMEOUT": "60    # Timeout before retry (seconds)",
            "KIS_CACHE_TTL_PRICE": "1800          # Current price: 30 minutes",
            "KIS_ACCOUNT_NUMBER": "12345678-01  # Optional, only for trading",
        }
    )
    assert (settings.use_virtual, settings.rate_limit, settings.queue_timeout) == (True, 20.0, 30.0)
    assert (settings.breaker_threshold, settings.breaker_timeout) == (5, 60.0)
    assert (settings.cache_ttl, settings.account_number) == ({"price": 1800.0}, "12345678-01")


def test_value_that_is_only_a_comment_is_not_set():
    """DATA_SOURCE_TYPE= with nothing but a comment behind it counts as empty."""
    assert text({"DATA_SOURCE_TYPE": "# Leave empty for auto-detection"}, "DATA_SOURCE_TYPE") == ""


def test_hash_inside_a_value_stays():
    """Only a hash at the start or after a blank begins a comment."""
    assert text({"KIS_APP_SECRET": "abc#def"}, "KIS_APP_SECRET") == "abc#def"


@pytest.mark.parametrize(("virtual", "rate", "url", "name"), [
    ("false", 18.0, "https://openapi.koreainvestment.com:9443", "kis"),
    ("", 1.0, "https://openapivts.koreainvestment.com:29443", "kis-virtual"),
    ("true", 1.0, "https://openapivts.koreainvestment.com:29443", "kis-virtual"),
])  # fmt: skip
def test_server_decides_address_quota_and_name(virtual, rate, url, name):
    """The real server allows 18 calls a second, the virtual one 1, which is the default; rows say which it was."""
    settings = KisSettings.from_env({**KEYS, "KIS_USE_VIRTUAL_SERVER": virtual})
    assert (settings.rate_limit, settings.base_url, settings.source_name) == (rate, url, name)


@pytest.mark.parametrize("virtual", ["true", "false"])
def test_foreign_host_is_a_sandbox(virtual):
    """A server that is not KIS's own makes every row kis-sandbox, and keeps which calls it offers."""
    settings = KisSettings.from_env(
        {
            **KEYS,
            "KIS_USE_VIRTUAL_SERVER": virtual,
            "KIS_API_BASE_URL_REAL": "http://127.0.0.1:8000",
            "KIS_API_BASE_URL_VIRTUAL": "http://127.0.0.1:8000",
        }
    )
    assert (settings.source_name, settings.use_virtual) == ("kis-sandbox", virtual == "true")
    assert settings.master_url == "http://127.0.0.1:8000"


@pytest.mark.parametrize("url", ["https://evilkoreainvestment.com", "https://koreainvestment.com.evil.example"])
def test_lookalike_host_is_never_kis(url):
    """A host that only looks like KIS's own gets no key, and when somebody names it all the same it is a sandbox."""
    with pytest.raises(ConfigurationError, match="KIS_ALLOWED_HOSTS"):
        KisSettings("key", "secret", base_url=url)
    named = (url.removeprefix("https://"),)
    assert KisSettings("key", "secret", base_url=url, allowed_hosts=named).source_name == "kis-sandbox"


def test_foreign_master_is_a_sandbox():
    """Made-up names beside real prices are made up."""
    assert KisSettings("key", "secret", master_url="http://127.0.0.1:1").source_name == "kis-sandbox"


def test_master_is_the_official_one_by_default():
    """The stock master comes from KIS's own file server."""
    assert KisSettings("key", "secret").master_url == "https://new.real.download.dws.co.kr"


@pytest.mark.parametrize(("variable", "value"), [
    ("KIS_USE_VIRTUAL_SERVER", "perhaps"),
    ("KIS_API_RATE_LIMIT", "fast"),
    ("KIS_API_RATE_LIMIT", "0"),
    ("KIS_API_RATE_LIMIT", "-1"),
    ("KIS_API_RATE_LIMIT", "nan"),
    ("KIS_API_RATE_LIMIT", "1e400"),
    ("KIS_API_QUEUE_TIMEOUT", "0"),
    ("KIS_API_CIRCUIT_BREAKER_THRESHOLD", "2.5"),
    ("KIS_API_CIRCUIT_BREAKER_TIMEOUT", "soon"),
    ("KIS_CACHE_TTL_CHART", "-5"),
    ("KIS_API_BASE_URL_REAL", "openapi.koreainvestment.com:9443"),
    ("KIS_API_BASE_URL_REAL", "ftp://openapi.koreainvestment.com"),
    ("KIS_API_BASE_URL_REAL", "http://openapi.koreainvestment.com:9443"),
    ("KIS_API_BASE_URL_REAL", "https://user:password@example.com"),
    ("KIS_API_BASE_URL_REAL", "https://host:notaport"),
    ("KIS_MASTER_BASE_URL", "new.real.download.dws.co.kr"),
    ("KIS_APP_KEY", ""),
    ("KIS_APP_KEY", "key with blanks"),
    ("KIS_APP_SECRET", ""),
    ("KIS_APP_SECRET", "비밀"),
])  # fmt: skip
def test_bad_value_names_its_variable(variable, value):
    """A missing or wrong value is a ConfigurationError that names the variable, and a ValueError."""
    with pytest.raises(ConfigurationError, match=variable) as caught:
        KisSettings.from_env({**KEYS, "KIS_USE_VIRTUAL_SERVER": "false", variable: value})
    assert isinstance(caught.value, ValueError)
    assert "password@" not in str(caught.value)
    assert "the-app-secret" not in str(caught.value)


def test_missing_key_says_so_in_the_documented_words():
    """The README's troubleshooting text is part of the message."""
    with pytest.raises(ConfigurationError, match="No API key provided"):
        KisSettings.from_env({})


def test_real_flag_with_the_virtual_address_is_refused():
    """A key of one server at the other one is a mistake that is found before any call."""
    virtual = "https://openapivts.koreainvestment.com:29443"
    with pytest.raises(ConfigurationError, match="KIS_USE_VIRTUAL_SERVER"):
        KisSettings.from_env({**KEYS, "KIS_USE_VIRTUAL_SERVER": "false", "KIS_API_BASE_URL_REAL": virtual})


def test_an_address_of_the_server_that_nobody_chose_is_said():
    """Whoever names an emulator for the real server alone would ask KIS's virtual server without knowing it."""
    emulator = {**KEYS, "KIS_API_BASE_URL_REAL": "http://127.0.0.1:8000"}
    with pytest.raises(ConfigurationError, match="set KIS_USE_VIRTUAL_SERVER=false"):
        KisSettings.from_env(emulator)
    assert KisSettings.from_env({**emulator, "KIS_USE_VIRTUAL_SERVER": "true"}).source_name == "kis-virtual"


@pytest.mark.parametrize("quotes", ['""', "''", "“”"])
@pytest.mark.parametrize("variable", ["KIS_APP_KEY", "KIS_APP_SECRET"])
def test_quotes_around_a_key_are_named(variable, quotes):
    """They would be sent as a part of it, and KIS would only say that the key is invalid."""
    quoted = f"{quotes[0]}{KEYS[variable]}{quotes[1]}"
    with pytest.raises(ConfigurationError, match=f"{variable} begins or ends with a quote") as caught:
        KisSettings.from_env({**KEYS, variable: quoted})
    assert KEYS[variable] not in str(caught.value)


@pytest.mark.parametrize("end", ["", "_2"])
def test_a_key_and_a_secret_in_each_others_place_are_named(end):
    """KIS gives keys of 36 characters and secrets of 180."""
    swapped = {f"KIS_APP_KEY{end}": "S" * 180, f"KIS_APP_SECRET{end}": "K" * 36}
    with pytest.raises(ConfigurationError, match=f"KIS_APP_KEY{end} holds 180 .* swap them"):
        KisSettings.from_env(KEYS | swapped)


def test_repr_shows_no_secret():
    """Key, secret and account number stay out of logs."""
    shown = repr(KisSettings("the-app-key", "the-app-secret", account_number="12345678-01"))
    assert not any(secret in shown for secret in ("the-app-key", "the-app-secret", "12345678"))


@pytest.mark.thorough
def test_import_needs_neither_airflow_nor_pandas():
    """Importing the package stays light."""
    code = "import sys, data_pipeline.sources.kis.source; print({'airflow', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
