"""`bin/demo` ended from outside at each step: by Ctrl-C, a closed terminal, or a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from include import waiting
from include.drills.case import two_points
from include.drills.outcome import Colour, Outcome, Promise
from include.embedded.paths import simulated_root
from include.embedded.simulated_removal import leftovers
from include.errors import BenchmarkError
from include.project import ROOT
from include.results import Results

if TYPE_CHECKING:
    from collections.abc import Iterator

CLUSTER = "simulated"
BEGIN_LIMIT_S, END_LIMIT_S = 240.0, 120.0
POLL_S = 0.1
STOPPED = "stopped; removing the cluster"
# Files in a study's folder that show that a step has started.
STEPS = {
    "while the cluster is made": "steps/provision.json",
    "while a job runs": "points/*/manifest.yaml",
    "in destroy": "steps/destroy.json",
}


@dataclass(frozen=True, kw_only=True)
class DemoCase:
    """One way of ending the demo from outside."""

    step: str
    number: signal.Signals

    @property
    def name(self) -> str:
        """The case's name in the table."""
        after = ", then `make clean`" if self.number is signal.SIGKILL else ""
        return f"`make demo` gets {self.number.name} {self.step}{after}"

    @property
    def promise(self) -> Promise:
        """Everything gone within a minute, and all measurements kept."""
        records = 2 if self.step == "in destroy" else 0
        names = () if self.number is signal.SIGKILL else (STOPPED,)
        return Promise(valid=records, kept=records, colour=Colour.NONE, names=names, named_s=None)


def cases() -> tuple[DemoCase, ...]:
    """Ctrl-C at each step, and the other signals while a job runs."""
    others = (signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
    return (
        *(DemoCase(step=step, number=signal.SIGINT) for step in STEPS),
        *(DemoCase(step="while a job runs", number=number) for number in others),
    )


def play(case: DemoCase) -> Outcome:
    """Play the case and return its outcome."""
    outcome = Outcome(cluster=CLUSTER, case=case.name, points=2, colour=Colour.NONE)
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        folder = Path(name)
        (folder / "results").mkdir()
        environment = {**os.environ, "OPERATOR_BENCHMARK_RESULTS": str(folder / "results")}
        with (folder / "output").open("wb") as output:
            demo = subprocess.Popen(  # noqa: S603  our own program
                [str(ROOT / "bin" / "demo"), json.dumps(two_points(CLUSTER, {"time_scale": 0.5}))],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _end(case, outcome, demo, folder)
        except (BenchmarkError, subprocess.TimeoutExpired) as err:
            outcome.broken.append(f"{type(err).__name__}: {err}")
        outcome.left = (*leftovers(simulated_root()), *_processes_of(folder))
        _clear(folder)
        for plan in folder.glob("results/*/plan.json"):
            records, _ = Results(plan.parent).readable_records()
            outcome.count(records, Results(plan.parent))
    return outcome


def _end(case: DemoCase, outcome: Outcome, demo: subprocess.Popen[bytes], folder: Path) -> None:
    for _ in waiting.looks(limit_s=BEGIN_LIMIT_S, poll_s=POLL_S):
        if any(folder.glob(f"results/*/{STEPS[case.step]}")):
            break
        if demo.poll() is not None:
            raise BenchmarkError(f"it ended before: {(folder / 'output').read_text()[-300:]}")
    outcome.hurt_at = time.monotonic()
    demo.send_signal(case.number)
    code = demo.wait(END_LIMIT_S)
    if case.number is signal.SIGKILL:
        cleaned = subprocess.run(  # noqa: S603  our own program
            [str(ROOT / "bin" / "opbench"), "clean"], check=False, timeout=END_LIMIT_S
        )
        code = 130 + cleaned.returncode
    outcome.recovered_at = outcome.named_at = time.monotonic()
    outcome.messages.append((folder / "output").read_text(errors="replace"))
    if code != 128 + signal.SIGINT:
        outcome.broken.append(f"exit code {code}")


def _processes_of(folder: Path) -> Iterator[str]:
    """Processes started for the run, recognised by its results folder in their environment."""
    mark = f"OPERATOR_BENCHMARK_RESULTS={folder}/".encode()
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (path / "environ").read_bytes():
                command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                yield f"process {path.name} ({command.strip()[:60]})"


def _clear(folder: Path) -> None:
    """End what is left, so that the next case starts on a clean machine."""
    for process in _processes_of(folder):
        with suppress(ProcessLookupError):
            os.kill(int(process.split()[1]), signal.SIGKILL)
