"""What the soak holds against a night, and what it calls flat; the soak itself is `make soak`."""

import random
from itertools import pairwise

import pytest

from include.drills import flatness, night
from include.drills.flatness import Gauge, complaint
from include.drills.night import NightRow, Sabotage
from include.drills.soak import HEAD

MEMORY = Gauge(name="memory", unit="MiB", share=0.1, slack=5)


def test_what_grows_a_little_is_flat_and_what_grows_more_is_told():
    assert complaint(MEMORY, [100, 103, 99, 104, 101, 110]) is None
    grown = complaint(MEMORY, [100, 110, 120, 130, 140, 150])
    assert grown == "memory grew by 40 MiB, from 100 to 150"


def test_one_high_night_in_the_middle_is_no_growth():
    assert complaint(MEMORY, [100, 100, 400, 400, 100, 100]) is None


def test_two_nights_tell_nothing():
    with pytest.raises(ValueError, match="2 nights"):
        complaint(MEMORY, [1, 2])


def test_each_gauge_is_a_column_of_the_table():
    row = NightRow(number=1, points=2, valid=2, kept=2)
    assert row.line().count("|") == HEAD.count("|")
    assert row.line().startswith("| 1 | 0 | 2/2 | 2/2 | green | nothing |")


def test_disk_counts_what_is_below_the_folders(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "file").write_bytes(bytes(64 * 1024))
    assert flatness.disk_kib((tmp_path, tmp_path / "absent")) >= 64


class Scene:
    """A job that always runs, of one point after the other."""

    def __init__(self, point_id="point-1"):
        self.point_id = point_id

    def is_at(self, _):
        return True


def faults_of(seed, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(night.time, "monotonic", lambda: clock[0])
    harms = dict.fromkeys("abcdef", lambda _: iter([5.0]))
    sabotage = Sabotage(random.Random(seed), every_s=60, harms=harms)  # noqa: S311
    times = []
    for second in range(1800):
        clock[0] = float(second)
        before = len(sabotage.done)
        sabotage.look(Scene(f"point-{second // 20}"))
        times += [second] * (len(sabotage.done) - before)
    return times, sabotage.done


def test_the_same_seed_gives_the_same_faults_at_the_same_distances(monkeypatch):
    assert faults_of(7, monkeypatch) == faults_of(7, monkeypatch)
    assert faults_of(7, monkeypatch) != faults_of(8, monkeypatch)


def test_a_fault_comes_every_few_minutes(monkeypatch):
    times, done = faults_of(3, monkeypatch)
    assert 20 <= len(done) <= 35
    assert all(30 <= later - earlier <= 100 for earlier, later in pairwise(times))


def test_a_point_is_hit_once_as_its_task_has_but_one_more_try(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(night.time, "monotonic", lambda: clock[0])
    harms = {"x": lambda _: iter(())}
    sabotage = Sabotage(random.Random(1), every_s=60, harms=harms)  # noqa: S311
    for second in range(600):
        clock[0] = float(second)
        sabotage.look(Scene("point-1"))
    assert sabotage.done == [("x", "point-1")]


def test_a_fault_that_comes_too_late_for_its_job_is_not_counted(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(night.time, "monotonic", lambda: clock[0])

    def too_late(scene):
        raise IndexError("no pod is left")
        yield 0.0

    sabotage = Sabotage(random.Random(1), every_s=60, harms={"x": too_late})  # noqa: S311
    for second in range(300):
        clock[0] = float(second)
        sabotage.look(Scene())
    assert sabotage.done == []
    assert sabotage.counts() == {}
