"""Several app keys: how they are set, how work spreads over them, and which quota a call counts against."""

from __future__ import annotations

import pytest

from data_pipeline.client.circuit_breaker import CircuitState
from data_pipeline.exceptions import (
    AuthenticationError,
    CircuitOpenError,
    ConfigurationError,
    QueueTimeoutError,
    ServerFailureError,
)
from data_pipeline.sources.kis.endpoints import HOLIDAYS, PRICE, STOCK_INFO
from data_pipeline.sources.kis.settings import KisSettings
from tests.support.kis_answers import APP_KEY

SECOND = ("PSZYXWVUTS-app-key", "another-secret-secret")
KEYS = {"KIS_APP_KEY": "the-app-key", "KIS_APP_SECRET": "the-app-secret"}
DONE = {"rt_cd": "0", "msg_cd": "MCA00000", "msg1": "", "output": {}}


def keys_asked(kis, path):
    """The app key of each call of that path, in order."""
    return [headers.get("appkey") for asked, _, headers in kis.asked if asked.endswith(path)]


def test_numbered_pairs_become_more_keys():
    """_2 and _3 are read in the order of their numbers; an empty pair is none."""
    more = {"KIS_APP_KEY_3": "c", "KIS_APP_SECRET_3": "z", "KIS_APP_KEY_2": "b  # second", "KIS_APP_SECRET_2": "y"}
    settings = KisSettings.from_env({**KEYS, **more, "KIS_APP_KEY_4": "", "KIS_APP_SECRET_4": ""})
    assert settings.key_pairs == (("the-app-key", "the-app-secret"), ("b", "y"), ("c", "z"))
    assert "the-app-secret" not in repr(settings)
    assert "'y'" not in repr(settings)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"KIS_APP_KEY_2": "b"}, "KIS_APP_SECRET_2 is not set"),
        ({"KIS_APP_SECRET_2": "hidden-thing"}, "KIS_APP_KEY_2 is not set"),
        ({"KIS_APP_KEY_2": "b b", "KIS_APP_SECRET_2": "y"}, "KIS_APP_KEY_2 holds"),
        ({"KIS_APP_KEY_2": "the-app-key", "KIS_APP_SECRET_2": "y"}, "one key twice"),
        ({"KIS_API_RATE_LIMIT_PER_MINUTE": "0"}, "KIS_API_RATE_LIMIT_PER_MINUTE"),
        ({"KIS_API_LEDGER_RATE_LIMIT": "nan"}, "KIS_API_LEDGER_RATE_LIMIT"),
    ],
)
def test_keys_and_quotas_that_cannot_be_used_are_named(change, name):
    """The message names the variable, and repeats no key or secret."""
    with pytest.raises(ConfigurationError, match=name) as caught:
        KisSettings.from_env({**KEYS, **change})
    assert "hidden-thing" not in str(caught.value)


def test_work_spreads_over_the_keys_and_budgets_add_up(kis, make_client, fake_time):
    """Forty calls on two keys of 10 a second take no longer than twenty on one."""
    kis.answer("inquire-price", DONE)
    client = make_client(rate_limit=10.0, more_keys=(SECOND,))
    began = fake_time.seconds
    for _ in range(40):
        client.call(PRICE, {}, "005930")
    assert fake_time.seconds - began <= 2.05
    asked = keys_asked(kis, "inquire-price")
    assert (asked.count(APP_KEY), asked.count(SECOND[0])) == (20, 20)
    assert [limiter.sends() for limiter in client.limiters] == [20, 20]
    assert client.requests_sent == 40


def test_each_key_has_a_token_of_its_own(kis, make_client):
    """Two keys ask for two tokens, once each."""
    kis.answer("inquire-price", DONE)
    client = make_client(rate_limit=10.0, more_keys=(SECOND,))
    for _ in range(6):
        client.call(PRICE, {}, "005930")
    assert len([path for path, _, _ in kis.asked if path.endswith("tokenP")]) == 2


def test_the_breaker_belongs_to_the_server(kis, make_client):
    """A server that fails is left alone by every key."""
    kis.answer("inquire-price", (503, "<html></html>"))
    with pytest.raises(ServerFailureError):
        make_client(breaker_threshold=3).call(PRICE, {}, "005930")
    other = make_client(breaker_threshold=3, app_key_and_secret=SECOND)
    assert other.breaker.state is CircuitState.OPEN
    with pytest.raises(CircuitOpenError):
        other.call(PRICE, {}, "005930")


def test_ledger_calls_have_a_quota_of_their_own(kis, make_client, fake_time):
    """EGW00215 counts apart: a slow ledger keeps no quote waiting, and quotes keep no ledger call waiting."""
    for path in ("inquire-price", "search-stock-info", "chk-holiday"):
        kis.answer(path, DONE)
    client = make_client(rate_limit=1000.0, ledger_rate_limit=1.0)
    client.call(STOCK_INFO, {}, "005930")
    began = fake_time.seconds
    for _ in range(5):
        client.call(PRICE, {}, "005930")
    assert fake_time.seconds - began < 0.1
    client.call(HOLIDAYS, {}, "005930")
    assert fake_time.seconds - began > 0.9
    assert client.requests_sent == 7


def test_a_refused_second_key_is_an_error_without_its_secret(kis, make_client):
    """A key that KIS does not know is not passed over in silence."""
    refused = {"error_code": "EGW00103", "error_description": f"no such key {SECOND[0]} {SECOND[1]}"}
    kis.answer("tokenP", (403, refused))
    with pytest.raises(AuthenticationError) as caught:
        make_client(app_key_and_secret=SECOND).call(PRICE, {}, "005930")
    assert SECOND[0] not in str(caught.value)
    assert SECOND[1] not in str(caught.value)


def test_a_key_that_others_have_booked_meanwhile_is_left_for_another(kis, make_client):
    """Another process books three seconds of the first key within a second: the call waits for the second key."""
    kis.answer("inquire-price", DONE)
    few = {"rate_limit": 1.0, "queue_timeout": 2.5}
    client, other = make_client(more_keys=(SECOND,), **few), make_client(**few)
    for _ in range(2):
        client.call(PRICE, {}, "005930")
    for _ in range(2):
        other.limiters[0].reserve()
    client.limiters[1].reserve()  # so that the first key seems to be the sooner one
    client.call(PRICE, {}, "005930")
    assert keys_asked(kis, "inquire-price") == [APP_KEY, SECOND[0], SECOND[0]]
    with pytest.raises(QueueTimeoutError):
        make_client(rate_limit=1.0, queue_timeout=0.1).call(PRICE, {}, "005930")
