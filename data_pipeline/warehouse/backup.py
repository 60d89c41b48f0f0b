"""A backup of the warehouse, whole and of one moment, and its way back into an empty database of any server."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg2 import errors, sql

from data_pipeline import __version__
from data_pipeline.exceptions import ConfigurationError, InvalidRequestError
from data_pipeline.warehouse.address import address
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.errors import said_plainly
from data_pipeline.warehouse.migrate import SQL, bootstrap, newest_version
from data_pipeline.warehouse.programs import run_program
from data_pipeline.warehouse.rehearsal import version_of
from data_pipeline.warehouse.requirements import require_suitable

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

OWN = ("market_owner", "market_loader", "market_reader")
"""The roles that every warehouse has."""
# Who may do something in the schema, or is a member of a role that may; their passwords stay where they are.
_ROLES = """
    WITH granted AS (
        SELECT DISTINCT a.grantee AS oid FROM (
            SELECT relacl AS acl FROM pg_class WHERE relnamespace = 'market'::regnamespace
            UNION ALL SELECT proacl FROM pg_proc WHERE pronamespace = 'market'::regnamespace
            UNION ALL SELECT nspacl FROM pg_namespace WHERE nspname = 'market'
        ) o, aclexplode(o.acl) a WHERE a.grantee <> 0
        UNION SELECT m.member FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
        WHERE g.rolname = ANY (%(own)s)
    )
    SELECT r.rolname::text, r.rolcanlogin, coalesce((SELECT array_agg(g.rolname::text ORDER BY g.rolname)
        FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
        WHERE m.member = r.oid AND g.rolname = ANY (%(own)s)), '{}')
    FROM granted JOIN pg_roles r USING (oid) WHERE NOT r.rolsuper AND r.rolname <> ALL (%(own)s) ORDER BY 1
"""
_HELD = (
    "SELECT count(*), coalesce(sum(rows), 0)::bigint FROM market.seal WHERE NOT market.is_archived(dataset, session)"
)
_IN_THE_WAY = """
    SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = to_regnamespace('market')
        AND c.relkind IN ('r', 'p', 'v') ORDER BY c.relname LIMIT 1
"""


@dataclass(frozen=True)
class Role:
    """A role beside those of every warehouse."""

    name: str
    login: bool
    member_of: list[str]
    """Of the warehouse's own roles."""


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself; a file beside the dump, or within its folder."""

    made_at: str
    """ISO 8601, UTC."""
    package: str
    schema: str
    """The version of the schema."""
    server: int
    """Postgres's number of its version, as 180006."""
    sessions: int
    """Sealed sessions whose rows are in it."""
    rows: int
    """Their rows, by their seals."""
    roles: list[Role] = field(default_factory=list)


@dataclass(frozen=True)
class Restored:
    """What a restore brought back."""

    manifest: Manifest | None
    """None when it was not beside the dump."""
    sessions: int
    rows: int
    without_password: list[str]
    """Roles that could log in, and were made without a password."""


def back_up(url: str, path: Path, environ: Mapping[str, str], *, jobs: int = 1) -> Manifest:
    """Write a backup of the schema ``market``, roles included, and return what it holds.

    Loads go on meanwhile: it is of the moment at which it began. Under its name it is whole, or not there at all.

    Args:
        url: The warehouse, as its owner.
        path: A file, or with several jobs a folder; neither is there yet.
        environ: For the program that dumps.
        jobs: How many tables are dumped at once.

    Raises:
        InvalidRequestError: The path is taken, or its folder is not there.
        ConfigurationError: The program is not here or refuses, or the disk does.
        ConnectionFailedError: The server cannot be reached; trying again can help.
    """
    if path.exists() or manifest_of(path, jobs).exists():
        raise InvalidRequestError(f"{path} is there already: choose another name")
    if not path.parent.is_dir():
        raise InvalidRequestError(f"{path} cannot be written: name one in a folder that exists")
    part = path.with_name(f"{path.name}.part")
    _delete(part)
    manifest = _describe(url)
    try:
        form = ["--format=directory", f"--jobs={jobs}"] if jobs > 1 else ["--format=custom"]
        run_program("pg_dump", url, [*form, "--schema=market", "--role=market_owner", f"--file={part}"], environ)
        _keep(manifest_of(part, jobs), manifest)
        if jobs == 1:
            part.chmod(0o600)
            manifest_of(part, jobs).replace(manifest_of(path, jobs))
        part.replace(path)
    except BaseException:
        _delete(part)
        manifest_of(part, jobs).unlink(missing_ok=True)
        raise
    return manifest


