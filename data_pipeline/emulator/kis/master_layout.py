"""The byte layout of the three master files: every field of the fixed tail, in order, with its width.

Source: koreainvestment/open-trading-api, stocks_info/kis_{kospi,kosdaq,konex}_code_mst.py (widths) and the header
종목마스터정보. A row is the short code (9), the standard code (12), the Korean name (40) and this tail, in cp949 bytes.
"""

from __future__ import annotations

CODE_WIDTH, ISIN_WIDTH, NAME_WIDTH = 9, 12, 40

_KOSPI_HEAD = (
    "그룹코드 2;시가총액규모 1;지수업종대분류 4;지수업종중분류 4;지수업종소분류 4;제조업 1;저유동성 1;지배구조 1;"
    "KOSPI200섹터업종 1;KOSPI100 1;KOSPI50 1;KRX 1;ETP 1;ELW발행 1;KRX100 1;KRX자동차 1;KRX반도체 1;KRX바이오 1;"
    "KRX은행 1;SPAC 1;KRX에너지화학 1;KRX철강 1;단기과열 1;KRX미디어통신 1;KRX건설 1;Non1 1;KRX증권 1;KRX선박 1;"
    "KRX섹터보험 1;KRX섹터운송 1;SRI 1;"
)
_KOSDAQ_HEAD = (
    "그룹코드 2;시가총액규모 1;지수업종대분류 4;지수업종중분류 4;지수업종소분류 4;벤처기업 1;저유동성 1;KRX 1;ETP 1;"
    "KRX100 1;KRX자동차 1;KRX반도체 1;KRX바이오 1;KRX은행 1;SPAC 1;KRX에너지화학 1;KRX철강 1;단기과열 1;"
    "KRX미디어통신 1;KRX건설 1;투자주의환기 1;KRX증권 1;KRX선박 1;KRX섹터보험 1;KRX섹터운송 1;KOSDAQ150 1;"
)
_TRADING = (
    "기준가 9;매매수량단위 5;시간외수량단위 5;거래정지 1;정리매매 1;관리종목 1;시장경고 2;경고예고 1;불성실공시 1;"
    "우회상장 1;락구분 2;액면변경 2;증자구분 2;증거금비율 3;신용가능 1;신용기간 3;전일거래량 12;액면가 12;상장일자 8;"
    "상장주수 15;자본금 21;결산월 2;공모가 7;우선주 1;공매도과열 1;이상급등 1;KRX300 1;"
)
_RESULTS = "매출액 9;영업이익 9;경상이익 9;당기순이익 5;ROE 9;기준년월 8;시가총액 9;"
_GROUP = "그룹사코드 3;"
_LENDING = "회사신용한도초과 1;담보대출가능 1;대주가능 1"


def _fields(text: str) -> tuple[tuple[str, int], ...]:
    pairs = (one.rsplit(" ", 1) for one in text.split(";"))
    return tuple((name, int(width)) for name, width in pairs)


TAILS = {
    "KOSPI": _fields(_KOSPI_HEAD + _TRADING + "KOSPI 1;" + _RESULTS + _GROUP + _LENDING),
    "KOSDAQ": _fields(_KOSDAQ_HEAD + _TRADING + _RESULTS + _GROUP + _LENDING),
    "KONEX": _fields("그룹코드 2;" + _TRADING + _RESULTS + _LENDING),
}
"""KOSPI 70 fields in 227 bytes, KOSDAQ 64 in 221, KONEX 184 bytes."""

ZEROS = frozenset(
    {"기준가", "매매수량단위", "시간외수량단위", "시장경고", "락구분", "액면변경", "증자구분", "증거금비율", "신용기간",
     "전일거래량", "액면가", "상장일자", "상장주수", "자본금", "결산월", "공모가", "매출액", "영업이익", "경상이익",
     "당기순이익", "ROE", "기준년월", "시가총액", "우선주", "시가총액규모", "ETP", "단기과열", "KOSPI200섹터업종",
     "지수업종대분류", "지수업종중분류", "지수업종소분류"}
)  # fmt: skip
"""Fields that are filled with zeros when they say nothing; the others are flags ("N") or, wider, blanks."""


def number(value: int, width: int) -> str:
    """Return a number filled with zeros to ``width``; a minus comes first and counts."""
    return f"{value:0{width}d}"


def nothing(name: str, width: int) -> str:
    """Return what a field holds when it says nothing."""
    if name in ZEROS:
        return "0" * width
    return "N" if width == 1 else " " * width


def padded(text: str, width: int) -> bytes:
    """Return text in cp949, cut to whole characters and filled with blanks to ``width`` bytes."""
    raw = text.encode("cp949", "replace")[:width]
    return raw.decode("cp949", "ignore").encode("cp949").ljust(width)
