"""Connections that viewers share."""

import asyncio
import threading

import psycopg2
import pytest

from data_pipeline.exceptions import BusyError
from data_pipeline.pages.readers import Readers


class Connection:
    """One that counts how often it was rolled back."""

    def __init__(self):
        self.closed, self.rollbacks = False, 0

    def rollback(self):
        self.rollbacks += 1

    def close(self):
        self.closed = True


class Opened(list):
    """Opens connections and remembers them."""

    def __call__(self):
        self.append(Connection())
        return self[-1]


def test_no_more_than_so_many_at_once():
    """Of nine viewers of three connections three read at a time, and all get their answer."""
    opened, together = Opened(), threading.Barrier(3)
    readers = Readers(opened, most=3)

    async def all_look():
        return await asyncio.gather(*(readers.ask(lambda _: together.wait(20) >= 0) for _ in range(9)))

    assert asyncio.run(all_look()) == [True] * 9
    assert len(opened) == 3


def test_one_page_is_drawn_at_a_time():
    """However many connections there are; the next one begins when it is done, though it failed."""
    readers, begun, held = Readers(Opened(), most=3), threading.Event(), threading.Event()

    def fails():
        begun.set()
        held.wait(20)
        raise LookupError

    async def both_draw():
        first = asyncio.create_task(readers.draw(fails))
        await asyncio.to_thread(begun.wait, 20)
        second = asyncio.create_task(readers.draw(held.is_set))
        for _ in range(50):  # another thread has had its turn by then
            await asyncio.to_thread(int)
        held.set()
        return await asyncio.gather(first, second, return_exceptions=True)

    failed, alone = asyncio.run(both_draw())
    assert (type(failed), alone) == (LookupError, True)


def test_whoever_finds_none_in_time_is_told():
    """A connection that is held for longer than anybody waits."""
    readers, held = Readers(Opened(), most=1), threading.Event()

    async def both_look():
        first = asyncio.create_task(readers.ask(lambda _: held.wait(20)))
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="load the page again"):
            await readers.ask(lambda _: None, wait_s=0)
        held.set()
        return await first

    assert asyncio.run(both_look())


def test_a_transaction_ends_however_the_work_ends():
    """The connection is rolled back and used again, after an error too; a broken one is not."""
    opened = Opened()
    readers = Readers(opened)

    def breaks(connection):
        connection.close()
        raise LookupError

    async def looks():
        await readers.ask(lambda _: None)
        with pytest.raises(ZeroDivisionError):
            await readers.ask(lambda _: 1 // 0)
        with pytest.raises(LookupError):
            await readers.ask(breaks)
        await readers.ask(lambda _: None)

    asyncio.run(looks())
    assert [one.rollbacks for one in opened] == [3, 1]


def test_what_was_read_counts_although_the_server_goes():
    """The transaction cannot be ended any more: the answer stands, and the next viewer gets another connection."""
    opened = Opened()
    readers = Readers(opened)

    def server_goes(connection):
        def rollback():
            raise psycopg2.OperationalError("server closed the connection unexpectedly")

        connection.rollback = rollback
        return "read"

    async def looks():
        return [await readers.ask(work) for work in (server_goes, lambda _: "read again")]

    assert asyncio.run(looks()) == ["read", "read again"]
    assert [one.closed for one in opened] == [True, False]


def test_connections_that_nobody_uses_are_closed():
    """A minute after the last look, by the next one; and all of them at the end."""
    now, opened = [0.0], Opened()
    readers = Readers(opened, clock=lambda: now[0])
    asyncio.run(readers.ask(lambda _: None))
    now[0] = 61.0
    asyncio.run(readers.ask(lambda _: None))
    assert [one.closed for one in opened] == [True, False]
    readers.close()
    assert [one.closed for one in opened] == [True, True]
