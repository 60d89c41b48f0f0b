"""Writes the reference page of the datasets out of their declarations.

python -m tools.datasets_page > docs/reference/datasets.md
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

from data_pipeline.datasets import DATASETS, WITH_PAST, Dataset
from data_pipeline.datasets.dataset import No
from data_pipeline.market.origin import ORIGINS

HEAD = """# Datasets

Written by `python -m tools.datasets_page` from the declarations in `data_pipeline/datasets/`. A dataset is one kind of
row that is asked of a source and kept in the table of its name; columns and units: [warehouse](warehouse.md). A new
one: [add a dataset](../how-to/add-a-dataset.md)."""

Answer = Callable[[Any], Any]
ANSWERS: dict[str, tuple[str, Answer]] = {
    "table": ("record and key", lambda one: f"`{one.table.record.__name__}`; {_code(one.table.key)}"),
    "due": ("which rows must come", lambda one: one.due.value),
    "ask": ("asked for by stock code", lambda one: "yes" if one.by_code else "no: it is of the whole market"),
    "market_day": ("the exchange's own rows replace it", lambda _: "yes"),
    "size": ("rows of a session, of a code or of the market", lambda one: str(one.size.rows)),
    "beside": ("stored rows that its checks look at", lambda one: f"yes: of `{one.beside.record.__name__}`"),
    "check": ("checks of a row", lambda one: f"yes: `{one.check.__name__}`"),
    "sieve": ("rows told to be good in columns", lambda one: f"yes: `{one.sieve.sift.__name__}`"),
    "check_window": ("checks of a whole window", lambda one: f"yes: `{one.check_window.__name__}`"),
    "follows": ("worked out again from it", lambda one: str(one.follows)),
    "second_chance": ("tried again out of quarantine", lambda _: "yes"),
    "past": ("backfill", lambda one: f"yes{_but(one)}{'; coverage and healing' if one.has_cells else ''}"),
    "present": ("while the market is open", lambda one: f"yes, in at most {one.present.allowed}"),
    "frame": (
        "reading and export",
        lambda one: f"`{one.frame.name}`: {_code(each.name for each in one.frame.columns)}",
    ),
    "archive": (
        "old months may be let go",
        lambda one: f"yes: `{one.archive.keep}`{', by `stream_day` itself' if one.archive.by_itself else ''}",
    ),
    "loaded_by": ("loaded by", lambda one: _code(one.loaded_by)),
}
"""For each question of a dataset, how the page puts it, and the answer when it is not no."""


def lines() -> Iterator[str]:
    """Yield the page line by line."""
    yield HEAD
    for dataset in DATASETS.values():
        yield from ("", f"## `{dataset.name}`: {dataset.title}", "", f"One row: {dataset.about}.", "")
        yield from ("| question | answer |", "|---|---|")
        for name, (question, said) in ANSWERS.items():
            answer = getattr(dataset, name)
            yield f"| {question} | {f'no: {answer.why}' if isinstance(answer, No) else said(dataset)} |"


def _code(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _but(dataset: Dataset) -> str:
    asked = [(name, one.shape) for name, one in ORIGINS.items() if {*WITH_PAST} - one.shape.lacks]
    without = [name for name, shape in asked if dataset.name in shape.lacks]
    return f", but not out of {_code(without)}" if without else ""


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
