"""What stops a study before it costs anything: each check passes, and fails for its own reason."""

from __future__ import annotations

from datetime import UTC, datetime
from fnmatch import fnmatch

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from moto import mock_aws

from include.aws.identity import DELETION_ROLE
from include.aws.offers import room, too_many_ranks
from include.aws.preflight import check, examine, price, tariff_of
from include.aws.rights import POLICIES
from include.aws.templates import resources
from include.checks import Outcome, require, table
from include.errors import ClusterError
from tests.aws.preflight_account import Account, error, make_guard_roles, moto


@pytest.fixture(scope="module")
def _moto():
    """One for all tests, as it takes seconds to start; what a test makes there it takes away."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        make_guard_roles()
        yield


@pytest.fixture
def account(_moto):
    """An account on which 64 nodes of hpc6a can be had."""
    return Account()


def row(look, name):
    """That check alone, as moto takes its time."""
    return price(tariff_of(look)) if name == "price" else check(look, name)


def test_all_that_was_looked_at_is_in_the_table_and_nothing_stops(account):
    findings = examine(account.look())
    require(findings.checks)
    assert [check.name for check in findings.checks] == [
        "identity",
        "rights",
        "self-destruct",
        "stack",
        "zone",
        "instance type",
        "quota of vCPUs",
        "quota of the launcher",
        "subnet",
        "quota of VPCs",
        "quota of Elastic IPs",
        "Kubernetes version",
        "launch (dry run)",
        "capacity reservation",
        "price",
    ]
    unsure = [c.name for c in findings.checks if c.outcome is not Outcome.PASSED]
    assert unsure == ["capacity reservation"]  # nobody can know without one
    text = "\n".join(table(findings.checks))
    assert "hpc6a.48xlarge: 96 vCPUs (x86_64), EFA on 1 card, 100 Gigabit" in text
    assert "us-east-2b offers hpc6a.48xlarge" in text
    assert "65 nodes take up to 1040 of 16379 addresses" in text


def test_the_price_is_that_of_aws_s_list_with_all_that_is_paid(account):
    tariff = examine(account.look()).tariff
    assert tariff.nodes == 65  # the launcher's too
    assert tariff.usd_per_hour == pytest.approx(65 * 2.88 + 0.15)
    assert tariff.source.startswith("AWS's price list on 20")


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (error("AccessDeniedException", "GetProducts", "no pricing:GetProducts"), "GetProducts"),
        (EndpointConnectionError(endpoint_url="x"), "cannot be reached"),
    ],
)
def test_without_the_price_list_the_table_is_taken_and_says_so(account, raised, said):
    account.raises["get_products"] = raised
    found = row(account.look(), "price")
    assert found.outcome is Outcome.PASSED
    assert "table of 2026-07-20" in found.finding
    assert "NOT AWS's price list" in found.finding
    assert said in found.finding


def test_a_type_that_neither_list_nor_table_has_is_not_priced_by_a_guess(account):
    account.price = 0.0
    findings = examine(account.look(instance_type="hpc7a.96xlarge"))
    assert findings.tariff is None
    assert findings.checks[-1].outcome is Outcome.UNKNOWN
    assert "hourly_price_usd" in findings.checks[-1].remedy


def test_the_study_s_own_price_counts_before_any_list(account):
    account.raises["get_products"] = AssertionError("the list was asked")
    assert examine(account.look(hourly_price_usd=1.5)).tariff.node_usd_per_hour == 1.5


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (NoCredentialsError(), "there are no credentials"),
        (error("ExpiredToken", "GetCallerIdentity"), "expired; renew them"),
        (error("InvalidClientTokenId", "GetCallerIdentity"), "does not know the credentials"),
        (error("Throttling", "GetCallerIdentity"), "still throttles after all repeats"),
    ],
)
def test_without_credentials_nothing_else_is_asked(account, raised, said):
    account.raises["get_caller_identity"] = raised
    findings = examine(account.look())
    assert [check.name for check in findings.checks] == ["identity"]
    with pytest.raises(ClusterError, match=said):
        require(findings.checks)
    assert findings.tariff.source.startswith("table of")  # for the estimate


def test_a_role_without_rights_is_told_which_it_lacks(account):
    account.denied = {"eks:CreateCluster", "iam:PassRole"}
    found = row(account.look(), "rights")
    assert found.outcome is Outcome.FAILED
    assert "eks:CreateCluster, iam:PassRole" in found.finding
    assert "bootstrap.yaml" in found.remedy


def test_rights_are_simulated_on_the_study_s_own_resources(account):
    examine(account.look())
    stacks = next(s for s in account.simulated if "cloudformation:CreateStack" in s["ActionNames"])
    own = "arn:aws:cloudformation:us-east-2:123456789012:stack/operator-benchmark-demo-1"
    assert stacks["ResourceArns"] == [own]
    passing = next(s for s in account.simulated if "iam:PassRole" in s["ActionNames"])
    context = {c["ContextKeyName"]: c["ContextKeyValues"] for c in passing["ContextEntries"]}
    assert context == {"iam:PassedToService": ["eks.amazonaws.com"]}
    roles = {
        tuple(s["ResourceArns"]) for s in account.simulated if "iam:PassRole" in s["ActionNames"]
    }
    guard = "arn:aws:iam::123456789012:role/OperatorBenchmarkSelfDestruct"
    assert roles == {("arn:aws:iam::123456789012:role/operator-benchmark-demo-1",), (guard,)}
    services = {
        c["ContextKeyValues"][0]
        for s in account.simulated
        if "iam:PassRole" in s["ActionNames"]
        for c in s["ContextEntries"]
    }
    assert {"eks.amazonaws.com", "ec2.amazonaws.com", "scheduler.amazonaws.com"} == services
    named = [name for call in account.simulated for name in call["ActionNames"]]
    assert not [name for name in named if "*" in name]  # AWS refuses to simulate those
    assert {"ec2:DeleteVpc", "ec2:RunInstances", "scheduler:CreateSchedule"} < set(named)


def test_rights_that_may_not_be_simulated_are_not_known_and_stop_nothing(account):
    account.raises["simulate_principal_policy"] = error("AccessDenied", "SimulatePrincipalPolicy")
    assert row(account.look(), "rights").outcome is Outcome.UNKNOWN


def test_the_root_user_is_refused(account):
    account.caller = "arn:aws:iam::123456789012:root"
    found = row(account.look(), "identity")
    assert found.outcome is Outcome.FAILED
    assert "root user" in found.finding


def test_an_account_without_the_guards_roles_is_refused(account):
    moto("iam").delete_role(RoleName=DELETION_ROLE)
    found = row(account.look(), "self-destruct")
    make_guard_roles()
    assert found.outcome is Outcome.FAILED
    assert "OperatorBenchmarkDeletion" in found.finding
    assert row(account.look(self_destruct=False), "self-destruct").outcome is Outcome.UNKNOWN


def test_a_stack_name_that_somebody_else_has_is_refused(account):
    moto("cloudformation").create_stack(
        StackName="operator-benchmark-demo-1",
        TemplateBody='{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}',
    )
    found = row(account.look(), "stack")
    moto("cloudformation").delete_stack(StackName="operator-benchmark-demo-1")
    assert found.outcome is Outcome.FAILED
    assert "choose another study name" in found.finding


def test_a_wrong_zone_is_refused_with_the_right_one(account):
    found = row(account.look(zone="us-east-2a"), "zone")
    assert found.outcome is Outcome.FAILED
    assert "not offered in us-east-2a: it is offered in us-east-2b" in found.finding


def test_a_region_without_the_type_is_refused(account):
    account.region = "us-west-1"
    found = row(account.look(region="us-west-1"), "zone")
    assert found.outcome is Outcome.FAILED
    assert "no zone there has it" in found.finding


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hpc9z.48xlarge", "has no instance type"),
        ("mac1.metal", "no node image for mac1.metal (x86_64_mac)"),
    ],
)
def test_an_instance_type_that_cannot_be_used_is_refused(account, name, said):
    found = row(account.look(instance_type=name), "instance type")
    assert found.outcome is Outcome.FAILED
    assert said in found.finding


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hpc7a.96xlarge", "192 vCPUs (x86_64), EFA on 2 cards"),
        ("p5.48xlarge", "EFA on 32 cards"),
        ("hpc7g.16xlarge", "64 vCPUs (arm64), EFA on 1 card"),
        ("t3.medium", "2 vCPUs (x86_64), NO EFA, so MPI goes over TCP"),
    ],
)
def test_cards_and_processors_are_said(account, name, said):
    if name.startswith("hpc7g"):
        account.region = "us-east-1"
    found = row(account.look(instance_type=name), "instance type")
    assert found.outcome is Outcome.PASSED
    assert said in found.finding


def test_room_is_what_run_6_measured(account):
    """All 65 nodes of run 6 said: 364,800,760 Ki of memory and 21,122 Mi of huge pages for pods."""
    machine = account.look().instance_type
    for fits, memory in ((True, "356000Mi"), (False, "357000Mi")):
        outcome = Outcome.PASSED if fits else Outcome.FAILED
        assert room(machine, {"memory": memory, "hugepages-2Mi": "21122Mi"}).outcome is outcome
    assert room(machine, {"hugepages-2Mi": "21124Mi"}).outcome is Outcome.FAILED


@pytest.mark.parametrize(("ranks", "devices", "fits"), [(128, 1, True), (129, 1, False)])
def test_more_ranks_than_an_efa_device_has_contexts_for_are_refused(ranks, devices, fits):
    asked = {"vpc.amazonaws.com/efa": str(devices)}
    assert (too_many_ranks(asked, ranks_per_node=ranks) is None) == fits
    assert too_many_ranks(asked | {"vpc.amazonaws.com/efa": "2"}, ranks_per_node=ranks) is None
    assert too_many_ranks({"cpu": "1"}, ranks_per_node=192) is None


def test_a_pod_that_no_node_of_the_type_has_room_for_is_refused(account):
    found = account.look().instance_type
    run_6 = {"cpu": "94", "memory": "340G", "vpc.amazonaws.com/efa": "1"}
    assert room(found, run_6).outcome is Outcome.PASSED
    whole = room(found, {**run_6, "cpu": "96", "vpc.amazonaws.com/efa": "2"})
    assert whole.outcome is Outcome.FAILED
    assert whole.finding == (
        "a pod asks for cpu 96 of 95690m, vpc.amazonaws.com/efa 2 of 1 that hpc6a.48xlarge has "
        "for pods"
    )


def test_a_quota_of_vcpus_that_is_too_small_is_refused(account):
    account.quotas["L-F7808C92"] = 768.0
    found = row(account.look(), "quota of vCPUs")
    assert found.outcome is Outcome.FAILED
    assert "HPC instances: 768, in use 0, needed 6240" in found.finding
    assert "L-F7808C92" in found.remedy


def test_what_runs_already_counts_against_the_quota(account):
    ec2 = moto("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    started = [
        ec2.run_instances(ImageId=image, InstanceType=name, MinCount=1, MaxCount=1)["Instances"]
        for name in ("hpc6a.48xlarge", "m5.large")
    ]
    refused = row(account.look(), "quota of vCPUs")
    smaller = row(account.look(nodes=60), "quota of vCPUs")
    ec2.terminate_instances(InstanceIds=[each["InstanceId"] for (each,) in started])
    assert refused.outcome is Outcome.FAILED
    assert "in use 96, needed 6240" in refused.finding
    assert smaller.outcome is Outcome.PASSED


def test_other_families_have_quotas_of_their_own(account):
    found = row(account.look(instance_type="c5n.18xlarge", nodes=2), "quota of vCPUs")
    assert "Standard instances: 640, in use 0, needed 216" in found.finding


def test_an_account_without_a_quota_of_its_own_has_aws_s_default(account):
    del account.quotas["L-F7808C92"]
    assert "HPC instances: 0" in row(account.look(), "quota of vCPUs").finding


@pytest.mark.parametrize("name", ["quota of VPCs", "quota of Elastic IPs"])
def test_networks_and_addresses_that_are_used_up_are_refused(account, name):
    ec2 = moto("ec2")
    account.quotas |= {"L-F678F1CE": 2.0, "L-0263D0A3": 1.0}
    network = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]  # beside the default one
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    found = row(account.look(), name)
    ec2.delete_vpc(VpcId=network)
    ec2.release_address(AllocationId=address)
    assert found.outcome is Outcome.FAILED
    assert found.finding in {"2, in use 2, needed 1", "1, in use 1, needed 1"}


def test_a_role_that_may_not_read_quotas_is_told_so(account):
    said = "User: x is not authorized to perform: servicequotas:GetServiceQuota"
    account.raises["get_service_quota"] = error("AccessDeniedException", "GetServiceQuota", said)
    found = row(account.look(), "quota of vCPUs")
    assert found.outcome is Outcome.FAILED
    assert "servicequotas:GetServiceQuota" in found.finding


def test_throttling_that_lasts_stops_the_study(account):
    account.raises["describe_cluster_versions"] = error("Throttling", "DescribeClusterVersions")
    found = row(account.look(), "Kubernetes version")
    assert found.outcome is Outcome.FAILED
    assert "try again later" in found.finding


@pytest.mark.parametrize(
    ("version", "said"),
    [("1.99", "does not offer 1.99"), ("1.34", "no longer in standard support")],
)
def test_a_kubernetes_version_that_is_not_supported_is_refused(account, version, said):
    found = row(account.look(kubernetes_version=version), "Kubernetes version")
    assert found.outcome is Outcome.FAILED
    assert said in found.finding
    assert found.remedy.endswith("one of 1.35, 1.36")


def test_more_nodes_than_the_subnet_has_addresses_for_are_refused(account):
    found = row(account.look(nodes=450), "subnet")
    assert found.outcome is Outcome.FAILED
    assert "a node group has 450 nodes at most" in found.finding


def test_launcher_of_another_type_is_looked_at_for_itself(account):
    assert row(account.look(launcher_type="t3.medium"), "zone").outcome is Outcome.PASSED
    wrong = row(account.look(launcher_type="hpc7g.4xlarge"), "zone")
    assert wrong.outcome is Outcome.FAILED
    assert "launcher_type: hpc7g.4xlarge is not offered in us-east-2b" in wrong.finding
    other = row(account.look(launcher_type="c7gn.medium"), "zone")
    assert "launcher_type: c7gn.medium cannot run the image of hpc6a.48xlarge" in other.finding
    account.quotas["L-1216C47A"] = 0.0
    assert row(account.look(launcher_type="t3.medium"), "quota of the launcher").outcome is (
        Outcome.FAILED
    )


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("UnauthorizedOperation", Outcome.FAILED),
        ("InsufficientInstanceCapacity", Outcome.FAILED),
        ("Unsupported", Outcome.FAILED),
        ("VPCIdNotSpecified", Outcome.UNKNOWN),
    ],
)
def test_a_launch_that_aws_would_refuse_is_refused(account, code, outcome):
    account.raises["run_instances"] = error(code, "RunInstances")
    assert row(account.look(), "launch (dry run)").outcome is outcome


def test_the_dry_run_starts_nothing(account):
    there = len(moto("ec2").describe_instances()["Reservations"])
    assert row(account.look(), "launch (dry run)").outcome is Outcome.PASSED
    assert len(moto("ec2").describe_instances()["Reservations"]) == there


GROUP = "arn:aws:ec2:us-east-2:123456789012:placement-group"
RESERVED = {
    "State": "active",
    "InstanceType": "hpc6a.48xlarge",
    "AvailabilityZone": "us-east-2b",
    "AvailableInstanceCount": 65,
    "EndDateType": "limited",
    "EndDate": datetime(2026, 11, 24, tzinfo=UTC),
}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"State": "expired"}, "it is expired"),
        ({"InstanceType": "m5.large"}, "it is for m5.large"),
        ({"InstancePlatform": "Windows"}, "it is for Windows"),
        ({"Tenancy": "dedicated"}, "its tenancy is dedicated"),
        ({"AvailabilityZone": "us-east-2a"}, "it is in us-east-2a, not us-east-2b"),
        ({"AvailableInstanceCount": 63}, "63 machines are free, 64 are needed"),
        ({"PlacementGroupArn": ""}, "it was made outside a placement group"),
        ({"PlacementGroupArn": f"{GROUP}/other"}, "its placement_group is other, which"),
        ({"EndDate": datetime(2026, 11, 23, 11, tzinfo=UTC)}, "it ends at 2026-11-23 11:00"),
    ],
)
def test_a_reservation_that_does_not_fit_is_refused(account, wrong, said):
    account.reservation = RESERVED | wrong
    found = row(account.look(capacity_reservation="cr-0123"), "capacity reservation")
    assert found.outcome is Outcome.FAILED
    assert said in found.finding


def test_a_reservation_that_fits_is_the_one_proof_of_capacity(account):
    account.reservation = RESERVED | {"PlacementGroupArn": f"{GROUP}/mine"}
    look = account.look(capacity_reservation="cr-0123", placement_group="mine")
    found = row(look, "capacity reservation")
    assert found.outcome is Outcome.PASSED
    assert "65 machines are free" in found.finding


@pytest.mark.parametrize(
    "action",
    [
        "cloudformation:DescribeStacks",
        "ec2:DescribeAddresses",
        "ec2:DescribeAvailabilityZones",
        "ec2:DescribeCapacityReservations",
        "ec2:DescribeInstanceTypeOfferings",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeInstances",
        "ec2:DescribeVpcs",
        "ec2:RunInstances",
        "eks:DescribeClusterVersions",
        "iam:GetRole",
        "iam:SimulatePrincipalPolicy",
        "pricing:GetProducts",
        "servicequotas:GetAWSDefaultServiceQuota",
        "servicequotas:GetServiceQuota",
        "ssm:GetParameter",
        "sts:GetCallerIdentity",
    ],
)
def test_bootstrap_allows_every_call_of_the_checks(action):
    allowed = []
    for policy in POLICIES:
        document = resources("bootstrap.yaml")[policy]["Properties"]["PolicyDocument"]
        for statement in document["Statement"]:
            given = statement["Action"]
            allowed += [given] if isinstance(given, str) else given
    assert any(fnmatch(action, each) for each in allowed)
