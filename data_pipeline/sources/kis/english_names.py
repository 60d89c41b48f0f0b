"""Official English names of large issuers, because KIS quotes carry none and the documented records show them.

Codes and names: the exchange's English site and the companies' own.
"""

from __future__ import annotations

ENGLISH_NAMES = {
    "000100": "Yuhan",
    "000270": "Kia",
    "000660": "SK hynix",
    "003550": "LG",
    "005380": "Hyundai Motor",
    "005490": "POSCO Holdings",
    "005930": "Samsung Electronics",
    "006400": "Samsung SDI",
    "009150": "Samsung Electro-Mechanics",
    "010130": "Korea Zinc",
    "012330": "Hyundai Mobis",
    "015760": "Korea Electric Power",
    "017670": "SK Telecom",
    "028260": "Samsung C&T",
    "030200": "KT",
    "032830": "Samsung Life Insurance",
    "033780": "KT&G",
    "034730": "SK",
    "035420": "NAVER",
    "035720": "Kakao",
    "051910": "LG Chem",
    "055550": "Shinhan Financial Group",
    "066570": "LG Electronics",
    "068270": "Celltrion",
    "086790": "Hana Financial Group",
    "096770": "SK Innovation",
    "105560": "KB Financial Group",
    "207940": "Samsung Biologics",
    "259960": "KRAFTON",
    "323410": "KakaoBank",
    "373220": "LG Energy Solution",
}


def display_name(stock_code: str, korean_name: str) -> str:
    """Return the English name of a large issuer, otherwise the abbreviated Korean name (한글 종목약명)."""
    return ENGLISH_NAMES.get(stock_code, korean_name)
