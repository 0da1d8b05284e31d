"""Checks of capacity: a dry run of a launch, and the reservation if there is one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from include.aws import launch, parameters, reservations
from include.aws.problems import SHORTAGES, code_of
from include.checks import Check, failed, passed, unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from include.aws.settings import Options

# https://docs.aws.amazon.com/eks/latest/userguide/retrieve-ami-id.html
IMAGE_PARAMETER = (
    "/aws/service/eks/optimized-ami/{version}/amazon-linux-2023/{image}/recommended/image_id"
)
IMAGE_PATHS = {
    "AL2023_x86_64_STANDARD": "x86_64/standard",
    "AL2023_ARM_64_STANDARD": "arm64/standard",
    "AL2023_x86_64_NVIDIA": "x86_64/nvidia",
    "AL2023_x86_64_NEURON": "x86_64/neuron",
}
BLOCK_ENDS_EARLY = timedelta(minutes=30)  # AWS stops a Capacity Block's machines before its end
LINUX, SHARED = "Linux/UNIX", "default"  # platform and tenancy of the nodes
WOULD_WORK = "DryRunOperation"
NO_DEFAULT_NETWORK = {"VPCIdNotSpecified", "MissingInput"}
NO_PROMISE = "AWS reports free machines only when they are started"


def dry_run(client: Callable[[str], Any], options: Options) -> Check:
    """Check that the launch of one node is not refused for its parameters or rights."""
    ec2, name = client("ec2"), "launch (dry run)"
    ami_type = launch.describe(ec2, options.instance_type).ami_type or ""
    path = IMAGE_PARAMETER.format(
        version=options.kubernetes_version, image=IMAGE_PATHS.get(ami_type, "x86_64/standard")
    )
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
    return unknown(name, "AWS did not answer as it does to a dry run")


def reservation(
    ec2: Any, options: Options, *, nodes: int, until: datetime, is_placed: bool = True
) -> Check:
    """Check that the study's reservation exists, fits, has room, lasts long enough, and ends.

    `nodes` is the number of machines that the launch template puts into it: the workers. They are
    launched into a placement group (`is_placed`) unless they have no EFA.
    """
    name = "capacity reservation"
    if options.reserve:
        return passed(name, "the study makes its own, which ends with its lease")
    if options.capacity_reservation is None:
        advice = "reserve the machines to be sure (cluster_options.reserve, docs/aws.md)"
        return unknown(name, f"none; {NO_PROMISE}", remedy=advice)
    wanted = options.capacity_reservation
    held = reservations.find(ec2, wanted)
    if held is None:
        return failed(name, f"{wanted}: EC2 has no such id in {options.region}")
    zone = parameters.node_zone(ec2, options)
    problems = [*_misfits(held, options, zone=zone, nodes=nodes, until=until)]
    if is_placed and not reservations.is_capacity_block(held):
        problems += _misplaced(reservations.group_of(held), options.placement_group)
    if problems:
        remedy = "make one that fits, or omit cluster_options.capacity_reservation"
        return failed(name, f"{wanted}: {'; '.join(problems)}", remedy=remedy)
    free = f"{wanted}: {held['AvailableInstanceCount']} machines are free"
    if held.get("EndDateType", "unlimited") == "unlimited":
        return unknown(
            name,
            f"{free}, AND IT HAS NO END: it is billed until somebody cancels it",
            remedy="give it an end date, or let the study make one (cluster_options.reserve)",
        )
    return passed(name, free)


def _misfits(
    held: dict[str, Any], options: Options, *, zone: str, nodes: int, until: datetime
) -> Iterator[str]:
    """Obstacles to launching the workers into the reservation, in words."""
    if held["State"] != "active":
        yield f"it is {held['State']}"
    if held["InstanceType"] != options.instance_type:
        yield f"it is for {held['InstanceType']}"
    if (platform := held.get("InstancePlatform", LINUX)) != LINUX:
        yield f"it is for {platform}"
    if (tenancy := held.get("Tenancy", SHARED)) != SHARED:
        yield f"its tenancy is {tenancy}, and nodes are launched as shared"
    if held["AvailabilityZone"] != zone:
        yield f"it is in {held['AvailabilityZone']}, not {zone}"
    if held["AvailableInstanceCount"] < nodes:
        yield f"{held['AvailableInstanceCount']} machines are free, {nodes} are needed"
    if _ends_before(held, until):
        yield f"it ends at {held.get('EndDate')}"


def _misplaced(group: str, named: str | None) -> Iterator[str]:
    """A misfit of placement groups: workers are launched into one, so the reservation must name it.

    Otherwise EC2 gave 11 machines of 16, or none: eksctl-io/eksctl#7949.
    """
    if not group:
        yield (
            "it was made outside a placement group, and the workers are launched into "
            f"{named or 'one'}: EC2 may withhold its machines; make it with "
            "--placement-group-arn, and name that group in cluster_options.placement_group"
        )
    elif group != named:
        yield f"its placement_group is {group}, which cluster_options must name too"


def _ends_before(held: dict[str, Any], until: datetime) -> bool:
    if held.get("EndDateType") != "limited":
        return False
    early = BLOCK_ENDS_EARLY if reservations.is_capacity_block(held) else timedelta()
    ends: datetime = held["EndDate"]
    return ends - early < until
