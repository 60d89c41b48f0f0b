"""Which requests fill which gaps: missing sessions in as few requests as a source allows, and codes in few tasks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil

from data_pipeline.datasets.dataset import Dataset, MarketSize, Size
from data_pipeline.exceptions import InvalidRequestError
from data_pipeline.market.origin import RequestShape
from data_pipeline.market.window import Gap, Span, chunks

MOST_TASKS = 1000
"""Airflow maps a task over 1,024 entries at most (``core.max_map_length``)."""

Run = tuple[int, int]
"""A gap as positions among the sessions, both included."""


@dataclass(frozen=True)
class _Part:
    """One code's share of a span, in positions."""

    code: str
    run: Run
    requests: int


def plan_spans(
    dataset: Dataset,
    gaps: Mapping[str, Sequence[Gap]],
    sessions: Sequence[date],
    shape: RequestShape,
    most_rows: int,
    quoted: date | None = None,
    markets: Mapping[str, str] | None = None,
) -> list[Span]:
    """Return the spans that cover every gap with the fewest requests, in the order of their codes.

    Where a session is one row, a span may hold sessions that are not missing, when they come with the same request.

    Args:
        dataset: One of codes and sessions.
        gaps: The gaps of each code, oldest first.
        sessions: All sessions of the exchange, oldest first; every gap begins and ends on one.
        shape: What one request holds.
        most_rows: Rows that one span may hold, where each answer counts as a full page; it is larger only when one
            code's part is, which is one session of minutes or what one code lacks of daily bars.
        quoted: The session that the source's quotes show, when it is final: one request brings many instruments of it.
        markets: Each code's board, ``ETF`` or ``ETN``, for a source of whole market days; a code that is not in it may
            be on any of them.
    """
    where = {session: position for position, session in enumerate(sessions)}
    runs = {code: [(where[first], where[last]) for first, last in found] for code, found in gaps.items()}
    if not isinstance(dataset.size, Size):
        raise InvalidRequestError(f"{dataset.name} is not of codes and sessions")
    page, rows = dataset.size.page(shape), dataset.size.rows
    if rows > 1:
        longest = min(dataset.size.most_sessions or most_rows, max(1, most_rows // rows))
        parts = [part for code in runs for part in _row_parts(code, runs[code], rows, page, longest)]
        return list(_grouped(parts, sessions, rows, page, most_rows))
    if shape.market_calls and dataset.market_day:
        return list(_market_days(runs, sessions, shape, markets or {}))
    newest = where.get(quoted) if quoted and dataset.size.in_quotes else None
    return _daily_spans(runs, sessions, page, shape.quotes_page, most_rows, newest)


def whole_market_spans(
    size: MarketSize, gaps: Sequence[Gap], sessions: Sequence[date], shape: RequestShape
) -> list[Span]:
    """Return the spans that cover the gaps of a dataset of the whole market, newest first.

    Neighbouring sessions are asked for together, counted back from the newest of a gap.
    """
    spans: list[Span] = []
    where, length = {session: position for position, session in enumerate(sessions)}, size.at_once(shape)
    for first, last in reversed(gaps):
        end = where[last]
        while end >= where[first]:
            start = max(where[first], end + 1 - length)
            spans.append(Span((), sessions[start], sessions[end], size.requests(shape, end + 1 - start)))
            end = start - 1
    return spans


def task_chunks(codes: Sequence[str], size: int) -> list[list[str]]:
    """Return the codes in lists of ``size``, one for each mapped task.

    Raises:
        InvalidRequestError: There would be more tasks than Airflow maps, or ``size`` is not positive.
    """
    parts = chunks(codes, size)
    if len(parts) > MOST_TASKS:
        least = ceil(len(codes) / MOST_TASKS)
        raise InvalidRequestError(
            f"too many tasks: chunk_size {size} cuts {len(codes):,} stock codes into {len(parts):,}, and "
            f"{MOST_TASKS:,} are possible; make chunk_size {least} or more"
        )
    return parts


def task_parts(codes: Sequence[str], size: int, requests: Mapping[str, float], most: float) -> list[list[str]]:
    """Return the codes in lists of at most ``size`` that take at most ``most`` requests, one for each mapped task.

    A code that takes more by itself has a task of its own. When there would be more tasks than Airflow maps, each may
    take more requests.

    Raises:
        InvalidRequestError: As :func:`task_chunks`.
    """
    task_chunks(codes, size)
    while len(parts := _parts(codes, size, requests, most)) > MOST_TASKS:
        most *= 1.1
    return parts


def _parts(codes: Sequence[str], size: int, requests: Mapping[str, float], most: float) -> list[list[str]]:
    parts: list[list[str]] = []
    left = 0.0
    for code in codes:
        needed = requests.get(code, 0.0)
        if not parts or len(parts[-1]) == size or needed > left:
            parts.append([])
            left = most
        parts[-1].append(code)
        left -= needed
    return parts


def _daily_spans(
    runs: Mapping[str, list[Run]], sessions: Sequence[date], page: int, at_once: int, most_rows: int, quoted: int | None
) -> list[Span]:
    pool: list[str] = []
    parts: list[_Part] = []
    for code, found in runs.items():
        whole = _chart_parts(code, found, page)
        rest = _chart_parts(code, _without(found, quoted), page) if _ends_on(found, quoted) else whole
        saves = sum(part.requests for part in whole) > sum(part.requests for part in rest)
        pool += [code] if saves else []
        parts += rest if saves else whole
    quotes = 1 + ceil(len(pool) / at_once)
    if quoted is None or at_once == 1 or len(pool) <= quotes:
        parts += [_Part(code, (quoted or 0, quoted or 0), 1) for code in pool]
        pool = []
    size = at_once * max(1, most_rows // page)
    spans = [_quoted_span(pool, start, size, sessions[quoted or 0], at_once) for start in range(0, len(pool), size)]
    return spans + list(_grouped(parts, sessions, 1, page, most_rows))


def _quoted_span(pool: Sequence[str], start: int, size: int, session: date, at_once: int) -> Span:
    codes = tuple(pool[start : start + size])
    proof = 1 if start == 0 else 0  # one call shows, once, that the quotes are of this session
    return Span(codes, session, session, proof + ceil(len(codes) / at_once))


def _ends_on(runs: Sequence[Run], position: int | None) -> bool:
    return position is not None and bool(runs) and runs[-1][1] == position


def _without(runs: Sequence[Run], position: int | None) -> list[Run]:
    *others, (start, end) = runs
    return [*others, (start, end - 1)] if start < end and end == position else list(others)


def _chart_parts(code: str, runs: Sequence[Run], page: int) -> list[_Part]:
    """Cover the runs from the newest to the oldest; a page holds a fixed number of sessions up to its last one."""
    spans: list[list[int]] = []
    reached = 0  # the oldest session that the pages so far bring
    for start, end in reversed(runs):
        if spans and end >= reached:
            spans[-1][0] = start
            reached -= page * max(0, ceil((reached - start) / page))
        else:
            spans.append([start, end])
            reached = end + 1 - page * ceil((end + 1 - start) / page)
    return [_Part(code, (start, end), ceil((end + 1 - start) / page)) for start, end in reversed(spans)]


def _row_parts(code: str, runs: Sequence[Run], rows: int, page: int, longest: int) -> Iterator[_Part]:
    """Keep neighbouring sessions together, since pages run on from one to the next; one between two gaps never pays."""
    for start, end in runs:
        for begin in range(start, end + 1, longest):
            stop = min(end, begin + longest - 1)
            yield _Part(code, (begin, stop), ceil(rows * (stop + 1 - begin) / page))


def _market_days(
    runs: Mapping[str, list[Run]], sessions: Sequence[date], shape: RequestShape, markets: Mapping[str, str]
) -> Iterator[Span]:
    codes: dict[int, list[str]] = defaultdict(list)
    for code, found in runs.items():
        for start, end in found:
            for position in range(start, end + 1):
                codes[position].append(code)
    for position in sorted(codes):
        session, some = sessions[position], tuple(codes[position])
        calls = shape.calls_of_day(session, {markets.get(code, "") for code in some})
        yield Span(some, session, session, calls)


def _grouped(parts: Iterable[_Part], sessions: Sequence[date], rows: int, page: int, most_rows: int) -> Iterator[Span]:
    """Put codes with the same range into one span, as many as its rows allow."""
    same: dict[Run, list[_Part]] = defaultdict(list)
    for part in parts:
        same[part.run].append(part)
    for (start, end), members in same.items():
        size = max(1, most_rows // max(page, rows * (end + 1 - start)))
        for begin in range(0, len(members), size):
            some = members[begin : begin + size]
            codes = tuple(part.code for part in some)
            yield Span(codes, sessions[start], sessions[end], sum(part.requests for part in some))
