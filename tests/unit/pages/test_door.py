"""The door of the pages: a few at a time, a line, and its end."""

import asyncio

import httpx
import pytest
from fastapi.responses import PlainTextResponse

from data_pipeline.pages.door import Door

PAGES = frozenset(("", "cell"))


class Slow:
    """An application that answers when it is told to, and counts who is inside."""

    def __init__(self):
        self.go, self.inside, self.most = asyncio.Event(), 0, 0

    async def __call__(self, scope, receive, send):
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            if scope["path"].endswith("/broken"):
                raise LookupError
            await self.go.wait()
            await PlainTextResponse("here")(scope, receive, send)
        finally:
            self.inside -= 1


def looked(look, **limits):
    """Run what somebody does with a browser, an application behind a door, and the pages that it has."""

    async def run():
        slow = Slow()
        transport = httpx.ASGITransport(Door(slow, frozenset({*PAGES, "broken"}), **limits), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as browser:
            return await look(browser, slow)

    return asyncio.run(run())


async def until(condition):
    """Let others go on until something holds."""
    while not condition():  # noqa: ASYNC110 - it has to be looked at, and others set no event
        await asyncio.sleep(0)


def test_a_few_at_a_time_and_everybody_in_turn():
    """Of nine viewers of a door with two places two are inside at once, and all are answered."""

    async def look(browser, slow):
        viewers = [asyncio.create_task(browser.get("/data-pipeline/")) for _ in range(9)]
        await until(lambda: slow.inside == 2)
        slow.go.set()
        return [answer.status_code for answer in await asyncio.gather(*viewers)], slow.most

    assert looked(look, most=2) == ([200] * 9, 2)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("", "Too many people look at the pages at this moment: load the page again in 5 seconds."),
        ("?lang=ko", "지금 페이지를 보는 사람이 너무 많습니다. 5초 뒤에 다시 불러오세요."),
    ],
)
def test_whoever_finds_the_line_full_is_told_when_to_come_back(asked, said):
    """In one sentence of their language, at once; those before them are answered."""

    async def look(browser, slow):
        before = [asyncio.create_task(browser.get("/cell")) for _ in range(3)]
        await until(lambda: slow.inside == 1)
        answer = await browser.get(f"/cell{asked}")
        slow.go.set()
        return answer, [one.status_code for one in await asyncio.gather(*before)]

    answer, before = looked(look, most=1, waiting=2)
    assert (answer.status_code, answer.headers["retry-after"], answer.text) == (503, "5", said)
    assert before == [200] * 3


def test_whoever_waits_too_long_is_told_as_well():
    """The place of somebody who stays is not theirs."""

    async def look(browser, slow):
        first = asyncio.create_task(browser.get("/"))
        await until(lambda: slow.inside == 1)
        late = await browser.get("/")
        slow.go.set()
        return (await first).status_code, late.status_code

    assert looked(look, most=1, wait_s=0) == (200, 503)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/"), ("POST", "/heal"), ("GET", "/live"), ("GET", "/pages.css")]
)
def test_what_is_no_page_passes(method, path):
    """A form, a stream or a file does not wait for those who look, and nobody for them."""

    async def look(browser, slow):
        looking = asyncio.create_task(browser.get("/"))
        await until(lambda: slow.inside == 1)
        passing = asyncio.create_task(browser.request(method, path))
        await until(lambda: slow.inside == 2)
        slow.go.set()
        return [(await one).status_code for one in (looking, passing)]

    assert looked(look, most=1, waiting=0) == [200, 200]


def test_an_error_gives_its_place_back():
    """The next viewer finds it free."""

    async def look(browser, slow):
        slow.go.set()
        return [(await browser.get(path)).status_code for path in ("/broken", "/", "/broken", "/")]

    assert looked(look, most=1, waiting=0) == [500, 200, 500, 200]
