from __future__ import annotations

import os

import pytest

from include.embedded import local_cluster, machine
from include.embedded.machine import Machine


def of(*cores, all_cores=None):
    return Machine(cores=cores, all_cores=all_cores or tuple(sorted(cores)), memory_mib=1000)


def test_cores_are_divided_when_there_are_enough():
    shares = machine.divide(of(0, 1, 2, 3, 4), node_count=2)
    assert [share.cpus for share in shares] == ["0,1", "2,3"]
    assert [share.other_cpus for share in shares] == ["2,3,4", "0,1,4"]
    assert shares[0].other_memory_mib == 500


def test_cores_are_shared_when_there_are_fewer_than_nodes():
    shares = machine.divide(of(0, 1), node_count=3)
    assert [share.cpus for share in shares] == [None] * 3
    assert [share.other_cpus for share in shares] == [""] * 3


def test_what_is_left_for_pods_is_what_the_kubelet_will_offer():
    assert machine.for_pods(of(0, 1, 2, 3, 4), node_count=2) == {"cpu": "2", "memory": "400Mi"}
    assert machine.for_pods(of(0, 1), node_count=3) == {"cpu": "2", "memory": "233Mi"}
    confined = of(2, 3, all_cores=(0, 1, 2, 3))
    assert machine.for_pods(confined, node_count=1)["cpu"] == "2"


def test_cores_that_may_not_be_used_are_nobodys():
    confined = of(2, 3, all_cores=(0, 1, 2, 3))
    assert [share.other_cpus for share in machine.divide(confined, node_count=2)] == [
        "0,1,3",
        "0,1,2",
    ]
    assert machine.divide(confined, node_count=3)[0].other_cpus == "0,1"


def test_threads_of_one_core_stay_on_one_node(tmp_path, monkeypatch):
    for cpu, core in enumerate((0, 1, 0, 1)):  # as most machines count: siblings are far apart
        topology = tmp_path / f"cpu{cpu}" / "topology"
        topology.mkdir(parents=True)
        (topology / "physical_package_id").write_text("0\n")
        (topology / "core_id").write_text(f"{core}\n")
    (tmp_path / "online").write_text("0-3\n")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    found = machine.this_machine(tmp_path)
    assert [share.cpus for share in machine.divide(found, node_count=2)] == ["0,2", "1,3"]


def test_a_machine_that_does_not_tell_its_topology_is_taken_as_counted(tmp_path, monkeypatch):
    (tmp_path / "online").write_text("0-1,4\n")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 4, 0})
    found = machine.this_machine(tmp_path)
    assert found.cores == found.all_cores == (0, 1, 4)


@pytest.mark.parametrize(("text", "expected"), [("0", (0,)), ("0-2,5\n", (0, 1, 2, 5))])
def test_the_kernels_lists_are_read(text, expected):
    assert machine.parse_cpu_list(text) == expected


def test_a_report_is_told_how_cores_are_divided(monkeypatch):
    monkeypatch.setattr(machine, "this_machine", lambda: of(0, 1))
    assert "each node has 1 of the machine's 2 cores" in local_cluster.describe(2)[1]
    assert "share the machine's 2 cores" in local_cluster.describe(3)[1]
