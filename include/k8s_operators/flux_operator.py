"""The Flux Operator: one MiniCluster gives brokers, the first of which submits the job to Flux.

Its pods succeed whatever happens to the application, so a run only counts as successful if Flux's
own lines in the broker's log say so. Sources: flux-operator at commit 0d75cef855de.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

from include.errors import JobFailed, StudyError
from include.k8s_operators import LABEL_POINT, JobState, K8sOperator, Launch, _curve
from include.k8s_operators._pods import INDEX_LABEL, batch_job_state, resources
from include.kube.kinds import CONFIG_MAP, JOB, SERVICE, Controller, Rate, ResourceKind
from include.models import Binding, Model, MpiImplementation
from include.parsers import flux_events, flux_log, gnu_time
from include.parsers.lines import clean
from include.render import render

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from pydantic import JsonValue

    from include.k8s_operators import JobSpec

COMMIT = "0d75cef855dee5351d68e32ec139a70e892b5268"
API_VERSION = "v1alpha2"
# Its libc must not be newer than the application image's: see the view images' names.
VIEW_IMAGE = "ghcr.io/converged-computing/flux-view-ubuntu:tag-focal"
SUBMIT, START = "fluxsubmit", "fluxstart"
PLAIN_WORD = re.compile(r"[A-Za-z0-9_.,:/=+@%-]+")
# Binding in Flux's terms. `-c 1` gives each rank its own core, as in run 6.
AFFINITY = {
    Binding.NONE: "-o cpu-affinity=off",
    Binding.CORE: "-c 1 -o cpu-affinity=per-task",
}
# Time for the other ranks to end after one has ended or was killed; Flux's default: 30 s.
END_TOGETHER = "-o exit-timeout=10s"
MPI_PLUGIN = {MpiImplementation.OPENMPI: "-ompi=openmpi@5"}
# The pod's own clock, and the exit code of `flux start`: the container itself always exits with 0.
BROKER_PRE = 'echo "BENCH start $(date +%s.%N)"; flux version'
POST = 'echo "BENCH post $? $(date +%s.%N)"'
_ENDED = re.compile(r"BENCH post ([0-9]+)\b")


class Options(Model):
    """`operator_options.flux_operator` of a study."""

    option_flags: str | None = None  # None: derived from the study's binding and MPI
    extra_flags: str = ""  # appended to them
    view_image: str | None = None  # None: the cluster's own, or else VIEW_IMAGE


class FluxOperator(K8sOperator[Options]):
    """MiniCluster `flux-framework.org/v1alpha2`, with Flux's own launcher instead of ssh."""

    name = "flux_operator"
    title = "Flux Operator"
    options = Options
    factors = ("option_flags",)
    resource = ResourceKind(
        group="flux-framework.org", version=API_VERSION, plural="miniclusters", kind="MiniCluster"
    )
    longest_pod_suffix = "-9999"
    launch = Launch.FLUX
    queued_labels = ("spec", "jobLabels")  # Kueue knows no MiniCluster, but its Job
    all_pods_end = True
    launcher_image = VIEW_IMAGE
    needs_core_per_rank = True
    controller = Controller(
        name="flux-operator",
        version=f"{API_VERSION} ({COMMIT[:12]})",
        commit=COMMIT,
        namespace="operator-system",
        deployment="operator-controller-manager",
        crd_name="miniclusters.flux-framework.org",
        go_module="github.com/flux-framework/flux-operator",
        crd_files=("config/crd/bases/flux-framework.org_miniclusters.yaml",),
        deployment_file="examples/dist/flux-operator.yaml",
        manifest_url=(
            "https://raw.githubusercontent.com/flux-framework/flux-operator/"
            f"{COMMIT}/examples/dist/flux-operator.yaml"
        ),
        manifest_sha256="9c8b9b32b5699d8b9864050844b922e89dae8f9103c81a29e7c116bd3b527227",
        cluster_role="operator-manager-role",
        process_arguments=(
            "-kubeconfig={kubeconfig}",
            "-metrics-bind-address={address}:{metrics_port}",
            "-health-probe-bind-address={address}:{health_port}",
        ),
        client_rate=Rate(qps=20, burst=30),  # controller-runtime's, which no argument changes
    )

    @property
    def state_resource(self) -> ResourceKind:
        """The Indexed Job: the MiniCluster has no condition for its end."""
        return JOB

    def launcher_image_with(self, options: Options) -> str:
        """The study's view image, or else upstream's."""
        return options.view_image or VIEW_IMAGE

    def objects(self, job: JobSpec, options: Options) -> tuple[dict[str, Any], ...]:
        """The MiniCluster alone; the operator makes the rest."""
        plain = all(PLAIN_WORD.fullmatch(word) for word in job.command)
        return render(
            "flux_operator.yaml.j2",
            job=job,
            option_flags=option_flags(job, options),
            certificate=_curve.certificate(job.name),
            view_image=options.view_image or job.launcher_image or VIEW_IMAGE,
            command=" ".join(job.command),
            script=None if plain else _script(job.command),
            broker_pre=BROKER_PRE,
            post=POST,
            resources=resources(job),
            deadline_s=int(job.timeout_s),
        )

    def binding(self, declared: Binding, options: Options) -> Binding | None:
        """Flux binds to cores or not at all; the study's own flags may ask for anything."""
        if options.option_flags is not None:
            return None
        if declared not in AFFINITY:
            known = ", ".join(AFFINITY)
            msg = f"binding: Flux has no {declared}, choose from {known}, or give option_flags"
            raise StudyError(msg)
        return declared

    def state(self, resource: dict[str, Any]) -> JobState:
        """State of the Indexed Job of that name: the MiniCluster never reports its end."""
        return batch_job_state(resource)

    def carries_ranks(self, pod: dict[str, Any]) -> bool:
        """True: every pod does, including the broker's."""
        return INDEX_LABEL in pod["metadata"]["labels"]

    def launches(self, pod: dict[str, Any]) -> bool:
        """True for the pod of index 0, the lead broker."""
        return bool(pod["metadata"]["labels"].get(INDEX_LABEL) == "0")

    def launcher_container_of(self, pod: dict[str, Any]) -> str:
        """The container's name, which is the MiniCluster's."""
        return str(pod["metadata"]["labels"][LABEL_POINT])

    def dependents(self, name: str) -> tuple[tuple[ResourceKind, str], ...]:
        """Objects without our labels; a leftover ConfigMap would be reused."""
        return ((JOB, name), (SERVICE, name), (CONFIG_MAP, f"{name}-entrypoint"))

    def without_secrets(self, obj: dict[str, Any]) -> dict[str, Any]:
        """The MiniCluster without its certificate."""
        shown = super().without_secrets(obj)
        if "curveCert" in shown.get("spec", {}).get("flux", {}):
            shown["spec"]["flux"]["curveCert"] = "(not stored)"
        return shown

    def confirm_success(self, lines: Iterable[str]) -> None:
        """JobFailed unless Flux reports that its job and the broker ended with status 0."""
        log = [clean(line) for line in lines]
        ends = [match[1] for line in log if (match := _ENDED.match(line))]
        if any(code != "0" for code in ends):
            raise JobFailed(f"flux start ended with exit code {ends[-1]}; its pod says success")
        events = flux_events.parse(log) if _has_event(log) else None
        if events and events.exit_code:
            code = events.exit_code
            raise JobFailed(f"the Flux job ended with exit code {code}; its pod says success")
        if events and events.fatal:
            raise JobFailed("the Flux job ended with an exception; its pod says success")
        gnu_time.parse(log, required=(SUBMIT, START))
        if events is None or events.exit_code is None:
            raise JobFailed("no Flux job event 'complete: status=0' in the log")

    def complaint(self, lines: Iterable[str]) -> str | None:
        """The job's exception, or else the first line that gives a reason for the failure."""
        return flux_log.complaint(lines)

    def app_span(
        self, lines: Iterable[tuple[datetime, str]], *, time_scale: float = 1.0
    ) -> tuple[datetime, datetime] | None:
        """Flux's events `start` and `finish`, as it forwards the application's output in batches.

        The first line reaches the log up to half a second late, the last one does not.
        """
        return flux_events.span(lines, time_scale=time_scale)

    def launcher_version(self, lines: Iterable[str]) -> str | None:
        """Versions of flux-core and its scheduler."""
        return flux_log.version(lines)

    def launcher_time_s(self, lines: Iterable[str]) -> float:
        """Wall time of `flux submit`, to 10 ms."""
        return gnu_time.parse(lines, required=(SUBMIT,))[SUBMIT]

    def broker_time_s(self, lines: Iterable[str]) -> float | None:
        """Wall time of `flux start`: waiting for the slowest broker, the job, and the shutdown."""
        return gnu_time.parse(lines, required=(START,))[START]

    def job_events(self, lines: Iterable[str]) -> dict[str, JsonValue] | None:
        """Flux's events of the job, each in seconds since its submission, to 1 ms."""
        log = list(lines)
        events = flux_events.parse(log)
        return {
            "job_id": events.job_id,
            "status": events.status,
            "resources": flux_log.resources(log),
            "exceptions": [str(each) for each in events.exceptions],
            "run_time_s": events.run_time_s,
            "seconds": dict(events.seconds),
        }


def option_flags(job: JobSpec, options: Options) -> str:
    """Arguments of `flux submit` except nodes and ranks."""
    flags = options.option_flags
    if flags is None:
        plugin = MPI_PLUGIN.get(job.mpi_implementation, "")
        flags = f"{plugin} {AFFINITY[job.binding]} {END_TOGETHER}"
    return f"{flags} {options.extra_flags}".strip()


def _script(command: tuple[str, ...]) -> str:
    """The command as a script that survives the unquoted here-document it passes through."""
    escaped = re.sub(r"([\\$`])", r"\\\1", shlex.join(command))
    return f"#!/bin/bash\nexec {escaped}\n"


def _has_event(log: list[str]) -> bool:
    return any(flux_events.holds_event(line) for line in log)


ADAPTER = FluxOperator()
