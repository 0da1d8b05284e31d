"""etcd, API server, controller-manager and scheduler as processes of this machine.

They need no root when bound to loopback. Everything requires a certificate: anonymous requests are
off, etcd requires one of its own authority, and there is no plain-text port.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from include.embedded import probe, processes
from include.embedded.binaries import binary
from include.embedded.credentials import CONTROLLER_MANAGER, SCHEDULER, Trust
from include.embedded.layout import LOOPBACK, SERVICE_RANGE
from include.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from include.embedded.layout import Layout
    from include.embedded.processes import HostProcess

START_LIMIT_S = 180.0  # starved of processor time by other programs, an API server took 70 s
FEWER_COLLECTIONS = {"GOGC": "400"}  # trades memory for time: the ranks run on the same cores
# Controllers that jobs, their pods and names need; the rest would only cost time.
CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "daemonset-controller",  # pulls images for a study that uses the cluster as an existing one
    "deployment-controller",  # runs upstream's Deployments, which such a study installs
    "endpointslice-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "node-lifecycle-controller",
    "pod-garbage-collector-controller",
    "replicaset-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "taint-eviction-controller",
    "ttl-after-finished-controller",
)
AUDIT_MEGABYTES = 20_000
# One line per answered request, without the constant heartbeats of nodes.
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [
        {
            "level": "None",
            "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}],
        },
        {"level": "None", "resources": [{"group": "", "resources": ["nodes", "nodes/status"]}]},
        {"level": "None", "nonResourceURLs": ["/*"]},
        {"level": "Metadata"},
    ],
}


@dataclass(frozen=True, kw_only=True)
class Component:
    """One process of the control plane."""

    name: str
    arguments: tuple[str, ...]


def etcd(layout: Layout) -> Component:
    """The database; on loopback, only for clients with certificates of its own authority.

    It does not wait for the disk: the cluster does not survive a reboot anyway.
    """
    trust = Trust(pki=layout.pki)
    pair, client_url = trust.pair("etcd"), f"https://{LOOPBACK}:{layout.ports.etcd}"
    peer_url = f"https://{LOOPBACK}:{layout.ports.etcd_peer}"
    arguments = [
        f"--data-dir={layout.etcd}",
        f"--listen-client-urls={client_url}",
        f"--advertise-client-urls={client_url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]
    for side in ("", "peer-"):
        arguments += [
            f"--{side}cert-file={pair.certificate}",
            f"--{side}key-file={pair.key}",
            f"--{side}trusted-ca-file={trust.etcd_authority}",
            f"--{side}client-cert-auth",
        ]
    return Component(name="etcd", arguments=tuple(arguments))


def api_server(layout: Layout) -> Component:
    """The API server, on one address; it verifies the kubelets' certificates too."""
    trust = Trust(pki=layout.pki)
    serving, to_etcd = trust.pair("apiserver"), trust.pair("apiserver-etcd")
    to_kubelet, tokens = trust.pair("apiserver-kubelet"), trust.pair("service-account")
    authority = trust.authority.certificate
    arguments = (
        f"--bind-address={layout.api_address}",
        f"--secure-port={layout.ports.api}",
        f"--advertise-address={layout.api_address}",
        "--endpoint-reconciler-type=none",  # no pod talks to the API server
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        "--tls-min-version=VersionTLS12",
        f"--client-ca-file={authority}",
        "--anonymous-auth=false",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=false",
        f"--etcd-servers=https://{LOOPBACK}:{layout.ports.etcd}",
        f"--etcd-cafile={trust.etcd_authority}",
        f"--etcd-certfile={to_etcd.certificate}",
        f"--etcd-keyfile={to_etcd.key}",
        f"--kubelet-certificate-authority={authority}",
        f"--kubelet-client-certificate={to_kubelet.certificate}",
        f"--kubelet-client-key={to_kubelet.key}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-key-file={tokens.certificate}",
        f"--service-account-signing-key-file={tokens.key}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--profiling=false",
        *(_audit_arguments(layout) if layout.tuning.is_audited else ()),
    )
    return Component(name="kube-apiserver", arguments=arguments)


