"""The table of fields, held against where other programs that run on the live server read."""

from __future__ import annotations

import pytest

from data_pipeline.sources.kis.stream.fields import FEEDS

PYTHON_KIS = {
    "MKSC_SHRN_ISCD": 0, "STCK_CNTG_HOUR": 1, "STCK_PRPR": 2, "PRDY_VRSS_SIGN": 3, "PRDY_VRSS": 4, "STCK_OPRC": 7,
    "STCK_HGPR": 8, "STCK_LWPR": 9, "ASKP1": 10, "BIDP1": 11, "CNTG_VOL": 12, "ACML_VOL": 13, "ACML_TR_PBMN": 14,
    "SELN_CNTG_CSNU": 15, "SHNU_CNTG_CSNU": 16, "SELN_CNTG_SMTN": 19, "SHNU_CNTG_SMTN": 20, "CCLD_DVSN": 21,
    "OPRC_HOUR": 24, "HGPR_HOUR": 27, "LWPR_HOUR": 30, "BSOP_DATE": 33, "NEW_MKOP_CLS_CODE": 34,
    "TOTAL_ASKP_RSQN": 38, "TOTAL_BIDP_RSQN": 39, "PRDY_SMNS_HOUR_ACML_VOL": 41, "VI_STND_PRC": 45,
}  # fmt: skip
"""Where Soju06/python-kis 2.1.6 reads a trade of H0STCNT0."""
OFFICIAL_EXAMPLE = {
    "MKSC_SHRN_ISCD": 0, "BSOP_HOUR": 1, "HOUR_CLS_CODE": 2,
    **{f"ASKP{level}": 2 + level for level in range(1, 11)},
    **{f"BIDP{level}": 12 + level for level in range(1, 11)},
    **{f"ASKP_RSQN{level}": 22 + level for level in range(1, 11)},
    **{f"BIDP_RSQN{level}": 32 + level for level in range(1, 11)},
    "TOTAL_ASKP_RSQN": 43, "TOTAL_BIDP_RSQN": 44, "OVTM_TOTAL_ASKP_RSQN": 45, "OVTM_TOTAL_BIDP_RSQN": 46,
    "ANTC_CNPR": 47, "ANTC_CNQN": 48, "ANTC_VOL": 49, "ANTC_CNTG_VRSS": 50, "ANTC_CNTG_VRSS_SIGN": 51,
    "ANTC_CNTG_PRDY_CTRT": 52, "ACML_VOL": 53, "TOTAL_ASKP_RSQN_ICDC": 54, "TOTAL_BIDP_RSQN_ICDC": 55,
    "OVTM_TOTAL_ASKP_ICDC": 56, "OVTM_TOTAL_BIDP_ICDC": 57, "STCK_DEAL_CLS_CODE": 58,
}  # fmt: skip
"""Where the example of koreainvestment/open-trading-api (websocket/python) reads a book of H0STASP0."""


@pytest.mark.parametrize(("tr_id", "read"), [("H0STCNT0", PYTHON_KIS), ("H0STASP0", OFFICIAL_EXAMPLE)])
def test_two_programs_of_others_read_in_the_same_places(tr_id, read):
    """Whatever they take out of a record stands where our table has it."""
    assert read.items() <= FEEDS[tr_id].positions.items()


def test_no_feed_names_a_field_twice():
    """A name that stood twice would be read in the wrong place."""
    assert [one.tr_id for one in FEEDS.values() if len(set(one.names)) != one.width] == []


def test_the_books_of_every_venue_begin_alike():
    """59 fields are the same, and only what follows the levels differs."""
    books = [one.names[:59] for one in FEEDS.values() if one.tr_id[4:] == "ASP0"]
    assert len(set(books)) == 1
