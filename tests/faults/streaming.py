"""A market that goes on whether anybody listens or not, and the live service in a process that dies at some step."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from data_pipeline.client.line import Line
from data_pipeline.coordination.file import FileStore
from data_pipeline.emulator.kis.stream.codes import answer, data, read_command
from data_pipeline.emulator.kis.stream.records import feed_names, trade_record
from data_pipeline.emulator.kis.stream.stored import StoredStage
from data_pipeline.engine.stream_load import StreamLoad
from data_pipeline.exceptions import ConnectionFailedError
from data_pipeline.local.stream import Reopened
from data_pipeline.market.stream_records import StreamKind, Trade
from data_pipeline.market.stream_wishes import wishes
from data_pipeline.market.venue import Venue
from data_pipeline.sources.kis.live import live_keys
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.stream.fields import FEEDS
from data_pipeline.stream.service import Service
from data_pipeline.warehouse.connect import connect
from tests.faults.rig import Point, Watched
from tests.support.kis_answers import APP_KEY, APP_SECRET, FakeKis
from tests.support.trades_by_hand import CODES, DAY, OPEN, made

FEED = FEEDS["H0STCNT0"]
FRAME, PACE_S = 4, 0.02
"""Trades of one frame, and seconds until the next one."""
AWAY = 40
"""Most trades that happen while nobody is there."""
LAST = 20
"""The last trades come to somebody, so that a gap before them shows."""


def day() -> list[Trade]:
    """What happens on the day, in order of time: 600 trades of each of two codes."""
    return [one for pair in zip(*(made(code) for code in CODES), strict=True) for one in pair]


def as_sent() -> list[str]:
    """The day as KIS writes it."""
    stage = StoredStage(DAY, day())
    told: list[list[str]] = []
    for code in CODES:
        of: Any = stage.instrument(code, DAY)
        ticks = stage.tape(code, DAY, Venue.KRX).ticks
        told.append(
            [trade_record(FEED, of, one, stage.book(code, DAY, one), one.phase or ("", "", "")) for one in ticks]
        )
    return [one for pair in zip(*told, strict=True) for one in pair]


class Market:
    """Tells the day to one line after the other; what happens in between is what was missed.

    Args:
        dice: Chooses how much that is.
    """

    def __init__(self, dice: random.Random) -> None:
        self._dice, self._sent, self._next = dice, as_sent(), 0
        self._one = threading.Lock()

    def talk(self, line: ServerConnection) -> None:
        """Answer registrations, tell the day from where it stands, and hang up at its end."""
        with self._one:
            with suppress(ConnectionClosed):
                for _ in CODES:
                    asked = read_command(str(line.recv()), feed_names(virtual=False))
                    line.send(answer("OPSP0000", asked.tr_id, asked.tr_key))
                while self._next < len(self._sent):
                    line.send(data(FEED.tr_id, self._sent[self._next : self._next + FRAME]))
                    self._next += FRAME
                    with suppress(TimeoutError):
                        line.recv(PACE_S)
                line.close()
            self._next = min(self._next + self._dice.randrange(AWAY), len(self._sent) - LAST)


@contextmanager
def market(dice: random.Random) -> Iterator[str]:
    """Yield the address of a market, as long as the block lasts."""
    with serve(Market(dice).talk, "127.0.0.1", 0, ping_interval=None, compression=None) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        serving.join()


class WatchedLoad(Watched):
    """A warehouse with a point beside each of its commits, too."""

    def commit(self) -> None:
        """Commit a batch."""
        self._point.step()
        super().commit()
        self._point.step()


class WatchedLine(Line):
    """A line with a point beside each look at it; ``ended`` is called when the server has hung up."""

    def __init__(self, point: Point, ended: Callable[[], None], *where: Any) -> None:
        super().__init__(*where)
        self._point, self._ended = point, ended

    def receive(self, seconds: float) -> list[str]:
        """Return the texts that came."""
        self._point.step()
        try:
            texts = super().receive(seconds)
        except ConnectionFailedError:
            self._ended()
            raise
        self._point.step()
        return texts


def stream(url: str, line: str, state: str, steps: int) -> int:
    """Run the live service until the day is over, and die after so many steps; return how many records were written.

    Args:
        url: Of the warehouse.
        line: Where the market is.
        state: A folder for what processes share, as it is once the lease and the pause after a killed one are over.
        steps: After how many steps of its line and its load it dies.
    """
    point, store, kis = Point(0, steps), FileStore(state), FakeKis()
    kis.answer("Approval", {"approval_key": "11111111-1111-1111-1111-111111111111"})
    settings = KisSettings(APP_KEY, APP_SECRET, base_url="http://127.0.0.1:1", use_virtual=False, websocket_url=line)

    def clock() -> datetime:
        return OPEN + timedelta(hours=11)

    def load() -> Any:
        connection = connect(url)
        made: Any = StreamLoad(connection, "kis", clock)
        made._warehouse = WatchedLoad(connection, point)
        return made

    def stop() -> None:
        service.stop()

    keys = live_keys(settings, store, clock, kis, lambda *where: WatchedLine(point, stop, *where))
    store.update(f"lease-stream-{keys[0].name}", lambda lease, _: lease.update(holder=""))
    with closing(Reopened(load)) as sink:
        wanted = wishes(CODES, [StreamKind.TRADE], [Venue.KRX])
        service = Service(keys, wanted, sink, store, clock, lambda: True, "one that is killed")
        service.run()
    return service.writer.stored
