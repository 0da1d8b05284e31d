"""The values that a study's stack is made with: what the study says, and what AWS knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from include.aws import identity
from include.aws.problems import code_of
from include.aws.stack import guards_act_at
from include.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.aws.settings import Options
    from include.models import Reservation

MOST_CARDS = 2
# Zones in which EKS has no control plane: https://docs.aws.amazon.com/eks (network requirements).
WITHOUT_EKS = {"use1-az3", "usw1-az2", "cac1-az3"}


def parameters_of(
    reservation: Reservation, options: Options, *, client: Callable[[str], Any]
) -> dict[str, str]:
    """Parameters of the stack by name; ClusterError for what AWS does not offer there."""
    ec2 = client("ec2")
    zone = node_zone(ec2, options)
    guards = identity.guard_roles(client) if options.self_destruct else None
    return {
        "StudyId": reservation.study_id,
        "Owner": options.owner,
        "ExpiresAt": guards_act_at(reservation),
        "KubernetesVersion": options.kubernetes_version,
        "InstanceType": options.instance_type,
        "MostWorkers": str(reservation.nodes),
        "NodeZone": zone,
        "SecondZone": second_zone(ec2, zone),
        "EfaCards": str(efa_cards(ec2, options.instance_type)),
        "AdminArn": identity.principal_arn(client),
        "ApiCidr": options.api_cidr,
        "CapacityReservationId": options.capacity_reservation or "",
        "PlacementGroupName": options.placement_group or "",
        "SelfDestructRoleArn": guards.self_destruct_arn if guards else "",
        "DeletionRoleArn": guards.deletion_arn if guards else "",
    }


def node_zone(ec2: Any, options: Options) -> str:
    """The zone of all nodes; ClusterError unless the instance type is offered there."""
    offered = zones_offering(ec2, options.instance_type)
    if options.zone is None and offered:
        return offered[0]
    if options.zone in offered:
        return str(options.zone)
    place = options.zone or options.region
    elsewhere = f"it is offered in {', '.join(offered)}" if offered else "no zone there has it"
    msg = f"{options.instance_type} is not offered in {place}: {elsewhere}"
    raise ClusterError(msg)


def zones_offering(ec2: Any, instance_type: str) -> tuple[str, ...]:
    """The region's zones that offer the instance type, by name."""
    pages = ec2.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": [instance_type]}],
    )
    return tuple(sorted(row["Location"] for page in pages for row in page["InstanceTypeOfferings"]))


def second_zone(ec2: Any, first: str) -> str:
    """Another zone of the region in which EKS can have its control plane."""
    zones = ec2.describe_availability_zones(Filters=[{"Name": "state", "Values": ["available"]}])
    usable = sorted(
        zone["ZoneName"]
        for zone in zones["AvailabilityZones"]
        if zone.get("ZoneType", "availability-zone") == "availability-zone"
        and zone["ZoneId"] not in WITHOUT_EKS
        and zone["ZoneName"] != first
    )
    if not usable:
        msg = f"EKS needs a second zone beside {first}, and the region has none for it"
        raise ClusterError(msg)
    return str(usable[0])


def efa_cards(ec2: Any, instance_type: str) -> int:
    """How many network cards with EFA the type has; ClusterError for none or more than two."""
    try:
        found = ec2.describe_instance_types(InstanceTypes=[instance_type])["InstanceTypes"][0]
    except ClientError as err:
        if code_of(err) != "InvalidInstanceType":
            raise
        msg = f"the region knows no instance type {instance_type}"
        raise ClusterError(msg) from err
    network = found["NetworkInfo"]
    if not network.get("EfaSupported"):
        msg = f"{instance_type} has no EFA: choose a type that has, such as hpc6a.48xlarge"
        raise ClusterError(msg)
    cards: int = network["EfaInfo"]["MaximumEfaInterfaces"]
    if cards > MOST_CARDS:
        msg = f"{instance_type} has {cards} EFA cards, and the stack's template knows up to two"
        raise ClusterError(msg)
    return cards
