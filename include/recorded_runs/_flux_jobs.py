"""Flux's JSON about a job: its jobspec, the shell's event log, `flux job info`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include.errors import JobFailed, ParseError
from include.models import Binding
from include.recorded_runs import Experiment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from include.recorded_runs import Run, Source

_BINDINGS = {"per-task": Binding.CORE, "off": Binding.NONE}
_MICROSECONDS = 6


@dataclass(frozen=True, kw_only=True)
class FluxJob:
    """One job; None: not given in its blocks."""

    command: str | None = None
    nodes: int | None = None
    ranks: int | None = None
    began: datetime | None = None
    shell_s: float | None = None  # shells' start on all nodes until their end
    status: int | None = None  # wait status
    binding: Binding | None = None

    def require_success(self, place: str) -> None:
        """Raise JobFailed for a job that ended with another status than 0."""
        if self.status:
            raise JobFailed(f"{place}: the Flux job completed with status {self.status}")


def read_job(jobspec: str, events: Iterable[str], *, place: str) -> FluxJob:
    """The job of a jobspec and its shell's events, one JSON object each; ParseError for no JSON."""
    spec = _object(jobspec, place=place)
    logged = {str(event.get("name")): event for event in (_object(e, place=place) for e in events)}
    shell, start, end = (logged.get(name) for name in ("shell.init", "shell.start", "complete"))
    options = spec.get("attributes", {}).get("system", {}).get("shell", {}).get("options", {})
    command = [str(word) for task in spec.get("tasks", ()) for word in task.get("command", ())]
    return FluxJob(
        command=" ".join(command) or None,
        nodes=_context(shell, "size"),
        ranks=_ranks(start),
        began=None if start is None else datetime.fromtimestamp(_stamp(start, place), tz=UTC),
        shell_s=None if None in (start, end) else _between(start, end, place=place),
        status=_context(end, "status"),
        binding=_BINDINGS.get(str(options.get("cpu-affinity"))),
    )


def read_info(text: str, *, place: str) -> FluxJob:
    """The job of a `flux job info` object; `shell_s` is from its run's start to its clean-up."""
    info = _object(text, place=place)
    begin, end = info.get("t_run"), info.get("t_cleanup")
    is_timed = isinstance(begin, float) and isinstance(end, float)
    submitted = info.get("t_submit")
    return FluxJob(
        nodes=_count(info.get("nnodes")),
        ranks=_count(info.get("ntasks")),
        began=datetime.fromtimestamp(submitted, tz=UTC) if isinstance(submitted, float) else None,
        shell_s=round(float(end or 0) - float(begin or 0), _MICROSECONDS) if is_timed else None,
        status=_status(info),
    )


def experiment(
    source: Source, runs: Sequence[tuple[FluxJob, Run]], *, k8s_operator: str, note: str
) -> Experiment:
    """The runs in the order in which they began, as far as that is known."""
    began = [job.began for job, _ in runs if job.began]
    return Experiment(
        layout=source.layout.title,
        k8s_operator=k8s_operator,
        root=source.root,
        runs=tuple(run for _, run in sorted(runs, key=_began_first)),
        is_ordered=len(began) == len(runs),
        began=min(began, default=None),
        notes=(note,),
    )


def _began_first(each: tuple[FluxJob, Run]) -> tuple[datetime, str]:
    """Sorting key by start time, unknown ones last."""
    job, run = each
    return (job.began or datetime.max.replace(tzinfo=UTC), run.name)


def _status(info: dict[str, Any]) -> int | None:
    status = info.get("waitstatus")
    if isinstance(status, int):
        return status
    return None if info.get("success") in {True, None} else 1


def _object(text: str, *, place: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as err:
        raise ParseError(f"{place}: a block of Flux' job is no JSON: {err}") from err
    if not isinstance(value, dict):
        raise ParseError(f"{place}: a block of Flux' job is no JSON object")
    return value


def _context(event: dict[str, Any] | None, name: str) -> int | None:
    value = (event or {}).get("context", {}).get(name)
    return value if isinstance(value, int) else None


def _ranks(start: dict[str, Any] | None) -> int | None:
    """Ranks of a taskmap: blocks of (first node, nodes, tasks per node, repeats); RFC 34."""
    taskmap = (start or {}).get("context", {}).get("taskmap", {}).get("map", ())
    ranks = sum(nodes * per_node * repeats for _, nodes, per_node, repeats in taskmap)
    return ranks or None


def _stamp(event: dict[str, Any], place: str) -> float:
    value = event.get("timestamp")
    if not isinstance(value, float):
        raise ParseError(f"{place}: an event of Flux' job has no timestamp")
    return value


def _between(start: dict[str, Any] | None, end: dict[str, Any] | None, *, place: str) -> float:
    return round(_stamp(end or {}, place) - _stamp(start or {}, place), _MICROSECONDS)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None
