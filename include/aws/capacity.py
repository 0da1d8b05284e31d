"""Whether the machines can be had: a try without a launch, and a reservation if there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from include.aws import parameters
from include.aws.problems import code_of
from include.checks import Check, failed, passed, unknown

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from include.aws.settings import Options

# https://docs.aws.amazon.com/eks/latest/userguide/retrieve-ami-id.html
IMAGE_PARAMETER = (
    "/aws/service/eks/optimized-ami/{version}/amazon-linux-2023/x86_64/standard/"
    "recommended/image_id"
)
WOULD_WORK = "DryRunOperation"
NO_DEFAULT_NETWORK = {"VPCIdNotSpecified", "MissingInput"}
SHORTAGES = {"InsufficientInstanceCapacity", "InstanceLimitExceeded", "VcpuLimitExceeded"}
NO_PROMISE = "AWS tells nothing about free machines before they are started"


def dry_run(client: Callable[[str], Any], options: Options) -> Check:
    """Whether the launch of one node would be refused for its parameters or for want of rights."""
    ec2, name = client("ec2"), "launch (dry run)"
    path = IMAGE_PARAMETER.format(version=options.kubernetes_version)
    try:
        image = client("ssm").get_parameter(Name=path)["Parameter"]["Value"]
        ec2.run_instances(
            DryRun=True,
            ImageId=image,
            InstanceType=options.instance_type,
            MinCount=1,
            MaxCount=1,
            Placement={"AvailabilityZone": parameters.node_zone(ec2, options)},
        )
    except ClientError as err:
        code = code_of(err)
        if code == WOULD_WORK:
            return passed(name, f"it would be allowed; {NO_PROMISE}")
        if code in NO_DEFAULT_NETWORK:
            return unknown(name, "the account has no default network to try it in")
        if code == "ParameterNotFound":
            return unknown(
                name, f"EKS has no node image for Kubernetes {options.kubernetes_version}"
            )
        if code in SHORTAGES:
            remedy = "try later, or reserve the machines (cluster_options.capacity_reservation)"
            return failed(name, str(err), remedy=remedy)
        raise
    return unknown(name, "AWS did not answer as to a dry run")


def reservation(ec2: Any, options: Options, *, nodes: int, until: datetime) -> Check:
    """Whether the study's reservation is there, fits, has room, and lasts long enough.

    `nodes` counts the launcher's too: the launch template puts every node into the reservation.
    """
    name, wanted = "capacity reservation", options.capacity_reservation
    if wanted is None:
        advice = "reserve the machines to be sure (docs/aws.md)"
        return unknown(name, f"none; {NO_PROMISE}", remedy=advice)
    found = ec2.describe_capacity_reservations(CapacityReservationIds=[wanted])
    held = found["CapacityReservations"][0]
    zone = parameters.node_zone(ec2, options)
    problems = [
        text
        for text, is_wrong in (
            (f"it is {held['State']}", held["State"] != "active"),
            (f"it is for {held['InstanceType']}", held["InstanceType"] != options.instance_type),
            (f"it is in {held['AvailabilityZone']}, not {zone}", held["AvailabilityZone"] != zone),
            (
                f"{held['AvailableInstanceCount']} machines are free, {nodes} are needed",
                held["AvailableInstanceCount"] < nodes,
            ),
            (
                f"its placement_group is {_group_of(held)}, which cluster_options must name too",
                _group_of(held) not in {"", options.placement_group},
            ),
            (f"it ends at {held.get('EndDate')}", _ends_before(held, until)),
        )
        if is_wrong
    ]
    if problems:
        remedy = "make one that fits, or leave cluster_options.capacity_reservation out"
        return failed(name, f"{wanted}: {'; '.join(problems)}", remedy=remedy)
    return passed(name, f"{wanted}: {held['AvailableInstanceCount']} machines are free")


def _group_of(held: dict[str, Any]) -> str:
    """Name of the placement group that a reservation was made in, empty for none."""
    return str(held.get("PlacementGroupArn", "")).rpartition("/")[2]


def _ends_before(held: dict[str, Any], until: datetime) -> bool:
    return held.get("EndDateType") == "limited" and held["EndDate"] < until
