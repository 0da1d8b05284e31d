"""EFA on a cluster: offered to pods, passed to MPI, and counted to show if MPI used it."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from kubernetes.client.exceptions import ApiException

from include.aws.nodes import EFA, WORKER
from include.aws.registries import device_plugin
from include.errors import ParseError
from include.k8s_operators import LABEL_STUDY
from include.kube.kinds import POD
from include.models import MpiImplementation
from include.models.fabric import Traffic
from include.parsers.kubelet_log import split_stamp
from include.render import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.kube.client import Kube
    from include.models import ClusterHandle, Study

log = logging.getLogger(__name__)

COUNTERS_LABEL = "operator-benchmark/efa-counters"
WORDS = ("sent", "received", "memlock", "shm")  # words in a reader's line, each followed by a value
AT_ONCE = 16  # logs read in parallel
LOG_S = 10.0
# Without these, an image without EFA's libfabric, or a node that forbids locking memory, silently
# falls back to TCP. With them the job fails and says why.
LIBFABRIC = {"FI_PROVIDER": "efa"}
BY_MPI = {
    MpiImplementation.OPENMPI: {"OMPI_MCA_pml": "cm", "OMPI_MCA_mtl": "ofi"},
    MpiImplementation.MPICH: {},  # its ch4:ofi has no other way between nodes
}


def offer(kube: Kube, *, region: str, study_id: str) -> None:
    """Put EFA's device plugin on the workers; it would never run on a node without an EFA card."""
    for obj in render(
        "aws/efa_device_plugin.yaml.j2",
        image=device_plugin(region),
        labels={LABEL_STUDY: study_id},
        place=WORKER,
    ):
        kube.in_namespace(obj["metadata"]["namespace"]).apply(obj)


def environment(study: Study) -> dict[str, str]:
    """Variables that make MPI use EFA, for a study whose pods request it; the study's own win."""
    if EFA not in study.pod_resources:
        return {}
    return LIBFABRIC | BY_MPI[study.mpi_implementation]


def count(kube: Kube, handle: ClusterHandle) -> None:
    """Put a reader of EFA's counters on each worker, in the study's own image, which is there."""
    for obj in render(
        "aws/efa_counters.yaml.j2",
        namespace=handle.namespace,
        labels={COUNTERS_LABEL: handle.study_id},
        image=handle.image,
        pull_secret=handle.image_pull_secret,
        place=WORKER,
    ):
        kube.apply(obj)


def read(kube: Kube, study_id: str) -> dict[str, Traffic]:
    """The latest counters by node; nodes whose reader has not reported are left out."""
    pods = kube.list(POD, selector=f"{COUNTERS_LABEL}={study_id}").items
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        lines = pool.map(lambda pod: _last_line(kube, pod), pods)
    named = zip((pod["spec"].get("nodeName", "") for pod in pods), lines, strict=True)
    return {node: traffic for node, line in named if (traffic := _parsed(line)) is not None}


def _last_line(kube: Kube, pod: Mapping[str, Any]) -> str:
    query = {"tailLines": "1", "timestamps": "true"}
    path = f"{kube.path(POD, pod['metadata']['name'])}/log"
    try:
        return kube.request("GET", path, query=query, timeout_s=LOG_S).data.decode()
    except ApiException as err:
        log.info("no counters of %s: %s", pod["spec"].get("nodeName"), err.reason)
        return ""


def _parsed(line: str) -> Traffic | None:
    """Parse `<stamp> sent <bytes> received <bytes> memlock <KiB or a word> shm <KiB>`."""
    try:
        at, text = split_stamp(line)
    except ParseError:  # a reader that has not reported yet
        return None
    words = text.split()
    if tuple(words[::2]) != WORDS:
        return None
    sent, received, memlock, shm = words[1::2]
    return Traffic(
        at=at,
        sent_bytes=int(sent),
        received_bytes=int(received),
        locked_memory_kib=memlock,
        shared_memory_kib=int(shm),
    )
