"""From the line to the warehouse: a bounded queue, batches, and what whoever writes them must do."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from data_pipeline.exceptions import TransientError
from data_pipeline.market.stream_batch import Batch, Sink
from data_pipeline.market.stream_records import Heartbeat

log = logging.getLogger(__name__)

ROOM = 50_000
"""Records that may wait; a line is not read while there are more."""
ROWS, GATHER_S = 1_000, 0.1
BEAT_S = 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0


class Writer:
    """Gathers what lines bring and writes it in batches; one thread calls :meth:`run`, any may call :meth:`put`.

    While the warehouse is away the batch is kept and tried again, the queue fills, and lines are no longer read.

    Args:
        sink: Where it is written.
        beats: Returns the heartbeats to write now, given the lag and the queue.
        monotonic: Seconds that never jump.
        room: Records that may wait.
        full: Told when a whole batch waits, which is all that the gathering of one is interrupted for.
    """

    def __init__(
        self,
        sink: Sink,
        beats: Callable[[float | None, int], Iterable[Heartbeat]] = lambda *_: (),
        monotonic: Callable[[], float] = time.monotonic,
        room: int = ROOM,
        full: threading.Event | None = None,
    ) -> None:
        self._sink, self._beats, self._monotonic, self._room = sink, beats, monotonic, room
        self._queue: deque[tuple[float, object]] = deque()
        self._full = threading.Event() if full is None else full
        self._batch: tuple[float, Batch] | None = None
        self._pause = 0.0
        self._next_try = self._next_beat = monotonic()
        self.lag: float | None = None
        """Seconds from receiving to committing of the slowest record since the last beat; None when there was none."""
        self.stored = 0
        """Records written so far."""

    @property
    def waiting(self) -> int:
        """Records received and not committed."""
        return len(self._queue) + (len(self._batch[1]) if self._batch else 0)

    @property
    def is_ready(self) -> bool:
        """Whether the warehouse answers and there is room, so that connecting makes sense."""
        return not self._pause and self.has_room

    @property
    def has_room(self) -> bool:
        """Whether a line may be read; what one read brings is taken, even where it is more than there is room for."""
        return len(self._queue) < self._room

    def put(self, records: Sequence[object]) -> None:
        """Take what a line brought, as received now."""
        before, now = len(self._queue), self._monotonic()
        self._queue.extend((now, record) for record in records)
        if before < ROWS <= len(self._queue):
            self._full.set()

    def run(self, stopping: threading.Event) -> None:
        """Write until it is to stop and all that was taken is written.

        Raises:
            DataPipelineError: The warehouse refuses what no trying again can mend.
        """
        while not (stopping.is_set() and not self.waiting):
            wait = self.step(gather=not stopping.is_set())
            if wait:
                self._full.wait(wait)
                self._full.clear()

    def step(self, *, gather: bool = True) -> float:
        """Write a batch and the heartbeats if they are due, and return for how many seconds nothing will be.

        Args:
            gather: Whether to wait for more when a batch is not full.
        """
        now = self._monotonic()
        if now < self._next_try:
            return min(self._next_try - now, FIRST_PAUSE_S)
        try:
            self._beat(now)
            if self._batch is None and self._queue:
                left = self._queue[0][0] + GATHER_S - now
                if gather and left > 0 and len(self._queue) < ROWS:
                    return left
                self._batch = self._taken()
            if self._batch is None:
                return GATHER_S
            received, batch = self._batch
            self._sink.store(batch)
        except TransientError as error:
            self._pause = min(max(self._pause * 2, FIRST_PAUSE_S), LONGEST_PAUSE_S)
            self._next_try = self._monotonic() + self._pause
            log.warning("the stream cannot be written and waits %.1f s: %s", self._pause, error)
            return self._pause
        self._pause, self._batch = 0.0, None
        self.stored += len(batch)
        self.lag = max(self.lag or 0.0, self._monotonic() - received)
        return 0.0

    def _taken(self) -> tuple[float, Batch]:
        batch, received = Batch(), self._queue[0][0]
        for _ in range(min(ROWS, len(self._queue))):
            batch.add(self._queue.popleft()[1])
        return received, batch

    def _beat(self, now: float) -> None:
        if now < self._next_beat:
            return
        for beat in self._beats(self.lag, self.waiting):
            self._sink.beat(beat)
        self._next_beat, self.lag = now + BEAT_S, None
