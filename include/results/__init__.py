"""The folder of a study's results, in a directory or an object store."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol, Self, TypeVar, cast

from pydantic import ValidationError

from include.errors import ParseError, problems
from include.files import write_whole
from include.models import ClusterHandle, Model, Plan, Record, StudyOrigin

if TYPE_CHECKING:
    from collections.abc import Iterator


CONFIRMATION_FOLDER = "confirmation"  # a nightly study's confirmation, laid out like a study
PLAN = "plan.json"
STUDY = "study.json"
CLUSTER = "cluster.json"  # the handle
ORIGIN = "run.json"  # the study's run of Airflow
NODES = "nodes.json"  # paid nodes, and since when
COST = "cost.json"  # the ledger
PREFLIGHT = "preflight.json"  # what was looked at before anything was created, and the estimate
RECORD = "record.json"
READERS = 16  # files read at a time: an object store answers each request in about 0.05 s
_POINTS = "points"


class Location(Protocol):
    """The part of a path's interface in use: `pathlib`, `upath` and Airflow's paths all fit."""

    def __truediv__(self, other: str, /) -> Self:
        """The path below this one."""

    def exists(self) -> bool:
        """True if there is a file."""

    def glob(self, pattern: str, /) -> Iterator[Self]:
        """Paths below this one that match."""

    def open(self, mode: Literal["rb"], /) -> BinaryIO:
        """The file, to be read piece by piece."""

    def read_bytes(self) -> bytes:
        """The file's content."""


class _StoredObject(Protocol):
    """A location in an object store, as `upath.UPath` and `ObjectStoragePath` give it."""

    @property
    def fs(self) -> Any:
        """The store, an `fsspec.AbstractFileSystem`."""

    @property
    def path(self) -> str:
        """The object's name in the store."""

_Kept = TypeVar("_Kept", bound=Model)


