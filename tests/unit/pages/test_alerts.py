"""How alerts look on the page."""

from data_pipeline.morning.facts import Alert
from data_pipeline.morning.verdict import DOUBTFUL, MISSING, NOTE
from data_pipeline.morning.words import SAID, TODO
from data_pipeline.pages.alerts import LINKS, shown_alerts
from data_pipeline.pages.render import HERE

WITHOUT_PANEL = {"untold", "nothing_loaded", "nothing_expected"}
"""What the whole page is about."""


def test_an_alert_is_painted_by_its_level_and_leads_to_its_panel():
    """In the order in which they came; its figures are those of the sentence."""
    found = shown_alerts(
        Alert(level, "daily_bar", kind, {"rows": 3}, "", "")
        for level, kind in ((MISSING, "missing"), (DOUBTFUL, "refused"), (NOTE, "untold"))
    )
    assert [(one.weight, one.key, one.link) for one in found] == [
        ("bad", "alert_missing", "#missing"), ("warn", "alert_refused", "#quarantine"), ("note", "alert_untold", ""),
    ]  # fmt: skip
    assert {one.about for one in found} == {"daily_bar"}
    assert found[0].values == {"rows": 3}


def test_each_kind_says_what_to_do_and_has_its_place():
    """A kind that somebody adds has to say where more of it stands, and the page has to have that place."""
    assert SAID.keys() == TODO.keys() == LINKS.keys() | WITHOUT_PANEL
    html = (HERE / "templates" / "morning.html").read_text("utf-8")
    assert {link for link in LINKS.values() if f'panel("{link[1:]}"' not in html} == set()
