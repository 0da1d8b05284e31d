"""`python -m include.bench`: measures and prints a table; `--write FILE` also stores it."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.bench import analysis, gaps, memory, regression, scheduler
from include.bench.table import markdown, measured_by, newest
from include.embedded import start_times
from include.embedded.paths import state_root
from include.errors import BenchmarkError
from include.files import write_page
from include.models import Reservation
from include.project import ROOT
from include.results import Results
from include.study.plan import study_id_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.bench.gaps import Gaps
    from include.bench.table import Row

STARTS = 5
NODES = 2
STUDY: dict[str, Any] = {"nodes": [NODES], "warmups": 1, "repeats": 6}
RUN_S = 1800.0
NOTE = """\
Stamps of the API server are whole seconds, so the parts of a gap that rest on them (reporting,
deletion, pods running) are known to a second; the whole gap is known to a millisecond, as it is
the difference of two log stamps.

Where a gap goes, by the kubelets' own logs: a kubelet looks at its containers once a second, so
that a launcher's end is seen half a second late on average, and it waits for its next look, a
second later, before it tells of the pod's end. The Job controller, on which the MPI Operator rests
as well, takes up changes of pods a second after they came: 2.6 s until the end is reported. The
workers, stopped then, are gone after one more look, 0.7 to 1 s. New pods take 0.7 to 1 s to start.
The pipeline's own part is Airflow's and a few requests, about half a second.

These looks and waits are constants of Kubernetes 1.36 (`genericPlegRelistPeriod`, `GetNewerThan` in
`pod_workers.go`, `SyncJobBatchPeriod`) and part of what is compared, so the pipeline waits for
them. A gap under 3 s could be had only by deleting a job before its end is reported, which would
leave it without `completed_at`, or by starting a job while pods of the one before are still there.
Kubelets that are told of a container's end instead of looking for it (`EventedPLEG`, alpha) are no
way out: Debian 12's containerd answers that call with `Unimplemented`, and with containerd 2.2.9,
tried on 2026-11-27, a kubelet told of ends so late that a point took up to 15 s instead of 9.

