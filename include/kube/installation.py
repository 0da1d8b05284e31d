"""Installs a controller inside a cluster from its upstream manifest, and removes it again."""

from __future__ import annotations

import hashlib
import logging
import os
import urllib.request
from typing import TYPE_CHECKING, Any

from include import waiting
from include.checks import failed, passed
from include.errors import ClusterError, TeardownError
from include.files import write_whole
from include.kube.answers import AccessRefused
from include.kube.kinds import (
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    LEASE,
    NAMESPACE,
    POD,
    Origin,
)
from include.models import Placement
from include.render import objects_in

if TYPE_CHECKING:
    from pathlib import Path

    from include.checks import Check
    from include.kube.client import Kube
    from include.kube.kinds import Controller

log = logging.getLogger(__name__)

OWNER_LABEL = "operator-benchmark/installed-by"  # the study that installed the object
DOWNLOAD_S = 15.0  # time limit for the first answer
LARGEST_BYTES = 16 * 2**20
AVAILABLE_S = 300.0  # the controller's image may have to be pulled first
GONE_S = 180.0
POLL_S = 0.5


ANYWHERE = Placement()


def install(
    kube: Kube,
    controller: Controller,
    *,
    study_id: str,
    cache: Path,
    place: Placement = ANYWHERE,
) -> str:
    """Apply the upstream manifest and wait for the controller; returns its running version.

    `place` is where its pods may run.

    A controller installed by somebody else is used unchanged, with its version read from its image
    tag. ClusterError when it does not become available.
    """
    crd = kube.get(CUSTOM_RESOURCE_DEFINITION, controller.crd_name)
    if crd is not None and _owner(crd) != study_id:
        if controller.origin is Origin.MANIFEST:
            raise ClusterError(of_others(controller))
        log.info("%s is installed by somebody else: used, and left as it is", controller.name)
        return _wait_available(kube, controller)
    _apply(kube, controller, study_id=study_id, cache=cache, place=place)
    return _wait_available(kube, controller)


def exchange(
    kube: Kube,
    controller: Controller,
    *,
    study_id: str,
    cache: Path,
    place: Placement = ANYWHERE,
) -> str:
    """End the version that the study installed, and run this one; returns the version that runs.

    Its definitions take the place of the other's. ClusterError when somebody else installed it.
    """
    if not is_defined_by(kube, controller, study_id=study_id):
        raise ClusterError(of_others(controller))
    own = kube.in_namespace(controller.namespace)
    own.delete(DEPLOYMENT, controller.deployment_name)
    for _ in waiting.looks(limit_s=GONE_S, poll_s=POLL_S):
        if not own.list(POD).items:
            break
    else:
        raise ClusterError(f"{controller.name}: a pod of the version before is still there")
    own.delete_all(LEASE, selector="")  # the next one would wait for its expiry
    _apply(kube, controller, study_id=study_id, cache=cache, place=place)
    version = _wait_available(kube, controller)
    if controller.elects_leader:
        _wait_leading(own, controller)
    return version


def of_others(controller: Controller) -> str:
    """Says that the study cannot choose a controller's version, and what to do."""
    return (
        f"{controller.name} is installed on the cluster by somebody else, so a study cannot choose "
        f"its version: leave `controller` out to use it as it is"
    )


def _apply(
    kube: Kube, controller: Controller, *, study_id: str, cache: Path, place: Placement
) -> None:
    for obj in manifest(controller, cache=cache):
        obj["metadata"].setdefault("labels", {})[OWNER_LABEL] = study_id
        _put(obj, place)
        _placed(kube, obj).apply(obj)


def _wait_leading(own: Kube, controller: Controller) -> None:
    for _ in waiting.looks(limit_s=AVAILABLE_S, poll_s=POLL_S):
        if own.list(LEASE).items:
            return
    raise ClusterError(f"{controller.name} leads nobody after {AVAILABLE_S:.0f} s")


def uninstall(kube: Kube, controller: Controller, *, study_id: str, cache: Path) -> None:
    """Delete what `install` applied for this study, and wait until it is gone.

    Objects of the manifest without the study's label are left. TeardownError naming what remains
    after the wait.
    """
    if not controller.manifest_url:  # without one it is only ever installed by others
        return
    mine = [
        (place, kind, obj["metadata"]["name"])
        for obj in reversed(manifest(controller, cache=cache))
        if (place := _placed(kube, obj))
        and (kind := place.kind_of(obj))
        and (existing := place.get(kind, obj["metadata"]["name"]))
        and _owner(existing) == study_id
    ]
    for place, kind, name in mine:
        place.delete(kind, name)
    for _ in waiting.looks(limit_s=GONE_S, poll_s=POLL_S):
        left = [f"{kind.kind}/{name}" for place, kind, name in mine if place.get(kind, name)]
        if not left:
            return
    raise TeardownError(f"{controller.name}: still there: {', '.join(left)}")


def is_defined_by(kube: Kube, controller: Controller, *, study_id: str) -> bool:
    """True if the study's installation defined the controller's custom resources."""
    crd = kube.get(CUSTOM_RESOURCE_DEFINITION, controller.crd_name)
    return crd is not None and _owner(crd) == study_id


def is_begun(kube: Kube, controller: Controller, *, study_id: str) -> bool:
    """True if the first objects of the study's installation exist."""
    place = kube.get(NAMESPACE, controller.namespace)
    if place is not None and _owner(place) == study_id:
        return True
    return is_defined_by(kube, controller, study_id=study_id)


