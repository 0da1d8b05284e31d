"""The Airflow operator that asks: only when the study wants it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.providers.standard.operators import hitl
from airflow.sdk.exceptions import TaskAwaitingInput

from plugins.approval import AskWhenWanted


@pytest.fixture
def asked(monkeypatch):
    """What was asked, instead of the request to Airflow's API."""
    requests = []
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **request: requests.append(request))
    return requests


def operator():
    return AskWhenWanted(
        task_id="approve", subject="Run 4 points?", response_timeout=timedelta(hours=1)
    )


def test_a_study_that_wants_no_approval_goes_on_at_once(ti, asked):
    context = {"ti": ti, "task_instance": ti}
    assert operator().execute(context) is None
    assert asked == []


def test_a_study_that_wants_approval_waits_for_one_of_two_answers(ti, asked):
    ti.xcoms["plan"]["ask_approval"] = True
    context = {"ti": ti, "task_instance": ti}
    with pytest.raises(TaskAwaitingInput):
        operator().execute(context)
    (request,) = asked
    assert request["options"] == ["Approve", "Reject"]
    assert request["subject"] == "Run 4 points?"
    assert request["defaults"] is None  # silence is no approval
