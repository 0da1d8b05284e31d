"""What a template means once its parameters have values, and what must hold of that.

Each check reads what AWS would make, not how the template says it. A check is named for what goes
wrong without it; `tests/aws/test_mutations.py` shows that each one sees that.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path

import yaml

from include.aws import fabric, identity, launch, nodes, registries, scaling, stack, templates
from include.aws.parameters import parameters_of
from include.aws.settings import OWNER, Options
from include.render import render
from tests.aws import rights_of

PSEUDO = {
    "AWS::StackName": "operator-benchmark-demo-1",
    "AWS::StackId": "arn:aws:cloudformation:us-east-2:123456789012:stack/operator-benchmark-demo-1",
    "AWS::Partition": "aws",
    "AWS::AccountId": "123456789012",
    "AWS::Region": "us-east-2",
}
NOTHING = object()


class Stack:
    """A template with values for its parameters."""

    def __init__(self, template, parameters):
        defaults = {k: p["Default"] for k, p in template["Parameters"].items() if "Default" in p}
        self.template = template
        self.values = {**PSEUDO, **defaults, **parameters}
        self._texts = {k: v for k, v in self.values.items() if isinstance(v, str)}
        self._conditions = template.get("Conditions", {})
        self.resources = {
            name: self._value(made)
            for name, made in template["Resources"].items()
            if "Condition" not in made or self._holds(made["Condition"])
        }

    def properties(self, name):
        return self.resources[name].get("Properties", {})

    def of_type(self, kind):
        return {k: r.get("Properties", {}) for k, r in self.resources.items() if r["Type"] == kind}

    def depends_on(self, name):
        """Every resource that is made before, by a reference or by the word of the template."""
        return self._before(name, set())

    def _before(self, name, known):
        made = self.template["Resources"][name]
        given = made.get("DependsOn", [])
        direct = set([given] if isinstance(given, str) else given)
        for path, value in walk(self.resources[name]):
            if path and path[-1] == "Ref" and value in self.resources:
                direct.add(value)
            if path and path[-1] == "Fn::GetAtt":
                direct.add(value[0])
        for each in direct - known:
            known.add(each)
            if each in self.resources:
                self._before(each, known)
        return known

    def _holds(self, name):
        return self._truth(self._conditions[name])

    def _truth(self, condition):
        ((function, given),) = condition.items()
        if function == "Fn::Equals":
            return self._value(given[0]) == self._value(given[1])
        if function == "Fn::Not":
            return not self._truth(given[0])
        if function == "Condition":
            return self._holds(given)
        raise NotImplementedError(function)

    def _value(self, value):
        if isinstance(value, list):
            return [each for each in map(self._value, value) if each is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, given),) = value.items()
            if function == "Ref":
                return NOTHING if given == "AWS::NoValue" else self.values.get(given, value)
            if function == "Fn::If":
                return self._value(given[1] if self._holds(given[0]) else given[2])
            if function == "Fn::Sub":
                return self._filled(given)
        pairs = {key: self._value(each) for key, each in value.items()}
        return {key: each for key, each in pairs.items() if each is not NOTHING}

    def _filled(self, text):
        return re.sub(r"\$\{([^}]+)\}", lambda m: self._texts.get(m[1], m[0]), text)


def walk(value, path=()):
    yield path, value
    if isinstance(value, dict | list):
        children = value.items() if isinstance(value, dict) else enumerate(value)
        for key, child in children:
            yield from walk(child, (*path, key))


_FACTS = []  # an account is made for each test, and says the same each time


def default_facts(client):
    """Parameters and machine of a study with the default options."""
    if not _FACTS:
        _FACTS.append(_facts(client, {}))
    return _FACTS[0]


def _facts(client, options):
    from tests.clusters.test_eks import reservation

    mine = reservation(cluster_options=options)
    chosen = Options.model_validate(mine.options)
    parameters = parameters_of(mine, chosen, client=client)
    return parameters, launch.describe(client("ec2"), chosen.instance_type)


def study_stack(client, **options):
    """The stack of a study with these options, as it would be made."""
    parameters, machine = _facts(client, options) if options else default_facts(client)
    return Stack(launch.stack_template(machine, parameters), parameters)


def with_values(made, **values):
    """The same template with other values for some of its parameters."""
    return Stack(made.template, {**made.values, **values})


def bootstrap_stack():
    return Stack(templates.read("bootstrap.yaml"), {"Email": "someone@example.org"})


def guard_of_a_group():
    """The stack that guards a node group which stays."""
    values = {
        "ClusterName": "ours",
        "NodeGroupName": "hpc",
        "LeaseUntil": "2026-12-01T12:00:00",
        "ForgetAt": "2026-12-03T12:00:00",
        "SelfDestructRoleArn": "arn:aws:iam::123456789012:role/OperatorBenchmarkSelfDestruct",
    }
    return Stack(templates.read("node_group_guard.yaml"), values)


def tags_of(listed_tags):
    return {tag["Key"]: tag["Value"] for tag in listed_tags}


def check_resources_are_of_their_kinds(made):
    assert {name: resource["Type"] for name, resource in made.resources.items()} == KINDS


KINDS = {
    "Vpc": "AWS::EC2::VPC",
    "InternetGateway": "AWS::EC2::InternetGateway",
    "InternetGatewayAttachment": "AWS::EC2::VPCGatewayAttachment",
    **dict.fromkeys(("PublicA", "PublicB", "PrivateA", "PrivateB"), "AWS::EC2::Subnet"),
    "NatAddress": "AWS::EC2::EIP",
    "NatGateway": "AWS::EC2::NatGateway",
    **dict.fromkeys(("PublicRoutes", "PrivateRoutes"), "AWS::EC2::RouteTable"),
    **dict.fromkeys(("PublicDefaultRoute", "PrivateDefaultRoute"), "AWS::EC2::Route"),
    **{
        f"{subnet}Routes": "AWS::EC2::SubnetRouteTableAssociation"
        for subnet in ("PublicA", "PublicB", "PrivateA", "PrivateB")
    },
    "S3Endpoint": "AWS::EC2::VPCEndpoint",
    **dict.fromkeys(("ClusterRole", "NodeRole"), "AWS::IAM::Role"),
    "EfaGroup": "AWS::EC2::SecurityGroup",
    "EfaIngress": "AWS::EC2::SecurityGroupIngress",
    "EfaEgress": "AWS::EC2::SecurityGroupEgress",
    "PlacementGroup": "AWS::EC2::PlacementGroup",
    **dict.fromkeys(("NodeTemplate", "LauncherTemplate"), "AWS::EC2::LaunchTemplate"),
    "Cluster": "AWS::EKS::Cluster",
    "AdminAccess": "AWS::EKS::AccessEntry",
    **dict.fromkeys(("NetworkPlugin", "KubeProxy", "NameService"), "AWS::EKS::Addon"),
    **dict.fromkeys(("Launcher", "Workers"), "AWS::EKS::Nodegroup"),
    "SelfDestruct": "AWS::Scheduler::Schedule",
}


# ---- machines -----------------------------------------------------------------------------------


def data_of(made, name="NodeTemplate"):
    return made.properties(name)["LaunchTemplateData"]


def check_workers_are_in_one_placement_group(made):
    group = data_of(made)["Placement"]["GroupName"]
    assert group == {"Ref": "PlacementGroup"}
    assert made.properties("PlacementGroup")["Strategy"] == "cluster"
    assert made.properties("EfaGroup")["VpcId"] == {"Ref": "Vpc"}
    named = with_values(made, PlacementGroupName="mine")
    assert data_of(named)["Placement"] == {"GroupName": "mine"}
    assert "PlacementGroup" not in named.resources


def check_workers_are_launched_into_a_reservation_that_is_named(made):
    assert "CapacityReservationSpecification" not in data_of(made)
    reserved = data_of(with_values(made, CapacityReservationId="cr-0"))
    assert reserved["CapacityReservationSpecification"] == {
        "CapacityReservationTarget": {"CapacityReservationId": "cr-0"}
    }


def check_launch_templates_go_by_the_names_that_the_code_knows(made):
    names = [made.properties(n)["LaunchTemplateName"] for n in ("NodeTemplate", "LauncherTemplate")]
    stack_name = made.values["AWS::StackName"]
    assert names == [stack_name, f"{stack_name}-launcher"]  # `reservations.use` takes the first


def check_launcher_is_in_no_placement_group_and_no_reservation(made):
    data = data_of(made, "LauncherTemplate")
    assert "Placement" not in data
    assert "NetworkInterfaces" not in data
    assert data["CapacityReservationSpecification"] == {"CapacityReservationPreference": "none"}
    assert launched_with(made, "Launcher") == "LauncherTemplate"
    assert launched_with(made, "Workers") == "NodeTemplate"


def launched_with(made, group):
    given = made.properties(group)["LaunchTemplate"]
    (name,) = {given["Id"]["Ref"], given["Version"]["Fn::GetAtt"][0]}
    assert given["Version"]["Fn::GetAtt"][1] == "LatestVersionNumber"
    return name


def check_every_card_is_efa(made):
    cards = data_of(made)["NetworkInterfaces"]
    assert [card["InterfaceType"] for card in cards] == ["efa"] + ["efa-only"] * (len(cards) - 1)
    places = [(card["DeviceIndex"], card["NetworkCardIndex"]) for card in cards]
    assert places == [(0, 0), *((1, card) for card in range(1, len(cards)))]
    assert all(card["DeleteOnTermination"] for card in cards)


def check_no_card_names_a_subnet(made):
    assert not [path for path, _ in walk(data_of(made)) if path and path[-1] == "SubnetId"]
    assert "InstanceType" not in data_of(made)


def check_every_card_is_in_both_groups(made):
    both = [{"Fn::GetAtt": ["Cluster", "ClusterSecurityGroupId"]}, {"Ref": "EfaGroup"}]
    assert all(card["Groups"] == both for card in data_of(made)["NetworkInterfaces"])


def check_efa_passes_all_between_the_workers(made):
    for kind, other in (("Ingress", "Source"), ("Egress", "Destination")):
        (rule,) = made.of_type(f"AWS::EC2::SecurityGroup{kind}").values()
        assert rule == {
            "GroupId": {"Ref": "EfaGroup"},
            f"{other}SecurityGroupId": {"Ref": "EfaGroup"},
            "IpProtocol": "-1",
        }


def check_pods_reach_the_metadata_service_and_only_by_token(made):
    for name in ("NodeTemplate", "LauncherTemplate"):
        given = data_of(made, name)["MetadataOptions"]
        assert given == {"HttpTokens": "required", "HttpPutResponseHopLimit": 2}


def check_root_disk_holds_images_and_goes_with_its_machine(made):
    for name in ("NodeTemplate", "LauncherTemplate"):
        (disk,) = data_of(made, name)["BlockDeviceMappings"]
        assert disk["DeviceName"] == "/dev/xvda"  # the root of AL2023's images; another is a second
        volume = disk["Ebs"]
        assert volume["VolumeSize"] >= 80
        assert volume["VolumeType"] == "gp3"
        assert 125 < volume["Throughput"] <= 0.25 * 3000  # MiB/s by gp3's 3000 operations
        assert volume["DeleteOnTermination"]
        assert volume["Encrypted"]


def check_pods_may_lock_memory_and_open_files(made):
    config = node_config(data_of(made))
    limits = config["spec"]["containerd"]["baseRuntimeSpec"]["process"]["rlimits"]
    by_type = {limit["type"]: (limit["soft"], limit["hard"]) for limit in limits}
    assert by_type["RLIMIT_NOFILE"] == (65536, 1048576)  # the image's own, which this replaces
    locked = by_type["RLIMIT_MEMLOCK"]
    assert min(locked) >= 2**42  # 4 TiB, more than any node has
    # Past 2^53 nodeadm's merge rounds, and 2^64 - 1 comes out as what containerd cannot read.
    assert all(int(float(value)) == value <= 2**53 for value in locked)


def node_config(data):
    text = data["UserData"]["Fn::Base64"]
    header, part = text.split("--BOUNDARY\n")
    assert header.startswith("MIME-Version: 1.0\n")
    assert 'multipart/mixed; boundary="BOUNDARY"' in header
    kind, document = part.removesuffix("--BOUNDARY--\n").split("\n\n", 1)
    assert kind == "Content-Type: application/node.eks.aws"
    config = yaml.safe_load(document)
    assert (config["apiVersion"], config["kind"]) == ("node.eks.aws/v1alpha1", "NodeConfig")
    return config


def check_nodes_are_on_demand_and_of_a_living_image(made):
    for name in ("Launcher", "Workers"):
        group = made.properties(name)
        assert group["CapacityType"] == "ON_DEMAND"
        assert group["AmiType"] == "AL2023_x86_64_STANDARD"
    allowed = made.template["Parameters"]["CapacityType"]["AllowedValues"]
    assert set(allowed) == {"ON_DEMAND", "CAPACITY_BLOCK"}  # no spot: HPC types have none
    assert "InstanceMarketOptions" not in data_of(made)


def check_workers_start_at_none(made):
    scaling = made.properties("Workers")["ScalingConfig"]
    assert (scaling["MinSize"], scaling["DesiredSize"]) == (0, 0)
    assert scaling["MaxSize"] == made.values["MostWorkers"]
    assert made.properties("Launcher")["ScalingConfig"] == {
        "MinSize": 1,
        "DesiredSize": 1,
        "MaxSize": 1,
    }


def check_nodes_carry_what_pods_select_and_tolerate(made):
    for name, place in (("Launcher", nodes.LAUNCHER), ("Workers", nodes.WORKER)):
        group = made.properties(name)
        assert group["Labels"] == place.node_selector
        (taint,), (toleration,) = group["Taints"], place.tolerations
        assert taint == {"Key": toleration["key"], "Value": "true", "Effect": "NO_SCHEDULE"}
        assert group["NodegroupName"] == {"Launcher": "launcher", "Workers": scaling.WORKERS}[name]
        assert toleration["effect"] == "NoSchedule"


def check_instances_and_volumes_carry_the_tags(made):
    wanted = {
        stack.TAG_OWNER: made.values["Owner"],
        stack.TAG_STUDY: made.values["StudyId"],
        stack.TAG_EXPIRES_AT: made.values["ExpiresAt"],
    }
    for name in ("NodeTemplate", "LauncherTemplate"):
        tagged = {
            each["ResourceType"]: {tag["Key"]: tag["Value"] for tag in each["Tags"]}
            for each in data_of(made, name)["TagSpecifications"]
        }
        assert set(tagged) == {"instance", "volume"}
        assert all(wanted.items() <= tags.items() for tags in tagged.values())
        (own,) = made.properties(name)["TagSpecifications"]
        assert own["ResourceType"] == "launch-template"
        assert tags_of(own["Tags"]) == {stack.TAG_STUDY: made.values["StudyId"]}


def check_what_a_stacks_tags_do_not_reach_carries_the_studys(made):
    """The census looks for it after a deletion, and some rights want it."""
    for name in ("ClusterRole", "NodeRole", "PlacementGroup", "Cluster"):
        tags = tags_of(made.properties(name)["Tags"])
        assert tags == {stack.TAG_STUDY: made.values["StudyId"]}


# ---- network ------------------------------------------------------------------------------------


def check_private_nodes_have_a_way_out(made):
    nat = made.properties("NatGateway")
    public, private = subnets_of(made, "InternetGateway"), subnets_of(made, "NatGateway")
    assert nat["SubnetId"]["Ref"] in public
    for group in made.of_type("AWS::EKS::Nodegroup").values():
        assert {subnet["Ref"] for subnet in group["Subnets"]} <= private
    assert not public & private
    assert {"PublicDefaultRoute", "PublicARoutes"} <= made.depends_on("NatGateway")
    assert nat["AllocationId"] == {"Fn::GetAtt": ["NatAddress", "AllocationId"]}
    assert made.properties("NatAddress") == {"Domain": "vpc"}
    assert (public, private) == ({"PublicA", "PublicB"}, {"PrivateA", "PrivateB"})


def check_network_is_one_with_its_gateway(made):
    joined = {"VpcId": {"Ref": "Vpc"}, "InternetGatewayId": {"Ref": "InternetGateway"}}
    assert made.properties("InternetGatewayAttachment") == joined
    # Neither a route through it nor an address is taken before it is attached.
    for name in ("PublicDefaultRoute", "NatAddress"):
        assert "InternetGatewayAttachment" in made.depends_on(name)
    for kind in ("AWS::EC2::Subnet", "AWS::EC2::RouteTable"):
        assert all(each["VpcId"] == {"Ref": "Vpc"} for each in made.of_type(kind).values())
    settings = made.properties("Vpc")  # the private endpoint of the cluster is found by DNS
    assert (settings["EnableDnsSupport"], settings["EnableDnsHostnames"]) == (True, True)


def check_layers_from_ecr_come_past_the_nat_gateway(made):
    assert made.properties("S3Endpoint") == {
        "VpcId": {"Ref": "Vpc"},
        "ServiceName": f"com.amazonaws.{made.values['AWS::Region']}.s3",
        "VpcEndpointType": "Gateway",
        "RouteTableIds": [{"Ref": "PrivateRoutes"}],
    }


def subnets_of(made, way_out):
    """The subnets whose default route leads there."""
    keys = {"InternetGateway": "GatewayId", "NatGateway": "NatGatewayId"}
    tables = {
        route["RouteTableId"]["Ref"]
        for route in made.of_type("AWS::EC2::Route").values()
        if route.get(keys[way_out]) == {"Ref": way_out}
        and route["DestinationCidrBlock"] == "0.0.0.0/0"
    }
    associations = made.of_type("AWS::EC2::SubnetRouteTableAssociation").values()
    return {a["SubnetId"]["Ref"] for a in associations if a["RouteTableId"]["Ref"] in tables}


def check_control_plane_is_in_two_zones_and_nodes_are_in_theirs(made):
    zones = {
        name: subnet["AvailabilityZone"]
        for name, subnet in made.of_type("AWS::EC2::Subnet").items()
    }
    config = made.properties("Cluster")["ResourcesVpcConfig"]
    assert len({zones[subnet["Ref"]] for subnet in config["SubnetIds"]}) == 2
    for group in made.of_type("AWS::EKS::Nodegroup").values():
        assert {zones[subnet["Ref"]] for subnet in group["Subnets"]} == {made.values["NodeZone"]}
    assert {subnet["Ref"] for subnet in config["SubnetIds"]} == set(zones)
    assert (config["EndpointPrivateAccess"], config["EndpointPublicAccess"]) == (True, True)
    assert config["PublicAccessCidrs"] == [made.values["ApiCidr"]]


def check_nodes_have_room_for_their_addresses(made):
    import ipaddress

    blocks = [
        ipaddress.ip_network(subnet["CidrBlock"])
        for subnet in made.of_type("AWS::EC2::Subnet").values()
    ]
    network = ipaddress.ip_network(made.properties("Vpc")["CidrBlock"])
    assert all(block.subnet_of(network) for block in blocks)
    assert not [1 for n, a in enumerate(blocks) for b in blocks[n + 1 :] if a.overlaps(b)]
    private = ipaddress.ip_network(made.properties("PrivateA")["CidrBlock"])
    assert private.num_addresses >= 450 * 20


def check_one_interface_a_node_is_kept(made):
    (plugin,) = (
        addon
        for addon in made.of_type("AWS::EKS::Addon").values()
        if addon["AddonName"] == "vpc-cni"
    )
    env = json.loads(plugin["ConfigurationValues"])["env"]
    assert env["WARM_ENI_TARGET"] == "0"
    assert int(env["WARM_IP_TARGET"]) > 0
    assert int(env["MINIMUM_IP_TARGET"]) >= 8


# ---- cluster ------------------------------------------------------------------------------------


def check_name_service_runs_on_the_launcher(made):
    (addon,) = (
        addon
        for addon in made.of_type("AWS::EKS::Addon").values()
        if addon["AddonName"] == "coredns"
    )
    given = json.loads(addon["ConfigurationValues"])
    assert given["nodeSelector"] == nodes.LAUNCHER.node_selector
    assert list(nodes.LAUNCHER.tolerations) == given["tolerations"]
    assert "Launcher" in made.depends_on("NameService")


def check_cluster_has_the_add_ons_that_nodes_need_and_goes_by_the_stacks_name(made):
    cluster = made.properties("Cluster")
    assert cluster["Name"] == made.values["AWS::StackName"]
    assert cluster["BootstrapSelfManagedAddons"] is False  # else each is there twice
    addons = made.of_type("AWS::EKS::Addon").values()
    assert {a["AddonName"] for a in addons} == {"vpc-cni", "kube-proxy", "coredns"}
    assert all(addon["ResolveConflicts"] == "OVERWRITE" for addon in addons)
    for kind in ("AccessEntry", "Addon", "Nodegroup"):
        for each in made.of_type(f"AWS::EKS::{kind}").values():
            assert each["ClusterName"] == {"Ref": "Cluster"}


def policies_of(made, role):
    assert all(
        arn.startswith("arn:aws:iam::aws:policy/")
        for arn in made.properties(role)["ManagedPolicyArns"]
    )
    return {arn.rpartition("/")[2] for arn in made.properties(role)["ManagedPolicyArns"]}


def check_roles_have_the_policies_they_work_with(made):
    assert policies_of(made, "ClusterRole") == {"AmazonEKSClusterPolicy"}
    assert policies_of(made, "NodeRole") == {
        "AmazonEKSWorkerNodePolicy",
        "AmazonEKS_CNI_Policy",
        "AmazonEC2ContainerRegistryPullOnly",
    }
    with_shell = policies_of(with_values(made, SessionManager="true"), "NodeRole")
    assert with_shell - policies_of(made, "NodeRole") == {"AmazonSSMManagedInstanceCore"}
    for role, service in (("ClusterRole", "eks"), ("NodeRole", "ec2")):
        assert trusted(made, role) == [f"{service}.amazonaws.com"]
    (statement,) = made.properties("ClusterRole")["AssumeRolePolicyDocument"]["Statement"]
    assert set(statement["Action"]) == {"sts:AssumeRole", "sts:TagSession"}
    assert made.properties("ClusterRole")["RoleName"].startswith(stack.PREFIX)
    assert made.properties("NodeRole")["RoleName"].startswith(stack.PREFIX)


POLICY_LANGUAGE = "2012-10-17"  # without it ${…} in a policy means nothing


def trusted(made, role):
    """Services that may take the role, on whatever condition."""
    document = made.properties(role)["AssumeRolePolicyDocument"]
    statements = document["Statement"]
    assert document["Version"] == POLICY_LANGUAGE
    assert all("sts:AssumeRole" in listed(each["Action"]) for each in statements)
    assert all(each["Effect"] == "Allow" for each in statements)
    return [each["Principal"]["Service"] for each in statements]


def listed(value):
    return [value] if isinstance(value, str) else value


def check_pipeline_is_administrator_and_nobody_else(made):
    (entry,) = made.of_type("AWS::EKS::AccessEntry").values()
    assert entry["PrincipalArn"] == made.values["AdminArn"]
    (policy,) = entry["AccessPolicies"]
    of_all = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
    assert policy["PolicyArn"] == of_all
    assert policy["AccessScope"] == {"Type": "cluster"}
    assert made.properties("Cluster")["AccessConfig"] == {
        "AuthenticationMode": "API",
        "BootstrapClusterCreatorAdminPermissions": False,
    }
    takes = re.compile(made.template["Parameters"]["AdminArn"]["AllowedPattern"]).fullmatch
    assert takes("arn:aws:iam::123456789012:role/path/airflow")
    for wrong in ("airflow", "arn:aws:sts::123456789012:assumed-role/airflow/session"):
        assert not takes(wrong)


def check_roles_are_given_by_arn(made):
    roles = set(made.of_type("AWS::IAM::Role"))
    assert made.properties("Cluster")["RoleArn"] == {"Fn::GetAtt": ["ClusterRole", "Arn"]}
    for group in made.of_type("AWS::EKS::Nodegroup").values():
        assert group["NodeRole"] == {"Fn::GetAtt": ["NodeRole", "Arn"]}
    assert roles == {"ClusterRole", "NodeRole"}


def check_what_preflight_looked_at_is_what_is_made(made):
    """Type and version reach the cluster as they were found to be offered, and nothing else."""
    properties = {name: made.properties(name) for name in made.resources}
    assert properties["Cluster"]["Version"] == made.values["KubernetesVersion"]
    assert properties["Cluster"]["UpgradePolicy"] == {"SupportType": "STANDARD"}
    for name in ("KubernetesVersion", "InstanceType", "LauncherType", "AmiType", "CapacityType"):
        assert "Default" not in made.template["Parameters"][name]
    for group, value in (("Launcher", "LauncherType"), ("Workers", "InstanceType")):
        assert properties[group]["InstanceTypes"] == [made.values[value]]
        assert properties[group]["Subnets"] == [{"Ref": "PrivateA"}]


def check_nodes_wait_for_the_network(made):
    needed = {"NetworkPlugin", "KubeProxy", "PrivateDefaultRoute", "PrivateARoutes"}
    assert needed <= made.depends_on("Launcher")
    assert needed | {"EfaIngress", "EfaEgress"} <= made.depends_on("Workers")


# ---- guards -------------------------------------------------------------------------------------


def check_guard_is_made_first_and_deleted_last(made):
    others = set(made.resources) - {"SelfDestruct"}
    assert all("SelfDestruct" in made.depends_on(name) for name in others)
    assert made.depends_on("SelfDestruct") == set()


def check_guard_fires_at_the_end_of_the_lease_and_again(made):
    schedule = made.properties("SelfDestruct")
    assert schedule["StartDate"] == f"{made.values['LeaseUntil']}.000Z"
    assert "EndDate" not in schedule
    assert schedule["ScheduleExpressionTimezone"] == "UTC"
    assert_tries_for_a_day(schedule["Target"])
    assert schedule["State"] == "ENABLED"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    rate = re.fullmatch(r"rate\((\d+) minutes\)", schedule["ScheduleExpression"])
    assert rate
    assert 10 <= int(rate[1]) <= 60
    assert schedule["Name"] == made.values["AWS::StackName"]


def assert_tries_for_a_day(target):
    """As often as the scheduler may, and for as long as it may: 185 times and a day."""
    policy = target["RetryPolicy"]
    assert 10 <= policy["MaximumRetryAttempts"] <= 185
    assert 3600 <= policy["MaximumEventAgeInSeconds"] <= 86400


def check_guard_deletes_this_stack_by_its_id(made):
    target = made.properties("SelfDestruct")["Target"]
    assert json.loads(target["Input"]) == {
        "StackName": made.values["AWS::StackId"],
        "RoleARN": made.values["DeletionRoleArn"],
    }
    assert target["Arn"] == "arn:aws:scheduler:::aws-sdk:cloudformation:deleteStack"
    assert target["RoleArn"] == made.values["SelfDestructRoleArn"] != ""


STACK_CHECKS = [check for name, check in sorted(globals().items()) if name.startswith("check_")]


# ---- once per account ---------------------------------------------------------------------------


def attached(made, role):
    """Statements of all policies that a role has."""
    properties = made.properties(role)
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    managed = properties.get("ManagedPolicyArns", [])
    documents += [made.properties(policy["Ref"])["PolicyDocument"] for policy in managed]
    assert all(document["Version"] == POLICY_LANGUAGE for document in documents)
    return [each for document in documents for each in document["Statement"]]


def allows(statements, action, *, resource):
    from fnmatch import fnmatchcase

    return any(
        each["Effect"] == "Allow"
        and any(fnmatchcase(action, given) for given in listed(each["Action"]))
        and any(fnmatchcase(resource, str(given)) for given in in_a_list(each["Resource"]))
        for each in statements
    )


def in_a_list(value):
    return value if isinstance(value, list) else [value]


def account_check_resources_are_of_their_kinds(made):
    kinds = {name: resource["Type"] for name, resource in made.resources.items()}
    assert kinds == ACCOUNT_KINDS
    staying = with_values(made, StayingNodeGroup=GROUP_ARN)
    added = {"NodeGroupPolicy": "AWS::IAM::ManagedPolicy"}
    assert {n: r["Type"] for n, r in staying.resources.items()} == ACCOUNT_KINDS | added


ACCOUNT_KINDS = {
    **dict.fromkeys(("DeletionRole", "SelfDestructRole"), "AWS::IAM::Role"),
    **dict.fromkeys(("DeletionPolicy", "PipelinePolicy"), "AWS::IAM::ManagedPolicy"),
    **dict.fromkeys(("Budget", "BudgetOfEc2"), "AWS::Budgets::Budget"),
}
GROUP_ARN = "arn:aws:eks:us-east-2:123456789012:nodegroup/ours/hpc/*"


def account_check_policies_go_by_the_names_of_the_guide(made):
    staying = with_values(made, StayingNodeGroup=GROUP_ARN)
    policies = staying.of_type("AWS::IAM::ManagedPolicy")
    assert {name: policy["ManagedPolicyName"] for name, policy in policies.items()} == {
        "DeletionPolicy": "OperatorBenchmarkDeletion",
        "PipelinePolicy": "OperatorBenchmarkPipeline",
        "NodeGroupPolicy": "OperatorBenchmarkNodeGroup",
    }
    for policy in policies.values():
        assert policy["PolicyDocument"]["Version"] == POLICY_LANGUAGE
        assert {s["Effect"] for s in policy["PolicyDocument"]["Statement"]} == {"Allow"}


def account_check_pipeline_may_do_all_that_a_study_takes(made):
    statements = [s for name in rights_of.POLICIES for s in of_policy(made, name)]
    assert rights_of.lacking(statements, handlers=rights_of.MAKING) == []
    given = rights_of.allowed(statements)
    assert given >= rights_of.OUR_CALLS
    assert given >= rights_of.TO_BE_SURE
    assert {a for a in given if "*" in a} == {"ec2:Describe*", "eks:Describe*", "eks:List*"}
    assert rights_of.unneeded(statements) == rights_of.TO_BE_SURE


def account_check_deletion_role_may_do_all_that_a_deletion_takes(made):
    statements = attached(made, "DeletionRole")
    # CloudFormation lists it, and a role that is deleted needs no tag.
    assert rights_of.lacking(statements, handlers=rights_of.DELETING) == ["iam:TagRole"]
    assert rights_of.allowed(statements) >= rights_of.TO_BE_SURE


def of_policy(made, name):
    return made.properties(name)["PolicyDocument"]["Statement"]


def account_check_rights_reach_what_is_a_studys_and_nothing_else(made):
    for name in rights_of.POLICIES:
        for statement in of_policy(made, name):
            if statement["Sid"] in ANYWHERE:
                assert statement["Resource"] == "*"
                continue
            assert "*" not in in_a_list(statement["Resource"])
            for action in listed(statement["Action"]):
                wanted = OWN[statement["Sid"]]
                mine = wanted.get(action) or wanted["*"]
                assert allows([statement], action, resource=mine), action
                of_others = mine.replace("operator-benchmark-", "somebodys-")
                reaches_others = allows([statement], action, resource=of_others)
                assert reaches_others == (statement["Sid"] == "ReadOwnRoles"), action


_AT = "us-east-2:123456789012"
ROLE_ARN = "arn:aws:iam::123456789012:role/operator-benchmark-demo-1-node"
SCHEDULE_ARN = f"arn:aws:scheduler:{_AT}:schedule/default/operator-benchmark-demo-1"
CLUSTER_ARN = f"arn:aws:eks:{_AT}:cluster/operator-benchmark-demo-1"
OF_CLUSTERS = {
    f"eks:{verb}{noun}": f"arn:aws:eks:{_AT}:{noun.lower()}/operator-benchmark-demo-1/x/1"
    for noun, verbs in (
        ("Nodegroup", ("Delete",)),
        ("NodegroupConfig", ("Update",)),
        ("NodegroupVersion", ("Update",)),
        ("Addon", ("Delete",)),
        ("AccessEntry", ("Delete",)),
        ("AccessPolicy", ("Associate", "Disassociate")),
        ("PodIdentityAssociation", ("Delete",)),
    )
    for verb in verbs
}
# What a statement must reach by an action, by its Sid: the study's own, as AWS names it.
OWN = {
    "Stacks": {"*": f"arn:aws:cloudformation:{_AT}:stack/operator-benchmark-demo-1/1"},
    "MakeCluster": {"*": CLUSTER_ARN, **OF_CLUSTERS},
    "DeleteCluster": {"*": CLUSTER_ARN, **OF_CLUSTERS},
    "MakeRoles": {"*": ROLE_ARN},
    "DeleteRoles": {"*": ROLE_ARN},
    "GiveRolesTheirRights": {"*": ROLE_ARN},
    "ReadOwnRoles": {"*": ROLE_ARN},
    "GiveRolesToServices": {"*": ROLE_ARN},
    "MakeSchedule": {"*": SCHEDULE_ARN},
    "DeleteSchedule": {"*": SCHEDULE_ARN},
}
# EC2 and Auto Scaling know no names; tags limit what can be deleted, see the conditions.
ANYWHERE = {
    *("Look", "LookAndAsk", "MakeNetwork", "DeleteNetwork", "DeleteWhatMayBeUntagged"),
    *("GiveWorkersBack", "KeepReservation", "FirstUseOfEks"),
}


def account_check_rights_have_the_conditions_that_limit_them(made):
    studys = {"Null": {f"aws:ResourceTag/{stack.TAG_STUDY}": "false"}}
    conditions = {
        s["Sid"]: s.get("Condition") for n in rights_of.POLICIES for s in of_policy(made, n)
    }
    linked = ("eks", "eks-nodegroup", "autoscaling")
    assert {sid: each for sid, each in conditions.items() if sid in ANYWHERE and each} == {
        "DeleteNetwork": studys,
        "KeepReservation": studys,
        "GiveWorkersBack": {
            "StringLike": {"aws:ResourceTag/eks:cluster-name": "operator-benchmark-*"}
        },
        "FirstUseOfEks": {
            "StringLike": {"iam:AWSServiceName": [f"{name}.amazonaws.com" for name in linked]}
        },
    }
    assert set(conditions) == ANYWHERE | set(OWN)


def account_check_group_that_stays_is_scaled_and_no_other(made):
    """Only where somebody names one: by the pipeline, and by the schedule when that is gone."""
    staying = with_values(made, StayingNodeGroup=GROUP_ARN)
    scaling_it = {
        "Effect": "Allow",
        "Action": "eks:UpdateNodegroupConfig",
        "Resource": GROUP_ARN,
    }
    assert of_policy(staying, "NodeGroupPolicy") == [scaling_it]
    assert scaling_it in attached(staying, "SelfDestructRole")
    assert len(attached(staying, "SelfDestructRole")) == 3
    assert len(attached(made, "SelfDestructRole")) == 2


STACK_ARN = "arn:aws:cloudformation:us-east-2:123456789012:stack/operator-benchmark-demo-1/1"


def account_check_deletion_role_is_cloudformations_and_may_delete(made):
    assert made.properties("DeletionRole")["RoleName"] == identity.DELETION_ROLE
    assert trusted(made, "DeletionRole") == ["cloudformation.amazonaws.com"]
    document = made.properties("DeletionRole")["AssumeRolePolicyDocument"]
    assert not [each for each in document["Statement"] if "Condition" in each]
    cluster = "arn:aws:eks:us-east-2:123456789012:cluster/operator-benchmark-demo-1"
    statements = attached(made, "DeletionRole")
    assert allows(statements, "eks:DeleteCluster", resource=cluster)
    assert allows(statements, "ec2:DeleteVpc", resource="*")


def account_check_schedulers_role_may_delete_stacks_with_the_deletion_role(made):
    assert made.properties("SelfDestructRole")["RoleName"] == identity.SELF_DESTRUCT_ROLE
    assert trusted(made, "SelfDestructRole") == ["scheduler.amazonaws.com"]
    (document,) = made.properties("SelfDestructRole")["AssumeRolePolicyDocument"]["Statement"]
    assert document["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    statements = attached(made, "SelfDestructRole")
    assert {each["Effect"] for each in statements} == {"Allow"}
    assert allows(statements, "cloudformation:DeleteStack", resource=STACK_ARN)
    assert not allows(
        statements, "cloudformation:DeleteStack", resource=STACK_ARN.replace("operator-", "other-")
    )
    (passing,) = (each for each in statements if "iam:PassRole" in listed(each["Action"]))
    assert passing["Resource"] == {"Fn::GetAtt": ["DeletionRole", "Arn"]}


def account_check_pipeline_passes_roles_to_services_of_the_stack_alone(made):
    statements = made.properties("PipelinePolicy")["PolicyDocument"]["Statement"]
    passing = [each for each in statements if "iam:PassRole" in listed(each["Action"])]
    assert passing
    for each in passing:
        assert set(each["Condition"]["StringEquals"]["iam:PassedToService"]) == {
            "eks.amazonaws.com",
            "ec2.amazonaws.com",
            "scheduler.amazonaws.com",
        }
        assert {"Fn::GetAtt": ["SelfDestructRole", "Arn"]} in each["Resource"]


def account_check_pipeline_gives_its_roles_no_policy_but_those_of_the_template(made):
    statements = made.properties("PipelinePolicy")["PolicyDocument"]["Statement"]
    (giving,) = (each for each in statements if "iam:AttachRolePolicy" in listed(each["Action"]))
    named = giving["Condition"]["ArnEquals"]["iam:PolicyARN"]
    assert {arn.rpartition("/")[2] for arn in named} == {
        "AmazonEKSClusterPolicy",
        "AmazonEKSWorkerNodePolicy",
        "AmazonEKS_CNI_Policy",
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonSSMManagedInstanceCore",
    }
    assert all(arn.startswith("arn:aws:iam::aws:policy/") for arn in named)


def account_check_deletions_want_the_tag_of_a_study(made):
    statements = made.properties("DeletionPolicy")["PolicyDocument"]["Statement"]
    key = f"aws:ResourceTag/{stack.TAG_STUDY}"
    for action in ("ec2:DeleteVpc", "ec2:DeleteSecurityGroup", "ec2:TerminateInstances"):
        (each,) = (s for s in statements if action in listed(s["Action"]))
        assert each["Condition"] == {"Null": {key: "false"}}


def account_check_budgets_see_the_owners_money_and_tell_of_it(made):
    budgets = {b["Budget"]["BudgetName"]: b for b in made.of_type("AWS::Budgets::Budget").values()}
    tag = f"user:{stack.TAG_OWNER}${OWNER}"
    filters = {name: b["Budget"]["CostFilters"] for name, b in budgets.items()}
    assert filters == {
        "operator-benchmark": {"TagKeyValue": [tag]},
        "operator-benchmark-ec2": {"Service": ["Amazon Elastic Compute Cloud - Compute"]},
    }
    for each in budgets.values():
        assert each["Budget"]["BudgetType"] == "COST"
        assert each["Budget"]["TimeUnit"] == "MONTHLY"
        assert each["Budget"]["BudgetLimit"] == {"Amount": 2000, "Unit": "USD"}
        told = each["NotificationsWithSubscribers"]
        kinds = {t["Notification"]["NotificationType"] for t in told}
        assert kinds == {"ACTUAL", "FORECASTED"}
        for each_told in told:
            assert each_told["Notification"]["ComparisonOperator"] == "GREATER_THAN"
            assert 0 < each_told["Notification"]["Threshold"] <= 100
            (subscriber,) = each_told["Subscribers"]
            assert subscriber == {"SubscriptionType": "EMAIL", "Address": "someone@example.org"}


ACCOUNT_CHECKS = [c for name, c in sorted(globals().items()) if name.startswith("account_check_")]


# ---- EFA's device plugin ------------------------------------------------------------------------


def plugin_check_is_a_daemon_of_the_system_that_owns_its_pods(made):
    assert (made["apiVersion"], made["kind"]) == ("apps/v1", "DaemonSet")
    metadata = made["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("efa-device-plugin", "kube-system")
    assert metadata["labels"] == {"study": "demo-1"}
    assert made["spec"]["selector"]["matchLabels"] == made["spec"]["template"]["metadata"]["labels"]
    pods = made["spec"]["template"]["spec"]
    assert pods["priorityClassName"] == "system-node-critical"
    (container,) = pods["containers"]
    assert container["image"] == registries.device_plugin("us-east-2")
    assert container["name"]
    assert container["resources"]["requests"] == {"cpu": "10m", "memory": "20Mi"}
    kinds = {volume["hostPath"]["path"]: volume["hostPath"]["type"] for volume in pods["volumes"]}
    assert kinds == {  # the kubelet's socket is there; the others need not be
        "/var/lib/kubelet/device-plugins": "Directory",
        "/dev/infiniband": "DirectoryOrCreate",
        "/opt/aws/neuron": "DirectoryOrCreate",
    }


def plugin_check_every_worker_offers_efa_and_no_launcher_does(made):
    pods = made["spec"]["template"]["spec"]
    assert pods["tolerations"] == [{"operator": "Exists"}]
    assert pods["nodeSelector"] == nodes.WORKER.node_selector
    assert pods["hostNetwork"]
    (container,) = pods["containers"]
    assert container["securityContext"] == {"privileged": True, "runAsUser": 0}
    hosts = {volume["name"]: volume["hostPath"]["path"] for volume in pods["volumes"]}
    mounts = {hosts[m["name"]]: m["mountPath"] for m in container["volumeMounts"]}
    for path in ("/var/lib/kubelet/device-plugins", "/dev/infiniband", "/opt/aws/neuron"):
        assert mounts[path] == path


PLUGIN_CHECKS = [c for name, c in sorted(globals().items()) if name.startswith("plugin_check_")]


# ---- the guard of a node group that stays -------------------------------------------------------


def guard_check_group_is_scaled_to_none_at_the_end_of_the_lease_and_again(made):
    ((name, resource),) = made.resources.items()
    assert (name, resource["Type"]) == ("ScaleDown", "AWS::Scheduler::Schedule")
    schedule = resource["Properties"]
    assert schedule["Name"] == made.values["AWS::StackName"]
    assert schedule["StartDate"] == f"{made.values['LeaseUntil']}.000Z"
    assert schedule["EndDate"] == f"{made.values['ForgetAt']}.000Z"
    assert schedule["ScheduleExpression"] == "rate(30 minutes)"
    assert schedule["ScheduleExpressionTimezone"] == "UTC"
    assert schedule["State"] == "ENABLED"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    target = schedule["Target"]
    assert target["Arn"] == "arn:aws:scheduler:::aws-sdk:eks:updateNodegroupConfig"
    assert target["RoleArn"] == made.values["SelfDestructRoleArn"]
    assert json.loads(target["Input"]) == {
        "ClusterName": made.values["ClusterName"],
        "NodegroupName": made.values["NodeGroupName"],
        "ScalingConfig": {"MinSize": 0, "DesiredSize": 0},
    }
    assert_tries_for_a_day(target)


GUARD_CHECKS = [c for name, c in sorted(globals().items()) if name.startswith("guard_check_")]


# ---- readers of EFA's counters ------------------------------------------------------------------


def counters():
    """The DaemonSet that tells what EFA has carried on each worker."""
    return render(
        "aws/efa_counters.yaml.j2",
        namespace="demo-1",
        labels={fabric.COUNTERS_LABEL: "demo-1"},
        image="registry.test/lammps@sha256:0",
        pull_secret="login",  # noqa: S106  a name
        place=nodes.WORKER,
    )


def counters_check_each_worker_tells_what_efa_has_carried(made):
    assert (made["apiVersion"], made["kind"]) == ("apps/v1", "DaemonSet")
    labels = {fabric.COUNTERS_LABEL: "demo-1"}  # no job's: they outlive each of them
    assert made["metadata"] == {"name": "efa-counters", "namespace": "demo-1", "labels": labels}
    spec = made["spec"]
    assert spec["selector"] == {"matchLabels": labels}
    assert spec["template"]["metadata"] == {"labels": labels}
    pod = spec["template"]["spec"]
    assert pod["nodeSelector"] == nodes.WORKER.node_selector
    assert pod["tolerations"] == list(nodes.WORKER.tolerations)
    assert pod["imagePullSecrets"] == [{"name": "login"}]
    assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
    assert pod["terminationGracePeriodSeconds"] == 1
    (container,) = pod["containers"]
    assert container["name"]
    assert container["image"] == "registry.test/lammps@sha256:0"
    assert container["imagePullPolicy"] == "IfNotPresent"
    # It runs beside what is measured, and asks for next to nothing of it.
    assert container["resources"] == {"requests": {"cpu": "1m", "memory": "8Mi"}}
    assert container["command"][:2] == ["bash", "-c"]


def counters_check_the_script_adds_up_all_cards_both_ways(made):
    told = told_by(made["spec"]["template"]["spec"]["containers"][0]["command"])
    assert (told["sent"], told["received"]) == ("1111", "2222")
    assert int(told["shm"]) >= 0
    assert told["memlock"]


def told_by(command):
    """The first line of the readers' script, on a machine of two cards."""
    with tempfile.TemporaryDirectory() as folder:
        for card, factor in (("a", 1), ("b", 10)):
            counted = Path(folder) / "sys/class/infiniband" / card / "ports/1/hw_counters"
            counted.mkdir(parents=True)
            values = {"tx": factor, "rdma_write": 100 * factor}
            for name, value in values.items():
                (counted / f"{name}_bytes").write_text(f"{value}\n")
            for name, value in (("rx", 2 * factor), ("rdma_read", 200 * factor)):
                (counted / f"{name}_bytes").write_text(f"{value}\n")
        script = command[2].replace("/sys/", f"{folder}/sys/").replace("sleep 2", "exit 0")
        assert f"{folder}/sys/" in script
        assert script.count("exit 0") == 1  # it tells the next numbers two seconds later
        told = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, check=True, timeout=10
        )
    words = told.stdout.split()
    assert tuple(words[::2]) == fabric.WORDS
    return dict(zip(words[::2], words[1::2], strict=True))


COUNTER_CHECKS = [c for name, c in sorted(globals().items()) if name.startswith("counters_check_")]
