"""Capacity held for a study: EC2's reservations and Capacity Blocks."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from include import waiting
from include.aws import stack as stacks
from include.aws.lease import lease_end, renew
from include.aws.problems import SHORTAGES, code_of
from include.aws.scaling import WORKERS
from include.errors import CapacityError, ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from include.aws.settings import Options
    from include.models import ClusterHandle, Reservation

log = logging.getLogger(__name__)

HOLD_S = 1200.0  # limit for all attempts, at the cost of the launcher alone
PAUSE_S = 60.0
UPDATE_S = 600.0  # limit for updating a node group without nodes
POLL_S = 10.0

CAPACITY_BLOCK = "capacity-block"


def find(ec2: Any, reservation_id: str | None) -> dict[str, Any] | None:
    """The reservation as EC2 describes it; None for no id or an unknown one."""
    if reservation_id is None:
        return None
    answer = ec2.describe_capacity_reservations(CapacityReservationIds=[reservation_id])
    rows: list[dict[str, Any]] = answer["CapacityReservations"]
    return rows[0] if rows else None


def is_capacity_block(held: Mapping[str, Any] | None) -> bool:
    """True if it was bought in advance for a fixed time."""
    return held is not None and held.get("ReservationType") == CAPACITY_BLOCK


def group_of(held: Mapping[str, Any]) -> str:
    """Name of the placement group that it was made in, empty for none."""
    return str(held.get("PlacementGroupArn") or "").rpartition("/")[2]


def hold(
    client: Callable[[str], Any], handle: ClusterHandle, options: Options, *, zone: str
) -> None:
    """Reserve all workers and direct their launch there, once; CapacityError if EC2 lacks them."""
    ec2 = client("ec2")
    if of_study(ec2, handle.study_id):
        return
    until = lease_end(handle, now=datetime.now(UTC))
    shortage: ClientError | None = None
    for _ in waiting.looks(limit_s=HOLD_S - PAUSE_S, poll_s=PAUSE_S):
        try:
            made = make(ec2, handle, instance_type=options.instance_type, zone=zone, until=until)
        except ClientError as err:
            if code_of(err) not in SHORTAGES:
                raise
            shortage = err
            log.warning("no reservation yet: %s", err)
        else:
            log.info("%d machines are reserved until %s: %s", handle.nodes, until, made)
            use(client, handle.study_id, made)
            return
    msg = f"no {handle.nodes} machines can be reserved: {shortage}; try later or elsewhere"
    raise CapacityError(msg) from shortage


def make(
    ec2: Any, reservation: Reservation, *, instance_type: str, zone: str, until: datetime
) -> str:
    """Id of a reservation for all workers, in the stack's placement group; ClientError for a lack.

    All or none: EC2 holds every machine, billed from now on, or refuses. It ends by itself at
    `until`, which moves on with the lease. Repeating the call for a study gives the same one.
    """
    answer = ec2.create_capacity_reservation(
        InstanceType=instance_type,
        InstancePlatform="Linux/UNIX",
        AvailabilityZone=zone,
        InstanceCount=reservation.nodes,
        InstanceMatchCriteria="targeted",
        PlacementGroupArn=_own_group(ec2, reservation.study_id),
        EndDateType="limited",
        EndDate=until,
        ClientToken=stacks.name_of(reservation.study_id),
        TagSpecifications=[
            {
                "ResourceType": "capacity-reservation",
                "Tags": [{"Key": stacks.TAG_STUDY, "Value": reservation.study_id}],
            }
        ],
    )
    made: str = answer["CapacityReservation"]["CapacityReservationId"]
    return made


def _own_group(ec2: Any, study_id: str) -> str:
    own = [{"Name": f"tag:{stacks.TAG_STUDY}", "Values": [study_id]}]
    groups = ec2.describe_placement_groups(Filters=own)["PlacementGroups"]
    if not groups:
        raise ClusterError("reserve: the stack has no placement group, as its type has no EFA")
    arn: str = groups[0]["GroupArn"]
    return arn


def of_study(ec2: Any, study_id: str) -> tuple[str, ...]:
    """Ids of the billed reservations that a study made."""
    pages = ec2.get_paginator("describe_capacity_reservations").paginate(
        Filters=[
            {"Name": f"tag:{stacks.TAG_STUDY}", "Values": [study_id]},
            {"Name": "state", "Values": ["active", "pending"]},
        ]
    )
    return tuple(
        row["CapacityReservationId"] for page in pages for row in page["CapacityReservations"]
    )


def keep(client: Callable[[str], Any], reservation: Reservation, options: Options) -> None:
    """Extend the cluster's lease, and with it the end of its reservation."""
    if options.self_destruct:
        renew(client("scheduler"), reservation)
    if options.reserve:
        until = lease_end(reservation, now=datetime.now(UTC))
        prolong(client("ec2"), reservation.study_id, until=until)


def prolong(ec2: Any, study_id: str, *, until: datetime) -> None:
    """Extend the study's reservations."""
    for each in of_study(ec2, study_id):
        ec2.modify_capacity_reservation(
            CapacityReservationId=each, EndDateType="limited", EndDate=until
        )


def cancel(ec2: Any, study_id: str) -> None:
    """Cancel the study's reservations: they are billed with or without machines in them."""
    for each in of_study(ec2, study_id):
        ec2.cancel_capacity_reservation(CapacityReservationId=each)
        log.info("the reservation %s is given back", each)


def use(client: Callable[[str], Any], study_id: str, reservation_id: str) -> None:
    """Direct the workers, none of which runs yet, into the reservation."""
    name, ec2, eks = stacks.name_of(study_id), client("ec2"), client("eks")
    target = {"CapacityReservationId": reservation_id}
    made = ec2.create_launch_template_version(
        LaunchTemplateName=name,
        SourceVersion="$Latest",
        ClientToken=reservation_id,
        LaunchTemplateData={
            "CapacityReservationSpecification": {"CapacityReservationTarget": target}
        },
    )
    version = str(made["LaunchTemplateVersion"]["VersionNumber"])
    eks.update_nodegroup_version(
        clusterName=name,
        nodegroupName=WORKERS,
        launchTemplate={"name": name, "version": version},
        clientRequestToken=reservation_id,
    )
    _wait_updated(eks, name)


def _wait_updated(eks: Any, cluster: str) -> None:
    for _ in waiting.looks(limit_s=UPDATE_S, poll_s=POLL_S):
        answer = eks.describe_nodegroup(clusterName=cluster, nodegroupName=WORKERS)
        if answer["nodegroup"]["status"] == "ACTIVE":
            return
    raise ClusterError("reserve: the node group does not take the reservation in time")
