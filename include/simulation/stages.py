"""Our own KWOK stages: what a simulated kubelet does with a pod, and how long it takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from include.embedded.binaries import module_file
from include.kube.kinds import ResourceKind
from include.simulation.settings import Fault

if TYPE_CHECKING:
    from include.simulation.settings import Simulation

KIND = ResourceKind(
    group="kwok.x-k8s.io", version="v1alpha1", plural="stages", kind="Stage", namespaced=False
)
FOLDER = Path(__file__).parent / "stages"
KWOK_MODULE = "sigs.k8s.io/kwok"
STAGE_CRD = "kustomize/crd/bases/kwok.x-k8s.io_stages.yaml"
# Upstream's: a node reports periodically that it is alive.
HEARTBEAT = "kustomize/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml"
POINT_LABEL = "operator-benchmark/point"
END_STAGES = ("pod-end.yaml", "pod-terminate.yaml", "pod-delete.yaml")
HIT_INDEX = "1"
# The point and the index of a pod, for every operator's numbering.
WHICH_POD = (
    f'.metadata.labels["{POINT_LABEL}"] + "/" + '
    '(.metadata.labels["training.kubeflow.org/replica-index"] // '
    '.metadata.labels["batch.kubernetes.io/job-completion-index"] // "launcher")'
)
MILLISECONDS = 1000


def definition() -> dict[str, Any]:
    """KWOK's own definition of a Stage."""
    return _read(module_file(KWOK_MODULE, STAGE_CRD))


def of(simulation: Simulation) -> list[dict[str, Any]]:
    """All stages of nodes and pods, with the durations and faults of the study."""
    options = simulation.options
    start = read("pod-start.yaml")
    least = (options.pull_s + options.start_s) * options.time_scale
    most = least + 0.5 * options.start_s * options.time_scale
    start["spec"]["delay"] = {
        "durationMilliseconds": int(least * MILLISECONDS),
        "jitterDurationMilliseconds": int(most * MILLISECONDS),
    }
    never = _hit(simulation, Fault.WORKER_NEVER_READY)
    unpulled = _hit(simulation, Fault.IMAGE_PULL_ERROR)
    stages = [_node_ready(simulation.kubelet_port), _read(module_file(KWOK_MODULE, HEARTBEAT))]
    if never or unpulled:
        _select(start, operator="NotIn", values=[*never, *unpulled])
    if unpulled:
        failing = read("pod-image-error.yaml")
        _select(failing, operator="In", values=unpulled)
        stages.append(failing)
    ends = [read(name) for name in END_STAGES]
    return [*stages, start, *ends]


def _node_ready(kubelet_port: int) -> dict[str, Any]:
    stage = read("node-ready.yaml")
    template = stage["spec"]["next"]["statusTemplate"]
    stage["spec"]["next"]["statusTemplate"] = template.replace("KUBELET_PORT", str(kubelet_port))
    return stage


def _hit(simulation: Simulation, fault: Fault) -> list[str]:
    return [
        f"{simulation.study_id}-{point}/{HIT_INDEX}"
        for point, wanted in simulation.options.faults.items()
        if wanted is fault
    ]


def _select(stage: dict[str, Any], *, operator: str, values: list[str]) -> None:
    expression = {"key": WHICH_POD, "operator": operator, "values": values}
    stage["spec"]["selector"]["matchExpressions"].append(expression)


def read(name: str) -> dict[str, Any]:
    """One of our own stages or definitions, as written."""
    return _read(FOLDER / name)


def _read(path: Path) -> dict[str, Any]:
    stage: dict[str, Any] = yaml.safe_load(path.read_text())
    return stage
