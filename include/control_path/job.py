"""One zero-length job: created, running, ended, deleted, and verified gone."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include.control_path.arrivals import watching
from include.errors import BenchmarkError, ClusterError
from include.jobs import cleanup, creation
from include.k8s_operators import (
    LABEL_NODES,
    LABEL_OPERATOR,
    LABEL_POINT,
    LABEL_STUDY,
    JobSpec,
    _kueue,
)
from include.kube.conditions import instant
from include.kube.kinds import POD
from include.models import Binding, MpiImplementation
from include.study.timeline import RankPods

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.control_path.arrivals import Arrivals
    from include.k8s_operators import K8sOperator
    from include.kube.client import Kube
    from include.models import ClusterHandle

AT_ONCE = 6  # concurrent requests; the client keeps ten connections, three of them for watches
GONE_S = 60.0
RANKS_PER_NODE = 94
POD_RESOURCES = {"cpu": "94", "memory": "340G", "vpc.amazonaws.com/efa": "1"}


@dataclass(frozen=True, kw_only=True)
class Timed:
    """Instants of one job, in seconds since the response to its creation; its error if any."""

    started_at: datetime
    seconds: dict[str, float | None]  # fields of `Run`
    pods: int
    pods_lost: int
    error: BenchmarkError | None


def spec_of(name: str, *, k8s_operator: str, nodes: int, handle: ClusterHandle) -> JobSpec:
    """A full-size job whose command does nothing."""
    return JobSpec(
        name=name,
        namespace=handle.namespace,
        labels={
            LABEL_STUDY: handle.study_id,
            LABEL_POINT: name,
            LABEL_OPERATOR: k8s_operator,
            LABEL_NODES: str(nodes),
        },
        image=handle.image,
        image_pull_policy=handle.image_pull_policy,
        nodes=nodes,
        ranks_per_node=RANKS_PER_NODE,
        command=("true",),
        work_dir="/",
        mpi_implementation=MpiImplementation.OPENMPI,
        binding=Binding.NONE,
        pod_resources=POD_RESOURCES,
        launcher=handle.launcher,
        worker=handle.worker,
        timeout_s=24 * 3600.0,
    )


def run(
    kube: Kube, operator: K8sOperator, spec: JobSpec, *, limit_s: float, queue: str | None
) -> Timed:
    """Run the job until it is verified gone, at most `limit_s` to its deletion; errors are kept."""
    objects = objects_of(operator, spec, queue=queue)
    error: BenchmarkError | None = None
    resource: dict[str, Any] = {}
    with watching(kube, operator, name=spec.name, nodes=spec.nodes) as arrivals:
        started_at = datetime.now(UTC)
        at = {"created": time.monotonic()}
        try:
            resource = created(kube, operator, objects)
            at["created"] = time.monotonic()
            _to_its_end(kube, operator, arrivals, at, until=at["created"] + limit_s)
            at["delete"] = time.monotonic()
            _delete(kube, operator, objects, arrivals)
        except BenchmarkError as err:
            error = err
        finally:
            cleanup.delete_point(kube, operator, point_id=spec.name)
    seconds = _seconds(operator, arrivals, at, is_whole=error is None)
    if error is None:
        seconds |= _by_api(operator, arrivals, resource)
    return Timed(
        started_at=started_at,
        seconds=seconds,
        pods=len(arrivals.created),
        pods_lost=_lost(arrivals, at.get("released")),
        error=error,
    )


def objects_of(
    operator: K8sOperator, spec: JobSpec, *, queue: str | None
) -> tuple[dict[str, Any], ...]:
    """The job's objects, of which the resource names its queue if there is one."""
    objects = operator.objects(spec, operator.read_options({}))
    return _kueue.put_in_queue(operator, objects, queue=queue) if queue else objects


def created(
    kube: Kube, operator: K8sOperator, objects: tuple[dict[str, Any], ...]
) -> dict[str, Any]:
    """The resource among the objects (the last one), as the API server created it."""
    resource: dict[str, Any] = {}
    for obj in objects:
        stored = creation.create(kube, operator, obj)
        if stored is None:
            raise ClusterError(f"{obj['kind']} {obj['metadata']['name']} already exists")
        resource = stored
    return resource


