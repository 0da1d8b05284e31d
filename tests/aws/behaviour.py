"""What the code does on AWS, as functions that raise AssertionError when it does not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from include import clusters
from include.aws import lease, nodes, reaper, removal, scaling, stack
from include.aws.settings import OWNER
from include.errors import CapacityError, ClusterError, ClustersReaped, TeardownError
from include.study import upkeep
from tests.aws import account
from tests.aws.account import REGION, strangers_things
from tests.aws.moto_stack import FAULTS, PLACEMENT_GROUPS, RESERVATIONS


@dataclass
class Place:
    """An account, its cluster's API server, and what a test may change."""

    aws: Any
    kubernetes: Any
    monkeypatch: Any

    @property
    def cluster(self):
        return clusters.load("eks")

    def reservation(self, **options):
        from tests.clusters.test_eks import study

        return self.cluster.reserve(study(cluster_options=options), study_id="demo-1")

    def made(self, **options):
        from tests.clusters.test_eks import study

        mine = self.reservation(**options)
        self.cluster.create(mine, study())
        return mine

    def ready(self, **options):
        from tests.clusters.test_eks import study

        return self.cluster.wait_ready(self.made(**options), study())

    def calls_of(self, service, operation):
        """A list that fills with the parameters of each such call."""
        calls = []
        self.aws(service).meta.events.register(
            f"provide-client-params.{service}.{operation}",
            lambda params, **_: calls.append(dict(params)),
        )
        return calls


def strangers_things_survive_a_deletion(place):
    before = strangers_things(place.aws)
    mine = place.made()
    _put_into_the_network(place.aws)
    FAULTS.vpc_is_held = True
    try:
        place.cluster.delete(mine)
    except (ClusterError, TeardownError) as err:
        raise AssertionError(err) from err
    assert strangers_things(place.aws) == before


def _put_into_the_network(aws):
    """What GuardDuty puts into the VPC of a cluster, and an interface that the plugin leaks."""
    detail = aws("cloudformation").describe_stack_resource(
        StackName="operator-benchmark-demo-1", LogicalResourceId="PrivateA"
    )["StackResourceDetail"]
    (subnet,) = aws("ec2").describe_subnets(SubnetIds=[detail["PhysicalResourceId"]])["Subnets"]
    add_what_guardduty_adds(aws, subnet["VpcId"])
    aws("ec2").create_network_interface(SubnetId=subnet["SubnetId"], Description="aws-K8S-i-0abc")


def add_what_guardduty_adds(aws, vpc):
    ec2 = aws("ec2")
    group = ec2.create_security_group(
        GroupName=f"GuardDutyManagedSecurityGroup-{vpc}", Description="GuardDuty", VpcId=vpc
    )
    ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{REGION}.guardduty-data",
        VpcEndpointType="Interface",
        SecurityGroupIds=[group["GroupId"]],
    )
    return group["GroupId"]


def interfaces_in_use_are_left_alone(place):
    place.made()
    ec2 = place.aws("ec2")
    vpc = next(v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"] if not v["IsDefault"])
    subnet = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"][0]
    image = ec2.describe_images()["Images"][0]["ImageId"]
    run = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.small", SubnetId=subnet["SubnetId"]
    )
    (machine,) = run["Instances"]
    used = {each["NetworkInterfaceId"] for each in machine["NetworkInterfaces"]}
    calls = place.calls_of("ec2", "DeleteNetworkInterface")
    found = stack.find(place.aws("cloudformation"), "operator-benchmark-demo-1")
    removal.sweep_interfaces(place.aws, found)
    ec2.terminate_instances(InstanceIds=[machine["InstanceId"]])
    assert not used & {call["NetworkInterfaceId"] for call in calls}


