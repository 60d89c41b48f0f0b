"""Minutes of a running session as KIS was recorded to send them: a minute's shares move into its row at the next trade.

The rows and the bars they stand for are in ``tests/samples/kis/polled-minutes.json``.
"""

from __future__ import annotations

import json
import logging
from datetime import date

import pytest

from data_pipeline.exceptions import IncompleteDataError
from data_pipeline.market.evidence import MinuteEvidence, gathering
from tests.support.kis_answers import PRICE, ok
from tests.support.project import SAMPLES

SAMPLE = json.loads((SAMPLES / "kis" / "polled-minutes.json").read_text(encoding="utf-8"))
DAY = date.fromisoformat(SAMPLE["session"])
TODAY, PAST = "inquire-time-itemchartprice", "inquire-time-dailychartprice"
POLLS = {one["said"]: one for one in SAMPLE["answers"]}


def page(rows, day=DAY):
    """Return a minute chart of rows as the sample writes them."""
    named = [dict(zip(SAMPLE["fields"], map(str, row), strict=True)) for row in rows]
    return ok(output1=SAMPLE["head"], output2=[{"stck_bsop_date": f"{day:%Y%m%d}", **row} for row in named])


def at_the_server(kis, time):
    """Set the server's clock to a time in Seoul on the sample's day."""
    hour, *rest = time.split(":")
    kis.date = f"{DAY:%a, %d %b %Y} {int(hour) - 9:02d}:{':'.join(rest)} GMT"


@pytest.fixture
def poll(kis, make_source):
    """Ask for the day's minutes while the server answers with a page; return the source's bars and its evidence."""

    def ask(rows, code, time, call=TODAY):
        at_the_server(kis, time)
        kis.answer("inquire-price", ok(output=PRICE | {"stck_shrn_iscd": code}))
        kis.answer(call, page(rows), page([]))
        source = make_source(environment="real" if call == PAST else "virtual")
        with gathering() as told:
            bars = list(source.minute_bars([code], DAY, DAY))
        return bars, told[0]

    return ask


@pytest.mark.parametrize("one", POLLS.values(), ids=POLLS)
def test_nothing_wrong_is_shown_and_what_is_withheld_is_counted(poll, one):
    """Each bar is the one that KIS has later, and the minutes whose shares have not moved yet are counted."""
    bars, told = poll(one["rows"], one["stock_code"], one["at"], one["call"])
    true = [bar for bar in SAMPLE["bars"][one["stock_code"]] if bar[0] in one["shown"]]
    assert [
        [f"{bar.at:%H%M%S}", bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trading_value] for bar in bars
    ] == true
    assert told.withheld == len(one["withheld"])
    assert told.problem == ""


@pytest.mark.parametrize("one", [one for one in POLLS.values() if one["withheld"]], ids=lambda one: one["said"])
def test_what_is_withheld_is_said_once_an_answer(poll, one, caplog):
    """One line names the minutes: information while a later answer has them, a warning once the session is over."""
    with caplog.at_level(logging.INFO):
        poll(one["rows"], one["stock_code"], one["at"], one["call"])
    (line,) = [record for record in caplog.records if "withheld" in record.message]
    (time,) = one["withheld"]
    said = f"minutes of {one['stock_code']} on 2025-11-05 withheld: 1, the newest that of {time}; KIS "
    assert line.message.startswith(said)
    assert line.levelno == (logging.WARNING if one["at"] > "15:30" else logging.INFO)


def test_an_answer_of_a_running_session_is_no_error_for_whoever_asks_directly(kis, make_source):
    """Nobody gathers evidence: the minutes that are certain come, and no exception."""
    one = SAMPLE["answers"][1]
    at_the_server(kis, one["at"])
    kis.answer("inquire-price", ok(output=PRICE | {"stck_shrn_iscd": one["stock_code"]}))
    kis.answer(TODAY, page(one["rows"]))
    bars = make_source().minute_bars([one["stock_code"]], DAY, DAY)
    assert [f"{bar.at:%H%M%S}" for bar in bars] == one["shown"]


