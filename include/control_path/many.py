"""Many zero-length jobs at once: created together, each ended as soon as all its pods run."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from include import waiting
from include.control_path.arrivals import Arrivals, watched
from include.control_path.job import AT_ONCE, created, end_pods, ending, objects_of
from include.errors import BenchmarkError, JobFailed, JobTimeout
from include.jobs import cleanup
from include.jobs.health import Health
from include.k8s_operators import LABEL_POINT, LABEL_STUDY
from include.models import Status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from include.k8s_operators import JobSpec, K8sOperator
    from include.kube.client import Kube
    from include.kube.watch import Change

LOOK_S = 0.02
GONE_S = 900.0


@dataclass(kw_only=True)
class OneJob:
    """One of the jobs in progress; instants of `time.monotonic`."""

    objects: tuple[dict[str, Any], ...]
    arrivals: Arrivals
    created: float | None = None
    release: Future[None] | None = None  # the request to end its launcher pod

    @property
    def started(self) -> float | None:
        """Instant at which the last of its pods was running."""
        return max(tuple(self.arrivals.running.values())) if self.arrivals.all_running() else None

    @property
    def late_s(self) -> float | None:
        """Seconds from the end of its launcher pod until the job was terminal."""
        ends = [self.arrivals.ended.get(name) for name in self.arrivals.launching]
        known = [each for each in ends if each is not None]
        if self.arrivals.terminal is None or len(known) < len(ends) or not known:
            return None
        return max(0.0, self.arrivals.terminal - max(known))


@dataclass(kw_only=True)
class Jobs:
    """All jobs by name; passes each watch change to its job."""

    by_name: dict[str, OneJob] = field(default_factory=dict)

    def put(self, change: Change) -> None:
        """Record one change; those of an earlier batch being deleted are ignored."""
        name = change.obj["metadata"].get("labels", {}).get(LABEL_POINT)
        if name in self.by_name:
            self.by_name[name].arrivals.put(change)


def run(
    kube: Kube,
    operator: K8sOperator,
    specs: Sequence[JobSpec],
    *,
    limit_s: float,
    queue: str | None,
) -> dict[str, Any]:
    """Fields of a `Batch`: the outcome of all jobs, at most `limit_s` after the first creation."""
    jobs = Jobs()
    for spec in specs:
        arrivals = Arrivals(operator, nodes=spec.nodes)
        objects = objects_of(operator, spec, queue=queue)
        jobs.by_name[spec.name] = OneJob(objects=objects, arrivals=arrivals)
    error: BenchmarkError | None = None
    started_at = datetime.now(UTC)
    selector = f"{LABEL_STUDY}={specs[0].labels[LABEL_STUDY]}"
    with watched(kube, operator, selector=selector, changes=jobs):
        try:
            _to_their_end(kube, operator, jobs, limit_s=limit_s)
        except BenchmarkError as err:
            error = err
    return {
        "started_at": started_at,
        "status": Status.FAILED if error else Status.VALID,
        "error": f"{type(error).__name__}: {error}" if error else None,
        **_seconds(list(jobs.by_name.values())),
    }


def remove(kube: Kube, operator: K8sOperator, *, study_id: str) -> None:
    """Delete what the jobs left and wait until it is gone; TeardownError when something remains."""
    selector = f"{LABEL_STUDY}={study_id}"
    cleanup.delete_selected(kube, operator, selector=selector)
    cleanup.wait_gone(kube, operator, selector=selector, timeout_s=GONE_S, health=Health(None))


def _to_their_end(kube: Kube, operator: K8sOperator, jobs: Jobs, *, limit_s: float) -> None:
    """Create all jobs, end each one that runs, and wait until the last is terminal."""
    every = list(jobs.by_name.values())
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        creations = [pool.submit(_create, kube, operator, job) for job in every]
        for _ in waiting.looks(limit_s=limit_s, poll_s=LOOK_S):
            for job in every:
                if job.release is None and job.arrivals.all_running():
                    pods = sorted(ending(operator, job.arrivals))
                    job.release = pool.submit(partial(end_pods, kube, job.arrivals, pods))
            _raise_from([*creations, *(job.release for job in every if job.release)])
            if failure := next((j.arrivals.failure for j in every if j.arrivals.failure), None):
                raise JobFailed(f"a job failed: {failure}")
            if all(job.late_s is not None for job in every):
                return
        for each in creations:
            each.cancel()
    raise JobTimeout(f"after {limit_s:.0f} s {_standing(every)}")


def _create(kube: Kube, operator: K8sOperator, job: OneJob) -> None:
    created(kube, operator, job.objects)
    job.created = time.monotonic()


def _raise_from(futures: Sequence[Future[None]]) -> None:
    for each in futures:
        if each.done() and not each.cancelled() and (error := each.exception()):
            raise error


def _standing(jobs: Sequence[OneJob]) -> str:
    counts = {
        "created": sum(job.created is not None for job in jobs),
        "started": sum(job.started is not None for job in jobs),
        "terminal": sum(job.arrivals.terminal is not None for job in jobs),
    }
    return f"of {len(jobs)} jobs " + ", ".join(f"{count} {name}" for name, count in counts.items())


def _seconds(jobs: Sequence[OneJob]) -> dict[str, float | None]:
    """Seconds of a `Batch`; None for a step that not all jobs reached."""
    creations = [job.created for job in jobs if job.created is not None]
    if len(creations) < len(jobs):
        return {}
    zero = min(creations)
    starts = [at for job in jobs if (at := job.started) is not None]
    seconds: dict[str, float | None] = {"submitted_s": max(creations) - zero}
    if len(starts) == len(jobs):
        own = [at - made for at, made in zip(starts, creations, strict=True)]
        seconds |= {"start_median_s": statistics.median(own), "last_start_s": max(starts) - zero}
    late = [each for job in jobs if (each := job.late_s) is not None]
    if len(late) == len(jobs):
        ends = [at for job in jobs if (at := job.arrivals.terminal) is not None]
        seconds |= {
            "late_median_s": statistics.median(late),
            "late_most_s": max(late),
            "makespan_s": max(ends) - zero,
        }
    return {name: None if value is None else round(value, 4) for name, value in seconds.items()}
