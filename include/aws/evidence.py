"""Evidence from a failed cluster, collected before it is deleted."""

from __future__ import annotations

import base64
import binascii
import functools
import json
import logging
from typing import TYPE_CHECKING, Any

from include.aws.scaling import WorkerGroup
from include.aws.stack import TAG_STUDY, failures, name_of
from include.kube.kinds import EVENT, NODE, POD
from include.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from include.kube.client import Kube

log = logging.getLogger(__name__)

SYSTEM = "kube-system"
MOST_CONSOLES = 5  # machines that did not become nodes mostly say the same
MOST_LINES = 200  # lines kept of a container's log
LOG_S = 20.0


def collect(
    client: Callable[[str], Any], connect: Callable[[], Kube], *, study_id: str
) -> dict[str, str]:
    """Text by file name: the stack's failures, scaling activities, consoles, nodes, system pods.

    Each part is independent: one that cannot be read holds the reason instead.
    """
    cluster = name_of(study_id)
    parts: dict[str, Callable[[], str]] = {
        "stack.txt": lambda: "\n".join(
            failures(client("cloudformation"), cluster, "CREATE_FAILED")
        ),
        "scaling.json": lambda: _json(WorkerGroup(client, cluster=cluster).activities()),
        "consoles.txt": lambda: _consoles(client("ec2"), _node_ids(connect()), study_id=study_id),
        "nodes.json": lambda: _json(_conditions(connect())),
        "events.json": lambda: _json(connect().in_namespace(SYSTEM).list(EVENT).items),
        "system_pods.txt": lambda: _logs(connect().in_namespace(SYSTEM)),
    }
    return {name: redact(_read(name, part)) for name, part in parts.items()}


def _read(name: str, part: Callable[[], str]) -> str:
    try:
        return part()
    except Exception as err:  # noqa: BLE001  collecting evidence must not hide the failure
        log.info("%s cannot be collected: %s", name, err)
        return f"cannot be collected: {err}"


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, default=str)


def _node_ids(kube: Kube) -> frozenset[str]:
    """Ids of the machines that became nodes: `aws:///us-east-2b/i-0123` ends with one."""
    nodes = kube.list(NODE).items
    return frozenset(node["spec"].get("providerID", "").rpartition("/")[2] for node in nodes)


def _consoles(ec2: Any, nodes: frozenset[str], *, study_id: str) -> str:
    own = [{"Name": f"tag:{TAG_STUDY}", "Values": [study_id]}]
    pages = ec2.get_paginator("describe_instances").paginate(Filters=own)
    machines = [
        machine["InstanceId"]
        for page in pages
        for group in page["Reservations"]
        for machine in group["Instances"]
        if machine["InstanceId"] not in nodes and machine["State"]["Name"] == "running"
    ]
    shown = [f"==== {each}\n{_console(ec2, each)}" for each in machines[:MOST_CONSOLES]]
    return "\n".join([f"{len(machines)} machines run without being nodes", *shown])


def _console(ec2: Any, instance: str) -> str:
    answer = ec2.get_console_output(InstanceId=instance)
    output = answer.get("Output", "")
    try:  # botocore decodes it; stand-ins may not
        return base64.b64decode(output, validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return str(output)


def _conditions(kube: Kube) -> list[dict[str, Any]]:
    return [
        {
            "name": node["metadata"]["name"],
            "labels": node["metadata"].get("labels", {}),
            "taints": node.get("spec", {}).get("taints", []),
            "allocatable": node.get("status", {}).get("allocatable", {}),
            "conditions": node.get("status", {}).get("conditions", []),
        }
        for node in kube.list(NODE).items
    ]


def _logs(kube: Kube) -> str:
    return "\n".join(_container_logs(kube, kube.list(POD).items))


def _container_logs(kube: Kube, pods: Iterable[dict[str, Any]]) -> list[str]:
    shown = []
    for pod in pods:
        name = pod["metadata"]["name"]
        shown.append(f"==== {name} {_json(pod.get('status', {}).get('containerStatuses', []))}")
        for container in pod["spec"]["containers"]:
            tail = functools.partial(_tail, kube, name, container=container["name"])
            lines = _read(name, tail)
            shown.append(f"---- {name}/{container['name']}\n{lines}")
    return shown


def _tail(kube: Kube, pod: str, *, container: str) -> str:
    query = {"container": container, "tailLines": str(MOST_LINES)}
    path = f"{kube.path(POD, pod)}/log"
    return kube.request("GET", path, query=query, timeout_s=LOG_S).data.decode(errors="replace")
