"""Each alert rule, fired by a real fault and silent after healing: real figures, and Prometheus's tool for the time.

What the exporter says while something is wrong stands for a day and a half, and what it says after healing for two
hours; `promtool` works the rules through that. Facts: see ``tests/support/five_sessions.py``.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from itertools import chain

import psycopg2
import pytest
import yaml

from data_pipeline.coordination.opening import open_store
from data_pipeline.emulator.process import EmulatorProcess
from data_pipeline.exceptions import DataPipelineError
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.trading_calendar import krx_calendar
from data_pipeline.metrics.exporter import Exporter
from data_pipeline.metrics.shared import kis_samples
from data_pipeline.metrics.stored import Stored
from data_pipeline.metrics.table import METRICS, Sample
from data_pipeline.sources.factory import create_data_source
from data_pipeline.sources.kis.settings import KisSettings
from tests.support.five_sessions import CODES, RUN, bars, prepare
from tests.support.kis_settings import kis_settings
from tests.support.project import ROOT

pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed: apt-get install prometheus"
)
RULES = ROOT / "docker" / "prometheus" / "rules.yaml"
NOW = datetime(2026, 9, 19, 2, 0, tzinfo=SEOUL)
"""Six hours after Friday became final."""
WRONG, HEALED = 36 * 60, 120
"""Minutes."""


def series(wrong: list[Sample], healed: list[Sample]) -> list[dict[str, str]]:
    """What Prometheus has scraped: each figure a minute, absent where it was absent."""

    def named(samples: list[Sample]) -> dict[str, float]:
        texts = (
            (one, ",".join(f'{label}="{value}"' for label, value in sorted(one.labels.items()))) for one in samples
        )
        return {f"{METRICS[one.name].full_name}{{{labels}}}": one.value for one, labels in texts}

    before, after = named(wrong), named(healed)
    return [
        {"series": name, "values": f"{_stretch(before.get(name), WRONG)} {_stretch(after.get(name), HEALED)}"}
        for name in sorted({*before, *after})
    ]


def _stretch(value: float | None, minutes: int) -> str:
    return f"_x{minutes}" if value is None else f"{value}x{minutes - 1}"


def firing(folder, wrong: list[Sample], healed: list[Sample], alerts: dict[str, int]) -> None:
    """Require that just these alerts fire while it is wrong, so many of each, and none after healing."""
    rules = {one["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for one in group["rules"]}
    asked = [
        {
            "expr": f'count(ALERTS{{alertname="{rule}",alertstate="firing"}})',
            "eval_time": f"{at}m",
            "exp_samples": [{"labels": "{}", "value": number}] if number else [],
        }
        for rule in sorted(rules)
        for at, number in ((WRONG - 1, alerts.get(rule, 0)), (WRONG + HEALED - 1, 0))
    ]
    test = {"interval": "1m", "input_series": series(wrong, healed), "promql_expr_test": asked}
    trial = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}
    (folder / "live.yaml").write_text(yaml.safe_dump(trial), "utf-8")
    done = subprocess.run(
        ["promtool", "test", "rules", str(folder / "live.yaml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def cursor(shared):
    """A warehouse that is whole and on schedule up to Thursday; nothing is committed."""
    with shared.connect("owner") as connection, connection.cursor() as cursor:
        prepare(cursor)
        bars(cursor, *((code, day) for code in CODES for day in (14, 15, 16, 17)))
        cursor.execute(RUN, ("2026-09-14", "2026-09-17", "success", "2026-09-17T20:30+09:00", "2026-09-17T20:40+09:00"))
        yield cursor
        connection.rollback()


def told(read: Callable[[], list[Sample]]) -> list[Sample]:
    """What the exporter says of the warehouse, when it is asked so."""
    return list(Exporter({"warehouse_up": read}).samples())


def test_a_session_that_does_not_come_is_noticed(cursor, tmp_path):
    """Nobody loads Friday: it is not there after four hours, no run was about it, and two cells stay missing."""

    def read():
        return list(Stored(krx_calendar(), NOW, 30).samples(cursor.connection))

    wrong = told(read)
    bars(cursor, *((code, 18) for code in CODES))
    cursor.execute(RUN, ("2026-09-18", "2026-09-18", "success", "2026-09-18T20:30+09:00", "2026-09-18T20:40+09:00"))
    firing(tmp_path, wrong, told(read), {"SessionNotThere": 1, "RunDidNotHappen": 1, "CellsMissing": 1})


def test_a_warehouse_that_is_away_is_noticed(cursor, tmp_path):
    """Nobody listens on the port where it should be."""
    bars(cursor, *((code, 18) for code in CODES))
    cursor.execute(RUN, ("2026-09-18", "2026-09-18", "success", "2026-09-18T20:30+09:00", "2026-09-18T20:40+09:00"))

    def away():
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            psycopg2.connect(host="127.0.0.1", port=free.getsockname()[1], connect_timeout=5)
        return []

    healed = told(lambda: list(Stored(krx_calendar(), NOW, 30).samples(cursor.connection)))
    firing(tmp_path, told(away), healed, {"WarehouseAway": 1})


def test_a_vendor_that_fails_is_noticed(tmp_path):
    """The emulated server answers with errors until the breaker opens; then it serves again, and a call closes it."""
    with EmulatorProcess(rate=100, now="2026-09-18T20:40:00+09:00", frozen=True) as emulator:
        environ = kis_settings(emulator, tmp_path / "shared") | {"KIS_API_CIRCUIT_BREAKER_TIMEOUT": "0.001"}
        settings = KisSettings.from_env(environ)
        store = open_store(settings.coordination_url)
        with create_data_source("kis", environ) as source:
            emulator.set_faults({"kind": "status", "status": 500, "body": {"rt_cd": "1"}, "path": "inquire-price"})
            for _ in range(5):
                with suppress(DataPipelineError):
                    source.get_current_price("005930")
            wrong = list(kis_samples(settings, store, lambda: NOW))
            emulator.set_faults()
            source.get_current_price("005930")
            healed = list(kis_samples(settings, store, lambda: NOW))
    up = [Sample("warehouse_up", 1.0)]
    firing(tmp_path, list(chain(up, wrong)), list(chain(up, healed)), {"VendorFails": 1})


def test_every_rule_is_fired_by_one_of_these():
    """A rule that is added without its fault is named."""
    fired = {"SessionNotThere", "RunDidNotHappen", "CellsMissing", "WarehouseAway", "VendorFails"}
    rules = {one["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for one in group["rules"]}
    assert rules == fired
