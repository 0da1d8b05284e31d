"""What moto 5.2.5 lacks for the stack of a study; importing this module patches moto.

- Types: EKS Cluster, Nodegroup and Schedule, on moto's own backends, so that clients see them;
  AddOn, AccessEntry, PlacementGroup and SecurityGroupEgress as stand-ins.
- Deletion of five types that moto makes and cannot delete.
- Stacks that take their time, roll back, or cannot be deleted; `FAULTS` holds the switches.
- Lists of placement groups and capacity reservations.
- The Auto Scaling group of a node group, and its activities.

And it spares what moto does anew in each account, which is most of a test's time otherwise.

It patches the insides of moto: pin moto, and look here when it changes.
"""

from __future__ import annotations

import copy
import functools
import json
import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from boto3 import Session
from botocore.loaders import JSONFileLoader
from moto.autoscaling.responses import AutoScalingResponse
from moto.cloudformation import models as cfn_models
from moto.core import responses
from moto.core.common_models import CloudFormationModel
from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import amis, ec2_backends
from moto.ec2.models.elastic_ip_addresses import ElasticAddress
from moto.ec2.models.internet_gateways import InternetGateway
from moto.ec2.models.nat_gateways import NatGateway, NatGatewayBackend
from moto.ec2.models.route_tables import RouteTable
from moto.ec2.models.vpcs import VPCEndPoint
from moto.ec2.responses import EC2Response
from moto.eks import urls as eks_urls
from moto.eks import utils as eks_utils
from moto.eks.models import EKSBackend, eks_backends
from moto.eks.responses import EKSResponse
from moto.moto_api._internal import mock_random
from moto.scheduler.models import scheduler_backends


@dataclass
class Faults:
    """What goes wrong; a fresh one means nothing does."""

    polls_until_made: int = 0
    creation_fails: dict[str, str] = field(default_factory=dict)  # logical id → reason
    deletions_that_fail: int = 0
    reservations_refused: int = 0
    vpc_is_held: bool = False  # by whatever is in it and not in the stack, as on AWS
    shortage: list[str] = field(default_factory=list)  # a message per attempt that comes short
    on_scale: list = field(default_factory=list)  # called with the number of workers asked for


FAULTS = Faults()
GROUP_ARN = "arn:aws:ec2:us-east-2:123456789012:placement-group"
PLACEMENT_GROUPS: dict[str, dict] = {}
RESERVATIONS: dict[str, dict] = {}
SCALING = {"wanted": 0, "failures": [], "ended": []}
DELETED: list[str] = []  # types, as far as they say so


def reset():
    FAULTS.__dict__.update(Faults().__dict__)
    PLACEMENT_GROUPS.clear()
    RESERVATIONS.clear()
    SCALING.update(wanted=0, failures=[], ended=[])
    DELETED.clear()


# ---- types that moto does not have --------------------------------------------------------------


class _Stub:
    """What the added types share; each is a direct subclass of moto's model, as moto wants."""

    def __init__(self, physical_id, **attributes):
        self._physical_id, self._attributes = physical_id, attributes

    @property
    def physical_resource_id(self):
        return self._physical_id

    def get_cfn_attribute(self, attribute):
        return self._attributes[attribute]


def _nothing(*_):
    """Deletion of what holds no state."""


def _add_type(cfn_type, *, name_property="", attributes=("Arn",), create, delete=_nothing):
    members = {
        "__module__": "tests.aws.moto_stack",  # moto files instances by it, and wants a dot in it
        "__init__": _Stub.__init__,
        "physical_resource_id": _Stub.physical_resource_id,
        "get_cfn_attribute": _Stub.get_cfn_attribute,
        "is_created": lambda _self: True,
        "has_cfn_attr": classmethod(lambda _cls, attribute: attribute in attributes),
        "cloudformation_name_type": staticmethod(lambda: name_property),
        "cloudformation_type": staticmethod(lambda: cfn_type),
        "create_from_cloudformation_json": classmethod(
            lambda cls, logical_id, json, account, region, **_: create(
                cls, logical_id, json.get("Properties", {}), account, region
            )
        ),
        "update_from_cloudformation_json": classmethod(lambda _cls, original, *_: original),
        "delete": delete,
    }
    return type(cfn_type.rsplit("::", 1)[-1], (CloudFormationModel,), members)


