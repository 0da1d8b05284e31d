"""flux-cloud: `meta.json`, and beside it one folder with a `log.out` per MiniCluster run.

Source: the folders of the public experiments of 2023, `<job>-minicluster-size-<size>/log.out`. The
order of `times` in `meta.json` is that of the runs. `_` before a folder's name: discarded.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include.errors import BenchmarkError, JobFailed, ParseError
from include.models import Binding, MpiImplementation
from include.parsers import flux_events, gnu_time
from include.recorded_runs import Experiment, Layout, Run, Source, _readings
from include.recorded_runs._flux_meta import Meta, job_of, read_meta
from include.recorded_runs._logs import first_line_with, parsed, place_of, sha256, try_parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

LOG = "log.out"
META = "meta.json"
_FOLDER = re.compile(r"_?(?P<job>.+)-minicluster-size-(?P<size>[0-9]+)")
_NUMBER = re.compile(r"([0-9]+)")
SUBMIT = re.compile(r"\bflux .*\bsubmit .*-[Nn] ?[0-9]")
_SUBMIT_SIGNS = (b"submit ",)
_NODES = re.compile(r"submit\b.*? -N ?([0-9]+)\b")
_TASKS = re.compile(r"submit\b.*? -n ?([0-9]+)\b")
_AFFINITY = re.compile(r"cpu-affinity=(\S+)")
_MPI = re.compile(r"-o ?mpi=([a-z]+)")
_EXITED = re.compile(r"rc2\.0: .* Exited \(rc=([0-9]+)\)")
_EXITED_SIGNS = (b"rc2.0: ",)
_TIMES = {"fluxsubmit": "launcher_time_s", "fluxstart": "broker_time_s"}
_TIMED = re.compile(r"FLUXTIME (\w+) wall time [0-9]")
_TIMED_SIGNS = (b"FLUXTIME",)
_GENERATED = re.compile(r"Generated on (\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})")
_GENERATED_SIGNS = (b"Generated on ",)
# Flux's `per-task` gives each task its own cores; a command without the option says nothing.
_BINDINGS = {"per-task": Binding.CORE, "off": Binding.NONE}


class FluxCloud(Layout):
    """Experiments with the Flux Operator."""

    title = "flux-cloud"

    def find(self, files: Sequence[Path]) -> Iterable[Source]:
        """One experiment per folder with a `meta.json` or folders of MiniCluster runs."""
        metas = [f for f in files if f.name == META]
        with_meta = {meta.parent for meta in metas if is_meta(meta)}
        logs = [f for f in files if is_log(f, has_meta=f.parent.parent in with_meta)]
        roots = dict.fromkeys([log.parent.parent for log in logs] + sorted(with_meta))
        for root in roots:
            own = tuple(log for log in logs if log.parent.parent == root)
            yield Source(
                layout=self,
                root=root,
                logs=own,
                others=tuple(meta for meta in metas if meta.parent == root),
            )

    def read(self, source: Source, on_read: Callable[[Path], None]) -> Experiment:
        """All runs; one that is in `meta.json` but has no log has an error."""
        meta, problems = read_meta(next(iter(source.others), None))
        runs = []
        labels = frozenset(_TIMES) & set().union(*map(_timed_labels, source.logs))
        for log in sorted(source.logs, key=lambda log: meta.place(_plain(log), _natural(log))):
            runs.append(_run(log, meta, labels=labels))
            on_read(log)
        done = {_plain(log) for log in (*source.logs, *source.foreign)}
        lost = [name for name in meta.names if not {name, job_of(name)} & done]
        runs += [_missing(source.root, name, meta) for name in lost]
        runs.sort(key=lambda run: meta.place(run.name.removeprefix("_"), _natural(run.file)))
        return Experiment(
            layout=self.title,
            k8s_operator="flux_operator",
            root=source.root,
            runs=tuple(runs),
            is_ordered=bool(meta.times),
            began=_began(source.logs),
            fields=meta.fields,
            problems=problems,
            notes=_notes(runs, labels=labels),
        )


def is_meta(path: Path) -> bool:
    """True if a `meta.json` is flux-cloud's: it mentions MiniClusters."""
    return try_parse(path, lambda lines: any("minicluster" in line for line in lines)) or False


def is_log(path: Path, *, has_meta: bool) -> bool:
    """True for a run's log, by its folder's name or its place beside flux-cloud's `meta.json`."""
    return path.name == LOG and (has_meta or _FOLDER.fullmatch(path.parent.name) is not None)


