"""KIS's codes of sector indices and their names, as a user wrote them down from answers of 2026-09-17."""

KOSPI = """
0005 음식료·담배 / 0006 섬유·의류 / 0007 종이·목재 / 0008 화학 / 0009 제약 / 0010 비금속 / 0011 금속 / 0012 기계·장비 /
0013 전기·전자 / 0014 의료·정밀기기 / 0015 운송장비·부품 / 0016 유통 / 0017 전기·가스 / 0018 건설 / 0019 운송·창고 /
0020 통신 / 0021 금융 / 0024 증권 / 0025 보험 / 0026 일반서비스 / 0027 제조 / 0028 부동산 / 0029 IT 서비스 /
0030 오락·문화
"""
KOSDAQ = """
1006 일반서비스 / 1011 유통 / 1013 운송·창고 / 1014 금융 / 1019 음식료·담배 / 1020 섬유·의류 / 1021 종이·목재 /
1022 출판·매체복제 / 1023 화학 / 1024 제약 / 1025 비금속 / 1026 금속 / 1027 기계·장비 / 1028 전기·전자 /
1029 의료·정밀기기 / 1030 운송장비·부품 / 1031 기타제조
"""
SECTOR_CODES = {
    code: (family, name)
    for family, table in (("KOSPI", KOSPI), ("KOSDAQ", KOSDAQ))
    for code, name in (one.strip().split(" ", 1) for one in table.split("/"))
}
"""Family and name by code: 24 of KOSPI and 17 of KOSDAQ."""
