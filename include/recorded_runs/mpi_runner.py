"""The MPI runner of the experiments of 2023: a folder `logs` with one `*.out` per MPIJob.

There may also be `cluster.log` (the nodes, as printed by Python) and `mpi_operator_results.json`
(the runner's own readings of the logs, so nothing new).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include.errors import BenchmarkError, ParseError
from include.models import Binding, MpiImplementation
from include.parsers import mpi_runner_footer, posix_time
from include.recorded_runs import Experiment, Layout, Run, Source, _readings
from include.recorded_runs._logs import first_line_with, parsed, place_of, sha256, try_parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from include.parsers.mpi_runner_footer import MpiRunnerFooter

OPERATOR = "mpi_operator"
RESULTS = "mpi_operator_results.json"
LOGS = "logs"
DEFAULT_SCHEDULER = "default-scheduler"
NODES = ("cluster.log", "config.log")  # the second in the runs of 2022
CONFIG = "lammps-experiment-config.json"
_SCHEDULER = re.compile(r"[a-z]+_[0-9a-f]{12}_(?P<scheduler>[a-z-]+)_\d{4}-\d{2}-\d{2}_")
_STAMP = re.compile(r"_(\d{4}-\d{2}-\d{2})_T(\d{4})_(\d{2})\.out$")
_FOOTER = re.compile(r"^Mapping for job|^Ranks: [0-9]|^MPIJob ")
_TIMED = re.compile(r"^(?:real|user|sys)[ \t]+[0-9]")
_LAUNCH_SIGNS = (b"mpirun ", b"mpiexec ")
_LAUNCH = re.compile(r"^\+* ?(?:time -p )?mpi(?:run|exec) ")
_TASKS = re.compile(r" -np? ([0-9]+)\b")
_BINDING = re.compile(r"--bind-to (\S+)")
_LAST = datetime.max.replace(tzinfo=UTC)  # no time in the name
_NODE_FIELDS = {
    "kubernetes_version": re.compile(r"'kubelet_version': '([^']+)'"),
    "instance_type": re.compile(r"'node\.kubernetes\.io/instance-type': '([^']+)'"),
}


class MpiRunner(Layout):
    """Experiments with the MPI Operator."""

    title = "MPI runner"
    last = 1  # its `logs/*.out` may belong to any tool

    def find(self, files: Sequence[Path]) -> Iterable[Source]:
        """One experiment per folder of launcher logs: `logs/*.out`, or names with a time."""
        logs = [file for file in files if is_log(file)]
        for root in dict.fromkeys(map(root_of, logs)):
            beside = {root / name for name in (*NODES, RESULTS, CONFIG)}
            yield Source(
                layout=self,
                root=root,
                logs=tuple(log for log in logs if root_of(log) == root),
                others=tuple(file for file in files if file in beside),
            )

    def read(self, source: Source, on_read: Callable[[Path], None]) -> Experiment:
        """All runs in order of the times in the files' names; each scheduler is an arm."""
        kept = _kept(source.logs)
        runs: list[tuple[str | None, Run]] = []
        for log in sorted(source.logs, key=lambda log: (_stamp(log) or _LAST, log.name)):
            runs.append(_run(log, root=source.root, kept=kept))
            on_read(log)
        stamps = [stamp for log in source.logs if (stamp := _stamp(log))]
        is_ordered = len(stamps) == len(source.logs)
        fields, problems = _of_nodes([source.root / name for name in NODES])
        named = _arms(runs)
        return Experiment(
            layout=self.title,
            k8s_operator=OPERATOR,
            root=source.root,
            runs=named,
            is_ordered=is_ordered,
            began=min(stamps, default=None),
            fields=fields,
            problems=problems,
            notes=_notes(named, kept=kept, is_ordered=is_ordered),
        )


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """Extra content of an experiment's logs besides the application's output.

    If one log has it, all do: one without was cut.
    """

    has_footer: bool
    has_times: bool


def _kept(logs: Sequence[Path]) -> _Kept:
    return _Kept(
        has_footer=any(_holds(log, _FOOTER, signs=mpi_runner_footer.SIGNS) for log in logs),
        has_times=any(_holds(log, _TIMED, signs=posix_time.SIGNS) for log in logs),
    )


def _holds(log: Path, pattern: re.Pattern[str], *, signs: Sequence[bytes]) -> bool:
    return try_parse(log, first_line_with(pattern), signs=signs) is not None


def _arms(runs: Sequence[tuple[str | None, Run]]) -> tuple[Run, ...]:
    """The runs, with the scheduler added to the operator's name if there are several."""
    schedulers = {scheduler for scheduler, _ in runs if scheduler}
    if schedulers <= {DEFAULT_SCHEDULER}:
        return tuple(run for _, run in runs)
    return tuple(_of_arm(run, scheduler or DEFAULT_SCHEDULER) for scheduler, run in runs)


def _of_arm(run: Run, scheduler: str) -> Run:
    return replace(run, fields={**run.fields, "k8s_operator": f"{OPERATOR} {scheduler}"})


