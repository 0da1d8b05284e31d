"""Kinds of Kubernetes objects, and the properties of a controller."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, kw_only=True)
class ResourceKind:
    """Kind of object, and the place where the API server keeps it."""

    group: str  # "" for the core group
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """Version as in a manifest: `group/version`, or `version` alone for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


class Origin(StrEnum):
    """Sources of a controller's version."""

    PINNED = "pinned"  # the adapter's own
    PROGRAM = "program"  # named by a study, as the others: a file, with the pinned manifests
    MODULE = "module"  # another version of its Go module, with that one's manifests
    MANIFEST = "manifest"  # what a manifest for clusters says


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A token bucket's limit."""

    qps: int  # per second on average
    burst: int  # requests at once


@dataclass(frozen=True, kw_only=True)
class Controller:
    """A controller that must run before its custom resources mean anything."""

    name: str  # also its binary's name and its credential's common name
    version: str
    namespace: str
    crd_name: str  # its custom resource definition, `plural.group`
    go_module: str  # the pinned module with the manifests below
    crd_files: tuple[str, ...]  # paths in the module; a later file of one name is a patch
    deployment_file: str  # path in the module: everything for an in-cluster installation
    manifest_url: str = ""  # the same deployment, for clusters without the module; "": none
    manifest_sha256: str = ""
    advice: str = ""  # command that installs it without such a file
    cluster_role: str  # the ClusterRole in the deployment, which the controller needs
    process_arguments: tuple[
        str, ...
    ]  # host command; {kubeconfig}, {namespace} and free ports are filled in
    # Arguments that set its client's rate, and its event queue's, where possible.
    client_arguments: tuple[str, ...] = ()  # {qps}, {burst}
    client_config: str = ""  # or lines of its configuration, as YAML: {qps}, {burst}
    queue_arguments: tuple[str, ...] = ()  # {queue_qps}, {queue_burst}
    client_rate: Rate | None = None  # upstream's own limit on its requests to the API server
    queue_rate: Rate | None = None  # upstream's own limit on processed events
    elects_leader: bool = False  # the host process elects a leader by a Lease in its namespace
    commit: str = ""  # commit of the module, where no release is pinned
    deployment: str = ""  # name of its Deployment, if different from its own
    package: str = ""  # Go package of its program, if not the module itself
    tool: str = ""  # folder of `tools/` that pins one outside the setup
    more_crds: tuple[str, ...] = ()  # definitions besides `crd_name`
    health_path: str = "/healthz"
    # Upstream's configuration file in the module, and our changes to it, as YAML:
    # {config} of the command is the merged file. Its values include {webhook_port}.
    config_file: str = ""
    config: str = ""
    webhook_files: tuple[str, ...] = ()  # paths of its webhook configurations in the module
    webhook_pods: str = ""  # label of the only pods that its webhooks are called for
    # More objects in its namespace that it needs as a process, as YAML: {user} is its own.
    own_objects: str = ""
    needs: tuple[Controller, ...] = ()  # controllers that must run before it
    program: str = ""  # path of another build; "": the one on PATH or pinned
    origin: Origin = Origin.PINNED  # of its program and its manifests

    @property
    def in_order(self) -> tuple[Controller, ...]:
        """The controllers that it needs and itself, in order of installation."""
        return tuple(dict.fromkeys((*(c for each in self.needs for c in each.in_order), self)))

    @property
    def crd_names(self) -> tuple[str, ...]:
        """All its custom resource definitions."""
        return (self.crd_name, *self.more_crds)

    @property
    def module_files(self) -> tuple[str, ...]:
        """Paths in the module of everything that an installation as a process needs."""
        config = (self.config_file,) if self.config_file else ()
        return (*self.crd_files, self.deployment_file, *config, *self.webhook_files)

    @property
    def deployment_name(self) -> str:
        """Name of its Deployment in a cluster."""
        return self.deployment or self.name


CONFIG_MAP = ResourceKind(group="", version="v1", plural="configmaps", kind="ConfigMap")
CUSTOM_RESOURCE_DEFINITION = ResourceKind(
    group="apiextensions.k8s.io",
    version="v1",
    plural="customresourcedefinitions",
    kind="CustomResourceDefinition",
    namespaced=False,
)
DAEMON_SET = ResourceKind(group="apps", version="v1", plural="daemonsets", kind="DaemonSet")
DEPLOYMENT = ResourceKind(group="apps", version="v1", plural="deployments", kind="Deployment")
EVENT = ResourceKind(group="", version="v1", plural="events", kind="Event")
JOB = ResourceKind(group="batch", version="v1", plural="jobs", kind="Job")
NAMESPACE = ResourceKind(
    group="", version="v1", plural="namespaces", kind="Namespace", namespaced=False
)
NODE = ResourceKind(group="", version="v1", plural="nodes", kind="Node", namespaced=False)
LEASE = ResourceKind(group="coordination.k8s.io", version="v1", plural="leases", kind="Lease")
POD = ResourceKind(group="", version="v1", plural="pods", kind="Pod")
SECRET = ResourceKind(group="", version="v1", plural="secrets", kind="Secret")
SERVICE = ResourceKind(group="", version="v1", plural="services", kind="Service")
