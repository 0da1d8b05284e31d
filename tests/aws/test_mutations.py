"""Plausible faults of templates and code, each put in and seen by a check of its own.

25 of the first 37 passed all tests before; see what each would have done on AWS at its name.
"""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
import sys

import pytest

from include.aws import launch, templates
from include.errors import BenchmarkError
from tests.aws import behaviour, meaning
from tests.aws.account import account
from tests.aws.meaning import Stack
from tests.aws.test_template import plugin

pytestmark = pytest.mark.sockets
SEEN = (AssertionError, KeyError, IndexError, TypeError, ValueError)


def put(*path_and_value):
    """A change that sets what is at a path."""
    *path, last, value = path_and_value

    def mutate(template):
        functools.reduce(lambda place, step: place[step], path, template)[last] = value

    return mutate


def drop(*path):
    *path, last = path

    def mutate(template):
        del functools.reduce(lambda place, step: place[step], path, template)[last]

    return mutate


def of(name, *path):
    return ("Resources", name, "Properties", *path)


DATA = of("NodeTemplate", "LaunchTemplateData")
LAUNCHER = of("LauncherTemplate", "LaunchTemplateData")
POLICY = "ManagedPolicyArns"
VIEW = "arn:${AWS::Partition}:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
SSH = {"GroupId": {"Ref": "EfaGroup"}, "CidrIp": "10.40.0.0/16", "IpProtocol": "tcp"}
SSH |= {"FromPort": 22, "ToPort": 22}


def without_service(template):
    for statement in template["Resources"]["PipelinePolicy"]["Properties"]["PolicyDocument"][
        "Statement"
    ]:
        if statement["Sid"] == "GiveRolesToServices":
            del statement["Condition"]


def without_passing(template):
    policy, *_ = template["Resources"]["SelfDestructRole"]["Properties"]["Policies"]
    policy["PolicyDocument"]["Statement"].pop()


