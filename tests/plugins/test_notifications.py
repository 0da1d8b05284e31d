"""Notifications: one message with the evidence, no secret, and an end to every wait."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from include.regression.nightly import Published
from include.regression.settings import Channel
from plugins import notifications
from plugins.notifications import NotificationError, WebhookNotifier, message_of, notifier_of
from tests.regression.alerts import ALERT
from tests.webhook import serving

PUBLISHED = Published(
    series="nightly",
    night="2026-01-23",
    news=(ALERT,),
    suspects=("suspect x",),
    no_data=(),
    message="regression: mpi_operator +5.1 %",
)
MESSAGE = notifications.Message(title="a title", text="a text")


@pytest.fixture
def connection(monkeypatch):
    """Sets the host and the password of every connection."""
    found = SimpleNamespace(host="", password=None)
    monkeypatch.setattr(notifications.BaseHook, "get_connection", lambda _name: found)
    return found


@pytest.fixture
def webhook():
    with serving() as server:
        yield server


def test_the_message_has_the_evidence_and_a_link_to_the_run():
    found = message_of(PUBLISHED, dag_id="nightly_regression", run_id="a+b")
    assert found.title == "nightly, night 2026-01-23: regression"
    assert "+5.1 %" in found.text
    assert "suspect x" in found.text
    assert found.text.endswith("/dags/nightly_regression/runs/a%2Bb")


@pytest.mark.sockets
def test_a_webhook_gets_the_text_and_the_token_where_its_address_wants_it(webhook, connection):
    connection.host = f"http://127.0.0.1:{webhook.server_port}/services/{{token}}"
    connection.password = "T0/B0"  # noqa: S105  made up
    WebhookNotifier(connection="hook", message=MESSAGE)({})
    connection.host = f"http://127.0.0.1:{webhook.server_port}/plain"
    WebhookNotifier(connection="hook", message=MESSAGE)({})
    assert webhook.got == [
        ("/services/T0/B0", None, {"text": "*a title*\na text"}),
        ("/plain", "Bearer T0/B0", {"text": "*a title*\na text"}),
    ]


@pytest.mark.sockets
@pytest.mark.parametrize("status", [500, 404, 302])
def test_an_answer_that_is_no_success_is_an_error_without_the_address(webhook, connection, status):
    webhook.answer = status
    connection.host = f"http://127.0.0.1:{webhook.server_port}/secret"
    with pytest.raises(NotificationError) as caught:
        WebhookNotifier(connection="hook", message=MESSAGE).notify({})
    assert str(caught.value) == f"connection hook: HTTP {status}"


def test_a_server_that_does_not_answer_is_given_up_without_its_address(connection, monkeypatch):
    given = {}

    def post(address, **options):
        given.update(options)
        raise notifications.requests.ReadTimeout(address)

    monkeypatch.setattr(notifications.requests, "post", post)
    connection.host = "https://hooks.example.org/secret"
    with pytest.raises(NotificationError, match="^connection hook: ReadTimeout$") as caught:
        WebhookNotifier(connection="hook", message=MESSAGE).notify({})
    assert given["timeout"] == notifications.TIME_LIMIT_S
    assert caught.value.__cause__ is None


def test_a_connection_without_an_address_says_what_to_enter(connection):
    connection.host = "file:///etc/passwd"
    with pytest.raises(NotificationError, match="host must be the webhook's whole address"):
        WebhookNotifier(connection="hook", message=MESSAGE).notify({})


def test_mail_goes_through_the_provider_and_its_text_is_no_template():
    channel = Channel(channel="smtp", connection="mail", to=("team@example.org",))
    text = notifications.Message(title="{{ var }}", text="<b> {{ conn.x.password }}")
    found = notifier_of(channel, text)
    assert type(found).__name__ == "SmtpNotifier"
    assert found.subject == "{% raw %}{{ var }}{% endraw %}"
    assert "&lt;b&gt; {{ conn.x.password }}" in found.html_content


def test_slack_without_its_provider_is_a_webhook():
    found = notifier_of(Channel(channel="slack", connection="chat"), MESSAGE)
    assert isinstance(found, WebhookNotifier)
