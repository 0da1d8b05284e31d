"""Harms done to a study on purpose: each is a function of the scene.

A harm is a generator: it yields the seconds until its next step, and at its end undoes what nobody
else would.
"""

from __future__ import annotations

import errno
import os
import signal
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.drills import clock
from include.embedded.commands import run
from include.embedded.layout import nodes
from include.errors import BenchmarkError
from include.kube.kinds import NAMESPACE, NODE, POD, ResourceKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from include.drills.scene import Scene

    Harm = Callable[[Scene], Iterator[float]]

BALLAST = "ballast"
PIECE = 64 * 1024
NEVER_S = 3600.0
ROLE_BINDING = ResourceKind(
    group="rbac.authorization.k8s.io", version="v1", plural="rolebindings", kind="RoleBinding"
)
QUOTA = ResourceKind(group="", version="v1", plural="resourcequotas", kind="ResourceQuota")
FINALIZER = "drills.example/keeps-it"


def nothing(scene: Scene) -> Iterator[float]:  # noqa: ARG001
    """Do nothing: the fault is in the study itself."""
    yield from ()


def signalled(part: str, number: signal.Signals) -> Harm:
    """Send a signal to a part of the cluster."""

    def harm(scene: Scene) -> Iterator[float]:
        process = scene.cluster.process(part)
        if process is None:
            raise BenchmarkError(f"there is no {part} to harm")
        os.kill(process.pid, number)
        yield from ()

    return harm


def killed(part: str) -> Harm:
    """Kill a part of the cluster."""
    return signalled(part, signal.SIGKILL)


def stopped(part: str) -> Harm:
    """Stop a part of the cluster: it stays alive and does nothing."""
    return signalled(part, signal.SIGSTOP)


def paused(part: str, *, for_s: float) -> Harm:
    """Stop a part of the cluster for a while, as on an overloaded machine."""

    def harm(scene: Scene) -> Iterator[float]:
        yield from stopped(part)(scene)
        try:
            yield for_s
        finally:
            with suppress(BenchmarkError, ProcessLookupError):
                yield from signalled(part, signal.SIGCONT)(scene)

    return harm


def node_part_killed(name: str) -> Harm:
    """Kill a process in the first node of the local cluster."""

    def harm(scene: Scene) -> Iterator[float]:  # noqa: ARG001
        (node,) = nodes(1)
        pids = map(int, run(["ip", "netns", "pids", node.namespace]).split())
        for pid in pids:
            if Path(f"/proc/{pid}/comm").read_text().strip() == name:
                os.kill(pid, signal.SIGKILL)
        yield from ()

    return harm


def task_killed(scene: Scene) -> Iterator[float]:
    """Kill the process of the current task, as if its machine had died."""
    if scene.task is not None:
        scene.task.kill()
    yield from ()


def clock_jumps(scene: Scene) -> Iterator[float]:
    """Make the pipeline's clock jump while a job runs, and stay wrong."""
    clock.jump_in_later_tasks()
    try:
        if scene.task is not None:
            os.kill(scene.task.pid, clock.SIGNAL)
        yield NEVER_S
    finally:
        clock.set_right()


def run_killed(scene: Scene) -> Iterator[float]:  # noqa: ARG001
    """Kill the run with all its tasks: nobody is left to clean up."""
    os.killpg(os.getpgrp(), signal.SIGKILL)
    yield from ()


def cancelled(scene: Scene) -> Iterator[float]:
    """Cancel the current task by hand: Airflow sends it SIGTERM."""
    if scene.task is not None:
        os.kill(scene.task.pid, signal.SIGTERM)
    yield from ()


def job_deleted(scene: Scene) -> Iterator[float]:
    """Delete the job, as another user."""
    with closing(scene.stranger()) as kube:
        kube.delete(scene.operator.resource, scene.point_id or "")
    yield from ()


def launcher_deleted(scene: Scene) -> Iterator[float]:
    """Delete the launcher pod, as another user."""
    _delete_pod(scene, scene.launchers()[0])
    yield from ()


def worker_deleted(scene: Scene) -> Iterator[float]:
    """Delete a rank pod, as another user."""
    _delete_pod(scene, scene.workers()[-1])
    yield from ()


