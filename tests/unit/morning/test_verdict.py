"""What the facts of a morning mean."""

from dataclasses import replace
from datetime import date, datetime

import pytest

from data_pipeline.loading.coverage.cells import Coverage
from data_pipeline.market.clock import SEOUL
from data_pipeline.morning.facts import Difference, LoadRun, Morning, NewField, Refused, Stored
from data_pipeline.morning.keys import Breaker, Budget, Keys
from data_pipeline.morning.verdict import alerts, exit_code

MONDAY, TUESDAY = date(2026, 9, 21), date(2026, 9, 22)
NOW = datetime(2026, 9, 23, 8, 0, tzinfo=SEOUL)
WHOLE = (
    Coverage("daily_bar", MONDAY, expected=2, loaded=2, known_empty=0, missing=0),
    Coverage("daily_bar", TUESDAY, expected=2, loaded=1, known_empty=1, missing=0),
)
STORED = Stored(
    session=TUESDAY, first=MONDAY, sessions=(MONDAY, TUESDAY), kind="real", loads=2, coverage=WHOLE, lacking=(),
    lacking_of=0, refused=(), differences=(), restated=(), runs=(), new_fields=(),
)  # fmt: skip
RUN = LoadRun(
    run_id=2, dataset="daily_bar", source="kis", dag_id="daily_bars", task_id="load", map_index=-1,
    run_key="scheduled__1", status="failed", first=TUESDAY, last=TUESDAY, started_at=NOW, finished_at=NOW, stored=0,
    inserted=0, rejected=0, requests=3, error="KIS is away", is_last=True,
)  # fmt: skip


def morning(**changes):
    """A morning on which everything is there, but for these changes."""
    return Morning(now=NOW, stored=replace(STORED, **changes), keys=None)


def test_a_whole_morning_is_0_and_says_nothing():
    """Cells that are known to be empty are there."""
    assert (exit_code(morning()), alerts(morning())) == (0, [])


def test_a_missing_cell_is_1_and_names_the_command_that_fills_it():
    """Of three missing cells one is stored without a proof: two are missing on one day, one is doubtful."""
    cells = (
        replace(WHOLE[0], loaded=0, missing=2, unproven=1),
        replace(WHOLE[1], loaded=0, known_empty=0, missing=1),
    )
    missing, doubtful = alerts(morning(coverage=cells))
    assert exit_code(morning(coverage=cells)) == 1
    assert (missing.level, missing.said) == (
        "missing",
        "2 cells are missing (sessions: 2, from 2026-09-21 to 2026-09-22)",
    )
    assert "backfill --dataset daily_bar --first 2026-09-21 --last 2026-09-22`" in missing.todo
    assert (doubtful.level, doubtful.said) == (
        "doubtful",
        "1 cells are stored and not proved (sessions: 1, from 2026-09-21 to 2026-09-21)",
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"coverage": (WHOLE[0], replace(WHOLE[1], loaded=0, unproven_empty=1))}, "asked for in vain"),
        ({"refused": (Refused("daily_bar", "limit", 3, NOW),)}, "3 rows wait in quarantine (limit)"),
        ({"runs": (RUN,)}, "KIS is away"),
    ],
)
def test_what_may_be_wrong_is_1(changes, said):
    """A cell that nothing proves, a row in quarantine and a last load that failed are doubts."""
    (found,) = alerts(morning(**changes))
    assert (found.level, exit_code(morning(**changes))) == ("doubtful", 1)
    assert said in found.said


def test_a_newest_session_of_which_nothing_came_is_said_apart():
    """Somebody forgot to start its DAG, or the source was away all day."""
    cells = (WHOLE[0], replace(WHOLE[1], loaded=0, known_empty=0, missing=2))
    found = alerts(morning(coverage=cells))
    assert [one.kind for one in found] == ["missing", "nothing_came"]
    assert found[1].said == "nothing of the newest session, 2026-09-22, came"


