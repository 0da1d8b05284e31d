"""A node group on a permanent EKS cluster: at zero before and after a study, guarded meanwhile.

The guards are those of a cluster made for a study. A stack of that name holds only the schedule,
so that teardown, reaper and deletion by hand find it; its tag names the group.
"""

from __future__ import annotations

import functools
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import StringConstraints

from include.aws import identity, launch, lease, nodes, removal, session, templates
from include.aws import stack as stacks
from include.aws.problems import explained
from include.aws.scaling import WorkerGroup
from include.aws.settings import OWNER, Region
from include.base_model import Model
from include.errors import ClusterBusy, ClusterError
from include.tariff import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from include.kube.client import Kube
    from include.models import Placement, Reservation

# Label that EKS puts on the nodes of a managed group.
LABEL = "eks.amazonaws.com/nodegroup"
PACE = Pace(
    create_s=60,
    nodes_while_creating=0,
    join_s=180,
    pull_s=300,
    install_s=30,
    uninstall_s=20,
    launch_s=15,
    between_s=10,
    end_s=60,
    delete_s=60,
    source="a guess: creation and deletion are those of the guard",
)
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")]


class NodeGroup(Model):
    """Group and its cluster: an option of an existing cluster."""

    region: Region = "us-east-2"
    cluster: Name
    name: Name
    owner: str = OWNER
    self_destruct: bool = True  # False: for an account without the roles of bootstrap.yaml

    def placement(self, worker: Placement) -> Placement:
        """Placement of workers: the group's nodes, with the tolerations of the study."""
        selector = {**worker.node_selector, LABEL: self.name}
        return worker.model_copy(update={"node_selector": selector})


def _client(group: NodeGroup) -> Callable[[str], Any]:
    return functools.cache(lambda service: session.client(service, group.region))


def _scaled(group: NodeGroup) -> WorkerGroup:
    return WorkerGroup(_client(group), cluster=group.cluster, node_group=group.name)


@explained
def require_free(group: NodeGroup, reservation: Reservation) -> None:
    """ClusterBusy when the group has nodes, ClusterError when it may not have enough.

    Existing nodes are somebody's, and would be ended with the study.
    """
    client = _client(group)
    if group.self_destruct:
        identity.guard_roles(client)
    answer = client("eks").describe_nodegroup(clusterName=group.cluster, nodegroupName=group.name)
    scaling = answer["nodegroup"]["scalingConfig"]
    if stacks.find_own(client("cloudformation"), reservation.study_id) is not None:
        return  # the nodes are this study's own
    if scaling["desiredSize"]:
        raise ClusterBusy(
            f"the node group {group.name} of {group.cluster} has {scaling['desiredSize']} nodes, "
            "which somebody uses: a study needs a group at zero and leaves it so"
        )
    if scaling["maxSize"] < reservation.nodes:
        raise ClusterError(
            f"the node group {group.name} may have {scaling['maxSize']} nodes, "
            f"{reservation.nodes} are needed: raise its maximum, or ask for fewer"
        )


@explained
def guard(group: NodeGroup, reservation: Reservation) -> None:
    """Make the stack that scales the group down by itself, before any node is requested."""
    client = _client(group)
    template = templates.read("node_group_guard.yaml")
    parameters = {}
    if group.self_destruct:
        forget_at = stacks.guards_end_at(reservation) + timedelta(days=1)
        parameters = {
            "ClusterName": group.cluster,
            "NodeGroupName": group.name,
            "LeaseUntil": lease.first_lease(reservation),
            "ForgetAt": forget_at.astimezone(UTC).strftime(lease.FORMAT),
            "SelfDestructRoleArn": identity.guard_roles(client).self_destruct_arn,
        }
    else:  # a free stack, which the reaper finds all the same
        tags = [{"Key": stacks.TAG_STUDY, "Value": reservation.study_id}]
        properties = {"Strategy": "spread", "Tags": tags}  # a stack must have at least one resource
        empty = {"Type": "AWS::EC2::PlacementGroup", "Properties": properties}
        template["Resources"] = {"Empty": empty}
        del template["Parameters"]
    stacks.create_or_adopt(
        client("cloudformation"),
        reservation=reservation,
        owner=group.owner,
        parameters=parameters,
        template=launch.body(template),
        tags={stacks.TAG_NODE_GROUP: f"{group.cluster}/{group.name}"},
    )
    stacks.wait_made(client("cloudformation"), reservation.study_id)


@explained
def cores(group: NodeGroup) -> int | None:
    """Physical cores of the group's smallest machine; None if its launch template names it."""
    client = _client(group)
    answer = client("eks").describe_nodegroup(clusterName=group.cluster, nodegroupName=group.name)
    names = answer["nodegroup"].get("instanceTypes") or ()
    return min((launch.describe(client("ec2"), name).cores for name in names), default=None)


@explained
def keep(group: NodeGroup, reservation: Reservation) -> None:
    """Extend the lease."""
    if group.self_destruct:
        lease.renew(_client(group)("scheduler"), reservation)


@explained
def add(group: NodeGroup, kube: Kube, *, count: int, place: Placement) -> tuple[str, ...]:
    """Host names of the workers once all are ready; CapacityError, at zero, when EC2 lacks them."""
    return nodes.add_workers(
        _scaled(group), kube, count=count, least=None, with_efa=False, place=place
    )


@explained
def keep_workers(
    group: NodeGroup, kube: Kube, workers: Collection[str], *, kept: Collection[str]
) -> None:
    """End the machines of all workers but the kept ones; without any, the whole group's."""
    nodes.keep_workers(_scaled(group), kube, workers, kept=kept)


@explained
def give_back(group: NodeGroup, reservation: Reservation) -> None:
    """Scale to zero and remove the guard once no machine is left; others' groups stay."""
    client = _client(group)
    find = functools.partial(stacks.find_own, client("cloudformation"), reservation.study_id)
    if find() is not None:  # otherwise the study never asked for a node
        _scaled(group).release()
        removal.delete_stack(client, find)


@explained
def left(group: NodeGroup, reservation: Reservation) -> tuple[str, ...]:
    """The guard while it exists: with it the group may have nodes."""
    stack = stacks.find_own(_client(group)("cloudformation"), reservation.study_id)
    return () if stack is None else (f"stack/{stack['StackName']} ({stack['StackStatus']})",)
