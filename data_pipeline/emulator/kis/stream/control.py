"""The control API of the stream, below ``/emulator/stream``: rules, sessions, failures, cuts."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, HTTPException

from data_pipeline.emulator.kis.stream.faults import KINDS
from data_pipeline.emulator.kis.stream.rules import StreamRules
from data_pipeline.exceptions import ConfigurationError, InvalidRequestError

if TYPE_CHECKING:
    from data_pipeline.emulator.kis.stream.line import Stream

_KNOWN = {one.name for one in fields(StreamRules)}


def add_stream(routes: APIRouter, stream: Stream) -> None:
    """Add the stream's part of the control API."""
    _add_state(routes, stream)
    _add_cuts(routes, stream)

    @routes.get("/stream/faults")
    async def faults() -> dict[str, Any]:
        return {"kinds": KINDS, "rules": [asdict(rule) for rule in stream.faults.rules]}

    @routes.put("/stream/faults")
    async def set_faults(rules: Annotated[Any, Body()]) -> dict[str, Any]:
        try:
            stream.faults.replace(rules)
        except InvalidRequestError as error:
            raise HTTPException(422, str(error)) from None
        return {"rules": [asdict(rule) for rule in stream.faults.rules]}

    @routes.delete("/stream/faults")
    async def forget_faults() -> dict[str, int]:
        gone = len(stream.faults.rules)
        stream.faults.replace([])
        return {"forgotten": gone}


def _add_state(routes: APIRouter, stream: Stream) -> None:
    @routes.get("/stream")
    async def state() -> dict[str, Any]:
        return _state(stream)

    @routes.put("/stream")
    async def change(rules: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
        if unknown := set(rules) - _KNOWN:
            raise HTTPException(422, f"the stream has no rule {', '.join(sorted(unknown))}")
        if "heartbeat" in rules:
            rules["heartbeat"] = tuple(rules["heartbeat"])
        try:
            stream.desk.rules = replace(stream.desk.rules, **rules)
        except (ConfigurationError, TypeError, ValueError) as error:
            raise HTTPException(422, f"no rule of the stream: {error}") from None
        return _state(stream)


def _add_cuts(routes: APIRouter, stream: Stream) -> None:
    @routes.post("/stream/close")
    async def close(code: int = 1000) -> dict[str, int]:
        return {"closed": stream.close_all(code)}

    @routes.delete("/stream/bans")
    async def forgive() -> dict[str, str]:
        stream.desk.forgive()
        return {"bans": "forgotten"}

    @routes.delete("/stream/approvals")
    async def expire() -> dict[str, int]:
        return {"expired": stream.desk.expire_approvals()}


def _state(stream: Stream) -> dict[str, Any]:
    return {
        "rules": asdict(stream.desk.rules),
        "counts": asdict(stream.desk.counts),
        "sessions": [{"age": round(talk.age, 1), "registered": talk.registered} for talk in stream.talks],
    }
