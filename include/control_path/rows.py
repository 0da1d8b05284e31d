"""The raw data: one row per job, and the CSV file that they are kept in."""

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


class Run(Model):
    """One job of no length. Seconds, None where it did not come to that.

    Without prefix: arrival of the watch's event in this study's process, since the answer to the
    creation. `api_`: the API server's stamps, cut off to whole seconds, since `creationTimestamp`.
    """

    arm: str
    k8s_operator: str
    operator_version: str
    client_qps: Positive | None  # None: there is no controller of its own
    client_burst: Positive | None
    queue_qps: Positive | None  # None: it has no such limit for all events
    queue_burst: Positive | None
    control_plane_qps: Positive
    cluster_nodes: Positive
    nodes: Positive
    repeat: Positive
    started_at: AwareDatetime
    status: Status
    error: str | None = None
    pods: int = 0  # different pods seen
    pods_lost: int = 0  # seen and gone before the end was asked for, or never run
    pods_created_s: float | None = None
    pods_scheduled_s: float | None = None
    pods_running_s: float | None = None
    released_s: float | None = None  # the end of the job's pods was asked for
    pods_ended_s: float | None = None  # the last of them was seen ended
    terminal_s: float | None = None
    delete_s: float | None = None  # deletion was asked for
    gone_s: float | None = None  # the resource and the last pod were gone
    api_pods_created_s: float | None = None
    api_pods_scheduled_s: float | None = None
    api_pods_running_s: float | None = None
    api_terminal_s: float | None = None
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
    peak_operator_mib: float | None = None
    peak_controller_manager_mib: float = 0.0
    peak_scheduler_mib: float = 0.0
    peak_api_server_mib: float = 0.0

    @property
    def cell(self) -> tuple[str, int, int]:
        """Runs of one cell and repeat are the same measurement."""
        return (self.arm, self.nodes, self.repeat)


class RequestCount(Model):
    """The number of requests of one kind that one party sent during one job."""

    arm: str
    nodes: Positive
    repeat: Positive
    party: str
    verb: str
    resource: str
    count: Positive


def write(path: Path, rows: Iterable[Model], kind: type[Model]) -> None:
    """Replace the file by one with these rows, whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(kind.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.to_json() for row in rows)
    write_whole(path, text.getvalue())


def read(path: Path, kind: type[Row]) -> list[Row]:
    """The rows of a file, none when there is none; BenchmarkError when it is no such file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        values = [{k: v or None for k, v in row.items()} for row in csv.DictReader(file)]
    try:
        return [kind.model_validate(row) for row in values]
    except ValidationError as err:
        first = problems(err)[0]
        raise BenchmarkError(f"{path} cannot be read: {first.place}: {first.message}") from err
