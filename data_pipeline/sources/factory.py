"""Chooses a data source: by explicit type, by ``DATA_SOURCE_TYPE``, or by the credentials at hand."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.market.clock import Clock, is_fixed, market_clock, real_now
from data_pipeline.settings import require_known
from data_pipeline.settings.chosen import chosen_source, known_kind
from data_pipeline.settings.hidden import hidden
from data_pipeline.sources.base import AbstractDataSource
from data_pipeline.sources.kis.settings import QUOTA, KisSettings
from data_pipeline.sources.reads import Reads, cache_ttl, cache_url

logger = logging.getLogger(__name__)


class DataSourceType(str, Enum):
    """The kinds of source, as ``DATA_SOURCE_TYPE`` names them."""

    KIS = "kis"
    KRX = "krx"
    MOCK = "mock"


class DataSourceFactory:
    """Detects the kind of source, checks its credentials and makes it.

    Args:
        environ: The variables to read; None reads the process's own, and below them the file ``.env`` of the working
            directory, which is read anew each time and never overrides a variable that is set.
        clock: The market's clock. None: the one of these variables or of the process, and a mock source stands still at
            its reference moment unless ``MARKET_CLOCK`` fixes another.

    Raises:
        ConfigurationError: ``.env`` cannot be read, or ``MARKET_CLOCK`` is not a moment.
    """

    def __init__(self, environ: Mapping[str, str] | None = None, clock: Clock | None = None) -> None:
        self._environ = hidden(read_environment() if environ is None else environ)
        # Variables that were handed over need not repeat the clock that the process shares with its warehouse.
        timed = self._environ if is_fixed(self._environ) else os.environ
        self._clock = clock or market_clock(timed)
        self._mock_clock = self._clock if clock or is_fixed(timed) else None

    def detect(self) -> DataSourceType:
        """Return the kind that ``DATA_SOURCE_TYPE`` names; when it is empty, the kind whose credentials are there.

        Without any credentials that is the mock source, said in a warning.

        Raises:
            ConfigurationError: ``DATA_SOURCE_TYPE`` is no kind, only one of key and secret is set, or a variable's
                name is nearly that of a setting.
        """
        require_known(self._environ)
        if chosen := chosen_source(self._environ):
            return DataSourceType(chosen)
        logger.warning(
            "NO CREDENTIALS: every figure from here on is MADE UP by the mock data source. "
            "Set KIS_APP_KEY and KIS_APP_SECRET for real ones, or DATA_SOURCE_TYPE=mock to silence this"
        )
        return DataSourceType.MOCK

    def create(self, kind: DataSourceType | str | None = None) -> AbstractDataSource:
        """Return a new source of this kind, or of the detected one; nothing is sent yet.

        Raises:
            ConfigurationError: The kind is unknown, or a setting is missing or wrong; names it.
        """
        chosen = self.detect() if kind is None else _kind(kind)
        if chosen is DataSourceType.KRX:
            return self._krx()
        return self._mock() if chosen is DataSourceType.MOCK else self._kis()

    def _kis(self) -> AbstractDataSource:
        from data_pipeline.sources.kis.source import KISDataSource

        settings = KisSettings.from_env(self._environ)
        rate, quota = settings.rate_limit or 0.0, QUOTA[bool(settings.use_virtual)]
        if rate > quota and not settings.is_sandbox:
            logger.warning("KIS_API_RATE_LIMIT %g is above the %g calls a second that KIS allows", rate, quota)
        return KISDataSource(settings, clock=self._clock)

    def _krx(self) -> AbstractDataSource:
        from data_pipeline.sources.krx.settings import KrxSettings
        from data_pipeline.sources.krx.source import KRXDataSource

        return KRXDataSource(KrxSettings.from_env(self._environ), clock=self._clock)

    def _mock(self) -> AbstractDataSource:
        from data_pipeline.sources.mock.source import MockDataSource

        # Clocks that tell different moments have different answers.
        moment = "still" if self._mock_clock is None else f"{(self._mock_clock() - real_now()).total_seconds():.0f}"
        reads = Reads(cache_ttl(self._environ), f"{MockDataSource.name}:{moment}", cache_url(self._environ))
        return MockDataSource(clock=self._mock_clock, reads=reads)


def create_data_source(
    kind: DataSourceType | str | None = None, environ: Mapping[str, str] | None = None
) -> AbstractDataSource:
    """Return a data source, to be used as a context manager.

    Args:
        kind: KIS, KRX or MOCK; None lets ``DATA_SOURCE_TYPE`` or the credentials decide.
        environ: The variables to read; None reads the process's own and ``.env`` in the working directory.

    Raises:
        ConfigurationError: A setting is missing or wrong; the message names the variable. A missing credential of a
            kind that was asked for is never answered with mock data.
    """
    environ = None if environ is None else hidden(environ)
    return DataSourceFactory(environ).create(kind)


def read_environment() -> dict[str, str]:
    """Return the process's variables over those of ``.env`` in the working directory; neither is changed.

    Raises:
        ConfigurationError: There is a ``.env`` that cannot be read.
    """
    from dotenv import dotenv_values

    try:
        # A secret may hold a dollar sign, so nothing is interpolated.
        values = dotenv_values(Path.cwd() / ".env", interpolate=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f".env in {Path.cwd()} cannot be read: {type(error).__name__}") from None
    return {**{name: value for name, value in values.items() if value is not None}, **os.environ}


def _kind(named: DataSourceType | str) -> DataSourceType:
    return DataSourceType(known_kind(named) if isinstance(named, str) else named)
