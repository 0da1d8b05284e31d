"""A cluster that may be left is told of at once, to every channel that the installation names."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from include.errors import ClustersReaped, StudyError, TeardownError
from plugins import alarm, notifications
from plugins.notifications import NotificationError

CONTEXT = {
    "ti": SimpleNamespace(dag_id="reap_clusters", task_id="reap", run_id="a+b"),
    "exception": ClustersReaped("stack x in us-east-2: deleted, token=ghp_" + "a" * 36),
}
TWO = """[{"channel": "webhook", "connection": "first"},
          {"channel": "slack", "connection": "second"}]"""


@pytest.fixture
def told(monkeypatch):
    """What reached whom; a connection in `told.broken` takes nothing."""
    found = SimpleNamespace(messages=[], broken=set())

    def notifier_of(channel, message):
        def notify(context):
            if channel.connection in found.broken:
                raise NotificationError(f"connection {channel.connection}: HTTP 500")
            found.messages.append((channel.connection, message))

        return notify

    monkeypatch.setattr(notifications, "notifier_of", notifier_of)
    return found


def test_every_channel_is_told_what_failed_why_and_where_without_secrets(told, monkeypatch):
    monkeypatch.setenv(alarm.VARIABLE, TWO)
    alarm.alarm(CONTEXT)
    assert [name for name, _ in told.messages] == ["first", "second"]
    message = told.messages[0][1]
    assert message.title == (
        "reap_clusters: reap failed; clusters had been left, or may be, and cost money"
    )
    assert "stack x in us-east-2: deleted" in message.text
    assert message.text.endswith("/dags/reap_clusters/runs/a%2Bb")
    assert "ghp_" not in message.text


def test_a_channel_that_fails_keeps_it_from_no_other_and_is_named(told, monkeypatch):
    monkeypatch.setenv(alarm.VARIABLE, TWO)
    told.broken = {"first"}
    with pytest.raises(NotificationError, match="^not delivered: webhook first: .*HTTP 500$"):
        alarm.alarm(CONTEXT)
    assert [name for name, _ in told.messages] == ["second"]


def test_a_task_whose_process_was_ended_is_told_of_too(told, monkeypatch):
    monkeypatch.setenv(alarm.VARIABLE, TWO)
    alarm.alarm({"ti": CONTEXT["ti"]})
    assert told.messages[0][1].text.startswith("its process ended, or could not begin")


def test_a_fault_of_the_pipeline_is_not_told_as_a_cluster_that_may_be_left(told, monkeypatch):
    monkeypatch.setenv(alarm.VARIABLE, TWO)
    alarm.alarm({**CONTEXT, "exception": ConnectionError("Connection refused")})
    alarm.alarm({"ti": CONTEXT["ti"]})
    for _, message in told.messages:
        assert message.title == (
            "reap_clusters: reap failed; "
            "nobody looked for clusters this time, and none is known to be left"
        )


@pytest.mark.parametrize("error", [TeardownError("a pod stays"), None])
def test_a_study_that_could_not_remove_its_cluster_says_that_it_may_be_left(
    told, monkeypatch, error
):
    monkeypatch.setenv(alarm.VARIABLE, TWO)
    ti = SimpleNamespace(dag_id="operator_benchmark", task_id="destroy", run_id="r")
    alarm.alarm({"ti": ti, "exception": error})
    assert "its cluster may be left and cost money" in told.messages[0][1].title


@pytest.mark.parametrize("text", [None, "", " "])
def test_without_the_setting_nobody_is_told(told, monkeypatch, text):
    monkeypatch.delenv(alarm.VARIABLE, raising=False)
    if text is not None:
        monkeypatch.setenv(alarm.VARIABLE, text)
    alarm.alarm(CONTEXT)
    assert told.messages == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("webhook", "Invalid JSON"),
        ('{"channel": "webhook"}', "valid array"),
        ('[{"channel": "pigeon", "connection": "x"}]', "0.channel: Input should be 'webhook'"),
        ('[{"channel": "webhook", "conection": "x"}]', "0.connection: Field required"),
    ],
)
def test_a_wrong_setting_is_refused_with_an_example(monkeypatch, text, words):
    monkeypatch.setenv(alarm.VARIABLE, text)
    with pytest.raises(StudyError, match=f"OPERATOR_BENCHMARK_ALERTS must be as .*{words}"):
        alarm.channels()
