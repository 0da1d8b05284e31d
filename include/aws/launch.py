"""Launch parameters of a study's machines, from AWS's description of their types."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from include.aws import templates
from include.aws.problems import code_of
from include.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Mapping

IMAGES = {"x86_64": "AL2023_x86_64_STANDARD", "arm64": "AL2023_ARM_64_STANDARD"}
# Types with accelerators: the standard image has no driver for them.
WITH_GPUS, WITH_NEURON = "AL2023_x86_64_NVIDIA", "AL2023_x86_64_NEURON"
BLOCK, ON_DEMAND = "CAPACITY_BLOCK", "ON_DEMAND"  # capacity types of a node group
GROUPS = [{"Fn::GetAtt": ["Cluster", "ClusterSecurityGroupId"]}, {"Ref": "EfaGroup"}]


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """Properties of an instance type, for a launch and the checks before it."""

    name: str
    vcpus: int
    cores: int  # physical cores
    memory_mib: int
    network_cards: int
    efa_interfaces: int
    network_gbit: str
    architectures: tuple[str, ...]
    interfaces: int  # maximum per machine
    addresses_per_interface: int
    usage_classes: tuple[str, ...]
    ami_type: str | None  # None: EKS has no image for its processors

    @property
    def has_efa(self) -> bool:
        """True if pods can be offered EFA."""
        return self.efa_interfaces > 0


def describe(ec2: Any, name: str) -> InstanceType:
    """The instance type from DescribeInstanceTypes; ClusterError if the region lacks it."""
    try:
        row = ec2.describe_instance_types(InstanceTypes=[name])["InstanceTypes"][0]
    except ClientError as err:
        if code_of(err) != "InvalidInstanceType":
            raise
        msg = f"the region has no instance type {name}"
        raise ClusterError(msg) from err
    network = row["NetworkInfo"]
    return InstanceType(
        name=name,
        vcpus=row["VCpuInfo"]["DefaultVCpus"],
        cores=row["VCpuInfo"]["DefaultCores"],
        memory_mib=row["MemoryInfo"]["SizeInMiB"],
        network_cards=network.get("MaximumNetworkCards", 1),
        efa_interfaces=_efa_interfaces(network),
        network_gbit=network["NetworkPerformance"],
        architectures=tuple(row["ProcessorInfo"]["SupportedArchitectures"]),
        interfaces=network["MaximumNetworkInterfaces"],
        addresses_per_interface=network["Ipv4AddressesPerInterface"],
        usage_classes=tuple(row.get("SupportedUsageClasses", ())),
        ami_type=_ami_type(row),
    )


def _efa_interfaces(network: Mapping[str, Any]) -> int:
    if not network.get("EfaSupported"):
        return 0
    count: int = network["EfaInfo"]["MaximumEfaInterfaces"]
    return count


def _ami_type(row: Mapping[str, Any]) -> str | None:
    known = [name for name in row["ProcessorInfo"]["SupportedArchitectures"] if name in IMAGES]
    if not known:
        return None
    if known[0] == "x86_64" and row.get("GpuInfo"):
        return WITH_GPUS
    if known[0] == "x86_64" and row.get("NeuronInfo"):
        return WITH_NEURON
    return IMAGES[known[0]]


def network_interfaces(machine: InstanceType) -> list[dict[str, Any]]:
    """The launch template's `NetworkInterfaces`; none for a type without EFA.

    The first card carries addresses and EFA. A card behind it carries EFA alone, as it would take
    addresses that nobody uses, and has device index 1 (AWS's P5 and hpc7a examples of efa-start).
    Where a type has one more card than EFA interfaces, its first card has none.
    No SubnetId: managed node groups refuse it. Without this list EKS adds the cluster's group.
    """
    if not machine.has_efa:
        return []
    plain_first = 1 < machine.efa_interfaces < machine.network_cards
    first = {"InterfaceType": "interface" if plain_first else "efa"}
    behind = machine.efa_interfaces - (0 if plain_first else 1)
    others = [{"InterfaceType": "efa-only"} for _ in range(behind)]
    return [
        {
            "DeviceIndex": 0 if card == 0 else 1,
            "NetworkCardIndex": card,
            **kind,
            "DeleteOnTermination": True,
            "Groups": GROUPS,
        }
        for card, kind in enumerate([first, *others])
    ]


def stack_template(machine: InstanceType, parameters: Mapping[str, str]) -> dict[str, Any]:
    """The template of a study's stack for workers of that type and these parameters.

    Without the guard's roles nothing may depend on its schedule. A Capacity Block is prepaid,
    and its machines are close together without a placement group.
    """
    template = templates.read("stack.yaml")
    data = template["Resources"]["NodeTemplate"]["Properties"]["LaunchTemplateData"]
    is_block = parameters["CapacityType"] == BLOCK
    if cards := network_interfaces(machine):
        data["NetworkInterfaces"] = cards
    if is_block:
        data["InstanceMarketOptions"] = {"MarketType": "capacity-block"}
    if is_block or not machine.has_efa:
        del data["Placement"]
    if not parameters["SelfDestructRoleArn"]:
        _leave_out(template, "SelfDestruct")
    return template


def drill_template() -> dict[str, Any]:
    """A network, a security group, and the schedule that deletes them: the guard, free of charge.

    All parts are the stack's own, so what works here works there.
    """
    template = templates.read("stack.yaml")
    kept = ("Vpc", "EfaGroup", "SelfDestruct")
    template["Resources"] = {name: template["Resources"][name] for name in kept}
    text = json.dumps([template["Resources"], template["Rules"]])
    parameters = template["Parameters"].items()
    del template["Conditions"]
    template["Parameters"] = {
        k: v for k, v in parameters if f'"{k}"' in text or f"${{{k}}}" in text
    }
    return template


def _leave_out(template: dict[str, Any], name: str) -> None:
    """Remove a resource, and every `DependsOn` that names it."""
    del template["Resources"][name]
    for resource in template["Resources"].values():
        given = resource.get("DependsOn", [])
        kept = [each for each in ([given] if isinstance(given, str) else given) if each != name]
        resource.pop("DependsOn", None)
        if kept:
            resource["DependsOn"] = kept


def body(template: Mapping[str, Any]) -> str:
    """The template as text for CloudFormation: at most 51,200 bytes in one call."""
    return json.dumps(template, separators=(",", ":"))
