"""Opens the store of shared state that ``COORDINATION_URL`` names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from data_pipeline.coordination.file import FileStore
from data_pipeline.coordination.kept_file import KeptFiles
from data_pipeline.coordination.store import Store
from data_pipeline.coordination.waiting import WaitingStore
from data_pipeline.exceptions import ConfigurationError
from data_pipeline.market.state_folder import default_folder, folder_of
from data_pipeline.settings.hidden import Hidden, hidden


def open_store(
    url: str | None = None, environ: Mapping[str, str] = os.environ, patience: float = 5.0, wait: float = 0.0
) -> Store:
    """Return the store that ``COORDINATION_URL`` names; nothing is created or connected before its first use.

    Args:
        url: ``file:///absolute/directory`` for the processes of one host, ``redis://[:password@]host[:port][/db]`` (or
            ``rediss://``) for many hosts. None reads ``COORDINATION_URL``; when that is empty too, the directory is
            ``data-pipeline/coordination`` under ``XDG_STATE_HOME`` or ``~/.local/state``.
        environ: Where settings are read. ``AIRFLOW__CORE__FERNET_KEY`` opens states that version 0.1 sealed.
        patience: Seconds that one try to reach a store may take, at most; more than 5 makes no difference.
        wait: Seconds for which a store that does not answer is tried again; 0 for one try.

    Raises:
        ConfigurationError: The URL or the Fernet key is not usable; the message names the variable.
    """
    environ = hidden(environ)
    wanted = url = Hidden(url or environ.get("COORDINATION_URL") or "")
    fernet_key = environ.get("AIRFLOW__CORE__FERNET_KEY") or None
    patience = min(max(patience, 0.1), 5.0)
    if urlsplit(wanted).scheme in {"redis", "rediss"}:
        # Whoever shares through files never imports the Redis client.
        from data_pipeline.coordination.redis import RedisStore

        store: Store = RedisStore(wanted, fernet_key=fernet_key, patience=patience)
    else:
        directory = folder_of(wanted) if wanted else default_folder(environ)
        store = FileStore(directory, fernet_key=fernet_key, lock_timeout=patience)
    return WaitingStore(store, wait) if wait > 0 else store


def open_files(name: str, url: str | None = None, environ: Mapping[str, str] = os.environ) -> KeptFiles | None:
    """Return what keeps files for the processes of this host, in a folder beside the shared state; nothing is made yet.

    Args:
        name: Of the folder.
        url: As for :func:`open_store`; with Redis the folder lies where the shared state is by default.
        environ: Where settings are read.

    Returns:
        None where there is no home directory for it.

    Raises:
        ConfigurationError: The URL is not usable.
    """
    environ = hidden(environ)
    url = Hidden(url or environ.get("COORDINATION_URL") or "")
    if url and urlsplit(url).scheme not in {"redis", "rediss"}:
        return KeptFiles(folder_of(url) / name)
    try:
        return KeptFiles(default_folder(environ) / name)
    except ConfigurationError:
        return None
