"""Writes the two Grafana dashboards: operations from the exporter's figures, market data by the reader's SQL.

python -m tools.dashboards
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_pipeline.metrics.table import PREFIX

FOLDER = Path(__file__).resolve().parents[1] / "docker" / "grafana" / "dashboards"
PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}
MARKET = {"type": "grafana-postgresql-datasource", "uid": "market"}
WIDTH, HEIGHT = 12, 8


@dataclass(frozen=True)
class Panel:
    """One panel: a PromQL expression or, on the dashboard of market data, a statement of SQL."""

    title: str
    ask: str
    about: str
    kind: str = "timeseries"
    unit: str = "short"
    legend: str = ""
    wide: bool = False


def _figure(name: str) -> str:
    return PREFIX + name


def _of_datasets(name: str) -> str:
    return f'{PREFIX}{name}{{dataset=~"$dataset"}}'


def _by_session(select: str, table: str, where: str = "true", after: str = "") -> str:
    """Return the statement of a series by session, within the dashboard's range of time."""
    within = "session BETWEEN $__timeFrom()::date AND $__timeTo()::date"
    parts = f"session::timestamp AS time, {select} FROM {table} WHERE {where} AND {within} {after} ORDER BY 1"
    return f"SELECT {parts}"


_CODE = "stock_code = '$code'"
_BOUGHT = ", ".join(
    f"{who}_bought_value - {who}_sold_value AS {name}"
    for who, name in (("individual", "individuals"), ("foreign", "foreigners"), ("institution", "institutions"))
)
_BREADTH = ", ".join(
    f"count(*) FILTER (WHERE change {sign} 0) AS {name}"
    for sign, name in ((">", "rose"), ("<", "fell"), ("=", "stood"))
)
_UP = f"{_figure('warehouse_up')} or {_figure('shared_state_up')}"
_REFUSED = f"sum by (dataset, reason) ({_of_datasets('rows_quarantined')})"
_SENT = f"rate({_figure('budget_sends_total')}[5m])"
_ENDED = f"time() - {_of_datasets('last_run_timestamp_seconds')}"
_DATASET, _BUDGET = "{{dataset}}", "{{budget}}"
OPERATIONS = (
    Panel("Answers", _UP, "1 while warehouse and shared state answer.", "stat", legend="{{__name__}}"),
    Panel(
        "Freshness",
        _of_datasets("freshness_seconds"),
        "Since the oldest of the newest sessions that lack something became final; 0 is whole.",
        "stat",
        "s",
        _DATASET,
    ),
    Panel("Cells missing", _of_datasets("cells_missing"), "Must exist and do not.", legend=_DATASET),
    Panel("Cells unproven", _of_datasets("cells_unproven"), "Stored without a proof.", legend=_DATASET),
    Panel("Sessions without a run", _of_datasets("sessions_without_run"), "No successful load.", legend=_DATASET),
    Panel("Quarantine", _REFUSED, "Rows that nobody has settled.", legend="{{dataset}}: {{reason}}"),
    Panel("Calls a second", _SENT, "Sent with each budget.", unit="reqps", legend=_BUDGET),
    Panel("Share of the quota", _figure("budget_share"), "In the last minute.", unit="percentunit", legend=_BUDGET),
    Panel("Calls a second that are tried", _figure("budget_rate"), "As learned.", unit="reqps", legend=_BUDGET),
    Panel("Wait for a slot", _figure("budget_wait_seconds"), "Until the next free slot.", unit="s", legend=_BUDGET),
    Panel("Circuit breaker", _figure("breaker_state"), "0 closed, 1 half open, 2 open.", legend="{{source}}"),
    Panel("Token", _figure("token_left_seconds"), "Until it is renewed.", unit="s", legend="{{key}}"),
    Panel("Calls of KRX left today", _figure("krx_calls_left"), "Of the key's calls of the day.", "stat"),
    Panel("Last load", _ENDED, "Since the last load ended.", "stat", "s", _DATASET),
)
_LACKING = """
SELECT dataset, session, expected, missing, unproven FROM market.coverage
WHERE missing > 0 AND session BETWEEN $__timeFrom()::date AND $__timeTo()::date
ORDER BY session DESC, dataset LIMIT 200"""
_RESTATED = """
SELECT dataset, session, count(*) AS rows, max(loaded_at) AS last FROM market.restatement
WHERE session BETWEEN $__timeFrom()::date AND $__timeTo()::date
GROUP BY dataset, session ORDER BY session DESC LIMIT 200"""
_HELD = """
SELECT dataset, session, stock_code, reason, times FROM market.rejected_row
WHERE settled_at IS NULL ORDER BY rejected_id DESC LIMIT 200"""
MARKET_DATA = (
    Panel("Close", _by_session("close", "market.daily_bar", _CODE), "Won, as traded."),
    Panel("Close, adjusted", _by_session("close", "market.daily_bar_adjusted", _CODE), "Won, after corporate actions."),
    Panel("Volume", _by_session("volume", "market.daily_bar", _CODE), "Shares."),
    Panel("Bought less sold", _by_session(_BOUGHT, "market.investor_flow", _CODE), "Won, by kind of investor."),
    Panel(
        "Indices",
        _by_session("name AS metric, close", "market.index_bar JOIN market.main_index USING (family, name)"),
        "Main indices, points.",
    ),
    Panel("Breadth", _by_session(_BREADTH, "market.daily_bar", after="GROUP BY session"), "Instruments."),
    Panel(
        "Value traded",
        _by_session("sum(trading_value) AS won", "market.daily_bar", after="GROUP BY session"),
        "The whole market, won.",
    ),
    Panel(
        "Rows of daily bars",
        _by_session("stage AS metric, rows", "market.seal", "dataset = 'daily_bar'"),
        "Provisional, or all of them the exchange's own.",
    ),
    Panel("What lacks something", _LACKING.strip(), "Cells by session.", "table", wide=True),
    Panel("Restated", _RESTATED.strip(), "Earlier versions that are kept.", "table"),
    Panel("Quarantine", _HELD.strip(), "Rows that nobody has settled.", "table"),
)
CODES = "SELECT name || ' ' || stock_code AS __text, stock_code AS __value FROM market.instrument ORDER BY name"


