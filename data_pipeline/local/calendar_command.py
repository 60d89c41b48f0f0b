"""`data-pipeline calendar`: looks at the trading calendar and corrects it.

Corrections go into the installation's own file, and from there into the warehouse when it can be reached. With
``--file`` the calendar's file itself is changed, which is how a maintainer renews the one that the package ships.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

from data_pipeline.exceptions import ConfigurationError, DataPipelineError, InvalidRequestError, TransientError
from data_pipeline.local.output import console, write_json
from data_pipeline.market import calendar_file
from data_pipeline.market.calendar_changes import CorrectionsFile
from data_pipeline.market.calendar_corrections import (
    CLOSED,
    COMMAND,
    LATE,
    OPEN,
    YEAR,
    Correction,
    Corrections,
    corrected,
    read_corrections,
)
from data_pipeline.market.calendar_facts import read_facts
from data_pipeline.market.clock import market_now
from data_pipeline.market.state_folder import corrections_path
from data_pipeline.market.trading_calendar import DATA_FILE, TradingCalendar
from data_pipeline.warehouse.calendar_table import holds_rows, keep_sessions
from data_pipeline.warehouse.connect import connect
from data_pipeline.warehouse.locate import existing, market_address

EXAMPLES = """examples:
  data-pipeline calendar show 2028
  data-pipeline calendar close 2028-03-03 "Temporary holiday" --source "notice of the exchange of 2028-01-15"
  data-pipeline calendar open 2028-05-02 --source "notice of the exchange of 2028-04-01"
  data-pipeline calendar late 2028-11-16 --source "date of the examination, ministry of education, 2028-03-28"
  data-pipeline calendar year 2028 closed-days.csv --source "closed days published by the exchange, read 2027-12-21"
  data-pipeline calendar undo 2028-03-03

