"""How the sentence leaves: over the hooks of Airflow's providers, and to a real server where one can be had."""

from __future__ import annotations

import email
import json
import threading
from collections.abc import Iterator
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from data_pipeline.exceptions import ConfigurationError, IncompleteDataError
from data_pipeline.notifications import alert
from data_pipeline.notifications.notifiers import MailNotifier, SlackNotifier, TelegramNotifier
from tests.support.mailbox import mailbox

CONTEXT: dict[str, Any] = {
    "ti": SimpleNamespace(dag_id="daily_bars", task_id="load", map_index=-1, log_url=None),
    "task": SimpleNamespace(dataset="daily_bar", first="2026-09-22", last=None),
    "exception": IncompleteDataError("rows < cells & more are missing"),
}
SAID = "daily_bars.load (daily_bar of 2026-09-22) failed: IncompleteDataError: rows < cells & more are missing; trying"


def test_a_mail_reaches_a_real_server(environment: Any) -> None:
    """To the address of the connection when nobody is named, found by the name in ALERT_CALLBACK."""
    with mailbox() as box:
        extra = {"from_email": "desk@example.com", "disable_ssl": True, "disable_tls": True}
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": box.port, "extra": extra}
        environment(
            AIRFLOW_CONN_SMTP_DEFAULT=json.dumps(connection),
            ALERT_CALLBACK="data_pipeline.notifications.notifiers.to_mail",
        )
        alert(CONTEXT)
    ((recipients, text),) = box.mails
    mail = email.message_from_string(text, policy=default)
    assert (recipients, mail["Subject"]) == (["desk@example.com"], "Korean market data: a load failed")
    part = mail.get_body(("html",))
    assert part is not None
    assert "IncompleteDataError: rows &lt; cells &amp; more are missing" in part.get_content()


def test_a_mail_to_nobody_is_refused_in_a_sentence(environment: Any) -> None:
    """Without a recipient and without a sender."""
    with mailbox() as box:
        extra = {"disable_ssl": True, "disable_tls": True}
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": box.port, "extra": extra}
        environment(AIRFLOW_CONN_SMTP_DEFAULT=json.dumps(connection))
        with pytest.raises(ConfigurationError, match="name somebody in `to`"):
            MailNotifier()(dict(CONTEXT))
    assert box.mails == []


@pytest.fixture
def heard() -> Iterator[tuple[str, list[str]]]:
    """A web server, and the bodies that it was sent."""
    bodies: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}", bodies
        finally:
            server.shutdown()
            thread.join()


def test_slack_is_told_over_its_webhook(environment: Any, heard: tuple[str, list[str]]) -> None:
    """With the three signs escaped that Slack reads as markup."""
    pytest.importorskip("airflow.providers.slack")
    address, bodies = heard
    connection = {"conn_type": "slackwebhook", "host": f"http://{address}/services", "password": "T0/B0/token"}
    environment(AIRFLOW_CONN_SLACK_DEFAULT=json.dumps(connection))
    SlackNotifier()(dict(CONTEXT))
    assert json.loads(bodies[0])["text"].startswith(SAID.replace("&", "&amp;").replace("<", "&lt;"))


def test_telegram_is_told_without_markup() -> None:
    """The hook sends HTML unless told otherwise, and would refuse a text with a lone sign."""
    told: list[Any] = []

    class Hook:
        def __init__(self, **arguments: Any) -> None:
            told.append(arguments)

        def send_message(self, message: dict[str, Any]) -> None:
            told.append(message)

    TelegramNotifier(chat_id="-1").send(Hook, "rows < cells")
    assert told == [
        {"telegram_conn_id": "telegram_default", "chat_id": "-1"},
        {"text": "rows < cells", "parse_mode": None},
    ]


def test_a_provider_that_is_not_installed_is_named() -> None:
    """Not before a message is sent: the package works without all of them."""

    class Elsewhere(SlackNotifier):
        module = "airflow.providers.nowhere"

    with pytest.raises(ConfigurationError, match="Elsewhere needs the package apache-airflow-providers-slack"):
        Elsewhere()(dict(CONTEXT))
