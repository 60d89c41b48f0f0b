"""The approval key (웹소켓 접속키): what a registration of the live stream carries in place of key and token."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from data_pipeline.client.answer import read_object
from data_pipeline.client.scrub import scrubbed
from data_pipeline.client.session import HttpSession
from data_pipeline.client.token import Token, TokenManager
from data_pipeline.client.token_seal import TokenSeal
from data_pipeline.coordination.store import Store
from data_pipeline.exceptions import AuthenticationError, PayloadError, RequestRefusedError
from data_pipeline.settings.hidden import Hidden
from data_pipeline.sources.kis.parse_answer import refusal
from data_pipeline.sources.kis.parse_fields import Row

APPROVAL_PATH = "/oauth2/Approval"
KEPT_S = 12 * 3600.0
"""How long one is used; KIS honours it for 24 hours and says so nowhere in the answer."""
SPACING_S = 10.0
"""Seconds between two requests; KIS allows one a second."""


def approval_keys(
    name: str,
    pair: tuple[str, str],
    session: HttpSession,
    store: Store,
    sleep: Callable[[float], None] = time.sleep,
    wall: Callable[[], float] = time.time,
) -> TokenManager:
    """Return the manager of the approval key of one app key, which all processes share as they share its token.

    Args:
        name: The hashed app key.
        pair: App key and app secret; they leave for the REST server only, over TLS.
        session: Asks the REST server.
        store: Where the key is shared, sealed.
        sleep: Waits that many seconds.
        wall: Real time in seconds since 1970 (UTC).
    """
    key, secret = (Hidden(part) for part in pair)

    def issue() -> Token:
        where = "KIS Approval"
        request = {"grant_type": "client_credentials", "appkey": key, "secretkey": secret}
        response = session.post(APPROVAL_PATH, request, {"content-type": "application/json; charset=utf-8"})
        body = read_object(response, where)
        if response.status_code == 200 and "approval_key" in body:
            value = Hidden(Row(where, body).text("approval_key"))
            if not re.fullmatch(r"[!-~]+", value):
                raise PayloadError(f"{where}: field approval_key is not what is documented")
            return Token(value, wall() + KEPT_S)
        clean = scrubbed(response, [key, secret])
        error = refusal(clean, read_object(clean, where), where)
        if isinstance(error, RequestRefusedError) and response.status_code in {401, 403}:
            raise AuthenticationError(str(error), response=clean)
        raise error

    seal = TokenSeal(f"{name}-approval", secret)
    return TokenManager(store, seal, issue, wall, sleep, patience=30.0, spacing=SPACING_S)
