"""The whole life of a cluster on AWS, against moto: in each case nothing is left at the end."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from include import clusters, k8s_operators
from include.aws import nodes, registries, reservations, stack
from include.checks import Outcome
from include.clusters import _eks_outlook
from include.errors import CapacityError, ClusterError, StudyError, TeardownError
from include.kube import installation
from include.models import Study
from include.study import presets
from tests.aws import meaning
from tests.aws.account import whole_account
from tests.aws.moto_stack import FAULTS, PLACEMENT_GROUPS, RESERVATIONS

pytestmark = pytest.mark.sockets
CLUSTER = clusters.load("eks")
IMAGE = "registry.test/lammps@sha256:" + "c" * 64
NAME = "operator-benchmark-demo-1"
PLUGIN = "/apis/apps/v1/namespaces/kube-system/daemonsets/efa-device-plugin"
SHORT = "Could not launch On-Demand Instances. InsufficientInstanceCapacity"


def study(**changes):
    return Study(**{"cluster": "eks", "image": IMAGE, "nodes": (2,), **changes})


def reservation(**changes):
    return CLUSTER.reserve(study(**changes), study_id="demo-1")


def test_life_of_a_cluster_from_nothing_to_nothing(aws, kubernetes):
    mine = reservation()
    CLUSTER.preflight(mine)
    assert whole_account(aws) == {}
    CLUSTER.create(mine, study())
    handle = CLUSTER.wait_ready(mine, study())
    assert workers(aws) == 0
    handle = CLUSTER.add_workers(handle)
    assert workers(aws) == 2
    assert handle.worker_nodes == ("worker-0", "worker-1")
    assert handle.image_digest == "sha256:" + "c" * 64
    assert CLUSTER.leftovers(mine) != ()
    CLUSTER.delete(mine)
    assert CLUSTER.leftovers(mine) == ()
    assert whole_account(aws) == {}


def test_a_pod_that_is_larger_than_the_instance_type_is_known_before_anything_costs(aws):
    (found,) = CLUSTER.room(reservation(), {"cpu": "96"})
    assert found.outcome is Outcome.FAILED
    assert "cpu 96 of 95690m that hpc6a.48xlarge has for pods" in found.finding


def test_more_ranks_than_the_cores_that_flux_sees_are_known_before_anything_costs(aws):
    assert CLUSTER.cores_per_node(reservation()) == 96
    threads = reservation(cluster_options={"instance_type": "c7i.48xlarge"})
    assert CLUSTER.cores_per_node(threads) == 96  # of 192 vCPUs


def test_manifest_that_cannot_be_had_is_known_before_anything_costs(aws, monkeypatch, tmp_path):
    def refused(*_):
        raise ClusterError("the manifest cannot be downloaded")

    monkeypatch.setattr(installation, "_download", refused)
    monkeypatch.setattr(_eks_outlook, "cache_dir", lambda: tmp_path)
    controller = k8s_operators.load("flux_operator").controller
    (found,) = CLUSTER.controller_check(reservation(), controller)
    assert (found.outcome, found.name) == (Outcome.FAILED, "flux-operator's manifest")


ECR = "111122223333.dkr.ecr.us-east-2.amazonaws.com/lammps@sha256:" + "c" * 64


@pytest.mark.parametrize(
    ("images", "outcome"),
    [
        ((ECR,), Outcome.PASSED),
        ((ECR, IMAGE), Outcome.UNKNOWN),
        ((ECR.replace("us-east-2", "eu-north-1"),), Outcome.UNKNOWN),
        (("ubuntu:24.04",), Outcome.UNKNOWN),
        ((ECR.replace("dkr.ecr", "dkr-ecr").replace("amazonaws.com", "on.aws"),), Outcome.PASSED),
    ],
)
def test_images_that_come_through_the_nat_gateway_are_told_with_their_price(aws, images, outcome):
    (found,) = CLUSTER.image_checks(reservation(nodes=(64,)), images)
    assert found.outcome is outcome
    assert (ECR in found.finding) is False
    if outcome is Outcome.UNKNOWN:
        assert images[-1] in found.finding
        assert "$2.88 per GB on 64 nodes" in found.finding


@pytest.mark.parametrize(
    ("region", "registry"),
    [
        ("us-east-2", "602401143452.dkr.ecr.us-east-2.amazonaws.com"),
        ("eu-south-1", "590381155156.dkr.ecr.eu-south-1.amazonaws.com"),
        ("us-gov-west-1", "013241004608.dkr.ecr.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "918309763551.dkr.ecr.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_device_plugin_comes_from_the_account_of_its_region(region, registry):
    assert registries.device_plugin(region) == f"{registry}/{registries.PLUGIN}"


def test_region_without_a_known_account_is_refused_by_name():
    with pytest.raises(ClusterError, match="xx-far-1"):
        registries.device_plugin("xx-far-1")


def workers(client):
    group = client("eks").describe_nodegroup(clusterName=NAME, nodegroupName="workers")
    return group["nodegroup"]["scalingConfig"]["desiredSize"]


def deleted(client, mine):
    """Tear the cluster down, and prove that the account is empty."""
    CLUSTER.delete(mine)
    assert CLUSTER.leftovers(mine) == ()
    assert whole_account(client) == {}


def test_efa_is_offered_on_every_worker_whatever_its_taints(aws, kubernetes):
    mine = reservation()
    CLUSTER.create(mine, study())
    CLUSTER.wait_ready(mine, study())
    plugin = kubernetes.objects[PLUGIN]
    meaning.plugin_check_every_worker_offers_efa_and_no_launcher_does(plugin)
    (container,) = plugin["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("602401143452.dkr.ecr.us-east-2.amazonaws.com/")


def test_machines_without_efa_get_no_plugin_and_no_word_of_it_to_mpi(aws, kubernetes):
    mine = reservation(cluster_options={"instance_type": "t3.medium"})
    CLUSTER.create(mine, study())
    handle = CLUSTER.add_workers(CLUSTER.wait_ready(mine, study()))
    assert PLUGIN not in kubernetes.objects
    assert handle.environment == {}
    assert "t3.medium has no EFA: MPI went over TCP" in handle.notes
    assert CLUSTER.traffic(handle) is None
    deleted(aws, mine)


@pytest.mark.parametrize(
    ("mpi", "variables"),
    [
        ("openmpi", {"FI_PROVIDER": "efa", "OMPI_MCA_pml": "cm", "OMPI_MCA_mtl": "ofi"}),
        ("mpich", {"FI_PROVIDER": "efa"}),
    ],
)
def test_mpi_is_told_to_use_efa_where_pods_ask_for_it(aws, kubernetes, mpi, variables):
    mine, asks = reservation(), {"cpu": "94", "vpc.amazonaws.com/efa": "1"}
    CLUSTER.create(mine, study())
    with_efa = study(pod_resources=asks, mpi_implementation=mpi)
    assert CLUSTER.wait_ready(mine, with_efa).environment == variables
    assert CLUSTER.wait_ready(mine, study()).environment == {}


def test_shared_memory_is_an_option_and_in_the_notes(aws, kubernetes):
    mine = reservation()
    CLUSTER.create(mine, study())
    handle = CLUSTER.wait_ready(mine, study())
    assert handle.shared_memory == "8Gi"
    assert "shared memory of a rank's pod: 8Gi" in handle.notes
    as_run_6 = presets.fill_in({"preset": "run6"}, conf={"preset": "run6"})
    assert as_run_6["cluster_options"]["shared_memory"] is None


def test_study_reserves_its_workers_and_gives_them_back(aws, kubernetes):
    mine = reservation(cluster_options={"reserve": True})
    CLUSTER.create(mine, study())
    handle = CLUSTER.wait_ready(mine, study())
    FAULTS.reservations_refused = 2
    for _ in range(2):
        CLUSTER.add_workers(handle)
    (held,) = RESERVATIONS.values()
    assert held["TotalInstanceCount"] == 2
    assert held["InstanceMatchCriteria"] == "targeted"
    assert held["PlacementGroupArn"].endswith(f"/{next(iter(PLACEMENT_GROUPS))}")
    assert held["EndDateType"] == "limited"
    ends = held["EndDate"]
    held["EndDate"] = "2026-01-01T00:00:00Z"
    CLUSTER.keep(mine)
    assert held["EndDate"] >= ends
    assert [each for each in CLUSTER.leftovers(mine) if each.startswith("capacity_reserv")]
    deleted(aws, mine)
    assert held["State"] == "cancelled"


def test_reservation_that_ec2_refuses_is_given_up_before_a_worker_is_paid(
    aws, kubernetes, monkeypatch
):
    mine = reservation(cluster_options={"reserve": True})
    CLUSTER.create(mine, study())
    handle = CLUSTER.wait_ready(mine, study())
    FAULTS.reservations_refused = 99
    monkeypatch.setattr(reservations, "HOLD_S", -1.0)
    with pytest.raises(CapacityError, match="no 2 machines can be reserved"):
        CLUSTER.add_workers(handle)
    assert workers(aws) == 0


def test_guard_is_deleted_last(aws):
    mine = reservation()
    CLUSTER.create(mine, study())
    FAULTS.deletions_that_fail = 1
    schedule = {"Name": NAME}
    assert aws("scheduler").get_schedule(**schedule)["State"] == "ENABLED"
    deleted(aws, mine)
    with pytest.raises(ClientError, match="does not exist"):
        aws("scheduler").get_schedule(**schedule)


def test_evidence_of_a_cluster_that_failed_is_read_part_by_part(aws, kubernetes):
    mine = reservation()
    CLUSTER.create(mine, study())
    kubernetes.put(
        "/api/v1/namespaces/kube-system/events/e",
        {"metadata": {"name": "e", "namespace": "kube-system"}, "reason": "FailedMount"},
    )
    found = CLUSTER.evidence(mine)
    assert "launcher" in found["nodes.json"]
    assert "FailedMount" in found["events.json"]
    assert "0 machines run without being nodes" in found["consoles.txt"]
    assert set(found) >= {"stack.txt", "scaling.json", "system_pods.txt"}


def test_evidence_says_what_could_not_be_read(aws):
    found = CLUSTER.evidence(reservation())
    assert all(text.startswith("cannot be collected: ") for text in found.values())


def test_creation_that_rolls_back_names_the_resource_and_its_reason(aws):
    FAULTS.creation_fails["Launcher"] = SHORT
    mine = reservation()
    CLUSTER.create(mine, study())
    with pytest.raises(ClusterError, match=r"ROLLBACK_COMPLETE.*InsufficientInstanceCapacity"):
        CLUSTER.wait_ready(mine, study())
    deleted(aws, mine)


def test_creation_that_takes_too_long_is_given_up(aws, monkeypatch):
    FAULTS.polls_until_made = 10_000
    mine = reservation()
    CLUSTER.create(mine, study())
    monkeypatch.setattr(stack, "CREATE_MINUTES", 0)
    with pytest.raises(ClusterError, match="is still being made after"):
        CLUSTER.wait_ready(mine, study())
    deleted(aws, mine)


def test_workers_are_kept_or_ended_by_name(aws, kubernetes, monkeypatch):
    mine = reservation()
    CLUSTER.create(mine, study())
    handle = CLUSTER.add_workers(CLUSTER.wait_ready(mine, study()))
    assert CLUSTER.gives_nodes_back(mine)
    CLUSTER.keep_workers(handle, ())
    assert workers(aws) == 0
    deleted(aws, mine)


def test_slow_creation_is_awaited_and_a_second_create_adopts_it(aws, kubernetes):
    FAULTS.polls_until_made = 4
    mine = reservation()
    CLUSTER.create(mine, study())
    CLUSTER.create(mine, study())
    CLUSTER.wait_ready(mine, study())
    assert len(aws("cloudformation").describe_stacks()["Stacks"]) == 1
    deleted(aws, mine)


def test_failed_deletion_is_swept_and_tried_again(aws):
    mine = reservation()
    CLUSTER.create(mine, study())
    leak_an_interface(aws)
    FAULTS.deletions_that_fail = 1
    deleted(aws, mine)


def test_deletion_that_keeps_failing_says_why_and_what_is_left(aws):
    mine = reservation()
    CLUSTER.create(mine, study())
    FAULTS.deletions_that_fail = 99
    with pytest.raises(TeardownError, match="has dependencies and cannot be deleted"):
        CLUSTER.delete(mine)
    assert f"stack/{NAME} (DELETE_FAILED)" in CLUSTER.leftovers(mine)
    FAULTS.deletions_that_fail = 0
    deleted(aws, mine)


def leak_an_interface(client):
    """An interface as the network plugin leaves it: attached to nothing, in the stack's network."""
    found = client("cloudformation").describe_stack_resource(
        StackName=NAME, LogicalResourceId="PrivateA"
    )
    subnet = found["StackResourceDetail"]["PhysicalResourceId"]
    client("ec2").create_network_interface(SubnetId=subnet, Description="aws-K8S-i-0abc")


