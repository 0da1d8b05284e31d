"""The rights that making and deleting a study's stack takes, by CloudFormation's own schemas.

The schema of a resource type, which cfn-lint carries, lists the rights of each of its handlers.
"""

from __future__ import annotations

import functools
from fnmatch import fnmatch

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from include.aws.rights import POLICIES
from include.aws.templates import resources

__all__ = ["POLICIES"]
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


def needed(handlers):
    return frozenset().union(*(called(kind, handlers) for kind in TYPES))


def actions_of(statement):
    given = statement["Action"]
    return [given] if isinstance(given, str) else given


def allowed(statements):
    """The actions that the statements give, with their stars."""
    return {a for s in statements if s["Effect"] == "Allow" for a in actions_of(s)}


def lacking(statements, *, handlers):
    """Rights that the handlers of the stack's types need and the statements do not give."""
    given = allowed(statements)
    return sorted(r for r in needed(handlers) if not any(fnmatch(r, each) for each in given))


def unneeded(statements):
    """Rights that are given and that nothing needs."""
    wanted = needed(MAKING) | OUR_CALLS
    return {g for g in allowed(statements) if not any(fnmatch(right, g) for right in wanted)}
