"""A real node: containerd and kubelet in network, mount, UTS and PID namespaces of their own.

The node's first process owns its PID namespace, so that killing it kills the kubelet, containerd,
every shim and every container at once, in any state. Its mount namespace shows the node's own
folder as `/run/node` and hides the host's `/run`, `/var/lib` and `/var/log`, so that a node leaves
no files elsewhere. kubelet wants to set kernel parameters of the whole machine; it finds files that
already have its values mounted over them, and sets nothing.
"""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from include.embedded import cgroups, container_spec, credentials, image_store, processes
from include.embedded.binaries import binary
from include.embedded.layout import BRIDGE_ADDRESS, CLUSTER_DOMAIN, KUBELET_PORT, Node
from include.embedded.machine import EVICTED_BELOW_MIB
from include.embedded.network import NETWORK_NAMESPACES
from include.files import write_whole

if TYPE_CHECKING:
    from include.embedded.layout import Layout
    from include.embedded.machine import Share
    from include.embedded.processes import HostProcess

INSIDE = Path("/run/node")  # the node's own folder, as the node sees it
REGISTRIES = "registries"  # folder in that folder
# The nodes have no way out: pulls are refused at once, without waiting for name resolution.
NO_REGISTRY = """\
server = "http://127.0.0.1:1"
[host."http://127.0.0.1:1"]
  capabilities = ["pull", "resolve"]
"""
CONTAINER_SPEC = "container.json"  # file in that folder
CNI_PROGRAMS = Path("/usr/lib/cni")
POD_MTU = 1500
START_LIMIT_S = 15  # a kubelet that ends later than this has failed
# Parameters that kubelet's container manager sets (setupKernelTunables in pkg/kubelet/cm).
KERNEL_PARAMETERS = {
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
}
# Plugins of containerd that probe for features never used here.
UNUSED_PLUGINS = (
    "io.containerd.internal.v1.opt",
    "io.containerd.internal.v1.restart",
    "io.containerd.internal.v1.tracing",
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.native",
    "io.containerd.snapshotter.v1.zfs",
    "io.containerd.tracing.processor.v1.otlp",
)


def containerd_config(*, pause_image: str, cgroup_v1: bool) -> str:
    """Configuration of a node's containerd (version 2, as since containerd 1.6), as TOML."""
    unused = json.dumps(list(UNUSED_PLUGINS))
    spec = f'base_runtime_spec = "{INSIDE}/{CONTAINER_SPEC}"' if cgroup_v1 else ""
    return f"""\
version = 2
root = "{INSIDE}/containerd"
state = "/run/containerd"
disabled_plugins = {unused}
[grpc]
  address = "{INSIDE}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause_image}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    {spec}
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{INSIDE}/{REGISTRIES}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_PROGRAMS}"
    conf_dir = "{INSIDE}/cni"
"""


def cni_config(node: Node) -> dict[str, Any]:
    """The pod network of a node: a bridge inside it, addresses from the node's range."""
    ipam = {
        "type": "host-local",
        "dataDir": str(INSIDE / "ipam"),
        "ranges": [[{"subnet": node.pod_range}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": False,
        "mtu": POD_MTU,
        "ipam": ipam,
    }
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge]}


def kubelet_config(node: Node, share: Share, *, cgroup_v1: bool) -> dict[str, Any]:
    """Configuration of a node's kubelet.

    Only certificates of the cluster's authority are accepted, and the API server decides what each
    may do. No image is ever pulled or collected: the node has what it needs.
    """
    pki = INSIDE / "pki"
    config: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node.address,
        "port": KUBELET_PORT,
        "readOnlyPort": 0,
        "healthzBindAddress": "127.0.0.1",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "kubelet-serving.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet-serving.key"),
        "containerRuntimeEndpoint": f"unix://{INSIDE}/containerd.sock",
        "podLogsDir": "/var/log/pods",
        "resolvConf": str(INSIDE / "resolv.conf"),
        "clusterDNS": [BRIDGE_ADDRESS],
        "clusterDomain": CLUSTER_DOMAIN,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{node.cgroup}",
        "enforceNodeAllocatable": ["pods"],
        "systemReserved": {"memory": f"{share.other_memory_mib}Mi"},
        "evictionHard": {"memory.available": f"{EVICTED_BELOW_MIB}Mi", "nodefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "failSwapOn": False,
        "makeIPTablesUtilChains": False,
        "oomScoreAdj": 0,
        "maxPods": 110,
        "serializeImagePulls": False,
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
        "eventRecordQPS": 0,
        "enableDebuggingHandlers": True,  # the API server reads container logs through it
        "enableProfilingHandler": False,
    }
    if cgroup_v1:
        config["failCgroupV1"] = False
    if share.other_cpus:
        config |= _only_own_cores(share)
    return config


