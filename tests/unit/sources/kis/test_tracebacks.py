"""A traceback that prints local variables, as some log formats and pytest do, shows no secret."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from data_pipeline.client.token_seal import TokenSeal
from data_pipeline.sources.kis.client import KisClient
from data_pipeline.sources.kis.endpoints import PRICE
from tests.support.kis_answers import APP_KEY, APP_SECRET

QUERY = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}
TOKEN = "token-of-a-traceback"


class InterruptedTaskError(Exception):
    """What a time limit of a task raises, wherever it is at the moment."""


def shown(error: BaseException) -> str:
    """The traceback with the local variables of every frame, those of other packages included."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


@pytest.fixture
def failing(make_client: Any, kis: Any) -> Any:
    """Lets a call end as told and returns the traceback's text."""

    def fail(issue: Any, price: Any) -> str:
        kis.answer("tokenP", issue)
        kis.answer("inquire-price", price)
        client: KisClient = make_client()
        with pytest.raises(Exception) as caught:
            client.call(PRICE, QUERY, "005930")
        return shown(caught.value)

    return fail


GOOD = f'{{"access_token": "{TOKEN}", "token_type": "Bearer", "expires_in": 86400}}'.encode()
BAD_TIME = GOOD[:-1] + b', "access_token_token_expired": "noon"}'


@pytest.mark.parametrize(
    ("issue", "price"),
    [
        (GOOD, b'{"rt_cd": "1", "msg_cd": "OPSQ0002", "msg1": "no"}'),
        (GOOD, b"[1]"),
        (GOOD, InterruptedTaskError()),
        (BAD_TIME, None),
        (InterruptedTaskError(), None),
        (b'{"error_code": "EGW00103", "access_token": 5}', None),
    ],
)
def test_no_frame_shows_a_secret(failing: Any, issue: Any, price: Any) -> None:
    """Neither the token nor the key or its secret, whether a call is refused, misread or interrupted."""
    # What this test itself holds is none of the package's.
    text = failing(issue, price).replace(repr(issue), "")
    assert "test_tracebacks" in text
    assert not any(secret in text for secret in (TOKEN, APP_KEY, APP_SECRET))


def test_a_seal_that_fails_shows_no_token() -> None:
    """What is opened is hidden, too."""
    seal = TokenSeal("k", "s" * 180)
    opened = seal.open(seal.close(TOKEN))
    assert opened == TOKEN
    assert TOKEN not in repr({"token": opened})
