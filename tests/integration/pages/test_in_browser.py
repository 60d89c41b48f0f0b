"""The pages in Debian's Chromium: layout at three widths, keyboard, no script, weight and pictures."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import shutil
import subprocess
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
import requests
from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from tests.support.pages import WALL, Guard, pages, room_of, serving
from tests.support.pages_warehouse import SAMSUNG, TRADE, fill, fill_stream
from tests.support.project import ROOT

pytestmark = pytest.mark.slow
WIDTHS = {"phone": 390, "tablet": 820, "desktop": 1280}
PATHS = {
    "morning": "",
    "cell": "cell?dataset=daily_bar&session=2026-09-16",
    "instrument": "instrument?code=005930",
    "search": "search?text=%EC%82%BC%EC%84%B1",
}
LARGEST = 150 * 1024
"""Bytes of a page with its files, as sent."""


class Everybody(Guard):
    """Lets everybody in, as one user."""

    dependencies = ()

    async def may_stay(self, request):
        """They may."""
        return True

    async def user(self, request):
        """The one."""
        return "kim"

    async def may_start(self, request, name):
        """They may."""
        return True


@pytest.fixture(scope="module")
def address(shared):
    """Where the pages of the small warehouse are."""
    with shared.connect("owner") as connection, connection, connection.cursor() as cursor:
        fill(cursor)
        fill_stream(cursor)
    room = room_of(shared.url("reader"), "2026-09-18T21:00")
    app = FastAPI()
    app.mount("/data-pipeline", pages(Everybody(), room, lambda: WALL))
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    with serving(app) as url:
        yield f"{url}/data-pipeline/"
    room.readers.close()


@pytest.fixture(scope="module")
def chromium():
    """Debian's Chromium, which Playwright drives; without one the test is skipped."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def looking(chromium, url, width=1280, **more):
    """A page that is open for the block; whatever it says to the console is collected."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, locale="en-GB", **more)
    page = context.new_page()
    page.said = []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.goto(url)
    try:
        yield page
    finally:
        context.close()


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_nothing_runs_out_of_the_page(chromium, address, path, width):
    """It never scrolls sideways as a whole, its panels lie within it and none on another."""
    with looking(chromium, address + path, width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        boxes = [one.bounding_box() for one in page.query_selector_all(".panel, .verdict, .bar")]
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= width + 1 for box in boxes)
        for number, one in enumerate(boxes):
            for other in boxes[number + 1 :]:
                beside = one["x"] + one["width"] <= other["x"] + 1 or other["x"] + other["width"] <= one["x"] + 1
                assert (
                    beside or one["y"] + one["height"] <= other["y"] + 1 or other["y"] + other["height"] <= one["y"] + 1
                )
        assert [text for text in page.said if "favicon" not in text and "404" not in text] == []


@pytest.mark.parametrize(("width", "shown"), [(390, 24), (820, 40), (1280, 60)])
def test_a_small_page_shows_the_newest_sessions(chromium, address, width, shown):
    """As many columns as there is room for, and the newest of them always."""
    with looking(chromium, address, width) as page:
        cells = page.query_selector_all(".heat tbody tr:first-child td")
        visible = [cell for cell in cells if cell.is_visible()]
        assert len(visible) == shown
        assert "2026-09-18" in visible[-1].query_selector("a").get_attribute("title")


def test_everything_works_without_a_script(chromium, address):
    """From the heatmap to a cell, from there to the instrument, and a search."""
    with looking(chromium, address, java_script_enabled=False) as page:
        page.click(".heat a.many")
        assert page.inner_text("h1").startswith("daily_bar on 2026-09-1")
        page.click("text=0001A0")
        assert "이름" in page.inner_text("h1")
        page.fill("#text", "삼성")
        page.press("#text", "Enter")
        page.click("text=삼성전자")
        assert page.inner_text("h1").startswith("삼성전자")
        assert page.is_visible("svg.plot")


def test_the_keyboard_reaches_what_matters(chromium, address):
    """The first key skips to the content; of the heatmap only gaps are on the way, and arrows reach the rest."""
    with looking(chromium, address) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        reached = page.eval_on_selector_all(
            ".heat a", "all => all.filter(one => one.tabIndex >= 0).map(one => one.className)"
        )
        assert reached == ["c many"] * 3  # two of daily bars, and the trades that were watched and are not proved
        page.focus(".heat a.many")
        page.keyboard.press("ArrowLeft")
        assert "2026-09-14" in page.evaluate("document.activeElement.title")


def test_light_and_dark(chromium, address):
    """As the browser likes it; text and ground differ in both."""
    grounds = set()
    for scheme in ("light", "dark"):
        with looking(chromium, address, color_scheme=scheme) as page:
            grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == {"rgb(246, 247, 249)", "rgb(15, 19, 24)"}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_page_is_light(chromium, address, path):
    """With its files it is at most 150 kB, as sent."""
    sizes = []
    with looking(chromium, "about:blank") as page:
        page.on("response", lambda answer: sizes.append(len(gzip.compress(answer.body())) if answer.ok else 0))
        page.goto(address + path)
        page.wait_for_load_state("networkidle")
    assert len(sizes) >= 3
    assert sum(sizes) <= LARGEST


@pytest.fixture
def streamed(database):
    """The small warehouse amid a session that is streamed; yields its connection and where its pages are."""
    with database.connect("owner") as connection:
        with connection, connection.cursor() as cursor:
            fill(cursor)
            fill_stream(cursor)
        room = room_of(database.url("reader"), "2026-09-18T10:00", wait=lambda _: asyncio.sleep(0.01))
        with serving(pages(Everybody(), room, lambda: WALL)) as url:
            yield connection, url
        room.readers.close()


def shows(page, part, text):
    """Wait until a part of the page shows a text."""
    page.wait_for_function("([part, text]) => document.querySelector(part).innerText.includes(text)", arg=[part, text])


def test_a_trade_appears_while_the_page_is_looked_at(chromium, streamed):
    """Without loading it again, and with nothing for the policy of scripts to complain about."""
    connection, url = streamed
    with looking(chromium, f"{url}/instrument?code={SAMSUNG}") as page:
        shows(page, "[data-live=last]", "watched, and no trade yet")
        with connection, connection.cursor() as cursor:
            cursor.execute(TRADE, ("NXT", SAMSUNG, 5, "2026-09-18 09:59:59+09", 121))
        shows(page, "[data-live=last]", "121")
        assert page.is_hidden("[data-live-from]")
        assert [text for text in page.said if "favicon" not in text and "404" not in text] == []


def test_the_browser_says_that_there_is_no_place(chromium, streamed):
    """The page is as it was loaded, and says so."""
    with ExitStack() as others:
        answers = [others.enter_context(closing(listen(streamed[1]))) for _ in range(20)]
        assert all(answer.ok for answer in answers)
        with looking(chromium, f"{streamed[1]}/instrument?code={SAMSUNG}") as page:
            shows(page, "[data-live-from]", "20 people watch live on this server already.")
            assert "118" in page.inner_text("[data-live=last]")


def listen(url):
    """An open answer of one who listens."""
    return requests.get(f"{url}/live?code={SAMSUNG}", stream=True, timeout=10)


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    """axe-core, fetched by its name with npm; without it the test is skipped."""
    npm = shutil.which("npm")
    folder = Path(os.environ.get("AXE_FOLDER") or tmp_path_factory.mktemp("axe"))
    file = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not file.exists():
        if npm is None:
            pytest.skip("there is no npm here to fetch axe-core with")
        fetch = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", "axe-core@4"]
        if subprocess.run(fetch, capture_output=True, check=False, timeout=120, cwd=ROOT).returncode:
            pytest.skip("npm could not fetch axe-core")
    return file.read_text("utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", [*PATHS.values(), "?lang=ko"], ids=[*PATHS, "korean"])
def test_a_screen_reader_finds_its_way(chromium, axe, address, path, scheme):
    """axe-core has no serious finding and no critical one."""
    with looking(chromium, address + path, color_scheme=scheme, bypass_csp=True) as page:
        page.evaluate(axe)
        found = page.evaluate("axe.run()")
        bad = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
        assert found["passes"]
        assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in bad] == [], json.dumps(bad)[:3000]
