"""The one CloudFormation stack of a study: found, created or adopted, awaited, explained."""

from __future__ import annotations

import hashlib
import logging
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from include import waiting
from include.aws.problems import code_of, is_absent
from include.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.models import Reservation

log = logging.getLogger(__name__)

PREFIX = "operator-benchmark-"  # the roles of bootstrap.yaml may touch nothing else
TAG_OWNER = "operator-benchmark:owner"
TAG_STUDY = "operator-benchmark:study"
TAG_NODE_GROUP = "operator-benchmark:node-group"  # cluster/name of a permanent group
TAG_EXPIRES_AT = "operator-benchmark:expires-at"  # UTC, without a zone

# After its time to live a study starts no point, but its last one and its teardown need time.
GRACE = timedelta(minutes=30)
CREATE_MINUTES = 45  # run 6 took 17 to 19
POLL_S = 15.0

BEING_MADE = "CREATE_IN_PROGRESS"
MADE = "CREATE_COMPLETE"
GONE = "DELETE_COMPLETE"


def name_of(study_id: str) -> str:
    """Name of a study's stack and of its cluster."""
    return f"{PREFIX}{study_id}"


def guards_end_at(reservation: Reservation) -> datetime:
    """Instant from which any guard that finds the cluster deletes it."""
    return reservation.expires_at + GRACE


def guards_act_at(reservation: Reservation) -> str:
    """The same instant in the format of the template and the tag."""
    return guards_end_at(reservation).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def expiry_of(stack: Mapping[str, Any]) -> datetime | None:
    """Instant from which the guards may delete a stack; None without a readable tag."""
    try:
        expiry = datetime.fromisoformat(tags_of(stack)[TAG_EXPIRES_AT])
    except (KeyError, ValueError):
        return None
    return expiry if expiry.tzinfo else expiry.replace(tzinfo=UTC)


def tags_of(described: Mapping[str, Any]) -> dict[str, str]:
    """AWS's list of tags as a dict."""
    return {tag["Key"]: tag["Value"] for tag in described.get("Tags", [])}


def find(cloudformation: Any, name: str) -> dict[str, Any] | None:
    """The stack of that name or id, None if it is missing or deleted."""
    try:
        stack: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as err:
        if is_absent(err):
            return None
        raise
    return None if stack["StackStatus"] == GONE else stack


def find_own(cloudformation: Any, study_id: str) -> dict[str, Any] | None:
    """The study's stack, None when it is missing or the name belongs to another stack."""
    stack = find(cloudformation, name_of(study_id))
    if stack is None or tags_of(stack).get(TAG_STUDY) == study_id:
        return stack
    log.warning("the stack %s is not this study's and is left alone", stack["StackName"])
    return None


def create_or_adopt(
    cloudformation: Any,
    *,
    reservation: Reservation,
    owner: str,
    parameters: Mapping[str, str],
    template: str,
    tags: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Start making the stack, in one call, unless this study has already started it.

    ClusterError when a stack of that name is somebody else's, or this study's own has failed.
    """
    name = name_of(reservation.study_id)
    try:
        if find(cloudformation, name) is None:
            cloudformation.create_stack(
                StackName=name,
                TemplateBody=template,
                Parameters=[
                    {"ParameterKey": key, "ParameterValue": value}
                    for key, value in parameters.items()
                ],
                Capabilities=["CAPABILITY_NAMED_IAM"],
                OnFailure="ROLLBACK",  # keeps the reasons; the teardown deletes what is left
                TimeoutInMinutes=CREATE_MINUTES,
                ClientRequestToken=hashlib.sha256(name.encode()).hexdigest(),
                Tags=_tags(reservation, owner=owner, more=tags),
            )
            log.info("CloudFormation is creating the stack %s", name)
            return
    except ClientError as err:
        if code_of(err) != "AlreadyExistsException":
            raise
    _adopt(find(cloudformation, name), name=name, study_id=reservation.study_id)


def _tags(reservation: Reservation, *, owner: str, more: Mapping[str, str]) -> list[dict[str, str]]:
    values = {
        TAG_OWNER: owner,
        TAG_STUDY: reservation.study_id,
        TAG_EXPIRES_AT: guards_act_at(reservation),
        **more,
    }
    return [{"Key": key, "Value": value} for key, value in values.items()]


def _adopt(stack: Mapping[str, Any] | None, *, name: str, study_id: str) -> None:
    if stack is None:
        msg = f"the stack {name} was deleted by somebody during its creation"
        raise ClusterError(msg)
    _refuse(stack, study_id)
    if stack["StackStatus"] not in {BEING_MADE, MADE}:
        msg = f"the stack {name} is {stack['StackStatus']}: it will be deleted with this run"
        raise ClusterError(msg)
    log.info("the stack %s is this study's (%s): adopted", name, stack["StackStatus"])


def refuse_stranger(cloudformation: Any, study_id: str) -> None:
    """ClusterError when the name of the study's stack is taken by somebody else's."""
    if stack := find(cloudformation, name_of(study_id)):
        _refuse(stack, study_id)


def _refuse(stack: Mapping[str, Any], study_id: str) -> None:
    if tags_of(stack).get(TAG_STUDY) != study_id:
        name = stack["StackName"]
        msg = f"a stack {name} exists that is not this study's: choose another study name"
        raise ClusterError(msg)


def wait_made(cloudformation: Any, study_id: str) -> dict[str, Any]:
    """The complete stack; ClusterError naming what failed, or after 45 minutes."""
    name = name_of(study_id)
    state = None
    for _ in waiting.looks(limit_s=CREATE_MINUTES * 60, poll_s=POLL_S):
        stack = find_own(cloudformation, study_id)
        if stack is None:
            msg = f"there is no stack {name} of this study: it has been deleted"
            raise ClusterError(msg)
        if stack["StackStatus"] != state:
            state = stack["StackStatus"]
            log.info("the stack %s is %s", name, state)
        if state == MADE:
            return stack
        if state != BEING_MADE:
            reasons = "; ".join(failures(cloudformation, stack["StackId"], "CREATE_FAILED"))
            msg = f"the stack {name} could not be made ({state}): {reasons or 'no reason is given'}"
            raise ClusterError(msg)
    raise ClusterError(f"the stack {name} is still being made after {CREATE_MINUTES} min")


def failures(cloudformation: Any, stack_id: str, status: str) -> tuple[str, ...]:
    """`resource: reason` for each event with that status, in order of failure.

    Resources that CloudFormation cancelled because another had failed are left out.
    """
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    reasons = [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason is given')}"
        for page in pages
        for event in page["StackEvents"]
        if event["ResourceStatus"] == status
        and "cancelled" not in event.get("ResourceStatusReason", "")
    ]
    return tuple(reversed(reasons))  # AWS lists the newest first
