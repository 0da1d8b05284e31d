"""Kinds of Kubernetes objects, and what there is to know of a controller."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ResourceKind:
    """Where the API server keeps a kind of object."""

    group: str  # "" for the core group
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As written in a manifest: `group/version`, or `version` alone for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A token bucket's limit."""

    qps: int  # per second on average
    burst: int  # at once


@dataclass(frozen=True, kw_only=True)
class Controller:
    """A controller that must run before its custom resources mean anything."""

    name: str  # also its binary's name and its credential's common name
    version: str
    namespace: str
    crd_name: str  # its custom resource definition, `plural.group`
    go_module: str  # the pinned module that holds the manifests below
    crd_files: tuple[str, ...]  # paths in the module
    deployment_file: str  # path in the module: everything for an in-cluster installation
    manifest_url: str  # the same deployment, for clusters without the module
    manifest_sha256: str
    cluster_role: str  # the ClusterRole in the deployment that the controller needs
    process_arguments: tuple[
        str, ...
    ]  # host command; {kubeconfig}, {namespace} and free ports are filled in
    # How its client's rate, and that of its queue of events, are set where they can be.
    client_arguments: tuple[str, ...] = ()  # {qps}, {burst}
    queue_arguments: tuple[str, ...] = ()  # {queue_qps}, {queue_burst}
    client_rate: Rate | None = None  # upstream's own limit of its requests to the API server
    queue_rate: Rate | None = None  # upstream's own limit of the events that it takes up
    elects_leader: bool = False  # the host process elects a leader by a Lease in its namespace
    commit: str = ""  # commit of the module, where no release is pinned
    deployment: str = ""  # name of its Deployment, when that is not its own

    @property
    def deployment_name(self) -> str:
        """Its Deployment in a cluster."""
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
POD = ResourceKind(group="", version="v1", plural="pods", kind="Pod")
SECRET = ResourceKind(group="", version="v1", plural="secrets", kind="Secret")
SERVICE = ResourceKind(group="", version="v1", plural="services", kind="Service")
