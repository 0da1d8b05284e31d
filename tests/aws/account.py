"""An empty AWS account for each test, and a Kubernetes API behind its cluster."""

from __future__ import annotations

import contextlib
import functools
from typing import ClassVar

import boto3
import pytest
from moto import mock_aws

from include.aws import access, nodes, removal, reservations, scaling, session, stack
from tests.aws import moto_stack
from tests.kube.api_server import serving

REGION = "us-east-2"
STRANGERS = "a stranger's"


class Session(boto3.Session):
    """A session whose clients are made once: to make one takes longer than all it is asked."""

    _made: ClassVar = {}

    def client(self, service, region_name=None, **options):
        key = service, region_name or self.region_name
        if key not in self._made:
            self._made[key] = super().client(service, region_name=key[1], **options)
        return self._made[key]


_sessions = functools.cache(lambda region: Session(region_name=region))


@pytest.fixture
def aws(monkeypatch):
    """An account in which somebody else has things that survive each test, whatever it deletes."""
    with account(monkeypatch) as client:
        before = strangers_things(client)
        yield client
        assert strangers_things(client) == before


@contextlib.contextmanager
def account(monkeypatch):
    """An account with the roles of bootstrap.yaml, and no waiting; gives a function for clients."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for module in (stack, removal, nodes, scaling, reservations):
        monkeypatch.setattr(module, "POLL_S", 0.0)
    monkeypatch.setattr(nodes, "PAUSE_S", 0.0)
    monkeypatch.setattr(nodes, "STALLED_S", 0.0)
    monkeypatch.setattr(reservations, "PAUSE_S", 0.0)
    moto_stack.reset()
    monkeypatch.setattr(session._Source, "session", staticmethod(_sessions))
    with mock_aws():
        iam = session.client("iam", REGION)
        for role in ("OperatorBenchmarkSelfDestruct", "OperatorBenchmarkDeletion"):
            iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")

        def client(service, region=REGION):
            return session.client(service, region)

        yield client
    moto_stack.reset()


@pytest.fixture
def kubernetes(aws, monkeypatch):
    """The API server of the cluster, with the launcher's node; workers come as they are asked."""
    with serving() as (state, kube):
        monkeypatch.setattr(
            access, "connect", lambda *_, namespace, **__: kube.in_namespace(namespace)
        )
        follow_workers(state)
        yield state


def follow_workers(state):
    """Put the launcher's node into an API server, and as many workers as are asked for."""
    state.put("/api/v1/nodes/launcher", node("launcher", role="launcher"))

    def scale(count):
        for path in [p for p in state.objects if p.startswith("/api/v1/nodes/worker")]:
            state.remove(path)
        for index in range(count):
            name = f"worker-{index}"
            state.put(f"/api/v1/nodes/{name}", node(name, role="worker"))

    moto_stack.FAULTS.on_scale.append(scale)


def node(name, *, role, efa="1", ready="True"):
    labels = {nodes.ROLE: role, nodes.HOST_NAME: name}
    conditions = [{"type": "Ready", "status": ready}]
    status = {"conditions": conditions, "allocatable": {nodes.EFA: efa}}
    return {"metadata": {"name": name, "labels": labels}, "spec": {}, "status": status}


def whole_account(client):
    """Everything of ours in the account, tagged or not, by kind; {} when it is empty."""
    ec2, iam = client("ec2"), client("iam")
    found = {
        "stacks": [s["StackName"] for s in client("cloudformation").describe_stacks()["Stacks"]],
        "clusters": client("eks").list_clusters()["clusters"],
        "vpcs": [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]],
        "subnets": [
            s["SubnetId"] for s in ec2.describe_subnets()["Subnets"] if not s["DefaultForAz"]
        ],
        "security groups": [
            group["GroupName"]
            for group in ec2.describe_security_groups()["SecurityGroups"]
            if group["GroupName"] not in {"default", STRANGERS}
        ],
        "launch templates": ec2.describe_launch_templates()["LaunchTemplates"],
        "nat gateways": [
            nat for nat in ec2.describe_nat_gateways()["NatGateways"] if nat["State"] != "deleted"
        ],
        "addresses": ec2.describe_addresses()["Addresses"],
        "internet gateways": ec2.describe_internet_gateways()["InternetGateways"],
        "endpoints": [
            each
            for each in ec2.describe_vpc_endpoints()["VpcEndpoints"]
            if each["State"] != "deleted" and each["VpcId"] != _strangers_vpc(ec2)
        ],
        "interfaces": [
            each
            for each in ec2.describe_network_interfaces()["NetworkInterfaces"]
            if each["VpcId"] != _strangers_vpc(ec2)
        ],
        "roles": [
            role["RoleName"]
            for role in iam.list_roles()["Roles"]
            if not role["RoleName"].startswith("OperatorBenchmark")
        ],
        "placement groups": list(moto_stack.PLACEMENT_GROUPS),
    }
    return {kind: listed for kind, listed in found.items() if listed}


def _strangers_vpc(ec2):
    return next(each["VpcId"] for each in ec2.describe_vpcs()["Vpcs"] if each["IsDefault"])


def strangers_things(client):
    """Ids of what somebody else has in the account: made when it is not there, else looked up."""
    ec2 = client("ec2")
    vpc = _strangers_vpc(ec2)
    inside = [{"Name": "vpc-id", "Values": [vpc]}]
    if not ec2.describe_vpc_endpoints(Filters=inside)["VpcEndpoints"]:
        subnet = ec2.describe_subnets(Filters=inside)["Subnets"][0]["SubnetId"]
        ec2.create_network_interface(SubnetId=subnet, Description=STRANGERS)
        ec2.create_security_group(GroupName=STRANGERS, Description=STRANGERS, VpcId=vpc)
        ec2.create_vpc_endpoint(
            VpcId=vpc, ServiceName=f"com.amazonaws.{REGION}.ecr.api", VpcEndpointType="Interface"
        )
    groups = ec2.describe_security_groups(Filters=inside)["SecurityGroups"]
    interfaces = ec2.describe_network_interfaces(Filters=inside)["NetworkInterfaces"]
    endpoints = ec2.describe_vpc_endpoints(Filters=inside)["VpcEndpoints"]
    return {
        *(each["GroupId"] for each in groups),
        *(each["NetworkInterfaceId"] for each in interfaces if each["Description"] == STRANGERS),
        *(each["VpcEndpointId"] for each in endpoints),
    }
