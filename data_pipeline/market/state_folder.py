"""Where the processes of one host keep what they share in files: states, and corrections of the calendar."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from data_pipeline.exceptions import ConfigurationError

CORRECTIONS = "CALENDAR_CORRECTIONS"


def folder_of(url: str) -> Path:
    """Return the folder that a ``file:///absolute/directory`` names.

    Raises:
        ConfigurationError: It is another URL, or none.
    """
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    path = unquote(parts.path)
    usable = parts.scheme == "file" and parts.netloc in {"", "localhost"} and not parts.query and not parts.fragment
    if not usable or not path.startswith("/") or "\0" in path or not path.strip("/"):
        # The URL is not repeated: one of another scheme may hold a password.
        raise ConfigurationError(
            "COORDINATION_URL must be file:///absolute/directory or redis://host:port/db, not a URL with scheme "
            f"{parts.scheme!r}; leave it empty for the default directory"
        )
    return Path(path)


def default_folder(environ: Mapping[str, str]) -> Path:
    """Return ``data-pipeline/coordination`` under ``XDG_STATE_HOME`` or ``~/.local/state``.

    Raises:
        ConfigurationError: There is no home directory.
    """
    state = Path(environ.get("XDG_STATE_HOME", ""))
    # The XDG base directory specification: a relative path is invalid and is to be ignored.
    if not state.is_absolute():
        state = _home(environ) / ".local" / "state"
    return state / "data-pipeline" / "coordination"


def corrections_path(environ: Mapping[str, str]) -> Path:
    """Return where the file lies: ``CALENDAR_CORRECTIONS``, else beside the shared state or in the user's state folder.

    With shared state in Redis there is no folder of it: hosts that work together name one file with the variable.

    Raises:
        ConfigurationError: ``COORDINATION_URL`` is malformed, or there is no home directory.
    """
    names = (CORRECTIONS, "COORDINATION_URL", "XDG_STATE_HOME", "HOME")
    return _path(*(environ.get(name, "").strip() for name in names))


@lru_cache(maxsize=8)
def _path(named: str, shared: str, state: str, home: str) -> Path:
    if named:
        return Path(named).absolute()
    if shared and not shared.startswith(("redis:", "rediss:")):
        return folder_of(shared) / "calendar.json"
    return default_folder({"XDG_STATE_HOME": state, "HOME": home}) / "calendar.json"


def _home(environ: Mapping[str, str]) -> Path:
    try:
        home = Path(environ.get("HOME") or Path.home())
    except RuntimeError:
        home = Path()
    if not home.is_absolute():
        raise ConfigurationError("There is no home directory: set COORDINATION_URL to file:///absolute/directory")
    return home