What cannot be right is refused and nothing changes. Running processes read a correction at their next look.
"""


def add_calendar(commands: Any) -> None:
    """Add the command ``calendar`` and its own commands to a parser's subparsers."""
    text = "Show the trading calendar, correct it, or take a correction back."
    parser = commands.add_parser(
        "calendar", help=text, description=text, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = parser.add_subparsers(metavar="COMMAND", required=True)
    show = _part(parts, "show", _show, "Print a year's closed days, late days, corrections and sources.")
    show.add_argument("year", type=int)
    year = _change(parts, "year", YEAR, "Replace a year's closed days by those in a CSV file, or add the next year.")
    year.add_argument("year", type=int)
    year.add_argument("closures", type=Path, help="CSV: the day first, its name last, one closed weekday a line")
    year.add_argument("--provisional", action="store_true", help="the exchange has not published the year yet")
    close = _change(parts, "close", CLOSED, "Add one closed day; never one of which rows are stored.")
    close.add_argument("day", type=_day)
    close.add_argument("name", help="why it is closed")
    _change(parts, "open", OPEN, "Take one closed day away.").add_argument("day", type=_day)
    _change(parts, "late", LATE, "Add a day that opens and closes an hour late.").add_argument("day", type=_day)
    undo = parts.add_parser("undo", help="Take back the newest correction about a day or a year.")
    undo.set_defaults(command=_undo)
    undo.add_argument("about", type=_day_or_year, metavar="DAY|YEAR")


def _part(parts: Any, name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = parts.add_parser(name, help=text, description=text)
    parser.set_defaults(command=run)
    parser.add_argument(
        "--file",
        type=Path,
        help="change this calendar file itself, as maintainers of the package do, not the corrections",
    )
    return parser


def _change(parts: Any, name: str, kind: str, text: str) -> argparse.ArgumentParser:
    def run(options: argparse.Namespace) -> int:
        return (_change_file if options.file else _correct)(_correction(kind, options), options)

    parser = _part(parts, name, run, text)
    parser.add_argument("--source", required=True, help="where the fact was read, and when; kept beside it")
    return parser


def _correction(kind: str, options: argparse.Namespace) -> Correction:
    source, at = options.source.strip(), market_now().isoformat(timespec="seconds")
    if kind == YEAR:
        closures = calendar_file.read_closures(options.closures, options.year)
        about, more = str(options.year), {"closures": closures, "provisional": options.provisional}
    else:
        about, more = options.day.isoformat(), {"name": options.name.strip()} if kind == CLOSED else {}
    return Correction(about, kind, source, COMMAND, at, **more)


def _change_file(one: Correction, options: argparse.Namespace) -> int:
    facts = read_facts(options.file)
    before = calendar_file.check_facts(facts)
    after = calendar_file.write_facts(options.file, calendar_file.entered(facts, one))
    _print_difference(before, after, options.file, options)
    return 0


def _correct(one: Correction, options: argparse.Namespace) -> int:
    file = _corrections()
    before = TradingCalendar(file.facts())
    file.enter(one)
    return _told(file, before, options)


def _undo(options: argparse.Namespace) -> int:
    file = _corrections()
    before = TradingCalendar(file.facts())
    one = file.undo(options.about)
    out = console(stderr=options.json)
    out.print(f"Taken back: {one.about} {one.kind}, from {one.source}", highlight=False, soft_wrap=True)
    return _told(file, before, options)


def _told(file: CorrectionsFile, before: TradingCalendar, options: argparse.Namespace) -> int:
    """Say what is otherwise now, tell the warehouse, and return the exit code."""
    after = TradingCalendar(file.facts())
    said = _tell_warehouse(after, os.environ)
    _print_difference(before, after, file.path, options, warehouse=said)
    console(stderr=options.json).print(said, highlight=False, soft_wrap=True)
    return 0


def _corrections() -> CorrectionsFile:
    today = market_now().date()
    return CorrectionsFile(
        corrections_path(os.environ), market_now(), lambda days: _require_no_rows(days, today, os.environ)
    )


def _require_no_rows(days: Sequence[date], today: date, environ: Mapping[str, str]) -> None:
    """Refuse to close a session of which the warehouse holds rows, or one that is not ahead when nobody can look."""
    known = [day for day in days if day <= today]
    try:
        with existing(environ, "reader", market_address(environ)) as url, closing(connect(url)) as connection:
            held = [day for day in days if holds_rows(connection, day)]
    except (ConfigurationError, TransientError) as error:
        if not known:
            return  # of a day ahead there are no rows yet
        raise InvalidRequestError(
            f"{known[0]} is not ahead, and a session with stored rows is never closed; whether the warehouse has some "
            f"could not be asked: {error}"
        ) from error
    if held:
        raise InvalidRequestError(
            f"{held[0]} cannot be closed: the warehouse holds bars or trades of it, so the market traded"
        )


def _tell_warehouse(calendar: TradingCalendar, environ: Mapping[str, str]) -> str:
    """Copy the sessions into the warehouse and say so; what cannot be reached now takes them over at its next load."""
    try:
        with existing(environ, "loader", market_address(environ)) as url, closing(connect(url)) as connection:
            keep_sessions(connection, calendar)
            connection.commit()
    except DataPipelineError as error:
        return f"The warehouse takes it over at its next calendar check, plan or migration; it could not now: {error}"
    return "The warehouse has it too."


def _show(options: argparse.Namespace) -> int:
    path = None if options.file else corrections_path(os.environ)
    known = read_corrections(path) if path else Corrections()
    facts = corrected(read_facts(options.file or DATA_FILE), known)
    calendar, year = calendar_file.check_facts(facts), options.year
    if str(year) not in facts["closures"]:
        raise InvalidRequestError(f"the calendar covers {calendar.first_day} to {calendar.last_day}, not {year}")
    sessions = calendar.sessions(date(year, 1, 1), date(year, 12, 31))
    late = [session for session in sessions if calendar.open_at(session).hour != 9]
    entered = [one for one in known.entries if one.about[:4] == str(year)]
    lines = [
        f"{year}: {len(sessions)} sessions{', provisional' if year in calendar.provisional_years else ''}",
        *(f"  {year}-{day} closed  {name}" for day, name in facts["closures"][str(year)].items()),
        *(f"  {day} {calendar.open_at(day):%H:%M} to {calendar.close_at(day):%H:%M}" for day in late),
        *(f"  corrected, {one.about} {one.kind} ({one.entered_by}, {one.entered_at}): {one.source}" for one in entered),
        *(f"  source, {key}: {source}" for key, source in facts["source"].items()),
        f"Corrections are kept in {path}" if path else f"The file is {options.file}",
    ]
    for line in lines:
        console(stderr=options.json).print(line, highlight=False, soft_wrap=True)
    if options.json:
        told = {"closed": facts["closures"][str(year)], "late": late, "source": facts["source"]}
        write_json({"year": year, "sessions": sessions, **told, "corrections": [one._asdict() for one in entered]})
    return 0


def _print_difference(
    before: TradingCalendar, after: TradingCalendar, path: Path, options: argparse.Namespace, **more: str
) -> None:
    out = console(stderr=options.json)
    old, new = (set(one.sessions(one.first_day, one.last_day)) for one in (before, after))
    known = {day for day in new if day <= before.last_day}
    for day in sorted(old ^ known):
        out.print(f"{day} {'closed' if day in old else 'open'} from now on", highlight=False)
    if after.last_day > before.last_day:
        out.print(f"{len(new - known)} sessions up to {after.last_day}", highlight=False)
    out.print(f"Wrote {path}", highlight=False, soft_wrap=True)
    if options.json:
        changed = {f"{day}": "closed" if day in old else "open" for day in sorted(old ^ known)}
        write_json({"changed": changed, "last_day": after.last_day, "file": path, **more})


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2027-03-03") from None


def _day_or_year(text: str) -> str:
    return text if len(text) == 4 and text.isdigit() else _day(text).isoformat()
