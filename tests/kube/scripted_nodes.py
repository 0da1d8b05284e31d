"""Nodes for an ApiServer: they pull images when a DaemonSet asks them to."""

from __future__ import annotations

DIGEST = "sha256:" + "a" * 64
POD_PATH = "/api/v1/namespaces/study/pods"
EVENT_PATH = "/api/v1/namespaces/study/events"


class Kubelets:
    """Nodes that answer a DaemonSet with a pod each; a test says what becomes of its images."""

    def __init__(self, state, *, nodes=2):
        self.state = state
        self.nodes = nodes
        self.sets = []
        self.digests = {}  # by node
        self.injected = []  # containers that somebody else puts into each pod, without image
        self.waiting = None  # why containers wait
        self.are_simulated = False  # simulated kubelets name no image that they have
        state.on_create.append(self.react)

    def react(self, obj):
        if obj["kind"] != "DaemonSet":
            return
        self.sets.append(obj)
        obj["status"] = {"desiredNumberScheduled": self.nodes}
        for number in range(self.nodes):
            self.run_pod(obj, number)

    def run_pod(self, daemon_set, number):
        name, containers = f"pull-{number}", daemon_set["spec"]["template"]["spec"]["containers"]
        digest = self.digests.get(number, DIGEST)
        told = {"imageID": f"registry.test/app@{digest}"}
        if self.waiting:
            told = {"imageID": "", "state": {"waiting": self.waiting}}
        if self.are_simulated:
            told = {"imageID": "", "state": {"running": {}}}
        statuses = [{"name": c["name"], "image": c["image"], **told} for c in containers]
        labels = daemon_set["spec"]["template"]["metadata"]["labels"]
        pod = {
            "metadata": {"name": name, "labels": labels},
            "spec": {"nodeName": f"node-{number}", "containers": [*containers, *self.injected]},
            "status": {"containerStatuses": [*statuses, *self.injected]},
        }
        self.state.put(f"{POD_PATH}/{name}", pod)
        for reason, at in (("Pulling", "00"), ("Pulled", "42")):
            place = {"kind": "Pod", "name": name, "fieldPath": "spec.containers{image-1}"}
            event = {
                "metadata": {"name": f"{name}.{reason}"},
                "involvedObject": place,
                "reason": reason,
                "lastTimestamp": f"2026-11-23T10:00:{at}Z",
            }
            self.state.put(f"{EVENT_PATH}/{name}.{reason}", event)
