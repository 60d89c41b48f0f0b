"""Server-sent events, as an ASGI server gets them."""

import asyncio
import signal

import uvicorn

from data_pipeline.pages.ending import server_ends
from data_pipeline.pages.events import CHECK_S, EventStream, Watched, event
from data_pipeline.pages.poll import Poll
from data_pipeline.pages.render import Page

WATCHED = Watched("005930", Page("en", asked=False))


class Listener:
    """A browser that goes when it has got so many messages, and a poll whose pause is nothing."""

    def __init__(self, goes_after, looks=(), error=None, staying=lambda: True):
        self.sent, self.gone, self.goes_after = [], asyncio.Event(), goes_after
        self.looks, self.error, self.staying = list(looks), error, staying
        self.seconds = 0.0
        self.poll = Poll(self.look, lambda: not self.looks and not self.error, wait=self.pause)

    async def pause(self, _seconds):
        for _ in range(5):  # everybody else has a turn, and another one
            await asyncio.sleep(0)

    async def look(self, _watched):
        if self.error:
            raise self.error
        return {WATCHED: self.looks.pop(0)}

    async def stays(self):
        return self.staying()

    async def receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.sent.append(message)
        if len(self.sent) >= self.goes_after:
            self.gone.set()

    def monotonic(self):
        self.seconds += CHECK_S / 2
        return self.seconds

    async def listen(self):
        answer = EventStream(self.poll, WATCHED, self.stays, self.monotonic)
        await answer({"type": "http"}, self.receive, self.send)
        return [message.get("body", b"").decode() for message in self.sent]


def test_only_what_is_new_is_sent():
    """The second look changes one part of two, the third nothing: a comment keeps the line alive."""

    async def listened():
        looks = [{"last": "1", "book": "<b>\nx"}, {"last": "2", "book": "<b>\nx"}, {"last": "2", "book": "<b>\nx"}]
        listener = Listener(99, looks)
        return await listener.listen(), listener

    bodies, listener = asyncio.run(listened())
    assert bodies == [
        "",
        "retry: 2000\n\n",
        "event: trouble\ndata: \n\nevent: last\ndata: 1\n\nevent: book\ndata: <b>\ndata: x\n\n",
        "event: last\ndata: 2\n\n",
        ":\n\n",
        "",
    ]
    assert listener.sent[0]["status"] == 200
    assert dict(listener.sent[0]["headers"])[b"content-type"].startswith(b"text/event-stream")
    assert listener.sent[-1]["more_body"] is False
    assert listener.poll.listeners == 0


def test_a_browser_that_goes_gives_its_place_back():
    """While it waits for a look that never comes."""

    async def listened():
        listener = Listener(3, [{"last": f"{number}"} for number in range(99)])
        await listener.listen()
        return listener.poll.listeners, len(listener.looks)

    listeners, left = asyncio.run(listened())
    assert listeners == 0
    assert left > 90


def test_who_may_not_look_any_more_is_told_and_the_answer_ends():
    """It is asked again after thirty seconds, here at every second look."""
    asked = []

    async def listened():
        listener = Listener(99, [{"last": f"{number}"} for number in range(99)], staying=lambda: not asked.append(1))
        listener.staying = lambda: asked.append(1) or len(asked) < 3
        return await listener.listen()

    bodies = asyncio.run(listened())
    assert len(asked) == 3
    assert bodies[-2] == event("end", "Live has ended: sign in again and load the page.").decode()


def test_a_warehouse_that_is_away_is_said():
    """In the language of the page, and the line stays open."""
    from data_pipeline.exceptions import TransientError

    async def listened():
        return await Listener(3, error=TransientError("the server is away")).listen()

    assert asyncio.run(listened())[2] == "event: trouble\ndata: Live waits: the server is away\n\n"


def test_uvicorn_says_when_it_was_told_to_stop():
    """By the handler of its signal, which every worker process has for itself."""
    server = uvicorn.Server(uvicorn.Config(lambda: None))
    before = signal.getsignal(signal.SIGTERM)
    try:
        signal.signal(signal.SIGTERM, server.handle_exit)  # as its capture_signals does
        assert not server_ends()
        server.handle_exit(signal.SIGTERM, None)
        assert server_ends()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not server_ends()
