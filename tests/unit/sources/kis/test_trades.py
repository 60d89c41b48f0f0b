"""Trades of today, walked back through pages of thirty: every one of them, or that some cannot be had."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

import pytest

from data_pipeline.exceptions import PayloadError, UnsupportedDatasetError
from data_pipeline.market.trading_calendar import SEOUL, krx_calendar
from data_pipeline.market.venue import Venue
from data_pipeline.sources.kis.parse_answer import Answer
from data_pipeline.sources.kis.trades import TRADES_TODAY, Trades, parse_trades
from tests.support.kis_answers import ok
from tests.support.project import SAMPLES

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=SEOUL)
CALL = "inquire-time-itemconclusion"
ROW = json.loads((SAMPLES / "kis" / f"{CALL}.json").read_text(encoding="utf-8"))["outputs"]["output2"]


def at(text: str) -> datetime:
    """A second of the day, as 091502."""
    return datetime(2026, 11, 20, int(text[:2]), int(text[2:4]), int(text[4:]), tzinfo=SEOUL)


class Server:
    """Has trades of (second, shares), oldest first, and answers with the newest thirty up to a second."""

    def __init__(self, trades: Iterable[tuple[str, int]], hidden: int = 0) -> None:
        self.rows: list[dict[str, str]] = []
        self.asked: list[str] = []
        total = hidden
        for second, shares in trades:
            total += shares
            self.rows.append(
                ROW | {"stck_cntg_hour": second, "cnqn": str(shares), "acml_vol": str(total), "stck_prpr": "104500"}
            )

    def __call__(self, endpoint, params, subject) -> Answer:
        assert endpoint is TRADES_TODAY
        self.asked.append(params["FID_INPUT_HOUR_1"])
        rows = [row for row in self.rows if row["stck_cntg_hour"] <= params["FID_INPUT_HOUR_1"]]
        return Answer(f"KIS {endpoint.name} of {subject}", {"output2": rows[::-1][:30]}, NOW)


def walked(server: Server, since: str, until: str, above: int = 0, **more):
    """What a walk brings: running volumes, and whether it is whole."""
    told = Trades(server, krx_calendar(), virtual=False).between(
        "005930", Venue.KRX, at(since), at(until), above, **more
    )
    assert all(trade.filled and trade.side is None for trade in told.trades)
    return [trade.cumulative_volume for trade in told.trades], told.whole


STEADY = [(f"1000{second:02d}", 10) for second in range(60) for _ in range(2)]
"""Two trades of ten shares in each second of a minute: 20 shares a second."""


def test_a_documented_row() -> None:
    """The example of KIS's page: 20 shares at 104,500 won at 14:11:59, by which 1,979,727 were traded."""
    answer = Answer("KIS of 005930", {"output2": [ROW]}, NOW)
    (trade,) = parse_trades("005930", Venue.NXT, at("143000"), answer)
    assert (trade.venue, trade.traded_at, trade.price, trade.volume) == (Venue.NXT, at("141159"), 104_500, 20)
    assert (trade.cumulative_volume, trade.ask_price, trade.bid_price) == (1_979_727, 105_000, 104_500)
    assert (trade.cumulative_value, trade.sell_count, trade.side, trade.filled) == (None, None, None, True)


def test_a_walk_over_several_pages() -> None:
    """From 10:00:10 to 10:00:50 above 220 shares: the trades to 1,020, each once, in three calls of thirty."""
    server = Server(STEADY)
    assert walked(server, "100010", "100050", above=220) == ([*range(230, 1021, 10)], True)
    assert server.asked == ["100050", "100036", "100022"]


def test_a_walk_to_the_begin_of_the_day() -> None:
    """Above nothing it asks until no trade comes; what was never printed before the first one is not lacking."""
    assert walked(Server(STEADY[:6]), "000000", "100010") == ([10, 20, 30, 40, 50, 60], True)
    assert walked(Server(STEADY[:6], hidden=500), "000000", "100010") == ([510, 520, 530, 540, 550, 560], True)


def test_a_second_that_fills_a_page_is_not_whole() -> None:
    """Of forty trades of one second thirty come, those before it too, and nobody passes it off as all."""
    busy = [("095959", 5), *[("100000", 1)] * 40, ("100001", 1)]
    found, whole = walked(Server(busy), "095959", "100001", above=3)
    assert (found, whole) == ([5, *range(16, 47)], False)


def test_a_second_of_exactly_a_page_is_whole() -> None:
    """Thirty trades of one second join the one before it by their running volume."""
    found, whole = walked(Server([("095959", 5), *[("100000", 1)] * 30]), "095959", "100001", above=4)
    assert (found, whole) == ([5, *range(6, 36)], True)


def test_nothing_told_is_nothing_proved() -> None:
    """An empty answer is no proof that nothing was traded, nor is a walk that ended before it reached down."""
    assert walked(Server([]), "100000", "100100", above=20) == ([], False)
    assert walked(Server(STEADY[60:], hidden=600), "100000", "100100", above=20)[1] is False
    found, whole = walked(Server(STEADY), "100000", "100059", most_calls=2)
    assert (found[0], found[-1], whole) == (630, 1200, False)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"stck_cntg_hour": "143001"}, "stck_cntg_hour is 143001, later than 143000 as asked"),
        ({"stck_cntg_hour": "1411"}, "stck_cntg_hour is no time: '1411'"),
        ({"stck_cntg_hour": "256100"}, "is no time"),
        ({"cnqn": "0"}, "price 104500 or volume 0 is not positive"),
        ({"acml_vol": ""}, "acml_vol has no value"),
        ({"acml_vol": "19"}, "19 shares so far are fewer than the 20 of the trade"),
    ],
)
def test_a_row_that_cannot_be_is_refused(change: dict[str, str], problem: str) -> None:
    """Each by its field."""
    with pytest.raises(PayloadError, match=problem):
        parse_trades("005930", Venue.KRX, at("143000"), Answer("KIS", {"output2": [ROW | change]}, NOW))


def test_running_volumes_fall_from_row_to_row() -> None:
    """A row that would overlap with the one after it is refused: the counter of the stream is the key."""
    older = ROW | {"acml_vol": "1979708", "cnqn": "1"}
    with pytest.raises(PayloadError, match="acml_vol is 1979708, more than the trade after it leaves"):
        parse_trades("005930", Venue.KRX, at("143000"), Answer("KIS", {"output2": [ROW, older]}, NOW))


def test_what_each_server_has(kis, make_source) -> None:
    """The venue is asked for by its code; the virtual server has KRX only, and no server a day that is over."""
    kis.answer(CALL, ok(output2=[ROW]))
    begin, end = at("141100"), at("141200")
    make_source().trades_between("005930", Venue.UNIFIED, begin, end, 1_979_707)
    assert [query["FID_COND_MRKT_DIV_CODE"] for query in kis.queries(CALL)] == ["UN"]
    with pytest.raises(UnsupportedDatasetError, match="no trades of NXT"):
        make_source(use_virtual=True, rate_limit=None).trades_between("005930", Venue.NXT, begin, end)
    with pytest.raises(UnsupportedDatasetError, match="2026-11-20 only, not of 2026-11-19"):
        make_source().trades_between("005930", Venue.KRX, begin.replace(day=19), end.replace(day=19))
