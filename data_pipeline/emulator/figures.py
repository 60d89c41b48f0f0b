"""Figures as the wire writes them, and those that the synthetic market has no model for, steady by stock code."""

from __future__ import annotations

from zlib import crc32

SECTORS = {"KOSPI": "0000", "KOSDAQ": "1000", "KONEX": "2000"}


def figure(code: str, what: str, low: int, high: int) -> int:
    """Return a number from ``low`` to ``high``, both included, that belongs to this code and this name."""
    return low + crc32(f"{code}/{what}".encode()) % (high - low + 1)


def earnings_per_share(code: str, price: int) -> int:
    """Return a yearly profit a share in won, negative for some instruments, in proportion to ``price``."""
    ratio = figure(code, "per", 5, 40)
    return -price // (3 * ratio) if figure(code, "loss", 0, 4) == 0 else price // ratio


def book_value_per_share(code: str, price: int) -> int:
    """Return a book value a share in won, in proportion to ``price``."""
    return price * 100 // figure(code, "pbr", 40, 400)


def plain_code(code: str) -> str:
    """Return a code without the Q that the broker puts before an ETN's."""
    return code[1:] if len(code) == 7 and code[0] in "QA" else code


def plain_sign(change: int) -> str:
    """Return the sign of a change without looking at the limits."""
    return "2" if change > 0 else "5" if change < 0 else "3"


def percent(part: float, whole: float) -> str:
    """Return part of whole in percent with two decimals, cut off as text; 0.00 when there is no whole."""
    return f"{part * 100 / whole:.2f}" if whole else "0.00"
