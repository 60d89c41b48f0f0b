"""Fills the gaps of the stream on their own day: asks for single trades in spare time, the largest gap first."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date, datetime
from datetime import time as day_time
from typing import TYPE_CHECKING, NamedTuple

from data_pipeline.client.spare_time import Sleep, in_spare_time
from data_pipeline.datasets.trade import TRADE, contradicted, same_trade
from data_pipeline.engine.one_window import Run
from data_pipeline.engine.warehouse import Warehouse
from data_pipeline.exceptions import DataPipelineError, QueueTimeoutError, TransientError, UnsupportedDatasetError
from data_pipeline.loading.checks.quarantine import as_rejection, keep_rejections
from data_pipeline.loading.rows.append import append
from data_pipeline.loading.rows.counts import LoadCounts
from data_pipeline.loading.rows.ingest_run import fail_run, finish_run, start_run
from data_pipeline.loading.stream.gaps import OpenGap, open_gaps, settle_gap
from data_pipeline.loading.stream.trades import add_counts, lowest_joined
from data_pipeline.market.seoul import SEOUL
from data_pipeline.market.stream_records import TradesTold
from data_pipeline.sources.base import AbstractDataSource

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

log = logging.getLogger(__name__)

PATIENCE = 30.0
"""Seconds that one call waits for a slot that nobody else wants."""
TRIES = 3
"""After so many tries that brought nothing new a gap is given up."""
TOO_MANY = "more was traded in one second than an answer shows"
TIME_IS_UP = "the time that filling may take is up"
OVER = "its day is over, and no answer told the rest; a second may hold more trades than one answer shows"


class Filled(NamedTuple):
    """What filling the gaps of a session brought."""

    gaps: int = 0
    """That were asked for."""
    filled: int = 0
    """Of them, every share of which is accounted for now."""
    unfillable: int = 0
    open: int = 0
    """Of all, still to be asked for."""
    trades: int = 0
    """Trades that are stored now and were not."""
    volume: int = 0
    """Shares that are still lacking, of open and of unfillable ones that were asked for."""
    requests: int = 0


def fill_gaps(
    connection: Connection,
    source: AbstractDataSource,
    session: date,
    run: Run,
    *,
    last_call: bool = False,
    seconds: float = 240.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Sleep = time.sleep,
) -> Filled:
    """Ask for what gaps of a session lack, each gap in a transaction of its own, and return what that brought.

    Safe to repeat and to kill: a trade has the key that the stream would have given it. A call takes a slot of the
    budget only when nobody else wants one. When none comes free in time, or the time is up, what is left stays open.

    Args:
        connection: Of a user that may load, without a transaction open.
        source: Whose stream it is.
        session: The day that the source quotes.
        run: Who asks, for ``market.ingest_run``.
        last_call: Whether nobody asks again, so that what is not told now is named as unfillable.
        seconds: How long it may take.
        clock: Seconds that never run backwards.
        sleep: Waits that many seconds.

    Raises:
        TransientError: The source or the warehouse is away; trying again can help.
        SyntheticDataRefusedError: Synthetic trades for a warehouse of real ones, or the reverse.
    """
    with closing(Warehouse(connection)) as warehouse:
        gaps = list(warehouse.do(lambda one: [*open_gaps(one, session)]))
        warehouse.commit()
        if not gaps:
            return Filled()
        run_id = warehouse.do(
            start_run, TRADE.name, source.name, run.dag_id, run.task_id, run.run_key, session, session,
            map_index=run.map_index, counted=run.counted,
        )  # fmt: skip
        warehouse.commit()
        filling = _Filling(warehouse, source, run_id, sleep, last_call=last_call)
        try:
            filling.fill(gaps, clock, clock() + seconds)
        except BaseException as error:
            warehouse.rollback()
            warehouse.do(fail_run, run_id, error, filling.sent)
            warehouse.commit()
            raise
        warehouse.do(finish_run, run_id, LoadCounts(filling.counts["trades"]), filling.sent)
        warehouse.commit_run(run_id)
        return filling.told(len(gaps))


class _Filling:
    """One pass over the gaps of a session."""

    def __init__(
        self, warehouse: Warehouse, source: AbstractDataSource, run_id: int, sleep: Sleep, *, last_call: bool
    ) -> None:
        self._warehouse, self._source, self._run_id, self._sleep = warehouse, source, run_id, sleep
        self._last_call = last_call
        self._sent_before = source.requests_sent
        self.counts = Counter[str]()

    @property
    def sent(self) -> int:
        """Requests so far."""
        return self._source.requests_sent - self._sent_before

    def told(self, gaps: int) -> Filled:
        """Return what it brought; gaps that were not asked for are open."""
        found = self.counts
        left = gaps - found["filled"] - found["unfillable"]
        return Filled(
            found["gaps"], found["filled"], found["unfillable"], left, found["trades"], found["volume"], self.sent
        )

    def fill(self, gaps: Sequence[OpenGap], clock: Callable[[], float], until: float) -> None:
        """Ask for one gap after the other until the time is up or nobody leaves a slot."""
        for place, gap in enumerate(gaps):
            if why := TIME_IS_UP if clock() >= until else self._asked(gap, clock, until):
                log.warning("%d gaps are not filled: %s", len(gaps) - place, why)
                for left in gaps[place:] if self._last_call else ():
                    self._keep(left, left.volume_until, TradesTold((), whole=False), why)
                return

    def _asked(self, gap: OpenGap, clock: Callable[[], float], until: float) -> str:
        """Ask for a gap as long as that is worth it; return why no slot was left for it, empty when there was one."""
        self.counts["gaps"] += 1
        try:
            while self._fill(gap, more=clock() < until):
                pass
        except QueueTimeoutError as error:
            return str(error)
        return ""

    def _fill(self, gap: OpenGap, *, more: bool) -> bool:
        """Ask for what a gap lacks, and return whether to ask again: when it is the last call and trades still come."""
        top, at = self._warehouse.do(lowest_joined, gap)
        self._warehouse.commit()
        reason = None
        try:
            told = self._ask(gap, at)
        except UnsupportedDatasetError as error:
            told, reason = TradesTold((), whole=False), str(error)
        except TransientError:
            raise
        except DataPipelineError as error:
            log.warning("%s: %s", gap, error)
            told, reason = TradesTold((), whole=False), str(error) if self._last_call else None
        return self._keep(gap, top, told, reason, more=more)

    def _ask(self, gap: OpenGap, at: datetime) -> TradesTold:
        since = gap.after or datetime.combine(gap.session, day_time.min, SEOUL)
        with in_spare_time(PATIENCE, self._sleep):
            return self._source.trades_between(
                gap.stock_code, gap.venue, since.astimezone(SEOUL), at.astimezone(SEOUL), gap.volume_after
            )

    def _keep(self, gap: OpenGap, top: int, told: TradesTold, reason: str | None, *, more: bool = False) -> bool:
        inside = [
            one for one in told.trades if gap.volume_after <= one.cumulative_volume - one.volume
            and one.cumulative_volume <= top
        ]  # fmt: skip
        # That the newest one came too shows that nothing between it and the others is kept back.
        whole = told.whole and any(one.cumulative_volume > top for one in told.trades)
        added = self._warehouse.do(append, TRADE.table, inside, self._source.name, self._run_id, same_trade)
        wrong = [contradicted(one) for one in added.differing]
        self._warehouse.do(keep_rejections, TRADE.name, self._source.name, map(as_rejection, wrong), self._run_id)
        again = self._last_call and more and not whole and reason is None and added.inserted > 0
        if reason is None and not whole and not again:
            reason = self._why_not(gap, added.inserted)
        settled = self._warehouse.do(settle_gap, gap, self._run_id, whole=whole and not wrong, reason=reason)
        self._warehouse.do(add_counts, self._run_id, LoadCounts(added.inserted, unchanged=added.unchanged), len(wrong))
        self._warehouse.commit()
        self.counts["trades"] += added.inserted
        if again and settled.status == "open":
            return True
        self.counts.update({settled.status: 1, "volume": settled.open_volume})
        log.info("%s: %s, %d trades came, %d shares lack", gap, settled.status, added.inserted, settled.open_volume)
        return False

    def _why_not(self, gap: OpenGap, inserted: int) -> str | None:
        """Return why a gap is given up; None while it is worth asking again."""
        if self._last_call:
            return OVER
        return TOO_MANY if not inserted and gap.tries + 1 >= TRIES else None
