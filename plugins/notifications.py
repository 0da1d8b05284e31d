"""Notifies people of a regression, or of a cluster that may be left: by mail, Slack or webhook.

Addresses and secrets are in Airflow connections; a message holds neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import requests
from airflow.sdk import BaseHook, BaseNotifier, conf
from airflow.sdk.exceptions import AirflowException

from include.errors import BenchmarkError, ClustersReaped
from include.redact import redact
from include.regression.settings import Channel, ChannelKind

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.regression.nightly import Published

REAPER = "reap"  # the task that looks for abandoned clusters
ENDED = "its process ended, or could not begin, and left no error"
TIME_LIMIT_S = 10.0  # limit for connecting, and again for the answer
TOKEN = "{token}"  # noqa: S105  placeholder for the connection's password in a webhook's address


class NotificationError(BenchmarkError):
    """A message could not be delivered; the text names the connection, never its address."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """The parts of a message."""

    title: str
    text: str


def message_of(published: Published, *, dag_id: str, run_id: str) -> Message:
    """The evidence of a night in one message, with a link to its run."""
    kinds = sorted({alert.kind.value for alert in published.news})
    lines = [published.message, *published.suspects]
    return Message(
        title=f"{published.series}, night {published.night}: {' and '.join(kinds)}",
        text=redact("\n".join([*lines, run_link(dag_id, run_id)])),
    )


def alarm_of(error: object, *, dag_id: str, task_id: str, run_id: str) -> Message:
    """An alarm that a task failed to remove a cluster: the known facts, with a link to its run."""
    return Message(
        title=f"{dag_id}: {task_id} failed; {_known(error, task_id=task_id)}",
        text=redact(f"{error or ENDED}\n{run_link(dag_id, run_id)}"),
    )


def _known(error: object, *, task_id: str) -> str:
    """The error's statement about clusters; a fault of the pipeline makes none."""
    if isinstance(error, ClustersReaped):
        return "clusters had been left, or may be, and cost money"
    if task_id == REAPER:
        return "nobody looked for clusters this time, and none is known to be left"
    return "its cluster may be left and cost money"


def run_link(dag_id: str, run_id: str) -> str:
    """Link to the page of a run."""
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return f"{base}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def deliver(channel: Channel, message: Message, context: Context) -> str | None:
    """Send it; returns None, or the reason for a failure, without any address or secret."""
    try:
        notifier_of(channel, message)(context)
    except (AirflowException, NotificationError, OSError) as err:  # smtplib's are OSErrors
        reason = err.strerror if isinstance(err, OSError) else redact(str(err))
        return f"{name_of(channel)}: {reason or type(err).__name__}"
    return None


def name_of(channel: Channel) -> str:
    """The channel in words: its kind and its connection."""
    return f"{channel.channel.value} {channel.connection}"


class WebhookNotifier(BaseNotifier):
    """Posts `{"text": …}` as JSON, which Slack's, Mattermost's and Teams' webhooks accept too.

    The connection's host is the complete address, http or https. `{token}` in it is replaced by the
    connection's password; without it the password is sent as a bearer token.
    """

    def __init__(self, *, connection: str, message: Message) -> None:
        super().__init__()
        self.connection = connection
        self.message = message

    def notify(self, context: Context) -> None:
        """Post it; NotificationError unless it is accepted within the time limit."""
        del context
        connection = BaseHook.get_connection(self.connection)
        address, password = connection.host or "", connection.password or ""
        if urlsplit(address).scheme not in {"http", "https"}:
            raise NotificationError(
                f"connection {self.connection}: its host must be the webhook's whole address, "
                "such as https://hooks.example.org/services/{token}"
            )
        has_place = TOKEN in address
        headers = {"Authorization": f"Bearer {password}"} if password and not has_place else {}
        self._post(address.replace(TOKEN, quote(password, safe="/")), headers)

    def _post(self, address: str, headers: dict[str, str]) -> None:
        body = {"text": f"*{self.message.title}*\n{self.message.text}"}
        try:
            answer = requests.post(
                address, json=body, headers=headers, timeout=TIME_LIMIT_S, allow_redirects=False
            )
        except requests.RequestException as err:  # its text holds the address
            reason = type(err).__name__
            raise NotificationError(f"connection {self.connection}: {reason}") from None
        if not answer.ok or answer.is_redirect:
            raise NotificationError(f"connection {self.connection}: HTTP {answer.status_code}")


def notifier_of(channel: Channel, message: Message) -> Any:
    """The Airflow notifier of a channel, a provider's own where one is installed."""
    if channel.channel is ChannelKind.SMTP:
        return _mail(channel, message)
    if channel.channel is ChannelKind.SLACK:
        return _slack(channel, message)
    return WebhookNotifier(connection=channel.connection, message=message)


def _mail(channel: Channel, message: Message) -> Any:
    from html import escape

    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    return SmtpNotifier(
        to=list(channel.to),
        subject=_as_is(message.title),
        html_content=_as_is(f"<pre>{escape(message.text)}</pre>"),
        smtp_conn_id=channel.connection,
    )


def _slack(channel: Channel, message: Message) -> Any:
    try:
        from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier
    except ImportError:
        return WebhookNotifier(connection=channel.connection, message=message)
    return SlackWebhookNotifier(
        slack_webhook_conn_id=channel.connection,
        text=_as_is(f"*{message.title}*\n{message.text}"),
        timeout=int(TIME_LIMIT_S),
    )


def _as_is(text: str) -> str:
    """A text that the provider's templates leave unchanged."""
    return "{% raw %}" + text.replace("{% endraw %}", "") + "{% endraw %}"
