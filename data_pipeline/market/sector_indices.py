"""The sector indices (업종지수) of KOSPI and KOSDAQ as the exchange calls them since it renamed them."""

from __future__ import annotations

from datetime import date

from data_pipeline.market.index_records import NamedIndex

SECTORS_SINCE = date(2024, 12, 10)
"""The second session of the present names, so that the close before is of the same index.

The exchange renamed its sectors and began five new ones on 2024-12-09. What was called otherwise before is the
exchange's to name: nobody says which old sector goes on as which new one.

Source: 전자신문, 2024-11-15.
"""
KOSPI_SECTORS = (
    "음식료·담배", "섬유·의류", "종이·목재", "화학", "제약", "비금속", "금속", "기계·장비", "전기·전자",
    "의료·정밀기기", "운송장비·부품", "유통", "전기·가스", "건설", "운송·창고", "통신", "금융", "증권", "보험",
    "일반서비스", "제조", "부동산", "IT 서비스", "오락·문화",
)  # fmt: skip
KOSDAQ_SECTORS = (
    "일반서비스", "유통", "운송·창고", "금융", "음식료·담배", "섬유·의류", "종이·목재", "출판·매체복제", "화학",
    "제약", "비금속", "금속", "기계·장비", "전기·전자", "의료·정밀기기", "운송장비·부품", "기타제조",
)  # fmt: skip
SECTOR_INDICES = tuple(
    NamedIndex(family, name, SECTORS_SINCE)
    for family, names in (("KOSPI", KOSPI_SECTORS), ("KOSDAQ", KOSDAQ_SECTORS))
    for name in names
)
"""Those that a broker is asked for, in the order of KIS's codes.

The exchange publishes more, and coverage expects none of them.
"""
