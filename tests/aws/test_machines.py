from __future__ import annotations

from datetime import UTC, datetime, timedelta

from include.aws import machines
from include.aws.stack import TAG_STUDY
from tests.clusters.test_eks import CLUSTER, reservation


def start(ec2, study_id, *, instance_type="hpc6a.48xlarge"):
    tags = [{"ResourceType": "instance", "Tags": [{"Key": TAG_STUDY, "Value": study_id}]}]
    (made,) = ec2.run_instances(
        ImageId="ami-12c6146b",  # one that moto has
        MinCount=1,
        MaxCount=1,
        InstanceType=instance_type,
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


def test_small_launcher_is_in_the_price_of_what_is_beside_the_nodes(aws):
    mine = reservation(cluster_options={"launcher_type": "t3.medium"})
    start(aws("ec2"), "demo-1", instance_type="t3.medium")
    assert CLUSTER.paid_since(mine) == ()
    assert CLUSTER.paid_nodes(mine) == mine.nodes
    with_it, without = CLUSTER.tariff(mine), CLUSTER.tariff(reservation())
    assert with_it.other_usd_per_hour == without.other_usd_per_hour + 0.0416
    assert (with_it.nodes, without.nodes) == (2, 3)
