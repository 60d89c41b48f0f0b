"""The morning page over a warehouse whose holes are known (see conftest)."""

import re

import pytest
from fastapi.testclient import TestClient

from data_pipeline.pages.headers import HEADERS
from tests.support.pages import WALL, Guard, pages, room_of
from tests.support.pages_warehouse import BAR, LETTERS, RUN, fill


def plain(html):
    """The text of a page, without its elements."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_the_first_sentence_says_what_is_missing(browser):
    """Two of ten cells are; the sessions that lack something are two."""
    answer = browser.get("/")
    text = plain(answer.text)
    assert answer.status_code == 200
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "2 of 10 cells are missing" in text
    assert "Newest final session: 2026-09-18 (Fri). Sessions with gaps: 2 of" in text
    assert "Synthetic data: every row in this warehouse is made up" in text


def test_the_heatmap_has_a_cell_for_each_session(browser):
    """Of the five sessions two lack half of their cells; sessions before are not expected."""
    html = browser.get("/").text
    row = re.findall(r'<th scope="row">daily_bar</th>(.*?)</tr>', html, re.DOTALL)[0]
    states = re.findall(r'class="c (\w+)"', row)
    assert states[-5:] == ["proven", "many", "many", "proven", "proven"]
    assert set(states[:-5]) == {"none"}
    assert 'href="cell?dataset=daily_bar&amp;session=2026-09-16"' in row
    assert "daily_bar, 2026-09-16 (Wed): many missing; 1 of 2 loaded, 0 truly empty, 1 missing, 0 unproven" in row


def test_each_panel_says_what_is_there(browser):
    """The refused row is the reason, the failed load stands with its log, the unknown field with its number."""
    html = browser.get("/").text
    text = plain(html)
    assert "a check refused the row: limit: closed above its limit" in text
    assert "#1 failed" in text
    assert "the server answered 500" in text
    assert 'href="../dags/daily_bars/runs/scheduled__1/tasks/load/mapped/2"' in html
    assert "output.new_field 3 daily_bar mock" in text
    assert "The source needs no key." in text
    assert "No official bar is stored, so nothing was compared." in text


def test_a_cell_leads_to_its_codes_loads_and_logs(browser):
    """Of the 15th one code is missing, about which the failed load was."""
    text = plain(browser.get("/cell?dataset=daily_bar&session=2026-09-15").text)
    assert "daily_bar on 2026-09-15 (Tue)" in text
    assert "0001A0 이름 the newest load says: #1: the server answered 500" in text
    assert "Nothing is missing." in plain(browser.get("/cell?dataset=daily_bar&session=2026-09-14").text)


@pytest.mark.parametrize(
    "address",
    [
        "/cell",
        "/cell?dataset=daily_bar",
        "/cell?dataset=daily_bar&session=2026-13-01",
        "/cell?dataset=pg_user&session=2026-09-15",
        "/instrument",
        "/instrument?code=%27;--",
        "/instrument?code=005930&range=9y",
    ],
)
def test_an_address_that_means_nothing_is_refused(browser, address):
    """In one sentence."""
    answer = browser.get(address)
    assert answer.status_code == 400
    assert "The address does not name a known dataset, session or code." in answer.text


def test_it_speaks_korean(browser):
    """By the address or the browser; links keep what the address chose."""
    html = browser.get("/?lang=ko").text
    assert "10칸 중 2칸이 빠져 있습니다" in html
    assert '<html lang="ko">' in html
    assert 'href="cell?dataset=daily_bar&amp;session=2026-09-16&amp;lang=ko"' in html
    assert "빠진 것과 그 이유" in browser.get("/", headers={"accept-language": "ko-KR"}).text


def test_an_empty_warehouse_explains_itself(database):
    """It says what to start, and claims nothing."""
    room = room_of(database.url("reader"), "2026-09-18T21:00")
    with TestClient(pages(Guard(), room, lambda: WALL), headers={"x-user": "kim"}) as browser:
        text = plain(browser.get("/").text)
    room.readers.close()
    assert "This warehouse is empty" in text
    assert "Complete and true" not in text


def test_a_login_that_may_write_is_refused(database):
    """The pages are asked by people, so their login can only read; the sentence says what to do."""
    room = room_of(database.url("loader"), "2026-09-18T21:00")
    with TestClient(pages(Guard(), room, lambda: WALL), headers={"x-user": "kim"}) as browser:
        answer = browser.get("/")
    assert answer.status_code == 503
    assert "set MARKET_READER_URL to one that can" in answer.text


@pytest.mark.thorough
def test_a_statement_that_takes_too_long_is_said_in_its_place(shared, room, guard, stored):
    """One panel says so; the heatmap, which was counted before, and the others stand."""
    with stored.connect("owner") as connection, connection.cursor() as cursor:
        with TestClient(
            pages(guard, room_of(stored.url("reader"), "2026-09-18T21:00")), headers={"x-user": "kim"}
        ) as one:
            cursor.execute("LOCK TABLE market.rejected_row IN ACCESS EXCLUSIVE MODE")
            text = plain(one.get("/").text)
        connection.rollback()
    assert "This part could not be read" in text
    assert "2 of 10 cells are missing" in text
    assert "Restated in seven days" in text


def test_a_load_that_ended_is_seen(database):
    """What it was about is counted anew at once, although everything else is kept."""
    with database.connect("owner") as connection, connection, connection.cursor() as cursor:
        fill(cursor)
    room = room_of(database.url("reader"), "2026-09-18T21:00", kept=Fresh())
    with TestClient(pages(Guard(), room), headers={"x-user": "kim"}) as browser:
        assert "2 of 10 cells are missing" in browser.get("/").text
        with database.connect("owner") as connection, connection, connection.cursor() as cursor:
            cursor.execute(BAR, (LETTERS, "2026-09-15", 100, 0))
            cursor.execute(RUN, (None, None))
            cursor.execute(
                "UPDATE market.ingest_run SET status = 'success', finished_at = started_at WHERE error IS NULL"
            )
        assert "1 of 10 cells are missing" in browser.get("/").text
    room.readers.close()


class Fresh:
    """Keeps nothing."""

    async def get(self, _question, _seconds, work_out):
        return await work_out()
