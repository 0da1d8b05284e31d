"""Reads the record sets of studies into nights, whatever version of the project wrote them."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from include import applications
from include.errors import BenchmarkError
from include.models import Better, Model, Study
from include.regression.series import HistoryError
from include.regression.settings import Version
from include.results import ORIGIN, STUDY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from include.results import Results

NIGHT_FILE = "night.json"  # the date that a nightly study counts for
# Of a record. What a later version adds is not looked at; an earlier version may lack the others.
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
    merit: str = FORMER_MERIT  # the quantity that verdicts are by
    rates: tuple[str, ...] = ()  # quantities of which more is better
    is_whole: bool = True  # every planned repeat is valid; otherwise the night is no data

    def group(self, any_of: Collection[str]) -> str:
        """A name of its configuration, equal for all that are comparable; any_of may differ."""
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
        return StudyNight(
            study_id=study_id,
            dag_id=origin["dag_id"],
            run_id=origin["run_id"],
            night=night,
            cells=tuple(_cells(records, study)),
        )
    except (KeyError, TypeError, ValueError) as err:
        complaint = f"{type(err).__name__}: {err}".splitlines()[0]
        raise HistoryError(
            f"study {study_id} has an unknown schema, left out: {complaint}"
        ) from err


def _cells(records: Iterable[dict[str, Any]], study: Mapping[str, Any]) -> Iterable[Cell]:
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        lacking = [name for name in NEEDED if name not in record]
        if lacking:
            raise KeyError(lacking[0])
        if not record["is_warmup"]:
            key = [record.get(name) for name in (*EQUAL_OF_RECORD, *Version, "problem")]
            groups[json.dumps(key)].append(record)
    for cells in groups.values():
        yield _cell(sorted(cells, key=lambda record: int(record["order_index"])), study)


def _cell(records: list[dict[str, Any]], study: Mapping[str, Any]) -> Cell:
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
            **_beyond_options(first, study),
        },
        versions={name.value: first.get(name) for name in Version},
        times={
            name: tuple(values[name] for values in measured if values.get(name))
            for name in dict.fromkeys(name for values in measured for name in values)
        },
        merit=next((f["name"] for f in declared if f.get("primary")), FORMER_MERIT),
        rates=tuple(f["name"] for f in declared if f["better"] == Better.HIGHER),
        is_whole=len(valid) == len(records) == study.get("repeats", len(records)),
    )


def _measured(record: Mapping[str, Any]) -> dict[str, float | None]:
    """The times and figures of a record, of this release's form or an earlier one's."""
    times = {name: value for name, value in record.items() if name.endswith("_s")}
    return {**times, **record.get("figures", {})}


def _beyond_options(record: Mapping[str, Any], study: Mapping[str, Any]) -> dict[str, JsonValue]:
    """The part of the run's problem that the study's options do not fix; may be empty.

    What the options fix is compared with them: so a history of release 0.1 goes on.
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
    told = record.get("problem") or {}
    beyond = {name: value for name, value in told.items() if fixed.get(name) != value}
    return {"problem": beyond} if beyond else {}
