"""`python -m include.bench.rehearsal`: rehearses run 6's study and tells what that takes.

Times are read from the study's folder: stamps of the API server, and for the cluster's start the
pipeline's own. Memory is looked at while the study runs.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from include.bench import memory
from include.bench.table import markdown, measured_by, newest
from include.cost.account import DESTROY, PROVISION, WAIT_READY
from include.embedded import state
from include.embedded.paths import simulated_root
from include.errors import BenchmarkError
from include.models import Status
from include.project import ROOT
from include.results import Results, step_times
from include.study.presets import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from include.bench.table import Row
    from include.models import Record

PRESET = "rehearsal"
SAMPLE_S = 5.0
LAUNCHED = re.compile(r"assigned \S+-launcher-\S+ to (\S+)")  # the scheduler's Event
RESOLUTION = (
    "Nothing of the application was measured: nodes, logs and the times in them are SIMULATED. "
    "Stamps of the API server are whole seconds, so a single gap is known to about two seconds "
    "and the swap to one. Memory is the proportional set size of pipeline, control plane, "
    f"controllers and simulated nodes together, the largest of samples every {SAMPLE_S:g} s."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Rehearse, or read a rehearsal that has ended; print a table, and keep it with `--write`."""
    parser = argparse.ArgumentParser(prog="python -m include.bench.rehearsal", description=__doc__)
    parser.add_argument("--repeats", type=int, default=2, help="of each cell")
    parser.add_argument(
        "--results", type=Path, help="folder of a rehearsal that has ended: run none, read this"
    )
    parser.add_argument("--write", type=Path, help="keep the table in this file too")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.results:
            results, peak_mib = Results(chosen.results), None
        else:
            results, peak_mib = _rehearse(chosen.repeats)
        text = markdown(rows(results, peak_mib=peak_mib))
    except (BenchmarkError, FileNotFoundError) as err:
        sys.stderr.write(f"error: {err}\n")
        return 1
    sys.stdout.write(text)
    if chosen.write:
        chosen.write.write_text(_document(text, results))
    return 0


def _rehearse(repeats: int) -> tuple[Results, int]:
    """Run the study; its folder and the largest memory of the whole, MiB."""
    conf = json.dumps({"preset": PRESET, "repeats": repeats})
    peak_mib = 0
    with subprocess.Popen([str(ROOT / "bin" / "demo"), conf]) as running:  # noqa: S603
        try:
            while True:
                peak_mib = max(peak_mib, _in_use_mib(running.pid))
                with suppress(subprocess.TimeoutExpired):
                    running.wait(SAMPLE_S)
                    break
        except BaseException:  # it removes its cluster when it is told to end
            running.terminate()
            raise
    if running.returncode != 0:
        raise BenchmarkError("the rehearsal failed: see what it said above")
    return newest(load(PRESET)["name"]), peak_mib


def _in_use_mib(pid: int) -> int:
    cluster = state.read_or_none(simulated_root())
    return memory.of_families([pid, *(each.pid for each in (cluster.processes if cluster else ()))])


def rows(results: Results, *, peak_mib: int | None) -> list[Row]:
    """Actual and intended durations of the rehearsal; BenchmarkError when it has not ended."""
    plan, records = results.plan(), results.records()
    noted = {step.name: step for step in step_times.read(results)}
    if missing := {PROVISION, WAIT_READY, DESTROY} - noted.keys():
        raise BenchmarkError(f"{results} is of no study that ended: it lacks {sorted(missing)}")
    valid = sum(record.status is Status.VALID for record in records)
    cluster = results.cluster()
    ready_s = _between(noted[PROVISION].started_at, noted[WAIT_READY].finished_at)
    whole_s = _between(noted[PROVISION].started_at, noted[DESTROY].finished_at)
    measured = "not measured" if peak_mib is None else f"{peak_mib / 1024:.2f} GiB"
    return [
        (f"{cluster.nodes + 1 if cluster else '?'} nodes Ready", _said([ready_s]), "< 15 s"),
        ("points valid", f"{valid} of {len(plan.points)}", "all"),
        _launchers(results, records),
        ("swap: last pod gone → next operator's resource", _said(_swaps(records)), "< 15 s"),
        ("job terminal → next resource, less deletion", _said(_gaps(records)), "< 2 s"),
        ("memory of the whole", measured, "< 4 GiB"),
        ("cluster asked for → proven gone", _said([whole_s]), ""),
    ]


def _launchers(results: Results, records: Iterable[Record]) -> Row:
    """Where the launchers of the largest size ran, by the scheduler's Events."""
    records = list(records)
    most = max((record.nodes or 0 for record in records), default=0)
    places: list[str] = []
    for record in records:
        if record.nodes == most:
            raw_events = results.of_point(record.point_id).find_bytes("events.json")
            messages = [str(event["message"]) for event in json.loads(raw_events or b"[]")]
            places += [match[1] for text in messages if (match := LAUNCHED.search(text))]
    counts = ", ".join(f"{name}: {places.count(name)}" for name in sorted(set(places)))
    return (
        f"launchers of {most}-node points, by node",
        counts or "none seen",
        "the launcher's node",
    )


def _swaps(records: Iterable[Record]) -> list[float | None]:
    """From the last pod of one phase to the first resource of the next, seconds."""
    return [
        _between(one.deleted_at, other.created_at)
        for one, other in pairwise(records)
        if one.phase != other.phase
    ]


def _gaps(records: Iterable[Record]) -> list[float | None]:
    """From a job's terminal state to the next resource of its phase, less the deletion."""
    pairs = [(one, other) for one, other in pairwise(records) if one.phase == other.phase]
    return [
        gap_s - one.delete_s
        for one, other in pairs
        if (gap_s := _between(one.completed_at, other.created_at)) is not None
        and one.delete_s is not None
    ]


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None


def _said(seconds: Sequence[float | None]) -> str:
    known = [value for value in seconds if value is not None]
    if not known:
        return "not measured"
    if len(known) == 1:
        return f"{known[0]:.1f} s"
    spread = f"{min(known):.1f} to {max(known):.1f}, n = {len(known)}"
    return f"{statistics.median(known):.1f} s ({spread})"


def _document(table: str, results: Results) -> str:
    names = dict.fromkeys(record.k8s_operator for record in results.records())
    versions = "; ".join(f"{name}: {results.operator_version(name)}" for name in names)
    return (
        "# The rehearsal of run 6, measured\n\n"
        f"{measured_by('bench-rehearsal')} Operators: {versions}.\n\n{table}\n{RESOLUTION}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
