"""The rights of bootstrap.yaml: all that CloudFormation's own handlers and our calls need, no more.

The schema of a resource type, which cfn-lint carries, lists the rights of each of its handlers.
"""

from __future__ import annotations

import copy
import functools
from fnmatch import fnmatch

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from include.aws.rights import POLICIES
from include.aws.templates import resources

REGION = "us-east-1"
MAKING, DELETING = ("create", "read", "delete"), ("read", "delete")
TYPES = sorted({made["Type"] for made in resources("stack.yaml").values()})
# What handlers call for properties and events that our template does not have.
OF_OTHER_TEMPLATES = {
    "AWS::EC2::EIP": {"ec2:AcceptAddressTransfer", "ec2:AssociateAddress"},
    "AWS::EC2::LaunchTemplate": {"ec2:DeleteTags"},
    "AWS::EC2::SubnetRouteTableAssociation": {"ec2:ReplaceRouteTableAssociation"},
    "AWS::EC2::VPC": {"ec2:CreateVpcEncryptionControl"},
    "AWS::EC2::VPCEndpoint": {  # a gateway's has neither tags to change nor a service network
        "ec2:CreateTags",
        "ec2:DeleteTags",
        "vpc-lattice:CreateServiceNetworkVpcEndpointAssociation",
        "vpc-lattice:DescribeServiceNetworkVpcEndpointAssociation",
        "vpce:AllowMultiRegion",
    },
    "AWS::EC2::VPCGatewayAttachment": {"ec2:AttachVpnGateway", "ec2:DetachVpnGateway"},
    "AWS::EKS::Addon": {"eks:CreatePodIdentityAssociation"},
    "AWS::EKS::Cluster": {  # of its automatic mode, and of secrets under a key of one's own
        "iam:AddRoleToInstanceProfile",
        "iam:CreateInstanceProfile",
        "iam:DeleteInstanceProfile",
        "iam:GetInstanceProfile",
        "iam:RemoveRoleFromInstanceProfile",
        "iam:TagInstanceProfile",
        "kms:CreateGrant",
        "kms:DescribeKey",
    },
    "AWS::EKS::Nodegroup": {"ec2:DeleteTags"},
    "AWS::IAM::Role": {"iam:PutRolePolicy", "iam:UntagRole"},  # inline policies, changed tags
}
OUR_CALLS = {
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeScalingActivities",
    "autoscaling:TerminateInstanceInAutoScalingGroup",
    "cloudformation:CreateStack",
    "cloudformation:DeleteStack",
    "cloudformation:DescribeStackEvents",
    "cloudformation:DescribeStackResource",
    "cloudformation:DescribeStacks",
    "ec2:CancelCapacityReservation",
    "ec2:CreateCapacityReservation",
    "ec2:CreateLaunchTemplateVersion",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeRegions",
    "ec2:GetConsoleOutput",
    "ec2:ModifyCapacityReservation",
    "ec2:TerminateInstances",
    "eks:UpdateNodegroupConfig",
    "eks:UpdateNodegroupVersion",
    "iam:SimulatePrincipalPolicy",
    "pricing:GetProducts",
    "servicequotas:GetAWSDefaultServiceQuota",
    "servicequotas:GetServiceQuota",
    "scheduler:UpdateSchedule",
    "ssm:GetParameter",
    "sts:GetCallerIdentity",
}
# No handler lists these. They end what is a study's, so they stay until a real deletion was seen.
TO_BE_SURE = {
    "ec2:DeleteLaunchTemplateVersions",
    "ec2:DetachNetworkInterface",
    "eks:DisassociateAccessPolicy",
    "iam:ListInstanceProfilesForRole",
}


@functools.cache
def called(kind, handlers):
    """The rights that a type's handlers call for, apart from those of other templates."""
    listed = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema["handlers"]
    wanted = {right for name in handlers for right in listed[name]["permissions"]}
    return frozenset(wanted - OF_OTHER_TEMPLATES.get(kind, set()))


def statements(template, *policies):
    for policy in policies:
        yield from template[policy]["Properties"]["PolicyDocument"]["Statement"]


def actions_of(statement):
    given = statement["Action"]
    return [given] if isinstance(given, str) else given


def allowed(template, *policies):
    return [a for statement in statements(template, *policies) for a in actions_of(statement)]


def lacking(template, *policies, handlers):
    """Rights that the handlers of the stack's types need and the policies do not give."""
    given = allowed(template, *policies)
    wanted = frozenset().union(*(called(kind, handlers) for kind in TYPES))
    return sorted(right for right in wanted if not any(fnmatch(right, each) for each in given))


def without(template, action):
    """The template with an action taken out of all its policies."""
    changed = copy.deepcopy(template)
    for statement in statements(changed, *POLICIES):
        statement["Action"] = [a for a in actions_of(statement) if a != action]
    return changed


@pytest.fixture
def bootstrap():
    return resources("bootstrap.yaml")


def test_every_type_of_the_stack_says_what_it_calls():
    assert len(TYPES) > 20
    assert all(called(kind, MAKING) for kind in TYPES)


def test_pipeline_may_do_all_that_cloudformation_says_it_does(bootstrap):
    assert lacking(bootstrap, *POLICIES, handlers=MAKING) == []


def test_deletion_role_may_do_all_that_a_deletion_takes(bootstrap):
    left_out = ["iam:TagRole"]  # CloudFormation lists it, and a role that is deleted needs no tag
    assert lacking(bootstrap, "DeletionPolicy", handlers=DELETING) == left_out


@pytest.mark.parametrize(
    "action",
    ["ec2:CreateNatGateway", "ec2:DeleteNatGateway", "eks:CreateNodegroup", "eks:DeleteCluster"],
)
def test_right_that_is_taken_away_is_missed(bootstrap, action):
    assert lacking(without(bootstrap, action), *POLICIES, handlers=MAKING) == [action]


def test_no_right_is_given_that_nothing_needs(bootstrap):
    wanted = frozenset().union(*(called(kind, MAKING) for kind in TYPES)) | OUR_CALLS
    unneeded = {
        given
        for given in allowed(bootstrap, *POLICIES)
        if not any(fnmatch(right, given) for right in wanted)
    }
    assert unneeded == TO_BE_SURE


def test_rights_with_a_star_only_look(bootstrap):
    """Preflight cannot simulate them, so a missing one must not cost anything."""
    stars = {a for a in allowed(bootstrap, *POLICIES) if "*" in a}
    assert stars == {"ec2:Describe*", "eks:Describe*", "eks:List*"}


def without_limit(template):
    """Statements that reach every resource of the account and have no condition."""
    return {
        statement["Sid"]
        for statement in statements(template, *POLICIES)
        if statement["Resource"] == "*" and "Condition" not in statement
    }


def test_what_is_not_limited_to_studies_only_looks_or_is_of_ec2(bootstrap):
    assert without_limit(bootstrap) == {
        "Look",
        "LookAndAsk",
        "MakeNetwork",
        "DeleteWhatMayBeUntagged",
    }


@pytest.mark.parametrize("sid", ["Stacks", "MakeCluster", "MakeRoles", "DeleteRoles"])
def test_limit_that_is_taken_away_is_missed(bootstrap, sid):
    changed = copy.deepcopy(bootstrap)
    (found,) = (s for s in statements(changed, *POLICIES) if s["Sid"] == sid)
    found["Resource"] = "*"
    assert sid in without_limit(changed)
