"""Deletes clusters that outlived their expiry, whoever left them; each one means a failure."""

from __future__ import annotations

import functools
import logging
import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

from include.aws import removal, session
from include.aws import stack as stacks
from include.aws.census import census
from include.aws.problems import DENIED, FAILURES, code_of, explain, explained
from include.errors import ClustersReaped, TeardownError
from include.models import Model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

log = logging.getLogger(__name__)
REGIONS = "OPERATOR_BENCHMARK_AWS_REGIONS"
TOLD_AT_HOUR = 6  # UTC, of the one daily reminder of closed regions: constant alarms are ignored
HOME_REGION = "us-east-1"  # knows the names of the others


class Overdue(Model):
    """A stack of ours past its expiry, or with an unreadable one."""

    region: str
    name: str
    stack_id: str
    study_id: str
    status: str
    expired_at: datetime | None

    def __str__(self) -> str:
        if self.expired_at is None:
            return f"{self.name} in {self.region}: {stacks.TAG_EXPIRES_AT} cannot be read"
        return f"{self.name} in {self.region}, {self.status}, expired at {self.expired_at:%F %H:%M}"


@explained
def all_regions() -> tuple[str, ...]:
    """The regions of the installation's setting, or else those that the account may use."""
    if named := os.environ.get(REGIONS, "").replace(",", " ").split():
        return tuple(named)
    answer = session.client("ec2", HOME_REGION).describe_regions()
    return tuple(sorted(region["RegionName"] for region in answer["Regions"]))


def reap(regions: Iterable[str], *, owner: str, now: datetime) -> None:
    """Delete each overdue stack of the owner, and wait until it is verified gone.

    Raises ClustersReaped when there was any, as the teardown of its study must have failed, or when
    a region could not be examined.
    """
    clusters, outcomes = [], []
    for region in regions:
        try:
            clusters += overdue(region, owner=owner, now=now)
        except FAILURES as err:
            complaint = f"{region} could not be examined: {explain(err)}"
            if _is_closed(err) and now.hour != TOLD_AT_HOUR:
                log.warning("%s; list the regions that you use in %s", complaint, REGIONS)
            else:
                outcomes.append(complaint)
    for each in clusters:  # all at once: each costs money while another is awaited
        if each.expired_at is not None:
            _begin(each)
    outcomes += [f"{each}; {_finish(each)}" for each in clusters]
    if outcomes:
        raise ClustersReaped("\n".join(outcomes))
    log.info("nothing of %s is overdue", owner)


def _is_closed(err: Exception) -> bool:
    """True if a policy of the organisation closes the region: nothing of ours can exist there."""
    return code_of(err) in DENIED and "explicit deny" in str(err)


def overdue(region: str, *, owner: str, now: datetime) -> list[Overdue]:
    """Stacks of the owner's studies whose expiry has passed or cannot be read.

    Those of others, and those being deleted, are left out.
    """
    return [
        each
        for each in _of_owner(session.client("cloudformation", region), region, owner=owner)
        if each.status != removal.GOING and (each.expired_at is None or each.expired_at < now)
    ]


def _of_owner(cloudformation: Any, region: str, *, owner: str) -> Iterator[Overdue]:
    for page in cloudformation.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            tags = stacks.tags_of(stack)
            study_id = tags.get(stacks.TAG_STUDY, "")
            is_ours = stack["StackName"] == stacks.name_of(study_id)
            if is_ours and tags.get(stacks.TAG_OWNER) == owner:
                yield Overdue(
                    region=region,
                    name=stack["StackName"],
                    stack_id=stack["StackId"],
                    study_id=study_id,
                    status=stack["StackStatus"],
                    expired_at=stacks.expiry_of(stack),
                )


def _begin(each: Overdue) -> None:
    client = _client(each.region)
    try:
        if stack := stacks.find(client("cloudformation"), each.stack_id):
            removal.begin(client, stack)
    except FAILURES as err:
        log.warning("%s: %s", each, explain(err))  # `_finish` retries


def _finish(each: Overdue) -> str:
    """Delete the stack, or leave it alone; returns the outcome in words."""
    if each.expired_at is None:
        return "left alone: examine it and delete it by hand"
    client = _client(each.region)
    try:
        removal.delete_stack(
            client, functools.partial(stacks.find, client("cloudformation"), each.stack_id)
        )
        left = census(client, each.study_id)
    except TeardownError as err:
        return f"NOT DELETED, it costs money: {err}"
    except FAILURES as err:
        return f"NOT DELETED, it costs money: {explain(err)}"
    return f"deleted, but left over: {', '.join(left)}" if left else "deleted"


def _client(region: str) -> Callable[[str], Any]:
    return functools.cache(lambda service: session.client(service, region))