def cluster_is_not_ready_before_its_launcher(place):
    from tests.clusters.test_eks import study

    mine = place.made()
    place.kubernetes.remove("/api/v1/nodes/launcher")
    place.monkeypatch.setattr(nodes, "LAUNCHER_S", 0.0)
    complaint = "none"
    try:
        place.cluster.wait_ready(mine, study())
    except ClusterError as err:
        complaint = str(err)
    assert "launcher's node is not ready" in complaint


def failed_creation_rolls_back_by_itself(place):
    calls = place.calls_of("cloudformation", "CreateStack")
    place.made()
    assert [call["OnFailure"] for call in calls] == ["ROLLBACK"]
    assert 30 <= calls[0]["TimeoutInMinutes"] <= 60


def reservation_reaches_the_stack(place):
    calls = place.calls_of("cloudformation", "CreateStack")
    place.made(capacity_reservation="cr-0123", placement_group="mine")
    given = {each["ParameterKey"]: each["ParameterValue"] for each in calls[0]["Parameters"]}
    assert given["CapacityReservationId"] == "cr-0123"
    assert given["PlacementGroupName"] == "mine"


def failed_deletion_is_taken_up_again(place):
    mine = place.made()
    FAULTS.deletions_that_fail = 2
    try:
        place.cluster.delete(mine)
    except TeardownError as err:
        raise AssertionError(err) from err
    assert place.cluster.leftovers(mine) == ()


def workers_end_before_their_stack(place):
    handle = place.ready()
    place.cluster.add_workers(handle)
    states = []

    def note(count):
        stacks = place.aws("cloudformation").describe_stacks()["Stacks"]
        states.append((count, [each["StackStatus"] for each in stacks]))

    FAULTS.on_scale.append(note)
    place.cluster.delete(handle)
    assert states == [(0, ["CREATE_COMPLETE"])]


def reaper_leaves_other_owners_alone(place):
    mine = place.made(owner="theirs")
    late = mine.expires_at + timedelta(days=1)
    assert reaper.overdue(REGION, owner="operator-benchmark", now=late) == []
    assert len(reaper.overdue(REGION, owner="theirs", now=late)) == 1


def shortage_leaves_no_machine(place):
    handle = place.ready()
    FAULTS.shortage = ["InsufficientInstanceCapacity"]
    place.monkeypatch.setattr(nodes, "SCALE_S", 0.0)
    place.monkeypatch.setattr(nodes, "PAUSE_S", 1.0)
    try:
        place.cluster.add_workers(handle)
    except CapacityError:
        pass
    else:
        raise AssertionError("no shortage was told")
    standing = scaling.WorkerGroup(place.aws, cluster="operator-benchmark-demo-1").look()
    assert standing.desired == 0


def earlier_failures_say_nothing_of_the_next_attempt(place):
    handle = place.ready()
    asked = []
    FAULTS.on_scale.append(asked.append)
    FAULTS.shortage = ["InsufficientInstanceCapacity"]
    looks = iter([False, False, False, True])  # nodes take their time in the second attempt

    real = nodes.ready_nodes

    def ready_nodes(*given, **named):
        there = real(*given, **named)
        return there if not there or next(looks) else ()

    place.monkeypatch.setattr(nodes, "ready_nodes", ready_nodes)
    try:
        names = place.cluster.add_workers(handle).worker_nodes
    except CapacityError as err:
        raise AssertionError(err) from err
    assert len(names) == 2
    assert [count for count in asked if count] == [2]  # the one that came; a short one gives 0


def guards_act_half_an_hour_after_the_time_to_live(place):
    mine = place.reservation()
    acts_at = datetime.fromisoformat(stack.guards_act_at(mine)).replace(tzinfo=UTC)
    assert timedelta(0) < acts_at - mine.expires_at <= timedelta(minutes=30)


def _schedule(place):
    return place.aws("scheduler").get_schedule(Name="operator-benchmark-demo-1")


