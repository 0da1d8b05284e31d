"""The output of a simulated job's launcher pod, line by line, with its timing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.simulation.settings import Fault

if TYPE_CHECKING:
    from include.applications import SyntheticLine
    from include.simulation.durations import Drawn

FIRST_LINE = "SYNTHETIC: nobody ran this application; its times are drawn around those of run 6"
BEFORE_SHARE = 0.8  # share of the launcher's own time that precedes the application
FAIL_AT = 0.4  # share of the run after which a requested fault occurs
FAILED = 1
LOST_CODE = 255  # ssh's exit code when a host is gone
NOW = "<now>"  # placeholder for the pod's clock when the line is printed


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line, in seconds (not yet scaled) after all pods run; before that when negative."""

    at_s: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run to be played."""

    nodes: int
    ranks: int
    time_scale: float
    drawn: Drawn
    output: tuple[SyntheticLine, ...]
    fault: Fault | None

    def opening(self) -> str:
        """The first line of every simulated log."""
        return f"{FIRST_LINE}; waiting is shortened to {self.time_scale:g} of them"

    def application_s(self) -> float:
        """Seconds from the application's first line to its last."""
        return self.output[-1].at_s

    def cut_s(self) -> float:
        """The second of the application at which a fault occurs."""
        return self.application_s() * FAIL_AT

    def printed(self, start_s: float) -> list[Line]:
        """The application's lines when it starts at that second, up to its end or fault."""
        is_complete = self.fault in (None, Fault.POD_EVICTED, Fault.NODE_LOST)
        return [
            Line(at_s=start_s + line.at_s, text=line.text)
            for line in self.output
            if is_complete or line.at_s <= self.cut_s()
        ]


def over_ssh(run: Run) -> tuple[list[Line], int]:
    """Lines and exit code of the launcher script of `include.k8s_operators._mpi_launch`."""
    drawn = run.drawn
    beside = max(0.0, drawn.launcher_time_s - run.application_s())
    lines = run.printed(beside * BEFORE_SHARE)
    if run.fault is Fault.TRUNCATED_LOG:
        return lines, 0
    if run.fault is Fault.LAUNCHER_FAILS:
        end = lines[-1].at_s
        lines.append(Line(at_s=end, text="simulated fault: an MPI rank ended with code 1"))
        return [*lines, *_posix_time(end, real_s=end)], FAILED
    return [*lines, *_posix_time(drawn.launcher_time_s, real_s=drawn.launcher_time_s)], 0


def when_a_host_is_gone(run: Run, at_s: float) -> tuple[list[str], int]:  # noqa: ARG001
    """Lines of a launcher that loses a host reached by ssh, and its exit code."""
    return ["simulated fault: a host is gone"], LOST_CODE


def _posix_time(at_s: float, *, real_s: float) -> list[Line]:
    texts = (f"real {real_s:.2f}", f"user {real_s / 100:.2f}", f"sys {real_s / 1000:.2f}")
    return [Line(at_s=at_s, text=text) for text in texts]