class Results:
    """Reads and writes one study's folder.

    Layout: `plan.json`, `study.json`, `run.json`, `preflight.json`, `cluster.json`,
    `operators/<name>.json`,
    `points/<point_id>/{manifest.yaml, job.log, timeline.json, events.json, record.json}`,
    (and `job_events.json` where the operator's own launcher tells of its job, `not_needed.json`
    where the point was left out), `kept.json` when nodes were given back,
    `nodes.json`, `steps/<name>.json`, `images/phase-<n>.json`, `stopped.json`, `cost.json`,
    `records.parquet`, `records.csv`, `summary.csv`, `figures/`, `report.html`. Superseded
    attempts of a point are kept in its `attempts/<n>/`.
    """

    def __init__(self, root: Location) -> None:
        self.root = root

    def __str__(self) -> str:
        return str(self.root)

    def path(self, relative: str) -> Location:
        """Where a file of the study is kept; `relative` uses forward slashes."""
        location: Location = self.root
        for part in relative.split("/"):
            location = location / part
        return location

    def of_point(self, point_id: str) -> Results:
        """The folder of a point, in the same place."""
        return Results(self.path(f"{_POINTS}/{point_id}"))

    def write_bytes(self, relative: str, data: bytes) -> None:
        """Store a file whole: under its final name there is never a part of it."""
        path = self.path(relative)
        local = _local(path)
        if local is None:
            # One request, or an upload in parts that is taken back when it breaks off: the store
            # shows an object only when it has arrived whole.
            stored = cast("_StoredObject", path)
            stored.fs.pipe_file(stored.path, data)
            return
        local.parent.mkdir(parents=True, exist_ok=True)
        write_whole(local, data)

    def write_text(self, relative: str, text: str) -> None:
        """Store a UTF-8 text file whole."""
        self.write_bytes(relative, text.encode())

    def write_json(self, relative: str, value: Any) -> None:
        """Store a JSON value, indented."""
        self.write_text(relative, json.dumps(value, indent=2) + "\n")

    def read_bytes(self, relative: str) -> bytes:
        """The file's content; FileNotFoundError when it is not there."""
        return self.path(relative).read_bytes()

    def find_bytes(self, relative: str) -> bytes | None:
        """The file's content, None when it is not there; one request of an object store."""
        try:
            return self.read_bytes(relative)
        except FileNotFoundError:
            return None

    def read_text(self, relative: str) -> str:
        """The UTF-8 text of a file; FileNotFoundError when it is not there."""
        return self.read_bytes(relative).decode()

    def exists(self, relative: str) -> bool:
        """True if the file exists."""
        return self.path(relative).exists()

    def plan(self) -> Plan:
        """The study's plan, as stored before anything was created."""
        return self._read(Plan, PLAN, self.read_bytes(PLAN))

    def cluster(self) -> ClusterHandle | None:
        """The cluster's handle as of its last change; None before it was ready."""
        stored = self.find_bytes(CLUSTER)
        return None if stored is None else self._read(ClusterHandle, CLUSTER, stored)

    def origin(self) -> StudyOrigin:
        """The run that the study belongs to; FileNotFoundError for one that is of no run."""
        return self._read(StudyOrigin, ORIGIN, self.read_bytes(ORIGIN))

    def record(self, point_id: str) -> Record | None:
        """The current record of a point, None when it has none yet."""
        folder = self.of_point(point_id)
        stored = folder.find_bytes(RECORD)
        return None if stored is None else folder.read_record(stored)

    def read_record(self, stored: bytes) -> Record:
        """A record as stored in this folder of a point; ParseError for a damaged one."""
        return self._read(Record, RECORD, stored, remedy=" and clear the point's task")

    def _read(self, kind: type[_Kept], name: str, stored: bytes, *, remedy: str = "") -> _Kept:
        """What a file holds; ParseError naming it when it is damaged, and what to do."""
        try:
            return kind.model_validate_json(stored)
        except ValidationError as err:
            first = problems(err)[0]
            _, of_point, relative = str(self.path(name)).rpartition(f"/{_POINTS}/")
            msg = (
                f"{f'{_POINTS}/{relative}' if of_point else name} cannot be read ({first.place or 'the file'}: {first.message}); "
                f"move it away{remedy}"
            )
            raise ParseError(msg) from err

    def operator_version(self, k8s_operator: str) -> str:
        """The version that was found running at its installation; FileNotFoundError without one."""
        version: str = json.loads(self.read_bytes(operator_file(k8s_operator)))["version"]
        return version

    def records(self) -> tuple[Record, ...]:
        """The current record of every point that has one, in the planned order."""
        stored = map(Record.model_validate_json, self.record_files().values())
        return tuple(sorted(stored, key=lambda record: record.order_index))

    def readable_records(self) -> tuple[tuple[Record, ...], dict[str, str]]:
        """The records in the planned order, and by point id why others cannot be read."""
        records, unreadable = [], {}
        for point_id, stored in self.record_files().items():
            try:
                records.append(self.of_point(point_id).read_record(stored))
            except ParseError as err:
                unreadable[point_id] = str(err)
        return tuple(sorted(records, key=lambda record: record.order_index)), unreadable

    def record_files(self) -> dict[str, bytes]:
        """The current record of every point that has one, by point id, as it is stored."""
        points = sorted(self.recorded_points())
        with ThreadPoolExecutor(READERS) as pool:
            read = pool.map(lambda name: self.of_point(name).read_bytes(RECORD), points)
            return dict(zip(points, read, strict=True))

    def recorded_points(self) -> frozenset[str]:
        """Ids of the points that have a record."""
        return frozenset(point_id for point_id, name in self.point_files() if name == RECORD)

    def point_files(self) -> frozenset[tuple[str, str]]:
        """Point id and name of every file of the points, less those of superseded attempts.

        From one listing of everything: an object store would be asked again for each folder.
        """
        paths = self.path(_POINTS).glob("**/*.*")
        ends = (str(path).rsplit("/", 3)[-3:] for path in paths)
        return frozenset((point_id, name) for above, point_id, name in ends if above == _POINTS)


class TolerantResults(Results):
    """Goes on where the store takes nothing: what could not be stored is in `failures`."""

    def __init__(self, root: Location, failures: list[OSError]) -> None:
        super().__init__(root)
        self.failures = failures

    def of_point(self, point_id: str) -> TolerantResults:
        """The folder of a point, as tolerant."""
        return TolerantResults(super().of_point(point_id).root, self.failures)

    def write_bytes(self, relative: str, data: bytes) -> None:
        """Store a file whole, if it can be."""
        try:
            super().write_bytes(relative, data)
        except OSError as err:
            self.failures.append(err)


def operator_file(k8s_operator: str) -> str:
    """Where the version of an operator that ran in the study is kept."""
    return f"operators/{k8s_operator}.json"


def _local(path: Location) -> Path | None:
    text = str(path).removeprefix("file://")
    return Path(text) if "://" not in text else None