def _run(log: Path, meta: Meta, *, labels: frozenset[str]) -> Run:
    name = _plain(log)
    job = meta.job(name)
    command = try_parse(log, first_line_with(SUBMIT), signs=_SUBMIT_SIGNS)
    sizes = (_size_of(name), meta.sizes.get(name), count_in(_NODES, command))
    nodes = next((size for size in sizes if size is not None), None)
    ranks = job.tasks or count_in(_TASKS, command)
    error, measured, fields = None, None, {}
    try:
        require_success(log)
        measured = _readings.measured(log, command=job.command or command, ranks=ranks)
        fields = {**measured.fields, **_times(log, labels=labels)}
        ranks = measured.ranks
        if nodes is None:
            raise ParseError(f"{place_of(log)}: neither folder, {META} nor command tells the nodes")
    except BenchmarkError as err:
        error, fields = err, {}
    return Run(
        name=log.parent.name,
        file=log,
        nodes=nodes,
        ranks=ranks,
        is_discarded=log.parent.name.startswith("_"),
        error=error,
        fields={**_run_facts(log, command), **fields},
        cluster_run_s=meta.run_s(name),
        text_sha256=measured.text_sha256 if measured and not error else None,
    )


def require_success(log: Path) -> None:
    """Raise JobFailed when Flux reports that the job, or its submission, failed."""
    signs = flux_events.SIGNS
    if parsed(log, lambda lines: any(map(flux_events.holds_event, lines)), signs=signs):
        events = parsed(log, flux_events.parse, signs=signs)
        if events.status:
            raise JobFailed(f"{place_of(log)}: the Flux job completed with status {events.status}")
        if events.fatal:
            raise JobFailed(f"{place_of(log)}: the Flux job ended with {events.fatal}")
        if events.status is None:
            raise ParseError(f"{place_of(log)}: the job's events stop before its end: a cut log")
    ended = _EXITED.search(try_parse(log, first_line_with(_EXITED), signs=_EXITED_SIGNS) or "")
    if ended and ended[1] != "0":
        raise JobFailed(f"{place_of(log)}: the broker's command exited with code {ended[1]}")


def _times(log: Path, *, labels: frozenset[str]) -> dict[str, float]:
    """Wall times of the experiment's Flux commands; ParseError for a missing one.

    Only a template of 2023 prints them. Where it was used, each log of the experiment has them.
    """
    needed = sorted(labels)
    times = parsed(log, lambda lines: gnu_time.parse(lines, required=needed), signs=gnu_time.SIGNS)
    return {name: times[label] for label, name in _TIMES.items() if label in labels}


def _timed_labels(log: Path) -> set[str]:
    """The Flux commands with a wall time in a log."""
    labels = try_parse(log, lambda lines: set(_TIMED.findall("\n".join(lines))), signs=_TIMED_SIGNS)
    return labels or set()


def _missing(root: Path, name: str, meta: Meta) -> Run:
    file = root / name / LOG
    return Run(
        name=name,
        file=file,
        nodes=_size_of(name) or meta.sizes.get(name),
        ranks=meta.job(name).tasks,
        error=ParseError(f"{place_of(file)}: {META} names this run, but there is no {LOG} of it"),
        cluster_run_s=meta.run_s(name),
    )


def _run_facts(log: Path, command: str | None) -> dict[str, Any]:
    affinity, mpi = _AFFINITY.search(command or ""), _MPI.search(command or "")
    is_known = mpi is not None and mpi[1] in set(MpiImplementation)
    return {
        "application": _readings.application_of(log, command),
        "binding": _BINDINGS.get(affinity[1]) if affinity else None,
        "mpi_implementation": MpiImplementation(mpi[1]) if mpi and is_known else None,
        "log_sha256": sha256(log),
        "simulated": _readings.is_synthetic(log),
    }


def _size_of(name: str) -> int | None:
    """Nodes in the name of a run's folder."""
    match = _FOLDER.fullmatch(name)
    return int(match["size"]) if match else None


def count_in(pattern: re.Pattern[str], text: str | None) -> int | None:
    """The number in the pattern's first group in a text, None without one."""
    match = pattern.search(text or "")
    return int(match[1]) if match else None


def _plain(log: Path) -> str:
    return log.parent.name.removeprefix("_")


def _natural(log: Path) -> tuple[tuple[int, str], ...]:
    """Sorting key that puts `lmp-8-9` before `lmp-8-10`."""
    parts = _NUMBER.split(log.parent.name.removeprefix("_"))
    return tuple((int(part), "") if part.isdigit() else (0, part) for part in parts)


def _began(logs: Sequence[Path]) -> datetime | None:
    """Creation of the first CURVE certificate in the logs."""
    stamps = []
    for log in logs:
        line = try_parse(log, first_line_with(_GENERATED), signs=_GENERATED_SIGNS)
        match = _GENERATED.search(line or "")
        if match:
            stamps.append(datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC))
    return min(stamps, default=None)


def _notes(runs: Sequence[Run], *, labels: frozenset[str]) -> tuple[str, ...]:
    notes = []
    if any(run.fields.get("binding") is None for run in runs):
        notes.append("binding is not known where the command line has no cpu-affinity option")
    if runs and not labels:
        notes.append(
            "no log has wall times of Flux' commands: launcher time, broker time and what follows "
            "from them are not known"
        )
    elif missing := sorted(set(_TIMES) - labels):
        unknown = " and ".join(_TIMES[label] for label in missing)
        notes.append(f"no log has a wall time of {' and '.join(missing)}: {unknown} is not known")
    return tuple(notes)


ADAPTER = FluxCloud()
