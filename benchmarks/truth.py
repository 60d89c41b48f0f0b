"""How true the stored data are: adjustment factors, seeded faults, false alarms and hostile answers.

Factors of thirty corporate actions made by hand, and of eight that were in the news, are compared with those worked out
by hand. A hundred faults are put into true rows
one at a time: a fault is caught when its row is not loaded and no true row but the one it replaced is lost. False
alarms are findings, warnings included, over all bars of a clean synthetic year. Fuzzed bodies go through the real
client, parsers, checks and load into a Postgres that is deleted afterwards; `quarantined` counts every refusal, of
repeated rows too, and `peak_mb` is how far the process's largest resident size rose while they came. A thousand
stock-days of minutes are polled as KIS was recorded to answer, five times around their session and once in the evening.
Hostile seeds do the work of two days against an emulator that lies, and then once more against one that does not.

Examples:
    python -m benchmarks truth
    python -m benchmarks truth --bodies 500 --no-year
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks._truth_factors import errors
from benchmarks._truth_faults import false_alarms, quote_faults, seed_faults
from benchmarks._truth_fuzz import Outcome, fuzz
from benchmarks._truth_hostile import hostile as run_seeds
from benchmarks._truth_hostile_lists import hostile_lists
from benchmarks._truth_krx_day import seconds_over_server
from benchmarks._truth_polled import Polled, polled
from benchmarks._truth_proven import Proven, minutes_proven
from benchmarks._truth_public import public_errors
from data_pipeline.sources.mock.market import SyntheticMarket

TARGETS = {
    "factors_checked": ">= 30",
    "factor_max_error": "<= 1e-9",
    "faults_seeded": "100",
    "faults_caught": "all",
    "false_alarm_rate": "<= 0.001",
    "false_alarms": "0",
    "cells_proven": "all; on the virtual server what cannot be proved is said",
    "fuzzed_bodies": "10000",
    "untyped_errors": "0",
    "bad_rows_loaded": "0",
    "quarantined": "every bad row",
    "peak_mb": "<= 64",
    "krx_day_seconds_over_server": "< 2",
    "hostile_seeds": "nothing settled wrongly, no row wrong, all named and healed",
    "hostile_lists": "nothing settled wrongly, all named and healed",
    "polled_minutes": "all right after the close; none refused, wrong or unsaid",
}


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, then one JSON object; 1 when something was missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks truth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bodies", type=int, default=10_000, metavar="N", help="hostile answers (10,000 unless told)")
    parser.add_argument("--stock-days", type=int, default=1_000, metavar="N", help="polled minutes (1,000 unless told)")
    parser.add_argument("--hostile-seeds", type=int, default=500, metavar="N", help="of an emulator that lies (500)")
    parser.add_argument("--no-year", action="store_true", help="leave the clean year out (false_alarm_rate is null)")
    options = parser.parse_args(arguments)
    console = Console(stderr=True)
    # First, while the process is small: its largest size is what counts.
    console.print(f"{options.bodies:,} hostile answers ...")
    hostile = fuzz(options.bodies)
    console.print("corporate actions and faults ...")
    off = dict(errors()) | dict(public_errors())
    market = SyntheticMarket()
    seeded, missed = seed_faults(market)
    quotes, missed_quotes = quote_faults(market)
    cells, rows, alarms, minutes_of_year = 0, 0, Counter[str](), Proven()
    if not options.no_year:
        console.print("a clean year ...")
        cells, rows, alarms = false_alarms(market)
        minutes_of_year = minutes_proven(market, options.stock_days // 2)
    console.print(f"{options.stock_days:,} polled stock-days ...")
    minutes = polled(options.stock_days)
    console.print(f"{options.hostile_seeds:,} hostile seeds ...")
    seeds = run_seeds(options.hostile_seeds, tell=lambda said: console.print(said, markup=False))
    lists = hostile_lists(options.hostile_seeds, tell=lambda said: console.print(said, markup=False))
    result: dict[str, Any] = {
        "factors_checked": len(off),
        "factor_max_error": max(off.values()),
        "faults_seeded": seeded + quotes,
        "faults_caught": seeded + quotes - len(missed) - len(missed_quotes),
        "false_alarm_rate": round(sum(alarms.values()) / rows, 6) if rows else None,
        "false_alarms": sum(alarms.values()) if rows else None,
        "cells_proven": {"daily_bar": {"cells": cells, "proven": rows}, **minutes_of_year.figures} if rows else None,
        "fuzzed_bodies": hostile.bodies,
        "untyped_errors": sum(hostile.untyped.values()),
        "bad_rows_loaded": hostile.bad_rows_loaded,
        "quarantined": hostile.quarantined,
        "peak_mb": round(hostile.peak_mb, 1),
        "krx_day_seconds_over_server": seconds_over_server(),
        "polled_minutes": asdict(minutes),
        "hostile_seeds": seeds.figures,
        "hostile_lists": lists.figures,
    }
    _print(result, hostile, alarms, [*missed, *missed_quotes])
    print(json.dumps(result))
    missed_any = (
        missed
        or missed_quotes
        or cells != rows
        or not minutes_of_year.is_true
        or not _is_true(minutes)
        or not seeds.is_true
        or not lists.is_true
    )
    return 1 if missed_any or hostile.untyped or hostile.lost_rows or hostile.bad_rows_loaded else 0


def _is_true(minutes: Polled) -> bool:
    wrong = minutes.refused + minutes.wrong_shown + minutes.unsaid
    return not wrong and minutes.right_after_close == minutes.stock_days


def _print(result: dict[str, Any], hostile: Outcome, alarms: Counter[str], missed: Sequence[str]) -> None:
    table = Table("figure", "value", "wanted", title="truth of the stored data")
    for name, value in result.items():
        table.add_row(name, "-" if value is None else str(value), TARGETS[name])
    console = Console()
    console.print(table)
    console.print(f"bad rows sent: {hostile.bad_rows}; not in quarantine: {dict(hostile.lost_rows)}", markup=False)
    console.print(f"windows refused: {dict(hostile.refused)}; alarms: {dict(alarms)}", markup=False)
    for one in [*hostile.untyped, *missed]:
        console.print(f"missed: {one}", markup=False)
