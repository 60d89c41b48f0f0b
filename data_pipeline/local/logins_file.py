"""The file with the addresses of logins that `data-pipeline migrate` made, for a shell and for Airflow."""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path

from data_pipeline.warehouse.fields import connection_fields

QUOTE = "'"
HEAD = """# Logins that `data-pipeline migrate` made. Take them over with: set -a; . {path}; set +a
# Keep the file to yourself, or move its lines to where you keep secrets and delete it.
"""


def keep_logins(path: Path, urls: Mapping[str, str]) -> None:
    """Write the logins into a file of mode 0600, whole or not at all; lines of earlier ones stay.

    Args:
        path: Its folder is there.
        urls: The address of each login by its role; ``market_loader`` becomes Airflow's connection ``market_db``,
            ``market_reader`` the setting ``MARKET_READER_URL``.

    Raises:
        OSError: It cannot be written.
    """
    lines = {}
    for line in path.read_text("utf-8").splitlines() if path.exists() else []:
        if not line.startswith("#") and "=" in line:
            lines[line.partition("=")[0]] = line
    for role, url in urls.items():
        # Neither a shell nor dotenv reads another's escapes of a quote, so none is left.
        if role == "market_loader":
            said = json.dumps(connection_fields(url)).replace("\\\\", "\\u005c").replace("'", "\\u0027")
            lines["AIRFLOW_CONN_MARKET_DB"] = f"AIRFLOW_CONN_MARKET_DB='{said}'"
        else:
            lines["MARKET_READER_URL"] = f"MARKET_READER_URL='{url.replace(QUOTE, '%27')}'"
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as draft:  # mode 0600
        draft.write(HEAD.format(path=shlex.quote(str(path))) + "\n".join(lines.values()) + "\n")
        draft.flush()
        os.fsync(draft.fileno())
    os.replace(draft.name, path)  # noqa: PTH105
