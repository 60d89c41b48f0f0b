"""Who may do what, over every route that there is; what comes from outside is text on every page."""

import random
from datetime import datetime
from html.parser import HTMLParser

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from data_pipeline.loading.stream.lines import beat
from data_pipeline.market.clock import SEOUL
from data_pipeline.market.stream_records import Heartbeat
from data_pipeline.pages.buttons import HEAL, RETRY
from data_pipeline.pages.form_token import form_token
from data_pipeline.pages.gate import Started
from tests.support.database import copied
from tests.support.pages import WALL, Guard, application, pages, room_of
from tests.support.pages_warehouse import BAR, FAIL, HISTORY, INSTRUMENT, REFUSED, RUN, fill

NAMES = 300
WHEN = datetime(2026, 9, 18, 10, 0, tzinfo=SEOUL)
PIECES = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '" onmouseover="alert(1)', "' autofocus onfocus='x",
    "</title><svg onload=alert(1)>", "{{ 7 * 7 }}", "{% raw %}", "javascript:alert(1)", "&lt;b&gt;", "<!--", "-->",
    "</textarea>", "</td></tr></table>", "\u202e", "\x7f", "]]>", "<a href=//x>", "`", "\\", "%0d%0aSet-Cookie: a=b",
)  # fmt: skip


def routes():
    """Every route of the application and each of its methods."""
    app = application(Guard(), room_of("postgresql://nobody@nowhere/none", "2026-09-18T21:00"))
    return [
        (method, route.path) for route in app.routes if isinstance(route, APIRoute) for method in sorted(route.methods)
    ]


def test_there_are_routes_and_no_others():
    """No description of the API, and no route that the two lists below would not walk."""
    assert {path for _, path in routes()} == {
        "/", "/cell", "/instrument", "/search", "/heal", "/retry", "/live", "/pages.css", "/pages.js",
    }  # fmt: skip


@pytest.mark.parametrize(("method", "path"), routes())
def test_a_stranger_gets_nothing(method, path, room):
    """Neither pages nor files nor buttons: 401, and 403 for a user without the right."""
    with TestClient(pages(Guard(), room)) as browser:
        assert browser.request(method, path).status_code == 401
        assert browser.request(method, path, headers={"x-user": "nobody"}).status_code == 403


@pytest.mark.parametrize("path", [path for method, path in routes() if method == "POST"])
def test_a_viewer_starts_nothing(path, guard, room):
    """Even with a form that is right in everything else; the page has no button for them."""
    name = {"/heal": HEAL, "/retry": RETRY}[path]
    with TestClient(pages(guard, room, lambda: WALL), headers={"x-user": "viewer"}) as browser:
        token = form_token(guard.secret(), "viewer", name, WALL)
        assert browser.post(path, data={"token": token, "dataset": "daily_bar", "check": "limit"}).status_code == 403
        html = browser.get("/").text
    assert "<button" not in html.replace("<button>Search</button>", "")
    assert "You may look, and not start DAGs." in html
    assert guard.started == []


def test_who_may_heal_heals(browser, guard):
    """The form of the page starts the DAG as its user, and the answer leads to the run."""
    token = browser.get("/").text.partition('action="heal"')[2].partition('name="token" value="')[2].partition('"')[0]
    answer = browser.post("/heal", data={"token": token})
    assert answer.status_code == 200
    assert guard.started == [("kim", "heal_gaps", {})]
    assert 'href="../dags/heal_gaps/runs/manual__1"' in answer.text


@pytest.mark.parametrize("path", ["/", "/cell?dataset=daily_bar&session=2026-09-15"])
def test_a_page_that_many_share_has_each_viewers_own_forms(guard, room, path):
    """Drawn once for two who may heal, with each one's own token; who may only look gets neither."""
    with TestClient(pages(guard, room, lambda: WALL)) as browser:
        kim, lee, viewer = (browser.get(path, headers={"x-user": user}).text for user in ("kim", "lee", "viewer"))
    tokens = [form_token(guard.secret(), user, HEAL, WALL) for user in ("kim", "lee")]
    assert [[token in page for token in tokens] for page in (kim, lee, viewer)] == [
        [True, False], [False, True], [False, False],
    ]  # fmt: skip
    assert kim.replace(*tokens).count(tokens[1]) == lee.count(tokens[1]) == 1


def test_who_may_retry_retries_the_rows_of_one_check(browser, guard):
    """The rows go by their numbers; a check without any is said so."""
    token = form_token(guard.secret(), "kim", RETRY, WALL)
    assert browser.post("/retry", data={"token": token, "dataset": "daily_bar", "check": "limit"}).status_code == 200
    assert guard.started == [("kim", "retry_quarantine", {"rejected_ids": [1]})]
    assert browser.post("/retry", data={"token": token, "dataset": "daily_bar", "check": "tick"}).status_code == 404
    assert len(guard.started) == 1


@pytest.mark.parametrize(
    ("headers", "change"),
    [
        ({}, ""),
        ({}, "0" * 64),
        ({"sec-fetch-site": "cross-site"}, None),
        ({"sec-fetch-site": "same-site"}, None),
        ({"content-type": "text/plain"}, None),
    ],
)
def test_another_site_starts_nothing(browser, guard, headers, change):
    """Without the token of our own page, from elsewhere, or as a body that a form of elsewhere can send."""
    token = form_token(guard.secret(), "kim", HEAL, WALL) if change is None else change
    given = {"content-type": "application/x-www-form-urlencoded", **headers}
    answer = browser.post("/heal", content=f"token={token}", headers=given)
    assert answer.status_code == 403
    assert guard.started == []


