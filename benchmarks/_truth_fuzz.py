"""Hostile answers through the real client, parsers, checks and load into a Postgres that is thrown away afterwards."""

from __future__ import annotations

import gzip
import io
import json
import random
import resource
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from data_pipeline.coordination.file import FileStore
from data_pipeline.exceptions import DataPipelineError
from data_pipeline.loading.postgres import upsert
from data_pipeline.loading.tables import INSTRUMENT
from data_pipeline.operators.datasets import DATASETS
from data_pipeline.operators.load_window import Run, load_window
from data_pipeline.operators.windows import Window
from data_pipeline.records import DailyBar
from data_pipeline.sources.kis import KISDataSource, KisSettings
from data_pipeline.sources.mock.market import SyntheticMarket
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.embedded import EmbeddedPostgres
from data_pipeline.warehouse.migrate import migrate

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

CODE = "005930"
FIRST, LAST = date(2026, 11, 9), date(2026, 11, 20)
HUGE = 50 * 1024 * 1024
Row = dict[str, Any]
Chance = random.Random


@dataclass
class Outcome:
    """What the fuzzing counted."""

    bodies: int = 0
    untyped: Counter[str] = field(default_factory=Counter)
    """Errors from outside the tree, by kind of body and class."""
    refused: Counter[str] = field(default_factory=Counter)
    """Windows that failed, by class of error."""
    bad_rows: int = 0
    """Rows sent that are wrong."""
    lost_rows: Counter[str] = field(default_factory=Counter)
    """Wrong rows that are not in quarantine, by kind."""
    bad_rows_loaded: int = 0
    quarantined: int = 0
    peak_mb: float = 0.0


class Transport(BaseAdapter):
    """Answers the token, and each chart with the body that is set."""

    def __init__(self) -> None:
        super().__init__()
        self.body: Callable[[], Any] = io.BytesIO
        self.headers: dict[str, str] = {}
        self.status = 200

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Return the answer; its body is read as from a socket."""
        response = requests.Response()
        token = b'{"access_token": "t", "token_type": "Bearer", "expires_in": 86400}'
        of_token = "tokenP" in (request.url or "")
        headers = {} if of_token else self.headers
        response.status_code, response.url, response.request = (
            200 if of_token else self.status,
            request.url or "",
            request,
        )
        response.headers.update({"Date": "Fri, 20 Nov 2026 11:30:00 GMT", **headers})
        body = io.BytesIO(token) if of_token else self.body()
        response.raw = HTTPResponse(body, headers=headers, preload_content=False, status=response.status_code)
        return response

    def close(self) -> None:
        """Nothing to give back."""


class Endless(io.RawIOBase):
    """A body of blanks that are never all in memory."""

    def __init__(self, size: int) -> None:
        self.left = size

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with blanks."""
        count = min(len(buffer), self.left)
        buffer[:count] = b" " * count
        self.left -= count
        return count


