"""Follows a plan: loads what each source is asked for, and hands what the first one did not do to the second."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Protocol

from data_pipeline.backfill.division import joined
from data_pipeline.backfill.gaps import all_sessions
from data_pipeline.engine.progress import Progress, Step, require_no_failure
from data_pipeline.exceptions import DailyQuotaError
from data_pipeline.market.window import Gap, Span
from data_pipeline.sources.base import AbstractDataSource

if TYPE_CHECKING:
    from data_pipeline.backfill.plan import BackfillPlan

log = logging.getLogger(__name__)


class Load(Protocol):
    """Loads spans of a dataset out of a source."""

    def __call__(self, source: AbstractDataSource, dataset: str, spans: Sequence[Span]) -> Iterator[Step]:
        """Load each span on its own, and yield what became of it."""


def load_plan(plan: BackfillPlan, in_turn: Sequence[AbstractDataSource], load: Load) -> Iterator[Step]:
    """Load a plan and yield what became of each window.

    What the exchange failed at, and all that is left when its calls of today are spent, goes to the other source.

    Args:
        plan: What is loaded.
        in_turn: The source of each share of the plan, in the same order.
        load: Does it.

    Raises:
        TransientError, PermanentError: As ``load``; but not that the exchange's calls are spent when there is another
            source to ask.
    """
    (share, *others), (source, *rest) = plan.shares, in_turn
    dataset = plan.backfill.dataset
    if not others:
        yield from load(source, dataset, share.spans)
        return
    (second,), undone, done = rest, Undone(share.spans), 0
    planned = sum(span.requests for one in plan.shares for span in one.spans)
    try:
        for step in load(source, dataset, share.spans):
            undone.note(step)
            if step.error is None:
                done = step.done
                yield replace(step, total=planned)
            else:
                log.warning("%s: %s; %s is asked instead", step.window, step.error, second.name)
    except DailyQuotaError as error:
        log.warning("%s; %s is asked for the rest", error, second.name)
    spans = plan.rest(undone.gaps())
    total = done + sum(span.requests for span in spans)
    for step in load(second, dataset, spans):
        yield replace(step, done=done + step.done, total=total)


@dataclass
class Undone:
    """The cells of one-session spans that were not loaded."""

    spans: Sequence[Span]
    _left: dict[date, set[str]] = field(default_factory=dict)
    """What stays of the sessions that were begun."""
    _failed: dict[date, set[str]] = field(default_factory=dict)

    def note(self, step: Step) -> None:
        """Take down what became of one window, or of a code of it; the failures of a window come before its end."""
        session, codes = step.window.first, step.window.stock_codes
        if step.error is not None:
            self._failed.setdefault(session, set()).update(codes)
            return
        wanted = next(span.stock_codes for span in self.spans if span.first == session)
        self._left[session] = (set(wanted) - set(codes)) | self._failed.get(session, set())

    def gaps(self) -> dict[str, list[Gap]]:
        """Return them: by code, oldest first."""
        cells = [
            (code, span.first) for span in self.spans for code in self._left.get(span.first, set(span.stock_codes))
        ]
        return joined(sorted(cells), all_sessions())


def fill(plan: BackfillPlan, in_turn: Sequence[AbstractDataSource], load: Load) -> dict[str, int]:
    """Load a plan, log after each window how far it is, and return the counts of all windows.

    Its arguments are those of :func:`load_plan`.

    Raises:
        IncompleteDataError: Windows failed; the others are loaded. What the source will never have is no failure when
            the plan is about what coverage counts as missing.
        TransientError, PermanentError: As :func:`load_plan`.
    """
    dataset, progress = plan.backfill.dataset, Progress("requests")
    log.info("%s: %d spans to ask for", dataset, sum(len(share.spans) for share in plan.shares))
    total, failures, windows = Counter[str](), list[Step](), 0
    for step in load_plan(plan, in_turn, load):
        windows += 1
        failures += [step] if step.error else []
        total.update(step.counts)
        so_far = progress.line(step.done, step.total)
        log.info("%s %s: %s; %s", dataset, step.window, step.counts or "failed", so_far)
    require_no_failure(failures, windows, unservable_is_fine=plan.backfill.cells == "missing")
    return dict(total)
