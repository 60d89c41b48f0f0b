"""The page says what `data-pipeline status` says: of one warehouse and one key, with the same words and figures."""

import argparse
import html
import json
import re
from datetime import datetime

import pytest
from fastapi.testclient import TestClient
from rich.console import Console

from data_pipeline.client.circuit_breaker import CircuitBreaker
from data_pipeline.coordination.opening import open_store
from data_pipeline.coordination.store import hashed
from data_pipeline.local.home import Home
from data_pipeline.local.status import show_status
from data_pipeline.market.clock import SEOUL
from data_pipeline.morning.shared import read_keys
from data_pipeline.sources.kis.settings import KisSettings
from data_pipeline.sources.krx.settings import KrxSettings
from tests.support.pages import WALL, Guard, pages, room_of
from tests.support.pages_warehouse import BAR, LETTERS, SAMSUNG, fill

NOW = "2026-09-18T21:00"
DIFFERS = (
    "INSERT INTO market.reconciliation (session, stock_code, kind, provisional, official, after_market,"
    " provisional_source, official_source) VALUES ('2026-09-17', '005930', 'volume', 1, 2, false, 'kis', 'krx')"
)
FILLED = "UPDATE market.rejected_row SET settled_at = loaded_at, outcome = 'loaded'"
WELL = "UPDATE market.ingest_run SET status = 'success', error = NULL, unknown_fields = '{}'"


def everything(cursor):
    """Two cells are missing, a row is refused, the last load failed, a field is new, and a figure differs."""
    fill(cursor)
    cursor.execute(DIFFERS)
    cursor.execute("UPDATE market.daily_bar SET close = 101, high = 141 WHERE stock_code = %s", (SAMSUNG,))


def whole(cursor):
    """The cells are there, the row in quarantine is settled, the load succeeded."""
    fill(cursor)
    for day in ("2026-09-15", "2026-09-16"):
        cursor.execute(BAR, (LETTERS, day, 100, 0))
    cursor.execute(FILLED)
    cursor.execute(WELL)


def refused(cursor):
    """Every cell is there, and a row is in quarantine."""
    whole(cursor)
    cursor.execute("UPDATE market.rejected_row SET settled_at = NULL, outcome = NULL")


def streamed(cursor):
    """Beside what is whole, a code was watched live on the 17th, and nothing proves its trades."""
    whole(cursor)
    cursor.execute("INSERT INTO market.stream_watch VALUES ('2026-09-17', 'KRX', '005930')")


def nothing(_cursor):
    """Nothing was ever loaded."""


@pytest.fixture
def environ(database, tmp_path):
    """The command's environment: the reader's login, keys of both vendors, and their shared state."""
    return {
        "MARKET_DB_URL": database.url("reader"),
        "MARKET_CLOCK": f"{NOW}+09:00",
        "COORDINATION_URL": f"file://{tmp_path}/shared",
        "KIS_APP_KEY": "K" * 36,
        "KIS_APP_SECRET": "S" * 180,
        "KIS_USE_VIRTUAL_SERVER": "false",
        "KRX_API_KEY": "R" * 40,
    }


@pytest.fixture
def told(database, environ, tmp_path, capsys):
    """Gives what both say of a warehouse: the exit code, the JSON, and the HTML."""

    def ask(prepare):
        with database.connect("owner") as connection, connection, connection.cursor() as cursor:
            prepare(cursor)
        options = argparse.Namespace(json=True, sessions=60)
        code = show_status(options, Home(tmp_path), environ, Console(stderr=True))
        store, kis, krx = open_store(environ["COORDINATION_URL"], environ), KisSettings.from_env(environ), None
        krx = KrxSettings.from_env(environ)
        clock = datetime.fromisoformat(NOW).replace(tzinfo=SEOUL)
        room = room_of(environ["MARKET_DB_URL"], NOW, lambda: read_keys(kis, krx, store, lambda: clock))
        with TestClient(pages(Guard(), room, lambda: WALL), headers={"x-user": "kim"}) as browser:
            page = browser.get("/?lang=en").text
        room.readers.close()
        return code, json.loads(capsys.readouterr().out), page

    return ask


