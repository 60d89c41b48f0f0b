"""A KRX server made of hand-written answers."""

from __future__ import annotations

import io
import json
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import requests
from requests.adapters import BaseAdapter

SEOUL = ZoneInfo("Asia/Seoul")
API_KEY = "K0123456789ABCDEF0123456789ABCDEF0123456"
FRIDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 23)
MONDAY_MORNING = datetime(2026, 11, 23, 8, 30, tzinfo=SEOUL)
HTML = b"<!DOCTYPE html><html><body>maintenance</body></html>"

BAR = {
    "BAS_DD": "20261120", "ISU_CD": "005930", "ISU_NM": "삼성전자", "MKT_NM": "KOSPI", "SECT_TP_NM": "",
    "TDD_CLSPRC": "71000", "CMPPREVDD_PRC": "1420", "FLUC_RT": "2.04", "TDD_OPNPRC": "69800", "TDD_HGPRC": "71000",
    "TDD_LWPRC": "69200", "ACC_TRDVOL": "25483920", "ACC_TRDVAL": "1790000000000", "MKTCAP": "420294290900000",
    "LIST_SHRS": "5919637900",
}  # fmt: skip
SUSPENDED = BAR | {
    "ISU_CD": "000020", "TDD_OPNPRC": "0", "TDD_HGPRC": "0", "TDD_LWPRC": "0", "ACC_TRDVOL": "0", "ACC_TRDVAL": "0",
    "TDD_CLSPRC": "5300", "CMPPREVDD_PRC": "0",
}  # fmt: skip
BLANK = dict.fromkeys(BAR, "") | {"BAS_DD": "20261120", "ISU_CD": "069500", "ISU_NM": "KODEX 200"}
BASE = {
    "ISU_CD": "KR7001461003", "ISU_SRT_CD": "001465", "ISU_NM": "BYC우선주", "ISU_ABBRV": "BYC우",
    "ISU_ENG_NM": "BYC(1P)", "LIST_DD": "19891021", "MKT_TP_NM": "KOSPI", "SECUGRP_NM": "주권", "SECT_TP_NM": "-",
    "KIND_STKCERT_TP_NM": "구형우선주", "PARVAL": "500", "LIST_SHRS": "2154150",
}  # fmt: skip


def base_of(code: str, **more: str) -> dict[str, str]:
    """Return the base info of a code, with an ISIN of its own."""
    return {**BASE, "ISU_SRT_CD": code, "ISU_CD": f"KR7{code}003", **more}


INDEX = {
    "BAS_DD": "20261120", "IDX_CLSS": "KOSPI", "IDX_NM": "코스피", "CLSPRC_IDX": "3853.26", "CMPPREVDD_IDX": "-151.59",
    "FLUC_RT": "-3.79", "OPNPRC_IDX": "3900.10", "HGPRC_IDX": "3910.00", "LWPRC_IDX": "3838.46",
    "ACC_TRDVOL": "350000000", "ACC_TRDVAL": "14000000000000", "MKTCAP": "3100000000000000",
}  # fmt: skip


def block(*rows: dict[str, str]) -> dict[str, list[dict[str, str]]]:
    """Return the body that holds these rows."""
    return {"OutBlock_1": list(rows)}


class Clock:
    """A wall clock that the test moves."""

    def __init__(self, at: datetime = MONDAY_MORNING) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


KOSDAQ = BAR | {"ISU_CD": "247540", "MKT_NM": "KOSDAQ"}
KONEX = BAR | {"ISU_CD": "199150", "MKT_NM": "KONEX"}
FUND = BAR | {"ISU_CD": "069500"}
STOCKS = ["stk_bydd_trd", "ksq_bydd_trd", "knx_bydd_trd"]
BASE_INFO = ["stk_isu_base_info", "ksq_isu_base_info", "knx_isu_base_info"]


def codes(source, *wanted, first=FRIDAY, last=FRIDAY):
    """Return the codes of the bars that come."""
    return [bar.stock_code for bar in source.daily_bars(list(wanted), first, last)]


class FakeKrx(BaseAdapter):
    """Answers each service from a list of answers, the last one repeated; others get an empty block."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self._answers: dict[str, list] = {}

    def answer(self, api: str, *answers: object) -> None:
        """Each answer is a body (dict or bytes), a pair of status and body, or an exception."""
        self._answers[api] = list(answers)

    def calls(self) -> list[str]:
        """The services asked so far, in order."""
        return [path.rsplit("/", 1)[-1] for path, _, _ in self.asked]

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        self.asked.append((parts.path, dict(parse_qsl(parts.query)), dict(request.headers)))
        answers = self._answers.get(parts.path.rsplit("/", 1)[-1], [block()])
        chosen = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(chosen, Exception):
            raise chosen
        status, body = chosen if isinstance(chosen, tuple) else (200, chosen)
        response = requests.Response()
        response.status_code, response.request, response.url = status, request, str(request.url)
        if status == 302:
            response.headers["Location"] = "https://data-dbg.krx.co.kr/elsewhere"
        response.raw = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        return response

    def close(self) -> None:
        pass
