"""Options of a study's cluster on AWS."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from include.base_model import Model, Positive
from include.models.pod_resources import Amount

Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
InstanceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$")]
Zone = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$")]
OWNER = "operator-benchmark"


class Options(Model):
    """`cluster_options` of a study on EKS."""

    region: Region = "us-east-2"
    zone: Zone | None = None  # None: the region's only zone that offers the instance type
    instance_type: InstanceName = "hpc6a.48xlarge"  # type of the workers
    launcher_type: InstanceName | None = None  # runs no ranks; None: the workers' type
    nodes: Positive | None = None  # workers; None: as many as the largest point needs
    min_nodes: Positive | None = None  # fewest workers to start with; None: all
    kubernetes_version: Annotated[str, StringConstraints(pattern=r"^1\.[0-9]{2}$")] = "1.35"
    capacity_reservation: Annotated[str, StringConstraints(pattern=r"^cr-[0-9a-f]+$")] | None = None
    reserve: bool = False  # the study reserves its own workers, all or none, for its duration
    placement_group: str | None = None  # the reservation's own group; None: the stack makes one
    owner: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.@+=-]{1,60}$")] = OWNER
    api_cidr: Annotated[str, StringConstraints(pattern=r"^[0-9.]+/[0-9]{1,2}$")] = "0.0.0.0/0"
    shared_memory: Amount | None = "8Gi"  # size of /dev/shm in a rank's pod; None: 64 MiB
    session_manager: bool = False  # shell on the nodes by AWS Systems Manager
    self_destruct: bool = True  # False: for an account without the roles of bootstrap.yaml
    hourly_price_usd: float | None = Field(default=None, ge=0)  # one node's; None: AWS's list

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.reserve and self.capacity_reservation:
            raise ValueError("reserve: capacity_reservation is set too; use only one of them")
        if self.min_nodes and self.nodes and self.min_nodes > self.nodes:
            raise ValueError(f"min_nodes: {self.min_nodes} is more than nodes ({self.nodes})")
        return self

    @property
    def launcher(self) -> str:
        """Instance type of the launcher's node."""
        return self.launcher_type or self.instance_type

    @property
    def has_small_launcher(self) -> bool:
        """True if the launcher's node has its own price."""
        return self.launcher != self.instance_type


def notes_of(options: Options, *, has_efa: bool) -> tuple[str, ...]:
    """Notes on the cluster's machines for the report."""
    reserved = options.capacity_reservation or ("of its own" if options.reserve else None)
    held = f"in the reservation {reserved}" if reserved else "on demand, without a reservation"
    size = options.shared_memory or "the 64 MiB of the runtime"
    return (
        f"{options.instance_type} in {options.region}, {held}",
        f"the launcher's node: {options.launcher}, outside the placement group, without EFA",
        f"shared memory of a rank's pod: {size}",
        *(() if has_efa else (f"{options.instance_type} has no EFA: MPI went over TCP",)),
        *(() if options.self_destruct else ("AWS would not have deleted the cluster by itself",)),
    )