def _only_own_cores(share: Share) -> dict[str, Any]:
    """Restriction to the node's cores; without it kubelet fails at giving pods all cores."""
    return {
        "cpuManagerPolicy": "static",
        "cpuManagerPolicyOptions": {"strict-cpu-reservation": "true"},
        "reservedSystemCPUs": share.other_cpus,
    }


def start_script(node: Node, *, trees: tuple[Path, ...]) -> str:
    """The bash script of the node's first process, in its new namespaces.

    `$1` is the node's folder on the host.
    """
    join = "\n".join(f"echo 0 > {tree}/{node.cgroup}/system/cgroup.procs" for tree in trees)
    hide = "\n".join(
        f"mount -n --bind {INSIDE}/sys/{name} /proc/sys/{name}" for name in KERNEL_PARAMETERS
    )
    return f"""\
set -eu
{join}
hostname {node.name}
mount -n -t tmpfs -o mode=0755 tmpfs "$1/run"
mkdir "$1/run/node"
mount -n --bind "$1" "$1/run/node"
mount -n --move "$1/run" /run
mount -n --bind {INSIDE}/var-lib /var/lib
mount -n --bind {INSIDE}/var-log /var/log
mount -n --make-rshared {INSIDE}
if [ -e /etc/resolv.conf ]; then mount -n --bind {INSIDE}/resolv.conf /etc/resolv.conf; fi
{hide}
cd {INSIDE}
containerd --config {INSIDE}/containerd.toml >> {INSIDE}/log/containerd.log 2>&1 &
runtime=$!
for _ in $(seq 600); do [ -S {INSIDE}/containerd.sock ] && break; sleep 0.05; done
# containerd listens before it can serve; a kubelet that starts too early ends and is restarted.
(
  while true; do
    {INSIDE}/kubelet --config={INSIDE}/kubelet.yaml --kubeconfig={INSIDE}/kubelet.kubeconfig \\
      --hostname-override={node.name} --node-ip={node.address} --cert-dir={INSIDE}/pki \\
      --root-dir=/var/lib/kubelet --v=1 >> {INSIDE}/log/kubelet.log 2>&1 || true
    [ "$SECONDS" -lt {START_LIMIT_S} ] || exit 1
    sleep 0.1
  done
) &
wait -n -p ended || true
tail -n 15 {INSIDE}/log/containerd.log {INSIDE}/log/kubelet.log >&2
if [ "${{ended:-}}" = "$runtime" ]; then ended=containerd; else ended=kubelet; fi
echo "$ended of {node.name} has ended" >&2
exit 1  # a node needs both
"""


def prepare(layout: Layout, node: Node, share: Share, *, pause_image: str, images: Path) -> None:
    """Write a node's folder: configuration, credentials, images, and its part of the cgroups."""
    folder = layout.node(node)
    for name in ("cni", "log", "run", "var-lib/kubelet", "var-log/pods", "var-log/containers"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    trees = cgroups.hierarchies()
    cgroup_v1 = not all(cgroups.is_version_2(tree) for tree in trees)
    credentials.issue_node(layout, node, inside=INSIDE)
    files = {
        "containerd.toml": containerd_config(pause_image=pause_image, cgroup_v1=cgroup_v1),
        "cni/10-pods.conflist": json.dumps(cni_config(node)),
        "kubelet.yaml": yaml.safe_dump(kubelet_config(node, share, cgroup_v1=cgroup_v1)),
        "resolv.conf": "# the cluster's own name service is all there is\n",
        f"{REGISTRIES}/_default/hosts.toml": NO_REGISTRY,
        "start.sh": start_script(node, trees=trees),
        **{f"sys/{name}": f"{value}\n" for name, value in KERNEL_PARAMETERS.items()},
    }
    if cgroup_v1:
        files[CONTAINER_SPEC] = container_spec.with_cgroup_namespace()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    image_store.give(images, folder / "containerd")
    share_file(binary("kubelet"), folder / "kubelet")
    cgroups.create(node.cgroup, cpus=share.cpus)
    cgroups.create(f"{node.cgroup}/system")


def share_file(source: Path, target: Path) -> None:
    """Link a file under a second name, or copy it if the target is on another file system."""
    try:
        target.hardlink_to(source)
    except OSError as err:
        if err.errno != errno.EXDEV:
            raise
        shutil.copy2(source, target)


def start(layout: Layout, node: Node) -> HostProcess:
    """Start a prepared node whose network namespace exists; returns the process that owns it."""
    folder = layout.node(node)
    command = (
        *("nsenter", f"--net={NETWORK_NAMESPACES / node.namespace}", "--"),
        *("unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"),
        *("--mount-proc", "--propagation", "private", "--"),
        *("bash", folder / "start.sh", folder),
    )
    return processes.start(node.name, command, log_file=folder / "log" / "node.log")
