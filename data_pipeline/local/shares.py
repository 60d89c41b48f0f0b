"""Who is asked for what by `data-pipeline backfill`: one source, or the exchange beside KIS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from data_pipeline.backfill.check import Backfill, Estimate, estimate, plan_gaps, spans_of
from data_pipeline.backfill.in_turn import Rest, load_in_turn, may_share
from data_pipeline.backfill.lists import DATASET as LISTS
from data_pipeline.backfill.two_sources import plan_two_sources, say_alone
from data_pipeline.engine.datasets import Dataset, find_dataset
from data_pipeline.engine.many_windows import Step, load_spans
from data_pipeline.engine.one_window import Run
from data_pipeline.sources.factory import create_data_source, read_environment
from data_pipeline.sources.variables import setting

if TYPE_CHECKING:
    from contextlib import ExitStack

    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

    from data_pipeline.sources.base import AbstractDataSource


@dataclass(frozen=True)
class Shares:
    """What a backfill is going to do."""

    lines: list[str]
    """The plan for people."""
    cost: Estimate
    """Of all sources together."""
    load: Callable[[Run, int], Iterator[Step]]
    """Does it, with so many threads."""


def kind_of_source(kind: str, dataset: str) -> str | None:
    """Return the kind to open: for lists of instruments the exchange if its key is set and the choice is open.

    Nobody else has lists of the past. None leaves it to the environment.

    Args:
        kind: Which source was asked for.
        dataset: What is asked for.
    """
    if kind != "auto":
        return kind
    return "krx" if dataset == LISTS and setting(read_environment(), "KRX_API_KEY") else None


def open_exchange(kind: str, dataset: str, source: AbstractDataSource, stack: ExitStack) -> AbstractDataSource | None:
    """Return the exchange when it may take a share, else None.

    It may when the choice is left open (``auto``), the work is daily bars out of KIS, ``KRX_API_KEY`` is set, and both
    sources are real or both synthetic.

    Args:
        kind: Which source was asked for.
        dataset: What is asked for.
        source: The source that was chosen.
        stack: Closes the exchange's source.

    Raises:
        ConfigurationError: A setting of the exchange is wrong.
    """
    if kind != "auto" or dataset != "daily_bar" or source.origin.vendor != "kis":
        return None
    if not setting(read_environment(), "KRX_API_KEY"):
        return None
    official = stack.enter_context(create_data_source("krx"))
    return official if may_share(source, official) else None


def one_source(
    connection: Connection, source: AbstractDataSource, backfill: Backfill, moment: datetime, most_rows: int
) -> Shares:
    """Return the plan of one source alone."""
    spans = spans_of(connection, backfill, moment, most_rows)
    cost = estimate(backfill, spans, source.calls_a_second)
    line = f"{backfill.dataset} from {backfill.first} to {backfill.last} out of {source.name}: {cost}"
    if source.shape.market_calls:
        line += f"; {say_alone([span.requests for span in spans], source.offer())}"
    dataset = find_dataset(backfill.dataset)
    return Shares(
        [line], cost, lambda run, threads: load_spans(connection, source, dataset, spans, run, threads, most_rows)
    )


def two_sources(
    connection: Connection,
    source: AbstractDataSource,
    official: AbstractDataSource,
    backfill: Backfill,
    moment: datetime,
    most_rows: int,
) -> Shares:
    """Return the plan of the exchange and of the source beside it."""
    plan = plan_two_sources(connection, backfill, official.offer(), moment, most_rows)
    first, second = plan.costs(official.calls_a_second, source.calls_a_second)
    dataset: Dataset = find_dataset(backfill.dataset)

    def load(run: Run, threads: int) -> Iterator[Step]:
        rest = Rest(lambda undone: plan_gaps(backfill, plan.rest(undone), moment, most_rows), second.requests)
        return load_in_turn(
            connection, official, plan.official_spans, source, rest, dataset, run, threads, most_rows
        )  # fmt: skip

    cost = replace(second, requests=first.requests + second.requests)
    return Shares(list(plan.lines(official.calls_a_second, source.calls_a_second)), cost, load)
