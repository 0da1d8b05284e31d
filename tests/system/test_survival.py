"""What the local cluster survives, and what it leaves: no test leaves the next one a cluster."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from include.embedded import (
    clean,
    image,
    image_store,
    processes,
    removal,
    start_times,
    state,
)
from tests.system.conftest import LOCAL, STUDY

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]


def started(state_folder):
    return state.read(state_folder).processes


def name_of(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:  # a node starts short programs all the time, and it has ended since
        return None


def test_delete_after_a_crash_leaves_nothing(state_folder, reservation, own_handle):
    dying = {"etcd", "kube-apiserver"}
    processes.kill(process for process in started(state_folder) if process.name in dying)
    pids = subprocess.check_output(["ip", "netns", "pids", "opb-node-1"], text=True).split()
    kubelets = [processes.identify(int(pid), name="") for pid in pids if name_of(pid) == "kubelet"]
    assert any(kubelets)
    processes.kill(filter(None, kubelets))
    LOCAL.delete(reservation)
    assert LOCAL.leftovers(reservation) == ()
    LOCAL.delete(reservation)


def test_a_half_dead_cluster_is_made_again(state_folder, reservation, own_handle):
    before = {process.name: process for process in started(state_folder)}
    processes.kill((before["etcd"],))
    LOCAL.create(reservation, STUDY)
    LOCAL.wait_ready(reservation, STUDY)
    assert all(before[process.name] != process for process in started(state_folder))


def test_clean_needs_no_state(state_folder, own_handle, capsys, monkeypatch, tmp_path):
    # A simulated cluster that runs beside belongs to somebody else.
    monkeypatch.setattr(clean, "simulated_root", lambda: tmp_path / "simulated")
    shutil.rmtree(state_folder)
    assert removal.leftovers(state_folder) != ()
    assert clean.main([]) == 0
    assert "process kube-apiserver" in capsys.readouterr().out
    assert removal.leftovers(state_folder) == ()
    assert clean.main([]) == 0
    assert "nothing to clean" in capsys.readouterr().out


@pytest.mark.usefixtures("no_cluster")
def test_start_times_are_measured(state_folder, reservation):
    measured = start_times.measure(reservation, root=state_folder)
    assert 0 < measured.control_plane_s < 30
    assert 0 < measured.nodes_s < 60
    assert {"etcd", "kube-apiserver", "kubelet", "containerd"} <= measured.memory_mib.keys()
    assert not state_folder.exists()


@pytest.mark.usefixtures("machine")
def test_the_image_can_be_unpacked_anew(tmp_path):
    image_store.create(
        tmp_path / "store", archives=(image.folder() / "pause.tar",), scratch=tmp_path / "scratch"
    )
    assert list((tmp_path / "store").rglob("meta.db"))
