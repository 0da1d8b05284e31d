"""A clock that is wrong in the project's own code, in tasks alone."""

import os
import time
from datetime import UTC, datetime, timedelta

from include.drills import clock
from include.drills.tasks import Task
from include.study import stopping
from tests.drills.test_tasks import ended
from tests.records import record


def now_of_the_project(_=None):
    return stopping.datetime.now(UTC)


def test_a_task_that_gets_the_signal_has_a_wrong_clock_and_nobody_else():
    def work(tell):
        tell("begun")
        while now_of_the_project() - datetime.now(UTC) < timedelta(minutes=59):
            time.sleep(0.02)
        return "jumped"

    task = Task(work=work)
    while not task.messages:
        task.look(wait_s=0.1)
    os.kill(task.pid, clock.SIGNAL)
    assert ended(task).value == "jumped"
    assert now_of_the_project() - datetime.now(UTC) < timedelta(minutes=1)


def test_tasks_that_begin_later_have_it_too_until_it_is_set_right():
    clock.jump_in_later_tasks()
    off = ended(Task(work=now_of_the_project)).value - datetime.now(UTC)
    clock.set_right()
    right = ended(Task(work=now_of_the_project)).value - datetime.now(UTC)
    assert timedelta(minutes=59) < off < timedelta(minutes=61)
    assert abs(right) < timedelta(minutes=1)


def test_an_instant_of_the_wrong_clock_is_told():
    now = datetime.now(UTC)
    times = {"created_at": now, "completed_at": now, "deleted_at": now}
    assert clock.wrong_instants([record(**times)]) == []
    wrong = record(**times | {"deleted_at": now + clock.JUMP})
    assert "was created at" in clock.wrong_instants([wrong])[0]
