"""The templates: what cfn-lint checks, and what it does not see, each shown to fail when wrong."""

from __future__ import annotations

import copy
import functools
import json
import re
from pathlib import Path

import pytest
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs
from cfnlint.decode import decode

from include.aws import identity, nodes, stack
from include.aws.settings import OWNER, Options

FOLDER = stack.TEMPLATE.parent
ROLE_PROPERTIES = {"RoleArn", "RoleARN", "NodeRole"}


@functools.cache
def read(name):
    found, problems = decode(str(FOLDER / name))
    assert not problems
    return json.loads(json.dumps(found))


@pytest.fixture
def template():
    return copy.deepcopy(read("stack.yaml"))


def resources_of(template, kind):
    return {k: r for k, r in template["Resources"].items() if r["Type"] == kind}


def walk(value, path=()):
    yield path, value
    if isinstance(value, dict | list):
        children = value.items() if isinstance(value, dict) else enumerate(value)
        for key, child in children:
            yield from walk(child, (*path, key))


def cards_of(template):
    data = template["Resources"]["NodeTemplate"]["Properties"]["LaunchTemplateData"]
    listed = data["NetworkInterfaces"]
    return [card["Fn::If"][1] if "Fn::If" in card else card for card in listed]


@pytest.mark.parametrize(
    ("name", "regions"),
    [
        ("stack.yaml", ["us-east-2", "eu-north-1"]),
        ("bootstrap.yaml", ["us-east-2"]),  # cfn-lint knows no budgets elsewhere
    ],
)
def test_cfn_lint_finds_nothing(name, regions):
    found = lint_file(Path(FOLDER / name), ManualArgs(regions=regions))
    assert [str(match) for match in found] == []


# ---- what cfn-lint does not see -----------------------------------------------------------------


def check_every_card_is_efa(template):
    cards = cards_of(template)
    assert [card["InterfaceType"] for card in cards] == ["efa", "efa"]
    assert [(card["DeviceIndex"], card["NetworkCardIndex"]) for card in cards] == [(0, 0), (1, 1)]


def check_no_card_names_a_subnet(template):
    assert not [card for card in cards_of(template) if "SubnetId" in card]


def check_every_card_is_in_both_groups(template):
    both = [{"Fn::GetAtt": ["Cluster", "ClusterSecurityGroupId"]}, {"Ref": "EfaGroup"}]
    assert all(card["Groups"] == both for card in cards_of(template))


def check_roles_are_given_by_arn(template):
    roles = set(resources_of(template, "AWS::IAM::Role"))
    by_name = [
        path
        for path, value in walk(template["Resources"])
        if path and path[-1] in ROLE_PROPERTIES and isinstance(value, dict)
        if value.get("Ref") in roles
    ]
    assert not by_name


def check_the_workers_start_at_none(template):
    scaling = template["Resources"]["Workers"]["Properties"]["ScalingConfig"]
    assert (scaling["MinSize"], scaling["DesiredSize"]) == (0, 0)


def check_the_nodes_carry_what_pods_select_and_tolerate(template):
    for name, place in (("Launcher", nodes.LAUNCHER), ("Workers", nodes.WORKER)):
        group = template["Resources"][name]["Properties"]
        assert group["Labels"] == place.node_selector
        (taint,) = group["Taints"]
        (toleration,) = place.tolerations
        assert (taint["Key"], taint["Effect"]) == (toleration["key"], "NO_SCHEDULE")
        assert toleration["effect"] == "NoSchedule"


def check_instances_and_volumes_carry_the_tags(template):
    data = template["Resources"]["NodeTemplate"]["Properties"]["LaunchTemplateData"]
    wanted = {stack.TAG_OWNER, stack.TAG_STUDY, stack.TAG_EXPIRES_AT}
    tagged = {s["ResourceType"]: {t["Key"] for t in s["Tags"]} for s in data["TagSpecifications"]}
    assert set(tagged) == {"instance", "volume"}
    assert all(wanted < keys for keys in tagged.values())


