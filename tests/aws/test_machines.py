from __future__ import annotations

from datetime import UTC, datetime, timedelta

from include.aws import machines
from include.aws.stack import TAG_STUDY
from tests.clusters.test_eks import CLUSTER, reservation


def start(ec2, study_id):
    tags = [{"ResourceType": "instance", "Tags": [{"Key": TAG_STUDY, "Value": study_id}]}]
    (made,) = ec2.run_instances(
        ImageId="ami-12c6146b",  # one that moto has
        MinCount=1,
        MaxCount=1,
        InstanceType="t3.micro",
        TagSpecifications=tags,
    )["Instances"]
    return made["InstanceId"], made["LaunchTime"]


def test_machines_of_the_study_are_paid_from_their_launch(aws):
    mine, launched = start(aws("ec2"), "demo-1")
    start(aws("ec2"), "demo-2")
    (found,) = CLUSTER.paid_since(reservation())
    assert (found.name, found.since, found.until) == (mine, launched, None)


def test_machine_that_was_given_back_was_paid_until_then(aws):
    mine, launched = start(aws("ec2"), "demo-1")
    aws("ec2").terminate_instances(InstanceIds=[mine])
    (found,) = CLUSTER.paid_since(reservation())
    assert launched - timedelta(seconds=1) <= found.until <= datetime.now(UTC)


def test_end_is_as_ec2_says_it():
    ended = {"State": {"Name": "terminated"}}
    said = ended | {"StateTransitionReason": "User initiated (2026-11-25 12:34:56 GMT)"}
    assert machines._ended_at(said) == datetime(2026, 11, 25, 12, 34, 56, tzinfo=UTC)
    before = datetime.now(UTC)
    assert machines._ended_at(ended) >= before
