"""Deletes a stack until it is verified gone, and the network interfaces that would block it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from include import waiting
from include.aws import stack as stacks
from include.aws.problems import code_of, is_absent
from include.aws.scaling import WorkerGroup, release_if_there
from include.errors import TeardownError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

DELETE_S = 50 * 60.0  # run 6 took 12 to 14 minutes; the task that waits has an hour
FAILURES = 3  # restarts of a failed deletion within one call
POLL_S = 15.0
OF_A_STACK = "aws:cloudformation:"  # tags of what CloudFormation made and deletes
FAILED = "DELETE_FAILED"
GOING = "DELETE_IN_PROGRESS"


def delete_stack(client: Callable[[str], Any], find: Callable[[], dict[str, Any] | None]) -> None:
    """Delete the stack that `find` gives, and wait until it gives none.

    `client` makes a client for a service. Each look also removes the orphaned network interfaces
    of the stack's network: the network plugin leaks some, and CloudFormation would wait for them
    until it fails. A failed deletion is restarted. TeardownError naming what could not be deleted.
    """
    cloudformation = client("cloudformation")
    if (stack := find()) is not None and stack["StackStatus"] == stacks.MADE:
        release_if_there(client, cluster=stack["StackName"])
    failures_left = FAILURES
    reported = None
    for _ in waiting.looks(limit_s=DELETE_S, poll_s=POLL_S):
        if (stack := find()) is None:
            return
        name, status = stack["StackName"], stack["StackStatus"]
        if status != reported:
            log.info("the stack %s is %s", name, status)
            reported = status
        if status == FAILED:
            if failures_left == 0:
                raise TeardownError(_stuck(cloudformation, stack))
            failures_left -= 1
            log.warning("%s", _stuck(cloudformation, stack))
            sweep_network(client, stack)
        if status == GOING:
            sweep_interfaces(client, stack)
        else:
            begin(client, stack)
            reported = None
    raise TeardownError(f"the stack {name} is still {status} after {DELETE_S / 60:.0f} min")


def _stuck(cloudformation: Any, stack: Mapping[str, Any]) -> str:
    reasons = "; ".join(stacks.failures(cloudformation, stack["StackId"], FAILED))
    return f"the stack {stack['StackName']} could not be deleted: {reasons}"


def begin(client: Callable[[str], Any], stack: Mapping[str, Any]) -> None:
    """Request the deletion; during a rollback it is refused, and requested again later."""
    scale_down(client, stack)
    sweep_interfaces(client, stack)
    cloudformation = client("cloudformation")
    try:
        cloudformation.delete_stack(StackName=stack["StackId"])
    except ClientError as err:
        if code_of(err) != "ValidationError":
            raise
        log.info("the deletion is not accepted yet: %s", err)


def scale_down(client: Callable[[str], Any], stack: Mapping[str, Any]) -> None:
    """Scale a permanent node group to zero, before the guard that would do it is deleted."""
    cluster, _, name = stacks.tags_of(stack).get(stacks.TAG_NODE_GROUP, "").partition("/")
    if not name:
        return
    try:
        WorkerGroup(client, cluster=cluster, node_group=name).ask(0)
    except ClientError as err:
        if not is_absent(err):
            raise


def sweep_interfaces(client: Callable[[str], Any], stack: Mapping[str, Any]) -> None:
    """Delete unattached interfaces in the stack's network."""
    vpc = _vpc(client("cloudformation"), stack)
    if vpc is None:
        return
    ec2 = client("ec2")
    wanted = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "status", "Values": ["available"]}]
    pages = ec2.get_paginator("describe_network_interfaces").paginate(Filters=wanted)
    interfaces = [eni["NetworkInterfaceId"] for page in pages for eni in page["NetworkInterfaces"]]
    for interface in interfaces:
        try:
            ec2.delete_network_interface(NetworkInterfaceId=interface)
            log.info("removed the orphaned network interface %s", interface)
        except ClientError as err:
            if not is_absent(err):  # otherwise somebody was faster
                log.warning("the network interface %s stays for now: %s", interface, err)


def sweep_network(client: Callable[[str], Any], stack: Mapping[str, Any]) -> None:
    """Delete what others added to the stack's network, which is the study's alone.

    GuardDuty's runtime monitoring adds an endpoint and a security group to the VPC of each cluster
    and removes neither. Only after a failed deletion with the cluster gone: until then, it needs
    its own group.
    """
    vpc = _vpc(client("cloudformation"), stack)
    if vpc is None or _cluster_is_there(client("eks"), stack):
        return
    ec2, inside = client("ec2"), [{"Name": "vpc-id", "Values": [vpc]}]
    pages = ec2.get_paginator("describe_vpc_endpoints").paginate(Filters=inside)
    for endpoint in [each for page in pages for each in page["VpcEndpoints"]]:
        if endpoint.get("VpcEndpointType") != "Gateway":  # the stack has its own gateway endpoint
            identity = endpoint["VpcEndpointId"]
            _try(f"endpoint {identity}", ec2.delete_vpc_endpoints, VpcEndpointIds=[identity])
    pages = ec2.get_paginator("describe_security_groups").paginate(Filters=inside)
    groups = [each for page in pages for each in page["SecurityGroups"]]
    tag = {"Key": stacks.TAG_STUDY, "Value": stacks.tags_of(stack).get(stacks.TAG_STUDY, "")}
    for group in groups:
        is_of_stack = any(key.startswith(OF_A_STACK) for key in stacks.tags_of(group))
        if is_of_stack or group["GroupName"] == "default":  # both are deleted with stack and VPC
            continue
        identity = group["GroupId"]
        # We may only delete what carries a study's tag.
        _try(f"tag of {identity}", ec2.create_tags, Resources=[identity], Tags=[tag])
        _try(f"security group {identity}", ec2.delete_security_group, GroupId=identity)


def _cluster_is_there(eks: Any, stack: Mapping[str, Any]) -> bool:
    try:
        eks.describe_cluster(name=stack["StackName"])
    except ClientError as err:
        if is_absent(err):
            return False
        raise
    return True


def _try(what: str, call: Callable[..., Any], **arguments: Any) -> None:
    """One step of a repeated sweep: a failure is logged, and the step is tried again."""
    try:
        call(**arguments)
        log.info("swept: %s", what)
    except ClientError as err:
        if not is_absent(err):
            log.warning("not swept yet: %s: %s", what, err)


def _vpc(cloudformation: Any, stack: Mapping[str, Any]) -> str | None:
    try:
        answer = cloudformation.describe_stack_resource(
            StackName=stack["StackId"], LogicalResourceId="Vpc"
        )
    except ClientError as err:
        if code_of(err) == "ValidationError":  # not made yet, or gone with the stack
            return None
        raise
    detail = answer["StackResourceDetail"]
    vpc: str = detail.get("PhysicalResourceId", "")
    return vpc if vpc and detail["ResourceStatus"] != stacks.GONE else None