def check_nodes_wait_for_the_network(template):
    needed = {"NetworkPlugin", "KubeProxy", "PrivateDefaultRoute", "EfaIngress", "EfaEgress"}
    for group in resources_of(template, "AWS::EKS::Nodegroup").values():
        assert needed < set(group["DependsOn"])


def check_the_schedule_deletes_this_stack_by_its_id(template):
    target = template["Resources"]["SelfDestruct"]["Properties"]["Target"]
    asked = json.loads(target["Input"]["Fn::Sub"])
    assert asked == {"StackName": "${AWS::StackId}", "RoleARN": "${DeletionRoleArn}"}
    assert target["Arn"]["Fn::Sub"].endswith(":scheduler:::aws-sdk:cloudformation:deleteStack")


def check_what_preflight_looked_at_is_what_is_made(template):
    """Type and version reach the cluster as they were found to be offered, and nothing else."""
    properties = {name: found.get("Properties") for name, found in template["Resources"].items()}
    assert properties["Cluster"]["Version"] == {"Ref": "KubernetesVersion"}
    assert "Default" not in template["Parameters"]["KubernetesVersion"]
    assert "Default" not in template["Parameters"]["InstanceType"]
    for group in ("Launcher", "Workers"):
        assert properties[group]["InstanceTypes"] == [{"Ref": "InstanceType"}]
        assert properties[group]["Subnets"] == [{"Ref": "PrivateA"}]
    assert properties["PrivateA"]["AvailabilityZone"] == {"Ref": "NodeZone"}


def check_access_is_given_to_a_role_and_not_to_its_session(template):
    entry = template["Resources"]["AdminAccess"]["Properties"]
    assert entry["PrincipalArn"] == {"Ref": "AdminArn"}
    takes = re.compile(template["Parameters"]["AdminArn"]["AllowedPattern"]).fullmatch
    assert takes("arn:aws:iam::123456789012:role/path/airflow")
    for wrong in ("airflow", "arn:aws:sts::123456789012:assumed-role/airflow/session"):
        assert not takes(wrong)


def check_nobody_is_made_administrator_unasked(template):
    access = template["Resources"]["Cluster"]["Properties"]["AccessConfig"]
    assert access == {"AuthenticationMode": "API", "BootstrapClusterCreatorAdminPermissions": False}


def _set(*path_and_value):
    *path, last, value = path_and_value

    def mutate(template):
        place = template["Resources"]
        for step in path:
            place = place[step]
        place[last] = value

    return mutate


def _set_parameter(name, key, value):
    def mutate(template):
        template["Parameters"][name][key] = value

    return mutate


