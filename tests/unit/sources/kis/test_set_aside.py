"""Wrong rows of KIS are set aside one by one, pages go on behind them, and new fields are noticed."""

from datetime import date, timedelta

import pytest

from data_pipeline.exceptions import InvalidRequestError, PayloadError
from data_pipeline.market.rejections import collecting
from data_pipeline.sources.kis.known_fields import KNOWN_FIELDS
from data_pipeline.sources.kis.master import parse_master
from data_pipeline.sources.reread import reread
from tests.support.kis_answers import HEAD, PRICE, ROW, line, ok, zipped

CHART = "inquire-daily-itemchartprice"
FIRST, LAST = date(2026, 11, 18), date(2026, 11, 20)


def rows(*days):
    """The hand-written row on several days."""
    return [{**ROW, "stck_bsop_date": day} for day in days]


def bars(source):
    """Sessions of the bars that came."""
    return [bar.session.day for bar in source.daily_bars(["005930"], FIRST, LAST)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"stck_clpr": "NaN"}, "field stck_clpr is not a whole number: 'NaN'"),
        ({"stck_hgpr": "69400", "stck_lwpr": "71300"}, "contradict each other"),
        ({"acml_vol": "-1"}, "volume -1"),
        ({"stck_bsop_date": "20261331"}, "field stck_bsop_date is not a date"),
        ({"stck_bsop_date": "20261001"}, "is 2026-10-01, not in"),
        ({"stck_bsop_date": "20261120"}, "not older than the row before"),
        ({"stck_clpr": 69500}, "field stck_clpr is not text but 69500"),
    ],
)
def test_one_wrong_row_among_three(kis, make_source, change, reason):
    """The other two come; the wrong one is kept as it came, with its reason and code."""
    twenty, nineteen, eighteen = rows("20261120", "20261119", "20261118")
    kis.answer(CHART, ok(output1=HEAD, output2=[twenty, {**nineteen, **change}, eighteen]))
    with collecting() as held:
        assert bars(make_source()) == [20, 18]
    ((row),) = held.rows
    assert (row.payload, row.stock_code, row.origin) == ({**nineteen, **change}, "005930", f"KIS {CHART}")
    assert reason in row.reason
    # A row whose day is wrong is not known to belong to any session that was asked for.
    assert (row.session == date(2026, 11, 19)) == ("stck_bsop_date" not in change)


def test_without_a_collector_it_raises(kis, make_source):
    """An interactive caller gets the error."""
    kis.answer(CHART, ok(output1=HEAD, output2=[{**ROW, "stck_clpr": "NaN"}]))
    with pytest.raises(PayloadError, match="stck_clpr"):
        bars(make_source())


def test_a_missing_field_is_named(kis, make_source):
    """The error says which."""
    kis.answer(CHART, ok(output1=HEAD, output2=[{key: value for key, value in ROW.items() if key != "acml_vol"}]))
    with pytest.raises(PayloadError, match="field acml_vol is missing"):
        bars(make_source())


def test_a_full_page_with_a_wrong_row_is_still_full(kis, make_source):
    """A hundred rows came, one of them without a day: the next page is asked for all the same."""
    days = [LAST - timedelta(days=number) for number in range(101)]
    page = rows(*(f"{day:%Y%m%d}" for day in days[:100]))
    page[50]["stck_bsop_date"] = "x"
    kis.answer(CHART, ok(output1=HEAD, output2=page), ok(output1=HEAD, output2=rows(f"{days[100]:%Y%m%d}")))
    with collecting() as held:
        found = list(make_source().daily_bars(["005930"], days[-1], LAST))
    assert (len(found), len(held.rows), len(kis.queries(CHART))) == (100, 1, 2)


def test_a_new_field_is_counted_and_harms_nothing(kis, make_source):
    """An answer with a field that no document has gives the same bar, and the client counts the field."""
    source = make_source()
    kis.answer(CHART, ok(output1=HEAD, output2=[{**ROW, "brand_new": "1"}]))
    assert bars(source) == [19]
    assert source.client.drift.counts == {f"{CHART}.brand_new": 1}


def test_documented_fields_are_known():
    """The fields that the source reads are among the documented ones."""
    assert set(ROW) - {"mod_yn"} <= KNOWN_FIELDS[CHART]
    assert set(PRICE) <= KNOWN_FIELDS["inquire-price"]


def test_new_bytes_behind_a_master_row_shift_nothing(caplog):
    """Longer lines are read as before, and said once."""
    (issue,) = parse_master("KOSPI", zipped(line() + b"12345"), LAST)
    assert issue == parse_master("KOSPI", zipped(line()), LAST)[0]
    assert [record.getMessage() for record in caplog.records] == [
        "KIS KOSPI master: 5 new bytes behind each line, not used"
    ]


def test_a_refused_chart_row_is_read_again():
    """It names its own day; a row of another call does not."""
    assert reread("daily_bar", f"KIS {CHART}", ROW, "005930", None).session == date(2026, 11, 19)
    with pytest.raises(InvalidRequestError, match="load the window again"):
        reread("daily_bar", "KIS intstock-multprice", ROW, "005930", None)
