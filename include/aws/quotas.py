"""Checks that the account's quotas leave room for one more cluster."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from include.aws.problems import is_absent
from include.checks import Check, failed, passed

if TYPE_CHECKING:
    from collections.abc import Callable

# On-demand vCPU quotas by the letters that an instance type starts with; all others are the
# "standard" ones. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-on-demand-instances.html
VCPU_QUOTAS = {
    "hpc": ("L-F7808C92", "Running On-Demand HPC instances"),
    "p": ("L-417A185B", "Running On-Demand P instances"),
    "g": ("L-DB2E81BA", "Running On-Demand G and VT instances"),
    "vt": ("L-DB2E81BA", "Running On-Demand G and VT instances"),
    "trn": ("L-2C3B7624", "Running On-Demand Trn instances"),
    "x": ("L-7295265B", "Running On-Demand X instances"),
}
STANDARD = ("L-1216C47A", "Running On-Demand Standard instances")
VPCS = "L-F678F1CE"
ADDRESSES = "L-0263D0A3"
RAISE = "ask AWS to raise it (Service Quotas, quota {code}), which may take days"


def vcpus(client: Callable[[str], Any], *, instance_type: str, needed: int) -> Check:
    """Check the quota of the type's family against current and planned use."""
    name = "quota of vCPUs"
    letters = _letters(instance_type)
    code, title = VCPU_QUOTAS.get(letters, STANDARD)
    limit = _limit(client("service-quotas"), service="ec2", code=code)
    used = _running_vcpus(client("ec2"), code=code)
    quota_text = f"{title}: {limit:.0f}, in use {used}, needed {needed}"
    if used + needed > limit:
        return failed(name, quota_text, remedy=RAISE.format(code=code))
    return passed(name, quota_text)


def vpcs(client: Callable[[str], Any]) -> Check:
    """Check for one more VPC."""
    limit = _limit(client("service-quotas"), service="vpc", code=VPCS)
    pages = client("ec2").get_paginator("describe_vpcs").paginate()
    used = sum(len(page["Vpcs"]) for page in pages)
    return _one_more("quota of VPCs", used=used, limit=limit, code=VPCS)


def addresses(client: Callable[[str], Any]) -> Check:
    """Check for one more Elastic IP address."""
    limit = _limit(client("service-quotas"), service="ec2", code=ADDRESSES)
    used = len(client("ec2").describe_addresses()["Addresses"])
    return _one_more("quota of Elastic IPs", used=used, limit=limit, code=ADDRESSES)


def _one_more(name: str, *, used: int, limit: float, code: str) -> Check:
    quota_text = f"{limit:.0f}, in use {used}, needed 1"
    if used + 1 > limit:
        remedy = f"delete an unused one, or {RAISE.format(code=code)}"
        return failed(name, quota_text, remedy=remedy)
    return passed(name, quota_text)


def _limit(quotas: Any, *, service: str, code: str) -> float:
    """The account's quota, or AWS's default where it has none of its own."""
    try:
        quota = quotas.get_service_quota(ServiceCode=service, QuotaCode=code)
    except ClientError as err:
        if not is_absent(err) and "NoSuchResource" not in str(err):
            raise
        quota = quotas.get_aws_default_service_quota(ServiceCode=service, QuotaCode=code)
    value: float = quota["Quota"]["Value"]
    return value


def _running_vcpus(ec2: Any, *, code: str) -> int:
    """VCPUs of the instances that already count against the quota, by their types' defaults."""
    states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    pages = ec2.get_paginator("describe_instances").paginate(Filters=states)
    types = Counter(
        instance["InstanceType"]
        for page in pages
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
        if VCPU_QUOTAS.get(_letters(instance["InstanceType"]), STANDARD)[0] == code
        and instance.get("InstanceLifecycle") != "spot"
    )
    if not types:
        return 0
    pages = ec2.get_paginator("describe_instance_types").paginate(InstanceTypes=list(types))
    return sum(
        types[row["InstanceType"]] * int(row["VCpuInfo"]["DefaultVCpus"])
        for page in pages
        for row in page["InstanceTypes"]
    )


def _letters(instance_type: str) -> str:
    """The family's letters, `hpc` of `hpc6a.48xlarge`."""
    match = re.match(r"[a-z]+", instance_type)
    return match[0] if match else ""