@pytest.mark.parametrize(("part", "expected"), [("coverage", 2), ("quarantine", 2), ("runs", 2), ("fields", 0)])
def test_a_part_that_could_not_be_read_is_no_good_news(part, expected):
    """Without cells, quarantine or loads nobody can tell; an unknown field alone never made data wrong."""
    found = replace(morning(), untold={part: "it took too long"})
    assert exit_code(found) == expected
    assert [(one.level, one.about, one.said) for one in alerts(found)] == [("note", part, "it took too long")]
    assert exit_code(replace(found, stored=replace(STORED, runs=(RUN,)))) == 1


def test_cells_that_could_not_be_counted_are_not_called_an_empty_warehouse():
    """Nothing is known of them."""
    found = replace(morning(coverage=()), untold={"coverage": "it took too long"})
    assert [one.kind for one in alerts(found)] == ["untold"]


def test_each_kind_has_its_figures_for_programs():
    """Beside the sentence, so that another language or a program can say it in its own words."""
    (found,) = alerts(morning(refused=(Refused("daily_bar", "limit", 3, NOW),)))
    assert (found.kind, found.values) == ("refused", {"rows": 3, "check": "limit"})


def test_a_failure_that_a_later_load_made_good_is_none():
    """Only the last load of a dataset counts."""
    assert alerts(morning(runs=(replace(RUN, is_last=False),))) == []


@pytest.mark.parametrize(("loads", "said"), [(0, "nothing was ever loaded"), (3, "no load has succeeded")])
def test_an_empty_warehouse_is_1_and_says_why(loads, said):
    """Nothing is expected of it, and so nothing is there."""
    empty = morning(coverage=(), loads=loads)
    (found,) = alerts(empty)
    assert (found.level, exit_code(empty)) == ("missing", 1)
    assert said in found.said
    assert "data-pipeline run" in found.todo


def test_a_warehouse_that_does_not_answer_is_2():
    """Nobody can tell, and the reason is passed on."""
    away = Morning(now=NOW, stored=None, keys=None, untold={"warehouse": "it cannot be reached"})
    assert exit_code(away) == 2
    assert [(one.about, one.said) for one in alerts(away)] == [("warehouse", "it cannot be reached")]


def test_keys_in_trouble_are_notes_and_leave_the_data_true():
    """An open breaker, a budget that was slowed down and fewer than a twentieth of 10,000 calls."""
    keys = Keys(
        budgets=(Budget("1a2b3c4d", 9.0, 0.1, 0.0, 70, "half the rate for 40 s more"),),
        breakers=(Breaker("kis", "OPEN", 5, 42.0), Breaker("krx", "CLOSED", 0, 0.0)),
        krx_calls_left=499,
        krx_calls=10_000,
    )
    found = Morning(now=NOW, stored=STORED, keys=keys)
    assert [(one.level, one.about) for one in alerts(found)] == [("note", "kis"), ("note", "quota"), ("note", "krx")]
    assert "calls pass again in 42 s" in alerts(found)[0].said
    assert exit_code(found) == 0
    assert alerts(replace(found, keys=Keys(krx_calls_left=500, krx_calls=10_000))) == []


def test_differences_and_new_fields_are_notes_after_what_is_missing():
    """The official figures stand, so the data is true; the gravest comes first."""
    found = morning(
        coverage=(replace(WHOLE[0], loaded=0, missing=2),),
        differences=(Difference(TUESDAY, "volume", rows=5, unexplained=2), Difference(TUESDAY, "close", 1, 0)),
        new_fields=tuple(NewField(f"price.field_{one}", 1, ("price_snapshot",), NOW, "kis") for one in range(7)),
    )
    assert [one.level for one in alerts(found)] == ["missing", "note", "note"]
    assert alerts(found)[1].said.startswith("2 figures of KRX differ")
    assert alerts(found)[2].said.endswith(
        "7, the newest price.field_0, price.field_1, price.field_2, price.field_3, price.field_4"
    )
