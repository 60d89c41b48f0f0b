"""The whole service in its threads: what comes is written, and it ends in good order."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from data_pipeline.exceptions import AuthenticationError, ConnectionFailedError, LoadError
from data_pipeline.market.stream_records import StreamKind
from data_pipeline.market.stream_wishes import wishes
from data_pipeline.market.venue import Venue
from data_pipeline.sources.registrations import Registrations
from data_pipeline.stream.service import Service
from tests.support.live import OPEN, Clock, MemorySink, MemoryStore, trade


class Talking:
    """A session that brings what it is given, and then waits."""

    mistrusted = False

    def __init__(self, *brought):
        self.brought = list(brought)
        self.registrations, self.heard_at = Registrations(41, pace=0.0), 0.0
        self.closed = threading.Event()

    def want(self, wanted):
        self.registrations.registered = set(wanted)

    def listen(self, seconds):
        if not self.brought:
            self.closed.wait(0.01)
            return []
        came = self.brought.pop(0)
        if isinstance(came, Exception):
            raise came
        return came

    def cut(self):
        self.closed.set()

    def close(self):
        self.closed.set()


class Key:
    """An app key whose sessions are handed in."""

    limit = 41

    def __init__(self, name, *sessions):
        self.name = self.fingerprint = name
        self.sessions = list(sessions)

    def prepare(self):
        pass

    def renew(self):
        return True

    def trust(self):
        pass

    def open(self, limit):
        return self.sessions.pop(0)


@pytest.fixture
def store():
    """Shared state in which each key's lease was given back, so that it is taken at once."""
    made = MemoryStore(Clock())
    made.states.update({f"lease-stream-{name}": {"holder": "", "sign": 1} for name in ("one", "two")})
    return made


def service(store, sink, *keys):
    """A service of two codes on a morning in session."""
    wanted = wishes(["005930", "000660"], [StreamKind.TRADE], [Venue.KRX])
    return Service(keys, wanted, sink, store, lambda: OPEN + timedelta(minutes=1), lambda: False, "host")


class Until(MemorySink):
    """Stops the service once so many trades are stored."""

    def __init__(self, number, stored=()):
        super().__init__(stored)
        self.number, self.stop = number, None

    def store(self, batch):
        super().store(batch)
        if len(self.trades) >= self.number:
            self.stop()


def test_what_two_lines_bring_is_written_and_the_end_is_clean(store):
    """Every trade of both keys is there, the lines are closed, and the leases are free for the next one."""
    first, second = Talking([trade(10), trade(20)]), Talking([trade(10, stock_code="000660")])
    sink = Until(3)
    running = service(store, sink, Key("one", first), Key("two", second))
    sink.stop = running.stop
    running.run()
    assert sorted((one.stock_code, one.cumulative_volume) for one in sink.trades) == [
        ("000660", 10), ("005930", 10), ("005930", 20)
    ]  # fmt: skip
    assert first.closed.is_set()
    assert second.closed.is_set()
    assert [state["holder"] for name, state in store.states.items() if name.startswith("lease")] == ["", ""]


def test_it_goes_on_where_the_warehouse_stands(store):
    """A process that was killed at 100 shares leaves a gap that the next one names."""
    sink = Until(1, (trade(100),))
    running = service(store, sink, Key("one", Talking([trade(150)])))
    sink.stop = running.stop
    running.run()
    assert [gap.missed_volume for batch in sink.batches for gap in batch.gaps] == [40]


def test_what_was_received_is_written_after_the_stop(store):
    """A stop while records wait writes them before it ends."""
    sink = MemorySink()
    running = service(store, sink, Key("one", Talking([trade(total) for total in range(10, 20_010, 10)])))
    put = running.writer.put
    running.writer.put = lambda records: (put(records), running.stop())
    running.run()
    assert len(sink.trades) == 2000


def test_a_line_that_can_never_be_opened_leaves_its_wishes_to_the_other_key(store):
    """The other line registers all of it, and the error is told at the end."""
    refused = AuthenticationError("refused")
    good = Talking()
    broken = Key("two", Talking(refused))
    broken.open = lambda *_: (_ for _ in ()).throw(refused)
    running = service(store, MemorySink(), Key("one", good), broken)

    def want(wanted):
        good.registrations.registered = set(wanted)
        if len(wanted) == 2:
            running.stop()

    good.want = want
    with pytest.raises(AuthenticationError):
        running.run()
    assert len(good.registrations.registered) == 2


@pytest.mark.thorough
def test_without_any_line_left_it_ends_with_the_reason(store):
    """Nobody has to look into the log to learn why nothing comes."""
    broken = Key("one")
    broken.open = lambda *_: (_ for _ in ()).throw(AuthenticationError("refused"))
    with pytest.raises(AuthenticationError, match="refused"):
        service(store, MemorySink(), broken).run()


def test_rows_that_nobody_takes_end_it(store):
    """A refusal of the warehouse that no trying again mends is the service's own end."""
    sink = MemorySink()
    sink.store = lambda _: (_ for _ in ()).throw(LoadError("no"))
    line = Talking([trade(10)])
    with pytest.raises(LoadError):
        service(store, sink, Key("one", line)).run()
    assert line.closed.is_set()


def test_a_line_that_breaks_is_closed(store):
    """Its session is given up before another one is thought of."""
    line = Talking(ConnectionFailedError("it broke"))
    running = service(store, MemorySink(), Key("one", line))
    threading.Thread(target=lambda: line.closed.wait(10) and running.stop()).start()
    running.run()
    assert line.closed.is_set()


def test_a_heartbeat_tells_what_is_placed_and_what_is_left_to_rest(store):
    """A key for one code: the first is placed once its line is open, the other is left to REST from the beginning."""
    narrow = Key("one", Talking())
    narrow.limit = 1
    running = service(store, MemorySink(), narrow)
    (before,) = running.writer._beats(None, 0)  # as the writer asks for them every five seconds
    assert (before.placed, before.registered, before.rest, before.rest_count) == (
        (), 0, ("trade of 000660 (KRX)",), 1,
    )  # fmt: skip
    running.links[0].session = Talking()
    running.links[0].session.want(["trade of 005930 (KRX)"])
    (after,) = running.writer._beats(None, 0)
    assert (after.placed, after.registered, after.rest_count) == (("trade of 005930 (KRX)",), 1, 1)
