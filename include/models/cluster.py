"""A cluster: the names it goes by, and how to use it once it exists."""

from __future__ import annotations

from pydantic import AwareDatetime, JsonValue

from include.base_model import DnsLabel, Model, Positive


class Placement(Model):
    """Where a kind of pod may run."""

    node_selector: dict[str, str] = {}
    tolerations: tuple[dict[str, JsonValue], ...] = ()


class Reservation(Model):
    """The names a cluster will go by, fixed before anything is created."""

    study_id: DnsLabel
    cluster: str  # name of the cluster adapter
    namespace: DnsLabel  # namespace of the jobs
    nodes: Positive  # nodes that can carry ranks
    expires_at: AwareDatetime
    options: dict[str, JsonValue] = {}


class ClusterHandle(Reservation):
    """A cluster that exists: all that a worker needs to use it, and no secret."""

    kubernetes_version: str
    instance_type: str | None
    image: str
    image_digest: str | None  # None when the registry's digest is known only from the pods
    image_pull_policy: str
    launcher_image: str | None = None  # an operator's launcher; None: the operator's default
    launcher_image_digest: str | None = None
    launcher: Placement = Placement()
    worker: Placement = Placement()
    environment: dict[str, str] = {}  # ranks' environment by the nodes' hardware; the study's wins
    image_pull_secret: DnsLabel | None = None  # name of a Secret in the namespace
    shared_memory: str | None = None  # most that /dev/shm of a rank's pod holds; None: 64 MiB
    worker_nodes: tuple[str, ...] = ()  # host names of the nodes that workers may use, in order
    may_be_smaller: bool = False  # points that are too large for the workers there are left out
    simulated: bool = False
    time_scale: float = 1.0  # waiting on simulated nodes, as a share of what was drawn
    notes: tuple[str, ...] = ()  # what a reader of the report must know of this cluster