def test_a_form_that_is_too_large_is_refused(browser, guard):
    """Nothing of it is read to its end."""
    assert browser.post("/heal", content=b"token=" + b"x" * 5000).status_code == 413
    assert guard.started == []


@pytest.mark.parametrize("status", [400, 404, 409])
def test_what_airflow_refuses_is_said(room, status):
    """With its status and its words."""
    guard = Guard(Started(status, "heal_gaps", said="Dag is <b>not</b> there"))
    with TestClient(pages(guard, room, lambda: WALL), headers={"x-user": "kim"}) as browser:
        token = form_token(guard.secret(), "kim", HEAL, WALL)
        answer = browser.post("/heal", data={"token": token})
    assert answer.status_code == status
    assert "Dag is &lt;b&gt;not&lt;/b&gt; there" in answer.text


class Elements(HTMLParser):
    """Every element and attribute of a page, and its text."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.elements, self.attributes, self.text = set(), set(), []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.attributes |= {(name, (value or "").strip().lower().partition(":")[0]) for name, value in attrs}
        self.attributes |= {("any", name) for name, _ in attrs}

    def handle_data(self, data):
        self.text.append(data)


def hostile():
    """Three hundred names, each unlike the others."""
    draw = random.Random(17)
    return [f"{number} " + "".join(draw.choices(PIECES, k=2)) for number in range(NAMES)]


def code_of(number):
    """The code of one of them."""
    return f"9{number:05d}"


@pytest.fixture(scope="module")
def spoilt(server):
    """A warehouse whose every text from outside is markup."""
    with copied(server) as database:
        with database.connect("owner") as connection, connection, connection.cursor() as cursor:
            fill(cursor, name=PIECES[0], error=PIECES[1] * 3, reason=f"limit: {PIECES[4]}")
            for number, name in enumerate(hostile()):
                cursor.execute(INSTRUMENT, (code_of(number), name))
                cursor.execute(HISTORY, (code_of(number), "2026-09-10", "2026-09-14", name + " once"))
                cursor.execute(BAR, (code_of(number), "2026-09-18", 100, 0))
                cursor.execute(REFUSED, (code_of(number), None, f"{name}: {name}"))
            cursor.execute(RUN, (PIECES[2], '{"<script>alert(2)</script>": 1}'))
            cursor.execute(FAIL)
            line = Heartbeat(PIECES[0], PIECES[2], WHEN, 0.1, 0, PIECES[1], (PIECES[3],), 1, (PIECES[4],), 1)
            beat(connection, line)
        yield database


@pytest.fixture(scope="module")
def looked(spoilt):
    """Gives the elements of a page of it."""
    room = room_of(spoilt.url("reader"), "2026-09-18T21:00")
    with TestClient(pages(Guard(), room, lambda: WALL), headers={"x-user": "kim"}) as browser:
        yield lambda address: Elements(browser.get(address).text)
    room.readers.close()


OWN = {
    "html", "head", "meta", "title", "link", "script", "body", "a", "header", "nav", "form", "input", "label", "button",
    "main", "div", "p", "h1", "h2", "h3", "ul", "ol", "li", "span", "section", "table", "thead", "tbody", "tfoot", "tr",
    "th", "td", "time", "strong", "br", "dl", "dt", "dd", "code", "meter", "svg", "path", "rect", "figure", "i",
    "details", "summary",
}  # fmt: skip


def harmless(page):
    """No element and no attribute that a text brought along."""
    handlers = {name for kind, name in page.attributes if kind == "any" and name.startswith("on")}
    schemes = {value for name, value in page.attributes if name in ("href", "src", "action")} & {"javascript", "data"}
    return page.elements - OWN, handlers, schemes


@pytest.mark.parametrize("address", ["/", "/?lang=ko", "/cell?dataset=daily_bar&session=2026-09-16"])
def test_markup_in_errors_reasons_and_fields_is_text(looked, address):
    """Whatever a vendor, an error or a check wrote."""
    page = looked(address)
    assert harmless(page) == (set(), set(), set())
    assert PIECES[0] in " ".join(page.text)


def test_three_hundred_names_are_text(looked):
    """Each in the answers of a search; every twentieth on its own page, in the title too."""
    names = hostile()
    for ten in range(0, NAMES, 10):
        page = looked(f"/search?text={code_of(ten)[:5]}")
        assert harmless(page) == (set(), set(), set())
        shown = "\n".join(page.text)
        assert all(name in shown for name in names[ten : ten + 10])
    for number in range(0, NAMES, 20):
        page = looked(f"/instrument?code={code_of(number)}&range=3m")
        assert harmless(page) == (set(), set(), set()), names[number]
        assert any(names[number] in text for text in page.text), names[number]


def test_what_is_searched_for_is_text(looked):
    """It is repeated on the page."""
    for piece in PIECES:
        page = looked("/search?text=" + "".join(f"%{byte:02x}" for byte in piece.encode()))
        assert harmless(page) == (set(), set(), set()), piece