def _lower(properties):
    return {key[0].lower() + key[1:]: value for key, value in properties.items()}


def _create_cluster(cls, _logical_id, properties, account, region):
    ec2, network = ec2_backends[account][region], properties["ResourcesVpcConfig"]
    group = ec2.create_security_group(
        name=f"eks-cluster-sg-{properties['Name']}",
        description="EKS created security group",
        vpc_id=ec2.get_subnet(network["SubnetIds"][0]).vpc_id,
    )
    cluster = eks_backends[account][region].create_cluster(
        name=properties["Name"],
        role_arn=properties["RoleArn"],
        version=properties.get("Version"),
        resources_vpc_config={**_lower(network), "clusterSecurityGroupId": group.id},
        tags={tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])},
    )
    return cls(cluster.name, Arn=cluster.arn, ClusterSecurityGroupId=group.id)


def _delete_cluster(self, account, region):
    eks = eks_backends[account][region]
    if self._physical_id in eks.clusters:  # else an earlier attempt did
        eks.delete_cluster(self._physical_id)  # refused while it has nodes
    group, ec2 = self._attributes["ClusterSecurityGroupId"], ec2_backends[account][region]
    if any(group in groups for groups in ec2.groups.values()):
        ec2.delete_security_group(group_id=group)


def _create_node_group(cls, _logical_id, properties, account, region):
    scaling = {key: int(value) for key, value in _lower(properties["ScalingConfig"]).items()}
    group = eks_backends[account][region].create_nodegroup(
        cluster_name=properties["ClusterName"],
        nodegroup_name=properties["NodegroupName"],
        node_role=properties["NodeRole"],
        subnets=properties["Subnets"],
        scaling_config=scaling,
        instance_types=properties["InstanceTypes"],
        ami_type=properties["AmiType"],
        labels=properties["Labels"],
        taints=[_lower(taint) for taint in properties.get("Taints", [])],
        launch_template=_lower(properties["LaunchTemplate"]),
        capacity_type=properties["CapacityType"],
    )
    group.health = {"issues": []}
    return cls(f"{properties['ClusterName']}/{properties['NodegroupName']}", Arn=group.arn)


def _delete_node_group(self, account, region):
    cluster, name = self._physical_id.split("/")
    if cluster in eks_backends[account][region].clusters:
        eks_backends[account][region].delete_nodegroup(cluster, name)


def _create_placement_group(cls, _logical_id, properties, _account, _region):
    name = f"group-{mock_random.get_random_hex(8)}"
    PLACEMENT_GROUPS[name] = properties
    return cls(name)


def _create_egress(cls, _logical_id, properties, account, region):
    ec2_backends[account][region].authorize_security_group_egress(
        group_name_or_id=properties["GroupId"],
        ip_protocol=properties["IpProtocol"],
        from_port=None,
        to_port=None,
        ip_ranges=[],
        source_groups=[{"GroupId": properties["DestinationSecurityGroupId"]}],
    )
    return cls(f"{properties['GroupId']}-egress")


def _create_schedule(cls, _logical_id, properties, account, region):
    given = {
        "description": None,
        "end_date": None,
        "flexible_time_window": properties["FlexibleTimeWindow"],
        "group_name": None,
        "kms_key_arn": None,
        "name": properties["Name"],
        "schedule_expression": properties["ScheduleExpression"],
        "schedule_expression_timezone": properties["ScheduleExpressionTimezone"],
        "start_date": properties["StartDate"],
        "state": properties["State"],
        "target": properties["Target"],
        "action_after_completion": None,
    }
    made = scheduler_backends[account][region].create_schedule(**given)
    return cls(properties["Name"], Arn=made.arn)


def _delete_schedule(self, account, region):
    DELETED.append("AWS::Scheduler::Schedule")
    scheduler_backends[account][region].delete_schedule(None, self._physical_id)


def _create_stand_in(cls, logical_id, *_):
    return cls(logical_id, Arn=f"arn:aws:stand-in:::{logical_id}")


