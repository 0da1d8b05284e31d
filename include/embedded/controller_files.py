"""Files and webhooks of a controller that runs as a process on this machine.

The API server reaches it at an address instead of a Service, and trusts the certificate issued by
the cluster's own authority. What its program reads is in its own folder.
"""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from include.embedded.certificates import Authority, Identity
from include.embedded.credentials import Trust
from include.embedded.on_demand import manifest_file
from include.files import write_whole
from include.kube.kinds import POD, ResourceKind
from include.render import objects_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.embedded.layout import Layout
    from include.kube.client import Kube
    from include.kube.kinds import Controller

CONFIG = "config.yaml"
# Where a controller-runtime program looks for its certificate, below TMPDIR.
CERTIFICATES = Path("k8s-webhook-server", "serving-certs")
ADMISSION = "admissionregistration.k8s.io"
WEBHOOKS = tuple(
    ResourceKind(
        group=ADMISSION,
        version="v1",
        plural=f"{kind.lower()}webhookconfigurations",
        kind=f"{kind}WebhookConfiguration",
        namespaced=False,
    )
    for kind in ("Mutating", "Validating")
)


def config_path(controller: Controller, layout: Layout) -> Path:
    """Path of the configuration that its program reads, if it reads one."""
    return _folder(controller, layout) / CONFIG


def write(controller: Controller, layout: Layout, values: Mapping[str, str]) -> dict[str, str]:
    """Write what the program reads besides its command line; returns its environment."""
    folder = _folder(controller, layout)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if controller.config_file:
        known = {**values, "certificates": str(folder / CERTIFICATES)}
        content = yaml.safe_dump(_configuration(controller, known), sort_keys=False)
        write_whole(config_path(controller, layout), content)
    if not controller.webhook_files:
        return {}
    _issue_certificate(controller, layout, address=values["address"])
    return {"TMPDIR": str(folder)}


def webhooks(
    controller: Controller, layout: Layout, *, address: str, port: int
) -> list[dict[str, Any]]:
    """Upstream's webhook configurations, with the process instead of the Service."""
    bundle = base64.b64encode(Trust(pki=layout.pki).authority.certificate.read_bytes()).decode()
    configurations = [
        obj
        for path in controller.webhook_files
        for obj in objects_in(manifest_file(controller, path).read_text())
    ]
    for each in configurations:
        each["metadata"]["name"] = controller.name  # upstream's files all use the same name
        for webhook in each["webhooks"]:
            path = webhook["clientConfig"]["service"]["path"]
            url = f"https://{address}:{port}{path}"
            webhook["clientConfig"] = {"url": url, "caBundle": bundle}
            if controller.webhook_pods and _asks_about_pods(webhook):
                own = {"key": controller.webhook_pods, "operator": "Exists"}
                webhook["objectSelector"] = {"matchExpressions": [own]}
    return configurations


def remove(controller: Controller, layout: Layout, kube: Kube) -> None:
    """Remove the webhooks, which nobody answers any more, and the files."""
    for kind in WEBHOOKS if controller.webhook_files else ():
        kube.delete(kind, controller.name)
    shutil.rmtree(_folder(controller, layout), ignore_errors=True)


def _asks_about_pods(webhook: dict[str, Any]) -> bool:
    return any(POD.plural in rule["resources"] for rule in webhook["rules"])


def _folder(controller: Controller, layout: Layout) -> Path:
    return layout.config / controller.name


def _configuration(controller: Controller, values: Mapping[str, str]) -> dict[str, Any]:
    upstream = yaml.safe_load(manifest_file(controller, controller.config_file).read_text())
    own = controller.config + (controller.client_config if "qps" in values else "")
    return merged(upstream, yaml.safe_load(own.format(**values)))


def merged(upstream: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Upstream's settings with others merged into them."""
    result = dict(upstream)
    for name, value in own.items():
        both_are_groups = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if both_are_groups else value
    return result


def _issue_certificate(controller: Controller, layout: Layout, *, address: str) -> None:
    folder = _folder(controller, layout) / CERTIFICATES
    folder.mkdir(parents=True)
    identity = Identity(user=controller.name, addresses=(address,), is_server=True, is_client=False)
    Authority.load(Trust(pki=layout.pki).authority).issue(identity, folder=folder, name="tls")