Of the control plane's start, one second is a wait of the API server before it makes its roles
(`storage_rbac.go`); it then makes about 130, one after the other. A database that has them already
gains a tenth of a second.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the analysis, the starts of the local cluster, one study each way; print a table."""
    chosen = _arguments(arguments)
    of_analysis = (lambda: analysis.rows(chosen.data), regression.rows)
    of_cluster = () if chosen.analysis_only else (_starts, _dags_test, _scheduler)
    rows: list[Row] = []
    try:
        _say("analysis: recorded runs, many records, one huge log, a year of nights (minutes)")
        for measure in (*of_analysis, *of_cluster):
            rows += measure()
    except BenchmarkError as err:
        sys.stdout.write(markdown(rows))  # results so far, which are stored nowhere
        sys.stderr.write(f"error: {err}\n")
        return 1
    text = markdown(rows)
    sys.stdout.write(text)
    if chosen.write:
        write_page(chosen.write, _document(text))
    return 0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m include.bench", description=__doc__)
    parser.add_argument("--write", type=Path, help="keep the table in this file too")
    parser.add_argument(
        "--data", type=Path, nargs="*", default=(), help="folders of recorded runs to import"
    )
    parser.add_argument(
        "--analysis-only", action="store_true", help="start no cluster, and so need no root"
    )
    return parser.parse_args(arguments)


def _starts() -> list[Row]:
    _say(f"starting and ending the local cluster {STARTS} times")
    measured = [
        start_times.measure(_reservation(number), root=state_root()) for number in range(STARTS)
    ]
    memory_mib = statistics.median(sum(each.memory_mib.values()) for each in measured)
    return [
        _row("control plane start", [each.control_plane_s for each in measured], "< 3 s"),
        _row(f"{NODES} nodes Ready after that", [each.nodes_s for each in measured], "< 20 s"),
        _row("cluster deletion", [each.delete_s for each in measured], ""),
        ("memory of the idle cluster", f"{memory_mib:.0f} MiB", ""),
    ]


def _reservation(number: int) -> Reservation:
    study_id = study_id_of(name="bench", run_id=str(number))
    return Reservation(
        study_id=study_id,
        cluster="local",
        namespace=study_id,
        nodes=NODES,
        expires_at=datetime.now(UTC) + timedelta(hours=1),
        options={"nodes": NODES},
    )


def _dags_test() -> list[Row]:
    name = "bench-direct"
    _say("a study through `airflow dags test`")
    command = [str(ROOT / "bin" / "demo"), json.dumps({**STUDY, "name": name})]
    started = time.monotonic()
    try:
        done = subprocess.run(  # noqa: S603
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=RUN_S, check=False
        )
    except subprocess.TimeoutExpired as err:
        msg = f"the study did not end within {RUN_S:.0f} s; `make clean` removes its cluster"
        raise BenchmarkError(msg) from err
    if done.returncode != 0:
        raise BenchmarkError(f"the study failed:\n{done.stdout.decode()[-2000:]}")
    took_s = time.monotonic() - started
    points = STUDY["warmups"] + STUDY["repeats"]
    rows = _all_gap_rows(newest(name), "dags test")
    return [(f"study of {2 * points} points, dags test", f"{took_s:.1f} s", ""), *rows]


def _scheduler() -> list[Row]:
    name = "bench-sched"
    _say("the same study under the scheduler")
    with scheduler.airflow() as (address, pid):
        run_id = scheduler.run_study(address, {**STUDY, "name": name})
        memory_mib = memory.of_family(pid)
    folder = ROOT / "results" / study_id_of(name=name, run_id=run_id)
    rows = _all_gap_rows(Results(folder), "scheduler")
    return [*rows, ("memory of Airflow (api-server, scheduler, parser)", f"{memory_mib} MiB", "")]


def _all_gap_rows(results: Results, way: str) -> list[Row]:
    """Rows of all points' gaps and of each operator's total gap, mostly its own reporting."""
    rows = _gap_rows(gaps.read_gaps(results, nodes=NODES), way)
    for name in results.plan().study.operators:
        run_gaps = gaps.read_gaps(results, nodes=NODES, k8s_operator=name)
        measured = (
            f"{run_gaps.gap_s:.2f} s, {run_gaps.notice_s:.2f} s of it until the end is reported"
        )
        rows.append((f"… between points of {name}, {way} (n = {run_gaps.n})", measured, ""))
    return rows


def _gap_rows(measured: Gaps, scheduled_by: str) -> list[Row]:
    seconds = {
        "launcher end → next launcher start": (measured.gap_s, "< 3 s"),
        "… of it Airflow": (measured.airflow_s, "< 0.6 s" if scheduled_by == "scheduler" else ""),
        "… of it until the operator reports the end": (measured.notice_s, ""),
        "… of it deletion": (measured.delete_s, ""),
        "… of it resource created → launcher started": (measured.start_s, ""),
        "resource created → all pods running": (measured.pods_running_s, ""),
    }
    return [
        (f"{what}, {scheduled_by} (n = {measured.n})", f"{value:.2f} s", aim)
        for what, (value, aim) in seconds.items()
    ]


def _row(what: str, seconds: Sequence[float], aim: str) -> Row:
    middle = statistics.median(seconds)
    spread = f"{min(seconds):.2f} to {max(seconds):.2f}, n = {len(seconds)}"
    return (what, f"{middle:.2f} s ({spread})", aim)


def _document(table: str) -> str:
    return (
        "# Benchmarks of the pipeline itself\n\n"
        f"{measured_by('bench')} Two nodes, LAMMPS HNS 1x1x1, both operators.\n\n"
        f"{table}\n{NOTE}"
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
