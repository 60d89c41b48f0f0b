"""Reading single fields of KRX answers: every value is text there, and a mark for no value is never a zero."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from data_pipeline.exceptions import PayloadError
from data_pipeline.trading_calendar import SEOUL

RecordT = TypeVar("RecordT")
NO_VALUE = frozenset({"", "-"})
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,8})?")
_DAY = re.compile(r"[0-9]{8}")


@dataclass(frozen=True)
class Row:
    """One object of an answer, and where it came from for messages."""

    where: str
    """For example ``KRX sto/stk_bydd_trd of 2026-11-20, row 7``."""
    fields: Mapping[str, Any]

    def error(self, name: str, problem: str) -> PayloadError:
        """Return the error that says what is wrong with one field."""
        return PayloadError(f"{self.where}: field {name} {problem}")

    def optional(self, name: str) -> str | None:
        """Return a field without its padding; None when it is absent or marked as without a value ("" or "-").

        Raises:
            PayloadError: It is not text.
        """
        value = self.fields.get(name, "")
        if not isinstance(value, str):
            raise self.error(name, f"is not text but {_shortened(value)}")
        text = value.strip()
        return None if text in NO_VALUE else text

    def text(self, name: str) -> str:
        """Return a field that must have a value.

        Raises:
            PayloadError: It is absent, without a value, or not text.
        """
        value = self.optional(name)
        if value is None:
            raise self.error(name, "has no value" if name in self.fields else "is missing")
        return value

    def integer(self, name: str) -> int:
        """Return a whole number: won or shares.

        Raises:
            PayloadError: It is absent, without a value, or not a whole number.
        """
        return self._whole(name, self.text(name))

    def optional_integer(self, name: str) -> int | None:
        """Return a whole number, None without a value; PayloadError when it is something else."""
        value = self.optional(name)
        return None if value is None else self._whole(name, value)

    def decimal(self, name: str) -> float:
        """Return a number that may have decimals.

        Raises:
            PayloadError: It is absent, without a value, or not a number.
        """
        return self._number(name, self.text(name))

    def optional_decimal(self, name: str) -> float | None:
        """Return a number that may have decimals, None without a value; PayloadError when it is something else."""
        value = self.optional(name)
        return None if value is None else self._number(name, value)

    def day(self, name: str) -> date:
        """Return a date written YYYYMMDD.

        Raises:
            PayloadError: It is absent, without a value, or not a date.
        """
        value = self.text(name)
        try:
            return datetime.strptime(value if _DAY.fullmatch(value) else "", "%Y%m%d").replace(tzinfo=SEOUL).date()
        except ValueError:
            raise self.error(name, f"is not a date: {_shortened(value)}") from None

    def make(self, record: Callable[..., RecordT], **values: Any) -> RecordT:
        """Return ``record(**values)``.

        Raises:
            PayloadError: The values contradict each other, so the answer cannot be right.
        """
        try:
            return record(**values)
        except ValueError as error:
            raise PayloadError(f"{self.where}: the values contradict each other: {error}") from error

    def _whole(self, name: str, value: str) -> int:
        if not _INTEGER.fullmatch(value):
            raise self.error(name, f"is not a whole number: {_shortened(value)}")
        return int(value)

    def _number(self, name: str, value: str) -> float:
        if not _DECIMAL.fullmatch(value):
            raise self.error(name, f"is not a number: {_shortened(value)}")
        return float(value)


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