def _audit_arguments(layout: Layout) -> tuple[str, ...]:
    return (
        f"--audit-policy-file={_audit_policy(layout)}",
        f"--audit-log-path={layout.audit_log}",
        f"--audit-log-maxsize={AUDIT_MEGABYTES}",  # otherwise split at 100
    )


def _audit_policy(layout: Layout) -> Path:
    return layout.config / "audit-policy.json"


def controller_manager(layout: Layout) -> Component:
    """The built-in controllers, each with its own service account."""
    trust = Trust(pki=layout.pki)
    arguments = (
        *_follower(layout, CONTROLLER_MANAGER, port=layout.ports.controller_manager),
        f"--controllers={','.join(CONTROLLERS)}",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={trust.pair('service-account').key}",
        f"--root-ca-file={trust.authority.certificate}",
        "--allocate-node-cidrs=false",
    )
    return Component(name=CONTROLLER_MANAGER, arguments=arguments)


def scheduler(layout: Layout) -> Component:
    """The default scheduler, unchanged."""
    return Component(
        name=SCHEDULER, arguments=_follower(layout, SCHEDULER, port=layout.ports.scheduler)
    )


def _follower(layout: Layout, name: str, *, port: int) -> tuple[str, ...]:
    kubeconfig = layout.kubeconfig(name)
    serving = Trust(pki=layout.pki).pair(f"{name}-serving")
    return (
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        "--leader-elect=false",
        "--profiling=false",
        f"--kube-api-qps={layout.tuning.qps}",
        f"--kube-api-burst={2 * layout.tuning.qps}",
    )


ALL = ("etcd", "kube-apiserver", CONTROLLER_MANAGER, SCHEDULER)


def start(
    layout: Layout, started: Callable[[HostProcess], None], *, only: Collection[str] = ALL
) -> None:
    """Start them, or `only` some, and wait until each answers; calls `started` at once for each.

    ClusterError with the end of its log when one dies or is not ready in time.
    """
    if layout.tuning.is_audited:
        _audit_policy(layout).parent.mkdir(parents=True, exist_ok=True)
        write_whole(_audit_policy(layout), json.dumps(AUDIT_POLICY))
    needs = []
    if "etcd" in only:
        needs.append(_launch(layout, etcd(layout), started))
        # An API server without a database waits a second before it retries.
        _await("etcd", lambda: _accepts(layout.ports.etcd), needs=needs)
    if "kube-apiserver" in only:
        needs.append(_launch(layout, api_server(layout), started))
    _await("the API server", lambda: is_ready(layout), needs=needs)
    followers = {
        _launch(layout, component, started): port
        for component, port in (
            (controller_manager(layout), layout.ports.controller_manager),
            (scheduler(layout), layout.ports.scheduler),
        )
        if component.name in only
    }
    for process, port in followers.items():
        answers = partial(probe.answers, layout, LOOPBACK, port=port, path="/healthz")
        _await(process.name, answers, needs=[process])


def _await(what: str, is_ready: Callable[[], bool], *, needs: list[HostProcess]) -> None:
    processes.wait_for(what, is_ready, needs=needs, timeout_s=START_LIMIT_S)


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=probe.TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _launch(
    layout: Layout, component: Component, started: Callable[[HostProcess], None]
) -> HostProcess:
    process = processes.start(
        component.name,
        (binary(component.name), *component.arguments),
        log_file=layout.logs / f"{component.name}.log",
        environment=FEWER_COLLECTIONS,
    )
    started(process)
    return process


def is_ready(layout: Layout) -> bool:
    """True once the API server reports that it is ready, with its roles."""
    return probe.answers(layout, layout.api_address, port=layout.ports.api, path="/readyz")