def fuzz(count: int, seed: int = 20260914) -> Outcome:
    """Send so many bodies and return what became of them."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="data-pipeline-truth-") as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedPostgres(Path(folder, "postgres"), durable=False)
        server.start()
        try:
            migrate(server.url())
            with closing(connect(server.url(role="loader"))) as connection:
                return _Fuzzer(connection, Path(folder), chance).run(count)
        finally:
            server.destroy()


class _Fuzzer:
    def __init__(self, connection: Connection, folder: Path, chance: Chance) -> None:
        self.connection = connection
        self.chance = chance
        self.market = SyntheticMarket()
        self.truth = self.market.daily_bars(CODE, FIRST, LAST)
        self.transport = Transport()
        self.seconds = 1000.0
        store = FileStore(folder / "state", clock=lambda: self.seconds, sleep=self._sleep, boot_id="truth")
        settings = KisSettings(
            "key", "secret", base_url="https://127.0.0.1:9", rate_limit=1000.0, breaker_threshold=10**9
        )
        self.source = KISDataSource(settings, store, self.transport, self._now, self._sleep)
        self.outcome = Outcome()

    def run(self, count: int) -> Outcome:
        upsert(self.connection, INSTRUMENT, [self.market.instrument(CODE, LAST)], self.source.name)
        self.connection.commit()
        self._send("clean", _body([_row(bar) for bar in self.truth[::-1]]), 0)
        kinds = [*BODIES, *ROWS]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(count):
            kind = kinds[number % len(kinds)]
            if kind in HEAVY and number >= len(kinds) * 20:
                kind = "truncated"  # each of these costs a second; twenty of a kind say it all
            if kind in BODIES:
                self._send(kind, BODIES[kind](self.chance, self._clean()), 0)
            else:
                rows, bad = _spoilt(kind, self.truth, self.chance)
                self._send(kind, _body(rows), bad)
        self.outcome.peak_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) / 1024
        self.outcome.quarantined = self._one("SELECT coalesce(sum(times), 0) FROM market.rejected_row")
        self.outcome.bad_rows_loaded = self._bad_rows()
        self.outcome.bodies = count
        return self.outcome

    def _send(self, kind: str, answer: tuple[Callable[[], Any], dict[str, str], int], bad: int) -> None:
        self.transport.body, self.transport.headers, self.transport.status = answer
        self.seconds += 1.0
        before = self._one("SELECT coalesce(sum(times), 0) FROM market.rejected_row") if bad else 0
        try:
            load_window(self.connection, self.source, DATASETS["daily_bar"], Window((CODE,), FIRST, LAST), Run())
        except DataPipelineError as error:
            self.outcome.refused[type(error).__name__] += 1
        except Exception as error:  # noqa: BLE001 - it is what this looks for
            self.outcome.untyped[f"{kind}: {type(error).__name__}"] += 1
            self.connection.rollback()
        if bad:
            kept = self._one("SELECT coalesce(sum(times), 0) FROM market.rejected_row") - before
            self.outcome.bad_rows += bad
            if kept < bad:
                self.outcome.lost_rows[kind] += bad - kept

    def _bad_rows(self) -> int:
        true = {(bar.session, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trading_value, bar.change)
                for bar in self.truth}  # fmt: skip
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT session, open, high, low, close, volume, trading_value, change FROM market.daily_bar"
            )
            wrong = sum(row not in true for row in cursor.fetchall())
        return wrong + self._one("SELECT count(*) FROM market.restatement")

    def _one(self, query: str) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute(query)
            (value,) = cursor.fetchone() or (0,)
        self.connection.commit()
        return int(value)

    def _clean(self) -> bytes:
        return _json([_row(bar) for bar in self.truth[::-1]])

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def _now(self) -> datetime:
        return SyntheticMarket.REFERENCE_NOW + timedelta(seconds=self.seconds - 1000)


def _row(bar: DailyBar) -> Row:
    sign = "3" if bar.change == 0 else "2" if bar.change > 0 else "5"
    return {
        "stck_bsop_date": f"{bar.session:%Y%m%d}", "stck_clpr": str(bar.close), "stck_oprc": str(bar.open),
        "stck_hgpr": str(bar.high), "stck_lwpr": str(bar.low), "acml_vol": str(bar.volume),
        "acml_tr_pbmn": str(bar.trading_value), "prdy_vrss": str(bar.change), "prdy_vrss_sign": sign, "mod_yn": "N",
    }  # fmt: skip


def _json(rows: list[Any]) -> bytes:
    head = {"stck_shrn_iscd": CODE, "hts_kor_isnm": "삼성전자"}
    body = {"output1": head, "output2": rows, "rt_cd": "0", "msg_cd": "MCA00000", "msg1": "정상"}
    return json.dumps(body, ensure_ascii=False).encode()


def _body(rows: list[Any]) -> tuple[Callable[[], Any], dict[str, str], int]:
    return _plain(_json(rows))


def _plain(content: bytes, status: int = 200) -> tuple[Callable[[], Any], dict[str, str], int]:
    return lambda: io.BytesIO(content), {}, status


def _bomb() -> bytes:
    held = io.BytesIO()
    with gzip.GzipFile(fileobj=held, mode="wb") as packed:
        for _ in range(HUGE // 65536):
            packed.write(b" " * 65536)
    return held.getvalue()


_BOMB = _bomb()
_KEY = b'"rt_cd": "0"'

BODIES: dict[str, Callable[[Chance, bytes], tuple[Callable[[], Any], dict[str, str], int]]] = {
    "truncated": lambda chance, clean: _plain(clean[: chance.randrange(len(clean))]),
    "flipped byte": lambda chance, clean: _plain(_flipped(chance, clean)),
    "html": lambda *_: _plain("<html><body>점검 중입니다</body></html>".encode()),
    "html with a failure": lambda *_: _plain(b"<html>Bad Gateway</html>", 502),
    "empty": lambda *_: _plain(b""),
    "a list": lambda *_: _plain(b"[]"),
    "NaN": lambda _, clean: _plain(clean.replace(_KEY, _KEY + b', "x": NaN')),
    "1e400": lambda _, clean: _plain(clean.replace(_KEY, _KEY + b', "x": 1e400')),
    "a number of ten thousand digits": lambda _, clean: _plain(clean.replace(_KEY, _KEY + b', "x": ' + b"9" * 10_000)),
    "EUC-KR": lambda _, clean: _plain(clean.decode().encode("cp949")),
    "UTF-16": lambda _, clean: _plain(clean.decode().encode("utf-16")),
    "random bytes": lambda chance, _: _plain(chance.randbytes(chance.randrange(2000))),
    "a key twice": lambda _, clean: _plain(clean.replace(_KEY, _KEY + b", " + _KEY)),
    "rows that are no objects": lambda *_: _body([None, 1, "x", []]),
    "rows missing": lambda _, clean: _plain(clean.replace(b'"output2"', b'"output3"')),
    "code of another issue": lambda _, clean: _plain(clean.replace(b'"005930"', b'"000660"')),
    "nested without end": lambda *_: _plain(b'{"a":' * 100_000),
    "NUL": lambda _, clean: _plain(clean.replace(b"MCA00000", b"\\u0000\\ud800")),
    "50 MB": lambda *_: (lambda: io.BufferedReader(Endless(HUGE)), {}, 200),
    "gzip bomb": lambda *_: (lambda: io.BytesIO(_BOMB), {"Content-Encoding": "gzip"}, 200),
    "no gzip": lambda _, clean: (lambda: io.BytesIO(clean), {"Content-Encoding": "gzip"}, 200),
}
HEAVY = {"50 MB", "gzip bomb"}


def _flipped(chance: Chance, clean: bytes) -> bytes:
    """Return it with one of the bytes that JSON is built of replaced; digits would make another true-looking price."""
    places = [place for place, byte in enumerate(clean) if byte in b'{}[]:,"']
    place = chance.choice(places)
    return clean[:place] + b"\x00" + clean[place + 1 :]


def _set(name: str, *values: Any) -> Callable[[Row, Chance], Iterator[Row]]:
    return lambda row, chance: iter([{**row, name: chance.choice(values)}])


def _swapped(one: str, other: str) -> Callable[[Row, Chance], Iterator[Row]]:
    return lambda row, _: iter([{**row, one: row[other], other: row[one]}])


def _without(row: Row, chance: Chance) -> Iterator[Row]:
    name = chance.choice([name for name in row if name not in {"mod_yn", "prdy_vrss_sign"}])
    yield {key: value for key, value in row.items() if key != name}


_NUMBER = ("stck_clpr", "stck_oprc", "stck_hgpr", "stck_lwpr", "acml_vol", "acml_tr_pbmn", "prdy_vrss")
_NO_NUMBERS: tuple[Any, ...] = (
    "NaN",
    "1e400",
    "Infinity",
    "",
    " ",
    "N/A",
    "1,000",
    "１０００",
    71000,
    None,
    [],
    {},
    "9" * 30,
    "0x10",
    "\u0000",
)


def _no_number(row: Row, chance: Chance) -> Iterator[Row]:
    yield {**row, chance.choice(_NUMBER): chance.choice(_NO_NUMBERS)}


def _again(row: Row, _: Chance) -> Iterator[Row]:
    yield row
    yield row


ROWS: dict[str, Callable[[Row, Chance], Iterator[Row]]] = {
    "missing field": _without,
    "no number": _no_number,
    "high and low swapped": _swapped("stck_hgpr", "stck_lwpr"),
    "close and volume swapped": _swapped("stck_clpr", "acml_vol"),
    "close and value swapped": _swapped("stck_clpr", "acml_tr_pbmn"),
    "volume and value swapped": _swapped("acml_vol", "acml_tr_pbmn"),
    "negative volume": _set("acml_vol", "-1", "-999999999"),
    "negative price": _set("stck_lwpr", "-71000", "0"),
    "a day that is none": _set("stck_bsop_date", "20261331", "00000000", "2026-11-18", "오늘"),
    "a day not asked for": _set("stck_bsop_date", "20200101", "20991231", "20261121"),
    "sign against value": _set("prdy_vrss_sign", "9", "x"),
    "above the limit": _set("stck_hgpr", "999999999", "171000"),
    "the row twice": _again,
}


def _spoilt(kind: str, truth: list[DailyBar], chance: Chance) -> tuple[list[Row], int]:
    """Return a chart with one or two wrong rows and how many they are."""
    rows = [_row(bar) for bar in truth[::-1]]
    places = sorted(chance.sample(range(len(rows)), chance.choice((1, 1, 2))), reverse=True)
    for place in places:
        rows[place : place + 1] = list(ROWS[kind](rows[place], chance))
    return rows, len(places)