TYPES = (
    _add_type(
        "AWS::EKS::Cluster",
        name_property="Name",
        attributes=("Arn", "ClusterSecurityGroupId"),
        create=_create_cluster,
        delete=_delete_cluster,
    ),
    _add_type(
        "AWS::EKS::Nodegroup",
        name_property="NodegroupName",
        create=_create_node_group,
        delete=_delete_node_group,
    ),
    _add_type("AWS::EKS::Addon", name_property="AddonName", create=_create_stand_in),
    _add_type("AWS::EKS::AccessEntry", create=_create_stand_in),
    _add_type(
        "AWS::Scheduler::Schedule",
        name_property="Name",
        create=_create_schedule,
        delete=_delete_schedule,
    ),
    _add_type(
        "AWS::EC2::PlacementGroup",
        attributes=(),
        create=_create_placement_group,
        delete=lambda self, *_: PLACEMENT_GROUPS.pop(self._physical_id, None),
    ),
    _add_type("AWS::EC2::SecurityGroupEgress", create=_create_egress),
)


# ---- deletions that moto does not do ------------------------------------------------------------


def _delete_nat_gateway(self, account, region):
    ec2 = ec2_backends[account][region]
    ec2.delete_nat_gateway(self.id)
    ec2.enis.pop(self._eni.id, None)


def _delete_internet_gateway(self, account, region):
    ec2 = ec2_backends[account][region]
    if self.vpc:
        ec2.detach_internet_gateway(self.id, self.vpc.id)
    ec2.delete_internet_gateway(self.id)


RouteTable.delete = lambda self, account, region: ec2_backends[account][region].delete_route_table(
    self.id
)
NatGateway.delete = _delete_nat_gateway
ElasticAddress.delete = lambda self, account, region: ec2_backends[account][region].release_address(
    allocation_id=self.allocation_id
)
InternetGateway.delete = _delete_internet_gateway
VPCEndPoint.delete = lambda self, account, region: ec2_backends[account][region].vpc_end_points.pop(
    self.id, None
)


# ---- answers that moto does not give ------------------------------------------------------------


def _tags_asked_for(filters):
    return {
        (name.removeprefix("tag:"), value)
        for name, values in (filters or {}).items()
        for value in values
        if name.startswith("tag:")
    }


_describe_nat_gateways = NatGatewayBackend.describe_nat_gateways


def _nat_gateways_by_tag(self, filters, nat_gateway_ids):
    wanted = _tags_asked_for(filters)
    found = _describe_nat_gateways(self, filters, nat_gateway_ids)
    return [nat for nat in found if wanted <= {(t["key"], t["value"]) for t in nat.get_tags()}]


NatGatewayBackend.describe_nat_gateways = _nat_gateways_by_tag


def _describe_placement_groups(self):
    """Those that carry the tags which are asked for."""
    wanted = _tags_asked_for(self._filters_from_querystring())
    found = [
        {"GroupName": name, "State": "available", "GroupArn": f"{GROUP_ARN}/{name}"}
        for name, properties in PLACEMENT_GROUPS.items()
        if wanted <= {(tag["Key"], tag["Value"]) for tag in properties["Tags"]}
    ]
    return ActionResult({"PlacementGroups": found})


EC2Response.describe_placement_groups = _describe_placement_groups


def _describe_reservations(self):
    wanted = _tags_asked_for(self._filters_from_querystring())
    states = self._filters_from_querystring().get("state", ["active", "cancelled"])
    found = [
        held
        for held in RESERVATIONS.values()
        if wanted <= {(tag["Key"], tag["Value"]) for tag in held["Tags"]}
        and held["State"] in states
    ]
    return ActionResult({"CapacityReservations": found})


def _create_reservation(self):
    if FAULTS.reservations_refused:
        FAULTS.reservations_refused -= 1
        raise EC2ClientError("InsufficientInstanceCapacity", "We currently do not have sufficient")
    identity = f"cr-{len(RESERVATIONS):017x}"
    names = ("InstanceType", "AvailabilityZone", "PlacementGroupArn", "EndDateType", "EndDate")
    given = {name: self._get_param(name) for name in (*names, "InstanceMatchCriteria")}
    count = int(self._get_param("InstanceCount"))
    (specification,) = self._get_param("TagSpecifications")
    RESERVATIONS[identity] = {
        **given,
        "CapacityReservationId": identity,
        "TotalInstanceCount": count,
        "AvailableInstanceCount": count,
        "State": "active",
        "Tags": specification["Tags"],
    }
    return ActionResult({"CapacityReservation": RESERVATIONS[identity]})