m = meaning
STACK = {
    "no placement group: EFA between buildings": (
        m.check_workers_are_in_one_placement_group,
        drop(*DATA, "Placement"),
    ),
    "placement spread: seven machines in a zone": (
        m.check_workers_are_in_one_placement_group,
        put(*of("PlacementGroup", "Strategy"), "spread"),
    ),
    "launcher pins the group": (
        m.check_launcher_is_in_no_placement_group_and_no_reservation,
        put(*LAUNCHER, "Placement", {"GroupName": {"Ref": "PlacementGroup"}}),
    ),
    "launcher by the workers' template": (
        m.check_launcher_is_in_no_placement_group_and_no_reservation,
        put(*of("Launcher", "LaunchTemplate", "Id"), {"Ref": "NodeTemplate"}),
    ),
    "EFA ingress for ssh only": (
        m.check_efa_passes_all_between_the_workers,
        put(*of("EfaIngress")[:-1], "Properties", SSH),
    ),
    "EFA egress to addresses": (
        m.check_efa_passes_all_between_the_workers,
        put(*of("EfaEgress")[:-1], "Properties", SSH),
    ),
    "pods lose the metadata service": (
        m.check_pods_reach_the_metadata_service_and_only_by_token,
        put(*DATA, "MetadataOptions", "HttpPutResponseHopLimit", 1),
    ),
    "spot workers: HPC types have none": (
        m.check_nodes_are_on_demand_and_of_a_living_image,
        put(*of("Workers", "CapacityType"), "SPOT"),
    ),
    "image of Amazon Linux 2: none for 1.35": (
        m.check_nodes_are_on_demand_and_of_a_living_image,
        put(*of("Workers", "AmiType"), "AL2_x86_64"),
    ),
    "CoreDNS anywhere: pending for ever": (
        m.check_name_service_runs_on_the_launcher,
        put(*of("NameService", "ConfigurationValues"), "{}"),
    ),
    "node role without the network plugin's policy": (
        m.check_roles_have_the_policies_they_work_with,
        drop(*of("NodeRole", POLICY), 1),
    ),
    "node role without the registry's policy": (
        m.check_roles_have_the_policies_they_work_with,
        drop(*of("NodeRole", POLICY), 2),
    ),
    "NAT gateway in a private subnet": (
        m.check_private_nodes_have_a_way_out,
        put(*of("NatGateway", "SubnetId"), {"Ref": "PrivateA"}),
    ),
    "NAT gateway before its way out": (
        m.check_private_nodes_have_a_way_out,
        put("Resources", "NatGateway", "DependsOn", []),
    ),
    "control plane in one zone": (
        m.check_control_plane_is_in_two_zones_and_nodes_are_in_theirs,
        put(
            *of("Cluster", "ResourcesVpcConfig", "SubnetIds"),
            [{"Ref": "PrivateA"}, {"Ref": "PublicA"}],
        ),
    ),
    "the pipeline may only look": (
        m.check_pipeline_is_administrator_and_nobody_else,
        put(*of("AdminAccess", "AccessPolicies", 0, "PolicyArn"), {"Fn::Sub": VIEW}),
    ),
    "root disk under another name stays at 20 GB": (
        m.check_root_disk_holds_images_and_goes_with_its_machine,
        put(*DATA, "BlockDeviceMappings", 0, "DeviceName", "/dev/sda1"),
    ),
    "root disk at the slowest": (
        m.check_root_disk_holds_images_and_goes_with_its_machine,
        drop(*DATA, "BlockDeviceMappings", 0, "Ebs", "Throughput"),
    ),
    "guard in New York's time": (
        m.check_guard_fires_at_the_end_of_the_lease_and_again,
        put(*of("SelfDestruct", "ScheduleExpressionTimezone"), "America/New_York"),
    ),
    "guard turned off": (
        m.check_guard_fires_at_the_end_of_the_lease_and_again,
        put(*of("SelfDestruct", "State"), "DISABLED"),
    ),
    "guard fires once": (
        m.check_guard_fires_at_the_end_of_the_lease_and_again,
        put(*of("SelfDestruct", "ScheduleExpression"), {"Fn::Sub": "at(${ExpiresAt})"}),
    ),
    "guard is deleted first": (
        m.check_guard_is_made_first_and_deleted_last,
        drop("Resources", "Vpc", "DependsOn"),
    ),
    "guard deletes another stack": (
        m.check_guard_deletes_this_stack_by_its_id,
        put(*of("SelfDestruct", "Target", "Input"), {"Fn::Sub": '{"StackName":"x"}'}),
    ),
    "guard works as nobody": (
        m.check_guard_deletes_this_stack_by_its_id,
        put(*of("SelfDestruct", "Target", "RoleArn"), ""),
    ),
    "workers not at none": (
        m.check_workers_start_at_none,
        put(*of("Workers", "ScalingConfig", "DesiredSize"), 2),
    ),
    "subnet of 251 addresses": (
        m.check_nodes_have_room_for_their_addresses,
        put(*of("PrivateA", "CidrBlock"), "10.40.64.0/24"),
    ),
    "two interfaces a node, which leak": (
        m.check_one_interface_a_node_is_kept,
        drop(*of("NetworkPlugin", "ConfigurationValues")),
    ),
    "memory that cannot be locked": (
        m.check_pods_may_lock_memory_and_open_files,
        drop(*DATA, "UserData"),
    ),
    "a limit that becomes a number no container starts with": (
        m.check_pods_may_lock_memory_and_open_files,
        lambda t: put(*DATA, "UserData", "Fn::Base64", user_data(t, 2**53, 2**64 - 1))(t),
    ),
    "open files left to their 1024": (
        m.check_pods_may_lock_memory_and_open_files,
        lambda t: put(*DATA, "UserData", "Fn::Base64", user_data(t, "RLIMIT_NOFILE", "X"))(t),
    ),
    "cards of the plain kind": (
        m.check_every_card_is_efa,
        put(*DATA, "NetworkInterfaces", 0, "InterfaceType", "interface"),
    ),
    "card that names a subnet": (
        m.check_no_card_names_a_subnet,
        put(*DATA, "NetworkInterfaces", 0, "SubnetId", {"Ref": "PrivateA"}),
    ),
    "card outside the cluster's group": (
        m.check_every_card_is_in_both_groups,
        put(*DATA, "NetworkInterfaces", 0, "Groups", [{"Ref": "EfaGroup"}]),
    ),
    "role by its name": (
        m.check_roles_are_given_by_arn,
        put(*of("Workers", "NodeRole"), {"Ref": "NodeRole"}),
    ),
    "labels that no pod selects": (
        m.check_nodes_carry_what_pods_select_and_tolerate,
        put(*of("Workers", "Labels"), {"role": "worker"}),
    ),
    "taint that drives pods out": (
        m.check_nodes_carry_what_pods_select_and_tolerate,
        put(*of("Launcher", "Taints", 0, "Effect"), "NO_EXECUTE"),
    ),
    "volumes that nobody owns": (
        m.check_instances_and_volumes_carry_the_tags,
        put(*DATA, "TagSpecifications", 1, "Tags", []),
    ),
    "a version of its own": (
        m.check_what_preflight_looked_at_is_what_is_made,
        put(*of("Cluster", "Version"), "1.29"),
    ),
    "a type of its own": (
        m.check_what_preflight_looked_at_is_what_is_made,
        put(*of("Workers", "InstanceTypes"), ["m5.large"]),
    ),
    "a default for what must be given": (
        m.check_what_preflight_looked_at_is_what_is_made,
        put("Parameters", "KubernetesVersion", "Default", "1.29"),
    ),
    "nodes in the second zone": (
        m.check_control_plane_is_in_two_zones_and_nodes_are_in_theirs,
        put(*of("PrivateA", "AvailabilityZone"), {"Ref": "SecondZone"}),
    ),
    "access for a session": (
        m.check_pipeline_is_administrator_and_nobody_else,
        put("Parameters", "AdminArn", "AllowedPattern", ".+"),
    ),
    "whoever creates is administrator": (
        m.check_pipeline_is_administrator_and_nobody_else,
        put(*of("Cluster", "AccessConfig", "BootstrapClusterCreatorAdminPermissions"), 1),
    ),
    "nodes before the network": (
        m.check_nodes_wait_for_the_network,
        put("Resources", "Launcher", "DependsOn", ["KubeProxy"]),
    ),
}
ACCOUNT = {
    "deletion role without rights": (
        m.account_check_deletion_role_is_cloudformations_and_may_delete,
        put(*of("DeletionRole", POLICY), []),
    ),
    "deletion role for the wrong service": (
        m.account_check_deletion_role_is_cloudformations_and_may_delete,
        put(
            *of("DeletionRole", "AssumeRolePolicyDocument", "Statement", 0, "Principal"),
            {"Service": "scheduler.amazonaws.com"},
        ),
    ),
    "deletion role on a condition that nobody promises": (
        m.account_check_deletion_role_is_cloudformations_and_may_delete,
        put(
            *of("DeletionRole", "AssumeRolePolicyDocument", "Statement", 0, "Condition"),
            {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
        ),
    ),
    "schedule's role cannot pass the deletion role": (
        m.account_check_schedulers_role_may_delete_stacks_with_the_deletion_role,
        without_passing,
    ),
    "schedule's role for the wrong service": (
        m.account_check_schedulers_role_may_delete_stacks_with_the_deletion_role,
        put(
            *of("SelfDestructRole", "AssumeRolePolicyDocument", "Statement", 0, "Principal"),
            {"Service": "events.amazonaws.com"},
        ),
    ),
    "budget on another tag": (
        m.account_check_budgets_see_the_owners_money_and_tell_of_it,
        put(
            *of("Budget", "Budget", "CostFilters"),
            {"TagKeyValue": [{"Fn::Sub": "user:x$${Owner}"}]},
        ),
    ),
    "roles passed to any service": (
        m.account_check_pipeline_passes_roles_to_services_of_the_stack_alone,
        without_service,
    ),
    "a deletion right taken away": (
        m.account_check_deletion_role_may_do_all_that_a_deletion_takes,
        drop(*of("DeletionPolicy", "PolicyDocument", "Statement", 1, "Action"), 2),
    ),
    "a right to make taken away": (
        m.account_check_pipeline_may_do_all_that_a_study_takes,
        drop(*of("PipelinePolicy", "PolicyDocument", "Statement", 2, "Action"), 7),
    ),
    "pipeline reaches strangers' clusters": (
        m.account_check_rights_reach_what_is_a_studys_and_nothing_else,
        put(*of("DeletionPolicy", "PolicyDocument", "Statement", 3, "Resource"), ["*"]),
    ),
    "machines of any cluster may be ended": (
        m.account_check_rights_have_the_conditions_that_limit_them,
        drop(*of("PipelinePolicy", "PolicyDocument", "Statement", 3, "Condition")),
    ),
    "deletions of what carries no tag": (
        m.account_check_deletions_want_the_tag_of_a_study,
        drop(*of("DeletionPolicy", "PolicyDocument", "Statement", 1, "Condition")),
    ),
}
CONTAINER = ("spec", "template", "spec", "containers", 0)
PLUGIN = {
    "plugin that cannot see the devices": (
        m.plugin_check_every_worker_offers_efa_and_no_launcher_does,
        lambda t: functools.reduce(lambda p, s: p[s], CONTAINER, t)["volumeMounts"].pop(),
    ),
    "plugin that tolerates nothing": (
        m.plugin_check_every_worker_offers_efa_and_no_launcher_does,
        put("spec", "template", "spec", "tolerations", []),
    ),
}


def user_data(template, old, new):
    data = functools.reduce(lambda place, step: place[step], DATA, template)
    text = data["UserData"]["Fn::Base64"]
    assert str(old) in text
    return text.replace(str(old), str(new))


@pytest.fixture
def aws(monkeypatch):
    """An account as of other tests, but that nobody looks after: faults may harm it."""
    with account(monkeypatch) as client:
        yield client


@pytest.mark.parametrize("fault", STACK)
def test_fault_of_the_stack_is_seen(aws, fault):
    check, mutate = STACK[fault]
    parameters, machine = meaning.default_facts(aws)
    template = launch.stack_template(machine, parameters)
    check(Stack(copy.deepcopy(template), parameters))
    mutate(template)
    with pytest.raises(SEEN):
        check(Stack(template, parameters))


@pytest.mark.parametrize("fault", ACCOUNT)
def test_fault_of_the_account_is_seen(fault):
    check, mutate = ACCOUNT[fault]
    template = templates.read("bootstrap.yaml")
    mutate(template)
    with pytest.raises(SEEN):
        check(Stack(template, {"Email": "someone@example.org"}))


@pytest.mark.parametrize("fault", PLUGIN)
def test_fault_of_the_device_plugin_is_seen(fault):
    check, mutate = PLUGIN[fault]
    made = plugin()
    mutate(made)
    with pytest.raises(SEEN):
        check(made)


# ---- code ---------------------------------------------------------------------------------------

b = behaviour
CODE = {  # module, what it says, what it says with the fault, and the behaviour that is lost
    "sweep of strangers' interfaces": (
        "include.aws.removal",
        '{"Name": "vpc-id", "Values": [vpc]}, {"Name": "status"',
        '{"Name": "status"',
        b.strangers_things_survive_a_deletion,
    ),
    "sweep of interfaces in use": (
        "include.aws.removal",
        ', {"Name": "status", "Values": ["available"]}',
        "",
        b.interfaces_in_use_are_left_alone,
    ),
    "sweep of strangers' endpoints and groups": (
        "include.aws.removal",
        'client("ec2"), [{"Name": "vpc-id", "Values": [vpc]}]',
        'client("ec2"), []',
        b.strangers_things_survive_a_deletion,
    ),
    "no wait for the launcher": (
        "include.clusters.eks",
        "nodes.wait_launcher(kube)",
        "pass",
        b.cluster_is_not_ready_before_its_launcher,
    ),
    "failed creation that stays": (
        "include.aws.stack",
        'OnFailure="ROLLBACK"',
        'OnFailure="DO_NOTHING"',
        b.failed_creation_rolls_back_by_itself,
    ),
    "reservation that is not used": (
        "include.aws.parameters",
        "options.capacity_reservation or",
        '"" or',
        b.reservation_reaches_the_stack,
    ),
    "one failed deletion is the end": (
        "include.aws.removal",
        "FAILURES = 3",
        "FAILURES = 0",
        b.failed_deletion_is_taken_up_again,
    ),
    "workers that are paid until their stack is gone": (
        "include.aws.removal",
        'stack["StackStatus"] == stacks.MADE',
        "False",
        b.workers_end_before_their_stack,
    ),
    "reaper of other owners' clusters": (
        "include.aws.reaper",
        "is_ours and tags.get(stacks.TAG_OWNER) == owner",
        "is_ours",
        b.reaper_leaves_other_owners_alone,
    ),
    "machines that a shortage left are kept": (
        "include.aws.nodes",
        "            group.release()\n",
        "",
        b.shortage_leaves_no_machine,
    ),
    "an earlier attempt's failure counts": (
        "include.aws.nodes",
        "if each not in self._known",
        "",
        b.earlier_failures_say_nothing_of_the_next_attempt,
    ),
    "guards a day late": (
        "include.aws.stack",
        "reservation.expires_at + GRACE",
        "reservation.expires_at + GRACE + timedelta(days=1)",
        b.guards_act_half_an_hour_after_the_time_to_live,
    ),
    "lease that outlives the guards": (
        "include.aws.lease",
        "return min(now + LEASE, guards_end_at(reservation))",
        "return now + LEASE",
        b.lease_ends_with_the_guards,
    ),
    "lease that is never moved on": (
        "include.clusters.eks",
        "reservations.keep(",
        "(lambda *_, **__: None)(",
        b.lease_is_moved_on_by_each_point,
    ),
    "schedule that is turned into another one": (
        "include.aws.lease",
        '"Target", "Description"',
        '"Description"',
        b.lease_is_moved_on_by_each_point,
    ),
    "lease of eight hours": (
        "include.aws.lease",
        "LEASE = timedelta(hours=1)",
        "LEASE = timedelta(hours=8)",
        b.cluster_is_kept_by_the_hour_while_a_point_runs,
    ),
    "point that nobody hears of": (
        "include.study.upkeep",
        "        if time.monotonic() < self._next_at:\n",
        "        if time.monotonic() >= 0:\n",
        b.cluster_is_kept_by_the_hour_while_a_point_runs,
    ),
    "names that CloudFormation may not give": (
        "include.aws.stack",
        "CAPABILITY_NAMED_IAM",
        "CAPABILITY_IAM",
        b.stack_is_asked_for_as_guards_and_aws_want_it,
    ),
    "stack without its owner": (
        "include.aws.stack",
        "        TAG_OWNER: owner,\n",
        "",
        b.stack_is_asked_for_as_guards_and_aws_want_it,
    ),
    "stack without its expiry": (
        "include.aws.stack",
        "        TAG_EXPIRES_AT: guards_act_at(reservation),\n",
        "",
        b.stack_is_asked_for_as_guards_and_aws_want_it,
    ),
    "reaper of the living": (
        "include.aws.reaper",
        "each.expired_at < now",
        "each.expired_at > now",
        b.reaper_deletes_what_is_overdue_alone_and_is_red,
    ),
    "reaper that is always green": (
        "include.aws.reaper",
        'raise ClustersReaped("\\n".join(outcomes))',
        "log.info(outcomes)",
        b.reaper_deletes_what_is_overdue_alone_and_is_red,
    ),
    "sweep of a living cluster's groups": (
        "include.aws.removal",
        'vpc is None or _cluster_is_there(client("eks"), stack)',
        "vpc is None",
        b.cluster_keeps_its_own_groups_while_it_is_there,
    ),
    "group that may not be deleted, as it has no tag": (
        "include.aws.removal",
        'tag = {"Key": stacks.TAG_STUDY',
        'tag = {"Key": "other"',
        b.groups_of_others_in_the_network_are_tagged_before_they_are_deleted,
    ),
    "reservation open to everybody": (
        "include.aws.reservations",
        'InstanceMatchCriteria="targeted"',
        'InstanceMatchCriteria="open"',
        b.reservation_is_for_the_study_alone_and_ends_with_it,
    ),
    "reservation without an end": (
        "include.aws.reservations",
        '        EndDateType="limited",\n        EndDate=until,\n        ClientToken',
        '        EndDateType="unlimited",\n        ClientToken',
        b.reservation_is_for_the_study_alone_and_ends_with_it,
    ),
    "reservation that is billed after the study": (
        "include.clusters.eks",
        "        reservations.cancel(",
        "        (lambda *_: None)(",
        b.reservation_is_for_the_study_alone_and_ends_with_it,
    ),
    "reservation that ends before the lease": (
        "include.aws.reservations",
        "        prolong(client",
        "        (lambda *_, **__: None)(client",
        b.reservation_is_for_the_study_alone_and_ends_with_it,
    ),
    "workers beside their reservation": (
        "include.aws.reservations",
        "            use(client,",
        "            (lambda *_: None)(client,",
        b.reservation_is_for_the_study_alone_and_ends_with_it,
    ),
    "machines given back and started again": (
        "include.aws.scaling",
        "ShouldDecrementDesiredCapacity=True",
        "ShouldDecrementDesiredCapacity=False",
        b.machines_that_are_given_back_are_not_replaced,
    ),
    "workers without EFA": (
        "include.aws.nodes",
        "(_offers_efa(node) or not with_efa)",
        "True",
        b.workers_count_when_they_are_ready_and_offer_efa,
    ),
    "workers that are not ready": (
        "include.aws.nodes",
        "            if is_ready(node)\n            and ",
        "            if ",
        b.workers_count_when_they_are_ready_and_offer_efa,
    ),
    "MPI that takes TCP": (
        "include.aws.fabric",
        'LIBFABRIC = {"FI_PROVIDER": "efa"}',
        "LIBFABRIC = {}",
        b.mpi_is_told_to_use_efa_and_its_counters_are_read,
    ),
    "counters that nobody reads": (
        "include.clusters.eks",
        "            fabric.count(kube, complete)\n",
        "            pass\n",
        b.mpi_is_told_to_use_efa_and_its_counters_are_read,
    ),
    "workers that offer no EFA": (
        "include.clusters.eks",
        "            fabric.offer(kube",
        "            (lambda *_, **__: None)(kube",
        b.mpi_is_told_to_use_efa_and_its_counters_are_read,
    ),
    "secrets in the evidence": (
        "include.aws.evidence",
        "name: redact(_read(name, part))",
        "name: _read(name, part)",
        b.evidence_holds_no_secret,
    ),
}


@pytest.fixture
def mutant(monkeypatch):
    """A function that puts a fault into a module, wherever its names were taken over to."""
    originals = {}

    def put_in(name, old, new):
        module = importlib.import_module(name)
        source = inspect.getsource(module)
        assert source.count(old) == 1, f"{name} has {source.count(old)} of {old!r}"
        before = originals[module] = dict(vars(module))
        exec(compile(source.replace(old, new), module.__file__, "exec"), vars(module))  # noqa: S102
        for each, value in before.items():
            if each.endswith("_S"):  # waits that the account has made short
                monkeypatch.setattr(module, each, value)
        replace(before, vars(module))

    def replace(before, after):
        new = {id(value): after.get(name) for name, value in before.items() if is_own(value)}
        for module in [m for n, m in sys.modules.items() if n.startswith("include.")]:
            for name, value in list(vars(module).items()):
                if id(value) in new and value is not new[id(value)]:
                    setattr(module, name, new[id(value)])

    yield put_in
    for module, names in originals.items():
        replace(dict(vars(module)), names)
        vars(module).clear()
        vars(module).update(names)


def is_own(value):
    return inspect.isfunction(value) or inspect.isclass(value)


@pytest.mark.parametrize("fault", CODE)
def test_fault_of_the_code_is_seen(aws, kubernetes, monkeypatch, mutant, fault):
    module, old, new, holds = CODE[fault]
    mutant(module, old, new)
    with pytest.raises((AssertionError, BenchmarkError)):
        holds(behaviour.Place(aws, kubernetes, monkeypatch))


@pytest.mark.parametrize("holds", sorted({c[3] for c in CODE.values()}, key=str))
def test_behaviour_holds_without_a_fault(aws, kubernetes, monkeypatch, holds):
    holds(behaviour.Place(aws, kubernetes, monkeypatch))
