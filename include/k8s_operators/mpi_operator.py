"""The MPI Operator of Kubeflow: one MPIJob gives workers, a launcher, ssh keys and a host file."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from include.k8s_operators import JobPhase, JobState, K8sOperator, _mpi_launch
from include.k8s_operators._pods import one_per_node, resources
from include.kube.conditions import condition, instant
from include.kube.kinds import Controller, Rate, ResourceKind
from include.models import Model, MpiImplementation
from include.parsers import posix_time
from include.render import render

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.k8s_operators import JobSpec

VERSION = "v0.8.2"
HOST_FILE = "/etc/mpi/hostfile"  # the operator mounts it into the launcher
LAUNCHER, WORKER = "launcher", "worker"  # containers, and values of the label
ROLE_LABEL = "training.kubeflow.org/job-role"


class LauncherCreationPolicy(StrEnum):
    """When the operator creates the launcher pod."""

    AT_STARTUP = "AtStartup"
    WAIT_FOR_WORKERS_READY = "WaitForWorkersReady"


class Options(Model):
    """`operator_options.mpi_operator` of a study."""

    launcher_creation_policy: LauncherCreationPolicy = LauncherCreationPolicy.AT_STARTUP


class MpiOperator(K8sOperator[Options]):
    """MPIJob `kubeflow.org/v2beta1`."""

    name = "mpi_operator"
    title = "MPI Operator"
    options = Options
    factors = ("launcher_creation_policy",)
    resource = ResourceKind(
        group="kubeflow.org", version="v2beta1", plural="mpijobs", kind="MPIJob"
    )
    longest_pod_suffix = "-worker-9999"
    launcher_container = LAUNCHER
    controller = Controller(
        name="mpi-operator",
        version=VERSION,
        namespace="mpi-operator",
        crd_name="mpijobs.kubeflow.org",
        go_module="github.com/kubeflow/mpi-operator",
        crd_files=("manifests/base/kubeflow.org_mpijobs.yaml",),
        deployment_file="deploy/v2beta1/mpi-operator.yaml",
        manifest_url=(
            "https://raw.githubusercontent.com/kubeflow/mpi-operator/"
            f"{VERSION}/deploy/v2beta1/mpi-operator.yaml"
        ),
        manifest_sha256="a7eafe901bebde1410ae0448c2d1ada214a64b2686f6aa44e74eff978573033f",
        cluster_role="mpi-operator",
        process_arguments=("-kubeConfig={kubeconfig}", "-lock-namespace={namespace}"),
        elects_leader=True,
        client_arguments=("-kube-api-qps={qps}", "-kube-api-burst={burst}"),
        queue_arguments=(
            "-controller-queue-rate-limit={queue_qps}",
            "-controller-queue-burst={queue_burst}",
        ),
        client_rate=Rate(qps=5, burst=10),  # cmd/mpi-operator/app/options
        queue_rate=Rate(qps=10, burst=100),
    )

    def objects(self, job: JobSpec, options: Options) -> tuple[dict[str, Any], ...]:
        """The MPIJob alone; the operator makes the rest."""
        flavour = {MpiImplementation.MPICH: "MPICH", MpiImplementation.OPENMPI: "OpenMPI"}
        return render(
            "mpi_operator.yaml.j2",
            job=job,
            mpi_implementation=flavour[job.mpi_implementation],
            launcher_creation_policy=options.launcher_creation_policy,
            launcher_script=_mpi_launch.launcher_script(job, host_file=HOST_FILE),
            worker_script=_mpi_launch.WORKER_SCRIPT,
            one_per_node=one_per_node(job, extra_labels={ROLE_LABEL: WORKER}),
            resources=resources(job),
            deadline_s=int(job.timeout_s),
        )

    def state(self, resource: dict[str, Any]) -> JobState:
        """From the MPIJob's conditions Running, Succeeded and Failed."""
        if done := condition(resource, "Succeeded"):
            at = instant(done["lastTransitionTime"])
            return JobState(phase=JobPhase.SUCCEEDED, completed_at=at)
        if failed := condition(resource, "Failed"):
            at = instant(failed["lastTransitionTime"])
            reason = f"{failed.get('reason', 'Failed')}: {failed.get('message', '')}"
            return JobState(phase=JobPhase.FAILED, message=reason, completed_at=at)
        running = condition(resource, "Running")
        return JobState(phase=JobPhase.RUNNING if running else JobPhase.PENDING)

    def carries_ranks(self, pod: dict[str, Any]) -> bool:
        """Workers do."""
        return bool(pod["metadata"]["labels"].get(ROLE_LABEL) == WORKER)

    def launches(self, pod: dict[str, Any]) -> bool:
        """The launcher does, and carries no rank."""
        return bool(pod["metadata"]["labels"].get(ROLE_LABEL) == LAUNCHER)

    def container_of(self, pod: dict[str, Any]) -> str:
        """Named as in the manifest: launcher or worker."""
        return LAUNCHER if self.launches(pod) else WORKER

    def launcher_time_s(self, lines: Iterable[str]) -> float:
        """`real` of the launch command's `time -p`."""
        return posix_time.parse(lines).real_s


ADAPTER = MpiOperator()
