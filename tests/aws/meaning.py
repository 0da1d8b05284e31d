"""What a template means once its parameters have values, and what must hold of that.

Each check reads what AWS would make, not how the template says it. A check is named for what goes
wrong without it; `tests/aws/test_mutations.py` shows that each one sees that.
"""

from __future__ import annotations

import json
import re

import yaml

from include.aws import identity, launch, nodes, stack, templates
from include.aws.parameters import parameters_of
from include.aws.settings import OWNER, Options

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
        known = {k: v for k, v in self.values.items() if isinstance(v, str)}
        return re.sub(r"\$\{([^}]+)\}", lambda m: known.get(m[1], m[0]), text)


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


def bootstrap_stack():
    return Stack(templates.read("bootstrap.yaml"), {"Email": "someone@example.org"})


# ---- machines -----------------------------------------------------------------------------------


def data_of(made, name="NodeTemplate"):
    return made.properties(name)["LaunchTemplateData"]


def check_workers_are_in_one_placement_group(made):
    group = data_of(made)["Placement"]["GroupName"]
    assert group == {"Ref": "PlacementGroup"}
    assert made.properties("PlacementGroup")["Strategy"] == "cluster"


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
        assert (taint["Key"], taint["Effect"]) == (toleration["key"], "NO_SCHEDULE")
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
        own = made.properties(name)["TagSpecifications"]
        assert {t["Key"]: t["Value"] for t in own[0]["Tags"]} == {
            stack.TAG_STUDY: made.values["StudyId"]
        }


# ---- network ------------------------------------------------------------------------------------


def check_private_nodes_have_a_way_out(made):
    nat = made.properties("NatGateway")
    public, private = subnets_of(made, "InternetGateway"), subnets_of(made, "NatGateway")
    assert nat["SubnetId"]["Ref"] in public
    for group in made.of_type("AWS::EKS::Nodegroup").values():
        assert {subnet["Ref"] for subnet in group["Subnets"]} <= private
    assert not public & private
    assert {"PublicDefaultRoute", "PublicARoutes"} <= made.depends_on("NatGateway")


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
    assert config["EndpointPrivateAccess"]
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


def policies_of(made, role):
    return {arn.rpartition("/")[2] for arn in made.properties(role)["ManagedPolicyArns"]}


def check_roles_have_the_policies_they_work_with(made):
    assert policies_of(made, "ClusterRole") == {"AmazonEKSClusterPolicy"}
    assert policies_of(made, "NodeRole") == {
        "AmazonEKSWorkerNodePolicy",
        "AmazonEKS_CNI_Policy",
        "AmazonEC2ContainerRegistryPullOnly",
    }
    for role, service in (("ClusterRole", "eks"), ("NodeRole", "ec2")):
        assert trusted(made, role) == [f"{service}.amazonaws.com"]
    assert made.properties("ClusterRole")["RoleName"].startswith(stack.PREFIX)
    assert made.properties("NodeRole")["RoleName"].startswith(stack.PREFIX)


def trusted(made, role):
    """Services that may take the role, on whatever condition."""
    statements = made.properties(role)["AssumeRolePolicyDocument"]["Statement"]
    assert all("sts:AssumeRole" in listed(each["Action"]) for each in statements)
    assert all(each["Effect"] == "Allow" for each in statements)
    return [each["Principal"]["Service"] for each in statements]


def listed(value):
    return [value] if isinstance(value, str) else value


def check_pipeline_is_administrator_and_nobody_else(made):
    (entry,) = made.of_type("AWS::EKS::AccessEntry").values()
    assert entry["PrincipalArn"] == made.values["AdminArn"]
    (policy,) = entry["AccessPolicies"]
    assert policy["PolicyArn"].endswith(":cluster-access-policy/AmazonEKSClusterAdminPolicy")
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
    assert schedule.get("ScheduleExpressionTimezone", "UTC") == "UTC"
    assert schedule["State"] == "ENABLED"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    rate = re.fullmatch(r"rate\((\d+) minutes\)", schedule["ScheduleExpression"])
    assert rate
    assert 10 <= int(rate[1]) <= 60
    assert schedule["Name"] == made.values["AWS::StackName"]


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
    assert document.get("Condition", {}) in (
        {},
        {"StringEquals": {"aws:SourceAccount": "123456789012"}},
    )
    statements = attached(made, "SelfDestructRole")
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


def plugin_check_every_worker_offers_efa_and_no_launcher_does(made):
    pods = made["spec"]["template"]["spec"]
    assert pods["tolerations"] == [{"operator": "Exists"}]
    assert pods["nodeSelector"] == nodes.WORKER.node_selector
    assert pods["hostNetwork"]
    (container,) = pods["containers"]
    assert container["securityContext"] == {"privileged": True, "runAsUser": 0}
    hosts = {volume["name"]: volume["hostPath"]["path"] for volume in pods["volumes"]}
    mounts = {hosts[m["name"]]: m["mountPath"] for m in container["volumeMounts"]}
    for path in ("/var/lib/kubelet/device-plugins", "/dev/infiniband"):
        assert mounts[path] == path


PLUGIN_CHECKS = [plugin_check_every_worker_offers_efa_and_no_launcher_does]
