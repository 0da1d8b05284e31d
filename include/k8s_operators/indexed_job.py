"""Plain Indexed Job whose first pod starts MPI over ssh: no operator.

The baseline: other operators' costs and savings are measured against Kubernetes alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.k8s_operators import JobState, K8sOperator, _mpi_launch
from include.k8s_operators._pods import INDEX_LABEL, batch_job_state, one_per_node, resources
from include.kube.kinds import JOB
from include.models import Model
from include.render import render

if TYPE_CHECKING:
    from include.k8s_operators import JobSpec


class Options(Model):
    """`operator_options.indexed_job` of a study: no options."""


class IndexedJob(K8sOperator[Options]):
    """Job `batch/v1`, completion mode Indexed, with a headless Service and an ssh key pair."""

    name = "indexed_job"
    title = "Indexed Job"
    options = Options
    controller = None
    resource = JOB
    longest_pod_suffix = "-9999"
    launcher_container = "worker"

    def objects(self, job: JobSpec, options: Options) -> tuple[dict[str, Any], ...]:  # noqa: ARG002
        """Secret with a fresh key pair, headless Service, Job."""
        private_key, public_key = _mpi_launch.key_pair()
        return render(
            "indexed_job.yaml.j2",
            job=job,
            script=_mpi_launch.script_of_every_pod(job),
            private_key=private_key,
            public_key=public_key,
            one_per_node=one_per_node(job, extra_labels={}),
            resources=resources(job),
            deadline_s=int(job.timeout_s),
        )

    def state(self, resource: dict[str, Any]) -> JobState:
        """State from the Job's conditions.

        The job has succeeded when the success policy is met, as an MPIJob has when its launcher has
        ended; `Complete` comes later, when the pods that only serve ssh are gone too.
        """
        return batch_job_state(resource)

    def carries_ranks(self, pod: dict[str, Any]) -> bool:
        """True: every pod does, including the first."""
        return INDEX_LABEL in pod["metadata"]["labels"]

    def launches(self, pod: dict[str, Any]) -> bool:
        """True for the pod of index 0."""
        return bool(pod["metadata"]["labels"].get(INDEX_LABEL) == "0")


ADAPTER = IndexedJob()
