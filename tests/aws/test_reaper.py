from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError

from include.aws import reaper, session, stack
from include.aws.settings import OWNER
from tests.aws.account import REGION, whole_account
from tests.aws.moto_stack import FAULTS
from tests.clusters.test_eks import CLUSTER, leak_an_interface, reservation, study

NAME = "operator-benchmark-demo-1"


def after(mine, **late):
    """So long after the guards may act."""
    return mine.expires_at + stack.GRACE + timedelta(**late)


@pytest.fixture
def left_behind(aws):
    """A cluster whose Airflow died right after it had asked for it."""
    mine = reservation()
    CLUSTER.create(mine, study())
    return mine


def test_cluster_left_behind_is_deleted_once_and_named(aws, left_behind):
    with pytest.raises(reaper.ClustersReaped, match=f"{NAME} in {REGION}.*expired at.*; deleted$"):
        reaper.reap([REGION], owner=OWNER, now=after(left_behind, minutes=1))
    assert whole_account(aws) == {}
    reaper.reap([REGION], owner=OWNER, now=after(left_behind, hours=1))


def test_nothing_is_touched_before_its_expiry(aws, left_behind):
    before = whole_account(aws)
    reaper.reap([REGION], owner=OWNER, now=after(left_behind, minutes=-1))
    assert whole_account(aws) == before


def test_clusters_of_another_owner_are_left(aws, left_behind):
    before = whole_account(aws)
    reaper.reap([REGION], owner="somebody", now=after(left_behind, days=1))
    assert whole_account(aws) == before


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        (NAME, {}),
        ("theirs", {stack.TAG_OWNER: OWNER}),
        ("theirs", {stack.TAG_OWNER: OWNER, stack.TAG_STUDY: "demo-1"}),
    ],
)
def test_stacks_that_are_not_of_a_study_are_left(aws, name, tags):
    tags = {stack.TAG_EXPIRES_AT: "2020-01-01T00:00:00", **tags}
    make_stack(aws, name, tags)
    reaper.reap([REGION], owner=OWNER, now=datetime.now(UTC))
    assert whole_account(aws) == {"stacks": [name]}


def make_stack(client, name, tags):
    client("cloudformation").create_stack(
        StackName=name,
        TemplateBody='{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}',
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )


def test_stack_without_a_readable_expiry_is_reported_and_left(aws):
    tags = {stack.TAG_OWNER: OWNER, stack.TAG_STUDY: "demo-1", stack.TAG_EXPIRES_AT: "soon"}
    make_stack(aws, NAME, tags)
    with pytest.raises(reaper.ClustersReaped, match="cannot be read; left alone"):
        reaper.reap([REGION], owner=OWNER, now=datetime.now(UTC))
    assert whole_account(aws) == {"stacks": [NAME]}


def test_failed_deletion_is_swept_and_taken_up_again(aws, left_behind):
    leak_an_interface(aws)
    FAULTS.deletions_that_fail = 1
    aws("cloudformation").delete_stack(StackName=NAME)
    assert status(aws) == "DELETE_FAILED"
    with pytest.raises(reaper.ClustersReaped, match="; deleted$"):
        reaper.reap([REGION], owner=OWNER, now=after(left_behind, minutes=1))
    assert whole_account(aws) == {}


def status(client):
    (found,) = client("cloudformation").describe_stacks(StackName=NAME)["Stacks"]
    return found["StackStatus"]


def test_deletion_that_keeps_failing_is_said_loudly(aws, left_behind):
    FAULTS.deletions_that_fail = 99
    with pytest.raises(reaper.ClustersReaped, match=r"NOT DELETED, it costs money: .*dependencies"):
        reaper.reap([REGION], owner=OWNER, now=after(left_behind, minutes=1))


def test_region_that_cannot_be_looked_at_is_said_and_keeps_no_other_from_it(
    aws, left_behind, monkeypatch
):
    client = session.client

    def refuse(service, region):
        if region != "eu-west-3":
            return client(service, region)
        found = boto3.client(service, region_name=region)
        found.meta.events.register("before-sign", lambda **_: (_ for _ in ()).throw(refused(found)))
        return found

    monkeypatch.setattr(session, "client", refuse)
    with pytest.raises(reaper.ClustersReaped) as raised:
        reaper.reap(["eu-west-3", REGION], owner=OWNER, now=after(left_behind, minutes=1))
    first, second = str(raised.value).splitlines()
    assert first.startswith("eu-west-3 could not be examined: DescribeStacks: not allowed")
    assert second.endswith("; deleted")


def refused(client):
    answer = {"Error": {"Code": "AccessDenied", "Message": "by policy"}}
    return client.exceptions.ClientError(answer, "DescribeStacks")


def test_all_regions_are_those_of_the_account(aws):
    assert {REGION, "eu-north-1"} < set(reaper.all_regions())


def test_region_that_the_organisation_closes_is_told_once_a_day(aws, monkeypatch):
    def closed(*_, **__):
        answer = {"Code": "AccessDenied", "Message": "with an explicit deny in a service control"}
        raise ClientError({"Error": answer}, "DescribeStacks")

    monkeypatch.setattr(reaper, "overdue", closed)
    for hour in range(24):
        now = datetime(2026, 12, 1, hour, 5, tzinfo=UTC)
        if hour != reaper.TOLD_AT_HOUR:
            reaper.reap(["eu-west-3"], owner=OWNER, now=now)
            continue
        with pytest.raises(reaper.ClustersReaped, match="eu-west-3 could not be examined"):
            reaper.reap(["eu-west-3"], owner=OWNER, now=now)


def test_regions_are_those_of_the_installation_where_it_names_some(aws, monkeypatch):
    monkeypatch.setenv(reaper.REGIONS, "us-east-2, eu-north-1")
    assert reaper.all_regions() == ("us-east-2", "eu-north-1")
    monkeypatch.delenv(reaper.REGIONS)
    assert "eu-west-3" in reaper.all_regions()
