"""Dead parts are started again, and a first try that fails costs no task one of its own."""

import pytest
from kubernetes.client.exceptions import ApiException

from include.embedded import health, revival
from include.errors import ClusterError

WHERE = {"root": None, "study_id": "first"}


@pytest.fixture
def dead(monkeypatch):
    """Names of parts that are dead now."""
    names = {"kube-apiserver"}
    monkeypatch.setattr(revival, "PAUSE_S", 0.0)
    state = type("State", (), {"is_complete": True})
    monkeypatch.setattr(revival.state, "require", lambda *_, **__: state)
    monkeypatch.setattr(health, "dead_names", lambda _: frozenset(names))
    return names


@pytest.mark.parametrize("err", [ClusterError("its port is in use"), ApiException(reason="busy")])
def test_a_first_try_that_fails_is_made_again_with_all_that_was_dead(dead, err):
    tries = []

    def start(names):
        tries.append(set(names))
        if len(tries) == 1:
            dead.clear()
            dead.add("mpi-operator")
            raise err

    revival.revive(start, **WHERE)
    assert tries == [{"kube-apiserver"}, {"kube-apiserver", "mpi-operator"}]


def test_what_is_whole_is_left_alone(dead):
    dead.clear()
    revival.revive(lambda _: pytest.fail("nothing is dead"), **WHERE)


@pytest.mark.parametrize("err", [ClusterError("its port"), ApiException(reason="its port")])
def test_a_second_try_that_fails_is_an_error_of_the_cluster(dead, err):
    def start(_):
        raise err

    with pytest.raises(ClusterError, match="its port"):
        revival.revive(start, **WHERE)
