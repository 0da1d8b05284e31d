"""The parameters of a study's stack: from the study and from AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.aws import identity, launch, reservations
from include.aws.lease import first_lease
from include.aws.stack import guards_act_at
from include.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.aws.launch import InstanceType
    from include.aws.settings import Options
    from include.models import Reservation

# Zones where EKS has no control plane: https://docs.aws.amazon.com/eks (network requirements).
WITHOUT_EKS = {"use1-az3", "usw1-az2", "cac1-az3"}


def parameters_of(
    reservation: Reservation, options: Options, *, client: Callable[[str], Any]
) -> dict[str, str]:
    """Parameters of the stack by name; ClusterError for anything AWS does not offer there."""
    ec2 = client("ec2")
    zone = node_zone(ec2, options)
    require_launcher(ec2, options, zone)
    worker, launcher = (launch.describe(ec2, x) for x in (options.instance_type, options.launcher))
    is_block = reservations.is_capacity_block(reservations.find(ec2, options.capacity_reservation))
    guards = identity.guard_roles(client) if options.self_destruct else None
    return {
        "StudyId": reservation.study_id,
        "Owner": options.owner,
        "ExpiresAt": guards_act_at(reservation),
        "LeaseUntil": first_lease(reservation),
        "KubernetesVersion": options.kubernetes_version,
        "InstanceType": options.instance_type,
        "LauncherType": options.launcher,
        "AmiType": _ami_type(worker),
        "LauncherAmiType": _ami_type(launcher),
        "CapacityType": launch.BLOCK if is_block else launch.ON_DEMAND,
        "MostWorkers": str(reservation.nodes),
        "NodeZone": zone,
        "SecondZone": second_zone(ec2, zone),
        "AdminArn": identity.principal_arn(client),
        "ApiCidr": options.api_cidr,
        "CapacityReservationId": options.capacity_reservation or "",
        "PlacementGroupName": options.placement_group or "",
        "SessionManager": "true" if options.session_manager else "false",
        "SelfDestructRoleArn": guards.self_destruct_arn if guards else "",
        "DeletionRoleArn": guards.deletion_arn if guards else "",
    }


def _ami_type(machine: InstanceType) -> str:
    if machine.ami_type is None:
        has = ", ".join(machine.architectures)
        raise ClusterError(f"EKS has no node image for {machine.name} ({has})")
    return machine.ami_type


def require_launcher(ec2: Any, options: Options, zone: str) -> None:
    """ClusterError unless the zone offers the launcher's type and it runs the study's image."""
    if options.launcher == options.instance_type:
        return
    offered = zones_offering(ec2, options.launcher)
    if zone not in offered:
        places = ", ".join(offered) or "no zone there"
        msg = f"launcher_type: {options.launcher} is not offered in {zone}, only in {places}"
        raise ClusterError(msg)
    of_both = [
        set(launch.describe(ec2, x).architectures)
        for x in (options.instance_type, options.launcher)
    ]
    if not of_both[0] & of_both[1]:
        msg = f"launcher_type: {options.launcher} cannot run the image of {options.instance_type}"
        raise ClusterError(msg)


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
