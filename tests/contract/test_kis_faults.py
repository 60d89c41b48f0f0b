"""What a KIS source makes of a server that misbehaves, over the wire."""

from __future__ import annotations

from datetime import date

import pytest

from data_pipeline.exceptions import (
    ConnectionFailedError,
    InvalidRequestError,
    MaintenanceError,
    PayloadError,
    RateLimitedError,
    ServerFailureError,
    UnknownStockError,
)
from data_pipeline.market.records import PriceType

SESSION = date(2026, 11, 20)


@pytest.fixture(scope="module", params=["kis-real"])
def kind(request):
    """Only a source with a wire can meet these faults."""
    return request.param


def test_one_rejection_is_not_noticed(source, emulator):
    """A call that was one too many is sent again."""
    emulator.set_faults({"kind": "rate", "path": "inquire-price", "count": 1})
    assert source.get_current_price("005930").current_price == 71000


@pytest.mark.thorough
@pytest.mark.parametrize(("fault", "kind_of_error"), [
    ({"kind": "rate"}, RateLimitedError),
    ({"kind": "html"}, MaintenanceError),
    ({"kind": "html", "status": 503}, MaintenanceError),
    ({"kind": "status", "status": 503, "body": {}}, ServerFailureError),
    ({"kind": "truncated"}, PayloadError),
    ({"kind": "drop"}, ConnectionFailedError),
    ({"kind": "empty_shell"}, UnknownStockError),
    ({"kind": "missing_field", "field": "acml_vol"}, PayloadError),
    ({"kind": "non_numeric", "field": "stck_prpr"}, PayloadError),
    ({"kind": "wrong_code"}, PayloadError),
])  # fmt: skip
def test_price_faults_are_typed(source, emulator, fault, kind_of_error):
    """Each misbehaviour of a quote is its own error, never a figure."""
    emulator.set_faults({**fault, "path": "inquire-price", "stock_code": "000660", "count": 3})
    with pytest.raises(kind_of_error):
        source.get_current_price("000660")


@pytest.mark.parametrize(("fault", "kinds"), [
    ({"kind": "empty_shell"}, (UnknownStockError,)),
    ({"kind": "missing_field", "field": "stck_clpr"}, (PayloadError,)),
    ({"kind": "non_numeric", "field": "acml_tr_pbmn"}, (PayloadError,)),
    ({"kind": "wrong_code"}, (PayloadError,)),
    ({"kind": "duplicate_rows"}, (PayloadError,)),
    ({"kind": "previous_day"}, (PayloadError, InvalidRequestError)),
])  # fmt: skip
def test_chart_faults_are_typed(source, emulator, fault, kinds):
    """A chart that is spoilt gives no bar of the wrong day, code or value."""
    emulator.set_faults({**fault, "path": "inquire-daily-itemchartprice"})
    with pytest.raises(kinds):
        list(source.daily_bars(["005930"], SESSION, SESSION))


def test_padding_of_a_chart_is_skipped(source, emulator):
    """Empty objects at the end of the rows are no rows."""
    emulator.set_faults({"kind": "empty_rows", "path": "inquire-daily-itemchartprice"})
    assert len(list(source.daily_bars(["005930"], date(2026, 11, 16), SESSION))) == 5


@pytest.mark.parametrize("fault", [
    {"kind": "empty_shell"}, {"kind": "missing_field", "field": "inter2_sdpr"},
    {"kind": "non_numeric", "field": "inter2_prpr"}, {"kind": "wrong_code"}, {"kind": "duplicate_rows"},
    {"kind": "previous_day"},
])  # fmt: skip
def test_quote_faults_are_typed(source, emulator, fault):
    """Thirty codes in one answer: a spoilt one, or one of the day before, gives no bar."""
    emulator.set_faults({**fault, "path": "intstock-multprice"})
    with pytest.raises((PayloadError, UnknownStockError)):
        list(source.daily_bars(["005930", "000660", "0001A0"], SESSION, SESSION))


@pytest.mark.parametrize("fault", [
    {"kind": "empty_shell"}, {"kind": "missing_field", "field": "cntg_vol"},
    {"kind": "non_numeric", "field": "acml_tr_pbmn"}, {"kind": "duplicate_rows"},
])  # fmt: skip
def test_minute_faults_are_typed(source, emulator, fault):
    """A spoilt minute chart gives no minutes."""
    # The real server has finished sessions in larger pages, which another call gives.
    paths = ("inquire-time-itemchartprice", "inquire-time-dailychartprice")
    emulator.set_faults(*({**fault, "path": path} for path in paths))
    with pytest.raises((PayloadError, UnknownStockError)):
        source.get_chart_data("005930", PriceType.MINUTE_1, 10)


@pytest.mark.thorough
def test_calls_of_a_whole_day(source, emulator):
    """One session of 95 codes costs one chart and four calls of thirty."""
    codes = [one.stock_code for one in source.instruments(SESSION)][:95]
    emulator.forget_requests()
    assert len(list(source.daily_bars(codes, SESSION, SESSION))) == 95
    paths = [entry["path"].rsplit("/", 1)[-1] for entry in emulator.requests()]
    assert sorted(paths) == ["inquire-daily-itemchartprice", *["intstock-multprice"] * 4]
