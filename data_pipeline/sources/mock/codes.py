"""Short codes and ISINs as the exchange gives them."""

from __future__ import annotations

from collections.abc import Callable

from data_pipeline.sources.mock.noise import below

CODE_LETTERS = "ABCDEFGHJKLMNPQRSTVWXYZ"
"""Letters that codes of new listings may hold: I, O and U look like digits or V."""

_PREFERRED_SERIAL = {"5": "1", "7": "2", "9": "3", "K": "4"}


class CodeBook:
    """Hands out stock codes, none twice."""

    def __init__(self, key: int, taken: set[str]) -> None:
        self._key = key
        self._taken = taken
        self._draws = 0

    def numeric(self) -> str:
        """Return a six-digit code of a common stock, which ends in 0."""
        return self._fresh(lambda draw: f"{below(self._key, draw, 49_000) + 200:05d}0")

    def lettered(self) -> str:
        """Return a code in the form given since 2024, with a letter in the fifth place: ``0001A0``."""
        return self._fresh(self._lettered_draw)

    def preferred(self, common: str, ending: str) -> str:
        """Return the code of a preferred stock: the common stock's with another last character."""
        code = common[:5] + ending
        self._taken.add(code)
        return code

    def _lettered_draw(self, draw: int) -> str:
        if "0001A0" not in self._taken:
            return "0001A0"
        letter = CODE_LETTERS[below(self._key, draw + (1 << 32), len(CODE_LETTERS))]
        return f"{below(self._key, draw, 190) + 1:04d}{letter}0"

    def _fresh(self, draw_code: Callable[[int], str]) -> str:
        while True:
            self._draws += 1
            code = draw_code(self._draws)
            if code not in self._taken:
                self._taken.add(code)
                return code


def isin_of(code: str) -> str:
    """Return the ISIN of a Korean share: KR7, the code (a preferred's last character as a serial), 00, check digit."""
    issuer = code[:5] + _PREFERRED_SERIAL.get(code[5], code[5])
    body = f"KR7{issuer}00"
    return body + str(check_digit(body))


def check_digit(body: str) -> int:
    """Return the check digit of an ISIN's first eleven characters (ISO 6166, modulus 10 double-add-double)."""
    digits = "".join(str(int(character, 36)) for character in body)
    total = 0
    for position, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 - position % 2)
        total += doubled // 10 + doubled % 10
    return -total % 10
