"""Serves KIS's stream at a chosen rate: trades whose running figures are right, in frames of one to six records.

    python -m benchmarks._stream_cannon RATE SECONDS CODES BEGAN

It prints its address, then one JSON object: the last running volume and the number of trades of each code. It begins
when each code is registered, on as many lines as there are. What is sent while nobody is connected happens all the
same, and is what a reader misses.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

BASE = datetime(2026, 11, 23, 10, 0)  # noqa: DTZ001 - Seoul, as on the wire
TICK_S = 0.01
_TRADE = (
    "{code}^{second}^{price}^2^1300^1.84^71690.37^71000^72300^70600^{price}^{price}^{volume}^{total}^{value}^{sells}^"
    "{buys}^7054^136.06^{sold}^{bought}^{side}^0.50^29.46^090014^2^900^090708^5^-400^090030^2^1300^20261123^20^N^93994^"
    "113056^1668973^822214^0.14^10584139^78.47^0^^71000^2"
)


class Code:
    """One code, with its running figures."""

    def __init__(self, code: str) -> None:
        self.code, self.count = code, 0
        self.total = self.value = self.sells = self.buys = self.sold = self.bought = 0

    def trade(self, second: str, draw: random.Random) -> str:
        """Return the next trade as KIS writes it."""
        volume, price, sold = draw.randint(1, 500), 100 * draw.randint(710, 730), draw.random() < 0.5
        self.count += 1
        self.total += volume
        self.value += price * volume
        if sold:
            self.sells, self.sold = self.sells + 1, self.sold + volume
        else:
            self.buys, self.bought = self.buys + 1, self.bought + volume
        return _TRADE.format(
            code=self.code, second=second, price=price, volume=volume, total=self.total, value=self.value,
            sells=self.sells, buys=self.buys, sold=self.sold, bought=self.bought, side="5" if sold else "1",
        )  # fmt: skip


class Cannon:
    """Fires at whoever registered."""

    def __init__(self, rate: float, seconds: float, codes: int, began: float) -> None:
        self.rate, self.seconds, self.began = rate, seconds, began
        self.codes = [Code(f"{number:06d}") for number in range(1, codes + 1)]
        self.lines: dict[str, ServerConnection] = {}
        """Where each code is registered."""
        self.full = threading.Event()

    def talk(self, connection: ServerConnection) -> None:
        """Answer registrations until the line ends."""
        with suppress(ConnectionClosed):
            for text in connection:
                asked = json.loads(text)["body"]["input"]
                self.lines[asked["tr_key"]] = connection
                body = {"rt_cd": "0", "msg_cd": "OPSP0000", "msg1": "SUBSCRIBE SUCCESS"}
                connection.send(json.dumps({"header": {**asked, "encrypt": "N"}, "body": body}))
                if len(self.lines) == len(self.codes):
                    self.full.set()
        for code, line in list(self.lines.items()):
            if line is connection:
                del self.lines[code]

    def fire(self) -> None:
        """Fire until the time is over."""
        self.full.wait()
        draw, fired, began, turn = random.Random(7), 0, time.monotonic(), 0
        while (elapsed := time.monotonic() - began) < self.seconds:
            second = f"{BASE + timedelta(seconds=time.time() - self.began):%H%M%S}"
            while fired < elapsed * self.rate:
                code, records = self.codes[turn % len(self.codes)], draw.randint(1, 6)
                turn, fired = turn + 1, fired + records
                body = "^".join(code.trade(second, draw) for _ in range(records))
                if (line := self.lines.get(code.code)) is not None:
                    with suppress(ConnectionClosed):
                        line.send(f"0|H0STCNT0|{records:03d}|{body}")
            time.sleep(TICK_S)


def main() -> int:
    """Serve, fire, and tell what was fired."""
    rate, seconds, codes, began = (float(word) for word in sys.argv[1:])
    cannon = Cannon(rate, seconds, int(codes), began)
    with serve(cannon.talk, "127.0.0.1", 0, ping_interval=None, compression=None) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"ws://127.0.0.1:{server.socket.getsockname()[1]}", flush=True)
        cannon.fire()
        told = {one.code: [one.total, one.count] for one in cannon.codes}
        print(json.dumps(told), flush=True)
        sys.stdin.readline()
    return 0


if __name__ == "__main__":
    sys.exit(main())
