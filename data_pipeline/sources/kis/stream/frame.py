"""What one text of the stream is: a control message, or records of a feed. Pure functions.

Source: KIS Developers, 웹소켓 응답: ``F|TR|NNN|f0^f1^...`` with 0 or 1 for plain or encrypted, and JSON for all else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from data_pipeline.exceptions import AuthenticationError, KeyInUseError, PayloadError
from data_pipeline.sources.answer_row import shortened
from data_pipeline.sources.kis.stream.fields import FEEDS, Feed

MOST_CHARACTERS = 1_048_576
"""Longer texts are refused by name; the largest that was seen is some ten thousand."""
HEARTBEAT = "PINGPONG"
_COUNT = re.compile(r"[0-9]{1,6}")
_CODE = re.compile(r"Q?[0-9A-Z]{6}")
_REGISTERED, _GONE, _FULL = {"OPSP0000", "OPSP0002"}, {"OPSP0001", "OPSP0003"}, "OPSP0008"
_APPROVAL, _IN_USE = {"OPSP0010", "OPSP0011", "OPSP9994"}, "OPSP8996"
_PASSING = re.compile(r"OPSP(0007|0009|8999|9993|9995)")


@dataclass(frozen=True, slots=True)
class Control:
    """A control message: the answer to a registration, a refusal, or a heartbeat. Keys for encryption are left out."""

    tr_id: str
    tr_key: str = ""
    """The code of a registration; with ``tr_id`` it is all that tells which command is answered."""
    result: str = ""
    """``rt_cd``: 0 for good."""
    code: str = ""
    """``msg_cd``, such as OPSP0000; empty for a heartbeat."""
    message: str = ""

    @property
    def is_heartbeat(self) -> bool:
        """Whether it only asks for a Pong that carries its whole text."""
        return self.tr_id == HEARTBEAT

    @property
    def is_registered(self) -> bool:
        """Whether the pair is registered, now or since before."""
        return self.code in _REGISTERED

    @property
    def is_gone(self) -> bool:
        """Whether the pair is registered no longer."""
        return self.code in _GONE

    @property
    def is_full(self) -> bool:
        """Whether the key takes no further registration."""
        return self.code == _FULL

    @property
    def may_pass(self) -> bool:
        """Whether the same command may be taken later."""
        return _PASSING.fullmatch(self.code) is not None

    @property
    def said(self) -> str:
        """What the server says, for a message."""
        return f"{self.code} {self.message}".strip()

    def require_session(self) -> None:
        """Refuse what ends the whole session.

        Raises:
            AuthenticationError: The approval key is refused; a new one may help.
            KeyInUseError: Another session holds the app key; no new key helps.
        """
        if self.code in _APPROVAL:
            raise AuthenticationError(f"KIS stream: the approval key is refused: {self.said}")
        if self.code == _IN_USE:
            raise KeyInUseError(f"KIS stream: another session holds this app key: {self.said}")


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one feed, in the order of the wire."""

    feed: Feed
    rows: list[list[str]]
    """The fields of each record; more of them than ``feed.names`` are kept at their end."""
    width: int
    """Fields of each record."""


def read_frame(text: str, feeds: Mapping[str, Feed] = FEEDS) -> Control | Records:
    """Return what a text of the stream is.

    Args:
        text: As it came.
        feeds: Every feed that is read, by its TR id.

    Raises:
        PayloadError: It is neither, or a record of it is cut short; nothing of it may be used. The line stays usable.
    """
    if len(text) > MOST_CHARACTERS:
        raise PayloadError(f"KIS stream: a text of {len(text):,} characters is longer than {MOST_CHARACTERS:,}")
    return _control(text) if text[:1] == "{" else _records(text, feeds)


def _records(text: str, feeds: Mapping[str, Feed]) -> Records:
    head = text.split("|", 3)
    if len(head) != 4 or head[0] not in {"0", "1"} or not _COUNT.fullmatch(head[2]):
        raise PayloadError(f"KIS stream: neither JSON nor a data frame: {shortened(text)}")
    feed = feeds.get(head[1])
    if head[0] == "1":
        raise PayloadError(f"KIS stream {shortened(head[1])}: an encrypted frame, and nothing encrypted is asked for")
    if feed is None:
        raise PayloadError(f"KIS stream: a frame of a feed that is not known, {shortened(head[1])}")
    fields, count = head[3].split("^"), int(head[2])
    width, rest = divmod(len(fields), count) if count else (0, 1)
    if rest or width < feed.least:
        raise PayloadError(
            f"KIS stream {feed.tr_id}: {len(fields)} fields are no {count} records of {feed.least} or more fields; "
            "the frame is cut short, or the layout is a new one"
        )
    rows = [fields[start : start + width] for start in range(0, len(fields), width)]
    for row in rows:
        if not _CODE.fullmatch(row[0]):
            raise PayloadError(f"KIS stream {feed.tr_id}: a record of {width} fields begins with {shortened(row[0])}")
    return Records(feed, rows, width)


def _control(text: str) -> Control:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        message = None
    parts = message if isinstance(message, dict) else {}
    header, body = parts.get("header"), parts.get("body", {})
    if not (isinstance(header, dict) and isinstance(body, dict) and isinstance(header.get("tr_id"), str)):
        raise PayloadError(f"KIS stream: not a control message: {shortened(text)}")
    words = (header.get("tr_key", ""), body.get("rt_cd", ""), body.get("msg_cd", ""), body.get("msg1", ""))
    return Control(header["tr_id"], *(str(word or "") for word in words))
