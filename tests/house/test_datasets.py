"""Every dataset answers every question, and whatever needs a list of datasets takes it from their declarations."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import date
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from data_pipeline.datasets import DATASETS, IN_COVERAGE, WITH_CELLS, WITH_PAST, Dataset
from data_pipeline.datasets.dataset import No
from data_pipeline.datasets.frame import Frame
from data_pipeline.market import dataset_names
from data_pipeline.market.origin import ORIGINS
from data_pipeline.market.window import Window
from data_pipeline.sources.base import AbstractDataSource
from data_pipeline.sources.kis.source import KISDataSource
from data_pipeline.sources.krx.source import KRXDataSource
from data_pipeline.sources.mock.source import MockDataSource
from tests.support.project import ROOT
from tools.datasets_page import ANSWERS, lines

QUESTIONS = [one.name for one in fields(Dataset)]
REFERENCE = ROOT / "docs" / "reference"
EACH = pytest.mark.parametrize("dataset", DATASETS.values(), ids=list(DATASETS))
DAY = date(2026, 9, 22)


class Heard:
    """A source that notes which of its methods is called."""

    def __init__(self) -> None:
        self.methods: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self.methods.append(name) or []


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_that_is_left_open_is_named(question: str) -> None:
    """Without one of its answers nothing can be declared."""
    whole = {name: getattr(DATASETS["daily_bar"], name) for name in QUESTIONS}
    assert Dataset(**whole) == DATASETS["daily_bar"]
    del whole[question]
    with pytest.raises(TypeError, match=f"'{question}'"):
        Dataset(**whole)


@EACH
def test_a_no_says_why(dataset: Dataset) -> None:
    """With a reason of at least four words."""
    answers = {name: getattr(dataset, name) for name in QUESTIONS}
    short = [name for name, answer in answers.items() if isinstance(answer, No) and len(answer.why.split()) < 4]
    assert short == []


@EACH
def test_it_is_asked_of_a_method_that_every_source_has(dataset: Dataset) -> None:
    """The synthetic market answers it, and so does each vendor that is not said to lack it."""
    source = Heard()
    list(dataset.ask(source, Window(("005930",), DAY, DAY)))
    (method,) = source.methods
    assert hasattr(AbstractDataSource, method)
    kinds = {"mock": MockDataSource, "kis": KISDataSource, "krx": KRXDataSource}
    answering = {
        name for name, kind in kinds.items() if getattr(kind, method) is not getattr(AbstractDataSource, method)
    }
    assert "mock" in answering
    assert len(answering) > 1
    if dataset.past:  # a past list of KIS is one of this morning's, which its method knows how to refuse
        assert {one.vendor for one in ORIGINS.values() if dataset.name not in one.shape.lacks} <= answering


@EACH
def test_its_columns_are_those_of_the_table(dataset: Dataset) -> None:
    """The page that is made from the warehouse has each of them, with its unit."""
    page = (REFERENCE / "warehouse.md").read_text("utf-8")
    section = re.search(rf"^## {dataset.name} \(table\).*?(?=^## )", page + "\n## ", re.MULTILINE | re.DOTALL)
    assert section is not None
    assert {name for name in dataset.table.columns if f"`{name}`" not in section[0]} == set()
    assert dataset.table.columns[: len(dataset.table.key)] == dataset.table.key


@EACH
def test_what_it_is_read_as_is_documented(dataset: Dataset) -> None:
    """The page of reading names the function."""
    if isinstance(dataset.frame, Frame):
        assert dataset.frame.name in (REFERENCE / "reading.md").read_text("utf-8")


@EACH
def test_it_is_loaded_by_dags_that_are_there(dataset: Dataset) -> None:
    """Each of them has its file and its row on the page of DAGs."""
    rows = set(re.findall(r"^\| `(\w+)` \|", (REFERENCE / "dags.md").read_text("utf-8"), re.MULTILINE))
    assert dataset.loaded_by
    assert {*dataset.loaded_by} <= rows & {path.stem for path in (ROOT / "dags").glob("*.py")}


def test_the_form_of_the_backfill_offers_what_has_a_past() -> None:
    """In the same order as the command."""
    dag = DagBag(str(ROOT / "dags"), bundle_name="dags-folder").dags["backfill"]
    assert tuple(dag.params.get_param("dataset").schema["enum"]) == WITH_PAST


def test_dag_files_have_the_names_of_the_declarations() -> None:
    """They are written down once more, so that reading a DAG file does not load the declarations."""
    assert (dataset_names.WITH_CELLS, dataset_names.WITH_PAST) == (WITH_CELLS, WITH_PAST)
    assert dataset_names.IN_COVERAGE == IN_COVERAGE


def test_sources_lack_only_datasets_that_there_are() -> None:
    """A name that was mistyped would be no lack at all."""
    named = {name for origin in ORIGINS.values() for name in (*origin.shape.lacks, *origin.shape.reach)}
    assert named <= {*WITH_PAST}
    assert {*WITH_CELLS} <= {*WITH_PAST}


def test_every_question_is_on_the_page() -> None:
    """`python -m tools.datasets_page > docs/reference/datasets.md` was run after the last change."""
    assert {*ANSWERS} | {"title", "about"} == {*QUESTIONS}
    assert (REFERENCE / "datasets.md").read_text("utf-8") == "\n".join(lines()) + "\n"
