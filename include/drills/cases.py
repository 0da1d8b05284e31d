"""The fault matrix: each case with its harm, its moment, and the expected outcome."""

from __future__ import annotations

from include import clusters
from include.drills import harm, job_cases, store_cases
from include.drills.case import LOCAL, Case
from include.drills.outcome import Colour, Promise
from include.drills.scene import Moment


def cases(cluster: str) -> tuple[Case, ...]:
    """All cases that can be played on the cluster here."""
    everything = (
        *_parts(cluster),
        *_tasks(),
        *_runs(),
        *job_cases.cases(),
        *store_cases.cases(),
    )
    return tuple(case for case in everything if case.fits(cluster))


QUICK_PARTS = ("etcd", "kube-scheduler", "mpi-operator")
PAUSED_S = 10.0


def _parts(cluster: str) -> tuple[Case, ...]:
    parts = clusters.load(cluster).parts
    dead = (
        Case(
            name=f"{part} killed",
            does=harm.killed(part),
            promise=Promise(names=(part,)),
            is_quick=part in QUICK_PARTS,
        )
        for part in parts
    )
    hung = (
        Case(
            name=f"{part} stopped (SIGSTOP)",
            does=harm.stopped(part),
            promise=Promise(names=(part,)),
            is_quick=part == "etcd",
        )
        for part in parts
        if not part.startswith("node-")  # except a node's first process, which is idle anyway
    )
    of_node = (
        Case(  # later, as a kubelet that ends early is started again by its node
            name=f"{name} of a node killed",
            does=harm.node_part_killed(name),
            at=Moment.SECOND_AT_WORK,
            promise=Promise(names=("node-1",)),
            only=LOCAL,
        )
        for name in ("kubelet", "containerd")
    )
    silent = (
        Case(
            name=f"{part} does nothing for {PAUSED_S:g} s",
            does=harm.paused(part, for_s=PAUSED_S),
            promise=Promise(recovered_s=None),
        )
        for part in ("kube-apiserver",)
    )
    at_deletion = (
        Case(
            name=f"{part} {done} between record and deletion",
            does=does(part),
            at=Moment.RECORDED,
            promise=Promise(names=names),
            is_quick=part == "kube-controller-manager",
        )
        for part, done, does, names in (
            ("etcd", "killed", harm.killed, ("etcd",)),
            # It may be restarted for the next point before anyone misses it.
            ("kube-controller-manager", "killed", harm.killed, ()),
            ("kube-apiserver", "stopped (SIGSTOP)", harm.stopped, ("kube-apiserver",)),
        )
    )
    return (*dead, *hung, *of_node, *silent, *at_deletion)


def _tasks() -> tuple[Case, ...]:
    lost = Promise(valid=0, kept=0, colour=Colour.RED, names=("failed",), named_s=None)
    return (
        Case(name="task of a point killed", does=harm.task_killed, is_quick=True),
        Case(
            name="task of a point killed between its record and the deletion",
            does=harm.task_killed,
            at=Moment.RECORDED,
        ),
        Case(
            name="task killed while the cluster is made",
            does=harm.task_killed,
            at=Moment.PROVISION,
            promise=lost,
            is_quick=True,
        ),
        Case(name="task of install killed", does=harm.task_killed, at=Moment.INSTALL, promise=lost),
        Case(name="task of destroy killed", does=harm.task_killed, at=Moment.DESTROY),
        Case(
            name="point ended by hand",
            does=harm.cancelled,
            promise=Promise(valid=1, kept=1, colour=Colour.RED, names=("stopped by hand",)),
            is_quick=True,
        ),
    )


def _runs() -> tuple[Case, ...]:
    """Kill the run itself at each of its steps, then remove the study as `bin/demo` does."""
    valid = {
        Moment.PROVISION: 0,
        Moment.INSTALL: 0,
        Moment.AT_WORK: 0,
        Moment.SECOND_AT_WORK: 1,
        Moment.UNINSTALL: 2,
        Moment.DESTROY: 2,
    }
    return tuple(
        Case(
            name=f"run killed (SIGKILL) {moment}, then removed by its note",
            does=harm.run_killed,
            at=moment,
            promise=Promise(valid=number, kept=number, colour=Colour.NONE),
            ends_run=True,
            is_quick=moment not in {Moment.UNINSTALL, Moment.DESTROY},
        )
        for moment, number in valid.items()
    )
