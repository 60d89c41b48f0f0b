"""Holds what the instruments of a board add up to against what the source tells of the whole board."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from data_pipeline.datasets.investor_flow import INVESTOR_FLOW
from data_pipeline.datasets.row_checks import FUNDS
from data_pipeline.engine.one_window import Run
from data_pipeline.loading.checks.screen import keep_held
from data_pipeline.loading.instruments.listing import listed_codes, stays_of
from data_pipeline.loading.rows.counts import LoadCounts
from data_pipeline.loading.rows.ingest_run import finish_run, start_run
from data_pipeline.market.investor_records import KINDS, TOTALS, MarketFlow
from data_pipeline.market.rejections import Rejections
from data_pipeline.sources.base import AbstractDataSource
from data_pipeline.warehouse.errors import said_plainly

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

log = logging.getLogger(__name__)

_MILLION = 1_000_000
_ALL = (*TOTALS, *KINDS)
_EACH = ", ".join(
    f"count(*) FILTER (WHERE {one}_bought_volume + {one}_sold_volume > 0), "
    f"sum({one}_bought_value - {one}_sold_value)::bigint"
    for one in _ALL
)
_SUMS = f"SELECT count(*), {_EACH} FROM market.investor_flow WHERE session = %s AND stock_code = ANY (%s)"  # noqa: S608


class Sum(NamedTuple):
    """What the instruments of a board add up to for one kind of investor."""

    rows: int
    """Instruments that this kind traded; each may be off by a million won."""
    net: int | None
    """Won; None where the source of the rows does not tell the kind."""


def check_market_flows(connection: Connection, source: AbstractDataSource, session: date, run: Run) -> dict[str, int]:
    """Return how many sums were compared, how many differ, and how many instruments kept a board from being compared.

    A board is compared when each of its listed instruments, funds left out, has its row. Nothing stored is changed:
    each difference is a warning in the log and one of the run in ``market.ingest_run``. The connection is committed.

    Raises:
        InvalidRequestError: The session is not final yet.
        UnsupportedDatasetError: The source does not tell of whole boards.
        DataPipelineError: The source or the warehouse is away, or the answer is malformed.
    """
    told, sent = [*source.market_flows(session)], source.requests_sent
    boards = _boards(connection, session)
    counts = Counter(compared=0, different=0, lacking=0)
    for flow in told:
        codes = boards.get(flow.market, [])
        rows, sums = _sums(connection, session, codes)
        if lacking := len(codes) - rows:
            log.info(
                "%s of %s is not compared: %d of %d instruments lack a row", flow.market, session, lacking, len(codes)
            )
            counts["lacking"] += lacking
            continue
        found = [*differences(sums, flow)]
        counts.update(compared=sum(one.net is not None for one in sums.values()), different=len(found))
        for problem in found:
            log.warning("investor_flow of %s: %s", session, problem)
    _note(connection, source, session, run, sent, counts["different"])
    return dict(counts)


def differences(sums: Mapping[str, Sum], told: MarketFlow) -> Iterator[str]:
    """Yield which sums are not the board's own figure.

    Bought and sold of each instrument are exact to a million won, and so is the board's figure: a sum over so many
    instruments may be off by as many millions and one more.
    """
    for kind, own in sums.items():
        allowed = (own.rows + 1) * _MILLION
        if own.net is not None and abs(own.net - told.net[kind]) > allowed:
            yield (
                f"{kind} investors bought net {own.net:,} won by {own.rows:,} instruments of {told.market}, and "
                f"{told.net[kind]:,} by the board, which is more than {allowed:,} apart"
            )


def _boards(connection: Connection, session: date) -> dict[str, list[str]]:
    """Return the listed codes of each board, funds left out."""
    codes, found = listed_codes(connection, session), dict[str, list[str]]()
    with connection.cursor() as cursor:
        stays = stays_of(cursor, codes, session)
    for code in codes:
        one = next((stay.on(session) for stay in stays.get(code, ()) if stay.covers(session)), None)
        if one is not None and one.security_group not in FUNDS:
            found.setdefault(one.market, []).append(code)
    return found


def _sums(connection: Connection, session: date, codes: Sequence[str]) -> tuple[int, dict[str, Sum]]:
    with said_plainly("investor_flow"), connection.cursor() as cursor:
        cursor.execute(_SUMS, (session, list(codes)))
        rows, *numbers = cursor.fetchone() or (0, *[0] * 2 * len(_ALL))
    return rows, {kind: Sum(numbers[2 * at], numbers[2 * at + 1]) for at, kind in enumerate(_ALL)}


def _note(
    connection: Connection, source: AbstractDataSource, session: date, run: Run, sent: int, different: int
) -> None:
    run_id = start_run(
        connection, INVESTOR_FLOW.name, source.name, run.dag_id, run.task_id, run.run_key, session, session,
        None, map_index=run.map_index, counted=run.counted,
    )  # fmt: skip
    connection.commit()
    keep_held(
        connection, INVESTOR_FLOW.table, source.name, Rejections(), run_id, {"market": different} if different else {}
    )
    finish_run(connection, run_id, LoadCounts(), sent)
    connection.commit()
