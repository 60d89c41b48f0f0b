"""The stock master files, read by bytes."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import date

import pytest

from data_pipeline.emulator.kis.master import master_row
from data_pipeline.emulator.kis.master_layout import TAILS, number

SESSION = date(2026, 11, 20)
BOARDS = [("kospi_code", "KOSPI", 288), ("kosdaq_code", "KOSDAQ", 282), ("konex_code", "KONEX", 245)]
# Where a field of the tail begins, counted from the row's first byte, by the documented widths.
KOSPI_AT = {"group": (61, 2), "base": (102, 9), "halted": (121, 1), "managed": (123, 1), "volume": (142, 12),
            "par": (154, 12), "listed": (166, 8), "shares": (174, 15), "cap": (273, 9)}  # fmt: skip


def _master(kis, name):
    answer = kis.request("GET", f"/common/master/{name}.mst.zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == [f"{name}.mst"]
        return archive.read(f"{name}.mst")


def _cut(row, field):
    start, width = KOSPI_AT[field]
    return row[start : start + width].decode("cp949")


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "market", "width"), BOARDS)
def test_every_row_has_the_documented_width(kis, name, market, width):
    """All rows of a market are as wide as documented, in cp949, one per listed instrument."""
    rows = _master(kis, name).removesuffix(b"\n").split(b"\n")
    listed = [one for one in kis.app.server.view.market.instruments(SESSION) if one.market == market]
    assert {len(row) for row in rows} == {width}
    assert [row[:9].decode().strip() for row in rows] == [one.stock_code for one in listed]
    assert [row[9:21].decode() for row in rows] == [one.isin for one in listed]
    assert [row[21:61].decode("cp949").rstrip() for row in rows] == [one.name for one in listed]


@pytest.mark.parametrize(("market", "fields", "width"), [("KOSPI", 70, 227), ("KOSDAQ", 64, 221), ("KONEX", 38, 184)])
def test_the_tails_have_the_documented_sums(market, fields, width):
    """The fields of each tail add up to the documented width."""
    assert (len(TAILS[market]), sum(size for _, size in TAILS[market])) == (fields, width)


@pytest.mark.thorough
def test_only_kospi_ends_without_a_newline(kis):
    """The KOSPI file's last line has no newline, as recorded; the others end with one; none has a carriage return."""
    files = {name: _master(kis, name) for name, _, _ in BOARDS}
    assert [content.endswith(b"\n") for content in files.values()] == [False, True, True]
    assert not any(b"\r" in content for content in files.values())


@pytest.mark.thorough
def test_the_row_of_samsung_electronics(kis):
    """Base price, shares, par value and listing date stand at their documented places."""
    row = next(line for line in _master(kis, "kospi_code").split(b"\n") if line.startswith(b"005930 "))
    assert (_cut(row, "group"), _cut(row, "base"), _cut(row, "halted"), _cut(row, "managed")) == (
        "ST",
        "000069580",
        "N",
        "N",
    )
    assert (_cut(row, "volume"), _cut(row, "par")) == ("000007129900", "000000000100")
    assert (_cut(row, "listed"), _cut(row, "shares"), _cut(row, "cap")) == ("19750611", "000000005919637", "004118884")


@pytest.mark.thorough
def test_halted_issues_carry_their_flag(kis):
    """The halt flag of every KOSPI row agrees with the market."""
    rows = _master(kis, "kospi_code").split(b"\n")
    halted = {row[:6].decode() for row in rows if _cut(row, "halted") == "Y"}
    market = kis.app.server.view.market
    assert halted == {one.stock_code for one in market.instruments(SESSION) if one.halted and one.market == "KOSPI"}
    assert halted


def test_negative_numbers_carry_their_minus_before_the_zeros():
    """A loss of 29 is ``-00000029``, as recorded."""
    assert number(-29, 9) == "-00000029"


@pytest.mark.thorough
def test_long_names_are_cut_between_characters(kis):
    """A name longer than 40 bytes is cut to whole characters and the row keeps its width."""
    view = kis.app.server.view
    one = replace(view.market.instrument("005930", SESSION), name="A" + "가" * 30)
    row = master_row(view, one, SESSION)
    assert (len(row), row[21:61].decode("cp949")) == (288, "A" + "가" * 19 + " ")


@pytest.mark.thorough
def test_the_same_session_gives_the_same_bytes(start):
    """Two emulators of the same market serve identical files."""
    assert start().request("GET", "/common/master/konex_code.mst.zip").content == (
        start().request("GET", "/common/master/konex_code.mst.zip").content
    )
