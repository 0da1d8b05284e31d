"""`python -m include.bench.rehearsal`: rehearses run 6's study and reports its cost.

Times are read from the study's folder: timestamps of the API server, and the pipeline's own for the
cluster's start. Memory is sampled while the study runs.
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

from include.bench import lean, memory
from include.bench.table import markdown, measured_by, newest
from include.cost.stretches import DESTROY, PROVISION, WAIT_READY
from include.embedded import state
from include.embedded.paths import simulated_root
from include.errors import BenchmarkError
from include.files import write_page
from include.models import Status
from include.project import ROOT
from include.results import Results, step_times
from include.study.presets import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from include.bench.table import Row
    from include.models import Record

PRESETS = {
    "rehearsal": "The rehearsal of run 6, measured",
    "rehearsal_lean": "The rehearsal of run 6's question in fewer jobs, measured",
}
SAMPLE_S = 5.0
LAUNCHED = re.compile(r"assigned \S+-launcher-\S+ to (\S+)")  # the scheduler's Event
RESOLUTION = (
    "Nothing of the application was measured: nodes, logs and the times in them are SIMULATED. "
    "Stamps of the API server are whole seconds, so a single gap is known to about two seconds "
    "and the swap to one. Memory is the proportional set size of pipeline, control plane, "
    f"controllers and simulated nodes together, the largest of samples every {SAMPLE_S:g} s."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Rehearse, or read a finished rehearsal; print a table, and store it with `--write`."""
    parser = argparse.ArgumentParser(prog="python -m include.bench.rehearsal", description=__doc__)
    parser.add_argument("--preset", choices=PRESETS, default=next(iter(PRESETS)))
    parser.add_argument(
        "--repeats", type=int, help="of each cell, where the preset's are not meant"
    )
    parser.add_argument(
        "--results", type=Path, help="folder of a rehearsal that has ended: run none, read this"
    )
    parser.add_argument("--write", type=Path, help="keep the table in this file too")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.results:
            results, peak_mib = Results(chosen.results), None
        else:
            results, peak_mib = _rehearse(chosen.preset, chosen.repeats)
        text = markdown(rows(results, peak_mib=peak_mib))
    except (BenchmarkError, FileNotFoundError) as err:
        sys.stderr.write(f"error: {err}\n")
        return 1
    sys.stdout.write(text)
    if chosen.write:
        write_page(chosen.write, _document(text, results, preset=chosen.preset))
    return 0


def _rehearse(preset: str, repeats: int | None) -> tuple[Results, int]:
    """Run the study; its folder and the largest total memory in MiB."""
    conf = json.dumps({"preset": preset} | ({"repeats": repeats} if repeats else {}))
    peak_mib = 0
    with subprocess.Popen([str(ROOT / "bin" / "demo"), conf]) as running:  # noqa: S603
        try:
            while True:
                peak_mib = max(peak_mib, _in_use_mib(running.pid))
                with suppress(subprocess.TimeoutExpired):
                    running.wait(SAMPLE_S)
                    break
        except BaseException:  # the demo removes its cluster when it is told to end
            running.terminate()
            raise
    if running.returncode != 0:
        raise BenchmarkError("the rehearsal failed: see what it said above")
    return newest(load(preset)["name"]), peak_mib


def _in_use_mib(pid: int) -> int:
    cluster = state.read_or_none(simulated_root())
    return memory.of_families([pid, *(each.pid for each in (cluster.processes if cluster else ()))])


def rows(results: Results, *, peak_mib: int | None) -> list[Row]:
    """Actual and intended durations of the rehearsal; BenchmarkError when it is unfinished."""
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
        (
            f"{cluster.nodes + 1 if cluster else '?'} nodes Ready",
            _seconds([ready_s]),
            "< 15 s",
        ),
        ("points valid", f"{valid} of {len(records)} measured", "all"),
        _launchers(results, records),
        (
            "swap: last pod gone → next operator's resource",
            _seconds(_swaps(records)),
            "< 15 s",
        ),
        ("job terminal → next resource, less deletion", _seconds(_gaps(records)), "< 2 s"),
        ("memory of the whole", measured, "< 4 GiB"),
        ("cluster asked for → proven gone", _seconds([whole_s]), ""),
        *(lean.rows(results, records) if plan.study.repeats_min else ()),
    ]


def _launchers(results: Results, records: Iterable[Record]) -> Row:
    """Nodes that ran launchers of the largest size, from the scheduler's Events."""
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
    """Seconds from the last pod of one phase to the first resource of the next."""
    return [
        _between(one.deleted_at, other.created_at)
        for one, other in pairwise(records)
        if one.phase != other.phase
    ]


def _gaps(records: Iterable[Record]) -> list[float | None]:
    """Seconds from a job's terminal state to the next resource of its phase, minus the deletion."""
    pairs = [(one, other) for one, other in pairwise(records) if one.phase == other.phase]
    return [
        gap_s - one.delete_s
        for one, other in pairs
        if (gap_s := _between(one.completed_at, other.created_at)) is not None
        and one.delete_s is not None
    ]


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None


def _seconds(seconds: Sequence[float | None]) -> str:
    known = [value for value in seconds if value is not None]
    if not known:
        return "not measured"
    if len(known) == 1:
        return f"{known[0]:.1f} s"
    spread = f"{min(known):.1f} to {max(known):.1f}, n = {len(known)}"
    return f"{statistics.median(known):.1f} s ({spread})"


def _document(table: str, results: Results, *, preset: str) -> str:
    names = dict.fromkeys(record.k8s_operator for record in results.records())
    versions = "; ".join(f"{name}: {results.operator_version(name)}" for name in names)
    source = measured_by(f"bench-rehearsal PRESET={preset}")
    return f"# {PRESETS[preset]}\n\n{source} Operators: {versions}.\n\n{table}\n{RESOLUTION}\n"


if __name__ == "__main__":
    sys.exit(main())
