"""Notifiers for Slack, mail and Telegram, on Airflow's own hooks and connections.

``ALERT_CALLBACK`` may name one of the objects at the end, as ``data_pipeline.notifications.notifiers.to_slack``, or
one made elsewhere with other arguments. The provider of each is an extra package, needed when a message is sent.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from airflow.sdk.bases.notifier import BaseNotifier

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.notifications.sentence import failure_sentence

SUBJECT = "Korean market data: a load failed"


class FailureNotifier(BaseNotifier):
    """Tells what :func:`~data_pipeline.notifications.sentence.failure_sentence` says; subclasses send it.

    :param conn_id: The Airflow connection; empty for the usual one of its hook.
    :raises ConfigurationError: The provider is not installed. What the hook raises when it cannot send is raised
        as it is, and Airflow writes it into the task's log.
    """

    package: str
    module: str
    hook_name: str
    usual_conn_id: str

    def __init__(self, conn_id: str = "") -> None:
        super().__init__()
        self.conn_id = conn_id or self.usual_conn_id

    def notify(self, context: Any) -> None:
        """Send the sentence about a failed task."""
        self.send(self._hook_class(), failure_sentence(context))

    @abstractmethod
    def send(self, hook: Any, text: str) -> None:
        """Send a text.

        :param hook: The class of the provider's hook.
        :param text: One sentence, not marked up.
        """

    def _hook_class(self) -> Any:
        try:
            return getattr(import_module(self.module), self.hook_name)
        except ImportError as error:
            raise ConfigurationError(
                f"{type(self).__name__} needs the package {self.package} beside Airflow: {error}"
            ) from None


class SlackNotifier(FailureNotifier):
    """Sends to a Slack channel over an incoming webhook.

    :param conn_id: An Airflow connection of type ``slackwebhook``; its password is the webhook's token.
    """

    package = "apache-airflow-providers-slack"
    module = "airflow.providers.slack.hooks.slack_webhook"
    hook_name = "SlackWebhookHook"
    usual_conn_id = "slack_default"

    def send(self, hook: Any, text: str) -> None:
        """Send a text; ``&``, ``<`` and ``>`` are escaped as Slack wants them."""
        for sign, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(sign, escaped)
        hook(slack_webhook_conn_id=self.conn_id).send_text(text)


class MailNotifier(FailureNotifier):
    """Sends a mail.

    :param conn_id: An Airflow connection of type ``smtp``.
    :param to: Who gets it; empty for the connection's own ``from_email``.
    :param subject: Its subject.
    :raises ConfigurationError: Nobody is named, and the connection has no ``from_email``.
    """

    package = "apache-airflow-providers-smtp"
    module = "airflow.providers.smtp.hooks.smtp"
    hook_name = "SmtpHook"
    usual_conn_id = "smtp_default"

    def __init__(self, conn_id: str = "", to: str | Sequence[str] = (), subject: str = SUBJECT) -> None:
        super().__init__(conn_id)
        self.to, self.subject = to, subject

    def send(self, hook: Any, text: str) -> None:
        """Send a text as HTML, which is what the hook sends."""
        from html import escape

        with hook(smtp_conn_id=self.conn_id) as mail:
            to = self.to or mail.from_email
            if not to:
                raise ConfigurationError(
                    f"MailNotifier: name somebody in `to`, or set `from_email` of the connection {self.conn_id!r}"
                )
            mail.send_email_smtp(to=to, subject=self.subject, html_content=f"<p>{escape(text)}</p>")


class TelegramNotifier(FailureNotifier):
    """Sends to a Telegram chat as a bot.

    :param conn_id: An Airflow connection of type ``telegram``: its password is the bot's token, its host the chat's id.
    :param chat_id: Another chat than that.
    """

    package = "apache-airflow-providers-telegram"
    module = "airflow.providers.telegram.hooks.telegram"
    hook_name = "TelegramHook"
    usual_conn_id = "telegram_default"

    def __init__(self, conn_id: str = "", chat_id: str | None = None) -> None:
        super().__init__(conn_id)
        self.chat_id = chat_id

    def send(self, hook: Any, text: str) -> None:
        """Send a text without markup."""
        message: Mapping[str, Any] = {"text": text, "parse_mode": None}
        hook(telegram_conn_id=self.conn_id, chat_id=self.chat_id).send_message(dict(message))


to_slack, to_mail, to_telegram = SlackNotifier(), MailNotifier(), TelegramNotifier()
