"""A page that was drawn once for many: packed ahead, and what is each viewer's own is set in when it is sent."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Collection, Mapping

from fastapi import Request
from fastapi.responses import Response

LEVEL = 6
_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST = b"\x03\x00"
"""An empty block, which says that none follows."""


class Sheet:
    """A drawn page, or another text that is sent often.

    Each piece between two marks is packed by itself, so that pieces can be put together without being packed again,
    and nothing that is one viewer's own is packed together with anything else.

    Args:
        text: What was drawn.
        marks: What stands where something of the viewer's own belongs.
    """

    def __init__(self, text: str, marks: Collection[str] = ()) -> None:
        found = re.split(f"({'|'.join(map(re.escape, marks))})", text) if marks else [text]
        self._marks = found[1::2]
        self._pieces = [_Piece.of(piece) for piece in found[::2]]

    def answer(
        self,
        request: Request,
        own: Mapping[str, str] | None = None,
        media_type: str = "text/html",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Return the answer to one viewer, packed where the browser takes that.

        Args:
            request: The viewer's.
            own: What stands in the place of each mark; nothing escapes it.
            media_type: Of the text.
            headers: More of them.
        """
        filled = [self._pieces[0]]
        for mark, piece in zip(self._marks, self._pieces[1:], strict=True):
            filled += [_Piece.of((own or {})[mark]), piece]
        told = {"vary": "Accept-Encoding", **(headers or {})}
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(b"".join(piece.plain for piece in filled), media_type=media_type, headers=told)
        return Response(_gzip(filled), media_type=media_type, headers={**told, "content-encoding": "gzip"})


class _Piece:
    """A part of a text, plain and as blocks of a stream that goes on (RFC 1951)."""

    __slots__ = ("packed", "plain")

    def __init__(self, plain: bytes, packed: bytes) -> None:
        self.plain, self.packed = plain, packed

    @classmethod
    def of(cls, text: str) -> _Piece:
        plain, packer = text.encode(), zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        return cls(plain, packer.compress(plain) + packer.flush(zlib.Z_FULL_FLUSH))


def _gzip(pieces: Collection[_Piece]) -> bytes:
    """Return the pieces as one file of gzip (RFC 1952)."""
    check = size = 0
    for piece in pieces:
        check, size = zlib.crc32(piece.plain, check), size + len(piece.plain)
    end = struct.pack("<II", check, size % 2**32)
    return b"".join([_HEAD, *(piece.packed for piece in pieces), _LAST, end])
