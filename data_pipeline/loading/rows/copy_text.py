"""Records as COPY text: made while it is sent, and kept so that it can be sent again."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from typing_extensions import Self

from data_pipeline.datasets.table import Table
from data_pipeline.exceptions import TransientError

CHUNK = 1000
"""How many records become text in one step."""
IN_MEMORY = 8 << 20
"""Bytes of text kept in memory; more goes to a temporary file, so that a load of any length needs no more."""
READ = 1 << 17


class CopyText:
    """The COPY text of one load. The records are read once, however often the text is sent.

    Args:
        table: Whose records they are.
        records: In any order.
    """

    def __init__(self, table: Table, records: Iterable[Any]) -> None:
        self.table = table
        self._records = iter(records)
        self._pending = b""
        self._kept = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._kept.close()

    def first(self) -> list[Any]:
        """Return the first records, at most 1,000, before anything is sent; none when there are none."""
        records = list(islice(self._records, CHUNK))
        self._pending = self.table.text(records).encode()
        return records

    def send(self, cursor: Cursor, copy: sql.Composable, ending: bytes = b"\n") -> int:
        """COPY every row and return how many there are; an error raised by the records passes through unchanged.

        Args:
            cursor: In a transaction.
            copy: A ``COPY ... FROM STDIN``.
            ending: What a line ends with: further columns and the line feed.
        """
        reader: Any = _Reader(self, ending)
        self._kept.seek(0)
        try:
            cursor.copy_expert(copy, reader, READ)
        except psycopg2.Error:
            if reader.error is not None:
                raise reader.error from None
            raise
        return cursor.rowcount

    def row(self, number: int) -> list[str]:
        """Return the fields of a row that was sent, as text; the first is number 1."""
        self._kept.seek(0)
        line = next(islice(self._kept, number - 1, None), b"")
        return line.decode().rstrip("\n").split("\t")

    def next_block(self) -> bytes:
        """Return what was kept and not yet sent again, then what the next records say; nothing at the end."""
        if block := self._kept.read(READ):
            return block
        block = self._pending or self.table.text(list(islice(self._records, CHUNK))).encode()
        self._pending = b""
        try:
            self._kept.write(block)
        except OSError as error:
            raise TransientError(f"{self.table.name}: the folder for temporary files takes no more: {error}") from error
        return block


class _Reader:
    """What psycopg2 reads from; it remembers the error that psycopg2 would turn into one of its own."""

    def __init__(self, text: CopyText, ending: bytes) -> None:
        self.error: BaseException | None = None
        self._text, self._ending = text, ending

    def read(self, _size: int = -1, /) -> bytes:
        try:
            block = self._text.next_block()
        except BaseException as error:
            self.error = error
            raise
        # A line feed inside a value is escaped, so every one of them ends a line.
        return block if self._ending == b"\n" else block.replace(b"\n", self._ending)
