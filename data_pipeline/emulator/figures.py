"""Figures that the synthetic market has no model for (earnings, foreign holdings): synthetic, steady, by stock code."""

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