def dashboard(name: str) -> dict[str, Any]:
    """Return the dashboard ``operations`` or ``market-data`` as Grafana reads it."""
    operations = name == "operations"
    source = PROMETHEUS if operations else MARKET
    variable = (
        {
            "name": "dataset",
            "query": f"label_values({PREFIX}cells_expected, dataset)",
            "includeAll": True,
            "multi": True,
        }
        if operations
        else {"name": "code", "query": CODES}
    )
    return {
        "uid": f"data-pipeline-{name}",
        "title": f"Korean market data: {'operations' if operations else 'the market'}",
        "tags": ["data-pipeline"],
        "timezone": "Asia/Seoul",
        "editable": False,
        "schemaVersion": 39,
        "refresh": "1m" if operations else "",
        "time": {"from": "now-2d" if operations else "now-6M", "to": "now"},
        "templating": {"list": [{"type": "query", "datasource": source, "refresh": 1, **variable}]},
        "panels": _placed(OPERATIONS if operations else MARKET_DATA, source),
    }


def _placed(panels: tuple[Panel, ...], source: dict[str, str]) -> list[dict[str, Any]]:
    found, x, y = [], 0, 0
    for number, panel in enumerate(panels, 1):
        width = 2 * WIDTH if panel.wide else WIDTH
        if x + width > 2 * WIDTH:
            x, y = 0, y + HEIGHT
        found.append(_panel(number, panel, source, {"x": x, "y": y, "w": width, "h": HEIGHT}))
        x += width
    return found


def _panel(number: int, panel: Panel, source: dict[str, str], place: dict[str, int]) -> dict[str, Any]:
    asked: dict[str, Any]
    if source is PROMETHEUS:
        asked = {"expr": panel.ask, "legendFormat": panel.legend or "__auto"}
    else:
        shape = "table" if panel.kind == "table" else "time_series"
        asked = {"rawSql": panel.ask, "rawQuery": True, "editorMode": "code", "format": shape}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": source,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [{"refId": "A", "datasource": source, **asked}],
    }


def text(name: str) -> str:
    """Return the file of a dashboard."""
    return json.dumps(dashboard(name), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in ("operations", "market-data"):
        (FOLDER / f"{name}.json").write_text(text(name), "utf-8")
