"""One poll for everybody who listens."""

import asyncio
from contextlib import ExitStack

import pytest

from data_pipeline.exceptions import BusyError, TransientError
from data_pipeline.pages.poll import MOST, Poll


class Looked:
    """Looks that are written down; each waits until it is let go, and so does the pause after it."""

    def __init__(self):
        self.looks, self.turn, self.error = [], asyncio.Event(), None

    async def __call__(self, watched):
        self.looks.append(sorted(watched))
        if self.error:
            raise self.error
        return {one: f"{one} {len(self.looks)}" for one in watched}

    async def wait(self, _seconds):
        await self.turn.wait()
        self.turn.clear()


def test_all_are_told_by_one_look():
    """Three listeners of two things, two looks in two rounds; the looking ends with the last of them."""

    async def listened():
        looked = Looked()
        poll = Poll(looked, lambda: False, wait=looked.wait)
        with poll.listening("a"), poll.listening("a"), poll.listening("b"):
            first = await asyncio.gather(*(poll.next() for _ in range(3)))
            looked.turn.set()
            second = await asyncio.gather(*(poll.next(first[0]) for _ in range(3)))
        looked.turn.set()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
        return looked.looks, first, second

    looks, first, second = asyncio.run(listened())
    assert looks == [["a", "b"], ["a", "b"]]
    assert [look.found for look in first] == [{"a": "a 1", "b": "b 1"}] * 3
    assert [look.found for look in second] == [{"a": "a 2", "b": "b 2"}] * 3


def test_the_twenty_first_is_refused_and_a_free_place_is_taken():
    """Twenty a process; whoever goes makes room."""

    async def listened():
        looked = Looked()
        poll = Poll(looked, lambda: False, wait=looked.wait)
        with ExitStack() as places:
            for number in range(MOST):
                places.enter_context(poll.listening(number))
            with pytest.raises(BusyError, match="20 listen on this server already"), poll.listening("another"):
                pass
            places.close()
            with poll.listening("another"):
                return poll.listeners

    assert (MOST, asyncio.run(listened())) == (20, 1)


def test_what_cannot_be_looked_up_is_said_and_looked_up_again():
    """An error is told to all who listen, and the next look is as any other."""

    async def listened():
        looked = Looked()
        poll = Poll(looked, lambda: False, wait=looked.wait)
        with poll.listening("a"):
            looked.error = TransientError("the warehouse is away")
            broken = await poll.next()
            looked.error = None
            looked.turn.set()
            return broken, await poll.next(broken)

    broken, whole = asyncio.run(listened())
    assert (broken.found, broken.error) == ({}, "the warehouse is away")
    assert (whole.found, whole.error) == ({"a": "a 2"}, "")


@pytest.mark.parametrize("how", ["the server stops", "a fault of our own"])
def test_nobody_waits_for_ever(how, caplog):
    """When the server stops, or the looking breaks, everybody is told that it is over."""

    async def listened():
        looked = Looked()
        looked.error = KeyError("never") if how == "a fault of our own" else None
        poll = Poll(looked, lambda: how == "the server stops", wait=looked.wait)
        with poll.listening("a"):
            return await poll.next(), looked.looks

    told, looks = asyncio.run(listened())
    assert told is None
    assert looks == ([] if how == "the server stops" else [["a"]])
    assert ("Nobody is told any more" in caplog.text) == (how == "a fault of our own")
