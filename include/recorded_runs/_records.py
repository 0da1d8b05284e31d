"""Records of experiments: names, order, warm-ups."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from include.errors import JobFailed
from include.models import Model, Record, Status
from include.project import code_version
from include.recorded_runs._logs import place_of
from include.redact import redact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from include.recorded_runs import Experiment, Run

_LAST = datetime.max.replace(tzinfo=UTC)


class OriginalTimes(Model):
    """Times in seconds that only the original tools measured; not comparable between tools."""

    study_id: str
    point_id: str
    is_discarded: bool  # excluded from the published figures, unlike other warm-ups
    cluster_run_s: float | None  # flux-cloud; includes the deletion of the previous run
    runner_end_to_end_s: float | None  # MPI runner; begins with the operator's first log line


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A run's record, and its tool's own times."""

    record: Record
    original: OriginalTimes
    log: Path


def in_order(experiments: Sequence[Experiment]) -> tuple[Experiment, ...]:
    """The experiments in chronological order; those without a date come last, by path."""
    return tuple(sorted(experiments, key=lambda e: (e.began or _LAST, e.root)))


def to_records(
    experiments: Sequence[Experiment], *, names: Sequence[str], published_rule: bool
) -> tuple[Imported, ...]:
    """One record per run, numbered in the given order; `names` are the studies' ids."""
    imported: list[Imported] = []
    for experiment, name in zip(experiments, names, strict=True):
        derived = set() if published_rule else derived_warm_ups(experiment)
        repeats: Counter[tuple[Any, ...]] = Counter()
        for run in experiment.runs:
            is_warmup = run.is_discarded or run.name in derived
            cell = (_arm(run), run.nodes, is_warmup)
            repeats[cell] += 1
            numbers = {
                "repeat": repeats[cell],
                "order_index": len(imported) + 1,
                "is_warmup": is_warmup,
            }
            imported.append(_imported(run, experiment, study_id=name, numbers=numbers))
    return tuple(imported)


def derived_warm_ups(experiment: Experiment) -> set[str]:
    """Names as from `warm_up_names`; none when the first run is unknown, or with several arms."""
    is_one = len({_arm(run) for run in experiment.runs}) == 1
    return warm_up_names(experiment.runs) if experiment.is_ordered and is_one else set()


def _arm(run: Run) -> str | None:
    """The arm of a run in an experiment of several arms, None in one without."""
    arm: str | None = run.fields.get("k8s_operator")
    return arm


def warm_up_names(runs: Sequence[Run]) -> set[str]:
    """The extra run of the matrix: run first, and not excluded by name.

    When the first size has exactly one run more than any other size, that extra run is the
    first one. With a single size nothing shows an extra run.
    """
    kept = [run for run in runs if not run.is_discarded and run.nodes is not None]
    counts = Counter(run.nodes for run in kept)
    if len(counts) < 2:  # noqa: PLR2004 a size to compare with
        return set()
    first = kept[0]
    most = max(count for nodes, count in counts.items() if nodes != first.nodes)
    return {first.name} if counts[first.nodes] == most + 1 else set()


def counting_notes(
    experiment: Experiment, imported: Sequence[Imported], *, study_id: str
) -> tuple[str, ...]:
    """Notes for the reader on the runs of the experiment that count."""
    extra = [
        run.record.point_id
        for run in imported
        if run.record.study_id == study_id
        and run.record.is_warmup
        and not run.original.is_discarded
    ]
    taken = (
        f"{name} is taken for a warm-up: it ran first, and its size has one run more than others"
        for name in extra
    )
    unequal = unequal_repeats([run for run in experiment.runs if run.name not in extra])
    return (*taken, *((unequal,) if unequal else ()))


def unequal_repeats(runs: Sequence[Run]) -> str | None:
    """A note when sizes have different numbers of runs, None otherwise."""
    counts: dict[tuple[int, str], int] = defaultdict(int)
    for run in runs:
        if run.nodes is not None and not run.is_discarded:
            counts[run.nodes, _arm(run) or ""] += 1
    if len(set(counts.values())) <= 1:
        return None
    listed = ", ".join(
        f"{count} at {nodes} nodes{f' of {arm}' if arm else ''}"
        for (nodes, arm), count in sorted(counts.items())
    )
    return f"sizes have unequal numbers of runs, all of which count: {listed}"


def _imported(
    run: Run, experiment: Experiment, *, study_id: str, numbers: Mapping[str, Any]
) -> Imported:
    known: dict[str, Any] = dict.fromkeys(_UNKNOWN) | experiment.fields | run.fields
    per_node = run.ranks / run.nodes if run.ranks and run.nodes else 0.5
    values: dict[str, Any] = {
        "study_id": study_id,
        "point_id": run.name,
        "k8s_operator": experiment.k8s_operator,
        "nodes": run.nodes,
        "ranks": run.ranks,
        "ranks_per_node": int(per_node) if per_node.is_integer() else None,
        "status": _status(run),
        "error": redact(f"{type(run.error).__name__}: {run.error}") if run.error else None,
        "code_version": code_version(),
        "simulated": False,
        **known,
        **numbers,
    }
    try:
        record = Record(**values)
    except ValidationError as err:
        record = _without_what_is_wrong(values, err, place=place_of(run.file))
    original = OriginalTimes(
        study_id=study_id,
        point_id=run.name,
        is_discarded=run.is_discarded,
        cluster_run_s=run.cluster_run_s,
        runner_end_to_end_s=run.runner_end_to_end_s,
    )
    return Imported(record=record, original=original, log=run.file)


def _without_what_is_wrong(values: Mapping[str, Any], err: ValidationError, place: str) -> Record:
    """The record without impossible values, such as 0 nodes, and therefore no longer valid."""
    given = {**values, **values.get("figures", {})}
    places = {tuple(map(str, each["loc"])): each["msg"] for each in err.errors() if each["loc"]}
    wrong = {place[-1] if place[0] == "figures" else place[0]: m for place, m in places.items()}
    reasons = [f"{name} is {given[name]!r}: {message}" for name, message in wrong.items()]
    reason = "; ".join(reasons or [each["msg"] for each in err.errors()])
    complaint = values["error"] or redact(f"ParseError: {place}: {reason}")
    status = Status.INVALID if values["status"] is Status.VALID else values["status"]
    figures = {n: value for n, value in values.get("figures", {}).items() if n not in wrong}
    changed = {**dict.fromkeys(wrong), "figures": figures, "status": status, "error": complaint}
    return Record.model_validate({**values, **changed})


_UNKNOWN = (
    *("application", "cluster", "phase", "block", "binding", "mpi_implementation", "image"),
    *("operator_version", "kubernetes_version", "manifest_sha256", "order_seed"),
)


def _status(run: Run) -> Status:
    if run.error is None:
        return Status.VALID
    return Status.FAILED if isinstance(run.error, JobFailed) else Status.INVALID
