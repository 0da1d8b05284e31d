import queue
import tempfile
import threading
import time

import pytest

from include.errors import ClusterError
from include.kube import follower as follower_module
from include.kube import watch
from include.kube.answers import AccessRefused
from include.kube.kinds import POD
from include.kube.watch import LogFollower, Watcher
from tests.kube import api_server

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


def test_a_change_with_null_fields_is_told_without_them(server, watcher):
    state, _ = server
    state.put(f"{PODS}/p", pod(mine="yes") | {"status": {"containerStatuses": None}})
    watcher.start()
    assert watcher.changes.get(timeout=5).obj["status"] == {}
    state.put(f"{PODS}/p", pod(mine="yes") | {"status": None})
    assert "status" not in watcher.changes.get(timeout=5).obj


def test_objects_that_were_not_asked_for_are_not_told(server, watcher, monkeypatch):
    state, _ = server
    monkeypatch.setattr(api_server.ApiServer, "selected", lambda self, *_: dict(self.objects))
    state.put(f"{PODS}/other", pod("other", mine="no"))
    state.put(f"{PODS}/bare", {"kind": "Pod", "metadata": {"name": "bare"}})
    state.put(f"{PODS}/p", pod(mine="yes"))
    watcher.start()
    assert watcher.changes.get(timeout=5).obj["metadata"]["name"] == "p"
    assert watcher.changes.empty()


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


def followed(kube, file, *, pod="p"):
    follower = LogFollower(kube, pod=pod, container="c", file=file)
    follower.start()
    follower.finish(kube, timeout_s=10)
    assert not follower.is_alive()
    assert follower.failure is None
    return follower


STAMPED = b"2026-01-01T00:00:00Z one\n2026-01-01T00:00:01Z two\n"


def test_log_is_written_whole(server, file):
    state, kube = server
    state.logs["p"] = STAMPED
    assert followed(kube, file).complete
    assert content(file) == STAMPED


def test_log_of_a_pod_that_goes_leaves_what_was_got_before(server, file):
    state, kube = server
    state.logs["p"] = STAMPED
    follower = LogFollower(kube, pod="p", container="c", file=file)
    follower.start()
    wait_for(lambda: content(file) == STAMPED)
    del state.logs["p"]
    follower.join(timeout=10)
    follower.finish(kube, timeout_s=10)
    assert not follower.complete  # nobody knows
    assert content(file) == STAMPED


def test_log_is_read_again_after_a_refusal(server, file, monkeypatch):
    monkeypatch.setattr(watch, "RETRY_S", 0.01)
    state, kube = server
    state.logs["p"] = STAMPED
    state.refuse_next["GET"] = [500]
    followed(kube, file)
    assert content(file) == STAMPED


def test_stream_that_ends_while_the_container_runs_is_opened_again(server, file, monkeypatch):
    monkeypatch.setattr(watch, "RETRY_S", 0.01)
    state, kube = server
    state.logs["p"] = STAMPED[:25]
    follower = LogFollower(kube, pod="p", container="c", file=file)
    follower.start()
    wait_for(lambda: content(file))
    state.logs["p"] = STAMPED
    wait_for(lambda: content(file) == STAMPED)
    follower.stop()


def test_a_kubelets_own_line_is_not_the_containers(server, file, monkeypatch):
    state, kube = server
    state.logs["p"] = STAMPED + b"failed to create fsnotify watcher: too many open files"
    monkeypatch.setattr(watch, "RETRY_S", 0.01)
    follower = followed(kube, file)
    assert content(file) == STAMPED
    assert follower.doubts == ("the launcher's log may lack its end",)


def test_a_complaint_of_the_kubelet_that_passes_leaves_no_doubt(server, file, monkeypatch):
    state, kube = server
    monkeypatch.setattr(watch, "RETRY_S", 0.01)
    answers = iter([b"unable to retrieve container logs for containerd://1", STAMPED])
    state.logs["p"] = STAMPED
    monkeypatch.setattr(type(kube), "read_log", lambda *_, **__: next(answers))
    follower = followed(kube, file)
    assert content(file) == STAMPED
    assert follower.doubts == ()