def lease_is_moved_on_by_each_point(place):
    mine = place.made()
    first = _schedule(place)
    place.aws("scheduler").update_schedule(
        **{k: first[k] for k in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")},
        StartDate=datetime.now(UTC) + timedelta(minutes=10),
        State="ENABLED",
        ScheduleExpressionTimezone="UTC",
    )
    place.cluster.keep(mine)
    moved = _schedule(place)
    assert moved["StartDate"] - datetime.now(UTC) > timedelta(minutes=55)
    kept = ("ScheduleExpression", "State", "Target", "FlexibleTimeWindow")
    assert {k: moved[k] for k in kept} == {k: first[k] for k in kept}


def lease_ends_with_the_guards(place):
    mine = place.made()
    soon = mine.model_copy(update={"expires_at": datetime.now(UTC) + timedelta(minutes=5)})
    place.aws("scheduler").update_schedule(
        **{
            k: _schedule(place)[k]
            for k in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
        },
        StartDate=datetime.now(UTC) + timedelta(minutes=10),
    )
    place.cluster.keep(soon)
    assert _schedule(place)["StartDate"] <= soon.expires_at + stack.GRACE + timedelta(seconds=1)


def stack_is_asked_for_as_guards_and_aws_want_it(place):
    calls = place.calls_of("cloudformation", "CreateStack")
    mine = place.made(owner="somebody")
    (call,) = calls
    assert call["Capabilities"] == ["CAPABILITY_NAMED_IAM"]  # its roles have names
    assert call["StackName"] == stack.name_of(mine.study_id)
    assert len(call["ClientRequestToken"]) >= 32  # a repeated call makes no second one
    assert stack.tags_of(call) == {
        stack.TAG_OWNER: "somebody",
        stack.TAG_STUDY: mine.study_id,
        stack.TAG_EXPIRES_AT: stack.guards_act_at(mine),
    }


def reaper_deletes_what_is_overdue_alone_and_is_red(place):
    mine = place.made()
    reaper.reap([REGION], owner=OWNER, now=datetime.now(UTC))
    assert place.cluster.leftovers(mine) != ()
    complaint = ""
    try:
        reaper.reap([REGION], owner=OWNER, now=mine.expires_at + timedelta(hours=1))
    except ClustersReaped as err:
        complaint = str(err)
    assert "operator-benchmark-demo-1 in us-east-2" in complaint
    assert complaint.endswith("; deleted")
    assert place.cluster.leftovers(mine) == ()


def cluster_keeps_its_own_groups_while_it_is_there(place):
    place.made()
    found = stack.find(place.aws("cloudformation"), "operator-benchmark-demo-1")
    _put_into_the_network(place.aws)
    calls = place.calls_of("ec2", "DeleteSecurityGroup")
    removal.sweep_network(place.aws, found)
    assert calls == []


def groups_of_others_in_the_network_are_tagged_before_they_are_deleted(place):
    mine = place.made()
    _put_into_the_network(place.aws)
    FAULTS.vpc_is_held = True
    tagged, gone = place.calls_of("ec2", "CreateTags"), place.calls_of("ec2", "DeleteSecurityGroup")
    place.cluster.delete(mine)
    assert gone
    with_tag = {each for call in tagged for each in call["Resources"]}
    assert {call["GroupId"] for call in gone} <= with_tag
    assert all(stack.tags_of(call).get(stack.TAG_STUDY) == mine.study_id for call in tagged)


def reservation_is_for_the_study_alone_and_ends_with_it(place):
    handle = place.ready(reserve=True)
    used = place.calls_of("eks", "UpdateNodegroupVersion")
    place.cluster.add_workers(handle)
    (held,) = RESERVATIONS.values()
    assert held["TotalInstanceCount"] == handle.nodes  # the launcher is outside
    assert (held["InstanceMatchCriteria"], held["EndDateType"]) == ("targeted", "limited")
    assert held["PlacementGroupArn"].endswith(f"/{next(iter(PLACEMENT_GROUPS))}")
    assert [call["nodegroupName"] for call in used] == ["workers"]
    held["EndDate"] = None
    place.cluster.keep(handle)
    assert held["EndDate"] is not None
    place.cluster.delete(handle)
    assert held["State"] == "cancelled"


def machines_that_are_given_back_are_not_replaced(place):
    place.ready()
    there = iter([("i-1", "i-2"), ("i-1", "i-2"), ("i-2",)])

    def look(_):
        return scaling.Standing(desired=1, instances=next(there), in_service=1, failures={})

    place.monkeypatch.setattr(scaling.WorkerGroup, "look", look)
    calls = place.calls_of("autoscaling", "TerminateInstanceInAutoScalingGroup")
    ended = place.calls_of("ec2", "TerminateInstances")
    scaling.WorkerGroup(place.aws, cluster="operator-benchmark-demo-1").shrink(("i-1",))
    assert [call["ShouldDecrementDesiredCapacity"] for call in calls] == [True]
    assert [call["InstanceId"] for call in calls] == ["i-1"]
    assert [call["InstanceIds"] for call in ended] == [["i-1"]]


def workers_count_when_they_are_ready_and_offer_efa(place):
    handle = place.ready()
    del FAULTS.on_scale[:]
    for name, node in (
        ("unready", account.node("unready", role="worker", ready="False")),
        ("bare", account.node("bare", role="worker", efa="0")),
        ("cordoned", account.node("cordoned", role="worker")),
        ("good", account.node("good", role="worker")),
        ("launcher-2", account.node("launcher-2", role="launcher")),
    ):
        place.kubernetes.put(f"/api/v1/nodes/{name}", node)
    cordoned = place.kubernetes.objects["/api/v1/nodes/cordoned"]
    place.kubernetes.put("/api/v1/nodes/cordoned", {**cordoned, "spec": {"unschedulable": True}})
    kube = place.cluster.connect(handle)
    assert nodes.ready_nodes(kube, nodes.WORKER, with_efa=True) == ("good",)


def mpi_is_told_to_use_efa_and_its_counters_are_read(place):
    from tests.clusters.test_eks import study

    asks = study(pod_resources={nodes.EFA: "1"}, mpi_implementation="openmpi")
    mine = place.made()
    handle = place.cluster.wait_ready(mine, asks)
    assert handle.environment == {
        "FI_PROVIDER": "efa",
        "OMPI_MCA_pml": "cm",
        "OMPI_MCA_mtl": "ofi",
    }
    daemons = {path.rpartition("/")[2] for path in place.kubernetes.objects if "daemonsets" in path}
    assert daemons == {"efa-device-plugin"}
    place.cluster.add_workers(handle)
    daemons = {path.rpartition("/")[2] for path in place.kubernetes.objects if "daemonsets" in path}
    assert daemons == {"efa-device-plugin", "efa-counters"}


def cluster_is_kept_by_the_hour_while_a_point_runs(place):
    handle = place.ready()
    kept = place.calls_of("scheduler", "GetSchedule")
    now, real = [0.0], upkeep.time.monotonic
    place.monkeypatch.setattr(upkeep.time, "monotonic", lambda: now[0])
    point = upkeep.Upkeep(handle)
    for now[0] in range(0, 7200, 60):
        point.look()
    place.monkeypatch.setattr(upkeep.time, "monotonic", real)
    assert len(kept) >= 4  # more often than by the hour, as one may fail
    first = datetime.fromisoformat(lease.first_lease(handle)).replace(tzinfo=UTC)
    assert timedelta(minutes=55) < first - datetime.now(UTC) <= timedelta(hours=1)


def evidence_holds_no_secret(place):
    handle = place.ready()
    event = {"metadata": {"name": "e", "namespace": "kube-system"}, "reason": "x"}
    event["message"] = "password=hunter2"
    place.kubernetes.put("/api/v1/namespaces/kube-system/events/e", event)
    told = place.cluster.evidence(handle)
    assert "[redacted]" in told["events.json"]
    assert "hunter2" not in "".join(told.values())
