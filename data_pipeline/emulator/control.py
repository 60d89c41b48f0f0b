"""The control API under ``/emulator/``: health, log, faults, clock, limits. It is not part of anybody's wire."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from pydantic import BaseModel

from data_pipeline.emulator.faults import KINDS
from data_pipeline.emulator.kis.stream.control import add_stream
from data_pipeline.exceptions import ConfigurationError, InvalidRequestError

if TYPE_CHECKING:
    from data_pipeline.emulator.server import EmulatedServer


class ClockChange(BaseModel):
    """What PUT /emulator/clock takes."""

    now: datetime | None = None
    """The market's time from this moment on; without a zone it is Seoul's; null goes back to the environment's."""
    frozen: bool = False
    """Whether the clock stands still."""
    rate: float = 1.0
    """Seconds of the market in a second of real time."""


class LimitChange(BaseModel):
    """What PUT /emulator/limits takes; what is left out stays as it is."""

    rate: int | None = None
    ledger_rate: int | None = None
    per_minute: int | None = None
    """0 takes the hidden per-minute limit away."""
    window: str | None = None


class KrxChange(BaseModel):
    """What PUT /emulator/krx takes; what is left out stays as it is."""

    daily_limit: int | None = None
    """Calls of one key and day in Seoul."""
    keys: tuple[str, ...] | None = None
    """The keys that are known; an empty list accepts any of the documented length."""
    approved: tuple[str, ...] | None = None
    """The services that may be called, as ``sto/stk_bydd_trd``; an empty list allows all."""
    blank_funds_when_closed: bool | None = None
    after_market: bool | None = None


def control_routes(server: EmulatedServer) -> APIRouter:
    """Return the control API of one emulated server."""
    routes = APIRouter(prefix="/emulator", tags=["emulator"])
    _add_state(routes, server)
    _add_krx(routes, server)
    _add_log(routes, server)
    _add_faults(routes, server)
    add_stream(routes, server.stream)
    return routes


def _add_state(routes: APIRouter, server: EmulatedServer) -> None:
    @routes.get("/health")
    async def health() -> dict[str, Any]:
        return {"status": "ok", "server": server.settings.server, "clock": _clock(server), "limits": _limits(server)}

    @routes.get("/clock")
    async def clock() -> dict[str, Any]:
        return _clock(server)

    @routes.put("/clock")
    async def set_clock(change: ClockChange) -> dict[str, Any]:
        server.clock.set(change.now, frozen=change.frozen, rate=change.rate)
        return _clock(server)

    @routes.get("/limits")
    async def limits() -> dict[str, Any]:
        return _limits(server)

    @routes.put("/limits")
    async def set_limits(change: LimitChange) -> dict[str, Any]:
        gate, ledger = server.gateway.gate, server.gateway.ledger_gate
        per_minute = gate.per_minute if change.per_minute is None else change.per_minute or None
        window = change.window or gate.window
        try:
            gate.change(_or(change.rate, gate.rate), per_minute, window)
            ledger.change(_or(change.ledger_rate, ledger.rate), None, window)
        except ConfigurationError as error:
            raise HTTPException(422, str(error)) from None
        return _limits(server)


def _add_krx(routes: APIRouter, server: EmulatedServer) -> None:
    @routes.get("/krx")
    async def krx() -> dict[str, Any]:
        return _krx(server)

    @routes.put("/krx")
    async def set_krx(change: KrxChange) -> dict[str, Any]:
        given = {name: value for name, value in change.model_dump().items() if value is not None}
        given |= {name: given[name] or None for name in ("keys", "approved") if name in given}
        try:
            server.krx.rules = replace(server.krx.rules, **given)
        except ConfigurationError as error:
            raise HTTPException(422, str(error)) from None
        return _krx(server)


def _add_log(routes: APIRouter, server: EmulatedServer) -> None:
    @routes.get("/requests")
    async def requests(
        summary: bool = False,
        path: str | None = None,
        tr_id: str | None = None,
        key: str | None = None,
        stock_code: str | None = None,
        code: str | None = None,
        accepted: bool | None = None,
        since: int = 0,
        limit: int = 1000,
    ) -> Any:
        if summary:
            return {**server.log.summary(), "tokens_issued": server.desk.issued}
        wanted = {"path": path, "tr_id": tr_id, "key": key, "stock_code": stock_code, "code": code}
        return server.log.entries(since=since, limit=limit, accepted=accepted, **wanted)

    @routes.delete("/requests")
    async def forget_requests() -> dict[str, int]:
        forgotten = server.log.total
        server.log.clear()
        return {"forgotten": forgotten}

    @routes.delete("/tokens")
    async def expire_tokens() -> dict[str, int]:
        return {"expired": server.desk.expire_all()}


def _add_faults(routes: APIRouter, server: EmulatedServer) -> None:
    @routes.get("/faults")
    async def faults() -> dict[str, Any]:
        return {"faults": [asdict(rule) for rule in server.faults.rules], "kinds": KINDS}

    @routes.put("/faults")
    async def set_faults(rules: Annotated[Any, Body()]) -> dict[str, int]:
        try:
            server.faults.replace(rules)
        except InvalidRequestError as error:
            raise HTTPException(422, str(error)) from None
        return {"faults": len(server.faults.rules)}

    @routes.delete("/faults")
    async def clear_faults() -> dict[str, int]:
        server.faults.replace([])
        return {"faults": 0}


def _clock(server: EmulatedServer) -> dict[str, Any]:
    now = server.clock.now()
    session = server.view.calendar.quoted_session(now)
    return {"now": now.isoformat(), "frozen": server.clock.frozen, "quoted_session": session.isoformat()}


def _krx(server: EmulatedServer) -> dict[str, Any]:
    """Return the rules without the keys, and the calls counted by hashed key and day."""
    used: dict[str, dict[str, int]] = {}
    for (key, day), calls in server.krx.used.items():
        used.setdefault(key, {})[day.isoformat()] = calls
    shown: dict[str, Any] = asdict(server.krx.rules)
    del shown["keys"]
    return {**shown, "used": used}


def _limits(server: EmulatedServer) -> dict[str, Any]:
    gate, ledger = server.gateway.gate, server.gateway.ledger_gate
    return {
        "rate": gate.rate,
        "per_minute": gate.per_minute,
        "window": gate.window,
        "ledger_rate": ledger.rate,
    }


def _or(wanted: int | None, present: int) -> int:
    return present if wanted is None else wanted
