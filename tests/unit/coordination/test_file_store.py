"""The file store keeps what it is told, alone, privately, and refuses what it did not write."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from data_pipeline.coordination.file import FileStore
from data_pipeline.exceptions import ConfigurationError, CoordinationError


def put(store: FileStore, key: str = "k", *, lasting: bool = False, **state: Any) -> None:
    """Write these values."""
    store.update(key, lambda shared, _: shared.update(state), lasting=lasting)


def test_a_state_that_nobody_wrote_is_empty(tmp_path: Path) -> None:
    """A new key reads as an empty state, and reading creates nothing."""
    assert FileStore(tmp_path / "new").read("k") == {}
    assert not (tmp_path / "new").exists()


def test_directory_and_files_are_private(tmp_path: Path) -> None:
    """The directory is made with mode 0700 and the files with 0600, whatever the umask."""
    before = os.umask(0)
    try:
        put(FileStore(tmp_path / "a" / "b"), lasting=True, value="v")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a" / "b").iterdir()}
    assert modes == {"k.json": 0o600, "k.lock": 0o600}
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


def test_a_directory_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    """A directory open to other users is refused, and its mode is not touched."""
    tmp_path.chmod(0o777)
    with pytest.raises(CoordinationError, match="chmod 700"):
        put(FileStore(tmp_path), a=1)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o777


GOOD = {"format": "data_pipeline.coordination", "boot": "b", "host": "h", "at": 1.0, "state": {}}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        b"9" * 5000,
        b" " * 1_000_001,
        b'{"state": {"a": 1}}',
        b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00K\x01.",
        json.dumps({**GOOD, "state": []}).encode(),
        json.dumps({**GOOD, "state": {"a": float("nan")}}).encode(),
        json.dumps({key: value for key, value in GOOD.items() if key != "state"}).encode(),
    ],
)
def test_content_that_is_not_ours_is_a_typed_error(tmp_path: Path, content: bytes) -> None:
    """Damaged or foreign content names the file and says what to do; it is neither used nor overwritten."""
    (tmp_path / "k.json").write_bytes(content)
    store = FileStore(tmp_path, boot_id="b")
    with pytest.raises(CoordinationError, match=r"k\.json.*delete it"):
        store.read("k")
    with pytest.raises(CoordinationError, match=r"k\.json.*delete it"):
        put(store, a=1)
    assert (tmp_path / "k.json").read_bytes() == content


def test_a_directory_in_place_of_a_file_is_a_typed_error(tmp_path: Path) -> None:
    """An operating-system error names the file and what to do."""
    (tmp_path / "k.json").mkdir()
    with pytest.raises(CoordinationError, match=r"k\.json.*COORDINATION_URL"):
        FileStore(tmp_path).read("k")


def test_a_place_where_no_directory_can_be_made_is_a_typed_error(tmp_path: Path) -> None:
    """A file where the directory should be is a coordination error, not a bare OSError."""
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(CoordinationError, match="cannot be used"):
        put(FileStore(tmp_path / "file"), a=1)


def test_a_failed_write_is_a_typed_error_and_keeps_the_old_state(tmp_path: Path) -> None:
    """When the new state cannot be written, the old one stays and the error says so."""
    store = FileStore(tmp_path)
    put(store, a=1)
    (tmp_path / "k.tmp").mkdir()
    with pytest.raises(CoordinationError, match=r"k\.json cannot be used.*free disk space"):
        put(store, a="x" * 5_000)
    assert store.read("k") == {"a": 1}


def test_waiting_for_a_lock_is_bounded(tmp_path: Path) -> None:
    """A lock that stays taken is an error after the lock timeout, and nobody gets in, not to read either."""
    slept: list[float] = []
    put(FileStore(tmp_path), a=1)
    impatient = FileStore(tmp_path, lock_timeout=0.1, sleep=slept.append)

    def inside(_state: dict[str, Any], _now: float) -> None:
        for touch in (lambda: put(impatient, a=1), lambda: impatient.read("k")):
            with pytest.raises(CoordinationError, match=r"k\.lock stayed locked"):
                touch()

    FileStore(tmp_path).update("k", inside)
    assert 0.2 <= sum(slept) < 0.24


def test_a_state_that_fits_is_written_where_it_lies(tmp_path: Path) -> None:
    """A small change keeps the file, and a shorter state leaves nothing of the longer one behind."""
    store = FileStore(tmp_path)
    put(store, a="x" * 300)
    before = (tmp_path / "k.json").stat()
    store.update("k", lambda shared, _: shared.clear())
    after = (tmp_path / "k.json").stat()
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)
    assert store.read("k") == {}


def test_a_state_that_grows_gets_a_new_file(tmp_path: Path) -> None:
    """A state beyond the room of its file, and beyond a page, is replaced as a whole."""
    store = FileStore(tmp_path)
    for size in (1, 2_000, 9_000, 9_001):
        put(store, a="x" * size)
        assert store.read("k") == {"a": "x" * size}


def test_a_directory_removed_in_between_is_made_again(tmp_path: Path) -> None:
    """A state directory cleaned away during a run is made anew."""
    store = FileStore(tmp_path / "s")
    put(store, a=1)
    for path in (tmp_path / "s").iterdir():
        path.unlink()
    (tmp_path / "s").rmdir()
    put(store, b=2)
    assert store.read("k") == {"b": 2}


def test_state_from_before_a_restart_of_the_host_is_dropped(tmp_path: Path) -> None:
    """Times of another boot mean nothing, so that state reads as empty."""
    put(FileStore(tmp_path, boot_id="one"), a=1)
    assert FileStore(tmp_path, boot_id="two").read("k") == {}


def test_a_lasting_state_outlives_a_restart_of_the_host(tmp_path: Path) -> None:
    """A token is still good after a restart."""
    put(FileStore(tmp_path, boot_id="one"), lasting=True, value="v")
    assert FileStore(tmp_path, boot_id="two").read("k", lasting=True) == {"value": "v"}


def test_without_boot_ids_a_clock_that_went_back_tells_a_restart(tmp_path: Path) -> None:
    """Where the system does not name its boots, state written at a later time than now is from an earlier boot."""
    put(FileStore(tmp_path, clock=lambda: 1000.0, boot_id=""), a=1)
    assert FileStore(tmp_path, clock=lambda: 1001.0, boot_id="").read("k") == {"a": 1}
    assert FileStore(tmp_path, clock=lambda: 5.0, boot_id="").read("k") == {}


def test_two_hosts_on_one_directory_are_refused(tmp_path: Path) -> None:
    """State that another host wrote a moment ago is an error; an hour later that host counts as gone."""
    path = tmp_path / "k.json"
    path.write_text(json.dumps({**GOOD, "boot": "elsewhere", "host": "other-host"}), encoding="utf-8")
    present = time.time()  # of this process: a shifted clock does not date files
    os.utime(path, (present, present))
    with pytest.raises(CoordinationError, match=r"other-host.*one host only"):
        FileStore(tmp_path, boot_id="here").read("k")
    hour_ago = present - 3600
    os.utime(path, (hour_ago, hour_ago))
    assert FileStore(tmp_path, boot_id="here").read("k") == {}


def test_what_version_0_1_sealed_two_days_ago_is_over(tmp_path: Path) -> None:
    """A sealed count of an earlier day and a sealed token that has expired read as empty, whoever had sealed them."""
    path = tmp_path / "k.json"
    sealed = Fernet(Fernet.generate_key()).encrypt(b'{"days": {"2026-11-20": 5}}').decode()
    path.write_text(
        json.dumps({"format": GOOD["format"], "boot": "b", "host": "h", "sealed": sealed}), encoding="utf-8"
    )
    two_days_ago = path.stat().st_mtime - 2 * 86_400 - 1
    os.utime(path, (two_days_ago, two_days_ago))
    assert FileStore(tmp_path).read("k", lasting=True) == {}
    put(FileStore(tmp_path), lasting=True, a=1)
    assert FileStore(tmp_path).read("k", lasting=True) == {"a": 1}


def test_a_wrong_fernet_key_names_the_variable_and_not_the_key() -> None:
    """A key that is none is a configuration error whose text does not repeat it."""
    with pytest.raises(ConfigurationError, match="AIRFLOW__CORE__FERNET_KEY") as caught:
        FileStore("/nowhere", fernet_key="hunter2")
    assert "hunter2" not in str(caught.value)
