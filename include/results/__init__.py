"""The folder of a study's results, in a directory or an object store."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol, Self, TypeVar, cast

from pydantic import ValidationError

from include.errors import ParseError, problems
from include.files import write_whole
from include.models import ClusterHandle, Model, Plan, Record, StudyOrigin

if TYPE_CHECKING:
    from collections.abc import Iterator


CONFIRMATION_FOLDER = "confirmation"  # a nightly study's confirmation, with the layout of a study
PLAN = "plan.json"
STUDY = "study.json"
CLUSTER = "cluster.json"  # the handle
ORIGIN = "run.json"  # the study's Airflow run
NODES = "nodes.json"  # paid nodes with their start
COST = "cost.json"  # the ledger
PREFLIGHT = "preflight.json"  # findings before anything was created, and the estimate
IMAGE = "image.json"  # findings on the image before the first point
RECORD = "record.json"
NOT_NEEDED = "not_needed.json"  # mark of a left-out point, with the task that did it
READERS = 16  # parallel reads: an object store answers each request in about 0.05 s
_POINTS = "points"


class Location(Protocol):
    """The part of a path's interface in use, which `pathlib`, `upath` and Airflow's paths all have."""

    def __truediv__(self, other: str, /) -> Self:
        """The path below this one."""

    def exists(self) -> bool:
        """True if the file exists."""

    def glob(self, pattern: str, /) -> Iterator[Self]:
        """Paths below this one that match."""

    def open(self, mode: Literal["rb"], /) -> BinaryIO:
        """The open file, for reading in pieces."""

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
    `points/<point_id>/{manifest.yaml, job.log, timeline.json, events.json, record.json}`
    (and `job_events.json` if the operator's own launcher reports its job, `not_needed.json` if
    the point was left out), `kept.json` when nodes were given back,
    `nodes.json`, `steps/<name>.json`, `images/phase-<n>.json`, `stopped.json`, `cost.json`,
    `records.parquet`, `records.csv`, `summary.csv`, `figures/`, `report.html`. Superseded
    attempts of a point are kept in its `attempts/<n>/`.
    """

    def __init__(self, root: Location) -> None:
        self.root = root

    def __str__(self) -> str:
        return str(self.root)

    @property
    def folder(self) -> Path | None:
        """The folder on this machine, None in an object store."""
        return _local(self.root)

    def path(self, relative: str) -> Location:
        """Path of a file of the study; `relative` uses forward slashes."""
        location: Location = self.root
        for part in relative.split("/"):
            location = location / part
        return location

    def of_point(self, point_id: str) -> Results:
        """The folder of a point, in the same place."""
        return Results(self.path(f"{_POINTS}/{point_id}"))

    def write_bytes(self, relative: str, data: bytes) -> None:
        """Store a file atomically: its final name never has a part of it."""
        path = self.path(relative)
        local = _local(path)
        if local is None:
            # One request, or a multipart upload that is aborted on failure: the store shows an object only
            # once it has arrived completely.
            stored = cast("_StoredObject", path)
            with _of_the_system(path):
                stored.fs.pipe_file(stored.path, data)
            return
        local.parent.mkdir(parents=True, exist_ok=True)
        write_whole(local, data)

    def write_text(self, relative: str, text: str) -> None:
        """Store a UTF-8 text file atomically."""
        self.write_bytes(relative, text.encode())

    def write_json(self, relative: str, value: Any) -> None:
        """Store a JSON value, indented."""
        self.write_text(relative, json.dumps(value, indent=2) + "\n")

    def read_bytes(self, relative: str) -> bytes:
        """The file's content; FileNotFoundError when it is missing."""
        path = self.path(relative)
        with _of_the_system(path):
            return path.read_bytes()

    def find_bytes(self, relative: str) -> bytes | None:
        """The file's content, None when it is missing; one request to an object store."""
        try:
            return self.read_bytes(relative)
        except FileNotFoundError:
            return None

    def read_text(self, relative: str) -> str:
        """The UTF-8 text of a file; FileNotFoundError when it is missing."""
        return self.read_bytes(relative).decode()

    def read_json(self, relative: str) -> Any:
        """The value in a file; ParseError naming it when damaged, and what to do."""
        return self._json(relative, self.read_bytes(relative))

    def find_json(self, relative: str) -> Any:
        """The value in a file, None when it is missing; ParseError when damaged."""
        stored = self.find_bytes(relative)
        return None if stored is None else self._json(relative, stored)

    def _json(self, relative: str, stored: bytes) -> Any:
        try:
            return json.loads(stored)
        except ValueError as err:
            raise self.damaged(relative, str(err)) from err

    def damaged(self, relative: str, complaint: str, *, remedy: str = "") -> ParseError:
        """The error for a damaged file of this folder."""
        _, of_point, name = str(self.path(relative)).rpartition(f"/{_POINTS}/")
        place = f"{_POINTS}/{name}" if of_point else relative
        return ParseError(f"{place} cannot be read ({complaint}); move it away{remedy}")

    def exists(self, relative: str) -> bool:
        """True if the file exists."""
        return self.path(relative).exists()

    def plan(self) -> Plan:
        """The study's plan, as stored before anything was created."""
        return self._read(Plan, PLAN, self.read_bytes(PLAN))

    def cluster(self) -> ClusterHandle | None:
        """The cluster's handle after its last change; None before it was ready."""
        stored = self.find_bytes(CLUSTER)
        return None if stored is None else self._read(ClusterHandle, CLUSTER, stored)

    def readable_cluster(self) -> tuple[ClusterHandle | None, tuple[str, ...]]:
        """The same, None also where the file is damaged; and then the complaint about it."""
        try:
            return self.cluster(), ()
        except ParseError as err:
            return None, (str(err),)

    def origin(self) -> StudyOrigin:
        """The run of the study; FileNotFoundError for a study without one."""
        return self._read(StudyOrigin, ORIGIN, self.read_bytes(ORIGIN))

    def record(self, point_id: str) -> Record | None:
        """The current record of a point, None before its first."""
        folder = self.of_point(point_id)
        stored = folder.find_bytes(RECORD)
        return None if stored is None else folder.read_record(stored)

    def read_record(self, stored: bytes) -> Record:
        """A record from a point's folder; ParseError for a damaged one, or another point's copy."""
        remedy = " and clear the point's task"
        record = self._read(Record, RECORD, stored, remedy=remedy)
        if not str(self.path(RECORD)).endswith(f"/{record.point_id}/{RECORD}"):
            complaint = f"it is the record of {record.point_id}, which would count twice"
            raise self.damaged(RECORD, complaint, remedy=remedy)
        return record

    def _read(self, kind: type[_Kept], name: str, stored: bytes, *, remedy: str = "") -> _Kept:
        """Content of a file; ParseError naming it when damaged, and what to do."""
        try:
            return kind.model_validate_json(stored)
        except ValidationError as err:
            first = problems(err)[0]
            complaint = f"{first.place or 'the file'}: {first.message}"
            raise self.damaged(name, complaint, remedy=remedy) from err

    def operator_version(self, k8s_operator: str) -> str:
        """The version that ran at its installation; FileNotFoundError without one."""
        name = operator_file(k8s_operator)
        stored = self.read_json(name)
        if not isinstance(stored, dict) or not isinstance(version := stored.get("version"), str):
            raise self.damaged(name, "it has no version", remedy=" and clear the task of the install")
        return version

    def records(self) -> tuple[Record, ...]:
        """The current record of every recorded point, in planned order."""
        stored = map(Record.model_validate_json, self.record_files().values())
        return tuple(sorted(stored, key=lambda record: record.order_index))

    def readable_records(self) -> tuple[tuple[Record, ...], dict[str, str]]:
        """The records in planned order, and the faults of unreadable ones by point id."""
        records, unreadable = [], {}
        for point_id, stored in self.record_files().items():
            try:
                records.append(self.of_point(point_id).read_record(stored))
            except ParseError as err:
                unreadable[point_id] = str(err)
        return tuple(sorted(records, key=lambda record: record.order_index)), unreadable

    def record_files(self) -> dict[str, bytes]:
        """The stored bytes of every recorded point's current record, by point id."""
        points = sorted(self.recorded_points())
        with ThreadPoolExecutor(READERS) as pool:
            read = pool.map(lambda name: self.of_point(name).read_bytes(RECORD), points)
            return dict(zip(points, read, strict=True))

    def recorded_points(self) -> frozenset[str]:
        """Ids of the recorded points."""
        return frozenset(point_id for point_id, name in self.point_files() if name == RECORD)

    def point_files(self) -> frozenset[tuple[str, str]]:
        """Point id and name of every file of the points, without superseded attempts.

        One listing of everything: an object store would need a request for each folder.
        """
        paths = self.path(_POINTS).glob("**/*.*")
        ends = (str(path).rsplit("/", 3)[-3:] for path in paths)
        return frozenset((point_id, name) for above, point_id, name in ends if above == _POINTS)


class TolerantResults(Results):
    """Continues when the store refuses data; `failures` has what was not stored."""

    def __init__(self, root: Location, failures: list[OSError]) -> None:
        super().__init__(root)
        self.failures = failures

    def of_point(self, point_id: str) -> TolerantResults:
        """The folder of a point, equally tolerant."""
        return TolerantResults(super().of_point(point_id).root, self.failures)

    def write_bytes(self, relative: str, data: bytes) -> None:
        """Store a file atomically, if possible."""
        try:
            super().write_bytes(relative, data)
        except OSError as err:
            self.failures.append(err)


def operator_file(k8s_operator: str) -> str:
    """File with the version of an operator in the study."""
    return f"operators/{k8s_operator}.json"


@contextmanager
def _of_the_system(path: Location) -> Iterator[None]:
    """Turn connection errors of a store's client into OSErrors."""
    try:
        yield
    except OSError:
        raise
    except Exception as err:
        raise OSError(f"{path} cannot be read or stored: {type(err).__name__}: {err}") from err


def _local(path: Location) -> Path | None:
    text = str(path).removeprefix("file://")
    return Path(text) if "://" not in text else None
