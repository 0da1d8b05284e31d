"""Resources in an account that still belong to a study, as each service reports them.

The tagging service is not used: it lists deleted resources for hours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from include.aws import stack as stacks
from include.aws.problems import is_absent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROLES = ("cluster", "node")
# paginated call, list in the answer, id, and states in which it no longer exists or costs anything
TAGGED: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("describe_volumes", "Volumes", "VolumeId", ("deleted",)),
    ("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId", ()),
    ("describe_nat_gateways", "NatGateways", "NatGatewayId", ("deleted",)),
    (
        "describe_capacity_reservations",
        "CapacityReservations",
        "CapacityReservationId",
        ("cancelled", "expired", "failed"),
    ),
    ("describe_launch_templates", "LaunchTemplates", "LaunchTemplateId", ()),
    ("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", ("deleted",)),
    ("describe_security_groups", "SecurityGroups", "GroupId", ()),
    ("describe_route_tables", "RouteTables", "RouteTableId", ()),
    ("describe_internet_gateways", "InternetGateways", "InternetGatewayId", ()),
    ("describe_subnets", "Subnets", "SubnetId", ()),
    ("describe_vpcs", "Vpcs", "VpcId", ()),
)


def census(client: Callable[[str], Any], study_id: str) -> tuple[str, ...]:
    """Everything of the study that still exists, each as `kind/id`; empty when all is gone."""
    return (
        *_stack(client("cloudformation"), study_id),
        *_cluster(client("eks"), study_id),
        *_of_ec2(client("ec2"), study_id),
        *_roles(client("iam"), study_id),
    )


def _stack(cloudformation: Any, study_id: str) -> Iterator[str]:
    if stack := stacks.find_own(cloudformation, study_id):
        yield f"stack/{stack['StackName']} ({stack['StackStatus']})"


def _cluster(eks: Any, study_id: str) -> Iterator[str]:
    try:
        cluster = eks.describe_cluster(name=stacks.name_of(study_id))["cluster"]
    except ClientError as err:
        if is_absent(err):
            return
        raise
    if cluster.get("tags", {}).get(stacks.TAG_STUDY) == study_id:
        yield f"cluster/{cluster['name']}"


def _of_ec2(ec2: Any, study_id: str) -> Iterator[str]:
    own = [{"Name": f"tag:{stacks.TAG_STUDY}", "Values": [study_id]}]
    yield from _instances(ec2, own)
    for address in ec2.describe_addresses(Filters=own)["Addresses"]:
        yield f"address/{address['AllocationId']}"
    for group in ec2.describe_placement_groups(Filters=own)["PlacementGroups"]:
        yield f"placement-group/{group['GroupName']}"
    for call, listed, identity, over in TAGGED:
        for page in ec2.get_paginator(call).paginate(Filters=own):
            for resource in page[listed]:
                if resource.get("State") not in over:
                    yield f"{call.removeprefix('describe_').removesuffix('s')}/{resource[identity]}"


def _instances(ec2: Any, own: list[dict[str, Any]]) -> Iterator[str]:
    for page in ec2.get_paginator("describe_instances").paginate(Filters=own):
        instances = (each for group in page["Reservations"] for each in group["Instances"])
        for instance in instances:
            if instance["State"]["Name"] != "terminated":
                yield f"instance/{instance['InstanceId']} ({instance['State']['Name']})"


def _roles(iam: Any, study_id: str) -> Iterator[str]:
    for role in ROLES:
        name = f"{stacks.name_of(study_id)}-{role}"
        try:
            answer = iam.get_role(RoleName=name)["Role"]
        except ClientError as err:
            if is_absent(err):
                continue
            raise
        if stacks.tags_of(answer).get(stacks.TAG_STUDY) == study_id:
            yield f"role/{name}"
