"""Looks at an installation: credentials, clock, quota, calendar, database, roles, shared state, versions."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version

from data_pipeline.coordination.opening import open_store
from data_pipeline.local.home import Home, local_home
from data_pipeline.local.keys import configured_keys
from data_pipeline.market.clock import is_fixed, market_clock
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.morning.shared import read_keys
from data_pipeline.settings.chosen import chosen_source
from data_pipeline.sources.evidence import beliefs
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.locate import existing, market_address, reader_address
from data_pipeline.warehouse.looking import MOST_APART_S, Finding, findings_of
from data_pipeline.warehouse.migrate import newest_version
from data_pipeline.warehouse.rehearsal import version_of
from data_pipeline.warehouse.rights import more_than_reading

DISTRIBUTION = "korean-market-pipeline"
DAYS_AHEAD = 60
"""Days before its end from which the trading calendar has to be renewed."""
CONNECT_S = 5.0


def look(environ: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """Yield what was found, in the order in which an installation is set up; nothing is changed and no source asked.

    Nothing is raised for what is missing: that is a finding.

    Args:
        environ: The settings; None for the process's own.
    """
    told = os.environ if environ is None else environ
    home = local_home(told)
    for about, part in PARTS.items():
        yield from findings_of(about, lambda one=part: one(home, told), REMEDIES)  # type: ignore[misc]


def look_at_evidence() -> Iterator[Finding]:
    """Yield for each vendor on which grounds its wire is believed; what is only inferred is checked at run time."""
    for vendor in ("kis", "krx"):
        found = beliefs(vendor)
        grounds = Counter(kind for one in found for kind in one.grounds)
        unchecked = [one.call for one in found if set(one.grounds) == {"inferred"} and not one.check]
        said = ", ".join(f"{count} by {kind}" for kind, count in grounds.most_common())
        said = f"{len(found)} beliefs about {len({one.call for one in found})} calls: {said}"
        yield Finding(vendor, not unchecked, said, "docs/reference/wire-evidence.md names each with its check")


def _versions(_: Home, __: Mapping[str, str]) -> Iterator[Finding]:
    python = sys.version.split()[0]
    fine = (3, 10) <= sys.version_info[:2] <= (3, 13)
    try:
        airflow = f"Airflow {version('apache-airflow-core')}"
    except PackageNotFoundError:
        airflow = "without Airflow, which only `run`, `up` and DAGs need"
    said = f"Python {python}, {DISTRIBUTION} {version(DISTRIBUTION)}, {airflow}"
    yield Finding("versions", fine, said, "use Python 3.10 to 3.13: make setup PYTHON=python3.12")


def _credentials(home: Home, environ: Mapping[str, str]) -> Iterator[Finding]:
    chosen = chosen_source(environ)
    kis, krx = configured_keys(home, environ)
    if not chosen:
        said = "no key is set, so every figure is made up by the synthetic market"
    elif chosen == "mock":
        said = "DATA_SOURCE_TYPE is mock, so every figure is made up"
    else:
        named = [f"{len(kis.key_pairs)} of KIS ({kis.source_name})"] if kis else []
        named += [f"1 of KRX ({krx.source_name})"] if krx else []
        said = f"the source is {chosen}; keys: {', '.join(named)}; whether the vendor takes them is not asked here"
    yield Finding("credentials", fine=True, said=said)


def _clock(_: Home, environ: Mapping[str, str]) -> Iterator[Finding]:
    now = market_clock(environ)()
    said = f"the market's clock says {now:%Y-%m-%d %H:%M:%S}"
    said += ", fixed by MARKET_CLOCK" if is_fixed(environ) else ""
    yield Finding("clock", fine=True, said=said)


def _calendar(_: Home, environ: Mapping[str, str]) -> Iterator[Finding]:
    calendar, today = krx_calendar(), market_clock(environ)().date()
    left = calendar.last_day - today
    said = f"known from {calendar.first_day} to {calendar.last_day}; the last final session is "
    said += f"{calendar.last_final_session(market_clock(environ)())}"
    provisional = today.year in calendar.provisional_years
    said += f"; {today.year} is provisional" if provisional else ""
    fine = left >= timedelta(days=DAYS_AHEAD) and not provisional
    yield Finding("calendar", fine, said, "docs/how-to/refresh-the-calendar.md: `data-pipeline calendar year ...`")


def _database(_: Home, environ: Mapping[str, str]) -> Iterator[Finding]:
    own = market_address(environ)
    before = time.time()
    with (
        existing(environ, "loader", own) as url,
        closing(connect(url, application_name="data-pipeline doctor", connect_timeout=CONNECT_S)) as connection,
    ):
        stored, wanted = version_of(connection), newest_version()
        said = f"its schema is at {stored or 'none'}, and this package wants {wanted}"
        yield Finding("database", stored == wanted, said, "`data-pipeline migrate` with the owner's MARKET_DB_URL")
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user, extract(epoch FROM clock_timestamp())")
            login, there = cursor.fetchone() or ("", 0)
        apart = abs(float(there) - (before + time.time()) / 2)
        said = f"this host and the server are {apart:.1f} s apart"
        yield Finding("server's clock", apart <= MOST_APART_S, said, "set both by NTP")
        if stored:
            with connection.cursor() as cursor:
                cursor.execute("SELECT has_table_privilege('market.daily_bar', 'INSERT')")
                (loads,) = cursor.fetchone() or (False,)
            said = f"{login} {'can' if loads else 'cannot'} load"
            yield Finding("loader", bool(loads), said, "log in as market_loader, which `data-pipeline migrate` makes")
    yield from _reader(environ)


def _reader(environ: Mapping[str, str]) -> Iterator[Finding]:
    with (
        existing(environ, "reader", reader_address(environ)) as url,
        closing(connect(url, application_name="data-pipeline doctor", connect_timeout=CONNECT_S)) as connection,
    ):
        more = more_than_reading(connection)
    said = f"{more}, so `sql`, `status` and `metrics` refuse it" if more else "the reader can only read"
    yield Finding("reader", not more, said, "set MARKET_READER_URL to the login market_reader")


def _shared_state(home: Home, environ: Mapping[str, str]) -> Iterator[Finding]:
    kis, krx = configured_keys(home, environ)
    one = kis or krx
    store = open_store(one.coordination_url if one else None, environ)
    store.read("doctor")
    where = store.location("doctor").removesuffix("doctor").removesuffix("doctor.json")
    yield Finding("shared state", fine=True, said=f"{where} answers")
    if not one:
        yield Finding("quota", fine=True, said="the source has none")
        return
    keys = read_keys(kis, krx, store, market_clock(environ))
    said = [f"{budget.name} {budget.used:.0%} used, {budget.rate:.1f} calls a second" for budget in keys.budgets]
    said += [] if keys.krx_calls_left is None else [f"{keys.krx_calls_left:,} calls of KRX left today"]
    learned = [budget.name for budget in keys.budgets if budget.learned]
    todo = "does another program use the key? `data-pipeline budget` says more"
    yield Finding("quota", not learned and keys.krx_calls_left != 0, "; ".join(said), todo)
    broken = [f"{one.source} is {one.state}" for one in keys.breakers if one.state != "CLOSED"]
    todo = "the vendor's server failed again and again; calls pass again by themselves"
    yield Finding("circuit breaker", not broken, ", ".join(broken) or "closed", todo)


REMEDIES = {
    "credentials": "mend .env; .env.example explains each setting",
    "database": "`data-pipeline run` makes one; or mend MARKET_DB_URL",
    "shared state": "mend COORDINATION_URL, or leave it empty for a folder of this user's",
}
PARTS: dict[str, Callable[[Home, Mapping[str, str]], Iterator[Finding]]] = {
    "versions": _versions,
    "credentials": _credentials,
    "clock": _clock,
    "calendar": _calendar,
    "database": _database,
    "shared state": _shared_state,
}
