"""Rights that a study needs on a shared cluster, each checked with the API server, none used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kubernetes.client.exceptions import ApiException

from include.checks import Check, failed, passed, unknown
from include.errors import ClusterError
from include.k8s_operators import _kueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from include.kube.client import Kube
    from include.kube.kinds import Controller

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
WORK = ("create", "list", "watch", "delete", "deletecollection")
INSTALL = ("get", "create", "patch", "delete")
FOR_A_QUEUE = (*INSTALL, "list", "deletecollection")
Right = tuple[str, str, str]  # verb, API group, resource with its subresource
RBAC = "rbac.authorization.k8s.io"
FOR_JOBS = (
    *(
        (verb, group, resource)
        for group, resource in (
            *(("", name) for name in ("pods", "services", "secrets", "configmaps")),
            ("batch", "jobs"),
            ("apps", "daemonsets"),
        )
        for verb in WORK
    ),
    ("get", "", "pods/log"),
    ("list", "", "events"),
)
FOR_THE_CLUSTER = (("list", "", "nodes"),)
FOR_A_NAMESPACE = tuple((verb, "", "namespaces") for verb in ("create", "delete"))
FOR_A_CONTROLLER = tuple(
    (verb, group, resource)
    for group, resource in (
        ("", "namespaces"),
        ("", "serviceaccounts"),
        ("apps", "deployments"),
        ("apiextensions.k8s.io", "customresourcedefinitions"),
        (RBAC, "clusterroles"),
        (RBAC, "clusterrolebindings"),
    )
    for verb in INSTALL
)
FOR_VERSIONS = (
    ("list", "", "pods"),
    *((verb, "coordination.k8s.io", "leases") for verb in ("list", "deletecollection")),
)
REMEDY = "docs/your_cluster.md lists the rights and how a ServiceAccount gets them"


def for_study(kube: Kube, *, namespace: str, is_own: bool) -> Check:
    """Check the rights that any study needs, inside and outside its namespace."""
    beside = (*FOR_THE_CLUSTER, *(FOR_A_NAMESPACE if is_own else ()))
    return _check(
        "rights",
        lambda: (*_lacking(kube, FOR_JOBS, namespace), *_lacking(kube, beside, None)),
        held=f"all that jobs in namespace {namespace} need",
    )


def for_jobs_of(kube: Kube, controller: Controller, *, namespace: str) -> Check:
    """Check the rights to an operator's own kind of job."""
    plural, _, group = controller.crd_name.partition(".")
    rights = tuple((verb, group, plural) for verb in (*WORK, "get"))
    return _check(
        f"rights: {plural}", lambda: _lacking(kube, rights, namespace), held="all that jobs need"
    )


def for_controller(kube: Kube, controller: Controller) -> Check:
    """Check the rights to install a controller."""
    return _check(
        f"rights: {controller.name}",
        lambda: _lacking(kube, FOR_A_CONTROLLER, None),
        held="all that its installation needs",
    )


def for_versions(kube: Kube, controller: Controller) -> Check:
    """Check the rights to exchange versions of a controller, besides those to install one."""
    return _check(
        f"rights: versions of {controller.name}",
        lambda: _lacking(kube, FOR_VERSIONS, controller.namespace),
        held=f"all that taking turns in namespace {controller.namespace} needs",
    )


def for_queue(kube: Kube, *, namespace: str) -> Check:
    """Check the rights to make a study's queue, of which a part belongs to no namespace."""
    rights = {
        kind: tuple((verb, kind.group, kind.plural) for verb in FOR_A_QUEUE)
        for kind in _kueue.KINDS
    }
    return _check(
        "rights: queue",
        lambda: tuple(
            lack
            for kind, each in rights.items()
            for lack in _lacking(kube, each, namespace if kind.namespaced else None)
        ),
        held="all that a queue needs",
    )


def _check(name: str, ask: Callable[[], tuple[str, ...]], *, held: str) -> Check:
    try:
        lacking = ask()
    except (ApiException, ClusterError) as err:
        return unknown(name, f"the API server does not say: {err}")
    if not lacking:
        return passed(name, held)
    return failed(name, f"the credential may not {', '.join(lacking)}", remedy=REMEDY)


def _lacking(kube: Kube, rights: Iterable[Right], namespace: str | None) -> tuple[str, ...]:
    """The missing rights, in words; without a namespace, in all of them."""
    where = f" in {namespace}" if namespace else ""
    return tuple(
        f"{verb} {resource}{f'.{group}' if group else ''}{where}"
        for verb, group, resource in rights
        if not _may(kube, verb, group, resource, namespace)
    )


def _may(kube: Kube, verb: str, group: str, resource: str, namespace: str | None) -> bool:
    name, _, subresource = resource.partition("/")
    asked = {"verb": verb, "group": group, "resource": name, "subresource": subresource}
    attributes = {**asked, "namespace": namespace} if namespace else asked
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = json.loads(kube.request("POST", REVIEWS, body=body).data)
    return bool(answer["status"]["allowed"])
