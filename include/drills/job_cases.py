"""Cases on jobs: interference by other users, and a job's own faults."""

from __future__ import annotations

from include.drills import clock, harm
from include.drills.case import LOCAL, SIMULATED, Case
from include.drills.outcome import Colour, Promise
from include.drills.scene import Moment
from include.simulation.settings import Fault

FIRST_POINT = "mpi-operator-2n-r1"  # id of the first point, without the study's


def cases() -> tuple[Case, ...]:
    """Cases in table order."""
    return (*_of_pods(), *_of_cluster(), *_own_faults())


def _failed(name: str) -> Promise:
    """The point is recorded as failed for that reason, and the other one is measured."""
    return Promise(valid=1, colour=Colour.RED, names=(name,))


def _of_pods() -> tuple[Case, ...]:
    return (
        Case(
            name="job deleted by somebody else",
            does=harm.job_deleted,
            promise=_failed("was deleted by somebody else"),
            is_quick=True,
        ),
        Case(
            name="launching pod deleted by somebody else",
            does=harm.launcher_deleted,
            promise=_failed("was deleted by somebody else"),
        ),
        Case(
            name="pod with ranks deleted by somebody else",
            does=harm.worker_deleted,
            promise=_failed("was deleted by somebody else"),
        ),
        Case(
            name="pod with ranks evicted by a drain",
            does=harm.worker_evicted,
            promise=_failed("EvictionByEvictionAPI"),
        ),
        Case(
            name="node tainted for 8 s",
            does=harm.node_tainted,
            promise=_failed("DeletionByTaintManager"),
            is_quick=True,
        ),
        Case(
            name="the pipeline's clock jumps by an hour",
            does=harm.clock_jumps,
            promise=Promise(recovered_s=None),
            judges=clock.wrong_instants,
        ),
        Case(
            name="finalizer keeps a pod for 30 s",
            does=harm.pod_held(for_s=30.0),
            promise=Promise(recovered_s=None),
        ),
    )


def _of_cluster() -> tuple[Case, ...]:
    return (
        Case(
            name="namespace deleted by somebody else",
            does=harm.namespace_deleted,
            promise=Promise(
                valid=0, kept=1, colour=Colour.RED, names=("was deleted by somebody else",)
            ),
            only=SIMULATED,
        ),
        Case(
            name="namespace deleted by somebody else",
            does=harm.namespace_deleted,
            # A real pod has the grace period to end, enough for such a job to succeed; the next one
            # cannot be made.
            promise=Promise(
                valid=1, kept=1, colour=Colour.RED, names=("being terminated",), named_s=None
            ),
            only=LOCAL,
        ),
        *(
            Case(
                name="rights of the pipeline taken away",
                does=harm.rights_taken,
                # A refusal is tolerated for a while, as when a credential is being renewed. A real
                # kubelet's log goes on in the stream that is open, to its end.
                promise=Promise(
                    valid=measured,
                    kept=measured,
                    colour=Colour.RED,
                    names=("lacks the right",),
                    named_s=None,
                ),
                only=cluster,
            )
            for cluster, measured in ((SIMULATED, 0), (LOCAL, 1))
        ),
        Case(
            name="quota without room for a pod",
            does=harm.quota_of_none,
            at=Moment.INSTALL,
            promise=Promise(
                valid=0,
                colour=Colour.RED,
                names=("exceeded quota",),
                named_s=None,
                recovered_s=None,
            ),
        ),
    )


def _own_faults() -> tuple[Case, ...]:
    """Faults of a point itself, played by the simulated cluster."""
    names_by_fault = {
        Fault.LAUNCHER_FAILS: "exit code 1",
        Fault.WORKER_NEVER_READY: "Pending",
        Fault.IMAGE_PULL_ERROR: "cannot start from image",
        Fault.TRUNCATED_LOG: "is not whole",
        Fault.POD_EVICTED: "Evicted",
        Fault.NODE_LOST: "DeletionByPodGC",
    }
    played = (
        Case(
            name=f"point with the fault {fault.value}",
            at=Moment.BEGUN,
            promise=Promise(valid=1, colour=Colour.RED, names=(names,), named_s=None),
            params={"point_timeout_s": 40},
            options={"faults": {FIRST_POINT: fault.value}},
            only=SIMULATED,
            is_quick=fault in {Fault.IMAGE_PULL_ERROR, Fault.POD_EVICTED},
        )
        for fault, names in names_by_fault.items()
    )
    too_long = Case(
        name="points longer than their time limit",
        at=Moment.BEGUN,
        promise=Promise(
            valid=0, colour=Colour.RED, names=("point_timeout_s",), named_s=None, recovered_s=None
        ),
        params={"point_timeout_s": 15},
        options={"run_s": 600},
        only=SIMULATED,
    )
    return (*played, too_long)
