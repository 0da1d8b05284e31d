"""What AWS offers where the study wants to run: instance types, network cards, versions."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.aws import parameters, templates
from include.aws.nodes import EFA
from include.checks import Check, failed, passed
from include.kube import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from include.aws.settings import Options

IN_SUPPORT = "STANDARD_SUPPORT"
ARCHITECTURE = "x86_64"  # of the node groups' image in stack.yaml
RESERVED_ADDRESSES = 5  # of each subnet, by AWS
KEPT_MIB = 355  # 255 and 100 below which pods are evicted; 11 more for each pod that may come
WARM_INTERFACES = 2  # the network plugin fills one interface and holds one more full


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """What the checks need to know of an instance type."""

    vcpus: int
    memory_mib: int
    efa_cards: int
    network_gbit: str
    architectures: tuple[str, ...]
    addresses_per_interface: int


def instance_type(ec2: Any, name: str) -> InstanceType:
    """Its properties; ClusterError for a type without EFA or with more cards than we can use."""
    cards = parameters.efa_cards(ec2, name)
    found = ec2.describe_instance_types(InstanceTypes=[name])["InstanceTypes"][0]
    network = found["NetworkInfo"]
    return InstanceType(
        vcpus=found["VCpuInfo"]["DefaultVCpus"],
        memory_mib=found["MemoryInfo"]["SizeInMiB"],
        efa_cards=cards,
        network_gbit=network["NetworkPerformance"],
        architectures=tuple(found["ProcessorInfo"]["SupportedArchitectures"]),
        addresses_per_interface=network["Ipv4AddressesPerInterface"],
    )


def zones(client: Callable[[str], Any], options: Options) -> Check:
    """The zone that offers the type, and a second one for the control plane."""
    ec2 = client("ec2")
    zone = parameters.node_zone(ec2, options)
    second = parameters.second_zone(ec2, zone)
    return passed("zone", f"{zone} offers {options.instance_type}; control plane also in {second}")


def network_cards(found: InstanceType, name: str) -> Check:
    """EFA on one or two cards, of an architecture that the nodes' image has."""
    if ARCHITECTURE not in found.architectures:
        has = ", ".join(found.architectures)
        return failed(
            "instance type",
            f"{name} is {has}, the nodes' image {ARCHITECTURE}",
            remedy="choose a type with x86_64 processors, such as hpc6a.48xlarge",
        )
    plural = "s" if found.efa_cards > 1 else ""
    cards = f"EFA on {found.efa_cards} card{plural}, {found.network_gbit}"
    return passed("instance type", f"{name}: {found.vcpus} vCPUs, {cards}")


def room(found: InstanceType, name: str, pod_resources: Mapping[str, str]) -> Check:
    """A pod's requests, against what the type has less what EKS keeps at the least.

    Source of that: `kubeReserved` and `evictionHard` of the nodes' image, amazon-eks-ami.
    """
    offered = {
        "cpu": f"{1000 * found.vcpus - _kept_millicores(found.vcpus)}m",
        "memory": f"{found.memory_mib - KEPT_MIB}Mi",
        EFA: str(found.efa_cards),
    }
    asked = {key: amount for key, amount in pod_resources.items() if key in offered}
    return fit.check(asked, offered, whose=name)


def _kept_millicores(vcpus: int) -> int:
    """6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of all others."""
    shares = [60, 10, 5, 5][:vcpus]
    return sum(shares) + int(2.5 * max(0, vcpus - len(shares)))


def subnets(found: InstanceType, *, nodes: int) -> Check:
    """Addresses that the network plugin takes on all nodes, against the template's subnet."""
    block = templates.resources("stack.yaml")["PrivateA"]["Properties"]["CidrBlock"]
    free = ipaddress.ip_network(block).num_addresses - RESERVED_ADDRESSES
    per_node = WARM_INTERFACES * found.addresses_per_interface + found.efa_cards - 1
    text = f"{nodes} nodes take up to {nodes * per_node} of {free} addresses of {block}"
    if nodes * per_node > free:
        remedy = "ask for fewer nodes, or widen PrivateA in include/manifests/aws/stack.yaml"
        return failed("subnet", text, remedy=remedy)
    return passed("subnet", text)


def kubernetes(client: Callable[[str], Any], version: str) -> Check:
    """A version that EKS offers in standard support; an older one costs six times as much."""
    name = "Kubernetes version"
    pages = client("eks").get_paginator("describe_cluster_versions").paginate()
    rows = [row for page in pages for row in page["clusterVersions"]]
    offered = {row["clusterVersion"]: row.get("versionStatus") for row in rows}
    standard = sorted((v for v, status in offered.items() if status == IN_SUPPORT), key=_key)
    remedy = f"set cluster_options.kubernetes_version to one of {', '.join(standard) or 'none'}"
    if version not in offered:
        return failed(name, f"EKS does not offer {version}", remedy=remedy)
    if version not in standard:
        return failed(name, f"{version} is no more in standard support", remedy=remedy)
    return passed(name, f"{version}, in standard support")


def _key(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
