"""What processes share about a KIS key, as a table for people."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from data_pipeline.client.circuit_breaker import BreakerSnapshot
from data_pipeline.coordination.opening import open_store
from data_pipeline.coordination.store import Store
from data_pipeline.local.home import local_home
from data_pipeline.local.keyless import asked_emulator, is_keyless, sandbox_variables
from data_pipeline.local.output import columns, write_json
from data_pipeline.market.clock import market_clock
from data_pipeline.settings.chosen import chosen_source
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource

WITHOUT = {
    "krx": "The source is KRX, which counts calls by the day: `data-pipeline status` says how many are left.",
    "mock": "The source is mock, which makes its figures in this process: it has no budget.",
}


def budget_table(environ: Mapping[str, str], store: Store | None = None, *, forget: bool = False) -> Table:
    """Return the budgets of the configured app keys, each under a hash, and the breaker; nothing is sent.

    Without any key it is the budget of the emulator that was asked last: that of `up` while it runs, else the one
    of the last `run` or `backfill`. The column ``learned`` says what rejections taught, for as long as it holds; it
    is empty when nothing does.

    Args:
        environ: The settings, as ``.env.example`` names them.
        store: Where the state lies; None opens the one of ``COORDINATION_URL``.
        forget: Whether what was learned is forgotten first, so that the configured quota is tried at once.

    Raises:
        ConfigurationError: There are no credentials of KIS but others, or a setting is wrong.
        CoordinationError: The shared state cannot be read; trying again can help.
    """
    with _source(environ, store, forget=forget) as source:
        table = Table("budget", "calls a second now", "next slot in", "calls so far", "learned", title=source.name)
        for name, one in source.client.budgets().items():
            table.add_row(name, f"{one.rate:.2f}", f"{one.ahead:.2f} s", f"{one.sends:,}", one.learned)
        table.caption = _said(source.client.breaker.snapshot())
        return columns(table)


def show_budget(options: argparse.Namespace, environ: Mapping[str, str], console: Console) -> int:
    """Print the budgets and return 0; a source without a budget of KIS has none, which is said.

    Raises:
        ConfigurationError, CoordinationError: As :func:`budget_table`.
    """
    if (chosen := chosen_source(environ)) in ("krx", "mock"):
        console.print(WITHOUT[chosen], soft_wrap=True)
        if options.json:
            write_json({"source": chosen, "budgets": {}, "breaker": None})
        return 0
    if not options.json:
        console.print(budget_table(environ, forget=options.forget))
        return 0
    with _source(environ, None, forget=options.forget) as source:
        breaker = source.client.breaker.snapshot()
        budgets = {name: asdict(one) for name, one in source.client.budgets().items()}
        told = {"state": breaker.state, "failures": breaker.failures, "retry_after": breaker.retry_after}
        write_json({"source": source.name, "budgets": budgets, "breaker": told})
    return 0


@contextmanager
def _source(environ: Mapping[str, str], store: Store | None, *, forget: bool) -> Iterator[KISDataSource]:
    if is_keyless(environ):
        environ = sandbox_variables(environ, asked_emulator(local_home(environ)))
    settings = KisSettings.from_env(environ)
    # Whoever looks wants to hear at once that the store is away.
    shared = store or open_store(settings.coordination_url, environ)
    with KISDataSource(settings, shared, clock=market_clock(environ)) as source:
        if forget:
            source.client.forget()
        yield source


def _said(breaker: BreakerSnapshot) -> str:
    failures = f"{breaker.failures} failures in a row"
    again = f", calls pass again in {breaker.retry_after:.0f} s" if breaker.retry_after else ""
    return f"Circuit breaker {breaker.state.value}: {failures}{again}"
