"""Which database of which server is the warehouse, by the environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.settings.chosen import real_source
from data_pipeline.settings.hidden import Hidden
from data_pipeline.warehouse.embedded import EmbeddedPostgres, embedded_directory

REAL_DATABASE = "market"
SANDBOX_DATABASE = "market_sandbox"


@dataclass(frozen=True)
class Warehouse:
    """Where the rows go."""

    owner_url: str
    loader_url: str
    reader_url: str

    def __post_init__(self) -> None:
        for name in ("owner_url", "loader_url", "reader_url"):
            object.__setattr__(self, name, Hidden(getattr(self, name)))

    def __repr__(self) -> str:
        return "Warehouse(...)"


def market_address(environ: Mapping[str, str]) -> str:
    """Return the address of a warehouse of the user's own, ``MARKET_DB_URL``; empty for the embedded one."""
    return Hidden(environ.get("MARKET_DB_URL", "").strip())


def reader_address(environ: Mapping[str, str]) -> str:
    """Return the address for reading that warehouse: ``MARKET_READER_URL``, else ``MARKET_DB_URL``.

    Raises:
        ConfigurationError: ``MARKET_READER_URL`` is set alone, so nobody can tell which warehouse is meant.
    """
    url, reader = market_address(environ), Hidden(environ.get("MARKET_READER_URL", "").strip())
    if reader and not url:
        raise ConfigurationError(
            "MARKET_READER_URL is another login of the warehouse of MARKET_DB_URL: set that one too, or only that one"
        )
    return reader or url


def database_name(environ: Mapping[str, str]) -> str:
    """Return the embedded server's database.

    Synthetic rows get a database of their own, so that credentials added later start on an empty one.

    Raises:
        ConfigurationError: Which source is loaded from cannot be told; see
            :func:`~data_pipeline.settings.chosen.chosen_source`.
    """
    return REAL_DATABASE if real_source(environ) else SANDBOX_DATABASE


@contextmanager
def existing(environ: Mapping[str, str], role: str, own: str) -> Iterator[str]:
    """Yield the address of the warehouse that is there; none is made, and an embedded server runs while it is used.

    Args:
        environ: Tells which database of the embedded server it is.
        role: Whose login of the embedded server: owner, loader or reader.
        own: The address of a warehouse of the user's own; empty for the embedded one.

    Raises:
        ConfigurationError: There is no warehouse yet.
    """
    if own:
        yield own
        return
    directory = embedded_directory(environ)
    if not directory.exists():
        raise ConfigurationError(
            f"there is no warehouse yet: `make run` makes one in {directory.parent}, or set MARKET_DB_URL to yours"
        )
    with EmbeddedPostgres(directory) as server:
        yield server.url(database_name(environ), role)


def warehouse_of(server: EmbeddedPostgres, environ: Mapping[str, str]) -> Warehouse:
    """Return the warehouse: the server that ``MARKET_DB_URL`` names, else a database of the embedded one, made here."""
    reader_url = reader_address(environ)
    if url := market_address(environ):
        return Warehouse(url, url, reader_url)
    name = database_name(environ)
    server.create_database(name)
    return Warehouse(*(server.url(name, role) for role in ("owner", "loader", "reader")))
