"""What the benchmark of the keys loads: the newest hundred sessions of each code, one page each, and who is listed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from itertools import islice

from benchmarks._loading_bars import LAST, PAGE, bars_of_code, sessions, stock_code
from data_pipeline.emulator.kis.wire_chart import row
from data_pipeline.market.records import DailyBar, Instrument

_LISTED_ON = date(2001, 1, 2)


def days() -> list[date]:
    """Return the sessions that are loaded, oldest first."""
    return sessions()[-PAGE:]


def page_bars(number: int) -> list[DailyBar]:
    """Return the bars of a code that one page holds, newest first."""
    return list(islice(bars_of_code(number), PAGE))


def page(number: int) -> bytes:
    """Return KIS's answer with the bars of a code; every field of a row that KIS documents is in it."""
    head = {"stck_shrn_iscd": stock_code(number), "hts_kor_isnm": "가나다"}
    answer = {"output1": head, "output2": [row(bar, 1.0) for bar in page_bars(number)]}
    return json.dumps({**answer, "rt_cd": "0", "msg_cd": "MCA00000", "msg1": "정상처리 되었습니다."}).encode()


def listed(codes: int) -> Iterator[Instrument]:
    """Yield the list of instruments that these codes make; every one of them is a stock."""
    for number in range(codes):
        code, market = stock_code(number), ("KOSPI", "KOSDAQ", "KONEX")[number % 100 and 1 + (number % 100 == 1)]
        yield Instrument(code, f"KR7{code}000", f"종목{number}", market, "ST", LAST, listed_on=_LISTED_ON)
