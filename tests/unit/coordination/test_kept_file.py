"""Files that the processes of one host share: fetched once while they are fresh, and never believed when damaged."""

from __future__ import annotations

import fcntl
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from data_pipeline.coordination.kept_file import KeptFiles
from data_pipeline.coordination.opening import open_files
from data_pipeline.exceptions import ConfigurationError

AT = datetime(2026, 11, 20, 8, 0, tzinfo=ZoneInfo("Asia/Seoul"))
CONTENT = b"PK\x03\x04 \n \x00 a file"


class Server:
    """Gives a file, and counts how often."""

    def __init__(self, at: datetime = AT) -> None:
        self.at, self.fetched = at, 0

    def fetch(self) -> tuple[bytes, datetime]:
        self.fetched += 1
        return CONTENT, self.at


def always(_: datetime) -> bool:
    """Every file is fresh."""
    return True


@pytest.fixture
def server():
    """Whoever has the file."""
    return Server()


@pytest.fixture
def folder(tmp_path):
    """Where it is kept; not made yet."""
    return tmp_path / "state" / "files"


def test_a_file_is_fetched_once(folder, server):
    """The second process reads what the first one kept, with its moment."""
    assert KeptFiles(folder).get("a.zip", always, server.fetch) == (CONTENT, AT)
    assert KeptFiles(folder).get("a.zip", always, server.fetch) == (CONTENT, AT)
    assert server.fetched == 1
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "a.zip").stat().st_mode) == 0o600


def test_a_file_that_is_not_fresh_is_fetched_again(folder, server):
    """The moment of the file decides."""
    files = KeptFiles(folder)
    files.get("a.zip", always, server.fetch)
    server.at = AT + timedelta(days=1)
    assert files.get("a.zip", lambda at: at > AT, server.fetch) == (CONTENT, AT + timedelta(days=1))
    assert server.fetched == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1],
        lambda text: text + b"x",
        lambda _: b"",
        lambda _: b"[]\n",
        lambda text: text[1:],
        lambda text: text.replace(b"2026-11-20T08:00:00+09:00", b"2026-11-20T08:00:00"),
        lambda text: text.replace(b"kept-file", b"other"),
    ],
    ids=["cut", "longer", "empty", "a list", "no head", "no zone", "another format"],
)
def test_a_damaged_file_is_fetched_again(folder, server, spoil):
    """What its first line says does not fit it: nobody is given it, and the next one is kept whole."""
    files = KeptFiles(folder)
    files.get("a.zip", always, server.fetch)
    (folder / "a.zip").write_bytes(spoil((folder / "a.zip").read_bytes()))
    assert files.get("a.zip", always, server.fetch) == (CONTENT, AT)
    assert files.get("a.zip", always, server.fetch) == (CONTENT, AT)
    assert server.fetched == 2


def test_many_at_once_fetch_once(folder, server):
    """Eight ask at the same time, and while the first fetches, the others wait for it."""
    together = threading.Barrier(8)

    def ask(_: int) -> bytes:
        together.wait()
        return KeptFiles(folder, sleep=lambda _: None, patience=1e9).get("a.zip", always, server.fetch)[0]

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {CONTENT}
    assert server.fetched == 1


def test_nobody_waits_without_end(folder, server, caplog):
    """A process that stands still with the lock costs the others their patience, and then they fetch for themselves."""
    waits: list[float] = []
    files = KeptFiles(folder, patience=1.0, sleep=waits.append)
    folder.mkdir(mode=0o700, parents=True)
    held = os.open(folder / "a.zip.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    assert files.get("a.zip", always, server.fetch) == (CONTENT, AT)
    assert 1.0 <= sum(waits) < 1.1
    assert "another process has been fetching it" in caplog.text
    os.close(held)


def test_an_error_of_the_server_is_raised_and_nothing_is_kept(folder, server):
    """The next one asks the server again."""

    def fail() -> tuple[bytes, datetime]:
        raise ConfigurationError("no such file")

    files = KeptFiles(folder)
    with pytest.raises(ConfigurationError, match="no such file"):
        files.get("a.zip", always, fail)
    assert files.get("a.zip", always, server.fetch) == (CONTENT, AT)


def test_a_folder_that_others_may_write_to_is_not_used(folder, server, caplog):
    """Whoever can write there could hand out another file: each process fetches for itself, and the log says so."""
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    for _ in range(2):
        assert KeptFiles(folder).get("a.zip", always, server.fetch) == (CONTENT, AT)
    assert server.fetched == 2
    assert "chmod 700" in caplog.text
    assert not list(folder.iterdir())


def test_a_link_is_not_followed(folder, server, tmp_path):
    """A link in place of a file is fetched over, and what it points to stays."""
    other = tmp_path / "other"
    other.write_bytes(b"untouched")
    folder.mkdir(mode=0o700, parents=True)
    (folder / "a.zip").symlink_to(other)
    assert KeptFiles(folder).get("a.zip", always, server.fetch) == (CONTENT, AT)
    assert other.read_bytes() == b"untouched"


@pytest.mark.parametrize(
    ("url", "environ", "kept_in"),
    [
        ("file:///{tmp}/shared", {}, "shared/masters"),
        ("", {"COORDINATION_URL": "file:///{tmp}/named"}, "named/masters"),
        ("redis://127.0.0.1:1", {"XDG_STATE_HOME": "{tmp}"}, "data-pipeline/coordination/masters"),
        (None, {"XDG_STATE_HOME": "{tmp}"}, "data-pipeline/coordination/masters"),
    ],
)
def test_files_lie_beside_the_shared_state(tmp_path, server, url, environ, kept_in):
    """In its folder; with Redis, where it is by default."""
    environ = {name: value.format(tmp=tmp_path) for name, value in environ.items()}
    files = open_files("masters", url and url.format(tmp=tmp_path), environ)
    assert files is not None
    files.get("a.zip", always, server.fetch)
    assert (tmp_path / kept_in / "a.zip").exists()