def is_log(path: Path) -> bool:
    """True if name and place are those of a launcher's log, also one folder below `logs`."""
    is_there = LOGS in (path.parent.name, path.parent.parent.name)
    is_named = is_there and path.suffix == ".out" and path.stem != "log"
    return is_named or _STAMP.search(path.name) is not None


def root_of(log: Path) -> Path:
    """The experiment's folder: the parent of `logs`, or else the log's own."""
    for folder in (log.parent, log.parent.parent):
        if folder.name == LOGS:
            return folder.parent
    return log.parent


def _stamp(log: Path) -> datetime | None:
    match = _STAMP.search(log.name)
    if match is None:
        return None
    try:
        return datetime.strptime(" ".join(match.groups()), "%Y-%m-%d %H%M %S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _run(log: Path, *, root: Path, kept: _Kept) -> tuple[str | None, Run]:
    """The scheduler in the log or its name, and the run."""
    folder = "" if log.parent in (root, root / LOGS) else log.parent.name
    errors: list[BenchmarkError] = []
    footer = _footer(log, errors) if kept.has_footer else None
    named = _SCHEDULER.match(log.name)
    command = try_parse(log, first_line_with(_LAUNCH), signs=_LAUNCH_SIGNS)
    tasks = _TASKS.search(command or "")
    ranks = footer.ranks if footer else int(tasks[1]) if tasks else None
    fields: dict[str, Any] = {}
    measured, nodes = None, None if footer is None else footer.pods
    try:
        measured = _readings.measured(log, command=command, ranks=ranks)
        fields = {**measured.fields, **(_times(log) if kept.has_times else {})}
        nodes = _nodes(footer, place=place_of(log)) if footer else None
    except BenchmarkError as err:
        errors.insert(0, err)  # errors in the figures matter more
    scheduler = footer.scheduler if footer else named["scheduler"] if named else None
    return scheduler, Run(
        name=f"{folder}/{log.stem}" if folder else log.stem,
        file=log,
        nodes=nodes,
        ranks=ranks if errors or measured is None else measured.ranks,
        is_discarded=log.name.startswith("_") or folder.startswith("_"),
        error=errors[0] if errors else None,
        fields={**_run_facts(log, command=command, footer=footer), **({} if errors else fields)},
        runner_end_to_end_s=footer.end_to_end_time_s if footer else None,
        text_sha256=measured.text_sha256 if measured and not errors else None,
    )


def _footer(log: Path, errors: list[BenchmarkError]) -> MpiRunnerFooter | None:
    try:
        return parsed(log, mpi_runner_footer.parse, signs=mpi_runner_footer.SIGNS)
    except ParseError as err:
        errors.append(err)
        return None


def _times(log: Path) -> dict[str, float]:
    times = parsed(log, posix_time.parse, signs=posix_time.SIGNS)
    return {"launcher_time_s": times.real_s}


def _nodes(footer: MpiRunnerFooter, *, place: str) -> int:
    """Nodes of the job: its pods, unless a node ran several; ParseError when unknown."""
    most = max((node.pods for node in footer.nodes), default=1)
    if most == 1:
        return footer.pods
    if not footer.is_mapping_complete:
        raise ParseError(
            f"{place}: several pods on a node, and the map of pods to nodes is not complete"
        )
    return len(set(footer.node_by_pod.values()))


def _run_facts(log: Path, *, command: str | None, footer: MpiRunnerFooter | None) -> dict[str, Any]:
    binding = _BINDING.search(command or "")
    is_known = binding is not None and binding[1] in set(Binding)
    is_open_mpi = command is not None and "--mca " in command  # an option of Open MPI only
    return {
        "application": _readings.application_of(log, command),
        "binding": Binding(binding[1]) if binding and is_known else None,
        "mpi_implementation": MpiImplementation.OPENMPI if is_open_mpi else None,
        "node_names": tuple(footer.node_by_pod.values()) if footer else (),
        "log_sha256": sha256(log),
        "simulated": _readings.is_synthetic(log),
    }


def _of_nodes(paths: Sequence[Path]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Fields common to all nodes in the first existing file, or the error that prevents it."""
    path = next((each for each in paths if each.is_file()), None)
    if path is None:
        return {}, ()
    try:
        text = path.read_text(errors="replace")
    except OSError as err:
        return {}, (f"{path.name} cannot be read, so the nodes are not known: {err.strerror}",)
    known = {name: set(pattern.findall(text)) for name, pattern in _NODE_FIELDS.items()}
    return {name: values.pop() for name, values in known.items() if len(values) == 1}, ()


def _notes(runs: Sequence[Run], *, kept: _Kept, is_ordered: bool) -> tuple[str, ...]:
    partial = sum(len(run.fields["node_names"]) < (run.nodes or 0) for run in runs)
    notes = []
    if partial:
        notes.append(
            f"{partial} of {len(runs)} runs name fewer nodes than pods: the map was read after "
            "the job had ended"
        )
    if not kept.has_times:
        notes.append("no log has the lines of `time -p`: launcher times are not known")
    if not kept.has_footer:
        notes.append(
            "no log has the runner's footer: nodes are not known, and no verdict is possible "
            "without them"
        )
    if not is_ordered:
        notes.append("not every file name has a time, so the order of the runs is not known")
    return tuple(notes)


ADAPTER = MpiRunner()
