"""Alerts people at once of a cluster that may be left, which costs money until someone acts.

The variable `OPERATOR_BENCHMARK_ALERTS` names the channels, a JSON list like `notify` of a nightly
study: `[{"channel": "webhook", "connection": "benchmark_alerts"}]`. Without it, the red run is the
only sign.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.regression.settings import Channel

VARIABLE = "OPERATOR_BENCHMARK_ALERTS"


def channels() -> tuple[Channel, ...]:
    """The channels to alert; StudyError when the variable is not a list of channels."""
    from pydantic import TypeAdapter, ValidationError

    from include.errors import StudyError, problems
    from include.regression.settings import Channel

    text = os.environ.get(VARIABLE, "").strip() or "[]"
    try:
        return TypeAdapter(tuple[Channel, ...]).validate_json(text)
    except ValidationError as err:
        complaint = "; ".join(f"{each.place or 'all'}: {each.message}" for each in problems(err))
        example = '[{"channel": "webhook", "connection": "benchmark_alerts"}]'
        raise StudyError(f"{VARIABLE} must be as {example}: {complaint}") from err


def alarm(context: Context) -> None:
    """Alert every channel: `on_failure_callback` of a task that removes clusters.

    NotificationError, which Airflow logs, when a channel failed; the others are still alerted.
    """
    from plugins.notifications import NotificationError, alarm_of, deliver

    ti = context["ti"]
    message = alarm_of(
        context.get("exception"), dag_id=ti.dag_id, task_id=ti.task_id, run_id=ti.run_id
    )
    problems = [deliver(channel, message, context) for channel in channels()]
    if failed := [problem for problem in problems if problem]:
        raise NotificationError("not delivered: " + "; ".join(failed))
