"""Stock codes as KIS writes them."""

from __future__ import annotations


def kis_code(stock_code: str) -> str:
    """Return the code as KIS wants it: an ETN (500001 to 899999) has Q before it.

    Source: KIS Developers, field FID_INPUT_ISCD: "ETN의 경우 Q로 시작".
    """
    return f"Q{stock_code}" if stock_code.isdecimal() and stock_code[0] in "5678" else stock_code


def symbol(stock_code: str) -> dict[str, str]:
    """Return the query fields that name one instrument on the KRX (market J)."""
    return {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": kis_code(stock_code)}


def short_code(code: str) -> str:
    """Return the six characters of a code that KIS may write with Q or A before it."""
    return code[1:] if len(code) == 7 and code[0] in "QA" else code
