#!/usr/bin/env python
"""Runs a command with the secrets of this container in its environment, and in no other place.

with-secrets COMMAND [ARGUMENT ...]

A secret is a file of /run/secrets whose name is that of a setting. It takes the place of a variable of that name, and
of `${NAME}` in any other variable. An empty file is a secret that is not set.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

_PLACE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


def with_secrets(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the environment with the secrets of a folder in their places; a name that is no secret there stays."""
    found = {file.name: file.read_text("utf-8").strip() for file in folder.iterdir() if file.is_file()}
    given = {name: secret for name, secret in found.items() if secret}
    told = {**environ, **given}
    if "MARKET_DB_URL" in given:  # a warehouse of the user's own, which the default reader has no login for
        told["MARKET_READER_URL"] = given.get("MARKET_READER_URL", given["MARKET_DB_URL"])
    for _ in range(2):  # an address holds a password, and a connection holds that address
        told = _filled(told, {**dict.fromkeys(found, ""), **told}) | given
    return told


def _filled(texts: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    return {name: _PLACE.sub(lambda place: values.get(place[1], place[0]), text) for name, text in texts.items()}


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("with-secrets: name the command to run")
    told = with_secrets(os.environ, Path("/run/secrets"))
    os.execvpe(sys.argv[1], sys.argv[1:], told)  # noqa: S606 - the command is its caller's own
