from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from include.embedded import cgroups, clean, mounts, network, processes, removal, state
from include.errors import ClusterError, TeardownError


@pytest.fixture
def machine(tmp_path, monkeypatch, commands):
    """A machine without anything of the project, whatever runs on this one."""
    tree = tmp_path / "cgroup"
    tree.mkdir()
    monkeypatch.setattr(cgroups, "hierarchies", lambda: (tree,))
    monkeypatch.setattr(network, "NETWORK_NAMESPACES", tmp_path / "netns")
    monkeypatch.setattr(network, "HOST_INTERFACES", tmp_path / "net")
    monkeypatch.setattr(network, "run", commands)
    monkeypatch.setattr(removal, "run", commands)
    monkeypatch.setenv("OPERATOR_BENCHMARK_STATE", str(tmp_path / "state"))
    return tmp_path


def test_a_clean_machine_has_nothing_left(machine, capsys):
    assert removal.leftovers(machine / "state") == ()
    assert clean.main([]) == 0
    assert capsys.readouterr().out == "nothing to clean\n"


def test_everything_that_is_left_is_named(machine, commands):
    (machine / "netns").mkdir()
    (machine / "netns/opb-node-1").touch()
    (machine / "netns/somebody-elses").touch()
    (machine / "net").mkdir()
    (machine / "net/opb0").touch()
    (machine / "cgroup/opb/node-1").mkdir(parents=True)
    (machine / "state").mkdir()
    (machine / "state/state.json").touch()
    assert removal.leftovers(machine / "state") == (
        "network namespace opb-node-1",
        "interface opb0",
        f"cgroup {machine}/cgroup/opb/node-1",
        f"cgroup {machine}/cgroup/opb",
        f"state {machine}/state/state.json",
    )


def test_processes_are_found_by_cgroup_and_by_command_line(machine):
    (machine / "state").mkdir()
    program = machine / "etcd"
    os.mkfifo(machine / "never")
    program.write_text(f"#!/bin/sh\nread line < {machine}/never\n")
    program.chmod(0o755)
    by_command = processes.start(
        "etcd", [program, f"--data-dir={machine}/state/etcd"], log_file=machine / "log"
    )
    by_cgroup = processes.start("sleep", ["sleep", "60"], log_file=machine / "log")
    reader = processes.start(
        "reader",
        ["sh", "-c", f"read line < {machine}/never", f"{machine}/state/log"],
        log_file=machine / "log",
    )
    (machine / "cgroup/opb").mkdir()
    (machine / "cgroup/opb/cgroup.procs").write_text(f"{by_cgroup.pid}\n")
    found = [line for line in removal.leftovers(machine / "state") if line.startswith("process")]
    assert found == [f"process etcd (pid {by_command.pid})", f"process sleep (pid {by_cgroup.pid})"]
    (machine / "cgroup/opb/cgroup.procs").unlink()
    removal.remove_everything(machine / "state")
    assert not processes.is_alive(by_command)
    assert processes.is_alive(by_cgroup)  # its group was emptied by this test, not by removal
    assert processes.is_alive(reader)
    processes.kill((by_cgroup, reader))


def test_cleaning_says_what_it_removed(machine, capsys):
    (machine / "state/node-1").mkdir(parents=True)
    (machine / "state/state.json").touch()
    (machine / "cgroup/opb").mkdir()
    assert clean.main([]) == 0
    assert "removed state" in capsys.readouterr().out
    assert not (machine / "state").exists()
    assert not (machine / "cgroup/opb").exists()


def test_what_cannot_be_removed_is_named(machine, monkeypatch, capsys, commands):
    (machine / "netns").mkdir()
    (machine / "netns/opb-node-1").touch()
    commands.answers = {"ip netns delete": ClusterError("Device or resource busy")}
    with pytest.raises(TeardownError, match="network namespace opb-node-1; remove by hand"):
        removal.remove_everything(machine / "state")
    assert clean.main([]) == 1
    assert "still there after removal" in capsys.readouterr().err


def test_this_process_is_never_ended(machine):
    (machine / "cgroup/opb").mkdir()
    (machine / "cgroup/opb/cgroup.procs").write_text(f"{os.getpid()}\n")
    assert not any(line.startswith("process") for line in removal.leftovers(machine / "state"))


def test_mounts_below_the_state_folder_are_found(monkeypatch, tmp_path):
    table = tmp_path / "mounts"
    table.write_text("a /s/node-1 x rw 0 0\nb /s/node-1/deep x rw 0 0\nc /stranger x rw 0 0\n")
    monkeypatch.setattr(mounts, "MOUNTS", table)
    assert mounts.below(Path("/s")) == ("/s/node-1/deep", "/s/node-1")


@pytest.mark.parametrize(("study", "removed"), [("demo-1", True), ("demo-2", False)])
def test_cleaning_for_one_study_leaves_the_running_cluster_of_another(
    machine, monkeypatch, capsys, study, removed
):
    (machine / "state").mkdir()
    (machine / "state/state.json").touch()
    running = SimpleNamespace(study_id="demo-1", is_running=lambda: True, processes=())
    monkeypatch.setattr(state, "read_or_none", lambda _root: running)
    assert clean.main(["--study", study]) == 0
    assert (machine / "state").exists() is not removed
    assert (capsys.readouterr().out == "nothing to clean\n") is not removed
