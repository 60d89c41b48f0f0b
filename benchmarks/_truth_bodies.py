"""The hostile answers themselves: whole bodies that are broken, and charts with rows that are wrong."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from data_pipeline.market.records import DailyBar

CODE = "005930"
HUGE = 50 * 1024 * 1024
Row = dict[str, Any]
Chance = random.Random
Reply = tuple[Callable[[], Any], dict[str, str], int]
"""Opens the body; headers; status."""


class Endless(io.RawIOBase):
    """A body of blanks that are never all in memory."""

    def __init__(self, size: int) -> None:
        self.left = size

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with blanks."""
        count = min(len(buffer), self.left)
        buffer[:count] = b" " * count
        self.left -= count
        return count


def chart_row(bar: DailyBar) -> Row:
    """Return a bar as KIS writes it."""
    sign = "3" if bar.change == 0 else "2" if bar.change > 0 else "5"
    return {
        "stck_bsop_date": f"{bar.session:%Y%m%d}", "stck_clpr": str(bar.close), "stck_oprc": str(bar.open),
        "stck_hgpr": str(bar.high), "stck_lwpr": str(bar.low), "acml_vol": str(bar.volume),
        "acml_tr_pbmn": str(bar.trading_value), "prdy_vrss": str(bar.change), "prdy_vrss_sign": sign, "mod_yn": "N",
    }  # fmt: skip


def chart(rows: list[Any]) -> bytes:
    """Return the body of a chart with these rows."""
    head = {"stck_shrn_iscd": CODE, "hts_kor_isnm": "삼성전자"}
    body = {"output1": head, "output2": rows, "rt_cd": "0", "msg_cd": "MCA00000", "msg1": "정상"}
    return json.dumps(body, ensure_ascii=False).encode()


def reply_of(rows: list[Any]) -> Reply:
    """Return the answer with these rows."""
    return _plain(chart(rows))


def _plain(content: bytes, status: int = 200) -> Reply:
    return lambda: io.BytesIO(content), {}, status


def _bomb() -> bytes:
    held = io.BytesIO()
    with gzip.GzipFile(fileobj=held, mode="wb") as packed:
        for _ in range(HUGE // 65536):
            packed.write(b" " * 65536)
    return held.getvalue()


_BOMB = _bomb()
_KEY = b'"rt_cd": "0"'

BODIES: dict[str, Callable[[Chance, bytes], Reply]] = {
    "truncated": lambda chance, clean: _plain(clean[: chance.randrange(len(clean))]),
    "flipped byte": lambda chance, clean: _plain(_flipped(chance, clean)),
    "html": lambda *_: _plain("<html><body>점검 중입니다</body></html>".encode()),
    "html with a failure": lambda *_: _plain(b"<html>Bad Gateway</html>", 502),
    "empty": lambda *_: _plain(b""),
    "a list": lambda *_: _plain(b"[]"),
    "NaN": lambda _, clean: _plain(clean.replace(_KEY, _KEY + b', "x": NaN')),
    "1e400": lambda _, clean: _plain(clean.replace(_KEY, _KEY + b', "x": 1e400')),
    "a number of ten thousand digits": lambda _, clean: _plain(clean.replace(_KEY, _KEY + b', "x": ' + b"9" * 10_000)),
    "EUC-KR": lambda _, clean: _plain(clean.decode().encode("cp949")),
    "UTF-16": lambda _, clean: _plain(clean.decode().encode("utf-16")),
    "random bytes": lambda chance, _: _plain(chance.randbytes(chance.randrange(2000))),
    "a key twice": lambda _, clean: _plain(clean.replace(_KEY, _KEY + b", " + _KEY)),
    "rows that are no objects": lambda *_: reply_of([None, 1, "x", []]),
    "rows missing": lambda _, clean: _plain(clean.replace(b'"output2"', b'"output3"')),
    "code of another instrument": lambda _, clean: _plain(clean.replace(b'"005930"', b'"000660"')),
    "nested without end": lambda *_: _plain(b'{"a":' * 100_000),
    "NUL": lambda _, clean: _plain(clean.replace(b"MCA00000", b"\\u0000\\ud800")),
    "50 MB": lambda *_: (lambda: io.BufferedReader(Endless(HUGE)), {}, 200),
    "gzip bomb": lambda *_: (lambda: io.BytesIO(_BOMB), {"Content-Encoding": "gzip"}, 200),
    "no gzip": lambda _, clean: (lambda: io.BytesIO(clean), {"Content-Encoding": "gzip"}, 200),
}
HEAVY = {"50 MB", "gzip bomb"}


def _flipped(chance: Chance, clean: bytes) -> bytes:
    """Return it with one of the bytes that JSON is built of replaced; digits would make another true-looking price."""
    places = [place for place, byte in enumerate(clean) if byte in b'{}[]:,"']
    place = chance.choice(places)
    return clean[:place] + b"\x00" + clean[place + 1 :]


def _set(name: str, *values: Any) -> Callable[[Row, Chance], Iterator[Row]]:
    return lambda row, chance: iter([{**row, name: chance.choice(values)}])


def _swapped(one: str, other: str) -> Callable[[Row, Chance], Iterator[Row]]:
    return lambda row, _: iter([{**row, one: row[other], other: row[one]}])


def _without(row: Row, chance: Chance) -> Iterator[Row]:
    name = chance.choice([name for name in row if name not in {"mod_yn", "prdy_vrss_sign"}])
    yield {key: value for key, value in row.items() if key != name}


_NUMBER = ("stck_clpr", "stck_oprc", "stck_hgpr", "stck_lwpr", "acml_vol", "acml_tr_pbmn", "prdy_vrss")
_NO_NUMBERS: tuple[Any, ...] = (
    "NaN",
    "1e400",
    "Infinity",
    "",
    " ",
    "N/A",
    "1,000",
    "１０００",
    71000,
    None,
    [],
    {},
    "9" * 30,
    "0x10",
    "\u0000",
)


def _no_number(row: Row, chance: Chance) -> Iterator[Row]:
    yield {**row, chance.choice(_NUMBER): chance.choice(_NO_NUMBERS)}


def _again(row: Row, _: Chance) -> Iterator[Row]:
    yield row
    yield row


ROWS: dict[str, Callable[[Row, Chance], Iterator[Row]]] = {
    "missing field": _without,
    "no number": _no_number,
    "high and low swapped": _swapped("stck_hgpr", "stck_lwpr"),
    "close and volume swapped": _swapped("stck_clpr", "acml_vol"),
    "close and value swapped": _swapped("stck_clpr", "acml_tr_pbmn"),
    "volume and value swapped": _swapped("acml_vol", "acml_tr_pbmn"),
    "negative volume": _set("acml_vol", "-1", "-999999999"),
    "negative price": _set("stck_lwpr", "-71000", "0"),
    "a day that is none": _set("stck_bsop_date", "20261331", "00000000", "2026-11-18", "오늘"),
    "a day not asked for": _set("stck_bsop_date", "20200101", "20991231", "20261121"),
    "sign against value": _set("prdy_vrss_sign", "9", "x"),
    "above the limit": _set("stck_hgpr", "999999999", "171000"),
    "the row twice": _again,
}


def spoilt(kind: str, truth: list[DailyBar], chance: Chance) -> tuple[list[Row], int]:
    """Return a chart with one or two wrong rows and how many they are."""
    rows = [chart_row(bar) for bar in truth[::-1]]
    places = sorted(chance.sample(range(len(rows)), chance.choice((1, 1, 2))), reverse=True)
    for place in places:
        rows[place : place + 1] = list(ROWS[kind](rows[place], chance))
    return rows, len(places)
