"""A node group on a cluster that stays: from none to none, whatever becomes of the study."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from include import clusters
from include.aws import launch, nodes, reaper, scaling, staying, templates
from include.aws.settings import OWNER
from include.clusters.existing import Existing
from include.errors import ClusterBusy, ClusterError
from include.models import Study
from tests.aws.account import REGION, node
from tests.aws.meaning import Stack
from tests.aws.moto_stack import FAULTS
from tests.aws.test_template import problems
from tests.kube.api_server import serving
from tests.plans import estimate_study

pytestmark = pytest.mark.sockets
CLUSTER = clusters.load("existing")
GROUP = {"cluster": "ours", "name": "hpc", "region": REGION}
NAME = "operator-benchmark-demo-1"


def study(**options):
    chosen = {"node_group": {**GROUP, **options}}
    return Study(cluster="existing", image="i", nodes=(2,), cluster_options=chosen)


def reservation(**options):
    return CLUSTER.reserve(study(**options), study_id="demo-1")


@pytest.fixture
def ours(aws, monkeypatch):
    """Somebody's cluster with a node group at none, and its API server."""
    eks, iam = aws("eks"), aws("iam")
    role = iam.create_role(RoleName="theirs", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    subnets = [s["SubnetId"] for s in aws("ec2").describe_subnets()["Subnets"][:2]]
    eks.create_cluster(name="ours", roleArn=role, resourcesVpcConfig={"subnetIds": subnets})
    eks.create_nodegroup(
        clusterName="ours",
        nodegroupName="hpc",
        nodeRole=role,
        subnets=subnets,
        scalingConfig={"minSize": 0, "desiredSize": 0, "maxSize": 4},
    )
    with serving() as (state, kube):
        monkeypatch.setattr(
            Existing, "connect", lambda _self, mine: kube.in_namespace(mine.namespace)
        )

        def scale(count):
            for path in [p for p in state.objects if p.startswith("/api/v1/nodes/worker")]:
                state.remove(path)
            for index in range(count):
                made = node(f"worker-{index}", role="worker", efa="0")
                made["metadata"]["labels"][staying.LABEL] = "hpc"
                state.put(f"/api/v1/nodes/worker-{index}", made)

        FAULTS.on_scale.append(scale)
        yield state


def size(aws):
    group = aws("eks").describe_nodegroup(clusterName="ours", nodegroupName="hpc")
    return group["nodegroup"]["scalingConfig"]["desiredSize"]


def stacks(aws):
    return [stack["StackName"] for stack in aws("cloudformation").describe_stacks()["Stacks"]]


def test_group_is_scaled_from_none_and_back_and_guarded_meanwhile(aws, ours):
    mine = reservation()
    CLUSTER.preflight(mine)
    CLUSTER.create(mine, study())
    assert stacks(aws) == [NAME]
    handle = CLUSTER.wait_ready(mine, study())
    assert size(aws) == 0
    assert handle.worker.node_selector == {staying.LABEL: "hpc"}
    handle = CLUSTER.add_workers(handle)
    assert (size(aws), handle.worker_nodes) == (2, ("worker-0", "worker-1"))
    assert_kept(aws, handle)
    assert f"stack/{NAME} (CREATE_COMPLETE)" in CLUSTER.leftovers(mine)
    CLUSTER.delete(mine)
    assert (size(aws), stacks(aws)) == (0, [])
    assert CLUSTER.leftovers(mine) == ()


def test_nodes_of_the_group_are_given_back_in_mid_study(aws, ours, monkeypatch):
    mine = reservation()
    CLUSTER.create(mine, study())
    handle = CLUSTER.add_workers(CLUSTER.wait_ready(mine, study()))
    assert CLUSTER.gives_nodes_back(mine)
    ended = []
    monkeypatch.setattr(scaling.WorkerGroup, "shrink", lambda _, machines: ended.append(machines))
    CLUSTER.keep_workers(handle, ("worker-1",))
    assert ended == [nodes.machines_of(CLUSTER.connect(mine), ["worker-0"])]
    CLUSTER.keep_workers(handle, ())
    assert size(aws) == 0


def test_machines_of_others_are_never_given_back():
    plain = Study(cluster="existing", image="i", nodes=(2,))
    assert not CLUSTER.gives_nodes_back(CLUSTER.reserve(plain, study_id="demo-1"))


def test_an_estimate_pays_the_group_from_its_first_node_to_its_last():
    parts = estimate_study(study().model_copy(update={"nodes": (2,)})).parts
    assert [(part.name, part.nodes) for part in parts] == [
        ("create the cluster", 0),
        ("nodes join", 2),
        ("pull the image", 2),
        ("phase 1: mpi_operator", 2),
        ("phase 2: indexed_job", 2),
        ("end the workers", 2),
        ("delete the cluster", 0),
    ]


def assert_kept(aws, handle):
    """The lease, which ends soon, is an hour again once the group is said to be in use."""
    schedule = aws("scheduler").get_schedule(Name=NAME)
    kept = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    soon = datetime.now(UTC) + timedelta(minutes=10)
    aws("scheduler").update_schedule(**{k: schedule[k] for k in kept}, StartDate=soon)
    CLUSTER.keep(handle)
    ends = aws("scheduler").get_schedule(Name=NAME)["StartDate"]
    assert timedelta(minutes=55) < ends - datetime.now(UTC) <= timedelta(hours=1)


@pytest.mark.parametrize(("types", "cores"), [(["t3.medium", "hpc6a.48xlarge"], 1), (None, None)])
def test_cores_of_a_group_at_none_are_those_of_its_smallest_type(
    aws, ours, monkeypatch, types, cores
):
    real = aws("eks").describe_nodegroup

    def described(**which):
        answer = real(**which)
        answer["nodegroup"]["instanceTypes"] = types
        return answer

    monkeypatch.setattr(aws("eks"), "describe_nodegroup", described)
    assert CLUSTER.cores_per_node(reservation()) == cores


def test_group_that_has_nodes_is_somebodys_and_refused(aws, ours):
    config = {"minSize": 0, "desiredSize": 1, "maxSize": 4}
    aws("eks").update_nodegroup_config(
        clusterName="ours", nodegroupName="hpc", scalingConfig=config
    )
    with pytest.raises(ClusterBusy, match="has 1 nodes, which somebody uses"):
        CLUSTER.preflight(reservation())
    CLUSTER.delete(reservation())
    assert size(aws) == 1


def test_group_that_may_not_have_enough_nodes_is_refused(aws, ours):
    larger = CLUSTER.reserve(study().model_copy(update={"nodes": (8,)}), study_id="demo-1")
    with pytest.raises(ClusterError, match="may have 4 nodes, 8 are needed"):
        CLUSTER.preflight(larger)


def test_machines_are_given_back_also_when_the_cluster_does_not_answer(aws, ours, monkeypatch):
    mine = reservation()
    CLUSTER.create(mine, study())
    CLUSTER.add_workers(CLUSTER.wait_ready(mine, study()))

    def no_answer(*_):
        raise ClusterError("no answer")

    monkeypatch.setattr(Existing, "_delete_objects", no_answer)
    with pytest.raises(ClusterError, match="no answer"):
        CLUSTER.delete(mine)
    assert (size(aws), stacks(aws)) == (0, [])


@pytest.mark.parametrize("guarded", [True, False])
def test_reaper_brings_a_forgotten_group_to_none(aws, ours, guarded):
    mine = reservation(self_destruct=guarded)
    CLUSTER.create(mine, study(self_destruct=guarded))
    CLUSTER.add_workers(CLUSTER.wait_ready(mine, study(self_destruct=guarded)))
    late = mine.expires_at + timedelta(hours=1)
    with pytest.raises(reaper.ClustersReaped, match=r"demo-1 in us-east-2.*; deleted"):
        reaper.reap([REGION], owner=OWNER, now=late)
    assert (size(aws), stacks(aws)) == (0, [])


def test_guard_scales_this_group_to_none_and_lets_go_of_it_in_the_end(tmp_path):
    template = templates.read("node_group_guard.yaml")
    instants = {"LeaseUntil": "2026-12-01T12:00:00", "ForgetAt": "2026-12-02T12:00:00"}
    role = "arn:aws:iam::123456789012:role/OperatorBenchmarkSelfDestruct"
    names = {"ClusterName": "ours", "NodeGroupName": "hpc", "SelfDestructRoleArn": role}
    made = Stack(template, instants | names).properties("ScaleDown")
    assert json.loads(made["Target"]["Input"]) == {
        "ClusterName": "ours",
        "NodegroupName": "hpc",
        "ScalingConfig": {"MinSize": 0, "DesiredSize": 0},
    }
    assert made["Target"]["Arn"] == "arn:aws:scheduler:::aws-sdk:eks:updateNodegroupConfig"
    assert made["Target"]["RoleArn"] == role
    assert (made["StartDate"], made["EndDate"]) == (
        "2026-12-01T12:00:00.000Z",
        "2026-12-02T12:00:00.000Z",
    )
    assert made["State"] == "ENABLED"
    assert problems(tmp_path, template, regions=["us-east-2"]) == []
    assert len(launch.body(template)) < 51_200
