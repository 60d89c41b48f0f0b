"""Where the pages read in an Airflow: a login that can only read, and the keys of the connections."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from data_pipeline.coordination.opening import open_store
from data_pipeline.exceptions import ConfigurationError
from data_pipeline.hooks.connection import read_connection
from data_pipeline.hooks.warehouse import WarehouseHook
from data_pipeline.market.clock import market_clock
from data_pipeline.pages.readers import Readers, open_reader
from data_pipeline.pages.room import Room
from data_pipeline.settings import text
from data_pipeline.settings.hidden import Hidden

if TYPE_CHECKING:
    from data_pipeline.morning.keys import Keys

READER_CONN_ID = "market_reader"
"""The Airflow connection that the pages read with."""


def airflow_room() -> Room:
    """Return the room of this Airflow; nothing is opened before somebody looks."""
    return Room(Readers(lambda: open_reader(reader_url())), airflow_keys, market_clock(os.environ))


def reader_url() -> str:
    """Return the address of a login that can only read: the connection ``market_reader``, else ``MARKET_READER_URL``.

    Raises:
        ConfigurationError: There is neither.
    """
    try:
        return WarehouseHook(READER_CONN_ID).get_uri()
    except ConfigurationError as error:
        if named := os.environ.get("MARKET_READER_URL", "").strip():
            return Hidden(named)
        raise ConfigurationError(
            f"the pages need a login that can only read ({error}): make the connection {READER_CONN_ID} (type "
            "postgres) of the reader that `data-pipeline migrate` made, or set "
            "MARKET_READER_URL"
        ) from None


def airflow_keys() -> Keys | None:
    """Return how the keys of the connections stand from which the DAGs load; None where none has a key.

    Raises:
        ConfigurationError: A connection is missing or wrong.
        CoordinationError: The shared state cannot be read; trying again can help.
    """
    from data_pipeline.hooks.kis import KISHook
    from data_pipeline.hooks.krx import KRXHook
    from data_pipeline.hooks.source import has_official_key
    from data_pipeline.morning.shared import read_keys

    conn_id = text(os.environ, "DATA_SOURCE_CONN_ID")
    kind = read_connection(conn_id, "kis", "krx", "mock").conn_type
    kis = KISHook(conn_id).settings() if kind == "kis" else None
    krx = KRXHook(conn_id).settings() if kind == "krx" else KRXHook().settings() if has_official_key() else None
    one = kis or krx
    if one is None:
        return None
    return read_keys(kis, krx, open_store(one.coordination_url, os.environ), market_clock(os.environ))
