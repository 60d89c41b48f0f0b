"""A file that appears under its name when it is whole, and not before."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from data_pipeline.exceptions import ConfigurationError, InvalidRequestError


def require_free(path: Path, replace: bool) -> None:
    """Refuse a path at which something else than a regular file is, or a file that may not be replaced."""
    try:
        mode = path.lstat().st_mode  # not through a link: what would be replaced is the link
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise InvalidRequestError(
            f"{path} is {_kind(mode)}, which an export never replaces: name a file in a folder that exists"
        )
    if not replace:
        raise InvalidRequestError(f"{path} exists: choose another name, or add --force (replace=True) to replace it")


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "a device")


@contextmanager
def part_of(path: Path) -> Iterator[IO[bytes]]:
    """Yield the file to write, called ``<name>.part`` and locked; an error deletes it."""
    name = path.with_name(f"{path.name}.part")
    require_free(name, replace=True)
    # Between the check and the opening somebody may put a link or a pipe there: it is neither followed nor waited for.
    flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    with open(name, "ab", opener=lambda path, _: os.open(path, flags, 0o666)) as part:
        if not stat.S_ISREG(os.fstat(part.fileno()).st_mode):
            raise InvalidRequestError(f"{name} is no regular file: choose another name")
        if not _locked(part, name):
            raise InvalidRequestError(f"another export is writing {path}: wait for it or choose another name")
        part.truncate(0)  # of one that was killed
        try:
            yield part
        except BaseException:
            name.unlink(missing_ok=True)
            raise


def _locked(part: IO[bytes], name: Path) -> bool:
    """Lock the file, which must not have become the finished one in the meantime."""
    try:
        fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(part.fileno()), name.stat())
    except (BlockingIOError, FileNotFoundError):
        return False


@contextmanager
def system_errors(path: Path) -> Iterator[None]:
    """Say what the file system refuses as a ConfigurationError that names the path."""
    try:
        yield
    except OSError as error:
        if isinstance(error, ConnectionError):
            raise
        raise ConfigurationError(f"{path} cannot be written: {error.strerror or error}") from None
