"""Whose the machine's one local cluster is, and that nobody else's study removes it."""

import os
from pathlib import Path

import pytest

from include.embedded import (
    cgroups,
    clean,
    local_cluster,
    network,
    owner,
    processes,
    removal,
    runs,
    state,
    whole,
)
from include.embedded.processes import identify
from include.errors import ClusterError
from tests.embedded.test_state import DEAD, RESERVATION, cluster

ME = identify(os.getpid(), name="me")


@pytest.fixture(autouse=True)
def _nothing_on_the_machine(monkeypatch, tmp_path):
    """Whatever runs beside, these tests neither list nor remove it."""
    for name in ("namespaces", "links"):
        monkeypatch.setattr(network, name, lambda: ())
    for name in ("groups", "pids"):
        monkeypatch.setattr(cgroups, name, lambda: ())
    monkeypatch.setattr(cgroups, "remove", lambda: None)
    monkeypatch.setattr(runs, "end_orphans", lambda: ())
    monkeypatch.setattr(whole, "clean", lambda _: ())
    monkeypatch.setenv("OPERATOR_BENCHMARK_STATE", str(tmp_path / "own" / "state"))


def kept_in(folder, *processes):
    folder.mkdir()
    (folder / "state.json").write_text(cluster(*processes).model_dump_json())
    return folder


def test_a_living_cluster_of_another_state_folder_is_left_alone_and_named(tmp_path, caplog):
    theirs, mine = kept_in(tmp_path / "theirs", ME), tmp_path / "mine"
    owner.claim(theirs)
    command = f"`OPERATOR_BENCHMARK_STATE={theirs} make clean`"
    with pytest.raises(ClusterError) as refused:
        owner.claim(mine)
    assert command in str(refused.value)
    (mine / "log").mkdir(parents=True)
    assert removal.remove_everything(mine) == (f"state {mine}/log",)
    assert command in caplog.text


@pytest.mark.parametrize("is_alive", [True, False])
def test_what_the_machine_has_by_name_is_only_listed_where_it_is_ours(
    tmp_path, monkeypatch, is_alive
):
    owner.claim(kept_in(tmp_path / "theirs", ME if is_alive else DEAD))
    monkeypatch.setattr(network, "namespaces", lambda: ("opb-node-1",))
    monkeypatch.setattr(network, "links", lambda: ("opb0",))
    monkeypatch.setattr(cgroups, "groups", lambda: (Path("/opb"),))
    monkeypatch.setattr(cgroups, "pids", lambda: (os.getppid(),))
    monkeypatch.setattr(removal, "run", lambda *_: "")
    assert bool(removal.leftovers(tmp_path / "mine")) is not is_alive


def test_a_cluster_whose_state_cannot_be_read_lives_as_long_as_its_processes(tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "state.json").write_text("{")
    program = tmp_path / "etcd"
    os.mkfifo(tmp_path / "never")
    program.write_text(f"#!/bin/sh\nread line < {tmp_path}/never\n")
    program.chmod(0o755)
    owner.claim(theirs)
    etcd = processes.start("etcd", [program, f"--dir={theirs}/e"], log_file=tmp_path / "log")
    try:
        with pytest.raises(ClusterError, match="of a study of another version is running"):
            owner.refuse_other(tmp_path / "mine")
    finally:
        processes.kill((etcd,))
    owner.refuse_other(tmp_path / "mine")


def test_one_cluster_is_made_or_removed_at_a_time(tmp_path_factory, monkeypatch):
    root = tmp_path_factory.mktemp("m")  # a short path: sockets lie below it
    monkeypatch.setattr(owner, "LOCK_LIMIT_S", 0.0)
    with owner.locked():
        for call in (
            lambda: local_cluster.create(RESERVATION, root=root),
            lambda: local_cluster.delete(root=root, study_id="second"),
            lambda: clean.remove(None),
        ):
            with pytest.raises(ClusterError, match="has been making or removing a local cluster"):
                call()
    with owner.locked():
        pass


@pytest.mark.parametrize("is_there", [True, False])
def test_a_cluster_that_is_dead_or_gone_keeps_nobody_out(tmp_path, is_there):
    theirs = tmp_path / "theirs"
    owner.claim(theirs)
    if is_there:
        kept_in(theirs, DEAD)
    owner.claim(tmp_path / "mine")
    owner.release(theirs)
    assert owner.FILE.read_text() == f"{tmp_path}/mine\n"
    owner.release(tmp_path / "mine")
    assert not owner.FILE.exists()


@pytest.mark.parametrize("is_locked", [True, False])
def test_the_end_of_a_study_without_a_state_here_removes_nothing(tmp_path, is_locked):
    root = tmp_path / "state"
    if is_locked:
        root.mkdir()

    def remove(_root):
        pytest.fail("it is somebody else's")

    left = state.end(root, study_id="mine", remove=remove, leftovers=lambda _: ("process x",))
    assert left == ()
    assert not root.exists()


def test_only_the_checkout_that_made_a_cluster_ends_it_whoever_cleans(tmp_path, monkeypatch):
    root = tmp_path / "own" / "state"
    root.mkdir(parents=True)
    theirs = tmp_path / "their checkout"
    theirs.mkdir()
    kept = cluster(ME).model_copy(update={"checkout": str(theirs)})
    (root / "state.json").write_text(kept.model_dump_json())
    monkeypatch.setattr(removal, "remove_everything", lambda _: pytest.fail("it is theirs"))
    with pytest.raises(ClusterError) as refused:
        clean.remove(None)
    assert f"`OPERATOR_BENCHMARK_STATE={root} make -C {theirs} clean`" in str(refused.value)
    theirs.rmdir()  # nobody is left who could
    monkeypatch.setattr(removal, "remove_everything", state_file_of)
    assert clean.remove(None) == ("state",)


def state_file_of(folder):
    (folder / "state.json").unlink()
    return ("state",)


def test_one_thing_that_stays_keeps_no_other_from_its_removal(tmp_path, monkeypatch):
    root = tmp_path / "own" / "state-simulated"
    (root / "log").mkdir(parents=True)
    monkeypatch.setattr(owner, "LOCK_LIMIT_S", 0.0)
    with owner.locked(), pytest.raises(ClusterError, match=f"removed state {root}/log"):
        clean.remove(None)
    assert not root.exists()