def _modify_reservation(self):
    RESERVATIONS[self._get_param("CapacityReservationId")]["EndDate"] = self._get_param("EndDate")
    return ActionResult({"Return": True})


def _cancel_reservation(self):
    RESERVATIONS[self._get_param("CapacityReservationId")]["State"] = "cancelled"
    return ActionResult({"Return": True})


EC2Response.describe_capacity_reservations = _describe_reservations
EC2Response.create_capacity_reservation = _create_reservation
EC2Response.modify_capacity_reservation = _modify_reservation
EC2Response.cancel_capacity_reservation = _cancel_reservation

_update_nodegroup_config = EKSBackend.update_nodegroup_config


def _scale(self, cluster_name, nodegroup_name, **changes):
    answer = _update_nodegroup_config(self, cluster_name, nodegroup_name, **changes)
    group = self.clusters[cluster_name].nodegroups[nodegroup_name]
    wanted = group.scaling_config["desiredSize"]
    reasons = [FAULTS.shortage.pop(0) for _ in FAULTS.shortage[: 1 if wanted else 0]]
    failures = [
        {
            "ActivityId": f"failed-{len(SCALING['failures'])}",
            "StatusCode": "Failed",
            "StatusMessage": reason,
        }
        for reason in reasons
    ]
    SCALING["failures"] += failures
    SCALING["wanted"] = wanted
    for callback in FAULTS.on_scale:
        callback(0 if failures else wanted)
    return answer


EKSBackend.update_nodegroup_config = _scale
EKSBackend.update_nodegroup_version = lambda self, cluster, group, template: setattr(
    self.clusters[cluster].nodegroups[group], "launch_template", template
)


def _update_version(self):
    cluster, group = (unquote(part) for part in _GROUP_PATH.search(self.uri).groups())
    template = self._get_param("launchTemplate")
    self.eks_backend.update_nodegroup_version(cluster, group, template)
    update = {"id": "1", "status": "Successful", "type": "VersionUpdate"}
    return 200, {}, json.dumps({"update": update})


_GROUP_PATH = re.compile(r"/clusters/([^/]+)/node-groups/([^/]+)/update-version")
EKSResponse.update_nodegroup_version = _update_version
eks_urls.url_paths["{0}/clusters/(?P<name>[^/]+)/node-groups/(?P<group>[^/]+)/update-version$"] = (
    EKSResponse.dispatch
)


def _describe_scaling_group(self):
    """The group has no machines to list: those of moto are names on an API server alone."""
    (name,) = self._get_param("AutoScalingGroupNames", [])
    described = {
        "AutoScalingGroupName": name,
        "DesiredCapacity": SCALING["wanted"],
        "Instances": [],
    }
    return ActionResult({"AutoScalingGroups": [described]})


def _end_in_group(self):
    """One machine less: the names on the API server go from the last one on."""
    SCALING["wanted"] -= 1
    SCALING["ended"].append(self._get_param("InstanceId"))
    return ActionResult({})


AutoScalingResponse.terminate_instance_in_auto_scaling_group = _end_in_group
AutoScalingResponse.describe_auto_scaling_groups = _describe_scaling_group
AutoScalingResponse.describe_scaling_activities = lambda _self: ActionResult(
    {"Activities": list(reversed(SCALING["failures"]))}
)


# ---- states of a stack that moto does not have --------------------------------------------------

_create_resources = cfn_models.Stack.create_resources
_delete_stack = cfn_models.CloudFormationBackend.delete_stack
_describe_stacks = cfn_models.CloudFormationBackend.describe_stacks


class _NoResources:
    """Of a stack that was rolled back; moto's own map would make them again at each look."""

    def values(self):
        return ()

    def delete(self):
        return None


