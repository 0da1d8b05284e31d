from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from include.applications import load
from include.k8s_operators import load as load_operator
from include.models import Timeline
from include.models.timeline import durations
from include.study.timeline import ObservedJob, RankPods

OPERATOR = load_operator("mpi_operator")
BASE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def at(seconds):
    return BASE + timedelta(seconds=seconds)


def pod(created="2026-01-02T03:04:05Z", scheduled=None, started=None, state="running"):
    conditions = (
        [{"type": "PodScheduled", "status": "True", "lastTransitionTime": scheduled}]
        if scheduled
        else []
    )
    statuses = [{"state": {state: {"startedAt": started}}}] if started else []
    return {
        "metadata": {"creationTimestamp": created, "labels": {}},
        "status": {"conditions": conditions, "containerStatuses": statuses},
    }


def job(**observed):
    """A job of which nothing was seen but what is given."""
    return ObservedJob(
        **{
            "resource": None,
            "pods": RankPods(pods=[], operator=OPERATOR, expected=1),
            "log_lines": [],
            "application": load("lammps"),
            "completed_at": None,
            **observed,
        }
    )


def test_differences_are_seconds_between_neighbours():
    found = durations(
        Timeline(
            created_at=at(0), pods_created_at=at(1), app_started_at=at(5.25), completed_at=at(9)
        )
    )
    assert found["create_pods_s"] == 1.0
    assert found["end_to_end_s"] == 9.0
    assert found["schedule_s"] is None
    assert found["bootstrap_s"] is None


def test_difference_may_be_negative_as_stamps_have_two_resolutions():
    found = durations(Timeline(launcher_finished_at=at(9.7), completed_at=at(9)))
    assert round(found["completion_lag_s"], 3) == -0.7


@pytest.mark.parametrize("queue", [(), ("admitted_at",)])
def test_phases_add_up_to_the_end_to_end_time(queue):
    names = (
        "created_at",
        *queue,
        "pods_created_at",
        "pods_scheduled_at",
        "pods_running_at",
        "app_started_at",
        "app_finished_at",
        "launcher_finished_at",
        "completed_at",
    )
    full = Timeline(**{name: at(place * 1.5) for place, name in enumerate(names)})
    found = durations(full)
    parts = [value for name, value in found.items() if name not in {"end_to_end_s", "delete_s"}]
    assert sum(filter(None, parts)) == found["end_to_end_s"]


def test_last_pod_counts():
    pods = [
        pod(scheduled="2026-01-02T03:04:06Z", started="2026-01-02T03:04:07Z"),
        pod(scheduled="2026-01-02T03:04:08Z", started="2026-01-02T03:04:09Z", state="terminated"),
    ]
    ranks = RankPods(pods=pods, operator=OPERATOR, expected=2)
    assert ranks.created() == at(0)
    assert ranks.condition("PodScheduled") == at(3)
    assert ranks.running() == at(4)


def test_pod_that_never_started_leaves_no_instant():
    pods = [pod(scheduled="2026-01-02T03:04:06Z", started="2026-01-02T03:04:07Z"), pod()]
    ranks = RankPods(pods=pods, operator=OPERATOR, expected=2)
    assert ranks.created() == at(0)
    assert ranks.condition("PodScheduled") is None
    assert ranks.running() is None


def test_pod_that_was_never_created_leaves_no_instant():
    assert RankPods(pods=[pod()], operator=OPERATOR, expected=2).created() is None


def test_log_stamps_bracket_launcher_and_application():
    lines = [
        (at(1), "launcher started"),
        (at(2), "LAMMPS (22 Jul 2025)"),
        (at(3), "Loop time of 1"),
        (at(4), "Total wall time: 0:00:02"),
        (at(5), "sys 0.02"),
    ]
    assert job(log_lines=lines).timeline() == Timeline(
        launcher_started_at=at(1),
        app_started_at=at(2),
        app_finished_at=at(4),
        launcher_finished_at=at(5),
    )


def test_the_launchers_own_span_of_the_application_counts_before_the_lines():
    lines = [(at(2), "LAMMPS (22 Jul 2025)"), (at(4), "Total wall time: 0:00:02")]
    times = job(log_lines=lines, app_span=(at(1.5), at(3.5))).timeline()
    assert (times.app_started_at, times.app_finished_at) == (at(1.5), at(3.5))


def test_log_that_never_reached_the_application_has_no_application_instants():
    times = job(log_lines=[(at(1), "launcher started")]).timeline()
    assert times.app_started_at is None
    assert times.app_finished_at is None


def test_job_that_was_never_created_has_an_empty_timeline():
    assert job().timeline() == Timeline()
