"""Which index each of KIS's codes means: the exchange's family and name, and the name that KIS shows."""

from __future__ import annotations

_MAIN = {
    "0001": ("KOSPI", "코스피", "종합"),
    "1001": ("KOSDAQ", "코스닥", "KOSDAQ"),
    "2001": ("KOSPI", "코스피 200", "KOSPI200"),
    "3003": ("KOSDAQ", "코스닥 150", "KOSDAQ150"),
}
_KOSPI = {
    "0005": "음식료·담배", "0006": "섬유·의류", "0007": "종이·목재", "0008": "화학", "0009": "제약", "0010": "비금속",
    "0011": "금속", "0012": "기계·장비", "0013": "전기·전자", "0014": "의료·정밀기기", "0015": "운송장비·부품",
    "0016": "유통", "0017": "전기·가스", "0018": "건설", "0019": "운송·창고", "0020": "통신", "0021": "금융",
    "0024": "증권", "0025": "보험", "0026": "일반서비스", "0027": "제조", "0028": "부동산", "0029": "IT 서비스",
    "0030": "오락·문화",
}  # fmt: skip
_KOSDAQ = {
    "1006": "일반서비스", "1011": "유통", "1013": "운송·창고", "1014": "금융", "1019": "음식료·담배",
    "1020": "섬유·의류", "1021": "종이·목재", "1022": "출판·매체복제",
    "1023": "화학", "1024": "제약", "1025": "비금속", "1026": "금속",
    "1027": "기계·장비", "1028": "전기·전자", "1029": "의료·정밀기기", "1030": "운송장비·부품", "1031": "기타제조",
}  # fmt: skip
INDICES = {
    **_MAIN,
    **{code: ("KOSPI", name, name) for code, name in _KOSPI.items()},
    **{code: ("KOSDAQ", name, name) for code, name in _KOSDAQ.items()},
}
"""By KIS's code what the exchange calls an index, family and name, and the name that KIS shows."""
