"""A gate on each pod that delays its scheduling, lifted in time.

The scheduler itself is real, so scheduling can only be prolonged before it. An admission policy of
the API server gives every pod of the study a scheduling gate; the player lifts it.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Any

from include.k8s_operators import LABEL_POINT
from include.kube.kinds import POD

if TYPE_CHECKING:
    from include.kube.client import Kube

GATE = "operator-benchmark/simulated-scheduling"
NAME = "simulated-scheduling"
API_VERSION = "admissionregistration.k8s.io/v1"


def objects() -> tuple[dict[str, Any], ...]:
    """The admission policy that gates the pods of points, and its binding."""
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"]}
    selector = {"matchExpressions": [{"key": LABEL_POINT, "operator": "Exists"}]}
    gate = f'Object.spec.schedulingGates{{name: "{GATE}"}}'
    gated = f"Object{{spec: Object.spec{{schedulingGates: [{gate}]}}}}"
    policy = {
        "apiVersion": API_VERSION,
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": NAME},
        "spec": {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "matchConstraints": {
                "objectSelector": selector,
                "resourceRules": [{**pods, "resources": ["pods"]}],
            },
            "mutations": [
                {
                    "patchType": "ApplyConfiguration",
                    "applyConfiguration": {"expression": gated},
                }
            ],
        },
    }
    binding = {
        "apiVersion": API_VERSION,
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": NAME},
        "spec": {"policyName": NAME},
    }
    return (policy, binding)


class Gates(threading.Thread):
    """Lifts the gate of each pod a fixed time after the pod first appeared."""

    def __init__(self, kube: Kube, *, delay_s: float) -> None:
        super().__init__(name="gates", daemon=True)
        self._kube = kube
        self._delay_s = delay_s
        self._known: set[str] = set()
        self._due: queue.SimpleQueue[tuple[float, str]] = queue.SimpleQueue()

    def take(self, pod: dict[str, Any]) -> None:
        """Record one state of a pod."""
        uid = pod["metadata"].get("uid", "")
        if pod["spec"].get("schedulingGates") and uid not in self._known:
            self._known.add(uid)
            self._due.put((time.monotonic() + self._delay_s, pod["metadata"]["name"]))

    def run(self) -> None:
        """Lift gates until the process ends."""
        while True:
            due, name = self._due.get()
            time.sleep(max(0.0, due - time.monotonic()))
            self._kube.merge(POD, name, {"spec": {"schedulingGates": None}})