def restore(url: str, path: Path, environ: Mapping[str, str]) -> Restored:
    """Bring a backup back into a database without a schema ``market``, in one transaction, and return what came.

    Roles that are lacking are made; those that could log in get no password. The schema has the version of the backup
    afterwards; :func:`data_pipeline.warehouse.migrate.migrate` brings it up to date.

    Args:
        url: The database, as a login that may migrate it.
        path: What :func:`back_up` wrote.
        environ: For the program that restores.

    Raises:
        InvalidRequestError: There is no backup.
        ConfigurationError: The database is not empty or not suitable, the backup is of a newer version than this
            package, or the program is not here or refuses; then nothing was restored.
        ConnectionFailedError: The server cannot be reached; trying again can help.
    """
    if not path.exists():
        raise InvalidRequestError(f"there is no backup in {path}")
    manifest = read_manifest(path)
    if manifest and manifest.schema > newest_version():
        raise ConfigurationError(
            f"{path} is of version {manifest.schema}, and this package goes to {newest_version()}: install a newer one"
        )
    with closing(connect(url, application_name="data-pipeline restore")) as connection:
        require_suitable(connection, address(url))
        with connection, connection.cursor() as cursor:
            cursor.execute(_IN_THE_WAY)
            if found := cursor.fetchone():
                raise ConfigurationError(
                    f"the warehouse at {address(url)} is not empty (market.{found[0]} is there): name an empty database"
                )
            bootstrap(connection, {}, SQL)
            cursor.execute("RESET ROLE")
            made = _make_roles(connection, manifest.roles if manifest else [], address(url))
    options = ["--single-transaction", "--exit-on-error", "--no-owner", "--role=market_owner", "--schema=market"]
    run_program("pg_restore", url, [*options, "--dbname=service=warehouse", str(path)], environ)
    with closing(connect(url)) as connection, said_plainly("restore"), connection.cursor() as cursor:
        sessions, rows = _held(connection)
    return Restored(manifest, sessions, rows, made)


def manifest_of(path: Path, jobs: int = 1) -> Path:
    """Return where a backup says what it is."""
    return path / "backup.json" if jobs > 1 or path.is_dir() else path.with_name(f"{path.name}.json")


def read_manifest(path: Path) -> Manifest | None:
    """Return what a backup says of itself; None when that file was not kept with it.

    Raises:
        ConfigurationError: It is no such file.
    """
    where = manifest_of(path)
    try:
        said = json.loads(where.read_text("utf-8"))
        return Manifest(**{**said, "roles": [Role(**one) for one in said["roles"]]})
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError(f"{where} does not describe a backup: move it away, or bring the right one") from None


def _describe(url: str) -> Manifest:
    with closing(connect(url, application_name="data-pipeline backup")) as connection, said_plainly("backup"):
        version = version_of(connection)
        if version is None:
            raise ConfigurationError("there is no warehouse here yet: nothing to back up")
        with connection.cursor() as cursor:
            cursor.execute(_ROLES, {"own": list(OWN)})
            roles = [Role(*row) for row in cursor.fetchall()]
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return Manifest(now, __version__, version, connection.server_version, *_held(connection), roles)


def _held(connection: Connection) -> tuple[int, int]:
    """Return the sealed sessions whose rows are stored, and their rows; zeros in a schema without seals."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('market.archive') IS NOT NULL")
        if not (cursor.fetchone() or (False,))[0]:
            return 0, 0
        cursor.execute(_HELD)
        sessions, rows = cursor.fetchone() or (0, 0)
        return int(sessions), int(rows)


def _make_roles(connection: Connection, roles: list[Role], where: str) -> list[str]:
    """Make the roles that are lacking, and return those of them that could log in."""
    made, statements = [], []
    with connection.cursor() as cursor:
        for role in roles:
            name = sql.Identifier(role.name)
            cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (role.name,))
            if cursor.fetchone() is None:
                statements.append(sql.SQL("CREATE ROLE {} " + ("LOGIN" if role.login else "NOLOGIN")).format(name))
                made += [role.name] if role.login else []
            statements += [sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), name) for group in role.member_of]
        said = "; ".join(statement.as_string(connection) for statement in statements)
        try:
            for statement in statements:
                cursor.execute(statement)
        except errors.InsufficientPrivilege:
            raise ConfigurationError(
                f"{where} may not make the roles of the backup: let an administrator of the server run `{said}`, then "
                "restore again"
            ) from None
    return made


def _keep(path: Path, manifest: Manifest) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(asdict(manifest), file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def _delete(part: Path) -> None:
    """Delete what a backup that was killed left."""
    if part.is_dir():
        shutil.rmtree(part)
    else:
        part.unlink(missing_ok=True)
