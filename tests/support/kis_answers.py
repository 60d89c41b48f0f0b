"""A KIS server made of hand-written answers, and a clock that only sleeping moves."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter

APP_KEY, APP_SECRET = "PSABCDEFGH-app-key", "very-secret-secret+/="
TOKEN = {"access_token": "first-token", "token_type": "Bearer", "expires_in": 86400}


class FakeTime:
    """Seconds and a wall clock that move only when somebody sleeps."""

    def __init__(self, at: datetime) -> None:
        self.seconds = 1000.0
        self.at = at
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        self.at += timedelta(seconds=seconds)


class FakeKis(BaseAdapter):
    """Answers each path from a list of answers; the last one is repeated. Remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.date = "Fri, 20 Nov 2026 11:30:00 GMT"
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self._answers: dict[str, list] = {"tokenP": [TOKEN]}

    def answer(self, path: str, *answers: object) -> None:
        """Each answer is a body (dict, text or bytes), a pair of status and body, or an exception."""
        self._answers[path] = list(answers)

    def queries(self, path: str) -> list[dict[str, str]]:
        return [query for asked, query, _ in self.asked if asked.endswith(path)]

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        self.asked.append((parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), dict(request.headers)))
        answers = self._answers[parts.path.rsplit("/", 1)[-1]]
        chosen = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(chosen, BaseException):
            raise chosen
        status, body = chosen if isinstance(chosen, tuple) else (200, chosen)
        return self._response(request, status, body)

    def close(self) -> None:
        pass

    def _response(self, request, status, body) -> requests.Response:
        content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        response = requests.Response()
        response.status_code, response.url, response.request = status, request.url, request
        response.headers.update({"Date": self.date} if self.date else {})
        response.raw = io.BytesIO(content)
        return response


def ok(**outputs: object) -> dict[str, object]:
    """A successful envelope around these outputs."""
    return {**outputs, "rt_cd": "0", "msg_cd": "MCA00000", "msg1": "정상처리 되었습니다."}


def gateway(code: str, status: int = 500) -> tuple[int, dict[str, str]]:
    """The gateway's refusal."""
    return status, {"rt_cd": "1", "msg_cd": code, "msg1": "거절"}


PRICE = {
    "stck_shrn_iscd": "005930", "stck_prpr": "71000", "prdy_vrss": "1420", "prdy_vrss_sign": "2", "prdy_ctrt": "2.04",
    "acml_tr_pbmn": "1790000000000", "acml_vol": "25483920", "stck_oprc": "69800", "stck_hgpr": "71000",
    "stck_lwpr": "69200", "stck_sdpr": "69580", "hts_avls": "4203000",
}  # fmt: skip
QUOTE = {
    "inter_shrn_iscd": "005930", "inter_kor_isnm": "삼성전자", "inter2_prpr": "71000", "inter2_prdy_vrss": "1420",
    "prdy_vrss_sign": "2", "prdy_ctrt": "2.04", "acml_vol": "25483920", "acml_tr_pbmn": "1790000000000",
    "inter2_oprc": "69800", "inter2_hgpr": "71000", "inter2_lwpr": "69200", "inter2_prdy_clpr": "69580",
    "inter2_sdpr": "69580",
}  # fmt: skip
HEAD = {"stck_shrn_iscd": "005930", "hts_kor_isnm": "삼성전자"}
ROW = {
    "stck_bsop_date": "20261119", "stck_clpr": "69500", "stck_oprc": "71000", "stck_hgpr": "71300",
    "stck_lwpr": "69400", "acml_vol": "100", "acml_tr_pbmn": "7000000",
    "prdy_vrss": "-1600", "prdy_vrss_sign": "5", "mod_yn": "N",
}  # fmt: skip
HEADS = {"KOSPI": 39, "KOSDAQ": 34, "KONEX": 0}
"""Bytes between the group code and the base price."""
TAILS = {"KOSPI": 227, "KOSDAQ": 221, "KONEX": 184}


def line(  # noqa: PLR0917 - one argument a field
    market: str = "KOSPI", code: str = "005930", isin: str = "KR7005930003", name: str = "삼성전자", group: str = "ST",
    base: str = "000069580", flags: str = "NNN", par: str = "000000000100", listed: str = "19750611",
    shares: str = "000000005919637", preferred: str = "0",
) -> bytes:  # fmt: skip
    """One row as the published layout has it, every field written out by its width."""
    trading = (
        base + "00001" + "00001" + flags + "00" + "N" + "N" + "N" + "00" + "00" + "00" + "020" + "Y" + "090"
        + "000012345678" + par + listed + shares + "000000000000000597782" + "12" + "0000000" + preferred
    )  # fmt: skip
    tail = (group + "0" * HEADS[market] + trading).encode("cp949")
    tail = tail.ljust(TAILS[market] - 9) + b"-00000029"
    return code.encode().ljust(9) + isin.encode() + name.encode("cp949").ljust(40) + tail


def zipped(content: bytes, name: str = "kospi_code.mst") -> bytes:
    """Return a zip of one file."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return held.getvalue()


def minute(at: str, volume: str, total: str, day: str = "20261120") -> dict[str, str]:
    """Return one row of a minute chart; the total is the day's so far."""
    prices = dict.fromkeys(("stck_prpr", "stck_oprc", "stck_hgpr", "stck_lwpr"), "100")
    return {"stck_bsop_date": day, "stck_cntg_hour": at, "cntg_vol": volume, "acml_tr_pbmn": total, **prices}
