"""Deletes what a point or a study made on a cluster, and proves that it is gone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from kubernetes.client.exceptions import ApiException

from include import k8s_operators, waiting
from include.errors import TeardownError
from include.k8s_operators import LABEL_POINT, LABEL_STUDY
from include.kube.kinds import POD, SECRET, SERVICE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from include.k8s_operators import K8sOperator
    from include.kube.client import Kube

log = logging.getLogger(__name__)

GONE_S = 60.0  # pods may take their grace period
FORCED_GONE_S = 30.0
POLL_S = 0.1


def delete_point(
    kube: Kube, operator: K8sOperator, *, point_id: str
) -> tuple[datetime | None, datetime]:
    """Delete a point's objects; the server's clock at the request and when no pod was left.

    Pods that outlive their grace period are removed by force, with a warning; TeardownError when
    even that fails.
    """
    selector = f"{LABEL_POINT}={point_id}"
    requested = _delete_selected(kube, operator, selector=selector)
    gone = _see_gone(kube, operator, selector=selector)
    _delete_dependents(kube, operator, name=point_id)
    return requested, gone


def delete_study(kube: Kube, *, study_id: str) -> None:
    """Ask for deletion of everything in the namespace that carries the study's label."""
    for name in k8s_operators.available():
        operator = k8s_operators.load(name)
        _delete_selected(kube, operator, selector=f"{LABEL_STUDY}={study_id}")


def clear_study(kube: Kube, operators: Sequence[K8sOperator], *, study_id: str) -> None:
    """Delete what jobs of the study left under these operators, and wait until it is gone.

    Nothing is left but by a worker that was lost. TeardownError naming what not even force removes.
    """
    selector = f"{LABEL_STUDY}={study_id}"
    left = [each for each in operators if _remaining(kube, each, selector=selector)[0]]
    for operator in left:
        _delete_selected(kube, operator, selector=selector)
    for operator in left:
        _see_gone(kube, operator, selector=selector)


def _see_gone(kube: Kube, operator: K8sOperator, *, selector: str) -> datetime:
    """The server's clock when nothing was left; pods that outlive their grace go by force."""
    try:
        return wait_gone(kube, operator, selector=selector, timeout_s=GONE_S)
    except TeardownError as err:
        log.warning("%s: by force now", err)
        kube.delete_all(POD, selector=selector, grace_s=0)
        return wait_gone(kube, operator, selector=selector, timeout_s=FORCED_GONE_S)


def wait_gone(kube: Kube, operator: K8sOperator, *, selector: str, timeout_s: float) -> datetime:
    """The server's clock when it first listed none of the objects; TeardownError naming them."""
    for _ in waiting.looks(limit_s=timeout_s, poll_s=POLL_S):
        names, server_date = _remaining(kube, operator, selector=selector)
        if not names:
            return server_date
    raise TeardownError(f"still there {timeout_s:.0f} s after deletion: {', '.join(names)}")


def _delete_dependents(kube: Kube, operator: K8sOperator, *, name: str) -> None:
    """Delete what the operator made of the point, and wait until it is gone.

    The garbage collector would do it, but it learns of a new kind of owner only every 30 s.
    """
    for kind, each in operator.dependents(name):
        kube.delete(kind, each)
    for _ in waiting.looks(limit_s=GONE_S, poll_s=POLL_S):
        left = [k.kind for k, each in operator.dependents(name) if kube.get(k, each)]
        if not left:
            return
    raise TeardownError(f"still there after {GONE_S:.0f} s: {', '.join(left)} of {name}")


def _delete_selected(kube: Kube, operator: K8sOperator, *, selector: str) -> datetime | None:
    requested = None
    # The Job of an operator goes before its pods: it would replace them.
    for kind in dict.fromkeys((operator.resource, operator.state_resource, POD, SERVICE, SECRET)):
        try:
            at = kube.delete_all(kind, selector=selector)
        except ApiException:  # the kind itself is gone with its controller
            continue
        requested = requested or at
    return requested


def _remaining(kube: Kube, operator: K8sOperator, *, selector: str) -> tuple[list[str], datetime]:
    listing = kube.list(POD, selector=selector)
    names = [f"pod/{pod['metadata']['name']}" for pod in listing.items]
    try:
        resources = kube.list(operator.resource, selector=selector).items
    except ApiException:  # the kind itself is gone with its controller
        resources = ()
    kind = operator.resource.kind
    names += [f"{kind}/{resource['metadata']['name']}" for resource in resources]
    return names, listing.server_date
