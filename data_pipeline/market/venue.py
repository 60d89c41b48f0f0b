"""Where a trade or a book is from: the exchange, the alternative venue, or both read as one."""

from __future__ import annotations

from enum import Enum


class Venue(str, Enum):
    """A venue of live data; it is part of the key of everything that the stream brings."""

    KRX = "KRX"
    """Korea Exchange (한국거래소)."""
    NXT = "NXT"
    """Nextrade (넥스트레이드), the alternative trading system."""
    UNIFIED = "UNIFIED"
    """Both as one market (통합); which of them printed a trade is not told."""