def _delete_pod(scene: Scene, pod: dict[str, Any]) -> None:
    with closing(scene.stranger()) as kube:
        kube.delete(POD, pod["metadata"]["name"])


def worker_evicted(scene: Scene) -> Iterator[float]:
    """Evict a rank pod through the API, as a drain of its node does."""
    name = scene.workers()[-1]["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    with closing(scene.stranger()) as kube:
        kube.request("POST", f"{kube.path(POD, name)}/eviction", body=eviction).read()
    yield from ()


def node_tainted(scene: Scene) -> Iterator[float]:
    """Taint a node of the job for a while, so that it tolerates no pod."""
    name = scene.workers()[-1]["spec"]["nodeName"]
    taint = {"key": "drills.example/out-of-service", "effect": "NoExecute"}
    with closing(scene.stranger()) as kube:
        kube.merge(NODE, name, {"spec": {"taints": [taint]}})
        yield 8.0
        kube.merge(NODE, name, {"spec": {"taints": None}})


def namespace_deleted(scene: Scene) -> Iterator[float]:
    """Delete the study's namespace with everything in it, as another user."""
    with closing(scene.stranger()) as kube:
        kube.delete(NAMESPACE, scene.reservation.namespace)
    yield from ()


def rights_taken(scene: Scene) -> Iterator[float]:
    """Revoke the pipeline's rights in its namespace."""
    with closing(scene.stranger()) as kube:
        kube.delete_all(ROLE_BINDING, selector="")
    yield from ()


def quota_of_none(scene: Scene) -> Iterator[float]:
    """Give the namespace a quota that leaves no room for a pod.

    Its status is set here, too: clusters on this machine have no controller of quotas.
    """
    name, hard = "drill", {"pods": "0"}
    quota = {
        "apiVersion": "v1",
        "kind": QUOTA.kind,
        "metadata": {"name": name},
        "spec": {"hard": hard},
    }
    with closing(scene.stranger()) as kube:
        kube.create(quota)
        status = {"status": {"hard": hard, "used": {"pods": "0"}}}
        kube.merge(QUOTA, name, status, subresource="status")
    yield from ()


def pod_held(*, for_s: float) -> Harm:
    """Keep a pod from ending for a while, by somebody else's finalizer."""

    def harm(scene: Scene) -> Iterator[float]:
        name = scene.workers()[-1]["metadata"]["name"]
        with closing(scene.stranger()) as kube:
            kube.merge(POD, name, {"metadata": {"finalizers": [FINALIZER]}})
            yield for_s
            kube.merge(POD, name, {"metadata": {"finalizers": None}})

    return harm


def disk_full(*, for_s: float | None) -> Harm:
    """Fill the disk with the results; with `for_s`, free it again after that time."""

    def harm(scene: Scene) -> Iterator[float]:
        ballast = Path(str(scene.results.root)) / BALLAST
        with ballast.open("wb", buffering=0) as file:
            size = PIECE
            while size:
                try:
                    file.write(bytes(size))
                except OSError as err:
                    if err.errno != errno.ENOSPC:
                        raise
                    size //= 2
        if for_s is not None:
            yield for_s
            ballast.unlink()

    return harm


def read_only(scene: Scene) -> Iterator[float]:
    """Remount the results' file system read-only, as after a disk error."""
    command = ["mount", "-o", "remount,ro", str(scene.results.root)]
    for _ in range(50):  # remounting fails while a file is open for writing
        with suppress(BenchmarkError):
            run(command)
            return
        yield 0.1
    run(command)


def cut(relative: str) -> Harm:
    """Cut a file of the study in half; `{first}` stands for the first point's id."""

    def harm(scene: Scene) -> Iterator[float]:
        name = relative.format(first=scene.points[0].point_id)
        path = Path(str(scene.results.root)) / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        yield from ()

    return harm


def state_held(*, for_s: float | None) -> Harm:
    """Make a file of the cluster's state undeletable; with `for_s`, for that time."""

    def harm(scene: Scene) -> Iterator[float]:
        held = str(scene.cluster.root / "pki" / "ca.crt")
        run(["chattr", "+i", held])
        try:
            yield NEVER_S if for_s is None else for_s
        finally:
            run(["chattr", "-i", held])

    return harm
