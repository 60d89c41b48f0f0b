"""A warehouse without a database and a source without a wire, for tests of what happens between the two."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import count
from typing import Any

from data_pipeline.engine.warehouse import Warehouse
from data_pipeline.loading.instruments.lists import KeptList
from data_pipeline.loading.prices.reconciliation import Comparison
from data_pipeline.loading.rows.counts import LoadCounts
from data_pipeline.market.records import DailyBar, Instrument
from data_pipeline.sources.mock.source import MockDataSource

MON, TUE = date(2026, 9, 21), date(2026, 9, 22)
"""Sessions."""


def bar(code="005930", session=TUE, **changes):
    """A daily bar without anything wrong in it."""
    return replace(DailyBar(code, session, 71000, 72000, 70500, 71500, 2000, 142_500_000, 500), **changes)


def instruments(session=TUE):
    """A list with one instrument of each market."""
    codes = {"KOSPI": "005930", "KOSDAQ": "247540", "KONEX": "900200"}
    return [Instrument(code, f"KR7{code}003", "x", market, "ST", session) for market, code in codes.items()]


class FakeWarehouse(Warehouse):
    """Answers each step by its function's name, and notes the steps in order with commits and rollbacks.

    Args:
        answers: What a step returns, as a function of its arguments without the connection; an exception is raised.
    """

    def __init__(self, **answers):
        numbers = count(1)
        self.steps: list[str] = []
        self.rows: list[Any] = []
        """What was written; a rollback does not take it back."""
        self.runs: dict[int, str] = {}
        """How each run ended: ``running``, ``success`` (and which codes failed) or why it failed."""
        self.arguments: dict[str, tuple] = {}
        """Those of the last call of each step."""
        self._answers = {
            "gone_before": lambda codes, first: {},
            "listed_codes": lambda session: [],
            "certain_listings": lambda codes: [],
            "final_sessions": lambda sessions, moment: sessions,
            "start_run": lambda *_, **__: self._end(next(numbers), "running"),
            "renew_runs": lambda run_ids: None,
            "screen": lambda table, records, *_, **__: records,
            "reconcile": lambda *_: Comparison(0, 0, 0),
            "weigh": lambda records, *_, **__: records,
            "none_stored": lambda table, rows: False,
            "upsert": self._upsert,
            "keep_list": lambda rows, *_: KeptList(self._upsert(None, rows)),
            "ensure_coming_months": lambda session: 0,
            "differences": lambda session: [],
            "write": lambda source, run_id: 0,
            "adjust_prices": lambda *_: 0,
            "finish_run": lambda run_id, counts, requests, failures: self._end(run_id, failures or "success"),
            "keep_refused": lambda *_: 0,
            "fail_run": lambda run_id, error, requests: self._end(run_id, str(error)),
        } | answers

    def do(self, step, *args, **kwargs):
        """Answer a step."""
        name = step.__name__
        self.steps.append(name)
        self.arguments[name] = args
        answer = self._answers[name]
        if isinstance(answer, BaseException):
            raise answer
        return answer(*args, **kwargs)

    def commit(self):
        """Note it."""
        self.steps.append("commit")

    def rollback(self):
        """Note it."""
        self.steps.append("rollback")

    def commit_run(self, run_id):
        """Note it."""
        self.steps.append(f"commit run {run_id}")

    def _upsert(self, table, rows, *_, **__):
        self.rows += rows
        return LoadCounts(inserted=len(rows))

    def _end(self, run_id, how):
        self.runs[run_id] = how
        return run_id


class FakeSource(MockDataSource):
    """A source with a bar of every code on every session; some codes raise, and every call is noted.

    Args:
        wrong: The error of each code that raises.
        name: What its rows carry in ``source``.
        before: Called before each answer.
    """

    def __init__(self, wrong=None, name="mock", before=lambda: None):
        self.wrong, self.name, self.before = wrong or {}, name, before
        self.asked: list[str] = []

    @property
    def requests_sent(self):
        """One a call."""
        return len(self.asked)

    def unit_size(self, dataset, first, last):
        """Return that every code is asked for alone."""
        return 1

    def daily_bars(self, stock_codes, first, last):
        """Yield the bars of the first day."""
        for code in stock_codes:
            self._ask(code)
            yield bar(code, first)

    def market_bars(self, session):
        """Yield the bars of two codes."""
        self._ask("market")
        yield from (bar(code, session) for code in ("000660", "005930"))

    def instruments(self, session):
        """Yield the list."""
        self._ask(f"{session}")
        yield from instruments(session)

    def _ask(self, what):
        self.before()
        self.asked.append(what)
        if what in self.wrong:
            raise self.wrong[what]
