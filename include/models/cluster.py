"""A cluster: its names, and how to use it once it exists."""

from __future__ import annotations

from pydantic import AwareDatetime, JsonValue

from include.base_model import DnsLabel, Model, Positive


class Placement(Model):
    """Nodes on which a kind of pod may run."""

    node_selector: dict[str, str] = {}
    tolerations: tuple[dict[str, JsonValue], ...] = ()


class Reservation(Model):
    """The future names of a cluster, fixed before anything is created."""

    study_id: DnsLabel
    cluster: str  # name of the cluster adapter
    namespace: DnsLabel  # namespace of the jobs
    nodes: Positive  # nodes that can carry ranks
    expires_at: AwareDatetime
    options: dict[str, JsonValue] = {}


class ClusterHandle(Reservation):
    """An existing cluster: everything a worker needs to use it, and no secret."""

    kubernetes_version: str
    instance_type: str | None
    image: str
    image_digest: str | None  # None when only the pods know the registry's digest
    image_pull_policy: str
    launcher_image: str | None = None  # an operator's launcher; None: the operator's default
    launcher_image_digest: str | None = None
    launcher: Placement = Placement()
    worker: Placement = Placement()
    environment: dict[str, str] = {}  # ranks' environment for the nodes' hardware; the study's wins
    image_pull_secret: DnsLabel | None = None  # name of a Secret in the namespace
    shared_memory: str | None = None  # size of /dev/shm in a rank's pod; None: 64 MiB
    worker_nodes: tuple[str, ...] = ()  # host names of the nodes for workers, in order
    absent_nodes: tuple[str, ...] = ()  # those of `worker_nodes` that are gone
    may_be_smaller: bool = False  # points that are too large for the existing workers are left out
    simulated: bool = False
    time_scale: float = 1.0  # simulated waiting, as a share of the drawn time
    notes: tuple[str, ...] = ()  # facts that a reader of the report must know
