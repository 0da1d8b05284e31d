"""Deletes what a point or a study made on a cluster, and verifies that it is gone."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from kubernetes.client.exceptions import ApiException

from include import k8s_operators, waiting
from include.errors import TeardownError
from include.jobs.health import Health
from include.k8s_operators import LABEL_POINT, LABEL_STUDY, _kueue
from include.kube.answers import AccessRefused
from include.kube.kinds import POD, SECRET, SERVICE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from include.k8s_operators import K8sOperator
    from include.kube.client import Kube

log = logging.getLogger(__name__)

GONE_S = 60.0  # pods may use their grace period
FORCED_GONE_S = 30.0
POLL_S = 0.1


def delete_point(
    kube: Kube,
    operator: K8sOperator,
    *,
    point_id: str,
    health: Callable[[], None] | None = None,
) -> tuple[datetime | None, datetime]:
    """Delete a point's objects; the server's clock at the request and when no pod was left.

    Pods that outlive their grace period are removed by force, with a warning; TeardownError when
    even that fails. `health` raises any problem of the cluster, as waiting would be useless.
    """
    selector = f"{LABEL_POINT}={point_id}"
    looked_after = Health(health)
    requested = delete_selected(kube, operator, selector=selector)
    gone = _see_gone(kube, operator, selector=selector, health=looked_after)
    _delete_dependents(kube, operator, name=point_id, health=looked_after)
    return requested, gone


def delete_study(kube: Kube, *, study_id: str) -> None:
    """Request deletion of everything in the namespace with the study's label, and of its queue."""
    for name in k8s_operators.available():
        operator = k8s_operators.load(name)
        delete_selected(kube, operator, selector=f"{LABEL_STUDY}={study_id}")
    for kind in _kueue.KINDS:
        with suppress(ApiException, AccessRefused):  # no queues there, or none that it may make
            kube.delete_all(kind, selector=f"{LABEL_STUDY}={study_id}")


def clear_study(kube: Kube, operators: Sequence[K8sOperator], *, study_id: str) -> None:
    """Delete what the study's jobs left under these operators, and wait until it is gone.

    Only a lost worker leaves anything. TeardownError naming what not even force removes.
    """
    selector = f"{LABEL_STUDY}={study_id}"
    left = [each for each in operators if _remaining(kube, each, selector=selector)[0]]
    for operator in left:
        delete_selected(kube, operator, selector=selector)
    for operator in left:
        _see_gone(kube, operator, selector=selector, health=Health(None))


def _see_gone(kube: Kube, operator: K8sOperator, *, selector: str, health: Health) -> datetime:
    """The server's clock when nothing was left; pods that outlive their grace are forced."""
    wait = partial(wait_gone, kube, operator, selector=selector, health=health)
    try:
        return wait(timeout_s=GONE_S)
    except TeardownError as err:
        log.warning("%s: removing by force", err)
        kube.delete_all(POD, selector=selector, grace_s=0)
        return wait(timeout_s=FORCED_GONE_S)


def wait_gone(
    kube: Kube, operator: K8sOperator, *, selector: str, timeout_s: float, health: Health
) -> datetime:
    """The server's clock when it first listed none of the objects; TeardownError naming them."""
    for _ in waiting.looks(limit_s=timeout_s, poll_s=POLL_S):
        health.look()
        names, server_date = _remaining(kube, operator, selector=selector)
        if not names:
            return server_date
        health.look()
    raise TeardownError(f"still there {timeout_s:.0f} s after deletion: {', '.join(names)}")


def _delete_dependents(kube: Kube, operator: K8sOperator, *, name: str, health: Health) -> None:
    """Delete what the operator made for the point, and wait until it is gone.

    The garbage collector would do it, but it learns of a new kind of owner only every 30 s.
    """
    for kind, each in operator.dependents(name):
        kube.delete(kind, each)
    for _ in waiting.looks(limit_s=GONE_S, poll_s=POLL_S):
        health.look()
        left = [k.kind for k, each in operator.dependents(name) if kube.get(k, each)]
        if not left:
            return
    raise TeardownError(f"still there after {GONE_S:.0f} s: {', '.join(left)} of {name}")


def delete_selected(kube: Kube, operator: K8sOperator, *, selector: str) -> datetime | None:
    """Request deletion of an operator's objects with the labels; the server's clock then."""
    requested = None
    # An operator's Job goes before its pods, which it would replace.
    for kind in (*operator.kinds, POD, SERVICE, SECRET):
        try:
            at = kube.delete_all(kind, selector=selector)
        except ApiException:  # the kind itself is gone with its controller
            continue
        requested = requested or at
    return requested


def _remaining(kube: Kube, operator: K8sOperator, *, selector: str) -> tuple[list[str], datetime]:
    listing = kube.list(POD, selector=selector)
    names = [f"pod/{_named(pod)}" for pod in listing.items]
    try:
        resources = kube.list(operator.resource, selector=selector).items
    except ApiException:  # the kind itself is gone with its controller
        resources = ()
    kind = operator.resource.kind
    names += [f"{kind}/{_named(resource)}" for resource in resources]
    return names, listing.server_date


def _named(obj: dict[str, Any]) -> str:
    """The object's name, with the finalizers that hold it."""
    finalizers = ", ".join(obj["metadata"].get("finalizers") or ())
    return f"{obj['metadata']['name']}{f' (kept by {finalizers})' if finalizers else ''}"
