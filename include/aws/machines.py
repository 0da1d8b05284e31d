"""The machines of a study as EC2 charges them: from launch to end."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include.aws.stack import TAG_STUDY
from include.tariff import PaidNode

if TYPE_CHECKING:
    from collections.abc import Mapping

ENDED = {"shutting-down", "terminated"}
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html (stateTransitionReason)
_WHEN = re.compile(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?:GMT|UTC)\)")


def paid(ec2: Any, study_id: str, *, instance_type: str) -> tuple[PaidNode, ...]:
    """Every machine of that type and study known to EC2; it forgets ended ones within an hour.

    A machine is charged before it becomes a node of the cluster, and also when it never does.
    """
    own = [{"Name": f"tag:{TAG_STUDY}", "Values": [study_id]}]
    pages = ec2.get_paginator("describe_instances").paginate(Filters=own)
    return tuple(
        PaidNode(
            name=instance["InstanceId"], since=instance["LaunchTime"], until=_ended_at(instance)
        )
        for page in pages
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
        if instance["InstanceType"] == instance_type
    )


def _ended_at(instance: Mapping[str, Any]) -> datetime | None:
    """Instant of its end, None while it runs; now when EC2 does not give one."""
    if instance["State"]["Name"] not in ENDED:
        return None
    match = _WHEN.search(instance.get("StateTransitionReason", ""))
    return datetime.fromisoformat(match[1]).replace(tzinfo=UTC) if match else datetime.now(UTC)
