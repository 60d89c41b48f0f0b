"""What the morning page tells of the live stream."""

import re
from datetime import datetime

import pytest
from fastapi.testclient import TestClient

from data_pipeline.loading.stream.lines import beat
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.stream_records import Heartbeat
from data_pipeline.morning.facts import StreamLine
from data_pipeline.pages.panels import left_to_rest
from tests.support.pages import WALL, Guard, pages, room_of
from tests.support.pages_warehouse import fill

AT = datetime(2026, 9, 18, 10, 0, tzinfo=SEOUL)
PLACED, REST = ("trade of 005930 (KRX)", "trade of 000660 (KRX)"), ("trade of 0001A0 (KRX)",)


@pytest.fixture
def shown(database):
    """Gives the text of the panel after lines have written how they stand."""

    def look(*beats, later=""):
        with database.connect("owner") as connection, connection, connection.cursor() as cursor:
            fill(cursor)
            for one in beats:
                beat(connection, one)
            if later:
                cursor.execute(later)
        room = room_of(database.url("reader"), "2026-09-18T21:00")
        with TestClient(pages(Guard(), room, lambda: WALL), headers={"x-user": "kim"}) as browser:
            html = browser.get("/").text
        room.readers.close()
        panel = html.partition('<h2 id="stream">')[2].partition("</section>")[0]
        return " ".join(re.sub(r"<[^>]*>", " ", panel).split())

    return look


def test_it_says_what_is_streamed_and_what_is_left_to_rest(shown):
    """One of two is registered so far; of a hundred and one that have no room the first is named."""
    text = shown(Heartbeat("host:1", "a1b2c3d4", AT, 0.02, 0, "up", PLACED, 1, REST, 101))
    assert "a1b2c3d4 host:1 up 1 of 2" in text
    assert "Streamed (2) a1b2c3d4 trade of 005930 (KRX), trade of 000660 (KRX)" in text
    assert (
        "Left to REST (101): no key has room, or the server refuses host:1 trade of 0001A0 (KRX) and 100 more" in text
    )


def test_a_line_that_says_nothing_any_more_streams_nothing(shown):
    """Its process was killed: what it held is no longer told as streamed."""
    silent = "UPDATE market.stream_heartbeat SET loaded_at = loaded_at - interval '5 minutes'"
    text = shown(Heartbeat("host:1", "a1b2c3d4", AT, None, 0, "up", PLACED, 2), later=silent)
    assert "silent for 5 min" in text
    assert "Streamed" not in text


def test_where_no_stream_runs_it_says_so(shown):
    """Nobody has to have one."""
    assert "No live stream has run within a day." in shown()


def test_the_rest_is_told_once_for_each_process_that_holds_a_line():
    """Two keys of one process leave the same; a process that stands by would leave what the first one does."""
    held = StreamLine("key1", "host:1", "up", 1.0, None, 0, PLACED, 2, REST, 1)
    other = StreamLine("key2", "host:1", "up", 1.0, None, 0, PLACED, 2, REST, 1)
    standby = StreamLine("key1", "host:2", "standby", 1.0, None, 0, (), 0, REST, 1)
    assert [one.host for one in left_to_rest([held, other, standby])] == ["host:1"]
    assert [one.host for one in left_to_rest([standby])] == ["host:2"]