def test_stack_of_a_stranger_is_neither_adopted_nor_deleted(aws):
    body = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(StackName=NAME, TemplateBody=body)
    mine = reservation()
    for call in (lambda: CLUSTER.preflight(mine), lambda: CLUSTER.create(mine, study())):
        with pytest.raises(ClusterError, match=f"a stack {NAME} exists that is not this study's"):
            call()
    CLUSTER.delete(mine)
    assert CLUSTER.leftovers(mine) == ()
    (theirs,) = cloudformation.describe_stacks()["Stacks"]
    assert (theirs["StackName"], theirs["StackStatus"]) == (NAME, "CREATE_COMPLETE")


def test_ruined_stack_of_this_study_is_not_adopted(aws):
    FAULTS.creation_fails["Cluster"] = "quota"
    mine = reservation()
    CLUSTER.create(mine, study())
    with pytest.raises(ClusterError, match="is ROLLBACK_COMPLETE"):
        CLUSTER.create(mine, study())
    deleted(aws, mine)


def test_stack_that_somebody_deleted_is_missed(aws):
    with pytest.raises(ClusterError, match="no stack operator-benchmark-demo-1 of this study"):
        CLUSTER.wait_ready(reservation(), study())


def test_deletion_of_what_was_never_made_is_done_at_once(aws):
    deleted(aws, reservation())


