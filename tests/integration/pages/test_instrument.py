"""The page of one instrument (the warehouse of conftest, and what each test adds and takes back)."""

import re

import pytest
from fastapi.testclient import TestClient

from tests.support.pages import WALL, Guard, pages, room_of
from tests.support.pages_warehouse import LETTERS, SAMSUNG, fill


def plain(html):
    """The text of a page, without its elements."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def path(html, kind):
    """The path of a kind of marks on the chart."""
    return re.findall(rf'<path class="{kind}" d="([^"]*)"', html)[0]


def test_a_code_is_found_by_its_name_and_its_beginning(browser):
    """Korean name, part of it, code, its beginning in small letters; and nothing is said so."""
    for text in ("삼성전자", "성전", "005930", "0059"):
        assert 'href="instrument?code=005930"' in browser.get("/search", params={"text": text}).text
    assert 'href="instrument?code=0001A0"' in browser.get("/search", params={"text": "0001a"}).text
    assert "No instrument has the code or name “%_”." in browser.get("/search", params={"text": "%_"}).text
    assert "Enter a six-character code" in browser.get("/search").text


def test_prices_stand_as_they_are_stored(browser):
    """The newest close is 118, one more than its base price of 117: 0.85 %."""
    text = plain(browser.get(f"/instrument?code={SAMSUNG}").text)
    assert "Close 118 +1 (+0.85 %)" in text
    assert "삼성전자: 5 daily candles from 2026-09-14 (Mon) to 2026-09-18 (Fri), lowest 90, highest 140 won" in text
    assert "2026-09-18 (Fri) 100 140 90 118 +1 7 700 mock" in text
    assert "2026-09-10 – now 삼성전자 KOSPI 1,000" in text
    assert "No minutes of this instrument are stored." in text
    assert "No order book was seen in the last ten sessions." in text


def test_a_session_without_a_bar_is_a_gap_and_no_candle(browser):
    """The second and third of five sessions, a fifth of the width each; three candles are drawn."""
    html = browser.get(f"/instrument?code={LETTERS}").text
    assert path(html, "gap") == "M200 0H400V300H200zM400 0H600V300H400z"
    assert path(html, "rise").count("z") == 3
    assert "no bar is stored (2)" in html
    row = re.findall(r'<th scope="row">daily_bar</th>(.*?)</tr>', html, re.DOTALL)[0]
    assert re.findall(r'class="c (\w+)"', row)[-5:] == ["proven", "missing", "missing", "proven", "proven"]


@pytest.mark.parametrize(("code", "status"), [("999999", 404), ("00593", 400), ("0059300", 400), ("'; --", 400)])
def test_a_code_that_nobody_knows(browser, code, status):
    """Never seen on a list, or no code at all."""
    assert browser.get("/instrument", params={"code": code}).status_code == status


@pytest.fixture
def split(database):
    """A split of the 16th: prices before it are halved, volumes doubled; a book, minutes, and a bar that changed."""
    with database.connect("owner") as connection, connection, connection.cursor() as cursor:
        fill(cursor)
        cursor.execute(
            "INSERT INTO market.price_adjustment (stock_code, session, factor, previous_close, base_price, kind,"
            " source) VALUES (%s, '2026-09-16', 0.5, 116, 58, 'action', 'mock')",
            (SAMSUNG,),
        )
        cursor.execute(
            "UPDATE market.daily_bar SET close = 119 WHERE stock_code = %s AND session = '2026-09-17'", (SAMSUNG,)
        )
        cursor.execute("SELECT market.ensure_partitions('order_book', '2026-09-01', '2026-09-30')")
        cursor.execute("SELECT market.ensure_partitions('minute_bar', '2026-09-01', '2026-09-30')")
        cursor.execute(
            "INSERT INTO market.order_book (stock_code, observed_at, session, stock_name, bid_prices, bid_volumes,"
            " ask_prices, ask_volumes, total_bid_volume, total_ask_volume, source) VALUES (%s,"
            " '2026-09-18 15:00+09', '2026-09-18', 'x', '{118,117}', '{5,10}', '{119,120}', '{20,1}', 15, 21, 'mock')",
            (SAMSUNG,),
        )
        for minute, close in ((0, 118), (1, 119), (3, 117)):
            cursor.execute(
                "INSERT INTO market.minute_bar (stock_code, at, session, open, high, low, close, volume, trading_value,"
                " source) VALUES (%s, %s, '2026-09-18', 118, 120, 116, %s, 4, 472, 'mock')",
                (SAMSUNG, f"2026-09-18 09:0{minute}+09", close),
            )
        cursor.execute(
            "INSERT INTO market.proof (dataset, stock_code, session, state, proof, rows, source) VALUES"
            " ('minute_bar', %s, '2026-09-18', 'whole', 'by hand', 3, 'mock')",
            (SAMSUNG,),
        )
    room = room_of(database.url("reader"), "2026-09-18T21:00")
    with TestClient(pages(Guard(), room, lambda: WALL), headers={"x-user": "kim"}) as browser:
        yield browser
    room.readers.close()


def test_a_split_is_marked_and_bridged(split):
    """Adjusted, the lowest price is 45 and not 90; the mark stands in the middle of the third of five sessions."""
    adjusted = split.get(f"/instrument?code={SAMSUNG}").text
    raw = split.get(f"/instrument?code={SAMSUNG}&prices=raw").text
    assert "lowest 45, highest 140 won" in adjusted
    assert "lowest 90, highest 140 won" in raw
    assert path(adjusted, "action") == "M500.0 0V300"
    assert "2026-09-16 corporate action 0.500000 116 58" in plain(adjusted)


def test_a_changed_bar_is_marked(split):
    """The fourth of five sessions, with what its close was before."""
    html = split.get(f"/instrument?code={SAMSUNG}").text
    assert path(html, "restated") == "M700.0 286V300"
    assert "2026-09-17 changed mock → mock 117" in plain(html)


def test_the_ladder_runs_from_the_highest_ask_to_the_lowest_bid(split):
    """Asks 120, 119, bids 118, 117, with their shares; the sums are the server's."""
    text = plain(split.get(f"/instrument?code={SAMSUNG}").text)
    assert "Seen 09-18 15:00:00, from mock" in text
    assert "Ask Price Bid 1 120 20 119 118 5 117 10 21 Total 15" in text


def test_minutes_are_a_line_that_holds_its_price(split):
    """Three rows over four minutes: the third minute had no trade and keeps the price of the second."""
    html = split.get(f"/instrument?code={SAMSUNG}").text
    assert "Minutes of 2026-09-18 (Fri)" in plain(html)
    # Ticks from 117 to 119 in halves: 118 lies in the middle of 300 units, and there are three steps of 333.3.
    assert path(html, "line") == "M0 150L333.3 0L666.7 0L1000 300"