def _create_or_roll_back(self):
    reasons = [FAULTS.creation_fails.get(name) for name in self.template_dict["Resources"]]
    reason = next((reason for reason in reasons if reason), None)
    if reason is None:
        _create_resources(self)
        self.polls = 0
        return
    self.resource_map.create(self.template_dict)
    self._add_stack_event("CREATE_FAILED", reason)
    self.resource_map.delete()
    self.resource_map = _NoResources()
    self.status, self.status_reason = "ROLLBACK_COMPLETE", reason
    self._add_stack_event("ROLLBACK_COMPLETE")


def _describe(self, *args, **kwargs):
    found = _describe_stacks(self, *args, **kwargs)
    for stack in self.stacks.values():
        if getattr(stack, "polls", None) is not None:
            stack.polls += 1
            going = stack.polls <= FAULTS.polls_until_made
            if stack.status in {"CREATE_IN_PROGRESS", "CREATE_COMPLETE"}:
                stack.status = "CREATE_IN_PROGRESS" if going else "CREATE_COMPLETE"
    return found


def _delete_or_fail(self, name):
    stack = next((s for s in self.stacks.values() if name in (s.name, s.stack_id)), None)
    if stack is None:
        return
    if FAULTS.vpc_is_held and (held := _not_of_the_stack(stack)):
        _end_cluster(stack)
        _fail(stack, f"The vpc has dependencies and cannot be deleted: {', '.join(held)}")
        return
    if FAULTS.deletions_that_fail > 0:
        FAULTS.deletions_that_fail -= 1
        _fail(stack, "The vpc has dependencies and cannot be deleted.")
        return
    try:
        _delete_stack(self, stack.stack_id)
    except Exception as err:  # noqa: BLE001  as moto's own: whatever does not let itself be deleted
        self.stacks[stack.stack_id] = stack
        _fail(stack, str(err))


def _not_of_the_stack(stack):
    """Endpoints and groups in the stack's network that others made; they would stay there."""
    ec2 = ec2_backends[stack.account_id][stack.region_name]
    vpc = stack.resource_map["Vpc"].id
    cluster = stack.resource_map["Cluster"]
    own = {stack.resource_map[name].id for name in ("EfaGroup", "S3Endpoint")}
    own.add(cluster.get_cfn_attribute("ClusterSecurityGroupId"))
    groups = [g.id for g in ec2.groups.get(vpc, {}).values() if g.name != "default"]
    endpoints = [
        e.id for e in ec2.vpc_end_points.values() if e.vpc_id == vpc and e.state != "deleted"
    ]
    return [each for each in (*groups, *endpoints) if each not in own]


def _end_cluster(stack):
    eks, name = eks_backends[stack.account_id][stack.region_name], stack.name
    if name in eks.clusters:
        for group in list(eks.clusters[name].nodegroups):
            eks.delete_nodegroup(name, group)
        eks.delete_cluster(name)


def _fail(stack, reason):
    stack.status, stack.polls = "DELETE_FAILED", None
    stack._add_stack_event("DELETE_FAILED", reason)


cfn_models.Stack.create_resources = _create_or_roll_back
cfn_models.CloudFormationBackend.describe_stacks = _describe
cfn_models.CloudFormationBackend.delete_stack = _delete_or_fail


# ---- what moto and boto do again and again ------------------------------------------------------


def _load_few_images(self):
    """A few of the 1,300 images of a region; moto makes a volume and a snapshot of each."""
    for image in amis.AMIS[:3]:
        known = {**image, "owner_alias": "amazon"}
        self.amis[image["ami_id"]] = amis.Ami(self, **known)


_read_model = functools.cache(functools.partial(JSONFileLoader.load_file, JSONFileLoader()))

amis.AmiBackend._load_amis = _load_few_images
JSONFileLoader.load_file = lambda _self, path: _read_model(path)  # sessions share no models
eks_utils.Session = functools.cache(Session)  # one for each check of a role's name
responses.method_names_from_class = functools.cache(responses.method_names_from_class)

_parse_template = functools.cache(cfn_models.Stack.parse_template)
cfn_models.Stack.parse_template = staticmethod(lambda text: copy.deepcopy(_parse_template(text)))
