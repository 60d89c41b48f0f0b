"""Where state is kept in files: what the processes of one host share, calendar corrections, an installation."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.shipped import PROJECT

CORRECTIONS = "CALENDAR_CORRECTIONS"


def folder_of(url: str) -> Path:
    """Return the folder that a ``file:///absolute/directory`` names.

    Raises:
        ConfigurationError: It is another URL, or none.
    """
    scheme, path = _scheme_and_path(url)
    if not path:
        # The URL is not repeated: one of another scheme may hold a password.
        raise ConfigurationError(
            "COORDINATION_URL must be file:///absolute/directory or redis://host:port/db, not a URL with scheme "
            f"{scheme!r}; leave it empty for the default directory"
        )
    return Path(path)


def _scheme_and_path(url: str) -> tuple[str, str]:
    """Return the scheme, and the path if the URL names an absolute folder; empty if it does not."""
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    path = unquote(parts.path)
    usable = parts.scheme == "file" and parts.netloc in {"", "localhost"} and not parts.query and not parts.fragment
    usable = usable and path.startswith("/") and "\0" not in path and bool(path.strip("/"))
    return parts.scheme, path if usable else ""


def default_folder(environ: Mapping[str, str]) -> Path:
    """Return ``data-pipeline/coordination`` under ``XDG_STATE_HOME`` or ``~/.local/state``.

    Raises:
        ConfigurationError: There is no home directory.
    """
    return _user_state(environ) / "coordination"


def installation_folder(environ: Mapping[str, str], project: Path | None = PROJECT) -> Path:
    """Return what ``DATA_PIPELINE_HOME`` names, else ``.local`` in a clone, else a folder of this user's state.

    Args:
        environ: May hold ``DATA_PIPELINE_HOME``, ``XDG_STATE_HOME`` and ``HOME``.
        project: The top level of the clone; None for a package that was installed from a wheel.

    Raises:
        ConfigurationError: None is named, this is no clone, and there is no home directory.
    """
    if named := environ.get("DATA_PIPELINE_HOME"):
        return Path(named).resolve()
    return (project / ".local" if project else _user_state(environ) / "home").resolve()


def settings_file(project: Path | None = PROJECT) -> Path:
    """Return the ``.env`` that the command and ``data_pipeline.read`` take settings from; it may not be there.

    It lies in the top level of a clone; with a package that was installed from a wheel, in the current folder.
    """
    return (project or Path.cwd()) / ".env"


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


def _user_state(environ: Mapping[str, str]) -> Path:
    state = Path(environ.get("XDG_STATE_HOME", ""))
    # The XDG base directory specification: a relative path is invalid and is to be ignored.
    if not state.is_absolute():
        state = _home(environ) / ".local" / "state"
    return state / "data-pipeline"


def _home(environ: Mapping[str, str]) -> Path:
    try:
        home = Path(environ.get("HOME") or Path.home())
    except RuntimeError:
        home = Path()
    if not home.is_absolute():
        raise ConfigurationError(
            "There is no home directory: set COORDINATION_URL to file:///absolute/directory, and DATA_PIPELINE_HOME"
        )
    return home
