"""AWS's offers in the study's region: instance types, network cards, versions."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from include.aws import parameters, templates
from include.aws.nodes import EFA
from include.checks import Check, failed, passed
from include.kube import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from include.aws.launch import InstanceType
    from include.aws.settings import Options
    from include.models import Study

IN_SUPPORT = "STANDARD_SUPPORT"
RESERVED_ADDRESSES = 5  # addresses that AWS reserves in each subnet
# Deductions from each node's memory, from capacity and allocatable of run 6's 65 nodes in its
# cluster.log; the sources of the image, amazon-eks-ami, agree.
KERNEL_SHARE = 0.037  # share of the type's nominal memory that the kernel takes
HUGE_PAGE_MIB = 2
EFA_MIB_PER_VCPU = 110 * HUGE_PAGE_MIB  # huge pages that the image sets aside for EFA, plus one
KEPT_MIB = 255 + 100  # kubelet's reservation plus the eviction threshold
KEPT_MIB_PER_POD = 11
PODS_BESIDE = 2  # pods on the host network, which need no secondary address
# One interface per node, by the settings of the network plugin in stack.yaml.
ADDRESSES_PER_NODE = 16  # its own, at least eight, four in reserve, and some system pods
MOST_NODES = 450  # EKS's quota for a managed node group
RANKS_PER_EFA = 128  # limit of contexts on one device, ofiwg/libfabric#9356


def zones(client: Callable[[str], Any], options: Options) -> Check:
    """The zone that offers the type, and a second one for the control plane."""
    ec2 = client("ec2")
    zone = parameters.node_zone(ec2, options)
    second = parameters.second_zone(ec2, zone)
    return passed("zone", f"{zone} offers {options.instance_type}; control plane also in {second}")


def network_cards(machine: InstanceType) -> Check:
    """Check that the nodes' image supports the processors, and report the EFA cards."""
    name, has = machine.name, ", ".join(machine.architectures)
    if machine.ami_type is None:
        remedy = "choose a type with x86_64 or arm64 processors, such as hpc6a.48xlarge"
        return failed("instance type", f"EKS has no node image for {name} ({has})", remedy=remedy)
    plural = "s" if machine.efa_interfaces > 1 else ""
    cards = (
        f"EFA on {machine.efa_interfaces} card{plural}"
        if machine.has_efa
        else "NO EFA, so MPI goes over TCP"
    )
    described = f"{name}: {machine.vcpus} vCPUs ({has}), {cards}, {machine.network_gbit}"
    return passed("instance type", described)


def room(machine: InstanceType, pod_resources: Mapping[str, str]) -> Check:
    """Check a pod's requests against the type's capacity after the kernel, EFA and EKS."""
    huge_mib = _huge_pages_mib(machine)
    pods = machine.interfaces * (machine.addresses_per_interface - 1) + PODS_BESIDE
    kept_mib = huge_mib + KEPT_MIB + KEPT_MIB_PER_POD * pods
    offered = {
        "cpu": f"{1000 * machine.vcpus - _kept_millicores(machine.vcpus)}m",
        "memory": f"{int(machine.memory_mib * (1 - KERNEL_SHARE)) - kept_mib}Mi",
        "hugepages-2Mi": f"{huge_mib}Mi",
        EFA: str(machine.efa_interfaces),
    }
    asked = {key: amount for key, amount in pod_resources.items() if key in offered}
    return fit.check(asked, offered, whose=machine.name)


def misfit(study: Study, options: Options) -> str | None:
    """Reason why such machines do not fit the study, as far as known without AWS, or None."""
    workers = options.nodes or max(study.nodes)
    if max(study.nodes) > workers:
        return (
            f"study asks for {max(study.nodes)} nodes, cluster_options.nodes is {workers}: "
            "lower `nodes`, or raise `cluster_options.nodes`"
        )
    if options.min_nodes and options.min_nodes < min(study.nodes):
        return f"min_nodes: {options.min_nodes} workers are too few for any size"
    return too_many_ranks(study.pod_resources, ranks_per_node=study.ranks_per_node)


def too_many_ranks(pod_resources: Mapping[str, str], *, ranks_per_node: int) -> str | None:
    """The problem with that many ranks on the pod's EFA devices, None without one."""
    devices = int(pod_resources.get(EFA, "0"))
    if not devices or ranks_per_node <= RANKS_PER_EFA * devices:
        return None
    return (
        f"ranks_per_node: {ranks_per_node} on {devices} EFA device(s), each of which "
        f"has room for {RANKS_PER_EFA}: ask for more of {EFA} in pod_resources, where the "
        "instance type has them"
    )


def _huge_pages_mib(machine: InstanceType) -> int:
    return EFA_MIB_PER_VCPU * machine.vcpus + HUGE_PAGE_MIB if machine.has_efa else 0


def _kept_millicores(vcpus: int) -> int:
    """6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of all others."""
    shares = [60, 10, 5, 5][:vcpus]
    return sum(shares) + int(2.5 * max(0, vcpus - len(shares)))


def subnets(*, nodes: int) -> Check:
    """Check the nodes' addresses against the subnet, and their number against the quota."""
    if nodes > MOST_NODES:
        remedy = "ask for fewer nodes: only AWS support can raise that quota of EKS"
        return failed("subnet", f"a node group has {MOST_NODES} nodes at most", remedy=remedy)
    block = templates.resources("stack.yaml")["PrivateA"]["Properties"]["CidrBlock"]
    free = ipaddress.ip_network(block).num_addresses - RESERVED_ADDRESSES
    taken = nodes * ADDRESSES_PER_NODE
    text = f"{nodes} nodes take up to {taken} of {free} addresses of {block}"
    if taken > free:
        remedy = "ask for fewer nodes, or widen PrivateA in include/manifests/aws/stack.yaml"
        return failed("subnet", text, remedy=remedy)
    return passed("subnet", text)


def kubernetes(client: Callable[[str], Any], version: str) -> Check:
    """A version that EKS offers in standard support; older ones cost six times as much."""
    name = "Kubernetes version"
    pages = client("eks").get_paginator("describe_cluster_versions").paginate()
    rows = [row for page in pages for row in page["clusterVersions"]]
    offered = {row["clusterVersion"]: row.get("versionStatus") for row in rows}
    standard = sorted((v for v, status in offered.items() if status == IN_SUPPORT), key=_key)
    remedy = f"set cluster_options.kubernetes_version to one of {', '.join(standard) or 'none'}"
    if version not in offered:
        return failed(name, f"EKS does not offer {version}", remedy=remedy)
    if version not in standard:
        return failed(name, f"{version} is no longer in standard support", remedy=remedy)
    return passed(name, f"{version}, in standard support")


def _key(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
