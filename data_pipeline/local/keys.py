"""The keys that an installation is configured with; without any, that of the emulator."""

from __future__ import annotations

from collections.abc import Mapping

from data_pipeline.local.home import Home
from data_pipeline.local.keyless import asked_emulator, is_keyless, sandbox_variables
from data_pipeline.settings import text
from data_pipeline.settings.chosen import chosen_source
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.krx.settings import KrxSettings


def configured_keys(home: Home, environ: Mapping[str, str]) -> tuple[KisSettings | None, KrxSettings | None]:
    """Return the settings of KIS and of KRX, None for one that is not used; without any key those of the emulator.

    Raises:
        ConfigurationError: A setting is wrong.
    """
    if is_keyless(environ):
        return KisSettings.from_env(sandbox_variables(environ, asked_emulator(home))), None
    chosen = chosen_source(environ)
    kis = KisSettings.from_env(environ) if chosen == "kis" else None
    krx = KrxSettings.from_env(environ) if chosen != "mock" and text(environ, "KRX_API_KEY") else None
    return kis, krx
