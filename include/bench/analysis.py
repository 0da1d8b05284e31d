"""The cost of the analysis: recorded runs into a report, many records, one huge log."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from include.bench.recorded_folders import write_folders
from include.errors import BenchmarkError
from include.project import ROOT
from include.recorded_runs.__main__ import ALL_VALID, SOME_INVALID

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    Row = tuple[str, str, str]  # what, measured, aim

RECORDS = 100_000
LOG_BYTES = 1 << 30
IMPORT_S = 3600.0  # time limit of an import
_CELLS = (8, 16, 32, 64)
_OPERATORS = ("mpi_operator", "flux_operator")
_BATCH = 10_000  # lines written at a time
_FOOTER = (
    "Mapping for job 0 for scheduler default-scheduler\nworker-0 --> node-a\n",
    "node-a ran 1 pods in zone a\n",
    "Ranks: 1, pods: 1, pods per node: Slots per pod: 1, GiB memory per pod: 1\n",
    "Launcher CPUs: 1, launcher memory in GiB: 1\n",
    "MPIJob startup time for job generated is 1.0 seconds\n",
    "MPIJob runtime for job generated is 1.0 seconds\n",
    "MPIJob end-to-end time for job generated 3.0 seconds\n",
)


def rows(folders: Sequence[Path], *, log_bytes: int = LOG_BYTES) -> list[Row]:
    """Seconds and memory; BenchmarkError on a failure."""
    return [_import_row(folders), _summary_row(), _memory_row(log_bytes)]


def _import_row(folders: Sequence[Path]) -> Row:
    """Row of importing the given folders, or generated ones with as many logs as run 6."""
    kind = "recorded" if folders else "generated"
    with tempfile.TemporaryDirectory() as scratch:
        if not folders:
            folders = [Path(scratch) / "runs"]
            write_folders(folders[0])
        out = Path(scratch) / "out"
        seconds, _ = _import(folders, out=out, may_be_invalid=True)
        logs = len((out / "records.csv").read_text().splitlines()) - 1
    return (f"{logs} {kind} runs → tables, figures, report", f"{seconds:.1f} s", "a few seconds")


def _summary_row() -> Row:
    from include.analysis.summary import summarise  # noqa: PLC0415  pandas takes seconds to load

    frame = many_records(RECORDS)
    started = time.monotonic()
    summarise(frame)
    return (f"{len(frame):,} records summarised", f"{time.monotonic() - started:.2f} s", "< 10 s")


def many_records(count: int) -> pd.DataFrame:
    """A table of that many generated records in eight cells, for its size alone."""
    import numpy as np  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    from include.analysis import table  # noqa: PLC0415
    from include.models import Record  # noqa: PLC0415

    unknown = {name: None for name, field in Record.model_fields.items() if field.is_required()}
    one = [
        Record.model_validate(
            unknown
            | {
                "study_id": "generated",
                "point_id": f"generated-{name}-{nodes}",
                "k8s_operator": name,
                "nodes": nodes,
                "ranks": nodes,
                "is_warmup": False,
                "order_index": 1,
                "status": "valid",
                "code_version": "generated",
                "simulated": True,
            }
        )
        for name in _OPERATORS
        for nodes in _CELLS
    ]
    frame = pd.concat([table.to_frame(one)] * (count // len(one)), ignore_index=True)
    drawn = np.random.default_rng(1).lognormal(3.0, 0.05, (2, len(frame)))
    return frame.assign(loop_time_s=drawn[0], launcher_time_s=drawn[0] + drawn[1])


def _memory_row(log_bytes: int) -> Row:
    with tempfile.TemporaryDirectory() as scratch:
        folder, out = Path(scratch) / "runs", Path(scratch) / "out"
        seconds, small_mib = _import_one(folder / "small", 1 << 20, out=out)
        seconds, huge_mib = _import_one(folder / "huge", log_bytes, out=out)
    what = f"memory for a log of {log_bytes >> 20:,} MiB, more than for one of 1 MiB"
    return (what, f"{huge_mib - small_mib:.0f} MiB ({huge_mib:.0f} in all, {seconds:.0f} s)", "0")


def _import_one(folder: Path, size: int, *, out: Path) -> tuple[float, float]:
    write_long_log(folder / "logs" / "generated.out", size=size)
    return _import([folder], out=out)


def _import(
    folders: Sequence[Path], *, out: Path, may_be_invalid: bool = False
) -> tuple[float, float]:
    """Seconds and peak resident memory in MiB of an import in its own process."""
    command = [sys.executable, "-m", "include.recorded_runs", *map(str, folders), "--out", str(out)]
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
        try:
            usage = _wait(process, until=started + IMPORT_S)
        finally:
            process.kill()
        output.seek(0)
        if process.returncode not in ({ALL_VALID, SOME_INVALID} if may_be_invalid else {ALL_VALID}):
            raise BenchmarkError(f"the import failed:\n{output.read().decode()[-2000:]}")
    return time.monotonic() - started, usage.ru_maxrss / 1024


def _wait(process: subprocess.Popen[bytes], *, until: float) -> os.struct_rusage:  # type: ignore[name-defined]
    while time.monotonic() < until:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage
        time.sleep(0.05)
    raise BenchmarkError(f"the import did not end within {IMPORT_S:.0f} s")


def write_long_log(path: Path, *, size: int) -> None:
    """A SYNTHETIC launcher log of about `size` bytes, mostly one long thermo table."""
    path.parent.mkdir(parents=True)
    with path.open("w") as file:
        for text in _long_log(size):
            file.write(text)


def _long_log(size: int) -> Iterator[str]:
    row = "{:>10}   300.12345    -113.27833     439.01979    -111.57687    -1.7014647\n"
    steps = size // len(row.format(0))
    yield "SYNTHETIC\nLAMMPS (22 Jul 2025)\n  1 by 1 by 1 MPI processor grid\n"
    yield "   Step          Temp          PotEng         Press          E_vdwl         E_coul\n"
    for first in range(0, steps + 1, _BATCH):
        yield "".join(row.format(step) for step in range(first, min(first + _BATCH, steps + 1)))
    yield f"Loop time of 2.15473 on 1 procs for {steps} steps with 304 atoms\n"
    yield "Total wall time: 0:00:02\nreal 2.67\nuser 0.01\nsys 0.02\n"
    yield from _FOOTER
