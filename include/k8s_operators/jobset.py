"""JobSet: workers and a launcher as one gang; its controller knows nothing of MPI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.k8s_operators import K8sOperator, _jobset, _mpi_launch
from include.k8s_operators._pods import one_per_node, resources
from include.kube.kinds import JOB, SERVICE, ResourceKind
from include.models import Model
from include.render import render

if TYPE_CHECKING:
    from include.k8s_operators import JobSpec, JobState

WORKER = "worker"  # replicated job and container; the launcher's have their own name


class Options(Model):
    """`operator_options.jobset` of a study: no options."""


class JobSet(K8sOperator[Options]):
    """JobSet `jobset.x-k8s.io/v1alpha2` of two Jobs; it makes the headless Service itself."""

    name = "jobset"
    title = "JobSet"
    options = Options
    controller = _jobset.CONTROLLER
    resource = _jobset.RESOURCE
    more_kinds = (JOB,)
    has_launcher_pod = True
    longest_pod_suffix = _jobset.LONGEST_SUFFIX
    launcher_container = _jobset.LAUNCHER

    def objects(self, job: JobSpec, options: Options) -> tuple[dict[str, Any], ...]:  # noqa: ARG002
        """Secret with a fresh key pair, JobSet."""
        private_key, public_key = _mpi_launch.key_pair()
        host = _jobset.pod_name(job, part=WORKER, index="$index")
        own_name = _jobset.pod_name(job, part=_jobset.LAUNCHER, index=0)
        launcher_script = _mpi_launch.launcher_script(
            job, host_file=_mpi_launch.HOST_FILE, own_name=own_name
        )
        return render(
            "jobset.yaml.j2",
            job=job,
            private_key=private_key,
            public_key=public_key,
            launcher_script=f"{_mpi_launch.host_file_script(job, host=host)}\n{launcher_script}",
            worker_script=_mpi_launch.WORKER_SCRIPT,
            one_per_node=one_per_node(job, extra_labels={_jobset.PART_LABEL: WORKER}),
            resources=resources(job),
            deadline_s=int(job.timeout_s),
        )

    def state(self, resource: dict[str, Any]) -> JobState:
        """State from the JobSet's conditions Completed and Failed."""
        parts = resource.get("status", {}).get("replicatedJobsStatus", ())
        return _jobset.state(resource, success="Completed", parts=parts)

    def carries_ranks(self, pod: dict[str, Any]) -> bool:
        """True for workers."""
        return _jobset.part_of(pod) == WORKER

    def launches(self, pod: dict[str, Any]) -> bool:
        """True for the launcher, which carries no rank."""
        return _jobset.part_of(pod) == _jobset.LAUNCHER

    def container_of(self, pod: dict[str, Any]) -> str:
        """Launcher or worker, as in the manifest."""
        return _jobset.LAUNCHER if self.launches(pod) else WORKER

    def dependents(self, name: str) -> tuple[tuple[ResourceKind, str], ...]:
        """Both Jobs, and the Service that JobSet makes without our labels."""
        jobs = tuple((JOB, f"{name}-{part}-0") for part in (_jobset.LAUNCHER, WORKER))
        return (*jobs, (SERVICE, name))


ADAPTER = JobSet()
