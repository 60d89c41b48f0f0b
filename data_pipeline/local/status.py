"""`data-pipeline status`: the morning in one screen, and one number for cron."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import datetime

import psycopg2
from rich.console import Console

from data_pipeline.coordination.opening import open_store
from data_pipeline.exceptions import DataPipelineError, InvalidRequestError
from data_pipeline.local.home import Home
from data_pipeline.local.keys import configured_keys
from data_pipeline.local.output import write_json
from data_pipeline.local.reader import opened_reader
from data_pipeline.local.status_screen import screen
from data_pipeline.local.waiting import waiting
from data_pipeline.market.clock import market_clock
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.morning.facts import Morning, Stored
from data_pipeline.morning.shared import read_keys
from data_pipeline.morning.stored import read_stored
from data_pipeline.morning.verdict import alerts, exit_code

MOST_SESSIONS = 250
TIMEOUT_S = 60.0


def show_status(options: argparse.Namespace, home: Home, environ: Mapping[str, str], console: Console) -> int:
    """Print the morning and return 0 when all is there and true, 1 when something is not, 2 when it cannot be told.

    Raises:
        InvalidRequestError: ``--sessions`` is out of bounds.
        ConfigurationError: A setting is wrong.
    """
    if not 1 <= options.sessions <= MOST_SESSIONS:
        raise InvalidRequestError(f"--sessions must be from 1 to {MOST_SESSIONS}, not {options.sessions}")
    with waiting("asking the warehouse"):
        found = gather(home, environ, options.sessions)
    code = exit_code(found)
    if options.json:
        write_json({"exit_code": code, "alerts": alerts(found), "morning": found})
        return code
    for part in screen(found, console.width):
        console.print(part)
    return code


def gather(home: Home, environ: Mapping[str, str], sessions: int) -> Morning:
    """Return the morning of the configured warehouse and keys; what does not answer is said in it."""
    clock = market_clock(environ)
    now = clock()
    untold: dict[str, str] = {}
    stored, keys = None, None
    try:
        stored = _stored(environ, now, sessions)
    except (DataPipelineError, psycopg2.Error) as error:
        untold["warehouse"] = str(error).strip()
    kis, krx = configured_keys(home, environ)
    if one := kis or krx:
        try:
            keys = read_keys(kis, krx, open_store(one.coordination_url, environ), clock)
        except DataPipelineError as error:
            untold["shared state"] = str(error)
    return Morning(now, stored, keys, untold)


def _stored(environ: Mapping[str, str], now: datetime, sessions: int) -> Stored:
    with opened_reader(environ, "status", TIMEOUT_S) as connection:
        return read_stored(connection, krx_calendar(), now, sessions=sessions)
