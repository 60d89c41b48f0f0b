"""Synthetic company and fund names in Korean and English, no two alike."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import NamedTuple

from data_pipeline.sources.mock.noise import below, mixed


class Name(NamedTuple):
    """One synthetic issuer."""

    korean: str
    english: str
    sector: str
    industry: str


def _table(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(entry.strip("\n").split("|")) for entry in text.replace(",\n", ", ").split(", "))


_FIRST = _table("""\
가람|Garam, 나래|Narae, 다온|Daon, 라온|Raon, 마루|Maru, 바름|Bareum, 새솔|Saesol, 아라|Ara, 자람|Jaram,
차오름|Chaoreum, 큰별|Keunbyeol, 태온|Taeon, 푸른|Pureun, 하늘|Haneul, 거산|Geosan, 너울|Neoul, 도담|Dodam,
로이|Roi, 모아|Moa, 보람|Boram, 소담|Sodam, 오름|Oreum, 조안|Joan, 초원|Chowon, 코스타|Kosta, 토담|Todam,
포레|Fore, 호연|Hoyeon, 누림|Nurim, 두레|Dure, 루다|Ruda, 무영|Mooyoung, 부림|Burim, 수림|Surim, 우람|Wooram,
주원|Joowon, 미르|Mir, 비온|Bion, 시온|Sion, 이룸|Irum, 진솔|Jinsol, 한결|Hangyeol, 단비|Danbi, 산들|Sandeul,
은가람|Eungaram, 예솔|Yesol, 해솔|Haesol, 윤슬|Yunseul""")
_MIDDLE = _table("|, 온|on, 빛|bit, 원|won, 일|il, 산|san, 진|jin, 성|sung")
_TRADES = _table("""\
전자|Electronics|Electronics|Electronic components, 화학|Chemical|Chemicals|Basic chemicals,
제약|Pharmaceutical|Pharmaceuticals|Finished medicines, 바이오|Bio|Biotechnology|Biologics,
테크|Tech|Machinery|Special purpose machinery, 건설|E&C|Construction|General construction,
상사|Trading|Trading|Wholesale, 식품|Foods|Food|Processed food, 정밀|Precision|Machinery|Precision parts,
산업|Industries|Machinery|General machinery, 소재|Materials|Chemicals|Advanced materials,
중공업|Heavy Industries|Shipbuilding|Ship parts, 반도체|Semiconductor|Semiconductors|Semiconductor equipment,
에너지|Energy|Energy|Renewable energy, 게임즈|Games|Games|Game software, 미디어|Media|Media|Broadcasting,
네트웍스|Networks|Telecommunication|Network equipment, 캐피탈|Capital|Finance|Venture capital,
증권|Securities|Finance|Securities, 제지|Paper|Paper and wood|Paper, 섬유|Textile|Textiles|Yarn and fabric,
철강|Steel|Steel|Steel products, 로지스|Logistics|Transport|Logistics,
홀딩스|Holdings|Holding companies|Holding company, 로보틱스|Robotics|Machinery|Industrial robots,
소프트|Soft|Software|Application software, 메디칼|Medical|Medical devices|Diagnostic devices,
코스메틱|Cosmetics|Chemicals|Cosmetics, 오토|Auto|Automobiles|Automobile parts,
셀|Cell|Batteries|Battery materials""")
_FUND_HOUSES = _table("가온|GAON, 누리|NURI, 바다|BADA, SAEM|SAEM")
_FUND_THEMES = _table("""\
200|200, 코스닥150|KOSDAQ150, 반도체|Semiconductors, 2차전지|Batteries, 바이오|Bio, 고배당|High Dividend,
미국S&P500|US S&P500, 미국나스닥100|US Nasdaq100, 국고채10년|KTB 10Y, 단기채권|Short Bond, 금현물|Gold Spot,
원유선물|Crude Oil Futures, 조선|Shipbuilding, 은행|Banks, AI로봇|AI Robotics, 인도니프티50|India Nifty50,
리츠부동산|REITs""")


def company_names(key: int) -> Iterator[Name]:
    """Yield every company name the word lists allow, each once, in an order that ``key`` decides."""
    total = len(_FIRST) * len(_MIDDLE) * len(_TRADES)
    start = below(key, 0, total)
    stride = 2 * below(key, 1, total) + 1
    while gcd(stride, total) > 1:
        stride += 2
    for step in range(total):
        place, trade = divmod((start + step * stride) % total, len(_TRADES))
        first, middle = _FIRST[place // len(_MIDDLE)], _MIDDLE[place % len(_MIDDLE)]
        korean, english, sector, industry = _TRADES[trade]
        yield Name(first[0] + middle[0] + korean, f"{first[1]}{middle[1]} {english}", sector, industry)


def fund_names(key: int) -> Iterator[Name]:
    """Yield every fund name the word lists allow, each once, in an order that ``key`` decides."""
    pairs = [(house, theme) for house in _FUND_HOUSES for theme in _FUND_THEMES]
    pairs.sort(key=lambda pair: mixed(key, sum(pair[0][0].encode()) * 65536 + sum(pair[1][0].encode())))
    for house, theme in pairs:
        yield Name(f"{house[0]} {theme[0]}", f"{house[1]} {theme[1]}", "ETF", theme[1])
