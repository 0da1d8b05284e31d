"""Image registries on AWS: EKS's own by region, and the price of all others."""

from __future__ import annotations

import re

from include.checks import Check, passed, unknown
from include.errors import ClusterError

PLUGIN = "eks/aws-efa-k8s-device-plugin:v0.5.20"
# Accounts of EKS's own images: https://docs.aws.amazon.com/eks/latest/userguide/add-ons-images.html
OF_MOST_REGIONS = "602401143452"
FIRST_REGIONS = frozenset(
    {
        *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1"),
        *("ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1", "eu-north-1"),
        *("eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1"),
        *("us-east-1", "us-east-2", "us-west-1", "us-west-2"),
    }
)
ACCOUNTS = dict.fromkeys(FIRST_REGIONS, OF_MOST_REGIONS) | {
    "af-south-1": "877085696533",
    "ap-east-1": "800184023465",
    "ap-east-2": "533267051163",
    "ap-south-2": "900889452093",
    "ap-southeast-3": "296578399912",
    "ap-southeast-4": "491585149902",
    "ap-southeast-5": "151610086707",
    "ap-southeast-6": "333609536671",
    "ap-southeast-7": "121268973566",
    "ca-west-1": "761377655185",
    "cn-north-1": "918309763551",
    "cn-northwest-1": "961992271922",
    "eu-central-2": "900612956339",
    "eu-south-1": "590381155156",
    "eu-south-2": "455263428931",
    "il-central-1": "066635153087",
    "me-central-1": "759879836304",
    "me-south-1": "558608220178",
    "mx-central-1": "730335286997",
    "us-gov-east-1": "151742754352",
    "us-gov-west-1": "013241004608",
}
NAT_USD_PER_GB = 0.045  # United States, by AWS's pages on 2026-11
DEFAULT_REGISTRY = "docker.io"
_ECR = re.compile(r"[0-9]{12}\.dkr[.-]ecr\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)")


def device_plugin(region: str) -> str:
    """The image of EFA's device plugin in a region; ClusterError where AWS has none."""
    account = ACCOUNTS.get(region)
    if account is None:
        msg = (
            f"no account of EKS's own images is known for {region}, and so no image of EFA's "
            "device plugin: use another region"
        )
        raise ClusterError(msg)
    suffix = ".cn" if region.startswith("cn-") else ""
    return f"{account}.dkr.ecr.{region}.amazonaws.com{suffix}/{PLUGIN}"


def registry_of(image: str) -> str:
    """The registry in an image's reference, as containerd reads it."""
    first, slash, _ = image.partition("/")
    is_host = bool(slash) and (first == "localhost" or bool({".", ":"} & set(first)))
    return first if is_host else DEFAULT_REGISTRY


def images(references: tuple[str, ...], *, region: str, nodes: int) -> Check:
    """Check the source of the workers' images: the region's ECR, or others by the NAT gateway."""
    name = "images"
    far = [each for each in dict.fromkeys(references) if not _is_near(each, region)]
    if not far:
        return passed(name, f"in ECR of {region}: their layers bypass the NAT gateway")
    usd = nodes * NAT_USD_PER_GB
    finding = (
        f"{', '.join(far)} through the NAT gateway, ${usd:,.2f} per GB on {nodes} nodes that "
        "wait for it, all from one address, which public registries may refuse"
    )
    return unknown(name, finding, remedy=f"copy to ECR of {region} (docs/aws.md)")


def _is_near(image: str, region: str) -> bool:
    match = _ECR.fullmatch(registry_of(image))
    return match is not None and match[1] == region
