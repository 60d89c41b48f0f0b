"""Batches, the bounded queue, and what happens while the warehouse is away."""

from __future__ import annotations

import threading

import pytest

from data_pipeline.exceptions import LoadError
from data_pipeline.market.stream_records import Heartbeat
from data_pipeline.stream.writer import Writer
from tests.support.live import OPEN, Clock, MemorySink, trade


@pytest.fixture
def clock():
    """Time that only waiting moves."""
    return Clock()


@pytest.fixture
def sink():
    """A warehouse in memory."""
    return MemorySink()


@pytest.fixture
def writer(clock, sink):
    """A writer with room for 2,500 records, whose beats tell lag and queue."""
    return Writer(sink, lambda lag, queue: [Heartbeat("host", "key", OPEN, lag, queue, "up")], clock.monotonic, 2500)


def trades(first: int, number: int):
    """So many trades, one share each."""
    return [trade(total, 1) for total in range(first, first + number)]


def test_records_are_gathered_for_a_tenth_of_a_second(writer, clock, sink):
    """What comes within it is one batch."""
    writer.put(trades(1, 3))
    assert writer.step() == pytest.approx(0.1)
    clock.wait(0.06)
    writer.put(trades(4, 3))
    assert writer.step() == pytest.approx(0.04)
    clock.wait(0.05)
    assert writer.step() == 0
    assert [len(batch) for batch in sink.batches] == [6]


def test_a_thousand_rows_are_a_batch_at_once(writer, sink):
    """A batch never holds more."""
    writer.put(trades(1, 2200))
    while writer.step(gather=False) == 0:
        pass
    assert [len(batch) for batch in sink.batches] == [1000, 1000, 200]
    assert [one.cumulative_volume for one in sink.trades] == list(range(1, 2201))


class Sleep(threading.Event):
    """What the writer sleeps on: meanwhile so many records come every hundredth of a second, until a second is over."""

    def __init__(self, clock, number):
        super().__init__()
        self.clock, self.number, self.came, self.times = clock, number, 0, 0
        self.over = threading.Event()

    def wait(self, timeout=None):
        self.times += 1
        assert self.times < 100, "it does not sleep"
        for _ in range(0 if self.is_set() else max(1, round(timeout / 0.01))):
            self.clock.wait(0.01)
            self.writer.put(trades(self.came + 1, self.number))
            self.came += self.number
            if self.is_set():
                break
        if self.clock.seconds >= 1001:
            self.over.set()
        return self.is_set()


@pytest.mark.parametrize(("number", "batches"), [(10, 10), (205, 20)])
def test_gathering_is_interrupted_by_a_full_batch_alone(number, batches, clock, sink):
    """A thousand records a second are ten batches and twenty thousand are twenty; in between the writer sleeps."""
    sleep = Sleep(clock, number)
    sleep.writer = Writer(sink, monotonic=clock.monotonic, full=sleep)
    sleep.writer.run(sleep.over)
    assert len(sink.trades) == sleep.came
    assert abs(len(sink.batches) - batches) <= 2
    assert sleep.times <= 3 * len(sink.batches) + 2


def test_a_full_queue_has_no_room(writer):
    """No line is read then; what one was read of before is taken."""
    writer.put(trades(1, 2499))
    assert writer.has_room
    writer.put(trades(2500, 3))
    assert not writer.has_room
    assert not writer.is_ready
    assert writer.waiting == 2502


def test_while_the_warehouse_is_away_the_same_batch_is_tried_again(writer, clock, sink):
    """Half a second, then longer, up to ten; nothing is lost and nothing is doubled."""
    sink.away = True
    writer.put(trades(1, 5))
    clock.wait(0.2)
    pauses = []
    for _ in range(8):
        pauses.append(writer.step())
        clock.wait(pauses[-1])
    assert pauses == [0.5, 1, 2, 4, 8, 10, 10, 10]
    assert not writer.is_ready
    assert writer.waiting == 5
    sink.away = False
    clock.wait(10)
    writer.step()
    clock.wait(1)
    assert [len(batch) for batch in sink.batches] == [5]
    assert writer.is_ready


def test_a_heartbeat_every_five_seconds_tells_lag_and_queue(writer, clock, sink):
    """The lag is that of the slowest record since the last beat, from receiving to committing."""
    writer.step()
    writer.put(trades(1, 2))
    clock.wait(0.3)
    writer.step()
    writer.put(trades(3, 2))
    clock.wait(0.1)
    writer.step()
    clock.wait(5)
    writer.put(trades(5, 7))
    writer.step()
    assert [(beat.lag, beat.queue) for beat in sink.beats] == [(None, 0), (pytest.approx(0.3), 7)]


def test_what_was_taken_is_written_before_it_ends(writer, sink):
    """Told to stop, it waits for no further record and leaves none behind."""
    writer.put(trades(1, 1200))
    stopping = threading.Event()
    stopping.set()
    writer.run(stopping)
    assert len(sink.trades) == 1200
    assert writer.waiting == 0


def test_what_cannot_be_mended_ends_the_writer(writer, sink):
    """A refusal of the rows is nobody's outage."""

    def refuse(_):
        raise LoadError("no")

    sink.store = refuse
    writer.put(trades(1, 1))
    with pytest.raises(LoadError):
        writer.step(gather=False)
