"""Stands in for a missing Flux Operator: a KWOK stage that makes the same objects.

Never silently: the version returned by `install` says so, and with it every record and report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.embedded import probe, processes
from include.embedded.controllers import wait_established
from include.embedded.credentials import ADMIN
from include.embedded.local_cluster import apply
from include.errors import ClusterError
from include.models import STAND_IN
from include.simulation import access, stages

if TYPE_CHECKING:
    from include.embedded.layout import Layout
    from include.kube.client import Kube
    from include.kube.kinds import Controller

DEFINITION = "miniclusters.flux-framework.org"
SCHEMA = "apis/flux-framework.org/v1alpha2"
SCHEMA_LIMIT_S = 30.0
STAGE = "simulated-minicluster"


def install(controller: Controller, layout: Layout) -> str:
    """Make KWOK act instead of the controller; ClusterError for one without a stand-in."""
    if controller.crd_name != DEFINITION:
        raise ClusterError(f"{controller.name} is not built here and has no stand-in")
    apply(layout, access.stand_in())
    apply(layout, (stages.read("minicluster-definition.yaml"),))
    wait_established(controller, layout)
    # KWOK looks a kind up once, when its stage appears, in a list made a second later.
    processes.wait_for(
        "the schema of MiniClusters", lambda: _is_listed(layout), timeout_s=SCHEMA_LIMIT_S
    )
    apply(layout, (stages.read("minicluster.yaml"),))
    return f"{STAND_IN} for {controller.version} (simulated)"


def _is_listed(layout: Layout) -> bool:
    port = layout.ports.api
    _, body = probe.get(layout, layout.api_address, port=port, path="/openapi/v3", user=ADMIN)
    return SCHEMA.encode() in body


def uninstall(kube: Kube) -> None:
    """Make KWOK stop; its rights go with the cluster."""
    kube.delete(stages.KIND, STAGE)