def test_a_session_with_a_lost_minute_is_not_whole():
    """It adds up to the day's volume without the minute that did not show, so the day's volume is another one."""
    told = MinuteEvidence("006340", DAY, 10, day_volume=10, withheld=1)
    assert told.doubt(10, [49_179]) == "minutes that traded and never showed their shares: 1"


def test_the_virtual_server_says_why_a_last_minute_is_never_shown(poll):
    """Nobody traded in the auction, so the shares of 14:10 stand in the newest row for good: no sum tells whose."""
    rows = [["152800", 8010, 8010, 8010, 8010, 7, 136070], ["141000", 8010, 8010, 8010, 8010, 0, 80000],
            ["140900", 8000, 8000, 8000, 8000, 10, 80000]]  # fmt: skip
    _, told = poll(rows, "006340", "20:40:00")
    assert told.doubt(10, [17]) == (
        "the virtual server never shows the shares of a session's last minute when the closing auction had no trade, "
        "and only a real key can load them: 1"
    )


@pytest.mark.parametrize("newest", ["09:31:10", "09:33:00"])
def test_the_newest_row_of_a_running_session_is_never_a_bar(poll, newest):
    """A clock that is ahead of the chart makes no bar of a row that still collects shares, or holds earlier ones."""
    rows = [["093000", 100, 100, 100, 100, 5, 1500], ["092900", 100, 100, 100, 100, 10, 1000]]
    bars, _ = poll(rows, "010170", newest)
    assert [f"{bar.at:%H%M}" for bar in bars] == ["0929"]


def test_after_the_close_the_newest_row_is_no_bar_beside_a_minute_that_reads_as_if_nothing_traded(poll):
    """The shares in the row of 15:20 are those of 15:19: nothing trades while the auction collects orders."""
    rows = [["152000", 8010, 8010, 8010, 8010, 49169, 393580000], ["151900", 8000, 8000, 8000, 8000, 0, 80000],
            ["151800", 8000, 8000, 8000, 8000, 10, 80000]]  # fmt: skip
    bars, told = poll(rows, "006340", "15:30:05")
    assert [f"{bar.at:%H%M}" for bar in bars] == ["1518"]
    assert told.withheld == 1


ORPHAN = [["093100", 100, 100, 100, 100, 0, 900], ["093000", 100, 100, 100, 100, 0, 900]]


def test_an_oldest_row_without_shares_and_with_a_total_lacks_its_predecessor(poll):
    """What traded before it is nowhere: not withheld, but missing, whoever asks."""
    _, told = poll(ORPHAN, "010170", "09:31:30")
    assert told.problem == (
        "the minute of 09:30 has 0 shares, and 900 won were traded by then: minutes before it did not come"
    )


def test_an_oldest_row_without_its_predecessor_is_an_error_for_whoever_asks_directly(kis, make_source):
    """Nobody gathers evidence, and minutes are missing."""
    at_the_server(kis, "09:31:30")
    kis.answer("inquire-price", ok(output=PRICE))
    kis.answer(TODAY, page(ORPHAN))
    with pytest.raises(IncompleteDataError, match="minutes before it did not come"):
        list(make_source().minute_bars(["005930"], DAY, DAY))


def test_a_page_turned_while_the_next_trade_moves_the_shares(kis, make_source):
    """The first page has the minute's shares in its newest row, the second already in their own: the minute comes."""
    at_the_server(kis, "10:31:10")
    first = [[f"10{at:02d}00", 100, 100, 100, 100, 10 if at == 31 else 0, 3000] for at in range(31, 1, -1)]
    second = [["100100", 100, 100, 100, 100, 10, 3000], ["100000", 100, 100, 100, 100, 20, 2000]]
    kis.answer("inquire-price", ok(output=PRICE))
    kis.answer(TODAY, page(first), page(second))
    with gathering() as told:
        bars = list(make_source().minute_bars(["005930"], DAY, DAY))
    assert [(f"{bar.at:%H%M}", bar.volume) for bar in bars] == [("1000", 20), ("1001", 10)]
    assert [bar.trading_value for bar in bars] == [2000, 1000]
    assert told[0].withheld == 0
