"""Whose the machine's one local cluster is, and that nobody else's study removes it."""

import os

import pytest

from include.embedded import owner, removal, state
from include.embedded.processes import identify
from include.errors import ClusterError
from tests.embedded.test_state import DEAD, cluster

ME = identify(os.getpid(), name="me")


def kept_in(folder, *processes):
    folder.mkdir()
    (folder / "state.json").write_text(cluster(*processes).model_dump_json())
    return folder


def test_a_living_cluster_of_another_state_folder_is_not_removed_and_is_named(tmp_path):
    theirs, mine = kept_in(tmp_path / "theirs", ME), tmp_path / "mine"
    owner.claim(theirs)
    for call in (lambda: owner.claim(mine), lambda: removal.remove_everything(mine)):
        with pytest.raises(ClusterError) as refused:
            call()
        assert f"`OPERATOR_BENCHMARK_STATE={theirs} make clean`" in str(refused.value)


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
