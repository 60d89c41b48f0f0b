"""One day of the stream: who is watched, whether its lines are alive, and the proof of what they brought."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from data_pipeline.datasets.trade import TRADE
from data_pipeline.engine.one_window import Run
from data_pipeline.exceptions import IncompleteDataError
from data_pipeline.loading.coverage.traded import Proved, prove_day
from data_pipeline.loading.rows.counts import LoadCounts
from data_pipeline.loading.rows.ingest_run import finish_run, start_run
from data_pipeline.loading.stream.lines import has_streamed, lines_since, proof_states, watch
from data_pipeline.market.venue import Venue

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

ALIVE_S = 30.0
"""Seconds within which a line that is alive gives a sign of life; it gives one every five."""
LATELY = 7
"""Days for which the stream counts as used after its last trade."""


class Health(NamedTuple):
    """How the stream stands."""

    used: bool
    """Whether a line is alive, or anything was streamed in the last days; without either nobody runs the service."""
    up: int
    """Lines that are alive and connected."""
    said: str
    """How each line stands, a sentence."""


def open_day(connection: Connection, session: date, stock_codes: Collection[str], venue: Venue = Venue.KRX) -> int:
    """Note whose trades the stream is to bring on a session, commit, and return how many codes are new.

    Coverage expects their trades from then on; what the service brings beyond them is noted with its first trade.
    """
    new = watch(connection, session, [(venue, code) for code in stock_codes])
    connection.commit()
    return new


def health(connection: Connection) -> Health:
    """Return how the lines of the stream stand, by their signs of life."""
    lines = lines_since(connection, ALIVE_S)
    used = bool(lines) or has_streamed(connection, LATELY)
    connection.rollback()
    said = "; ".join(f"{one.host} with key {one.fingerprint} is {one.state}" for one in lines)
    up = sum(one.state == "up" for one in lines)
    return Health(used, up, said or f"no line gave a sign of life in the last {ALIVE_S:.0f} seconds")


def prove_trades(connection: Connection, source: str, session: date, run: Run) -> Proved:
    """Prove the trades of each code that was watched on a session, commit, and return how many are proved.

    Args:
        connection: Of a user that may load, without a transaction open.
        source: Whose stream it was.
        session: A session whose trades have all come, and whose gaps were filled.
        run: Who proves, for ``market.ingest_run``.

    Raises:
        TransientError: The warehouse is away; trying again can help.
    """
    run_id = start_run(
        connection, TRADE.name, source, run.dag_id, run.task_id, run.run_key, session, session, map_index=run.map_index
    )
    connection.commit()
    proved = prove_day(connection, session, source, run_id)
    finish_run(connection, run_id, LoadCounts())
    connection.commit()
    return proved


def require_settled(proved: Proved, session: date) -> None:
    """Return when every code that was watched is whole or truly empty.

    Raises:
        IncompleteDataError: Some are not; ``verify --cell`` and ``market.stream_gap`` say why.
    """
    if not proved.settled:
        raise IncompleteDataError(
            f"the trades of {session} are not all proved: {proved.whole} codes are whole, {proved.empty} empty, "
            f"{proved.doubted} doubted and {proved.missing} without any; market.stream_gap says what is lacking"
        )


def is_proven(connection: Connection, session: date) -> bool:
    """Return whether the trades of every code that was watched on a session are proved; False when none was."""
    states = proof_states(connection, session)
    connection.rollback()
    return bool(states) and all(state in {"whole", "empty"} for state in states)
