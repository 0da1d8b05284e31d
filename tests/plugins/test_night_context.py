"""A night is told once to each channel, and one that fails keeps it from none of the others."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowException
from upath import UPath

from include.regression.settings import Channel
from include.results import Results
from plugins import night_context, notifications
from plugins.notifications import NotificationError
from tests.plugins.test_notifications import PUBLISHED

CHANNELS = (
    Channel(channel="webhook", connection="first"),
    Channel(channel="slack", connection="chat"),
    Channel(channel="smtp", connection="mail", to=("team@example.org",)),
)


@pytest.fixture
def night(tmp_path, monkeypatch):
    """A context whose channels raise what `errors` says by connection; `told` is who got it."""
    told, errors = [], {}

    def notifier_of(channel, message):
        def send(_context):
            if (error := errors.get(channel.connection)) is not None:
                raise error
            told.append((channel.connection, message.title))

        return send

    results = Results(UPath(tmp_path))
    monkeypatch.setattr(notifications, "notifier_of", notifier_of)
    monkeypatch.setattr(night_context, "get_current_context", dict)
    monkeypatch.setattr(night_context.NightContext, "results", results)
    context = object.__new__(night_context.NightContext)
    context.ti = SimpleNamespace(dag_id="nightly_regression", run_id="run 1")
    context.settings = SimpleNamespace(notify=CHANNELS)
    results.write_json(night_context.nightly.OUTCOME, PUBLISHED.to_json())
    return SimpleNamespace(notify=context.notify, told=told, errors=errors, results=results)


def test_each_channel_is_told_once_also_when_the_task_is_run_again(night):
    night.notify()
    night.notify()
    title = "nightly, night 2026-01-23: regression"
    assert night.told == [("first", title), ("chat", title), ("mail", title)]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NotificationError("connection first: HTTP 500"), "HTTP 500"),
        (AirflowException("there is no connection first"), "there is no connection"),
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_a_channel_that_fails_is_named_and_tried_again_alone(night, error, said):
    night.errors["first"] = error
    with pytest.raises(NotificationError, match=f"not delivered: webhook first: .*{said}"):
        night.notify()
    assert [name for name, _ in night.told] == ["chat", "mail"]
    night.errors.clear()
    night.notify()
    assert [name for name, _ in night.told] == ["chat", "mail", "first"]


def test_a_night_without_news_tells_nobody(night):
    quiet = PUBLISHED.model_copy(update={"news": ()})
    night.results.write_json(night_context.nightly.OUTCOME, quiet.to_json())
    night.notify()
    assert night.told == []
