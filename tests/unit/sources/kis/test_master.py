"""The stock master files, counted in bytes."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.exceptions import PayloadError
from data_pipeline.market.records import Instrument
from data_pipeline.sources.kis.master import parse_master
from tests.support.kis_answers import line, zipped

SESSION = date(2026, 11, 20)


def parse(*lines: bytes, market: str = "KOSPI", end: bytes = b"") -> list[Instrument]:
    """Parse these rows."""
    return parse_master(market, zipped(b"\n".join(lines) + end), SESSION)


@pytest.mark.parametrize(("market", "width"), [("KOSPI", 288), ("KOSDAQ", 282), ("KONEX", 245)])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_rows_of_each_market(market, width, end):
    """Each market has its own width, and the last line counts with and without its newline."""
    assert len(line(market)) == width
    expected = Instrument(
        "005930", "KR7005930003", "삼성전자", market, "ST", SESSION, date(1975, 6, 11), 5_919_637_000, 100.0, 69580
    )
    other = line(market, "0001A0", "KR70001A0001", "새회사")
    found = parse(line(market), other, market=market, end=end)
    assert found[0] == expected
    assert (found[1].stock_code, found[1].name) == ("0001A0", "새회사")


@pytest.mark.parametrize(("market", "written", "shares"), [
    ("KOSPI", "27931", 27_931_000), ("KOSDAQ", "11000", 11_000_000), ("KONEX", "5919637", 5_919_637_000),
])  # fmt: skip
def test_listed_shares_are_thousands(market, written, shares):
    """The files count in thousands: 000020 has 27931 of them, for a capital of 27,931,470,000 won at a par of 1,000."""
    assert parse(line(market, shares=written.zfill(15)), market=market)[0].listed_shares == shares


def test_name_of_twenty_hangul_fills_its_field():
    """A name of 40 bytes leaves no blank before the tail."""
    assert parse(line(name="가" * 20))[0].name == "가" * 20


def test_flags():
    """Halt, liquidation, administrative issue and preferred stock are read each from its own column."""
    found = parse(
        line(code="000001", flags="YNN"), line(code="000002", flags="NYN"), line(code="000003", flags="NNY"),
        line(code="000005", preferred="2"),
    )  # fmt: skip
    assert [one.halted for one in found] == [True, False, False, False]
    assert [one.liquidation for one in found] == [False, True, False, False]
    assert [one.managed for one in found] == [False, False, True, False]
    assert [one.preferred for one in found] == [False, False, False, True]


def test_empty_numbers_are_unknown():
    """Zeros and blanks in a number or a day say nothing; that is None, not 0."""
    one = parse(line(base="000000000", par=" " * 12, listed="00000000", shares="0" * 15))[0]
    assert (one.base_price, one.face_value, one.listed_on, one.listed_shares) == (None, None, None, None)


def test_par_value_of_a_foreign_issue():
    """A foreign par value may have decimals."""
    assert parse(line(par="000000000.25"))[0].face_value == 0.25


def test_etn_loses_its_prefix():
    """An ETN is written Q500001 here and is stock_code 500001."""
    assert parse(line(code="Q500001", group="EN"))[0].stock_code == "500001"


def test_funds_and_warrants_are_left_out():
    """Longer codes are no instruments of the market."""
    assert [one.stock_code for one in parse(line(), line(code="F70100022"), line(code="J0036221D"))] == ["005930"]


@pytest.mark.parametrize(("bad", "said"), [
    (line()[:-1], "line 2: 287 bytes instead of 288"),
    (b"", "line 2: 0 bytes"),
    (line("KOSDAQ"), "line 2: 282 bytes"),
    (line(code="000660", base="0000-1420"), "line 2: field base price"),
    (line(code="000660", base="      N/A"), "line 2: field base price"),
    (line(code="000660", shares="-00000000000029"), "line 2: field listed shares"),
    (line(code="000660", par="000000000x00"), "line 2: field par value"),
    (line(code="000660", flags="XNN"), "line 2: field halted"),
    (line(code="000660", flags="N1N"), "line 2: field liquidation"),
    (line(code="000660", listed="20261301"), "line 2: field listing day"),
    (line(code="000660", isin="XXXXXXXXXXXX"), "line 2: .*ISIN"),
    (line(code="000660", name=""), "line 2: .*name"),
    (line(code="12"), "line 2: .*stock_code"),
    (line(), "line 2: stock_code 005930 stands in the file twice"),
    (line(code="000660").replace("삼성".encode("cp949"), b"\xff\xff\xff\xff"), "line 2: field name"),
])  # fmt: skip
def test_bad_row_names_file_and_line(bad, said):
    """A row that is not as documented is an error that says where."""
    with pytest.raises(PayloadError, match=f"KIS KOSPI master, {said}"):
        parse(line(), bad, end=b"\n")


@pytest.mark.parametrize(
    "content", [b"", b"<html></html>", b"PK\x03\x04broken", zipped(b"", "readme.txt"), zipped(b"")]
)
def test_file_that_is_no_master(content):
    """Anything but a zip of one .mst file with rows is refused."""
    with pytest.raises(PayloadError, match="KIS KOSPI master"):
        parse_master("KOSPI", content, SESSION)


@given(st.binary(max_size=400), st.sampled_from(["KOSPI", "KOSDAQ", "KONEX"]))
def test_hostile_bytes(content, market):
    """Whatever a file holds, it ends in instruments or in a PayloadError."""
    with pytest.raises(PayloadError):
        parse_master(market, content, SESSION)


@pytest.mark.thorough
@given(position=st.integers(0, 287), byte=st.integers(0, 255))
def test_one_wrong_byte(position, byte):
    """A row with any byte changed is read, or refused as a PayloadError, and never ends in another error."""
    row = bytearray(line())
    row[position] = byte
    try:
        found = parse(bytes(row))
    except PayloadError:
        return
    assert all(isinstance(one, Instrument) for one in found)
