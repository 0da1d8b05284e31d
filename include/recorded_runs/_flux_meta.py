"""flux-cloud's `meta.json`: jobs, and how long each run took as seen by the tool."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_RUN = "minicluster-run-"
_SIZE = "-minicluster-size-"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job's definition; None: not told."""

    command: str | None = None
    tasks: int | None = None


@dataclass(frozen=True, kw_only=True)
class Meta:
    """What the file says; empty when there is none."""

    times: dict[str, float] = field(default_factory=dict)  # seconds by run, in the order of runs
    jobs: dict[str, Job] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)  # nodes by job
    fields: dict[str, Any] = field(default_factory=dict)  # of every record

    @property
    def names(self) -> tuple[str, ...]:
        """Every run that was made or defined, in the order of runs where it is known."""
        defined = (f"{job}{_SIZE}{size}" for job, size in self.sizes.items())
        return tuple(dict.fromkeys([*self.times, *defined]))

    def job(self, name: str) -> Job:
        """The job of a run."""
        return self.jobs.get(name.rpartition(_SIZE)[0], Job())

    def run_s(self, name: str) -> float | None:
        """Seconds from the run's creation to its end, with the deletion of the run before."""
        return self.times.get(name)

    def place(self, name: str, natural: tuple[Any, ...]) -> tuple[Any, ...]:
        """A sorting key: as in `times`; runs that are not there come last, by name."""
        names = self.names
        return (names.index(name) if name in names else len(names), natural)


def read_meta(path: Path | None) -> tuple[Meta, tuple[str, ...]]:
    """The file's content, and what is wrong with it; None: there is no such file."""
    if path is None:
        return Meta(), ("meta.json is missing: order and run times are not known",)
    try:
        return _meta(json.loads(path.read_text())), ()
    except (ValueError, TypeError, KeyError, AttributeError) as err:
        return Meta(), (f"{path.name} cannot be read, so order and run times are not known: {err}",)


def _meta(data: dict[str, Any]) -> Meta:
    times = {
        name.removeprefix(_RUN): float(seconds)
        for name, seconds in data["times"].items()
        if name.startswith(_RUN)
    }
    jobs = data.get("jobs", {})
    return Meta(
        times=times,
        jobs={
            name: Job(command=job.get("command"), tasks=job.get("tasks"))
            for name, job in jobs.items()
        },
        sizes={name: job["size"] for name, job in jobs.items() if job.get("size")},
        fields={
            "instance_type": data.get("machine"),
            "kubernetes_version": data.get("kubernetes", {}).get("version"),
        },
    )
