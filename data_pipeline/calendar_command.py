"""`data-pipeline calendar`: looks at the trading calendar and brings its file up to date."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console

from data_pipeline import calendar_file
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.trading_calendar import DATA_FILE, TradingCalendar

EXAMPLES = """examples:
  data-pipeline calendar show 2027
  data-pipeline calendar year 2027 closed-days.csv --source "closed days published by the exchange, read 2026-12-21"
  data-pipeline calendar close 2027-03-03 "Presidential election" --source "notice of the exchange of 2027-01-15"
  data-pipeline calendar open 2027-05-03 --source "notice of the exchange of 2027-04-01"
  data-pipeline calendar late 2028-11-16 --source "date of the examination, ministry of education, 2028-03-28"

A file that cannot be right is refused and the old one stays. Restart Airflow's components afterwards.
"""


def add_calendar(commands: Any) -> None:
    """Add the command ``calendar`` and its own commands to a parser's subparsers."""
    text = "Show the trading calendar, or bring its file up to date."
    parser = commands.add_parser(
        "calendar", help=text, description=text, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = parser.add_subparsers(metavar="COMMAND", required=True)
    show = _part(parts, "show", _show, "Print a year's closed days, late days and sources.")
    show.add_argument("year", type=int)
    year = _change(
        parts, "year", _year, "Replace the closed days of a year by those in a CSV file, or add the next year."
    )
    year.add_argument("year", type=int)
    year.add_argument("closures", type=Path, help="CSV: the day first, its name last, one closed weekday a line")
    year.add_argument("--provisional", action="store_true", help="the exchange has not published the year yet")
    close = _change(parts, "close", _close, "Add one closed day.")
    close.add_argument("day", type=_day)
    close.add_argument("name", help="why it is closed")
    _change(parts, "open", _open, "Take one closed day away.").add_argument("day", type=_day)
    late = _change(parts, "late", _late, "Add a day that opens and closes an hour late.")
    late.add_argument("day", type=_day)


def _part(parts: Any, name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = parts.add_parser(name, help=text, description=text)
    parser.set_defaults(command=run)
    parser.add_argument("--file", type=Path, default=DATA_FILE, help="the calendar's file (default: the package's own)")
    return parser


def _change(
    parts: Any,
    name: str,
    change: Callable[[calendar_file.Facts, argparse.Namespace], calendar_file.Facts],
    text: str,
) -> argparse.ArgumentParser:
    def run(options: argparse.Namespace) -> int:
        facts = calendar_file.read_facts(options.file)
        before = calendar_file.check_facts(facts)
        after = calendar_file.write_facts(options.file, change(facts, options))
        _print_difference(before, after, options.file)
        return 0

    parser = _part(parts, name, run, text)
    parser.add_argument("--source", required=True, help="where the fact was read, and when; kept in the file")
    return parser


def _show(options: argparse.Namespace) -> int:
    facts = calendar_file.read_facts(options.file)
    calendar = calendar_file.check_facts(facts)
    year = options.year
    if str(year) not in facts["closures"]:
        raise InvalidRequestError(f"the calendar covers {calendar.first_day} to {calendar.last_day}, not {year}")
    console = Console()
    sessions = calendar.sessions(date(year, 1, 1), date(year, 12, 31))
    console.print(f"{year}: {len(sessions)} sessions{', provisional' if year in calendar.provisional_years else ''}")
    for day, name in facts["closures"][str(year)].items():
        console.print(f"  {year}-{day} closed  {name}", highlight=False)
    for session in sessions:
        if calendar.open_at(session).hour != 9:
            opens, closes = calendar.open_at(session), calendar.close_at(session)
            console.print(f"  {session} {opens:%H:%M} to {closes:%H:%M}", highlight=False)
    for key, source in facts["source"].items():
        console.print(f"  source, {key}: {source}", highlight=False, soft_wrap=True)
    return 0


def _year(facts: calendar_file.Facts, options: argparse.Namespace) -> calendar_file.Facts:
    closures = calendar_file.read_closures(options.closures, options.year)
    return calendar_file.replace_year(facts, options.year, closures, options.source, provisional=options.provisional)


def _close(facts: calendar_file.Facts, options: argparse.Namespace) -> calendar_file.Facts:
    return calendar_file.close_day(facts, options.day, options.name, options.source)


def _open(facts: calendar_file.Facts, options: argparse.Namespace) -> calendar_file.Facts:
    return calendar_file.open_day(facts, options.day, options.source)


def _late(facts: calendar_file.Facts, options: argparse.Namespace) -> calendar_file.Facts:
    return calendar_file.open_late(facts, options.day, options.source)


def _print_difference(before: TradingCalendar, after: TradingCalendar, path: Path) -> None:
    console = Console()
    old, new = (set(one.sessions(one.first_day, one.last_day)) for one in (before, after))
    known = {day for day in new if day <= before.last_day}
    for day in sorted(old ^ known):
        console.print(f"{day} {'closed' if day in old else 'open'} from now on", highlight=False)
    if after.last_day > before.last_day:
        console.print(f"{len(new - known)} sessions up to {after.last_day}", highlight=False)
    console.print(f"Wrote {path}", highlight=False, soft_wrap=True)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2027-03-03") from None
