"""The live part of the page of an instrument: an open answer of a real server, over a real warehouse."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager

import pytest
import requests
from fastapi.testclient import TestClient

from tests.support.pages import WALL, Guard, pages, room_of, serving
from tests.support.pages_warehouse import BOOK, LETTERS, SAMSUNG, TRADE, fill, fill_stream
from tests.support.project import ROOT

NOW = "2026-09-18T10:00"


@pytest.fixture
def stored(database):
    """The small warehouse with a stream: two venues are watched, one of which brought trades; yields a cursor."""
    with database.connect("owner") as connection:
        with connection, connection.cursor() as cursor:
            fill(cursor)
            fill_stream(cursor)
        yield connection


@contextmanager
def served(database, guard=None, **more):
    """The pages on a server of their own at ten o'clock; yields its address. Looks follow each other at once."""
    room = room_of(database.url("reader"), NOW, wait=lambda _: asyncio.sleep(0.01), **more)
    with serving(pages(guard or Guard(), room, lambda: WALL)) as url:
        yield url
    room.readers.close()


def listen(url, code=SAMSUNG, user="kim", seconds=10, **asked):
    """An open answer; reading waits for so many seconds at most."""
    headers = {"x-user": user}
    return requests.get(f"{url}/live", {"code": code, **asked}, headers=headers, stream=True, timeout=seconds)


def events(answer):
    """Every event as its name and its text, as they come."""
    name, data = "", []
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data.append(line.removeprefix("data: "))
        elif not line and name:
            yield name, "\n".join(data)
            name, data = "", []


def plain(html):
    """The text of a fragment, without its elements."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_what_the_stream_brings_is_told_as_it_comes(database, stored):
    """Last trade, gaps, lines and ladder of now, and then the next trade; each venue has its row."""
    with served(database) as url, closing(listen(url)) as answer:
        told = events(answer)
        first = dict(next(told) for _ in range(3))
        with stored, stored.cursor() as cursor:
            cursor.execute(TRADE, ("NXT", SAMSUNG, 5, "2026-09-18 09:59:59+09", 121))
        name, second = next(told)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert "connect-src 'self'" in answer.headers["content-security-policy"]
    said = plain(first["last"])
    assert "1 of 1 lines of the stream are up, 7 records wait to be written. The slowest one lately took 0.2 s" in said
    assert "KRX 118 bought 5 1,000 09-18 09:59:48 12 s 1 70 70" in said
    assert "NXT - - - watched, and no trade yet 0 0 0" in said
    assert "Seen 09-18 09:59:50, from mock" in plain(first["book"])
    assert "1 120 20 119 118 5 117 10 21 Total 15" in plain(first["book"])
    assert name == "last"
    assert "NXT 121 bought 5 5 09-18 09:59:59 1 s 0 0 0" in plain(second)


def test_a_ladder_keeps_its_venue_for_a_minute(database, stored):
    """The book of KRX stays on until another venue's is a minute newer."""
    with served(database) as url, closing(listen(url)) as answer:
        told = events(answer)
        assert "09:59:50" in dict(next(told) for _ in range(3))["book"]
        with stored, stored.cursor() as cursor:
            cursor.execute(BOOK, (SAMSUNG, "2026-09-18 10:00:51+09", "NXT"))
        assert "Seen 09-18 10:00:51, from mock, NXT" in plain(next(told)[1])


def test_the_page_shows_the_same_without_a_script(database, stored):
    """Drawn when it is loaded; where nothing is streamed there is no such part, and nothing to listen to."""
    room = room_of(database.url("reader"), NOW)
    with TestClient(pages(Guard(), room, lambda: WALL), headers={"x-user": "kim"}) as browser:
        live = browser.get(f"/instrument?code={SAMSUNG}&lang=ko").text
        other = browser.get(f"/instrument?code={LETTERS}").text
    room.readers.close()
    assert "KRX 118 매수 체결 5 1,000" in plain(live)
    assert 'data-live-from="live?code=005930&amp;lang=ko"' in live
    assert "data-live-from" not in other
    assert "lines of the stream" not in other


