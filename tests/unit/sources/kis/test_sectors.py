"""The sector indices of KIS: which code means which, which answer is not believed, since when they are asked for."""

from __future__ import annotations

import json
from datetime import date

import pytest

from data_pipeline.exceptions import PayloadError
from data_pipeline.market.index_records import IndexBar
from data_pipeline.market.rejections import collecting
from tests.support.project import SAMPLES
from tests.support.sector_codes import SECTOR_CODES

CHART = "inquire-daily-indexchartprice"
DAY = date(2026, 11, 20)
SAMPLE = json.loads((SAMPLES / "kis" / "sector-chart.json").read_text(encoding="utf-8"))
MAIN = ("0001", "1001", "2001", "3003")


def charts(days=("20261120", "20261119"), **of_code):
    """Return the sample's figures for every index in turn; a code's answer may have another head."""
    rows = [{**row, "stck_bsop_date": day} for row, day in zip(SAMPLE["output2"], days, strict=True)]
    found = []
    for code in (*MAIN, *SECTOR_CODES):
        name = SECTOR_CODES.get(code, ("", "종합"))[1]
        head = {**SAMPLE["output1"], "bstp_cls_code": code, "hts_kor_isnm": name, **of_code.get(f"of_{code}", {})}
        found.append({**SAMPLE, "output1": head, "output2": rows})
    return found


def test_the_names_are_those_of_the_exchange(kis, make_source):
    """24 sectors of KOSPI and 17 of KOSDAQ, each asked for by its code after the main ones; two are called alike."""
    kis.answer(CHART, *charts())
    bars = list(make_source().index_bars(DAY, DAY))[4:]
    assert [(bar.family, bar.name) for bar in bars] == [*SECTOR_CODES.values()]
    assert [query["FID_INPUT_ISCD"] for query in kis.queries(CHART)] == [*MAIN, *SECTOR_CODES]
    assert len({bar.label for bar in bars}) == 41


def test_points_thousands_and_millions(kis, make_source):
    """The hand-written answer: two decimals, 9,163 thousand shares, 1,275,558 million won, and a fall of 110.40."""
    kis.answer(CHART, *charts())
    (bar,) = [one for one in make_source().index_bars(DAY, DAY) if one.label == "KOSPI 운송장비·부품"]
    assert bar == IndexBar(
        "KOSPI", "운송장비·부품", DAY, 4815.07, 4830.90, 4702.58, 4710.23, -110.4, 9_163_000, 1_275_558_000_000, None
    )


OTHERS = {
    "another name": ({"hts_kor_isnm": "의약품"}, "field hts_kor_isnm is '의약품', not 제약"),
    "no name": ({"hts_kor_isnm": ""}, "field hts_kor_isnm has no value"),
    "another code": ({"bstp_cls_code": "1024"}, "is not 0009, the code of KOSPI 제약"),
}


@pytest.mark.parametrize(("head", "words"), OTHERS.values(), ids=OTHERS)
def test_a_sector_that_is_not_believed_is_left_out(kis, make_source, head, words):
    """All others come; what came is kept with its session and reason, which names the index."""
    kis.answer(CHART, *charts(of_0009=head))
    with collecting() as held:
        labels = {bar.label for bar in make_source().index_bars(DAY, DAY)}
    assert len(labels) == 44
    assert "KOSPI 제약" not in labels
    (left_out,) = held.left_out
    assert (left_out.session, held.rows) == (DAY, [])
    assert words in left_out.reason
    assert "the index KOSPI 제약" in left_out.reason
    assert left_out.payload["FID_INPUT_ISCD"] == "0009"


def test_blanks_do_not_make_another_name(kis, make_source):
    """IT서비스 is what the exchange writes as IT 서비스."""
    kis.answer(CHART, *charts(of_0029={"hts_kor_isnm": "IT서비스"}))
    assert len(list(make_source().index_bars(DAY, DAY))) == 45


def test_a_code_that_is_gone_is_left_out(kis, make_source):
    """KIS may drop an index: the others come, and somebody hears of it."""
    answers = charts()
    answers[-1] = {"rt_cd": "1", "msg_cd": "MCA05918", "msg1": "종목코드 오류입니다."}
    kis.answer(CHART, *answers)
    with collecting() as held:
        assert len(list(make_source().index_bars(DAY, DAY))) == 44
    assert ["KOSDAQ 기타제조" in one.reason for one in held.left_out] == [True]


def test_nobody_is_left_without_a_word(kis, make_source):
    """Where nobody collects what is left out, a sector that is not believed is an error."""
    kis.answer(CHART, *charts(of_0009={"hts_kor_isnm": "의약품"}))
    with pytest.raises(PayloadError, match="not 제약"):
        list(make_source().index_bars(DAY, DAY))


def test_a_main_index_stays_an_error(kis, make_source):
    """A main index that is not believed is never left out."""
    kis.answer(CHART, *charts(of_1001={"bstp_cls_code": "1002"}))
    with collecting(), pytest.raises(PayloadError, match="is not 1001"):
        list(make_source().index_bars(DAY, DAY))


@pytest.mark.parametrize(("day", "before", "many"), [
    (date(2024, 12, 10), "20241209", 45),
    (date(2024, 12, 9), "20241206", 4),
])  # fmt: skip
def test_sectors_begin_with_their_names(kis, make_source, day, before, many):
    """The exchange renamed its sectors on 9 December 2024; a change can be counted from the next session on."""
    kis.answer(CHART, *charts((f"{day:%Y%m%d}", before)))
    assert len(list(make_source().index_bars(day, day))) == many
    assert len(kis.queries(CHART)) == many
