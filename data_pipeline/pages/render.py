"""Puts figures into templates: every text is escaped, every address is relative, every page has its language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from data_pipeline.market.clock import in_seoul
from data_pipeline.morning.facts import LoadRun
from data_pipeline.pages.words import WORDS, language

HERE = Path(__file__).parent
_DAYS = {"en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), "ko": ("월", "화", "수", "목", "금", "토", "일")}


def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    found.filters |= {"number": number, "signed": signed, "clock": clock, "compact": compact}
    return found


@dataclass(frozen=True)
class Page:
    """One page in one language."""

    lang: str
    asked: bool
    """Whether the address asks for this language, so that its links do too."""

    @classmethod
    def of(cls, request: Request) -> Page:
        """Return the page that a request wants."""
        asked = request.query_params.get("lang")
        return cls(language(asked, request.headers.get("accept-language")), asked in WORDS)

    def t(self, key: str, /, **values: Any) -> str:
        """Return a text, with figures and days written as the language does."""
        written = {name: self.said(value) for name, value in values.items()}
        return WORDS[self.lang][key].format(**written)

    def said(self, value: Any) -> str:
        """Return a value as text."""
        if isinstance(value, bool) or value is None:
            return "-" if value is None else str(value)
        if isinstance(value, datetime):
            return clock(value)
        if isinstance(value, date):
            return self.day(value)
        return number(value) if isinstance(value, (int, float)) else str(value)

    def day(self, value: date) -> str:
        """Return a day with its weekday."""
        return f"{value.isoformat()} ({_DAYS[self.lang][value.weekday()]})"

    def span(self, seconds: float) -> str:
        """Return a span of time in the unit that fits."""
        sign, size = ("-" if seconds < 0 else ""), abs(seconds)
        if size < 100:
            return sign + self.t("seconds", count=f"{size:.1f}".removesuffix(".0"))
        if size < 6000:
            return sign + self.t("minutes_unit", count=f"{size / 60:.0f}")
        return sign + self.t("hours_unit", count=f"{size / 3600:.1f}")

    def link(self, path: str, fragment: str = "", **values: Any) -> str:
        """Return a relative address that keeps the language."""
        values = {name: value for name, value in values.items() if value is not None}
        if self.asked:
            values.setdefault("lang", self.lang)
        asked = f"?{urlencode(values)}" if values else ""
        return f"{path or './'}{asked}{fragment}"

    @property
    def other(self) -> str:
        """The other language."""
        return "en" if self.lang == "ko" else "ko"

    def render(self, template: str, values: Mapping[str, Any], status: int = 200) -> HTMLResponse:
        """Return the page as an answer."""
        return HTMLResponse(self.text(template, values), status_code=status)

    def text(self, template: str, values: Mapping[str, Any]) -> str:
        """Return the page as HTML."""
        return _ENVIRONMENT.get_template(template).render(page=self, t=self.t, log_link=log_link, **values)


def number(value: float | None, digits: int = 0) -> str:
    """Return a figure with commas between thousands; a dash for none."""
    return "-" if value is None else f"{value:,.{digits}f}"


def compact(value: float) -> str:
    """Return a figure in thousands, millions or billions, to three digits."""
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.0f}"


def signed(value: float | None, digits: int = 0) -> str:
    """Return a figure with its sign; a dash for none."""
    return "-" if value is None else f"{value:+,.{digits}f}"


def clock(moment: datetime | None) -> str:
    """Return a moment by the clock of Seoul; a dash for none."""
    return "-" if moment is None else f"{in_seoul(moment):%m-%d %H:%M:%S}"


def log_link(run: LoadRun) -> str:
    """Return the relative address of a load's log in Airflow's UI; empty for one outside of Airflow."""
    if not (run.dag_id and run.run_key and run.task_id):
        return ""
    mapped = f"/mapped/{run.map_index}" if run.map_index is not None and run.map_index >= 0 else ""
    return f"../dags/{quote(run.dag_id, '')}/runs/{quote(run.run_key, '')}/tasks/{quote(run.task_id, '')}{mapped}"


def run_link(dag_id: str, run_id: str) -> str:
    """Return the relative address of a DAG run in Airflow's UI."""
    return f"../dags/{quote(dag_id, '')}/runs/{quote(run_id, '')}"


_ENVIRONMENT = _environment()
