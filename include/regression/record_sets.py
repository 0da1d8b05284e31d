"""Reads the record sets of studies into nights, from any version of the project."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import Field, JsonValue

from include import applications
from include.errors import BenchmarkError
from include.models import Better, Model, Study
from include.regression.series import HistoryError
from include.regression.settings import Version
from include.results import NOT_NEEDED, ORIGIN, STUDY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from include.results import Results

ALL_REPEATS: Mapping[Arm, int] = MappingProxyType({})  # each cell has the study's number
NIGHT_FILE = "night.json"  # the date that a nightly study belongs to
Arm = tuple[str, str, int]  # operator, variant and nodes
# Fields of a record. Additions of later versions are ignored; earlier ones may lack the others.
NEEDED = ("k8s_operator", "nodes", "ranks", "status", "is_warmup", "order_index")
EQUAL_OF_RECORD = (
    *("application", "k8s_operator", "variant", "nodes", "ranks", "binding"),
    *("mpi_implementation", "cluster", "instance_type", "simulated"),
)
FORMER_MERIT = "loop_time_s"  # figure of records that declare none
EQUAL_OF_STUDY = ("application_options", "pod_resources")


class Cell(Model):
    """The measurements of one configuration in one study."""

    configuration: dict[str, JsonValue]  # everything that must be equal to be comparable
    versions: dict[str, str | None]  # versions under test, by `Version`
    times: dict[str, tuple[float, ...]]  # valid repeats by quantity, in their order
    merit: str = FORMER_MERIT  # the quantity that decides verdicts
    rates: tuple[str, ...] = ()  # quantities that should be large
    units: dict[str, str] = Field(default_factory=dict)  # of these, where the records give them
    is_whole: bool = True  # every planned repeat is valid; otherwise the night is no data

    def group(self, any_of: Collection[str]) -> str:
        """A name of its configuration, equal for all comparable ones; any_of may differ."""
        equal = {name: value for name, value in self.versions.items() if name not in any_of}
        text = json.dumps([self.configuration, equal], sort_keys=True)
        known = self.configuration
        variant = f" {known['variant']}" if known.get("variant") else ""
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        kind = " simulated" if known.get("simulated") else ""
        return f"{known['k8s_operator']}{variant} {known['nodes']}n{kind} {digest}"


class StudyNight(Model):
    """The record sets that a study adds to the history."""

    study_id: str
    dag_id: str
    run_id: str
    night: str  # ISO date
    cells: tuple[Cell, ...]


def read_study(results: Results, *, study_id: str) -> StudyNight:
    """A study's night; HistoryError when its record set has an unknown schema.

    The night is that of `night.json`, or else the UTC date on which the study was planned.
    """
    try:
        study = json.loads(results.read_bytes(STUDY))
        origin = json.loads(results.read_bytes(ORIGIN))
        night = str(origin["planned_at"])[:10]
        if (given := results.find_bytes(NIGHT_FILE)) is not None:
            night = json.loads(given)["night"]
        records = [json.loads(stored) for stored in results.record_files().values()]
        planned = _needed(results) if study.get("repeats_min") else ALL_REPEATS
        return StudyNight(
            study_id=study_id,
            dag_id=origin["dag_id"],
            run_id=origin["run_id"],
            night=night,
            cells=tuple(_cells(records, study, planned)),
        )
    except (KeyError, TypeError, ValueError) as err:
        complaint = f"{type(err).__name__}: {err}".splitlines()[0]
        raise HistoryError(
            f"study {study_id} has an unknown schema, left out: {complaint}"
        ) from err


def _needed(results: Results) -> Counter[Arm]:
    """Repeats by arm and size that a study which may end early did not leave out."""
    left_out = {point_id for point_id, name in results.point_files() if name == NOT_NEEDED}
    left_out -= results.recorded_points()
    return Counter(
        _arm(point.model_dump())
        for point in results.plan().points
        if not point.is_warmup and point.point_id not in left_out
    )


def _arm(run: Mapping[str, Any]) -> Arm:
    """The arm and size of a record or a point."""
    return run["k8s_operator"], run.get("variant") or "", run["nodes"]


def _cells(
    records: Iterable[dict[str, Any]],
    study: Mapping[str, Any],
    planned: Mapping[Arm, int] = ALL_REPEATS,
) -> Iterable[Cell]:
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        lacking = [name for name in NEEDED if name not in record]
        if lacking:
            raise KeyError(lacking[0])
        if not record["is_warmup"]:
            key = [record.get(name) for name in (*EQUAL_OF_RECORD, *Version, "problem")]
            groups[json.dumps(key)].append(record)
    for cells in groups.values():
        ordered = sorted(cells, key=lambda record: int(record["order_index"]))
        all_repeats = study.get("repeats", len(ordered))
        yield _cell(ordered, study, repeats=planned.get(_arm(ordered[0]), all_repeats))


def _cell(records: list[dict[str, Any]], study: Mapping[str, Any], *, repeats: int) -> Cell:
    first = records[0]
    operator_options = study.get("operator_options", {}).get(first["k8s_operator"], {})
    valid = [record for record in records if record["status"] == "valid"]
    measured = [_measured(record) for record in valid]
    declared = [figure for figure in first.get("declared", ()) if figure.get("better")]
    return Cell(
        configuration={
            **{name: first.get(name) for name in EQUAL_OF_RECORD},
            **{name: study.get(name) for name in EQUAL_OF_STUDY},
            "operator_options": operator_options,
            **queue_of(study),
            **_beyond_options(first, study),
        },
        versions={name.value: first.get(name) for name in Version},
        times={
            name: tuple(values[name] for values in measured if values.get(name))
            for name in dict.fromkeys(name for values in measured for name in values)
        },
        merit=next((f["name"] for f in declared if f.get("primary")), FORMER_MERIT),
        rates=tuple(f["name"] for f in declared if f["better"] == Better.HIGHER),
        units={f["name"]: f["unit"] for f in declared if f["better"] == Better.HIGHER},
        is_whole=len(valid) == len(records) == repeats,
    )


def queue_of(study: Mapping[str, Any]) -> dict[str, JsonValue]:
    """The queue before a study's jobs; empty for none, which continues earlier histories."""
    queue: JsonValue = study.get("queue")
    return {"queue": queue} if queue not in (None, ["none"]) else {}


def _measured(record: Mapping[str, Any]) -> dict[str, float | None]:
    """The times and figures of a record, in this release's form or an earlier one's."""
    times = {name: value for name, value in record.items() if name.endswith("_s")}
    return {**times, **record.get("figures", {})}


def _beyond_options(record: Mapping[str, Any], study: Mapping[str, Any]) -> dict[str, JsonValue]:
    """The part of the run's problem that the study's options do not fix; may be empty.

    Whatever the options fix is compared with them, which continues a history of release 0.1.
    """
    try:
        application, options = applications.of_study(
            Study(
                application=str(record.get("application")),
                application_options=study.get("application_options") or {},
            )
        )
        fixed = application.problem(options)
    except (BenchmarkError, ValueError):  # an application or option of another release
        fixed = {}
    problem = record.get("problem") or {}
    beyond = {name: value for name, value in problem.items() if fixed.get(name) != value}
    return {"problem": beyond} if beyond else {}
