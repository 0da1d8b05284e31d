"""Folders of the cache, made by one process at a time and whole or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from include.embedded import mounts, processes, whole
from include.embedded.whole import made_whole
from include.errors import ClusterError

BUILDER = """\
import sys, time
from pathlib import Path
from include.embedded.progress import run_program
from include.embedded.whole import made_whole

def build(progress):
    with made_whole(Path(sys.argv[1]), progress) as partial:
        (partial / "half").touch()
        print("half made", flush=True)
        time.sleep(60)

sys.exit(run_program(build, [], module="test", description="test"))
"""


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "programs"


@pytest.fixture
def builder(target):
    """A process that is in the middle of making the folder."""
    command = [sys.executable, "-c", BUILDER, str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "half made\n"
        yield process
        process.kill()


def make(target, progress, name="a"):
    with made_whole(target, progress) as partial:
        if partial is not None:
            (partial / name).touch()


def content(target):
    return sorted(str(path.relative_to(target.parent)) for path in target.parent.rglob("*"))


def test_folder_is_made_once(target, progress, lines):
    make(target, progress)
    make(target, progress, name="b")
    assert content(target) == ["programs", "programs/a"]
    assert lines == []


def test_folder_that_could_not_be_filled_is_not_there(target, progress):
    with pytest.raises(FileNotFoundError):
        make(target, progress, name="no/such/folder")
    assert content(target) == []


def test_builder_that_is_asked_to_end_leaves_nothing(target, builder):
    builder.send_signal(signal.SIGTERM)
    assert builder.wait(timeout=20) == 128 + signal.SIGTERM
    assert content(target) == []


def test_what_a_killed_builder_left_is_no_obstacle_and_goes(target, builder, progress):
    builder.kill()
    builder.wait(timeout=20)
    assert content(target) == [".programs.part", ".programs.part/half"]
    make(target.with_name("image"), progress)
    assert content(target) == ["image", "image/a"]


def test_what_a_killed_builder_ran_ends_before_its_folder_goes(target, progress):
    partial = target.with_name(".programs.part")
    partial.mkdir(parents=True)
    waiting = ["tail", "-f", "/dev/null", partial / "half"]
    orphan = processes.start("orphan", waiting, log_file=target.parent.parent / "log")
    while b"half" not in Path(f"/proc/{orphan.pid}/cmdline").read_bytes():
        assert processes.is_alive(orphan)
    make(target, progress)
    assert not processes.is_alive(orphan)
    assert content(target) == ["programs", "programs/a"]


def test_what_is_mounted_in_a_half_made_folder_is_unmounted_not_removed(
    target, progress, monkeypatch, commands
):
    partial = target.with_name(".programs.part")
    (partial / "dev").mkdir(parents=True)
    monkeypatch.setattr(mounts, "MOUNTS", target.parent.parent / "mounts")
    mounts.MOUNTS.write_text(f"x {partial}/dev x rw 0 0\n")

    def unmount(command):
        assert partial.exists()
        return commands(command)

    monkeypatch.setattr(mounts, "run", unmount)
    make(target, progress)
    assert commands.seen == [f"umount --lazy {partial}/dev"]
    assert content(target) == ["programs", "programs/a"]


def test_half_made_folder_that_cannot_be_removed_is_named(target, progress, monkeypatch):
    target.with_name(".programs.part").mkdir(parents=True)
    monkeypatch.setattr(whole.shutil, "rmtree", lambda path, *, ignore_errors: None)
    with pytest.raises(ClusterError, match=r"programs.part is unfinished and cannot be removed"):
        make(target, progress)


def test_cleaning_removes_what_is_half_made_unless_somebody_is_at_work(target, builder):
    partial = target.with_name(".programs.part")
    assert whole.clean(target.parent) == ()
    assert partial.exists()
    builder.kill()
    builder.wait(timeout=20)
    assert whole.clean(target.parent) == (f"half made {partial}",)
    assert content(target) == []
    assert whole.clean(target.parent / "not-there") == ()


def test_second_builder_waits_for_the_first_and_builds_nothing(
    target, progress, lines, monkeypatch
):
    monkeypatch.setattr(whole, "POLL_S", 0.01)
    seen = []

    def second():
        with made_whole(target, progress) as partial:
            seen.append(partial)

    with made_whole(target, progress):
        thread = threading.Thread(target=second)
        thread.start()
        while not lines:
            thread.join(0.01)
        assert seen == []
    thread.join(20)
    assert seen == [None]
    assert lines[0].startswith(f"waiting for another process that builds in {target.parent}")


def test_what_is_there_is_had_while_another_folder_is_being_built(
    target, builder, progress, lines, monkeypatch
):
    ready = target.with_name("image")
    ready.mkdir()
    monkeypatch.setattr(whole, "WAIT_LIMIT_S", 0.0)
    with made_whole(ready, progress) as partial:
        assert partial is None
    assert lines == []
    assert builder.poll() is None


def test_builder_that_takes_for_ever_is_told(target, builder, progress, monkeypatch):
    monkeypatch.setattr(whole, "WAIT_LIMIT_S", 0.0)
    with pytest.raises(ClusterError, match="another process has been building in"):
        make(target, progress)
