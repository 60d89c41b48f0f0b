"""Refuses, before anything is started, a fixed market clock beside credentials for real data."""

from __future__ import annotations

from collections.abc import Mapping

from data_pipeline.market.clock import is_fixed, market_clock, require_real_clock
from data_pipeline.settings import text
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.krx.settings import KrxSettings
from data_pipeline.warehouse.locate import has_credentials


def require_fitting_clock(environ: Mapping[str, str]) -> None:
    """Return if a stack of this environment may live by its clock; without KIS credentials everything is synthetic.

    Raises:
        ConfigurationError: ``MARKET_CLOCK`` fixes the clock and the credentials lead to a vendor's own server, or a
            setting is wrong.
    """
    if not is_fixed(environ) or not has_credentials(environ):
        return
    clock = market_clock(environ)
    kis = KisSettings.from_env(environ)
    if kis.environment != "sandbox":
        require_real_clock(clock, kis.base_url)
    if text(environ, "KRX_API_KEY"):
        krx = KrxSettings.from_env(environ)
        if krx.environment != "sandbox":
            require_real_clock(clock, krx.base_url)
