"""Reading single fields of KIS answers: everything is a string there, and nothing may be guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from data_pipeline.market.clock import SEOUL
from data_pipeline.sources.answer_row import AnswerRow, shortened

_MOMENT = re.compile(r"[0-9]{14}")
_RISING, _FLAT, _FALLING = {"1", "2"}, {"3", "0", ""}, {"4", "5"}


@dataclass(frozen=True)
class Row(AnswerRow):
    """One object of an answer, for example ``KIS inquire-price of 005930``."""

    def optional(self, name: str) -> str:
        """Return a field without its padding; empty when it is absent or blank.

        Raises:
            PayloadError: It is not text.
        """
        return self._read(name) or ""

    def signed(self, name: str, sign_name: str = "prdy_vrss_sign") -> int:
        """Return a change in won with its sign.

        KIS writes a fall as sign code 4 or 5 beside a value that already has its minus. So the value is never negated:
        its size is taken, and the code decides.

        Raises:
            PayloadError: Value and sign code contradict each other.
        """
        return int(self._with_sign(name, self.integer(name), sign_name))

    def signed_rate(self, name: str, sign_name: str = "prdy_vrss_sign") -> float:
        """Return a change in percent with its sign; see :meth:`signed`. A rate that rounds to 0.00 fits any sign."""
        rate = self.decimal(name)
        return self._with_sign(name, rate, sign_name) if rate else 0.0

    def signed_decimal(self, name: str, sign_name: str = "prdy_vrss_sign") -> float:
        """Return a change in points with its sign; see :meth:`signed`."""
        return self._with_sign(name, self.decimal(name), sign_name)

    def moment(self, day_name: str, time_name: str) -> datetime:
        """Return a moment in Seoul from a YYYYMMDD and an HHMMSS field.

        Raises:
            PayloadError: One of them is absent, blank or malformed.
        """
        value = self.text(day_name) + self.text(time_name)
        try:
            return datetime.strptime(value if _MOMENT.fullmatch(value) else "", "%Y%m%d%H%M%S").replace(tzinfo=SEOUL)
        except ValueError:
            raise self.error(f"{day_name} with {time_name}", f"is not a date or time: {shortened(value)}") from None

    def flag(self, name: str) -> bool:
        """Return a Y or N.

        Raises:
            PayloadError: It is something else.
        """
        value = self.text(name)
        if value not in {"Y", "N"}:
            raise self.error(name, f"is neither Y nor N: {shortened(value)}")
        return value == "Y"

    def traded_candle(
        self, opened: str, high: str, low: str, close: int, volume: int, trading_value: int
    ) -> dict[str, int]:
        """Return the candle of a session; open, high and low are 0 when nothing traded (KIS may repeat the close).

        They are 0 beside a volume when shares changed hands outside of regular hours only.

        Raises:
            PayloadError: A field is missing or malformed, or nothing traded and yet there are a range or a value.
        """
        prices = [self.integer(opened), self.integer(high), self.integer(low)]
        if volume == 0:
            if trading_value != 0 or len(set(prices)) != 1:
                raise self.error("acml_vol", f"is 0, but prices are {prices} and the trading value is {trading_value}")
            prices = [0, 0, 0]
        candle = dict(zip(("open", "high", "low"), prices, strict=True))
        return {**candle, "close": close, "volume": volume, "trading_value": trading_value}

    def _with_sign(self, name: str, value: float, sign_name: str) -> float:
        sign = self.optional(sign_name)
        if sign in _FALLING:
            return -abs(value)
        if (sign in _RISING and value >= 0) or (sign in _FLAT and value == 0):
            return value
        raise self.error(name, f"is {value} beside {sign_name} {shortened(sign)}")
