"""The messages of the stream that are no data: what is asked for, and in which words it is answered.

Source: error codes of the stream, kis-help.md of koreainvestment/kis-ai-extensions; shapes as the official example and
recordings of users have them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

TEXTS = {
    "OPSP0000": "SUBSCRIBE SUCCESS",
    "OPSP0001": "UNSUBSCRIBE SUCCESS",
    "OPSP0002": "ALREADY IN SUBSCRIBE",
    "OPSP0003": "UNSUBSCRIBE ERROR(not found!)",
    "OPSP0007": "SUBSCRIBE INTERNAL ERROR",
    "OPSP0008": "MAX SUBSCRIBE OVER",
    "OPSP0009": "SUBSCRIBE ERROR : mci send failed",
    "OPSP0010": "invalid appkey",
    "OPSP0011": "invalid approval : NOT FOUND",
    "OPSP8991": "invalid tr_id",
    "OPSP8992": "invalid tr_key",
    "OPSP8993": "invalid tr_key",
    "OPSP8994": "personalseckey not found",
    "OPSP8995": "appsecret not found",
    "OPSP8996": "ALREADY IN USE appkey",
    "OPSP8997": "invalid tr_type",
    "OPSP8998": "invalid custtype",
    "OPSP8999": "resource not available",
    "OPSP9990": "tr_key not found",
    "OPSP9991": "input not found",
    "OPSP9992": "body not found",
    "OPSP9993": "internal error",
    "OPSP9994": "INVALID appkey",
    "OPSP9995": "resource not found",
    "OPSP9996": "appkey not found",
    "OPSP9997": "custtype not found",
    "OPSP9998": "header not found",
    "OPSP9999": "invalid json",
}
_GOOD = {"OPSP0000", "OPSP0001"}
_FATAL = {"OPSP8996"}
_KEY = re.compile(r"Q?[0-9A-Z]{6}")
_IV, _SECRET = "0123456789abcdef", "abcdefghijklmnopabcdefghijklmnop"


class CommandError(Exception):
    """A command that is refused, by its code."""

    def __init__(self, code: str, tr_id: str = "(null)", tr_key: str = "") -> None:
        self.code, self.tr_id, self.tr_key = code, tr_id, tr_key
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Command:
    """One registration, or its end."""

    approval_key: str = field(repr=False)
    ends: bool
    tr_id: str
    tr_key: str


def read_command(text: str, feeds: frozenset[str]) -> Command:
    """Return what a client's text asks for.

    Args:
        text: What it sent.
        feeds: The TR ids that this server has.

    Raises:
        CommandError: It is refused, whoever asks.
    """
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise CommandError("OPSP9999") from None
    header = _part(message, "header", "OPSP9998")
    asked = _part(_part(message, "body", "OPSP9992"), "input", "OPSP9991")
    tr_id, tr_key = _text(asked, "tr_id"), _text(asked, "tr_key")

    def refuse(code: str, *, when: bool) -> None:
        if when:
            raise CommandError(code, tr_id or "(null)", tr_key)

    refuse("OPSP9996", when=not _text(header, "approval_key"))
    refuse("OPSP9997", when="custtype" not in header)
    refuse("OPSP8998", when=_text(header, "custtype") not in {"P", "B"})
    refuse("OPSP8997", when=_text(header, "tr_type") not in {"1", "2"})
    refuse("OPSP8991", when=tr_id not in feeds)
    refuse("OPSP9990", when=not tr_key)
    refuse("OPSP8992", when=not _KEY.fullmatch(tr_key))
    return Command(_text(header, "approval_key"), _text(header, "tr_type") == "2", tr_id, tr_key)


def answer(code: str, tr_id: str, tr_key: str) -> str:
    """Return the answer to a command: its feed and code, and how it went; a success brings keys that nobody needs."""
    result = "0" if code in _GOOD else "9" if code in _FATAL else "1"
    body: dict[str, Any] = {"rt_cd": result, "msg_cd": code, "msg1": TEXTS[code]}
    if code == "OPSP0000":
        body["output"] = {"iv": _IV, "key": _SECRET}
    return json.dumps({"header": {"tr_id": tr_id, "tr_key": tr_key, "encrypt": "N"}, "body": body})


def heartbeat(at: datetime) -> str:
    """Return a heartbeat of this moment."""
    return json.dumps({"header": {"tr_id": "PINGPONG", "datetime": f"{at:%Y%m%d%H%M%S}"}})


def same_heartbeat(text: str, asked: str) -> bool:
    """Return whether a text answers a heartbeat: it is its text, or the same JSON written anew, as some clients do."""
    if text == asked:
        return True
    try:
        return bool(json.loads(text) == json.loads(asked))
    except (ValueError, RecursionError):
        return False


def data(tr_id: str, records: list[str]) -> str:
    """Return the frame of some records of one feed."""
    return f"0|{tr_id}|{len(records):03d}|{'^'.join(records)}"


def _part(whole: Any, name: str, code: str) -> dict[str, Any]:
    part = whole.get(name) if isinstance(whole, dict) else None
    if not isinstance(part, dict):
        raise CommandError(code)
    return part


def _text(part: dict[str, Any], name: str) -> str:
    found = part.get(name, "")
    return found if isinstance(found, str) else ""