def test_after_the_session_nothing_is_listened_to(database, stored):
    """The last trades stay on the page."""
    room = room_of(database.url("reader"), "2026-09-18T21:00")
    with TestClient(pages(Guard(), room, lambda: WALL), headers={"x-user": "kim"}) as browser:
        html = browser.get(f"/instrument?code={SAMSUNG}").text
    room.readers.close()
    assert "KRX 118 bought 5 1,000" in plain(html)
    assert "data-live-from" not in html


def test_the_twenty_first_gets_a_sentence(database, stored):
    """503 and when to come back; twenty listeners are one connection to the warehouse, and one who goes makes room."""
    with served(database) as url, ExitStack() as open_ones:
        answers = [open_ones.enter_context(closing(listen(url))) for _ in range(20)]
        told = [events(answer) for answer in answers]
        assert [next(one)[0] for one in told] == ["trouble"] * 20
        full = listen(url, lang="ko")
        assert (full.status_code, full.headers["retry-after"]) == (503, "30")
        assert full.text.startswith("이 서버에서 이미 20명이 실시간으로 보고 있습니다.")
        with stored, stored.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'data-pipeline pages'")
            assert cursor.fetchall() == [(1,)]
        told.pop(0).close()
        answers[0].close()
        later = open_ones.enter_context(closing(until_let_in(url)))
        assert next(events(later))[0] == "trouble"


def until_let_in(url):
    """Ask again and again: the server notices on its own that somebody went."""
    while (answer := listen(url)).status_code == 503:
        answer.close()
    return answer


@pytest.mark.parametrize(("asked", "status"), [({"code": "'; --"}, 400), ({"code": ""}, 400)])
def test_a_code_that_is_none_is_refused(database, asked, status):
    """Nobody listens to it."""
    with served(database) as url:
        assert listen(url, **asked).status_code == status


def test_an_instrument_that_nobody_streams_is_silent_and_open(database, stored):
    """Its lines are told, and no trade."""
    with served(database) as url, closing(listen(url, code=LETTERS)) as answer:
        told = events(answer)
        assert next(told) == ("trouble", "")
        name, said = next(told)
    assert (name, "1 of 1 lines" in said, "KRX" in said) == ("last", True, False)


def test_a_stranger_listens_to_nothing(database, stored):
    """401, and 403 without the right, before anything is looked up."""
    with served(database) as url:
        assert requests.get(f"{url}/live?code={SAMSUNG}", timeout=10).status_code == 401
        assert listen(url, user="nobody").status_code == 403


def test_a_server_that_stops_ends_what_is_open(database, stored):
    """The answer ends by itself, so that the server has nothing to wait for."""
    ending: list[bool] = []
    with served(database, ends=lambda: bool(ending)) as url, closing(listen(url)) as answer:
        told = events(answer)
        assert next(told)[0] == "trouble"
        ending.append(True)
        assert {name for name, _ in told} <= {"last", "book"}


SERVE = """
import sys, uvicorn
from tests.support.pages import Guard, pages, room_of
app = pages(Guard(), room_of(sys.argv[1], "2026-09-18T10:00"))
uvicorn.run(app, fd=int(sys.argv[2]), lifespan="off", log_level="warning")
"""


@pytest.mark.slow
def test_a_signal_ends_the_server_although_somebody_listens(database, stored):
    """Of itself uvicorn would wait for as long as the browser stays."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        url, fd = f"http://127.0.0.1:{listening.getsockname()[1]}", listening.fileno()
        command = [sys.executable, "-c", SERVE, database.url("reader"), str(fd)]
        with subprocess.Popen(command, cwd=ROOT, pass_fds=(fd,)) as process:
            try:
                with closing(listen(url, seconds=60)) as answer:
                    told = events(answer)
                    assert next(told)[0] == "trouble"
                    process.terminate()
                    list(told)
                assert process.wait(timeout=30) == -signal.SIGTERM
            finally:
                process.kill()


def test_a_warehouse_that_is_away_is_said_and_the_line_stays(database, stored):
    """Its connections are ended: a look says so, and one after it opens another."""
    with served(database) as url, closing(listen(url)) as answer:
        # A line without a sign of life for half a minute of a busy machine is told too.
        told = (said for name, said in events(answer) if name == "trouble")
        assert next(told) == ""
        with database.connect("admin") as admin, admin, admin.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'data-pipeline pages'"
            )
        assert next(told)[:12] == "Live waits: "
        assert next(told) == ""
