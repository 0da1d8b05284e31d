from __future__ import annotations

import pytest

from include.aws.census import census
from tests.clusters.test_eks import CLUSTER, reservation, study

TAG = {"Key": "operator-benchmark:study", "Value": "demo-1"}


def test_whole_cluster_is_counted(aws):
    CLUSTER.create(reservation(), study())
    kinds = {found.partition("/")[0] for found in census(aws, "demo-1")}
    assert kinds >= {"stack", "cluster", "nat_gateway", "vpc", "subnet", "launch_template", "role"}
    assert census(aws, "demo-2") == ()


@pytest.mark.parametrize("kind", ["instance", "volume", "network_interface", "vpc"])
def test_what_outlives_its_stack_is_found_by_its_tag(aws, kind):
    ec2 = aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    make = {
        "vpc": lambda: vpc,
        "volume": lambda: ec2.create_volume(AvailabilityZone="us-east-2b", Size=1)["VolumeId"],
        "network_interface": lambda: ec2.create_network_interface(SubnetId=subnet)[
            "NetworkInterface"
        ]["NetworkInterfaceId"],
        "instance": lambda: ec2.run_instances(
            ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet, InstanceType="t3.micro"
        )["Instances"][0]["InstanceId"],
    }
    made = make[kind]()
    assert census(aws, "demo-1") == ()
    ec2.create_tags(Resources=[made], Tags=[TAG])
    (found,) = census(aws, "demo-1")
    assert found.startswith(f"{kind}/{made}")


def test_instance_that_was_ended_is_no_more(aws):
    ec2 = aws("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    tags = [{"ResourceType": "instance", "Tags": [TAG]}]
    (made,) = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro", TagSpecifications=tags
    )["Instances"]
    assert census(aws, "demo-1") == (f"instance/{made['InstanceId']} (running)",)
    ec2.terminate_instances(InstanceIds=[made["InstanceId"]])
    assert census(aws, "demo-1") == ()
