"""One object of a vendor's answer, whose values are all text: nothing may be guessed, and an error keeps the row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, TypeVar

from data_pipeline.exceptions import PayloadError

RecordT = TypeVar("RecordT")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,8})?")
DAY = re.compile(r"[0-9]{8}")
"""A day as vendors write it: YYYYMMDD."""


@dataclass(frozen=True)
class AnswerRow:
    """One object of an answer, and where it came from for messages."""

    no_value: ClassVar[frozenset[str]] = frozenset({""})
    """What the vendor writes where there is no value."""

    where: str
    """The call, ``of`` what it is about and which row it is: ``KRX sto/stk_bydd_trd of 2026-11-20, row 7``."""
    fields: Mapping[str, Any]

    def error(self, name: str, problem: str) -> PayloadError:
        """Return the error that says what is wrong with one field."""
        return self._wrong(f"field {name} {problem}")

    def text(self, name: str) -> str:
        """Return a field that must have a value.

        Raises:
            PayloadError: It is absent, without a value, or not text.
        """
        value = self._read(name)
        if value is None:
            raise self.error(name, "has no value" if name in self.fields else "is missing")
        return value

    def integer(self, name: str) -> int:
        """Return a whole number: won or shares.

        Raises:
            PayloadError: It is absent, without a value, or not a whole number.
        """
        value = self.text(name)
        if not _INTEGER.fullmatch(value):
            raise self.error(name, f"is not a whole number: {shortened(value)}")
        return int(value)

    def decimal(self, name: str) -> float:
        """Return a number that may have decimals, such as a percentage.

        Raises:
            PayloadError: It is absent, without a value, or not a number.
        """
        value = self.text(name)
        if not _DECIMAL.fullmatch(value):
            raise self.error(name, f"is not a number: {shortened(value)}")
        return float(value)

    def day(self, name: str) -> date:
        """Return a date written YYYYMMDD.

        Raises:
            PayloadError: It is absent, without a value, or not a date.
        """
        value = self.text(name)
        try:
            return date.fromisoformat(f"{value[:4]}-{value[4:6]}-{value[6:]}" if DAY.fullmatch(value) else "")
        except ValueError:
            raise self.error(name, f"is not a date: {shortened(value)}") from None

    def make(self, record: Callable[..., RecordT], **values: Any) -> RecordT:
        """Return ``record(**values)``.

        Raises:
            PayloadError: The values contradict each other, so the answer cannot be right.
        """
        try:
            return record(**values)
        except ValueError as error:
            raise self._wrong(f"the values contradict each other: {error}") from error

    def _read(self, name: str) -> str | None:
        value = self.fields.get(name, "")
        if not isinstance(value, str):
            raise self.error(name, f"is not text but {shortened(value)}")
        text = value.strip()
        return None if text in self.no_value else text

    def _wrong(self, problem: str) -> PayloadError:
        error = PayloadError(f"{self.where}: {problem}")
        error.payload, error.origin = dict(self.fields), self.where.split(" of ")[0]
        return error


def shortened(value: object) -> str:
    """Return how a value is shown in a message: at most 40 characters of it."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
