"""What processes share about a KIS key, as a table for people."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from data_pipeline.client.circuit_breaker import BreakerSnapshot
from data_pipeline.coordination.opening import open_store
from data_pipeline.coordination.store import Store
from data_pipeline.local.home import local_home
from data_pipeline.local.keyless import asked_emulator, is_keyless, sandbox_variables
from data_pipeline.market.clock import market_clock
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.kis.source import KISDataSource


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
    if is_keyless(environ):
        home = local_home(environ)
        environ = sandbox_variables(environ, asked_emulator(home))
    settings = KisSettings.from_env(environ)
    # Whoever looks wants to hear at once that the store is away.
    shared = store or open_store(settings.coordination_url, environ)
    with KISDataSource(settings, shared, clock=market_clock(environ)) as source:
        if forget:
            source.client.forget()
        table = Table("budget", "calls a second now", "next slot in", "calls so far", "learned", title=source.name)
        for name, one in source.client.budgets().items():
            table.add_row(name, f"{one.rate:.2f}", f"{one.ahead:.2f} s", f"{one.sends:,}", one.learned)
        table.caption = _said(source.client.breaker.snapshot())
        return table


def _said(breaker: BreakerSnapshot) -> str:
    failures = f"{breaker.failures} failures in a row"
    again = f", calls pass again in {breaker.retry_after:.0f} s" if breaker.retry_after else ""
    return f"Circuit breaker {breaker.state.value}: {failures}{again}"
