"""Objects that a webhook refuses for a moment, and those that it refuses for good."""

from __future__ import annotations

import pytest

from include import k8s_operators
from include.errors import ClusterError
from include.jobs import creation

TRAINER = k8s_operators.load("trainer_mpi")
OBJECT = {"kind": "TrainJob", "metadata": {"name": "job"}}
TOO_EARLY = "refused (403): not found: specified trainingRuntime must be created before the \
TrainJob is created"


class Kube:
    """Refuses as often as it is told to, and counts."""

    def __init__(self, text, *, refusals):
        self.text, self.refusals, self.asked = text, refusals, 0

    def create(self, obj):
        self.asked += 1
        if self.asked <= self.refusals:
            raise ClusterError(self.text)
        return obj


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(creation, "POLL_S", 0.0)


def test_a_webhook_that_has_yet_to_hear_of_the_runtime_is_asked_again():
    kube = Kube(TOO_EARLY, refusals=2)
    assert creation.create(kube, TRAINER, OBJECT) == OBJECT
    assert kube.asked == 3


def test_kueues_webhook_that_has_yet_to_hear_of_the_runtime_is_asked_again_too():
    said = "admission webhook \"vtrainjob.kb.io\" denied the request: runtime 'job-7' not found"
    kube = Kube(said, refusals=2)
    assert creation.create(kube, TRAINER, OBJECT) == OBJECT
    assert kube.asked == 3


def test_any_other_refusal_is_one():
    kube = Kube("refused (403): spec.trainer is not allowed", refusals=1)
    with pytest.raises(ClusterError, match="not allowed"):
        creation.create(kube, TRAINER, OBJECT)
    assert kube.asked == 1


def test_other_operators_wait_for_no_refusal():
    with pytest.raises(ClusterError, match="must be created"):
        creation.create(Kube(TOO_EARLY, refusals=1), k8s_operators.load("jobset"), OBJECT)


def test_a_refusal_that_does_not_pass_is_told(monkeypatch):
    monkeypatch.setattr(creation, "PASSES_WITHIN_S", 0.0)
    with pytest.raises(ClusterError, match="after 0 s still: .*must be created"):
        creation.create(Kube(TOO_EARLY, refusals=9), TRAINER, OBJECT)
