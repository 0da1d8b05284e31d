"""Which stretches of a point are left out when its clocks contradict each other."""

from datetime import UTC, datetime, timedelta

import pytest

from include.models import Timeline
from include.study.clocks import checked

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECONDS = {
    "created_at": 0.0,
    "pods_created_at": 1.0,
    "pods_scheduled_at": 2.0,
    "pods_running_at": 4.0,
    "launcher_started_at": 5.0,
    "app_started_at": 6.0,
    "app_finished_at": 16.0,
    "launcher_finished_at": 17.0,
    "completed_at": 18.0,
}
OF_THE_LAUNCHER = [name for name in SECONDS if name.startswith(("launcher", "app"))]
OWN = {"loop_time_s": 9.0, "launcher_time_s": 11.5}


def timeline(**shifts):
    at = {name: START + timedelta(seconds=s + shifts.get(name, 0)) for name, s in SECONDS.items()}
    return Timeline(**at)


def look(times, *, stamps=(), own=OWN):
    return checked(times, stamps=stamps, own_times_s=own)


def test_clocks_that_agree_leave_all_as_it_is():
    stretches, note = look(timeline())
    assert note is None
    assert stretches["bootstrap_s"] == 2.0
    assert None not in {v for name, v in stretches.items() if name not in {"queue_s", "delete_s"}}


def test_up_to_a_second_is_the_cut_of_whole_seconds():
    assert look(timeline(pods_running_at=2.9))[1] is None


@pytest.mark.parametrize("shift_s", [-45, 45])
def test_a_launchers_node_that_is_off_loses_what_two_clocks_compare(shift_s):
    stretches, note = look(timeline(**dict.fromkeys(OF_THE_LAUNCHER, shift_s)))
    assert "contradict each other" in note
    assert stretches["bootstrap_s"] is None
    assert stretches["completion_lag_s"] is None
    assert (stretches["app_s"], stretches["end_to_end_s"]) == (10.0, 18.0)
    assert stretches["create_pods_s"] == 1.0


def test_a_rank_node_that_is_off_is_told():
    stretches, note = look(timeline(pods_running_at=-30))
    assert "pods_running_at is 28.0 s before pods_scheduled_at (start_pods_s)" in note
    assert "left out: start_pods_s, bootstrap_s" in note
    assert stretches["start_pods_s"] is None
    assert stretches["completion_lag_s"] == 1.0


def test_stamps_that_run_backwards_leave_nothing_of_the_log():
    stamps = [START, START + timedelta(seconds=5), START + timedelta(seconds=1)]
    stretches, note = look(timeline(), stamps=stamps)
    assert "run backwards by 4.0 s" in note
    assert {stretches[name] for name in ("bootstrap_s", "app_s", "shutdown_s")} == {None}
    assert stretches["end_to_end_s"] == 18.0


def test_a_time_that_is_longer_than_its_log_contradicts_the_stamps():
    stretches, note = look(timeline(), own={"loop_time_s": 100.0, "launcher_time_s": None})
    assert "loop_time_s is 100.0 s, and by its stamps the whole log took 12.0 s" in note
    assert stretches["app_s"] is None
    assert stretches["start_pods_s"] == 2.0


def test_stamps_that_jump_forward_in_the_application_leave_nothing_of_the_log():
    later = dict.fromkeys(["app_finished_at", "launcher_finished_at"], 30.0)
    stretches, note = look(timeline(**later, completed_at=30.0))
    assert "launcher_time_s is 11.5 s, and by the stamps of its lines the application" in note
    assert {stretches[name] for name in ("bootstrap_s", "app_s", "shutdown_s")} == {None}
    assert stretches["completion_lag_s"] is None
    assert stretches["create_pods_s"] == 1.0


def test_output_that_was_held_back_leaves_out_what_its_lines_bound_and_no_more():
    stretches, note = look(timeline(app_started_at=9.5))
    assert "loop_time_s is 9.0 s, and by the stamps of its lines the application took 0.5 s" in note
    assert note.endswith("its output was held back; left out: bootstrap_s, app_s, shutdown_s")
    assert (stretches["app_s"], stretches["bootstrap_s"], stretches["shutdown_s"]) == (None,) * 3
    assert stretches["end_to_end_s"] == 18.0


def test_a_launchers_time_may_be_longer_than_the_application():
    assert look(timeline(), own={"launcher_time_s": 11.5})[1] is None
