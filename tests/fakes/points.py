"""Runs no job: gives the record that the fake cluster's options ask for."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from include import applications
from include.errors import ClusterError
from include.models import Status
from tests.records import record

OF_THE_FAKE_CLUSTER = {
    "application": "fake_application",
    "cluster": "fake",
    "image": "fake",
    "operator_version": "1",
    "kubernetes_version": "v1.99.0",
    "code_version": "fake",
    "deleted_at": datetime(2026, 1, 1, tzinfo=UTC),
}


def record_of(point, *, status=Status.VALID, **more):
    """A record of the point; a failed one has an error."""
    error = None if status is Status.VALID else f"the fake job was told to be {status.value}"
    copied = point.model_dump(exclude={"points_in_study", "workers"})
    times = {"loop_time_s": 1.25, "launcher_time_s": 1.5} if status is Status.VALID else {}
    figures = applications.load("fake_application").figures
    told = {"declared": figures, "ranks": point.ranks, "status": status, "error": error}
    return record(**OF_THE_FAKE_CLUSTER | copied | times | told | more)


def run_point(point, setting):
    """Stores and returns a record; raises for a point that is to `crash`, `crash_once`."""
    relative = f"points/{point.point_id}/record.json"
    if (earlier := setting.results.record(point.point_id)) and earlier.status is Status.VALID:
        return earlier
    asked = setting.kube.options.points.get(str(point.order_index), "valid")
    setting.kube.note(f"point {point.order_index}")
    tries = setting.kube.lines().count(f"point {point.order_index}")
    if asked == "crash" or (asked == "crash_once" and tries == 1):
        raise ClusterError("no answer from the fake API server")
    if asked.startswith("sleep"):
        time.sleep(float(asked.split()[1]))
    status = Status(asked) if asked in list(Status) else Status.VALID
    attempt = earlier.attempt + 1 if earlier else 1
    measured = record_of(point, status=status, attempt=attempt)
    for name in ("job.log", "manifest.yaml", "events.json"):
        setting.results.write_text(f"points/{point.point_id}/{name}", f"{name} of {point}")
    setting.results.write_json(relative, measured.to_json())
    return measured
