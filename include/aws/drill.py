"""Proofs on a real account: of the guard for free, of the complete stack for cents."""

from __future__ import annotations

import logging
import secrets
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from include.aws import identity, launch, lease, removal
from include.aws import stack as stacks
from include.aws.problems import explained
from include.checks import Outcome, table
from include.errors import BenchmarkError, ClusterError
from include.models import Reservation, Study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from include.aws.settings import Options

log = logging.getLogger(__name__)

FIRES_AFTER = timedelta(minutes=4)  # the stack of a network and a group takes less than one
LATE_S = 900.0  # deletion starts within a minute of the schedule and takes some more
POLL_S = 10.0
PROBED = "t3.medium"  # without EFA; a cluster's system pods fit on it
NO_IMAGE = "none@sha256:" + "0" * 64  # no pod of a job is started


def drill(client: Callable[[str], Any], options: Options) -> int:
    """0 once AWS has deleted a test stack by itself; 1 when it did not and we had to."""
    _tell(
        "The drill makes a network and a security group, which cost nothing, with the schedule",
        "that each study's stack has. Cost: $0. It takes about ten minutes.",
    )
    try:
        _drill(client, options)
    except BenchmarkError as err:
        _tell(f"FAILED: {err}")
        return 1
    return 0


@explained
def _drill(client: Callable[[str], Any], options: Options) -> None:
    roles = identity.guard_roles(client)
    mine = _reservation("drill", options, nodes=1)
    fires_at = datetime.now(UTC) + FIRES_AFTER
    cloudformation = client("cloudformation")
    stacks.create_or_adopt(
        cloudformation,
        reservation=mine,
        owner=options.owner,
        parameters={
            "LeaseUntil": fires_at.strftime(lease.FORMAT),
            "SelfDestructRoleArn": roles.self_destruct_arn,
            "DeletionRoleArn": roles.deletion_arn,
        },
        template=launch.body(launch.drill_template()),
    )
    made = stacks.wait_made(cloudformation, mine.study_id)
    _tell(f"{made['StackName']} is made; AWS should delete it from {fires_at:%H:%M:%S} UTC on")
    _watch(client, made, until=fires_at + timedelta(seconds=LATE_S))


def _watch(client: Callable[[str], Any], made: dict[str, Any], *, until: datetime) -> None:
    """Print what was proved once the stack is gone; if it stays, delete it and raise."""
    began = False
    while stack := stacks.find(client("cloudformation"), made["StackId"]):
        status = stack["StackStatus"]
        if status.startswith("DELETE") and not began:
            began = True
            _tell(f"{made['StackName']} is {status}: the schedule has fired")
        if datetime.now(UTC) > until or status == removal.FAILED:
            raise ClusterError(_cleaned(client, made, status=status))
        time.sleep(POLL_S)
    _tell(
        "proved: the schedule fires, the scheduler may use its role, and it may delete stacks",
        "proved: CloudFormation takes the deletion role, which may delete a network and a group",
        "not proved: that it may delete the rest of a study's stack",
    )


def _cleaned(client: Callable[[str], Any], made: dict[str, Any], *, status: str) -> str:
    """The reason why the guard failed, after deleting the stack as a teardown does."""
    reasons = "; ".join(stacks.failures(client("cloudformation"), made["StackId"], removal.FAILED))
    removal.delete_stack(
        client, lambda: stacks.find(client("cloudformation"), str(made["StackId"]))
    )
    if status == stacks.MADE:
        return (
            "the schedule did not fire, or was not allowed to: look at both roles of "
            "bootstrap.yaml; the drill's stack has been deleted"
        )
    return f"the deletion by the schedule ended as {status}: {reasons}; the stack has been deleted"


def probe(cluster: Any, options: Options, *, evidence: Path) -> int:
    """0 once a complete cluster of small machines was made and deleted; 1 when not.

    `cluster` is the EKS adapter, which is above this room. All of a study's stack is made but EFA
    and its placement group, with two small machines; no job runs.
    """
    small = options.model_copy(update={"instance_type": PROBED, "launcher_type": None})
    mine = _reservation("probe", small, nodes=1)
    findings = cluster.examine(mine)
    _tell(*table(findings.checks))
    if any(check.outcome is Outcome.FAILED for check in findings.checks):
        return 1
    pace = cluster.pace(mine)
    hours = (pace.create_s + pace.join_s + pace.delete_s) / 3600
    usd = findings.tariff.usd_per_hour * hours if findings.tariff else None
    cost = f"${usd:.2f}" if usd is not None else "unknown, a few cents by AWS's list"
    _tell(
        f"The probe makes the stack {stacks.name_of(mine.study_id)} with two {PROBED} and deletes"
    )
    _tell(f"it again. Cost: about {cost}. It takes about {60 * hours:.0f} minutes.")
    return _probe(cluster, mine, evidence=evidence)


def _probe(cluster: Any, mine: Reservation, *, evidence: Path) -> int:
    proved, failed = [], False
    try:
        for step in _steps(cluster, mine):
            _tell(step)
            proved.append(step)
    except BenchmarkError as err:
        failed = True
        _tell(f"FAILED: {err}")
        _keep(cluster.evidence(mine), evidence)
    finally:
        failed = not _deleted(cluster, mine) or failed
    _tell(f"{len(proved)} steps proved" + (", not all" if failed else ", all"))
    return int(failed)


def _steps(cluster: Any, mine: Reservation) -> Iterator[str]:
    study = Study(name="probe", cluster=mine.cluster, image=NO_IMAGE, nodes=(1,))
    cluster.create(mine, study)
    handle = cluster.wait_ready(mine, study)
    yield "proved: CloudFormation takes the template, add-ons and the launcher's node come up"
    cluster.keep(mine)
    yield "proved: the cluster's lease can be extended"
    cluster.add_workers(handle)
    yield "proved: the worker group scales up from zero, and its machines become nodes"


def _deleted(cluster: Any, mine: Reservation) -> bool:
    try:
        cluster.delete(mine)
        left = cluster.leftovers(mine)
    except BenchmarkError as err:
        _tell(f"FAILED, AND IT COSTS MONEY: {err}")
        return False
    if left:
        _tell(f"FAILED: left over: {', '.join(left)}")
        return False
    _tell("proved: the deletion leaves nothing with the study's tag")
    return True


def _keep(texts: dict[str, str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    _tell(f"the evidence from AWS and the nodes is in {folder}")


def _reservation(name: str, options: Options, *, nodes: int) -> Reservation:
    study_id = f"{name}-{secrets.token_hex(4)}"
    return Reservation(
        study_id=study_id,
        cluster="eks",
        namespace=study_id,
        nodes=nodes,
        expires_at=datetime.now(UTC) + timedelta(hours=1),
        options=options.to_json(),
    )


def _tell(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
