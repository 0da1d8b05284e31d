from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from include.embedded import cgroups, container_spec, credentials, image_store, node
from include.embedded.layout import Layout, Node, nodes
from include.embedded.machine import Share
from include.errors import ClusterError

WHOLE = Share(cpus=None, other_cpus="", other_memory_mib=100)
HALF = Share(cpus="0", other_cpus="1", other_memory_mib=100)


def config(share=WHOLE, *, cgroup_v1=True):
    return node.kubelet_config(Node(number=1), share, cgroup_v1=cgroup_v1)


def test_kubelet_lets_nobody_in_unknown():
    found = config()
    assert found["authentication"]["anonymous"] == {"enabled": False}
    assert found["authentication"]["webhook"] == {"enabled": True}
    assert found["authorization"] == {"mode": "Webhook"}
    assert found["address"] == "10.99.0.11"
    assert found["readOnlyPort"] == 0


def test_kubelet_keeps_to_the_nodes_own_cores():
    found = config(HALF)
    assert found["reservedSystemCPUs"] == "1"
    assert found["cpuManagerPolicyOptions"] == {"strict-cpu-reservation": "true"}
    assert "cpuManagerPolicy" not in config(WHOLE)


def test_cgroup_version_1_must_be_allowed_explicitly():
    assert config()["failCgroupV1"] is False
    assert "failCgroupV1" not in config(cgroup_v1=False)


def test_containerd_configuration_is_toml_and_names_the_pause_image():
    text = node.containerd_config(pause_image="docker.io/local/pause:1", cgroup_v1=False)
    found = tomllib.loads(text)["plugins"]["io.containerd.grpc.v1.cri"]
    assert found["sandbox_image"] == "docker.io/local/pause:1"
    assert found["containerd"]["runtimes"]["runc"] == {"runtime_type": "io.containerd.runc.v2"}


def test_containers_get_a_cgroup_namespace_on_version_1_too(monkeypatch):
    text = node.containerd_config(pause_image="pause", cgroup_v1=True)
    runtimes = tomllib.loads(text)["plugins"]["io.containerd.grpc.v1.cri"]["containerd"]["runtimes"]
    assert runtimes["runc"]["base_runtime_spec"] == "/run/node/container.json"
    own = {"linux": {"namespaces": [{"type": "pid"}]}, "mounts": []}
    monkeypatch.setattr(container_spec, "run", lambda words: json.dumps(own))
    spec = json.loads(container_spec.with_cgroup_namespace())
    assert spec == {"linux": {"namespaces": [{"type": "pid"}, {"type": "cgroup"}]}, "mounts": []}


def test_pods_get_addresses_of_their_nodes_range():
    plugin = node.cni_config(Node(number=3))["plugins"][0]
    assert plugin["ipam"]["ranges"] == [[{"subnet": "10.244.3.0/24"}]]


def test_nodes_have_distinct_names_and_addresses():
    found = nodes(3)
    assert [member.name for member in found] == ["node-1", "node-2", "node-3"]
    assert len({member.address for member in found}) == 3


def test_the_start_script_is_bash_and_sets_no_parameter_of_the_machine():
    script = node.start_script(Node(number=1), trees=(Path("/sys/fs/cgroup/cpu"),))
    subprocess.run(["bash", "-n"], input=script, text=True, check=True, timeout=10)
    assert "sysctl" not in script
    for name in node.KERNEL_PARAMETERS:
        assert f"mount -n --bind /run/node/sys/{name} /proc/sys/{name}" in script


def test_a_nodes_folder_holds_all_that_it_needs(layout, programs, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(cgroups, "create", lambda group, **_: made.append(group))
    monkeypatch.setattr(cgroups, "hierarchies", lambda: (tmp_path,))
    monkeypatch.setattr(container_spec, "with_cgroup_namespace", lambda: "{}")
    monkeypatch.setattr(image_store, "give", shutil.copytree)
    images = tmp_path / "images"
    images.mkdir()
    credentials.create_all(layout)
    member = Node(number=1)
    node.prepare(layout, member, HALF, pause_image="pause", images=images)
    folder = layout.node(member)
    assert (folder / "kubelet").samefile(programs / "kubelet")
    assert {path.name for path in folder.iterdir()} >= {"start.sh", "kubelet.yaml", "containerd"}
    assert (folder / "container.json").read_text() == "{}"
    assert (folder / "sys/kernel/panic").read_text() == "10\n"
    assert made == ["opb/node-1", "opb/node-1/system"]


def test_a_program_on_another_file_system_is_copied(tmp_path, monkeypatch):
    def refuse(self, target):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    (tmp_path / "a").write_text("program")
    node.share_file(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "program"


def test_a_long_state_folder_is_refused(tmp_path):
    layout = Layout(root=tmp_path / ("x" * 90), api_address="127.0.0.1")
    with pytest.raises(ClusterError, match="OPERATOR_BENCHMARK_STATE"):
        layout.require_short()
