"""The templates: what cfn-lint finds, and what they mean once their parameters have values."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs

from include.aws import identity, launch, nodes, registries, stack, templates
from include.aws.parameters import parameters_of
from include.aws.settings import OWNER, Options
from include.render import render
from tests.aws import meaning
from tests.aws.meaning import Stack, bootstrap_stack, data_of, study_stack, walk

GOLDEN = Path(__file__).parent.parent / "golden"
TYPES = {  # type: EFA interfaces, image; as DescribeInstanceTypes says of each
    "t3.medium": (0, "AL2023_x86_64_STANDARD"),
    "hpc6a.48xlarge": (1, "AL2023_x86_64_STANDARD"),
    "hpc6id.32xlarge": (2, "AL2023_x86_64_STANDARD"),
    "hpc7a.96xlarge": (2, "AL2023_x86_64_STANDARD"),
    "hpc8a.96xlarge": (2, "AL2023_x86_64_STANDARD"),
    "hpc7g.16xlarge": (1, "AL2023_ARM_64_STANDARD"),
    "c7gn.16xlarge": (1, "AL2023_ARM_64_STANDARD"),
    "c7i.48xlarge": (1, "AL2023_x86_64_STANDARD"),
    "p4d.24xlarge": (4, "AL2023_x86_64_NVIDIA"),
    "p5.48xlarge": (32, "AL2023_x86_64_NVIDIA"),
}
REGIONS = {"hpc7g.16xlarge": "us-east-1"}  # all others are in us-east-2


def machine_of(aws, name):
    return launch.describe(aws("ec2", REGIONS.get(name, "us-east-2")), name)


def plugin():
    (made,) = render(
        "aws/efa_device_plugin.yaml.j2",
        image=registries.device_plugin("us-east-2"),
        labels={"study": "demo-1"},
        place=nodes.WORKER,
    )
    return made


def test_cfn_lint_finds_nothing_in_what_is_made(aws, tmp_path):
    parameters = study_stack(aws).values
    for name in ("t3.medium", "hpc6a.48xlarge", "p5.48xlarge"):
        for guard in ("", parameters["SelfDestructRoleArn"]):
            given = {"CapacityType": "ON_DEMAND", "SelfDestructRoleArn": guard}
            made = launch.stack_template(machine_of(aws, name), given)
            unused = [] if guard else ["W2001"]  # the lease of a guard that is not there
            found = problems(tmp_path, made, regions=["us-east-2", "eu-north-1"], ignored=unused)
            assert found == []
    assert problems(tmp_path, launch.drill_template(), regions=["us-east-2"]) == []
    # cfn-lint knows no budgets in other regions
    assert problems(tmp_path, templates.read("bootstrap.yaml"), regions=["us-east-2"]) == []


def problems(folder, template, *, regions, ignored=()):
    file = folder / "template.json"
    file.write_text(launch.body(template))
    return [
        str(match)
        for match in lint_file(file, ManualArgs(regions=regions, ignore_checks=list(ignored)))
    ]


@pytest.mark.parametrize("check", meaning.STACK_CHECKS)
def test_stack_means(aws, check):
    check(study_stack(aws))


def test_stack_of_machines_with_two_cards_means_the_same(aws):
    made = study_stack(aws, instance_type="hpc7a.96xlarge")
    for check in meaning.STACK_CHECKS:
        check(made)


@pytest.mark.parametrize("check", meaning.GUARD_CHECKS)
def test_guard_of_a_node_group_means(check):
    check(meaning.guard_of_a_group())


@pytest.mark.parametrize("check", meaning.COUNTER_CHECKS)
def test_readers_of_the_counters_mean(check):
    (made,) = meaning.counters()
    check(made)


@pytest.mark.parametrize("check", meaning.ACCOUNT_CHECKS)
def test_account_means(check):
    check(bootstrap_stack())


@pytest.mark.parametrize("check", meaning.PLUGIN_CHECKS)
def test_device_plugin_means(check):
    check(plugin())


def test_meaning_is_the_reviewed_one(aws):
    """What no check is named for: any other change of a template shows here, by what it means."""
    instants = dict.fromkeys(("ExpiresAt", "LeaseUntil"), "2026-12-01T12:00:00")
    made = study_stack(aws)
    parameters = {k: made.values[k] for k in made.template["Parameters"]} | instants
    shown = {
        "stack": Stack(made.template, parameters).resources,
        "bootstrap": bootstrap_stack().resources,
        "device plugin": plugin(),
        "drill": Stack(launch.drill_template(), parameters).resources,
    }
    text = json.dumps(shown, indent=1, sort_keys=True) + "\n"
    golden = GOLDEN / "aws_meaning.json"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


# ---- machines of any number of cards ------------------------------------------------------------


@pytest.mark.parametrize("name", TYPES)
def test_cards_and_image_are_those_that_aws_describes(aws, name):
    machine = machine_of(aws, name)
    count, image = TYPES[name]
    assert (machine.efa_interfaces, machine.ami_type) == (count, image)
    made = launch.stack_template(machine, {"CapacityType": "ON_DEMAND", "SelfDestructRoleArn": "x"})
    data = made["Resources"]["NodeTemplate"]["Properties"]["LaunchTemplateData"]
    cards = data.get("NetworkInterfaces", [])
    assert [card["InterfaceType"] for card in cards] == ["efa", *["efa-only"] * (count - 1)][:count]
    assert [card["NetworkCardIndex"] for card in cards] == list(range(count))
    assert [card["DeviceIndex"] for card in cards] == [min(1, card) for card in range(count)]
    assert ("Placement" in data) == (count > 0)
    assert len(launch.body(made)) < 51_200  # bytes that one call takes


def test_first_of_seventeen_cards_has_no_efa_where_the_type_has_sixteen(aws):
    cards = launch.network_interfaces(machine_of(aws, "p6-b300.48xlarge"))
    assert [card["InterfaceType"] for card in cards] == ["interface", *["efa-only"] * 16]
    assert [card["NetworkCardIndex"] for card in cards] == list(range(17))


def test_launcher_may_be_small_and_of_its_own_image(aws):
    made = study_stack(aws, launcher_type="t3.medium")
    assert made.properties("Launcher")["InstanceTypes"] == ["t3.medium"]
    assert made.properties("Workers")["InstanceTypes"] == ["hpc6a.48xlarge"]


def test_capacity_block_is_launched_into_as_one(aws):
    from tests.aws import moto_stack

    block = {"CapacityReservationId": "cr-1", "ReservationType": "capacity-block"}
    moto_stack.RESERVATIONS["cr-1"] = {**block, "State": "active", "Tags": []}
    made = study_stack(aws, capacity_reservation="cr-1")
    assert made.properties("Workers")["CapacityType"] == "CAPACITY_BLOCK"
    assert made.properties("Launcher")["CapacityType"] == "ON_DEMAND"
    data = data_of(made)
    assert data["InstanceMarketOptions"] == {"MarketType": "capacity-block"}
    assert data["CapacityReservationSpecification"] == {
        "CapacityReservationTarget": {"CapacityReservationId": "cr-1"}
    }
    assert "Placement" not in data


def test_reservation_of_the_study_is_launched_into_by_the_workers_alone(aws):
    made = study_stack(aws, capacity_reservation="cr-0", placement_group="mine")
    data = data_of(made)
    assert data["CapacityReservationSpecification"] == {
        "CapacityReservationTarget": {"CapacityReservationId": "cr-0"}
    }
    assert data["Placement"] == {"GroupName": "mine"}
    assert "PlacementGroup" not in made.resources
    meaning.check_launcher_is_in_no_placement_group_and_no_reservation(made)


def test_stack_without_the_roles_of_the_guard_has_none_and_waits_for_none(aws):
    made = study_stack(aws, self_destruct=False)
    assert "SelfDestruct" not in made.resources
    assert not [n for n in made.resources if "SelfDestruct" in made.depends_on(n)]


def test_shell_on_the_nodes_is_an_option(aws):
    with_shell = meaning.policies_of(study_stack(aws, session_manager=True), "NodeRole")
    assert "AmazonSSMManagedInstanceCore" in with_shell


# ---- what the templates and the code must agree on ----------------------------------------------


def test_template_takes_exactly_the_parameters_that_are_given(aws):
    from tests.clusters.test_eks import reservation

    mine = reservation()
    given = parameters_of(mine, Options(), client=aws)
    assert set(given) == set(templates.read("stack.yaml")["Parameters"])
    assert given["ExpiresAt"] == stack.guards_act_at(mine)


def test_bootstrap_makes_the_roles_that_are_looked_for():
    made = bootstrap_stack()
    names = {role["RoleName"] for role in made.of_type("AWS::IAM::Role").values()}
    assert names == {identity.SELF_DESTRUCT_ROLE, identity.DELETION_ROLE}
    assert made.values["Owner"] == OWNER == Options().owner


def test_roles_of_bootstrap_reach_stacks_and_roles_of_studies_only():
    template = templates.read("bootstrap.yaml")
    arns = [
        value["Fn::Sub"]
        for path, value in walk(template["Resources"])
        if isinstance(value, dict) and "Fn::Sub" in value and "Resource" in path
    ]
    foreign = [arn for arn in arns if stack.PREFIX not in arn]
    assert arns
    assert foreign == ["arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*"]  # iam:GetRole alone


def test_policies_fit_into_what_iam_stores():
    for policy in bootstrap_stack().of_type("AWS::IAM::ManagedPolicy").values():
        text = json.dumps(policy["PolicyDocument"], separators=(",", ":"))
        assert len(text) < 6144  # characters of a managed policy, blanks apart