def _to_its_end(
    kube: Kube, operator: K8sOperator, arrivals: Arrivals, at: dict[str, float], *, until: float
) -> None:
    """Follow a job from creation to success; its pods end once all have run."""
    arrivals.wait("all pods ran", arrivals.all_running, until=until)
    at["released"] = time.monotonic()
    names = ending(operator, arrivals)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        list(pool.map(lambda name: _end_pod(kube, arrivals.pods[name]), sorted(names)))
    arrivals.wait("the end", lambda: arrivals.terminal is not None, until=until)
    arrivals.wait("the news of all ends", lambda: names <= arrivals.ended.keys(), until=until)


def end_pods(kube: Kube, arrivals: Arrivals, names: Iterable[str]) -> None:
    """Report to the API server that these pods succeeded, one after the other."""
    for name in names:
        _end_pod(kube, arrivals.pods[name])


def ending(operator: K8sOperator, arrivals: Arrivals) -> set[str]:
    """Pods that end by themselves; the operator or the Job ends the others."""
    return arrivals.launching | (arrivals.ranks if operator.all_pods_end else set())


def _end_pod(kube: Kube, pod: dict[str, Any]) -> None:
    """Write the status that a kubelet would write when the containers have succeeded."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ended = {"exitCode": 0, "reason": "Completed", "finishedAt": now}
    containers = [
        {
            **status,
            "ready": False,
            "started": False,
            "state": {"running": None, "terminated": {**status["state"]["running"], **ended}},
        }
        for status in pod["status"]["containerStatuses"]
    ]
    change = {"status": {"phase": "Succeeded", "containerStatuses": containers}}
    kube.merge(POD, pod["metadata"]["name"], change, subresource="status")


def _delete(
    kube: Kube, operator: K8sOperator, objects: tuple[dict[str, Any], ...], arrivals: Arrivals
) -> None:
    """Delete the objects as a user would, and wait for the events that they are gone."""
    for obj in reversed(objects):
        kube.delete(kube.kind_of(obj), obj["metadata"]["name"])
    kinds = {operator.resource.kind, operator.state_resource.kind}
    arrivals.wait(
        "everything was gone",
        lambda: (
            arrivals.created.keys() <= arrivals.gone.keys()
            and kinds <= arrivals.objects_gone.keys()
        ),
        until=time.monotonic() + GONE_S + len(arrivals.created),
    )


def _lost(arrivals: Arrivals, released: float | None) -> int:
    """Pods that never ran, disappeared before the job's end was requested, or were replacements."""
    if released is None:
        return 0
    before = {
        name
        for name in arrivals.created
        if name not in arrivals.running
        or min(arrivals.ended.get(name, released), arrivals.gone.get(name, released)) < released
    }
    return max(len(before), len(arrivals.created) - arrivals.expected)


def _seconds(
    operator: K8sOperator, arrivals: Arrivals, at: dict[str, float], *, is_whole: bool
) -> dict[str, float | None]:
    """Seconds of each step by arrival; None for a step that not all pods reached."""
    seconds: dict[str, float | None] = {
        "released_s": at.get("released"),
        "admitted_s": arrivals.admitted,
        "terminal_s": arrivals.terminal,
        "delete_s": at.get("delete"),
    }
    if "released" in at:
        seconds |= {
            "pods_created_s": max(arrivals.created.values()),
            "pods_scheduled_s": max(arrivals.scheduled.values()),
            "pods_running_s": max(arrivals.running.values()),
        }
    if is_whole:
        seconds["pods_ended_s"] = max(arrivals.ended[name] for name in ending(operator, arrivals))
        seconds["gone_s"] = max(*arrivals.gone.values(), *arrivals.objects_gone.values())
    return {name: None if v is None else round(v - at["created"], 4) for name, v in seconds.items()}


def _by_api(
    operator: K8sOperator, arrivals: Arrivals, resource: dict[str, Any]
) -> dict[str, float | None]:
    """The same from timestamps of API server, scheduler and simulated kubelets, whole seconds."""
    start = instant(resource["metadata"]["creationTimestamp"])
    pods = list(arrivals.pods.values())
    ranks = RankPods(pods=pods, operator=operator, expected=arrivals.expected)
    stamps = {
        "api_pods_created_s": ranks.created(),
        "api_pods_scheduled_s": ranks.condition("PodScheduled"),
        "api_pods_running_s": ranks.running(),
        "api_terminal_s": operator.state(arrivals.state).completed_at,
    }
    return {name: (at - start).total_seconds() if at else None for name, at in stamps.items()}
