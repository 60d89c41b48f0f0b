"""KRX's Open API over the synthetic market: its key, its daily quota, its refusals and its empty blocks."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from data_pipeline.emulator import krx
from data_pipeline.emulator.exchange import WireError, dumps
from data_pipeline.emulator.found import found
from data_pipeline.emulator.kept import Kept
from data_pipeline.emulator.krx.rows import Service
from data_pipeline.emulator.log import key_hash
from data_pipeline.exceptions import ConfigurationError
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.origin import KRX_BEGINS, origin_of
from data_pipeline.market.publication import published_at

if TYPE_CHECKING:
    from data_pipeline.sources.mock.market import SyntheticMarket

SERVICES = {
    name: service
    for services in found(krx, "rows", dict)
    for name, service in services.items()
    if isinstance(service, Service)
}
"""The services that are served, by category and name, out of every file ``rows...`` of this folder."""
ROOT = "/svc/apis/"
KEY_LENGTH = 40
API_KEY = "EMULATOR" + "0" * 32
"""A key of the documented length (40) that the emulator accepts."""


@dataclass(slots=True)
class KrxRules:
    """What the KRX side of the emulator goes by; all of it can be changed through the control API."""

    keys: tuple[str, ...] | None = field(default=None, repr=False)
    """The keys that are known; None accepts any of 40 characters."""
    daily_limit: int = 10_000
    """Calls of one key from 00:00 to 24:00 in Seoul, by the market clock."""
    approved: tuple[str, ...] | None = None
    """The services that keys are approved for, as ``sto/stk_bydd_trd``; None for all."""
    blank_funds_when_closed: bool = False
    """Whether a closed day brings every ETF without figures, as was seen once, in place of an empty block."""
    after_market: bool = False
    """Whether volumes and values include an after-market (since 2026-09-14) that KIS's daily bars do not have."""

    def __post_init__(self) -> None:
        if self.daily_limit < 1:
            raise ConfigurationError(f"the emulator's daily limit must be at least 1, not {self.daily_limit}")


class EmulatedKrx:
    """Answers as KRX does, by rules that can be changed at any time."""

    def __init__(self, market: SyntheticMarket) -> None:
        self.rules = KrxRules()
        self.used: Counter[tuple[str, date]] = Counter()
        """Calls counted, by hashed key and day in Seoul."""
        self._market = market
        self._bodies = Kept(24)

    def answer(self, path: str, headers: Mapping[str, str], day: str, now: datetime, *, before: bool = False) -> bytes:
        """Return the body of one call.

        Args:
            path: With or without ``.json``.
            headers: Names in lower case.
            day: What ``basDd`` says; anything that is no session gets an empty block.
            now: The market's time.
            before: Answer with the rows of the session before, as a fault.

        Raises:
            WireError: The refusal: 401, 404 or 429.
        """
        name = path.removeprefix(ROOT).removesuffix(".json")
        key = headers.get("auth_key", "")
        known = self.rules.keys
        if len(key) != KEY_LENGTH if known is None else key not in known:
            raise _refused(401, "Unauthorized Key")
        service = SERVICES.get(name)
        if service is None:
            raise _refused(404, f"{path} does not exist.")
        if self.rules.approved is not None and name not in self.rules.approved:
            raise _refused(401, "Unauthorized API Call")
        self._count(key, now)
        return self._rows(service, _parse_day(day), now, before=before)

    def before(self, path: str, day: str, now: datetime) -> bytes:
        """Return the body that the session before a day has, for a lie about that day; it is not counted."""
        return self._rows(SERVICES[path.removeprefix(ROOT).removesuffix(".json")], _parse_day(day), now, before=True)

    def _count(self, key: str, now: datetime) -> None:
        cell = (key_hash(key), now.astimezone(SEOUL).date())
        if self.used[cell] >= self.rules.daily_limit:
            raise WireError(429, {"respMsg": "Limit Exceeded"})
        self.used[cell] += 1

    def _rows(self, service: Service, day: date | None, now: datetime, *, before: bool) -> bytes:
        calendar = self._market.calendar
        if day is None or not KRX_BEGINS <= day <= calendar.last_day:
            return _block([])
        if not calendar.is_session(day):
            blank = service.market == "ETF" and self.rules.blank_funds_when_closed and day < now.date()
            return self._body(service, calendar.previous_session(day), blank=day) if blank else _block([])
        if now < published_at(origin_of("krx"), day, calendar):
            return _block([])
        return self._body(service, calendar.previous_session(day) if before else day)

    def _body(self, service: Service, session: date, blank: date | None = None) -> bytes:
        def make() -> bytes:
            rows = service.rows(self._market, session, self.rules.after_market)
            return _block([_blanked(row, blank) for row in rows] if blank else rows)

        return self._bodies.get((service, session, blank, self.rules.after_market), make)


def asked_day(query: Mapping[str, str], body: bytes) -> str:
    """Return ``basDd`` of a GET's query (names in upper case) or a POST's JSON; empty when there is none."""
    if "BASDD" in query:
        return query["BASDD"]
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return ""
    return str(found.get("basDd", "")) if isinstance(found, dict) else ""


def _parse_day(text: str) -> date | None:
    if not re.fullmatch(r"[0-9]{8}", text):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def _blanked(row: Mapping[str, str], day: date) -> dict[str, str]:
    kept = {"BAS_DD": f"{day:%Y%m%d}", "ISU_CD": row["ISU_CD"], "ISU_NM": row["ISU_NM"]}
    return {**dict.fromkeys(row, ""), **kept}


def _block(rows: list[dict[str, str]]) -> bytes:
    return dumps({"OutBlock_1": rows})


def _refused(status: int, message: str) -> WireError:
    return WireError(status, {"respMsg": message, "respCode": str(status)})
