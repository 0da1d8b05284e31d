import queue
import tempfile
import time

import pytest

from include.kube import watch
from include.kube.kinds import POD
from include.kube.watch import LogFollower, Watcher

pytestmark = pytest.mark.sockets
PODS = "/api/v1/namespaces/study/pods"


def pod(name="p", **labels):
    return {"kind": "Pod", "metadata": {"name": name, "labels": labels}}


@pytest.fixture
def watcher(server):
    _, kube = server
    changes = queue.SimpleQueue()
    found = Watcher(kube, POD, selector="mine=yes", changes=changes)
    found.changes = changes
    yield found
    found.stop()
    assert not found.is_alive()


def wait_for(is_so):
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_was_there_before_is_told_first(server, watcher):
    state, _ = server
    state.put(f"{PODS}/p", pod(mine="yes"))
    watcher.start()
    assert watcher.changes.get(timeout=5).obj["metadata"]["name"] == "p"


def test_changes_and_deletion_are_told_and_other_labels_are_not(server, watcher):
    state, _ = server
    watcher.start()
    wait_for(lambda: state.requests.count(("GET", PODS)) == 2)  # the list and the watch
    state.put(f"{PODS}/q", pod("q", mine="no"))
    state.put(f"{PODS}/p", pod("p", mine="yes"))
    state.remove(f"{PODS}/p")
    told = [watcher.changes.get(timeout=5), watcher.changes.get(timeout=5)]
    assert [(each.obj["metadata"]["name"], each.gone) for each in told] == [
        ("p", False),
        ("p", True),
    ]


def test_watch_goes_on_after_refusals(server, watcher, monkeypatch):
    monkeypatch.setattr(watch, "RETRY_S", 0.01)
    state, _ = server
    state.refuse_next["GET"] = [500, 410, 500]
    state.put(f"{PODS}/p", pod(mine="yes"))
    watcher.start()
    assert watcher.changes.get(timeout=10).obj["metadata"]["name"] == "p"


def test_expired_version_makes_it_list_again(server, watcher, monkeypatch):
    state, kube = server
    opened = []
    open_watch = kube.open_watch

    def expired_once(*args, **kwargs):
        opened.append(kwargs["resource_version"])
        if len(opened) == 1:
            state.history.append((state.version + 1, "ERROR", f"{PODS}/x", pod(mine="yes")))
            state.version += 1
        return open_watch(*args, **kwargs)

    monkeypatch.setattr(kube, "open_watch", expired_once)
    watcher.start()
    wait_for(lambda: len(opened) == 2)
    state.put(f"{PODS}/p", pod(mine="yes"))
    assert watcher.changes.get(timeout=5).obj["metadata"]["name"] == "p"


@pytest.fixture
def file():
    with tempfile.TemporaryFile() as opened:
        yield opened


def content(file):
    file.seek(0)
    return file.read()


def test_log_is_written_whole(server, file):
    state, kube = server
    state.logs["p"] = b"2026-01-01T00:00:00Z one\n2026-01-01T00:00:01Z two\n"
    follower = LogFollower(kube, pod="p", container="c", file=file)
    follower.start()
    follower.join(timeout=10)
    assert follower.complete
    assert content(file) == state.logs["p"]


def test_log_of_an_absent_pod_ends_and_leaves_what_was_got_before(server, file):
    _, kube = server
    file.write(b"got before")
    follower = LogFollower(kube, pod="absent", container="c", file=file)
    follower.start()
    follower.join(timeout=10)
    assert not follower.is_alive()
    assert not follower.complete
    assert content(file) == b"got before"


def test_log_is_read_again_from_its_start_after_a_refusal(server, file, monkeypatch):
    monkeypatch.setattr(watch, "RETRY_S", 0.01)
    state, kube = server
    state.logs["p"] = b"2026-01-01T00:00:00Z one\n"
    state.refuse_next["GET"] = [500]
    file.write(b"of a connection that broke, and longer than the log is\n")
    follower = LogFollower(kube, pod="p", container="c", file=file)
    follower.start()
    follower.join(timeout=10)
    assert content(file) == state.logs["p"]
