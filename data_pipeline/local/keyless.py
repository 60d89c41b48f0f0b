"""The source of an installation without credentials, for every command: the emulator that `run` and `up` load from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from data_pipeline.emulator.process import EmulatorProcess
from data_pipeline.local.environment import SANDBOX_KEY, SANDBOX_RATE, SANDBOX_SECRET
from data_pipeline.local.home import Home
from data_pipeline.local.processes import Background
from data_pipeline.market.origin import AUTO
from data_pipeline.settings.chosen import chosen_source
from data_pipeline.sources.factory import read_environment

EMULATOR_PORT = "emulator.port"
NOWHERE = "http://127.0.0.1:1"
"""The emulator's address where nothing is sent."""


def is_keyless(environ: Mapping[str, str]) -> bool:
    """Return whether nothing chooses a source, so that every command works with the emulator.

    Raises:
        ConfigurationError: As :func:`~data_pipeline.settings.chosen.chosen_source` does.
    """
    return not chosen_source(environ)


def sandbox_variables(environ: Mapping[str, str], url: str = NOWHERE) -> dict[str, str]:
    """Return the environment with the emulator's key and address."""
    return {
        **environ,
        "KIS_APP_KEY": SANDBOX_KEY,
        "KIS_APP_SECRET": SANDBOX_SECRET,
        "KIS_USE_VIRTUAL_SERVER": "false",
        "KIS_API_BASE_URL_REAL": url,
        "KIS_MASTER_BASE_URL": url,
        "KIS_API_RATE_LIMIT": str(SANDBOX_RATE),
    }


def running_emulator(home: Home) -> str:
    """Return the address of the emulator that `up` started; empty when it does not run."""
    port_file = home.run / EMULATOR_PORT
    if Background(home, "emulator").pid() is None or not port_file.exists():
        return ""
    return f"http://127.0.0.1:{int(port_file.read_text('ascii'))}"


def asked_emulator(home: Home) -> str:
    """Return the address of the emulator of `up` while it runs, else of the one that was asked last."""
    kept = home.emulator_address
    return running_emulator(home) or (kept.read_text("ascii") if kept.exists() else NOWHERE)


@contextmanager
def source_variables(home: Home, kind: str, *, sends: bool) -> Iterator[dict[str, str]]:
    """Yield the variables that a source is made of; without credentials they lead to the emulator.

    It is the one of `up` while that runs, else one that runs for the block, on the market's clock.

    Args:
        home: The installation's folder; made only where an emulator is started.
        kind: Which source was chosen; only ``auto`` can mean the emulator.
        sends: Whether anything will be sent; otherwise no emulator is started.

    Raises:
        ConfigurationError: The emulator did not start, or ``.env`` cannot be read.
    """
    environ = read_environment()
    if kind != AUTO or not is_keyless(environ):
        yield environ
    elif url := running_emulator(home) if sends else NOWHERE:
        yield sandbox_variables(environ, url)
    else:
        home.prepare()
        with EmulatorProcess(rate=SANDBOX_RATE) as emulator:
            home.emulator_address.write_text(emulator.url, "ascii")
            yield sandbox_variables(environ, emulator.url)