def plain(text):
    """Text without elements and weekdays, which only the page writes."""
    return re.sub(r" \((Mon|Tue|Wed|Thu|Fri|Sat|Sun)\)", "", html.unescape(re.sub(r"<[^>]*>", "", text)))


def panel(page, name):
    """The rows of a panel's tables, as texts."""
    part = page.partition(f'<h2 id="{name}">')[2].partition("</section>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", part.partition("<tbody>")[2], re.DOTALL)
    return [[plain(cell).strip() for cell in re.findall(r"<td.*?>(.*?)</td>", row, re.DOTALL)] for row in rows]


LEVELS = {"missing": "bad", "doubtful": "warn", "note": "note"}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("prepare", "code", "headline"),
    [
        (everything, 1, "2 of 10 cells are missing"),
        (refused, 1, "Every cell is stored and proven up to 2026-09-18, and not everything is well"),
        (streamed, 1, "1 of 11 cells are missing"),
        (whole, 0, "Complete and true up to 2026-09-18"),
        (nothing, 1, "This warehouse is empty"),
    ],
)
def test_the_headline_is_the_exit_code(told, prepare, code, headline):
    """Whoever reads the page and whoever asks cron come to the same answer, alert by alert."""
    said, out, page = told(prepare)
    assert (said, out["exit_code"]) == (code, code)
    assert plain(re.findall(r"<h1>(.*?)</h1>", page)[0]) == headline
    shown = re.findall(r'<li class="(bad|warn|note)">(.*?)</li>', page.partition('class="alerts"')[2], re.DOTALL)
    alerts = [(weight, plain(text)) for weight, text in shown if weight]
    assert alerts[: len(out["alerts"])] == [
        (LEVELS[one["level"]], f"{one['about']}: {one['said']}") for one in out["alerts"]
    ]
    if prepare is everything:
        assert [one["kind"] for one in out["alerts"]] == ["missing", "refused", "failed", "differences", "fields"]


def test_each_figure_is_the_same(told, environ):
    """Cells, who lacks what and why, quarantine, differences, changes, fields and keys."""
    store = open_store(environ["COORDINATION_URL"], environ)
    settings = KisSettings.from_env(environ)
    breaker = CircuitBreaker(store, hashed(settings.base_url), settings.breaker_threshold, settings.breaker_timeout)
    for _ in range(5):
        breaker.failure(breaker.before())
    _, out, page = told(everything)
    stored, keys = out["morning"]["stored"], out["morning"]["keys"]
    titles = re.findall(r'title="(daily_bar, [^"]*)"', page)
    assert [plain(one) for one in titles if "not expected" not in one] == [
        f"daily_bar, {one['session']}: {'many missing' if one['missing'] else 'proven'}; {one['loaded']} of "
        f"{one['expected']} loaded, {one['known_empty']} truly empty, {one['missing'] - one['unproven']} missing, "
        f"{one['unproven']} unproven"
        for one in stored["coverage"]
    ]
    assert len(stored["coverage"]) == 5
    assert [(row[0], row[1], row[3], row[5]) for row in panel(page, "missing")] == [
        (one["dataset"], one["stock_code"], str(one["sessions"]), one["why"]) for one in stored["lacking"]
    ]
    assert [row[:3] for row in panel(page, "quarantine")] == [
        [one["dataset"], one["check"], str(one["rows"])] for one in stored["refused"]
    ]
    assert [row[:2] for row in panel(page, "reconciled")] == []  # no official bar: nothing is compared on the page
    assert [(row[0], row[2], row[3]) for row in panel(page, "restated")] == [
        (one["dataset"], f"{one['old_source']} → {one['source']}", str(one["rows"])) for one in stored["restated"]
    ]
    assert [(row[0], row[1]) for row in panel(page, "fields")] == [
        (one["name"], str(one["times"])) for one in stored["new_fields"]
    ]
    assert [row[0] for row in panel(page, "keys")] == [one["name"] for one in keys["budgets"]]
    assert [one["state"] for one in keys["breakers"]] == ["OPEN", "CLOSED"]
    assert "Breaker kis open" in " ".join(plain(page).split()).replace("Breaker kisopen", "Breaker kis open")
    assert f"{keys['krx_calls_left']:,} / {keys['krx_calls']:,}" in " ".join(plain(page).split())
