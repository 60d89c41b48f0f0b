"""One list of hand-written bytes from each vendor, from the wire into the tables: the codes that others trip over."""

from __future__ import annotations

import json
from datetime import date

from data_pipeline.loading.instruments.lists import differences, keep_list
from data_pipeline.sources.kis.master import parse_master
from data_pipeline.sources.krx.parse import parse_instruments
from data_pipeline.sources.krx.parse_fields import Row
from tests.support.kis_answers import line, zipped

SESSION = date(2026, 11, 20)
MASTER = b"\n".join(
    [
        line(code="005935", isin="KR7005931001", name="삼성전자우", preferred="1", shares="000000000815974"),
        line(code="00088K", isin="KR700088K014", name="한화3우B", preferred="1", listed="20161007",
             shares="000000000022472"),
        line(code="0004V0", isin="KR70004V0002", name="엔비알모션", listed="20251201", shares="000000000011002",
             flags="YNN"),
        line(code="Q500001", isin="KRG500000016", name="신한 K200 USD 선물 바이셀 ETN", group="EN", par="0" * 12,
             listed="20141117", shares="000000000001000"),
        line(code="F70100022", isin="KR5701000225", name="어느 펀드"),
    ]
)  # fmt: skip
"""KOSPI's file as it ends: no newline behind the last line, which is a fund and no instrument of the market."""
BASE_INFO = """
{"OutBlock_1": [
 {"ISU_CD": "KR7005931001", "ISU_SRT_CD": "005935", "ISU_NM": "삼성전자1우선주", "ISU_ABBRV": "삼성전자우",
  "ISU_ENG_NM": "SamsungElectronics(1P)", "LIST_DD": "19890925", "MKT_TP_NM": "KOSPI", "SECUGRP_NM": "주권",
  "SECT_TP_NM": "", "KIND_STKCERT_TP_NM": "구형우선주", "PARVAL": "100", "LIST_SHRS": "815974664"},
 {"ISU_CD": "KR700088K014", "ISU_SRT_CD": "00088K", "ISU_NM": "한화3우선주(신형)", "ISU_ABBRV": "한화3우B",
  "ISU_ENG_NM": "Hanwha(3PB)", "LIST_DD": "20161007", "MKT_TP_NM": "KOSPI", "SECUGRP_NM": "주권",
  "SECT_TP_NM": "-", "KIND_STKCERT_TP_NM": "신형우선주", "PARVAL": "무액면", "LIST_SHRS": "22472000"},
 {"ISU_CD": "KR70004V0002", "ISU_SRT_CD": "0004V0", "ISU_NM": "엔비알모션보통주", "ISU_ABBRV": "엔비알모션",
  "ISU_ENG_NM": "NBRMotion", "LIST_DD": "20251201", "MKT_TP_NM": "KOSPI", "SECUGRP_NM": "주권",
  "SECT_TP_NM": "", "KIND_STKCERT_TP_NM": "보통주", "PARVAL": "100", "LIST_SHRS": "11000001"}
]}
""".encode()


def test_a_file_and_a_body_become_one_list(database, connection):
    """Preferreds with both their codes, letters, an ETN without its Q, a fund left out, and two differences."""
    kis = parse_master("KOSPI", zipped(MASTER), SESSION)
    found = json.loads(BASE_INFO)["OutBlock_1"]
    rows = [Row(f"KRX stk_isu_base_info, row {number}", fields) for number, fields in enumerate(found, 1)]
    krx = list(parse_instruments(rows, "KOSPI", SESSION))
    assert keep_list(connection, kis, "kis").counts.inserted == 4
    assert keep_list(connection, krx, "krx").counts.updated == 3
    connection.commit()
    assert database.rows(
        "SELECT stock_code, isin, security_group, listed_on, listed_shares, face_value::int, halted, preferred, source"
        " FROM market.instrument ORDER BY stock_code"
    ) == [
        ("0004V0", "KR70004V0002", "ST", date(2025, 12, 1), 11_000_001, 100, True, False, "krx"),
        ("00088K", "KR700088K014", "ST", date(2016, 10, 7), 22_472_000, 100, False, True, "krx"),
        ("005935", "KR7005931001", "ST", date(1989, 9, 25), 815_974_664, 100, False, True, "krx"),
        ("500001", "KRG500000016", "EN", date(2014, 11, 17), 1_000_000, None, False, False, "kis"),
    ]
    assert [str(one) for one in differences(connection, SESSION)] == [
        "listed_on of 1 instruments (005935)",
        "listed_shares of 1 instruments (0004V0)",
    ]
    assert database.rows("SELECT count(*) FROM market.instrument_history") == [(4,)]
