"""Tasks in processes of their own: how each ends."""

import os
import time

import pytest

from include.drills.flatness import descriptors
from include.drills.tasks import KILLED, How, Task
from include.errors import Cancelled, ClusterError
from include.study.stopping import StudyStopped

pytestmark = pytest.mark.timeout(60)


def ended(task):
    end = time.monotonic() + 30
    while task.ended is None and time.monotonic() < end:
        task.look(wait_s=0.05)
    return task.ended


def failing(err):
    def work(_):
        raise err

    return Task(work=work)


def test_a_task_hands_over_its_value_and_what_it_came_to():
    def work(tell):
        tell("point-1")
        return 7

    task = Task(work=work)
    done = ended(task)
    assert (done.how, done.value) == (How.DONE, 7)
    assert [text for text, _ in task.messages] == ["point-1"]


def test_an_error_is_retried_and_a_stopped_study_is_not():
    assert ended(failing(ClusterError("etcd has died"))).how is How.RETRIED
    assert ended(failing(ClusterError("etcd has died"))).text == "etcd has died"
    assert ended(failing(OSError("disk"))).text == "OSError: disk"
    assert ended(failing(StudyStopped("its time is over"))).how is How.FAILED
    assert ended(failing(Cancelled("by hand"))).how is How.FAILED


def test_a_killed_task_is_known_as_such():
    task = Task(work=lambda _: time.sleep(60))
    assert task.pid
    task.kill()
    assert (ended(task).how, task.ended.text) == (How.RETRIED, KILLED)


def test_an_ended_task_holds_no_descriptor():
    before = descriptors(os.getpid())
    tasks = [Task(work=lambda _: 7) for _ in range(3)]
    assert [ended(task).value for task in tasks] == [7, 7, 7]
    assert descriptors(os.getpid()) == before
    tasks[0].kill()  # nobody else's process is hit
