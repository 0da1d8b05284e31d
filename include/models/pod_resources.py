"""Requests of a pod: names and amounts of resources in Kubernetes' notation."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

# Names that the API server accepts for a container: pkg/apis/core/validation of Kubernetes.
NAME = re.compile(
    r"cpu|memory|ephemeral-storage|hugepages-[1-9][0-9]*[KMG]i"
    r"|[a-z0-9]([-.a-z0-9]*[a-z0-9])?/[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?"
)
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
AMOUNT = re.compile(r"[0-9]+(\.[0-9]+)?([mkMGTP]|[KMGTP]i)?")


def _name(text: str) -> str:
    if NAME.fullmatch(text):
        return text
    raise ValueError(
        "is no resource of a pod; choose cpu, memory, ephemeral-storage, hugepages-2Mi or a "
        "device as vendor.com/name"
    )


def _amount(text: str) -> str:
    if AMOUNT.fullmatch(text):
        return text
    raise ValueError("is no amount; write it as 2, 500m or 512Mi")


Amount = Annotated[str, AfterValidator(_amount)]
PodResources = dict[Annotated[str, AfterValidator(_name)], Amount]
