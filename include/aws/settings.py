"""What a study may say about its cluster on AWS."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from include.models import Model, Positive

Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
Zone = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$")]
OWNER = "operator-benchmark"


class Options(Model):
    """`cluster_options` of a study on EKS."""

    region: Region = "us-east-2"
    zone: Zone | None = None  # None: the one zone of the region that offers the instance type
    instance_type: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$")] = (
        "hpc6a.48xlarge"
    )
    nodes: Positive | None = None  # workers; None: as many as the largest point needs
    kubernetes_version: Annotated[str, StringConstraints(pattern=r"^1\.[0-9]{2}$")] = "1.35"
    capacity_reservation: Annotated[str, StringConstraints(pattern=r"^cr-[0-9a-f]+$")] | None = None
    placement_group: str | None = None  # of the reservation; None: the stack makes one
    owner: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.@+=-]{1,60}$")] = OWNER
    api_cidr: Annotated[str, StringConstraints(pattern=r"^[0-9.]+/[0-9]{1,2}$")] = "0.0.0.0/0"
    self_destruct: bool = True  # False: for an account without the roles of bootstrap.yaml
    hourly_price_usd: float | None = Field(default=None, ge=0)  # of one node; None: AWS's list