def test_shortage_of_nodes_gives_the_others_back_at_once_and_asks_again(aws, kubernetes):
    mine = reservation()
    CLUSTER.create(mine, study())
    handle = CLUSTER.wait_ready(mine, study())
    asked = []
    FAULTS.on_scale.append(asked.append)
    FAULTS.shortage = [SHORT]
    assert CLUSTER.add_workers(handle).worker_nodes == ("worker-0", "worker-1")
    assert asked == [0, 0, 2]  # short, given back, all there


def test_steps_that_are_done_may_be_done_again(aws, kubernetes):
    mine = reservation()
    asked = []
    FAULTS.on_scale.append(asked.append)
    for _ in range(2):
        CLUSTER.create(mine, study())
    handles = [CLUSTER.wait_ready(mine, study()) for _ in range(2)]
    assert handles[0] == handles[1]
    assert CLUSTER.add_workers(handles[0]) == CLUSTER.add_workers(handles[1])
    assert asked == [2]
    for _ in range(2):
        deleted(aws, mine)


def test_lasting_shortage_of_nodes_is_given_up_at_no_workers(aws, kubernetes, monkeypatch):
    mine = reservation()
    CLUSTER.create(mine, study())
    handle = CLUSTER.wait_ready(mine, study())
    monkeypatch.setattr(nodes, "SCALE_S", 0.0)
    monkeypatch.setattr(nodes, "PAUSE_S", 1.0)
    FAULTS.shortage = [SHORT]
    with pytest.raises(CapacityError, match=r"0 of 2 workers came.*InsufficientInstanceCapacity"):
        CLUSTER.add_workers(handle)
    assert workers(aws) == 0
    deleted(aws, mine)


