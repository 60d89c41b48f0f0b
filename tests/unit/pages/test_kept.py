"""Answers that viewers share."""

import asyncio

import pytest

from data_pipeline.pages.kept import MOST, Kept


class Slow:
    """Works something out, and counts how often."""

    def __init__(self):
        self.times = 0

    async def __call__(self):
        self.times += 1
        await asyncio.sleep(0)
        return self.times


def test_fifty_viewers_ask_once():
    """Whoever comes while it is worked out waits for that answer."""
    kept, slow = Kept(lambda: 0.0), Slow()

    async def all_look():
        return await asyncio.gather(*(kept.get("page", 10, slow) for _ in range(50)))

    assert asyncio.run(all_look()) == [1] * 50


def test_it_is_worked_out_again_when_it_is_old():
    """Ten seconds later, and for another question at once."""
    now, slow = [0.0], Slow()
    kept = Kept(lambda: now[0])

    async def look(question):
        return await kept.get(question, 10, slow)

    async def looks():
        found = [await look("a"), await look("a"), await look("b")]
        now[0] = 10.0
        return [*found, await look("a")]

    assert asyncio.run(looks()) == [1, 1, 2, 3]


def test_an_error_is_not_kept():
    """The next viewer asks anew."""
    kept, slow = Kept(lambda: 0.0), Slow()

    async def breaks():
        raise LookupError

    async def looks():
        with pytest.raises(LookupError):
            await kept.get("a", 10, breaks)
        return await kept.get("a", 10, slow)

    assert asyncio.run(looks()) == 1


def test_the_oldest_answers_go():
    """As many as there are places."""
    kept, slow = Kept(lambda: 0.0), Slow()

    async def looks():
        for number in range(MOST + 1):
            await kept.get(number, 10, slow)
        return await kept.get(0, 10, slow)

    assert asyncio.run(looks()) == MOST + 2
