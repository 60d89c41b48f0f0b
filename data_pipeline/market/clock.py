"""The market's clock: the one place that says what moment it is in the market.

Whatever decides by the date asks :func:`market_now`: which session is final, what a source has published, which rows
must exist. The clock is the machine's own unless ``MARKET_CLOCK`` fixes it, which tests and the synthetic market do; it
runs on from the fixed moment. Clocks that wait or expire (tokens, the limiter, retries, locks), the time at which a row
was written, and Airflow's scheduler stay real.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.market.seoul import SEOUL as SEOUL  # noqa: PLC0414 - part of what a clock is asked for

Clock = Callable[[], datetime]
"""Returns the present moment, aware."""

VARIABLE = "MARKET_CLOCK"


def market_now() -> datetime:
    """Return the market's moment: aware, in Seoul.

    Raises:
        ConfigurationError: ``MARKET_CLOCK`` is not a moment.
    """
    return market_clock(os.environ)()


def market_clock(environ: Mapping[str, str]) -> Clock:
    """Return the clock of this environment: the machine's, or the one that ``MARKET_CLOCK`` fixes, running on.

    Raises:
        ConfigurationError: ``MARKET_CLOCK`` is not a moment.
    """
    return _FixedClock(market_ahead(environ)) if is_fixed(environ) else real_now


def market_ahead(environ: Mapping[str, str]) -> timedelta:
    """Return how far this environment's clock is ahead of the machine's; zero unless ``MARKET_CLOCK`` fixes it.

    Raises:
        ConfigurationError: ``MARKET_CLOCK`` is not a moment.
    """
    return _ahead(environ[VARIABLE].strip()) if is_fixed(environ) else timedelta()


def require_real_clock(clock: Clock, address: str) -> None:
    """Require that the clock of a source that leads to a vendor's own server is not one that ``MARKET_CLOCK`` fixes.

    Raises:
        ConfigurationError: It is; real figures would be taken for those of another day.
    """
    told = market_clock(os.environ) if clock is market_now else clock
    if isinstance(told, _FixedClock):
        raise ConfigurationError(
            f"{VARIABLE} fixes the market's clock, and these credentials lead to {address}: "
            f"unset {VARIABLE} for real data, or point the credentials at an emulator"
        )


def real_now() -> datetime:
    """Return the machine's moment: aware, in Seoul. For what stays real; the market's is :func:`market_now`."""
    return datetime.now(SEOUL)


def in_seoul(moment: datetime) -> datetime:
    """Return the moment in Seoul's zone; one without a zone is Seoul's."""
    return moment.replace(tzinfo=SEOUL) if moment.tzinfo is None else moment.astimezone(SEOUL)


def is_fixed(environ: Mapping[str, str]) -> bool:
    """Return whether ``MARKET_CLOCK`` fixes the market's clock."""
    return bool(environ.get(VARIABLE, "").strip())


def anchored(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that give child processes this environment's clock; empty when it is the machine's.

    A moment alone would begin anew in each process; with the real moment behind it, all of them share one clock.

    Raises:
        ConfigurationError: ``MARKET_CLOCK`` is not a moment.
    """
    if not is_fixed(environ):
        return {}
    ahead = market_ahead(environ)  # the first look fixes it, so no moment before the one that was named is told
    real = real_now().astimezone(timezone.utc)
    return {VARIABLE: f"{(real + ahead).astimezone(SEOUL).isoformat()}@{real.isoformat()}"}


@dataclass(frozen=True)
class _FixedClock:
    """The clock that ``MARKET_CLOCK`` fixed, running on."""

    ahead: timedelta

    def __call__(self) -> datetime:
        return real_now() + self.ahead


@lru_cache(maxsize=8)
def _ahead(value: str) -> timedelta:
    """Return how far the fixed clock is ahead of the machine's.

    A value is a moment, from the first look of this process on, or ``moment@real moment``.
    """
    moment, _, real = value.partition("@")
    return _moment(moment, value) - (_moment(real, value) if real else real_now())


def _moment(text: str, value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None:
        raise ConfigurationError(
            f"{VARIABLE} must be a moment like 2027-12-30T20:40 (Seoul when it names no zone), not {value!r}"
        )
    return in_seoul(moment)