def test_workers_are_given_back_when_the_wait_for_them_is_cut_off(aws, kubernetes, monkeypatch):
    mine = reservation()
    CLUSTER.create(mine, study())
    handle = CLUSTER.wait_ready(mine, study())

    def cut_off(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(nodes, "ready_nodes", cut_off)
    with pytest.raises(KeyboardInterrupt):
        CLUSTER.add_workers(handle)
    assert workers(aws) == 0


def test_more_nodes_than_workers_and_an_image_without_digest_are_refused():
    with pytest.raises(StudyError, match=r"cluster_options\.nodes is 1"):
        reservation(cluster_options={"nodes": 1})
    for image in (None, "registry.test/lammps:latest"):
        with pytest.raises(StudyError, match="image: EKS needs one .* by its digest"):
            reservation(image=image)


def test_fewest_workers_and_ranks_that_make_no_sense_are_refused():
    with pytest.raises(StudyError, match="min_nodes: 1 workers are too few for any size"):
        reservation(cluster_options={"min_nodes": 1})
    asked = {"vpc.amazonaws.com/efa": "1"}
    with pytest.raises(StudyError, match="ranks_per_node: 192 on 1 EFA device"):
        reservation(ranks_per_node=192, pod_resources=asked)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"zone": "us-east-2a"}, "not offered in us-east-2a: it is offered in us-east-2b"),
        ({"region": "eu-west-2"}, "not offered in eu-west-2: no zone there has it"),
        ({"launcher_type": "hpc7g.4xlarge"}, "launcher_type: hpc7g.4xlarge is not offered in"),
    ],
)
def test_what_aws_does_not_offer_is_refused_before_anything_is_made(aws, options, words):
    mine = reservation(cluster_options=options)
    for call in (lambda: CLUSTER.preflight(mine), lambda: CLUSTER.create(mine, study())):
        with pytest.raises(ClusterError, match=words):
            call()
    assert whole_account(aws) == {}


def test_missing_guards_are_named_unless_the_study_does_without(aws):
    aws("iam").delete_role(RoleName="OperatorBenchmarkDeletion")
    with pytest.raises(ClusterError, match=r"no role OperatorBenchmarkDeletion: make the stack of"):
        CLUSTER.preflight(reservation())
    CLUSTER.preflight(reservation(cluster_options={"self_destruct": False}))
