"""An operator with a controller that exists by name only."""

from __future__ import annotations

from include.k8s_operators import JobPhase, JobState, K8sOperator
from include.kube.kinds import JOB, Controller
from include.models import Model


class Options(Model):
    """None."""


class FakeOperator(K8sOperator):
    name = "fake_a"
    title = "Fake operator A"
    version = "1"
    options = Options
    controller = Controller(
        name="fake-a",
        version="1",
        namespace="fake-a",
        crd_name="fakes.a.test",
        go_module="example.org/fake-a",
        crd_files=(),
        deployment_file="",
        cluster_role="fake-a",
        process_arguments=(),
    )
    resource = JOB
    longest_pod_suffix = "-0"

    def objects(self, job, options):
        raise NotImplementedError

    def state(self, resource):
        return JobState(phase=JobPhase.SUCCEEDED)

    def carries_ranks(self, pod):
        return True

    def launches(self, pod):
        return True

    def launcher_time_s(self, lines):
        raise NotImplementedError


ADAPTER = FakeOperator()
