"""The MPI Operator of Kubeflow: one MPIJob gives workers, a launcher, ssh keys and a host file."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from include.k8s_operators import K8sOperator, _mpi_launch
from include.k8s_operators._pods import one_per_node, resources, state_by_conditions
from include.kube.conditions import condition
from include.kube.kinds import Controller, Rate, ResourceKind
from include.models import Model, MpiImplementation
from include.render import render

if TYPE_CHECKING:
    from include.k8s_operators import JobSpec, JobState

VERSION = "v0.8.2"
HOST_FILE = "/etc/mpi/hostfile"  # mounted by the operator into the launcher
LAUNCHER, WORKER = "launcher", "worker"  # containers, and values of the label
ROLE_LABEL = "training.kubeflow.org/job-role"


class LauncherCreationPolicy(StrEnum):
    """Moment at which the operator creates the launcher pod."""

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
    has_launcher_pod = True
    longest_pod_suffix = "-worker-9999"
    launcher_container = LAUNCHER
    controller = Controller(
        name="mpi-operator",
        version=VERSION,
        namespace="mpi-operator",
        crd_name="mpijobs.kubeflow.org",
        go_module="github.com/kubeflow/mpi-operator",
        package="github.com/kubeflow/mpi-operator/cmd/mpi-operator",
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
        """State from the MPIJob's conditions Running, Succeeded and Failed."""
        is_running = condition(resource, "Running") is not None
        return state_by_conditions(resource, success=("Succeeded",), is_running=is_running)

    def carries_ranks(self, pod: dict[str, Any]) -> bool:
        """True for workers."""
        return bool(pod["metadata"]["labels"].get(ROLE_LABEL) == WORKER)

    def launches(self, pod: dict[str, Any]) -> bool:
        """True for the launcher, which carries no rank."""
        return bool(pod["metadata"]["labels"].get(ROLE_LABEL) == LAUNCHER)

    def container_of(self, pod: dict[str, Any]) -> str:
        """Named as in the manifest: launcher or worker."""
        return LAUNCHER if self.launches(pod) else WORKER


ADAPTER = MpiOperator()