def manifest(controller: Controller, *, cache: Path) -> list[dict[str, Any]]:
    """The objects of the controller's upstream manifest, downloaded once and checked by digest.

    ClusterError when it cannot be had, or when the controller has no single manifest.
    """
    if not controller.manifest_url:
        msg = (
            f"{controller.name} is not installed on the cluster, and its manifest is not pinned "
            f"here: install {controller.version} with `{controller.advice}`"
        )
        raise ClusterError(msg)
    path = _kept(controller, cache)
    if not path.exists():
        _keep(path, _download(controller))
    data = path.read_bytes()
    _check_digest(data, controller, source=str(path))
    return objects_in(data)


def manifest_check(controller: Controller, *, cache: Path) -> Check:
    """Check that the controller's manifest is in the cache or can be downloaded."""
    name = f"{controller.name}'s manifest"
    try:
        manifest(controller, cache=cache)
    except ClusterError as err:
        if not controller.manifest_url:
            return failed(name, str(err))
        remedy = f"put it into {_kept(controller, cache)}, from a machine that can download it"
        return failed(name, str(err), remedy=remedy)
    return passed(name, f"in the cache, sha256 {controller.manifest_sha256[:12]}")


def keep_manifest(controller: Controller, file: Path, *, cache: Path) -> None:
    """Put the controller's manifest into the cache; ClusterError for a different file."""
    try:
        data = file.read_bytes()
    except OSError as err:
        raise ClusterError(f"the manifest {file} cannot be read: {err.strerror}") from err
    _check_digest(data, controller, source=str(file))
    _keep(_kept(controller, cache), data)


def _kept(controller: Controller, cache: Path) -> Path:
    return cache / "manifests" / f"{controller.manifest_sha256}.yaml"


def _keep(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data, writer=os.getpid())


def _download(controller: Controller) -> bytes:
    url = controller.manifest_url
    try:
        with urllib.request.urlopen(url, timeout=DOWNLOAD_S) as answer:  # noqa: S310  https, ours
            data: bytes = answer.read(LARGEST_BYTES)
    except OSError as err:
        msg = (
            f"the manifest of {controller.name} is not in the cache and cannot be downloaded from "
            f"{url}: {err}"
        )
        raise ClusterError(msg) from err
    _check_digest(data, controller, source=url)
    return data


def _check_digest(data: bytes, controller: Controller, *, source: str) -> None:
    digest = hashlib.sha256(data).hexdigest()
    if digest != controller.manifest_sha256:
        msg = (
            f"{source} is not the manifest of {controller.name} {controller.version}: "
            f"sha256 {digest}, expected {controller.manifest_sha256}"
        )
        raise ClusterError(msg)


def require_running(kube: Kube, controller: Controller, *, study_id: str) -> None:
    """ClusterError when the controller's Deployment has no running pod, or is gone.

    Passes when this credential may not look there, or the study did not install it: somebody
    else may have installed it in another way.
    """
    place = kube.in_namespace(controller.namespace)
    where = f"{controller.namespace}/{controller.deployment_name}"
    try:
        deployment = place.get(DEPLOYMENT, controller.deployment_name)
        is_gone = deployment is None and is_begun(kube, controller, study_id=study_id)
    except AccessRefused:
        return
    if is_gone:
        msg = f"the operator {controller.name} is dead: somebody deleted its Deployment {where}"
        raise ClusterError(msg)
    if deployment and not deployment.get("status", {}).get("availableReplicas", 0):
        msg = f"the operator {controller.name} is dead: no pod of its Deployment {where} runs"
        raise ClusterError(msg)


def _wait_available(kube: Kube, controller: Controller) -> str:
    """The version of the running controller, from its image's tag."""
    place = kube.in_namespace(controller.namespace)
    for _ in waiting.looks(limit_s=AVAILABLE_S, poll_s=POLL_S):
        deployment = place.get(DEPLOYMENT, controller.deployment_name)
        if deployment and deployment.get("status", {}).get("availableReplicas", 0) > 0:
            image: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
            return _version(image, controller)
    state = deployment["status"] if deployment else "there is no such Deployment"
    raise ClusterError(f"{controller.name} is not available after {AVAILABLE_S:.0f} s: {state}")


def _version(image: str, controller: Controller) -> str:
    """The image's tag; if that is no version, the manifest's version and the image."""
    tag = image.rpartition(":")[2]
    if tag == "latest" or "@" in image:
        return f"{controller.version}, image {image}"
    return tag if tag.startswith("v") else f"v{tag}"


def _put(obj: dict[str, Any], place: Placement) -> None:
    """Restrict a Deployment's pods to `place`, in addition to upstream's rules."""
    if obj["kind"] != DEPLOYMENT.kind:
        return
    pod = obj["spec"]["template"]["spec"]
    pod["nodeSelector"] = {**pod.get("nodeSelector", {}), **place.node_selector}
    pod["tolerations"] = [*pod.get("tolerations", []), *place.tolerations]


def _placed(kube: Kube, obj: dict[str, Any]) -> Kube:
    return kube.in_namespace(obj["metadata"].get("namespace", kube.namespace))


def _owner(obj: dict[str, Any]) -> str | None:
    owner: str | None = obj["metadata"].get("labels", {}).get(OWNER_LABEL)
    return owner
