"""The fields of each KRX service, so that a new one is noticed.

Source: the service descriptions of the KRX Open API (개발 명세서), and observed answers.
"""

from __future__ import annotations

from data_pipeline.sources.krx.endpoints import BASE_INFO, FUND_BARS, INDEX_BARS, STOCK_BARS

_BAR = """
    BAS_DD ISU_CD ISU_NM TDD_CLSPRC CMPPREVDD_PRC FLUC_RT TDD_OPNPRC TDD_HGPRC TDD_LWPRC ACC_TRDVOL ACC_TRDVAL MKTCAP
    LIST_SHRS
"""
_STOCK = f"{_BAR} MKT_NM SECT_TP_NM"
_FUND = f"""
    {_BAR} NAV INVSTASST_NETASST_TOTAMT PER1SECU_INDIC_VAL INDIC_VAL_AMT IDX_IND_NM OBJ_STKPRC_IDX CMPPREVDD_IDX
    FLUC_RT_IDX
"""
_BASE = """
    ISU_CD ISU_SRT_CD ISU_NM ISU_ABBRV ISU_ENG_NM LIST_DD MKT_TP_NM SECUGRP_NM SECT_TP_NM KIND_STKCERT_TP_NM PARVAL
    LIST_SHRS
"""
_INDEX = """
    BAS_DD IDX_CLSS IDX_NM CLSPRC_IDX CMPPREVDD_IDX FLUC_RT OPNPRC_IDX HGPRC_IDX LWPRC_IDX ACC_TRDVOL ACC_TRDVAL MKTCAP
"""
_SERVICES = ((STOCK_BARS, _STOCK), (FUND_BARS, _FUND), (BASE_INFO, _BASE), (INDEX_BARS, _INDEX))
KNOWN_FIELDS = {f"KRX {one.name}": frozenset(names.split()) for endpoints, names in _SERVICES for one in endpoints}
"""``KRX`` and the service, as its rows in quarantine name them, to the names of its fields."""
