"""Refuses, before anything is started, a fixed market clock beside credentials for real data."""

from __future__ import annotations

from collections.abc import Mapping

from data_pipeline.market.clock import is_fixed, market_clock, require_real_clock
from data_pipeline.settings import text
from data_pipeline.settings.chosen import real_source
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.krx.settings import KrxSettings


def require_fitting_clock(environ: Mapping[str, str]) -> None:
    """Return if a stack of this environment may live by its clock; where no vendor is chosen everything is synthetic.

    Raises:
        ConfigurationError: ``MARKET_CLOCK`` fixes the clock and the credentials lead to a vendor's own server, or a
            setting is wrong.
    """
    if not is_fixed(environ) or not (chosen := real_source(environ)):
        return
    clock = market_clock(environ)
    asked: list[KisSettings | KrxSettings] = [KisSettings.from_env(environ)] if chosen == "kis" else []
    if chosen == "krx" or text(environ, "KRX_API_KEY"):
        asked.append(KrxSettings.from_env(environ))
    for one in asked:
        if one.environment not in {"sandbox", "replay"}:
            require_real_clock(clock, one.base_url)