def test_a_log_that_may_not_be_read_is_an_error_of_the_cluster(server, file, monkeypatch):
    monkeypatch.setattr(watch, "RETRY_S", 0.01)
    state, kube = server
    state.refuse_next["GET"] = [403] * 1000
    follower = LogFollower(kube, pod="p", container="c", file=file)
    follower.start()
    with pytest.raises(
        ClusterError, match="nothing of the log of p could be read.*lacks the right"
    ):
        follower.finish(kube, timeout_s=5)


@pytest.mark.parametrize(
    "line",
    [
        b'{"kind":"Status","status":"Failure","message":"timeout","code":504}',
        b"<html>Sign in</html>",
        b"[]",
        b'{"type":"ADDED"}',
        b'{"type":"ADDED","object":{"metadata":null}}',
        b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"0"}}}',
        b'{"type":"ERROR","object":{"kind":"Status","code":410}}',
    ],
)
def test_a_line_that_tells_no_change_makes_it_watch_anew(server, watcher, monkeypatch, line):
    monkeypatch.setattr(watch, "RETRY_S", 0.01)
    state, _ = server
    lines, served = [line], api_server._Handler._watch

    def first_a_stranger(self, collection, query):
        if not lines:
            served(self, collection, query)
            return
        self._start_stream()
        self._chunk(lines.pop() + b"\n")
        self._chunk(b"")

    monkeypatch.setattr(api_server._Handler, "_watch", first_a_stranger)
    watcher.start()
    wait_for(lambda: not lines)
    state.put(f"{PODS}/p", pod(mine="yes"))
    assert watcher.changes.get(timeout=5).obj["metadata"]["name"] == "p"


def test_a_refusal_that_lasts_is_told_and_one_that_passes_is_not(monkeypatch):
    monkeypatch.setattr(follower_module, "REFUSED_S", -1.0)
    trouble = follower_module.Trouble()
    trouble.note(ClusterError("no answer"))
    assert trouble.lasting() is None
    trouble.note(AccessRefused("renew it"))
    assert str(trouble.lasting()) == "renew it"
    trouble.end()
    assert trouble.lasting() is None


def test_what_ends_a_thread_is_kept_for_who_waits_for_it(watcher, monkeypatch):
    monkeypatch.setattr(watcher, "attend", lambda: 1 / 0)
    watcher.start()
    watcher.join(timeout=5)
    assert isinstance(watcher.failure, ZeroDivisionError)


def test_a_thread_that_outlives_the_end_of_the_log_touches_its_file_no_more(server, file):
    state, kube = server
    state.logs["p"] = STAMPED
    follower = followed(kube, file)
    file.seek(0)
    follower._add(b"2026-01-01T00:00:02Z three\n")
    assert file.tell() == 0
    assert content(file) == STAMPED


class Stuck(follower_module.Follower):
    """A thread that nothing wakes, as one that waits for a silent server's first word."""

    def __init__(self, released):
        super().__init__(name="stuck")
        self.released = released
        self.waited_s = []

    def attend(self):
        self.released.wait()

    def join(self, timeout=None):
        self.waited_s.append(timeout)
        super().join(timeout)


def test_threads_that_cannot_be_woken_share_one_wait(monkeypatch):
    monkeypatch.setattr(follower_module, "STOP_S", 0.2)
    released = threading.Event()
    threads = [Stuck(released) for _ in range(4)]
    for thread in threads:
        thread.start()
    follower_module.stop_all(threads)
    released.set()
    waited_s = [each for thread in threads for each in thread.waited_s]
    assert all(thread.stopping.is_set() for thread in threads)
    assert waited_s[0] <= 0.2
    assert waited_s[1:] == [0.0, 0.0, 0.0]
