"""Which sources a backfill asks: the one that was chosen, and for daily bars perhaps the exchange beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from data_pipeline.backfill.pace import Pace
from data_pipeline.datasets import find_dataset
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.market.origin import AUTO, Offer, origin_of
from data_pipeline.sources.base import AbstractDataSource

KINDS = (AUTO, "kis", "krx", "mock")


class Available(Protocol):
    """The sources that a process can open, each by a name: Airflow's connections, or what the variables make."""

    def name_of(self, kind: str) -> str:
        """Return the name of the source of a kind; of ``auto`` that of the usual source."""

    def exchange(self) -> str | None:
        """Return the name of the exchange's source; None without a key for it."""

    def open(self, name: str) -> AbstractDataSource:
        """Return the source of a name, to be used as a context manager; nothing is sent yet."""


@dataclass(frozen=True)
class Sources:
    """Who is asked."""

    source: AbstractDataSource
    exchange: AbstractDataSource | None = None
    """The exchange, when it may take a share of daily bars."""
    names: dict[str, str] = field(default_factory=dict)
    """Under which name each was opened, by what its rows carry in ``source``."""
    pace: Pace | None = None
    """What the machine that loads can do, for estimates; None when nobody tried."""

    @property
    def in_turn(self) -> Sequence[AbstractDataSource]:
        """The sources in the order of the shares of a plan."""
        return [self.source] if self.exchange is None else [self.exchange, self.source]


def chosen(available: Available, dataset: str, kind: str, name: str | None = None) -> tuple[str, str | None]:
    """Return the name of the source that is asked, and that of the exchange when it may be asked as well.

    When the choice is left open and there is a key of the exchange, lists and whole sessions of the market come from
    it, because nobody else has all of them, and daily bars may.

    Args:
        available: What can be opened.
        dataset: What is asked for.
        kind: One of ``KINDS``.
        name: Only this source, whatever the kind; None or empty when none was named.

    Raises:
        InvalidRequestError: There is no such kind.
    """
    if kind not in KINDS:
        raise InvalidRequestError(f"source must be one of {', '.join(KINDS)}, not {kind!r}")
    declared = find_dataset(dataset)
    if name or kind != AUTO or not (declared.of_sessions or declared.market_day):
        return name or available.name_of(kind), None
    exchange = available.exchange()
    return (exchange, None) if exchange and declared.of_sessions else (available.name_of(kind), exchange)


@contextmanager
def open_sources(available: Available, dataset: str, kind: str, name: str | None = None) -> Iterator[Sources]:
    """Hand over the sources that are asked, with the arguments of :func:`chosen`, and close them afterwards.

    Raises:
        InvalidRequestError: There is no such kind.
        ConfigurationError: A setting of a source is missing or wrong.
    """
    name, beside = chosen(available, dataset, kind, name)
    with ExitStack() as stack:
        source = stack.enter_context(available.open(name))
        names = {source.name: name}
        if beside and is_broker(source):
            exchange = stack.enter_context(available.open(beside))
            if may_share(source, exchange):
                yield Sources(source, exchange, names | {exchange.name: beside})
                return
        yield Sources(source, names=names)


def is_broker(source: AbstractDataSource) -> bool:
    """Return whether a source is KIS, on whichever server."""
    return origin_of(source.name).vendor == "kis"


def may_share(source: AbstractDataSource, exchange: AbstractDataSource) -> bool:
    """Return whether the exchange may take a share: beside KIS, and never true rows beside synthetic ones."""
    broker, official = origin_of(source.name), origin_of(exchange.name)
    return is_broker(source) and official.official and broker.made_up == official.made_up


def offer_of(source: AbstractDataSource) -> Offer | None:
    """Return what a source of whole market days can still do today, None for any other; nothing is sent.

    Raises:
        CoordinationError: The shared count of calls cannot be read.
    """
    return source.offer() if origin_of(source.name).shape.market_calls else None
