"""What stands before every quotation: headers, server kind, quota and token."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from data_pipeline.emulator.exchange import WireError
from data_pipeline.emulator.kis.auth import TokenDesk
from data_pipeline.emulator.kis.errors import gateway_error
from data_pipeline.emulator.kis.gate import Gate
from data_pipeline.emulator.kis.wire import Endpoint
from data_pipeline.emulator.settings import EmulatorSettings


class Gateway:
    """Checks calls in the gateway's order and holds the quotas.

    Args:
        settings: The server's kind and first quotas.
        desk: Knows the tokens.
        monotonic: The clock of the quotas, in seconds.
    """

    def __init__(
        self, settings: EmulatorSettings, desk: TokenDesk, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._desk = desk
        self.gate = Gate(settings.quota, settings.per_minute, settings.window, monotonic)
        self.ledger_gate = Gate(settings.ledger_quota, None, settings.window, monotonic)

    def check_headers(self, headers: Mapping[str, str], endpoint: Endpoint) -> None:
        """Refuse a call whose key, customer type or TR is wrong, or whose TR this server lacks; nothing is counted."""
        try:
            self._desk.check_key(headers.get("appkey", ""), headers.get("appsecret", ""))
        except WireError as error:
            raise gateway_error(error.code) from None
        if headers.get("custtype", "P") not in ("P", "B"):
            raise gateway_error("EGW00208")
        if headers.get("tr_id") != endpoint.tr_id:
            raise gateway_error("EGW00203")
        if self._settings.server == "virtual" and not endpoint.virtual:
            raise gateway_error("EGW02006")

    def check_quota(self, key: str, endpoint: Endpoint) -> None:
        """Count the call on its arrival or reject it: EGW00201, and EGW00215 for ledger TRs, which count apart."""
        if endpoint.ledger:
            if not self.ledger_gate.admit(key):
                raise gateway_error("EGW00215")
        elif not self.gate.admit(key):
            raise gateway_error("EGW00201")

    def check_token(self, headers: Mapping[str, str]) -> None:
        """Refuse a call without a living token of its key (EGW00121, EGW00123)."""
        self._desk.check(headers.get("authorization", ""), headers.get("appkey", ""))
