"""The raw data: one row per job, and the CSV file that holds them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, TypeVar

from pydantic import AwareDatetime, ValidationError

from include.errors import BenchmarkError, problems
from include.files import write_whole
from include.models import Model, Positive, Status

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Row = TypeVar("Row", bound=Model)
RUNS = "runs.csv"
REQUESTS = "requests.csv"
BATCHES = "many_jobs.csv"


class Measured(Model):
    """Columns of every row: the arm with its limits, the cluster, and the load on it."""

    arm: str
    k8s_operator: str
    operator_version: str
    client_qps: Positive | None  # None: no controller of its own
    client_burst: Positive | None
    queue_qps: Positive | None  # None: no limit across all events
    queue_burst: Positive | None
    kueue_qps: Positive | None = None  # of Kueue's client; None: no Kueue, or not on record
    kueue_burst: Positive | None = None
    control_plane_qps: Positive
    cluster_nodes: Positive
    machine: str = "a machine that is not on record"  # rows made before it was one
    repeat: Positive
    started_at: AwareDatetime
    status: Status
    error: str | None = None
    requests_operator: int = 0
    requests_controller_manager: int = 0
    requests_scheduler: int = 0
    requests_kubelets: int = 0
    requests_others: int = 0
    cpu_operator_s: float | None = None
    cpu_controller_manager_s: float = 0.0
    cpu_scheduler_s: float = 0.0
    cpu_api_server_s: float = 0.0
    cpu_etcd_s: float = 0.0
    cpu_kwok_s: float = 0.0
    cpu_study_s: float = 0.0  # CPU of the measuring process, which shares the cores
    # Cores that the machine's other processes kept busy meanwhile, on average; None in rows that
    # were measured before this was.
    cores_elsewhere: float | None = None
    peak_operator_mib: float | None = None
    peak_controller_manager_mib: float = 0.0
    peak_scheduler_mib: float = 0.0
    peak_api_server_mib: float = 0.0


class Run(Measured):
    """One zero-length job. Times are in seconds; None where the job did not get that far.

    Without prefix: arrival of the watch event in this process, since the response to the
    creation. `api_`: the API server's timestamps (whole seconds), since `creationTimestamp`.
    """

    nodes: Positive
    pods: int = 0  # distinct pods
    pods_lost: int = 0  # pods gone before the end was requested, or never running
    admitted_s: float | None = None  # by a queue, in arms that have one
    pods_created_s: float | None = None
    pods_scheduled_s: float | None = None
    pods_running_s: float | None = None
    released_s: float | None = None  # the end of the job's pods was requested
    pods_ended_s: float | None = None  # the last pod was reported as ended
    terminal_s: float | None = None
    delete_s: float | None = None  # deletion was requested
    gone_s: float | None = None  # the resource and the last pod were gone
    api_pods_created_s: float | None = None
    api_pods_scheduled_s: float | None = None
    api_pods_running_s: float | None = None
    api_terminal_s: float | None = None

    @property
    def cell(self) -> tuple[str, int, int]:
        """The cell of the run; runs of one cell and repeat are the same measurement."""
        return (self.arm, self.nodes, self.repeat)


class Batch(Measured):
    """Many zero-length jobs, submitted together. Seconds since the response to the first creation.

    A job starts when all its pods run. It is late by the time from the end of its launcher pod
    until its resource is terminal. None where not all jobs got that far.
    """

    jobs: Positive
    nodes_per_job: Positive
    submitted_s: float | None = None  # the last creation was answered
    start_median_s: float | None = None  # from a job's own creation until all its pods run
    last_start_s: float | None = None
    late_median_s: float | None = None
    late_most_s: float | None = None
    makespan_s: float | None = None  # the last job was terminal

    @property
    def cell(self) -> tuple[str, int, int]:
        """The cell of the batch; batches of one cell and repeat are the same measurement."""
        return (self.arm, self.jobs, self.repeat)


class RequestCount(Model):
    """Number of requests of one kind that one party sent during one job."""

    arm: str
    nodes: Positive
    repeat: Positive
    party: str
    verb: str
    resource: str
    count: Positive


def write(path: Path, rows: Iterable[Model], kind: type[Model]) -> None:
    """Replace the file atomically by one with these rows."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(kind.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.to_json() for row in rows)
    write_whole(path, text.getvalue())


def read(path: Path, kind: type[Row]) -> list[Row]:
    """Rows of a file, none if it is missing; BenchmarkError when the file is invalid."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        values = [{k: v or None for k, v in row.items()} for row in csv.DictReader(file)]
    try:
        return [kind.model_validate(row) for row in values]
    except ValidationError as err:
        first = problems(err)[0]
        raise BenchmarkError(f"{path} cannot be read: {first.place}: {first.message}") from err
