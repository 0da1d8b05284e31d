"""Kubeflow Trainer with its MPI runtime: one TrainJob gives workers, a launcher and ssh keys.

The runtime only supports Open MPI. Its status reports the job's end but not its start, so every
other instant comes from pods and the log. Without `numNodes` the controller panics and the TrainJob
never gets a status: the manifest always sets it. Source: trainer v2.2.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.k8s_operators import K8sOperator, _jobset, _mpi_launch
from include.k8s_operators._manager_config import as_process
from include.k8s_operators._pods import one_per_node, resources
from include.kube.kinds import CONFIG_MAP, JOB, SECRET, SERVICE, Controller, Rate, ResourceKind
from include.models import Model, MpiImplementation
from include.render import render

if TYPE_CHECKING:
    from include.k8s_operators import JobSpec, JobState

VERSION = "v2.2.0"
GROUP, API_VERSION = "trainer.kubeflow.org", "v1alpha1"
NODE = "node"  # replicated job of the workers, and container of both parts: required for the keys
ANCESTOR_LABEL = f"{GROUP}/trainjob-ancestor-step"  # marks the target of the TrainJob's command
KEYS = "/mpi-ssh"  # mount point of the runtime's keys
HOST_FILE = "/etc/mpi/hostfile"  # Open MPI's, mounted by the runtime into the launcher
RUNTIME = ResourceKind(
    group=GROUP, version=API_VERSION, plural="trainingruntimes", kind="TrainingRuntime"
)
# The keys are mounted world-readable, and OpenSSH refuses such private keys.
_KEYS_SCRIPT = f"""\
set -eu
install -d -m 700 /root/.ssh
install -m 600 {KEYS}/* /root/.ssh"""
_HYDRA_HOST_FILE_SCRIPT = f"""\
sed 's/ slots=/:/' {HOST_FILE} > {_mpi_launch.HOST_FILE}"""


class Options(Model):
    """`operator_options.trainer_mpi` of a study: no options."""


class TrainerMpi(K8sOperator[Options]):
    """TrainJob `trainer.kubeflow.org/v1alpha1` with its own TrainingRuntime."""

    name = "trainer_mpi"
    title = "Kubeflow Trainer (MPI)"
    options = Options
    resource = ResourceKind(group=GROUP, version=API_VERSION, plural="trainjobs", kind="TrainJob")
    more_kinds = (_jobset.RESOURCE, JOB, RUNTIME)
    has_launcher_pod = True
    longest_pod_suffix = _jobset.LONGEST_SUFFIX
    launcher_container = NODE
    transient_refusals = (
        "must be created before the TrainJob is created",
        r"runtime '[^']+' not found",  # Kueue's
    )
    controller = Controller(
        name="trainer-manager",
        version=VERSION,
        namespace="kubeflow-system",
        deployment="kubeflow-trainer-controller-manager",
        crd_name=f"trainjobs.{GROUP}",
        more_crds=(f"trainingruntimes.{GROUP}", f"clustertrainingruntimes.{GROUP}"),
        go_module="github.com/kubeflow/trainer/v2",
        tool="trainer",
        package="github.com/kubeflow/trainer/v2/cmd/trainer-controller-manager",
        crd_files=(
            f"manifests/base/crds/{GROUP}_trainjobs.yaml",
            f"manifests/base/crds/{GROUP}_trainingruntimes.yaml",
            f"manifests/base/crds/{GROUP}_clustertrainingruntimes.yaml",
        ),
        deployment_file="manifests/base/rbac/role.yaml",
        advice=(
            "kubectl apply --server-side -k "
            f"https://github.com/kubeflow/trainer.git/manifests/overlays/manager?ref={VERSION}"
        ),
        cluster_role="kubeflow-trainer-controller-manager",
        process_arguments=("--config={config}",),
        health_path="/readyz",
        config_file="manifests/base/manager/controller_manager_config.yaml",
        config=as_process("certManagement:\n  enable: false\n", metrics="  secureServing: false\n"),
        webhook_files=("manifests/base/webhook/manifests.yaml",),
        # controller-runtime's: its configuration's 50/s is read but not used
        client_rate=Rate(qps=20, burst=30),
        needs=(_jobset.CONTROLLER,),
    )

    def objects(self, job: JobSpec, options: Options) -> tuple[dict[str, Any], ...]:  # noqa: ARG002
        """TrainingRuntime, TrainJob; the operator makes keys, host file and JobSet."""
        return render(
            "trainer_mpi.yaml.j2",
            job=job,
            launcher_script=_launcher_script(job),
            launcher_labels={**job.labels, ANCESTOR_LABEL: "trainer"},
            worker_script=f"{_KEYS_SCRIPT}\n{_mpi_launch.WORKER_SCRIPT}",
            keys=KEYS,
            one_per_node=one_per_node(job, extra_labels={_jobset.PART_LABEL: NODE}),
            resources=resources(job),
            deadline_s=int(job.timeout_s),
        )

    def state(self, resource: dict[str, Any]) -> JobState:
        """State from the TrainJob's conditions Complete and Failed, which are its JobSet's."""
        parts = resource.get("status", {}).get("jobsStatus", ())
        return _jobset.state(resource, success="Complete", parts=parts)

    def carries_ranks(self, pod: dict[str, Any]) -> bool:
        """True for pods of the replicated job `node`."""
        return _jobset.part_of(pod) == NODE

    def launches(self, pod: dict[str, Any]) -> bool:
        """True for the launcher, which carries no rank."""
        return _jobset.part_of(pod) == _jobset.LAUNCHER

    def workarounds(self, job: JobSpec) -> str:
        """Additions that OpenSSH needs with any MPI, and those for MPICH."""
        keys = "ssh keys are copied with mode 0600, as the runtime mounts them with 0644"
        if job.mpi_implementation is MpiImplementation.OPENMPI:
            return keys
        host_file = "the runtime's host file for Open MPI is rewritten for MPICH"
        name = "mpiexec.hydra gets -localhost with a name of the launcher that workers resolve"
        return f"{keys}; {host_file}; {name}"

    def dependents(self, name: str) -> tuple[tuple[ResourceKind, str], ...]:
        """Everything made from the TrainJob, which Kubernetes would collect later."""
        return (
            (_jobset.RESOURCE, name),
            *((JOB, f"{name}-{part}-0") for part in (_jobset.LAUNCHER, NODE)),
            (SERVICE, name),
            (SECRET, f"{name}-mpi-ssh-auth"),
            (CONFIG_MAP, f"{name}-mpi-hostfile"),
            (RUNTIME, name),
        )


def _launcher_script(job: JobSpec) -> str:
    if job.mpi_implementation is MpiImplementation.OPENMPI:
        return f"{_KEYS_SCRIPT}\n{_mpi_launch.launcher_script(job, host_file=HOST_FILE)}"
    own_name = _jobset.pod_name(job, part=_jobset.LAUNCHER, index=0)
    launch = _mpi_launch.launcher_script(job, host_file=_mpi_launch.HOST_FILE, own_name=own_name)
    return f"{_KEYS_SCRIPT}\n{_HYDRA_HOST_FILE_SCRIPT}\n{launch}"


ADAPTER = TrainerMpi()
