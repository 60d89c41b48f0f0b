"""The stock master files (종목 마스터): every listed instrument of one market in fixed-width rows, zipped."""

from __future__ import annotations

import io
import zipfile
from datetime import date

from data_pipeline.emulator.figures import SECTORS, earnings_per_share, figure
from data_pipeline.emulator.kis.master_layout import CODE_WIDTH, ISIN_WIDTH, NAME_WIDTH, TAILS, nothing, number, padded
from data_pipeline.emulator.kis.quote import is_fund
from data_pipeline.emulator.kis.view import MarketView
from data_pipeline.emulator.kis.wire import EOK
from data_pipeline.market.records import Instrument

THOUSAND = 1000
"""The unit of 상장주수; what is left over is not written, and whether KIS rounds it or cuts it off is not known."""
FILES = {"kospi_code": "KOSPI", "kosdaq_code": "KOSDAQ", "konex_code": "KONEX"}
"""The name of each file, without ``.mst.zip``, and its market."""


def master_file(view: MarketView, name: str, session: date) -> bytes:
    """Return the zip of one market's master as it stands for this session; the same bytes for the same session."""
    return view.files.get((name, session), lambda: zipped(f"{name}.mst", _rows(view, FILES[name], session)))


def lines_of(file: bytes) -> tuple[str, list[bytes]]:
    """Return the name of the one file in a zip, and its rows, each with its newline."""
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        (name,) = archive.namelist()
        return name, archive.read(name).splitlines(keepends=True)


def zipped(name: str, content: bytes) -> bytes:
    """Return a zip of one file; the same bytes for the same content."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, content)
    return held.getvalue()


def _rows(view: MarketView, market: str, session: date) -> bytes:
    listed = [one for one in view.market.instruments(session) if one.market == market]
    rows = b"\n".join(master_row(view, one, session) for one in listed)
    # The recorded KOSPI file ends without a newline, the others with one.
    return rows if market == "KOSPI" else rows + b"\n"


def master_row(view: MarketView, one: Instrument, session: date) -> bytes:
    """Return one row without its newline: 288 bytes on KOSPI, 282 on KOSDAQ, 245 on KONEX."""
    tail = TAILS[one.market]
    values = _values(view, one, session)
    code = f"Q{one.stock_code}" if one.security_group == "EN" else one.stock_code
    text = "".join(values.get(name) or nothing(name, width) for name, width in tail)
    head = padded(code, CODE_WIDTH) + padded(one.isin, ISIN_WIDTH) + padded(one.name, NAME_WIDTH)
    return head + text.encode("cp949")


def _values(view: MarketView, one: Instrument, session: date) -> dict[str, str]:
    code, face = one.stock_code, int(one.face_value or 0)
    base = view.market.base_price(code, session)
    shares = view.market.listed_shares(code, session)
    before = view.bar_before(code, session)
    industry = figure(view.market.industry(code), "industry", 1, 99)
    listed = one.listed_on
    values = {
        "그룹코드": one.security_group.ljust(2)[:2],
        "지수업종대분류": number(figure(one.market, "board", 1, 3), 4),
        "지수업종중분류": number(int(SECTORS[one.market]) + industry, 4),
        "ETP": "1" if is_fund(one) else "0",
        "KRX300": "Y" if code == "005930" else "N",
        "KOSPI": "Y",
        "기준가": number(base, 9),
        "매매수량단위": number(1, 5),
        "시간외수량단위": number(1, 5),
        "거래정지": _flag(bool(one.halted)),
        "정리매매": _flag(bool(one.liquidation)),
        "관리종목": _flag(bool(one.managed)),
        "증거금비율": number(100 if one.managed or one.market != "KOSPI" else 20, 3),
        "신용가능": _flag(one.market == "KOSPI" and not one.managed),
        "신용기간": number(90, 3),
        "전일거래량": number(before.volume if before else 0, 12),
        "액면가": number(face, 12),
        "상장일자": f"{listed:%Y%m%d}" if listed else "",
        "상장주수": number(shares // THOUSAND, 15),
        "자본금": number(shares * face, 21),
        "결산월": "12",
        "우선주": "1" if one.preferred else "0",
        "시가총액": number(base * shares // EOK, 9),
    }
    return values if is_fund(one) else values | _results(code, base, shares, session)


def _results(code: str, base: int, shares: int, session: date) -> dict[str, str]:
    """Return last year's results in 억; losses carry their minus in front of the zeros."""
    profit = earnings_per_share(code, base)
    net = max(-9_999, min(99_999, profit * shares // EOK))
    operating = net * figure(code, "operating", 110, 160) // 100
    equity = figure(code, "roe", 100, 3_000) / 100 * (-1 if profit < 0 else 1)
    return {
        "매출액": number(abs(operating) * figure(code, "margin", 4, 25), 9),
        "영업이익": number(operating, 9),
        "경상이익": number(net * 125 // 100, 9),
        "당기순이익": number(net, 5),
        "ROE": f"{equity:09.2f}",
        "기준년월": f"{session.year - 1}1231",
    }


def _flag(value: bool) -> str:
    return "Y" if value else "N"
