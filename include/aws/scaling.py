"""The workers' Auto Scaling group: requested size, existing machines, and failures.

EKS's health of a node group is no guide: it reports a shortage until a scale-out has succeeded,
even at zero nodes (aws/containers-roadmap#2326). The group's activities appear within a
minute, each once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from include import waiting
from include.aws.problems import FAILURES, code_of, explain, is_absent

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

WORKERS = "workers"  # the node group
UPDATE_S = 300.0
EMPTY_S = 960.0  # draining a node may take 15 minutes
ENDED_S = 300.0  # for machines ended before a deletion, which has an hour in all
POLL_S = 10.0
MOST_ACTIVITIES = 300
FAILED = {"Failed", "Cancelled"}
IN_SERVICE = "InService"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The group at one moment."""

    desired: int
    instances: tuple[str, ...]  # all that are charged and count against quotas
    in_service: int
    failures: dict[str, str]  # reason by id of each failed activity


class WorkerGroup:
    """The node group of one cluster that carries ranks."""

    def __init__(
        self, client: Callable[[str], Any], *, cluster: str, node_group: str = WORKERS
    ) -> None:
        self._client = client
        self._cluster = cluster
        self._node_group = node_group

    def ask(self, count: int) -> None:
        """Request that many workers, unless already done; surplus ones are ended.

        Waits while EKS is working on an earlier change, when it would refuse.
        """
        eks = self._client("eks")
        wanted = {"minSize": 0, "desiredSize": count}
        if wanted.items() <= self._described()["scalingConfig"].items():
            return
        for _ in waiting.looks(limit_s=UPDATE_S, poll_s=POLL_S):
            try:
                eks.update_nodegroup_config(
                    clusterName=self._cluster, nodegroupName=self._node_group, scalingConfig=wanted
                )
            except ClientError as err:
                if code_of(err) != "ResourceInUseException":
                    raise
                refusal = err
            else:
                log.info("requested %d workers", count)
                return
        raise refusal

    def look(self) -> Standing:
        """The state of the group as Auto Scaling reports it."""
        scaling = self._client("autoscaling")
        name = self._name()
        rows = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        group: dict[str, Any] = next(iter(rows["AutoScalingGroups"]), {})
        instances = group.get("Instances", [])
        return Standing(
            desired=group.get("DesiredCapacity", 0),
            instances=tuple(each["InstanceId"] for each in instances),
            in_service=sum(each["LifecycleState"] == IN_SERVICE for each in instances),
            failures=_failures(scaling, name),
        )

    def activities(self) -> list[dict[str, Any]]:
        """Activities of Auto Scaling, newest first: evidence of a failure."""
        return _activities(self._client("autoscaling"), self._name())

    def release(self, *, limit_s: float = EMPTY_S) -> None:
        """Scale to zero, ending all machines at once; returns when none is left or time is up."""
        self.ask(0)
        for _ in waiting.looks(limit_s=limit_s, poll_s=POLL_S):
            standing = self.look()
            if not standing.instances and not self._is_changing():
                return
            if standing.desired == 0:  # otherwise the group would replace them
                self.end(standing.instances)
        log.warning("%d workers are still ending", len(standing.instances))

    def shrink(self, instances: tuple[str, ...]) -> None:
        """End these machines for good: the group's size drops, and only these go.

        The group itself would pick any. Returns when they are gone, or after a while.
        """
        scaling = self._client("autoscaling")
        there = set(self.look().instances) & set(instances)
        for each in sorted(there):
            scaling.terminate_instance_in_auto_scaling_group(
                InstanceId=each, ShouldDecrementDesiredCapacity=True
            )
        self.end(tuple(sorted(there)))  # nothing runs there that a drain would spare
        for _ in waiting.looks(limit_s=EMPTY_S, poll_s=POLL_S):
            if not set(self.look().instances) & there:
                return

    def end(self, instances: tuple[str, ...]) -> None:
        """End machines at once; the group replaces them as far as its size demands."""
        if not instances:
            return
        try:
            self._client("ec2").terminate_instances(InstanceIds=list(instances))
        except FAILURES as err:  # the group ends them too, later
            log.warning("left it to the group to end its workers: %s", explain(err))

    def _described(self) -> dict[str, Any]:
        answer = self._client("eks").describe_nodegroup(
            clusterName=self._cluster, nodegroupName=self._node_group
        )
        group: dict[str, Any] = answer["nodegroup"]
        return group

    def _is_changing(self) -> bool:
        """True while EKS works on an earlier change, and would refuse another or a deletion."""
        return bool(self._described().get("status") == "UPDATING")

    def _name(self) -> str:
        return str(self._described()["resources"]["autoScalingGroups"][0]["name"])


def release_if_there(client: Callable[[str], Any], *, cluster: str) -> None:
    """End the workers before a stack is deleted; a failure is left to the deletion itself.

    CloudFormation would drain them one by one while they cost money.
    """
    try:
        WorkerGroup(client, cluster=cluster).release(limit_s=ENDED_S)
    except ClientError as err:
        if not is_absent(err):
            log.warning("the workers will be ended with their stack: %s", explain(err))
    except FAILURES as err:
        log.warning("the workers will be ended with their stack: %s", explain(err))


def _failures(scaling: Any, group: str) -> dict[str, str]:
    return {
        row["ActivityId"]: row.get("StatusMessage") or row.get("Description", "no reason is given")
        for row in _activities(scaling, group)
        if row["StatusCode"] in FAILED
    }


def _activities(scaling: Any, group: str) -> list[dict[str, Any]]:
    pages = scaling.get_paginator("describe_scaling_activities").paginate(
        AutoScalingGroupName=group, PaginationConfig={"MaxItems": MOST_ACTIVITIES}
    )
    return [row for page in pages for row in page["Activities"]]
