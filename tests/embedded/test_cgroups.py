from __future__ import annotations

from pathlib import Path

import pytest

from include.embedded import cgroups
from include.errors import ClusterError


def test_both_versions_are_found_among_the_mounts():
    mounts = (
        "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n"
        "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n"
        "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
    )
    assert cgroups._read_mounts(mounts) == (
        Path("/sys/fs/cgroup/cpu"),
        Path("/sys/fs/cgroup/unified"),
    )


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.setattr(cgroups, "hierarchies", lambda: (tmp_path,))
    return tmp_path


def new_groups_have(monkeypatch, files):
    """Make the kernel's files appear in each new folder, as the kernel does."""
    mkdir = Path.mkdir

    def make(self, *arguments, **options):
        mkdir(self, *arguments, **options)
        for name in files:
            (self / name).touch()

    monkeypatch.setattr(Path, "mkdir", make)


def test_version_1_cpusets_are_filled_from_above(tree, monkeypatch):
    (tree / "cpuset.cpus").write_text("0-3\n")
    (tree / "cpuset.mems").write_text("0\n")
    new_groups_have(monkeypatch, ["cpuset.cpus", "cpuset.mems"])
    cgroups.create("opb/node-1", cpus="2,3")
    cgroups.create("opb/node-1/system")
    assert (tree / "opb/cpuset.cpus").read_text() == "0-3\n"
    assert (tree / "opb/node-1/cpuset.cpus").read_text() == "2,3"
    assert (tree / "opb/node-1/system/cpuset.cpus").read_text() == "2,3"
    assert (tree / "opb/node-1/system/cpuset.mems").read_text() == "0\n"


def test_version_2_controllers_are_handed_down(tree, monkeypatch):
    files = ["cgroup.controllers", "cgroup.subtree_control", "cpuset.cpus"]
    for name in files:
        (tree / name).touch()
    (tree / "cgroup.controllers").write_text("cpuset cpu hugetlb memory\n")
    new_groups_have(monkeypatch, files)
    cgroups.create("opb/node-1", cpus="1")
    assert (tree / "cgroup.subtree_control").read_text() == "+cpu +cpuset +memory"
    assert (tree / "opb/node-1/cpuset.cpus").read_text() == "1"
    assert (tree / "opb/cpuset.cpus").read_text() == ""  # empty means those of the group above


def test_a_process_joins_and_is_found(tree):
    (tree / "opb/host").mkdir(parents=True)
    cgroups.join("opb/host", 42)
    assert cgroups.pids() == {42}


def test_groups_are_removed_inner_first(tree):
    (tree / "opb/node-1/system").mkdir(parents=True)
    assert [path.name for path in cgroups.groups()] == ["system", "node-1", "opb"]
    cgroups.remove()
    assert cgroups.groups() == ()


def test_a_group_that_stays_busy_does_not_hold_up_for_ever(tree, monkeypatch):
    (tree / "opb").mkdir()
    (tree / "opb/cgroup.procs").touch()
    monkeypatch.setattr(cgroups, "REMOVE_LIMIT_S", -1)
    cgroups.remove()
    assert cgroups.groups() == (tree / "opb",)


def test_a_machine_without_control_groups_is_told(monkeypatch):
    monkeypatch.setattr(cgroups, "hierarchies", tuple)
    with pytest.raises(ClusterError, match="no control groups"):
        cgroups.create("opb")
