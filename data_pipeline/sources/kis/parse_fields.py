"""Reading single fields of KIS answers: everything is a string there, and nothing may be guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from data_pipeline.exceptions import PayloadError
from data_pipeline.trading_calendar import SEOUL

RecordT = TypeVar("RecordT")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,8})?")
_MOMENT = re.compile(r"[0-9]{14}")
_RISING, _FLAT, _FALLING = {"1", "2"}, {"3", "0", ""}, {"4", "5"}


@dataclass(frozen=True)
class Row:
    """One object of an answer, and where it came from for messages."""

    where: str
    """For example ``KIS inquire-price of 005930``."""
    fields: Mapping[str, Any]

    def error(self, name: str, problem: str) -> PayloadError:
        """Return the error that says what is wrong with one field."""
        return self._wrong(f"field {name} {problem}")

    def optional(self, name: str) -> str:
        """Return a field without its padding; empty when it is absent or blank.

        Raises:
            PayloadError: It is not text.
        """
        value = self.fields.get(name, "")
        if not isinstance(value, str):
            raise self.error(name, f"is not text but {_shortened(value)}")
        return value.strip()

    def text(self, name: str) -> str:
        """Return a field that must be there.

        Raises:
            PayloadError: It is absent, blank or not text.
        """
        value = self.optional(name)
        if not value:
            raise self.error(name, "is empty" if name in self.fields else "is missing")
        return value

    def integer(self, name: str) -> int:
        """Return a whole number: won or shares.

        Raises:
            PayloadError: It is absent, blank or not a whole number.
        """
        value = self.text(name)
        if not _INTEGER.fullmatch(value):
            raise self.error(name, f"is not a whole number: {_shortened(value)}")
        return int(value)

    def decimal(self, name: str) -> float:
        """Return a number that may have decimals, such as a percentage.

        Raises:
            PayloadError: It is absent, blank or not a number.
        """
        value = self.text(name)
        if not _DECIMAL.fullmatch(value):
            raise self.error(name, f"is not a number: {_shortened(value)}")
        return float(value)

    def signed(self, name: str, sign_name: str = "prdy_vrss_sign") -> int:
        """Return a change in won with its sign.

        KIS writes a fall as sign code 4 or 5 beside a value that already has its minus, so the value is never
        negated: its size is taken, and the code decides.

        Raises:
            PayloadError: Value and sign code contradict each other.
        """
        return int(self._with_sign(name, self.integer(name), sign_name))

    def signed_rate(self, name: str, sign_name: str = "prdy_vrss_sign") -> float:
        """Return a change in percent with its sign; see :meth:`signed`. A rate that rounds to 0.00 fits any sign."""
        rate = self.decimal(name)
        return self._with_sign(name, rate, sign_name) if rate else 0.0

    def day(self, name: str) -> date:
        """Return a date written YYYYMMDD.

        Raises:
            PayloadError: It is absent, blank or not a date.
        """
        return self.moment(name, None).date()

    def moment(self, day_name: str, time_name: str | None) -> datetime:
        """Return a moment in Seoul from a YYYYMMDD and, when named, an HHMMSS field.

        Raises:
            PayloadError: One of them is absent, blank or not what it should be.
        """
        value = self.text(day_name) + (self.text(time_name) if time_name else "000000")
        try:
            return datetime.strptime(value if _MOMENT.fullmatch(value) else "", "%Y%m%d%H%M%S").replace(tzinfo=SEOUL)
        except ValueError:
            names = day_name if time_name is None else f"{day_name} with {time_name}"
            raise self.error(names, f"is not a date or time: {_shortened(value)}") from None

    def flag(self, name: str) -> bool:
        """Return a Y or N.

        Raises:
            PayloadError: It is something else.
        """
        value = self.text(name)
        if value not in {"Y", "N"}:
            raise self.error(name, f"is neither Y nor N: {_shortened(value)}")
        return value == "Y"

    def make(self, record: Callable[..., RecordT], **values: Any) -> RecordT:
        """Return ``record(**values)``.

        Raises:
            PayloadError: The values contradict each other, so the answer cannot be right.
        """
        try:
            return record(**values)
        except ValueError as error:
            raise self._wrong(f"the values contradict each other: {error}") from error

    def _wrong(self, problem: str) -> PayloadError:
        error = PayloadError(f"{self.where}: {problem}")
        # "KIS inquire-price of 005930, row 3" is about the call "KIS inquire-price".
        error.payload, error.origin = dict(self.fields), self.where.split(" of ")[0]
        return error

    def _with_sign(self, name: str, value: float, sign_name: str) -> float:
        sign = self.optional(sign_name)
        if sign in _FALLING:
            return -abs(value)
        if (sign in _RISING and value >= 0) or (sign in _FLAT and value == 0):
            return value
        raise self.error(name, f"is {value} beside {sign_name} {_shortened(sign)}")


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
