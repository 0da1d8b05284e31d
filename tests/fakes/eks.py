"""For processes of an Airflow under test: the cluster `eks` on moto, without waiting.

AWS is where AWS_ENDPOINT_URL says, the cluster's API server where the variable `KUBE` says.
"""

from __future__ import annotations

import os

from kubernetes import client

from include.aws import access, nodes, removal, reservations, scaling, stack
from include.checks import Findings, passed
from include.clusters import eks
from include.kube.client import Kube
from include.models import Status
from include.study import image_look, turn
from tests.fakes.points import record_of

FAILING = "failing"  # name of a study whose points fail
KUBE = "OPERATOR_BENCHMARK_FAKE_KUBE"
POLL_S = 0.2
NEVER_PULL = {"image_pull_policy": "Never"}


def install():
    """Patches the process that it is called in."""
    for module in (stack, removal, nodes, scaling, reservations):
        module.POLL_S = POLL_S
    access.connect = _connect
    # What preflight looks at has tests of its own.
    eks.Eks.examine = lambda *_: Findings(checks=(passed("moto", "it is moto"),))
    turn.run_point = _run_point
    # Its pods never run, so a look into an image would wait for its limit.
    image_look.look_into_images = lambda *_: None
    made = eks.Eks.wait_ready
    # Its nodes are names alone: there is nothing that could pull an image.
    eks.Eks.wait_ready = lambda *given: made(*given).model_copy(update=NEVER_PULL)


def _connect(*_, namespace, **__):
    settings = client.Configuration()
    settings.host = os.environ[KUBE]
    return Kube(client.ApiClient(settings), namespace=namespace)


def _run_point(point, setting):
    status = Status.FAILED if setting.study.name == FAILING else Status.VALID
    workers = setting.handle.worker_nodes
    found = record_of(point, cluster="eks", node_names=workers, status=status)
    setting.results.write_json(f"points/{point.point_id}/record.json", found.to_json())
    return found
