from __future__ import annotations

import os
import shutil
import signal
from datetime import UTC, datetime, timedelta

import pytest

from include.embedded import health, local_cluster, processes, removal, simulated_removal, state
from include.embedded.processes import HostProcess, identify
from include.errors import ClusterError, PartDied, TeardownError
from include.models import Reservation

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
ME = identify(os.getpid(), name="me")
DEAD = HostProcess(name="dead", pid=1, start_ticks=0, boot_id="x", log="/dev/null")
RESERVATION = Reservation(
    study_id="second", cluster="local", namespace="second", nodes=2, expires_at=NOW
)


def cluster(*processes, study_id="first"):
    return state.ClusterState(
        study_id=study_id,
        namespace=study_id,
        nodes=2,
        api_address="10.99.0.1",
        started_at=NOW,
        expires_at=NOW + timedelta(hours=4),
        processes=processes,
        is_complete=True,
    )


@pytest.fixture
def removed(monkeypatch):
    """What would be removed and made, instead of doing it."""
    calls = []
    monkeypatch.setattr(removal, "remove_everything", lambda root: calls.append("removed"))
    monkeypatch.setattr(local_cluster, "_create", lambda *_, **__: calls.append("created"))
    return calls


def keep(layout, kept):
    layout.root.mkdir()
    state.write(layout, kept)


def test_the_state_is_read_as_it_was_written(layout):
    kept = cluster(ME)
    keep(layout, kept)
    assert state.read(layout.root) == kept
    assert [path.name for path in layout.root.iterdir()] == ["state.json"]


def test_no_state_is_none_and_a_strange_one_an_error(layout, caplog):
    assert state.read(layout.root) is None
    layout.root.mkdir()
    layout.state_file.write_text('{"version": 0}')
    with pytest.raises(ClusterError, match=r"not written by this version; run `make clean`"):
        state.read(layout.root)
    assert state.read_or_none(layout.root) is None
    assert "make clean" in caplog.text


def test_processes_are_known_by_name():
    renewed = DEAD.model_copy(update={"pid": 2})
    found = cluster(ME, DEAD).with_process(renewed)
    assert found.processes == (ME, renewed)
    assert found.process("dead") == renewed
    assert found.without_process("dead").processes == (ME,)
    assert found.dead() == (renewed,)
    assert found.is_running()


@pytest.fixture
def stopped(tmp_path):
    process = processes.start("sleeper", ["sleep", "60"], log_file=tmp_path / "sleeper.log")
    os.kill(process.pid, signal.SIGSTOP)
    processes.wait_for("the stop", lambda: processes.is_stopped(process), timeout_s=10)
    yield process
    processes.kill((process,))


def test_a_part_that_is_stopped_counts_as_dead_and_its_cluster_as_running(stopped):
    frozen = cluster(stopped)
    assert frozen.dead() == (stopped,)
    assert frozen.is_running()


def test_a_part_that_is_stopped_is_named(layout, stopped):
    keep(layout, cluster(ME, stopped))
    with pytest.raises(PartDied, match="sleeper of the cluster .* has been stopped by a signal"):
        health.require_whole(layout.root, study_id="first")


def test_a_second_study_is_told_of_the_first_and_how_to_end_it(layout, removed):
    keep(layout, cluster(ME))
    with pytest.raises(
        ClusterError,
        match=r"study first is running on this machine \(since 2026-01-02 03:04 UTC.*make clean",
    ):
        local_cluster.create(RESERVATION, root=layout.root)
    assert removed == []


def test_the_remains_of_a_dead_study_are_removed(layout, removed):
    keep(layout, cluster(DEAD))
    local_cluster.create(RESERVATION, root=layout.root)
    assert removed == ["removed", "created"]


def test_the_same_study_adopts_a_whole_cluster(layout, removed):
    keep(layout, cluster(ME, study_id="second"))
    local_cluster.create(RESERVATION, root=layout.root)
    assert removed == []


@pytest.mark.parametrize("update", [{"is_complete": False}, {"processes": (ME, DEAD)}])
def test_the_same_study_makes_a_broken_cluster_again(layout, removed, update):
    keep(layout, cluster(ME, study_id="second").model_copy(update=update))
    local_cluster.create(RESERVATION, root=layout.root)
    assert removed == ["removed", "created"]


def test_deleting_leaves_another_studys_running_cluster_alone(layout, removed):
    keep(layout, cluster(ME))
    local_cluster.delete(root=layout.root, study_id="second")
    assert removed == []
    assert layout.root.exists()


def test_deleting_what_is_not_there_is_no_error(layout, removed, monkeypatch):
    monkeypatch.setattr(removal, "leftovers", lambda _: ())
    local_cluster.delete(root=layout.root, study_id="second")
    assert removed == []


def test_a_cluster_of_nobody_is_not_ready(layout):
    with pytest.raises(ClusterError, match="study second has no cluster on this machine"):
        local_cluster.wait_ready(root=layout.root, study_id="second")


def test_the_lock_has_one_holder(layout):
    with state.locked(layout.root):
        assert layout.root.stat().st_mode & 0o777 == 0o700
        with (
            pytest.raises(ClusterError, match=r"another process.*make clean"),
            state.locked(layout.root, timeout_s=-1),
        ):
            pass
    with state.locked(layout.root, timeout_s=-1):
        pass


def test_a_lock_on_a_removed_folder_is_no_lock(layout):
    with state.locked(layout.root):
        layout.root.rmdir()
        with state.locked(layout.root, timeout_s=-1):
            assert layout.root.exists()


def test_what_cannot_be_removed_at_first_is_removed_by_the_second_try(layout, monkeypatch):
    keep(layout, cluster(DEAD))
    (layout.root / "pki").mkdir()
    (layout.root / "pki" / "ca.crt").write_text("held")
    remove = shutil.rmtree
    monkeypatch.setattr(state.shutil, "rmtree", lambda *_, **__: None)
    where = {"study_id": "first", "remove": simulated_removal.remove}
    where["leftovers"] = simulated_removal.leftovers
    with pytest.raises(TeardownError, match="still there after removal: state .*pki"):
        state.end(layout.root, **where)
    monkeypatch.setattr(state.shutil, "rmtree", remove)
    assert state.end(layout.root, **where)
    assert not layout.root.exists()


@pytest.mark.parametrize(
    ("dead", "again"),
    [
        ("kube-apiserver", {"kube-apiserver", "kube-controller-manager", "kube-scheduler"}),
        ("kwok", {"kwok"}),
    ],
)
def test_parts_that_lost_the_api_server_are_started_again_with_it(dead, again):
    names = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
    parts = [(DEAD if n == dead else ME).model_copy(update={"name": n}) for n in names]
    assert {part.name for part in health.to_start_again(cluster(*parts))} == again


@pytest.mark.parametrize("name", [health.DATABASE, health.API_SERVER])
def test_a_dead_part_that_serves_objects_ends_what_the_administrator_asks(layout, name):
    keep(layout, cluster(ME, DEAD.model_copy(update={"name": name})))
    with pytest.raises(PartDied, match=f"{name} of the cluster .* has died"):
        health.require_served(layout.root)


def test_who_revives_a_cluster_is_not_stopped_by_what_is_not_revived_yet(layout):
    health.require_served(layout.root)  # nothing is made yet
    keep(layout, cluster(ME, DEAD.model_copy(update={"name": "mpi-operator"})))
    health.require_served(layout.root)