DATA = ("NodeTemplate", "Properties", "LaunchTemplateData")
CARD = (*DATA, "NetworkInterfaces", 0)
SECOND = (*DATA, "NetworkInterfaces", 1, "Fn::If", 1)
MUTATIONS = [
    (check_every_card_is_efa, _set(*CARD, "InterfaceType", "ena")),
    (check_every_card_is_efa, _set(*SECOND, "DeviceIndex", 0)),
    (check_no_card_names_a_subnet, _set(*CARD, "SubnetId", {"Ref": "PrivateA"})),
    (check_every_card_is_in_both_groups, _set(*SECOND, "Groups", [{"Ref": "EfaGroup"}])),
    (
        check_roles_are_given_by_arn,
        _set("Cluster", "Properties", "RoleArn", {"Ref": "ClusterRole"}),
    ),
    (check_roles_are_given_by_arn, _set("Workers", "Properties", "NodeRole", {"Ref": "NodeRole"})),
    (
        check_the_workers_start_at_none,
        _set("Workers", "Properties", "ScalingConfig", "DesiredSize", 2),
    ),
    (
        check_the_nodes_carry_what_pods_select_and_tolerate,
        _set("Workers", "Properties", "Labels", {"role": "worker"}),
    ),
    (
        check_the_nodes_carry_what_pods_select_and_tolerate,
        _set("Launcher", "Properties", "Taints", 0, "Effect", "NO_EXECUTE"),
    ),
    (
        check_instances_and_volumes_carry_the_tags,
        _set(*DATA, "TagSpecifications", 1, "Tags", []),
    ),
    (
        check_what_preflight_looked_at_is_what_is_made,
        _set("Cluster", "Properties", "Version", "1.29"),
    ),
    (
        check_what_preflight_looked_at_is_what_is_made,
        _set_parameter("KubernetesVersion", "Default", "1.29"),
    ),
    (
        check_what_preflight_looked_at_is_what_is_made,
        _set("Workers", "Properties", "InstanceTypes", ["m5.large"]),
    ),
    (
        check_what_preflight_looked_at_is_what_is_made,
        _set("PrivateA", "Properties", "AvailabilityZone", {"Ref": "SecondZone"}),
    ),
    (
        check_access_is_given_to_a_role_and_not_to_its_session,
        _set_parameter("AdminArn", "AllowedPattern", ".+"),
    ),
    (
        check_access_is_given_to_a_role_and_not_to_its_session,
        _set("AdminAccess", "Properties", "PrincipalArn", {"Ref": "NodeRole"}),
    ),
    (
        check_nobody_is_made_administrator_unasked,
        _set(
            "Cluster",
            "Properties",
            "AccessConfig",
            "BootstrapClusterCreatorAdminPermissions",
            True,  # noqa: FBT003  the template's own value
        ),
    ),
    (check_nodes_wait_for_the_network, _set("Launcher", "DependsOn", ["KubeProxy"])),
    (
        check_the_schedule_deletes_this_stack_by_its_id,
        _set("SelfDestruct", "Properties", "Target", "Input", {"Fn::Sub": '{"StackName":"x"}'}),
    ),
]


@pytest.mark.parametrize("check", sorted({c for c, _ in MUTATIONS}, key=str))
def test_template_holds_what_cfn_lint_does_not_see(template, check):
    check(template)


@pytest.mark.parametrize(("check", "mutate"), MUTATIONS)
def test_check_fails_for_a_template_that_is_wrong(template, check, mutate):
    mutate(template)
    with pytest.raises(AssertionError):
        check(template)


# ---- what the templates and the code must agree on ----------------------------------------------


def test_template_takes_exactly_the_parameters_that_are_given(template, aws):
    from include.aws.parameters import parameters_of
    from tests.clusters.test_eks import reservation

    mine = reservation()
    given = parameters_of(mine, Options(), client=aws)
    assert set(given) == set(template["Parameters"])
    assert given["ExpiresAt"] == stack.guards_act_at(mine)


def test_bootstrap_makes_the_roles_that_are_looked_for():
    made = resources_of(read("bootstrap.yaml"), "AWS::IAM::Role").values()
    names = {role["Properties"]["RoleName"] for role in made}
    assert names == {identity.SELF_DESTRUCT_ROLE, identity.DELETION_ROLE}
    assert read("bootstrap.yaml")["Parameters"]["Owner"]["Default"] == OWNER == Options().owner


def test_roles_of_bootstrap_reach_stacks_and_roles_of_studies_only():
    template = read("bootstrap.yaml")
    arns = [
        value["Fn::Sub"]
        for path, value in walk(template["Resources"])
        if isinstance(value, dict) and "Fn::Sub" in value and "Resource" in path
    ]
    foreign = [arn for arn in arns if stack.PREFIX not in arn]
    assert arns
    assert foreign == ["arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*"]  # iam:GetRole alone


def test_policies_fit_into_what_iam_stores():
    for policy in resources_of(read("bootstrap.yaml"), "AWS::IAM::ManagedPolicy").values():
        text = json.dumps(policy["Properties"]["PolicyDocument"], separators=(",", ":"))
        assert len(text) < 6144  # characters of a managed policy, blanks apart


def test_template_fits_into_one_call():
    assert stack.TEMPLATE.stat().st_size < 51_200
