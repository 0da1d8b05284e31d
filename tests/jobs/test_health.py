import pytest

from include.errors import ClusterError, PartDied
from include.jobs import health
from include.jobs.health import Health
from include.kube import follower


def asking(*answers):
    left = list(answers)

    def ask():
        answer = left.pop(0)
        if answer is not None:
            raise answer

    return ask


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(health, "EACH_S", -1.0)


def test_a_part_that_died_is_told_at_once():
    with pytest.raises(PartDied, match="etcd"):
        Health(asking(PartDied("etcd has died"))).look()


def test_a_silence_that_passes_is_survived_and_told(caplog):
    silent = Health(asking(ClusterError("no answer"), None))
    silent.look()
    silent.look()
    assert caplog.messages == ["the cluster is in trouble: no answer"]


def test_a_silence_that_lasts_is_raised(monkeypatch):
    monkeypatch.setattr(follower, "UNANSWERED_S", -1.0)
    with pytest.raises(ClusterError, match="no answer"):
        Health(asking(ClusterError("no answer"))).look()


def test_a_job_that_failed_says_nothing_when_the_cluster_is_at_fault():
    with pytest.raises(ClusterError):
        Health(asking(ClusterError("no answer"))).require()
    Health(None).require()
    Health(None).look()
