"""Labels and annotations by which a pod opts out of containers of service meshes.

An injected container that keeps running prevents a job's end, and one that starts late takes part
in every start. Istio reads the label (older releases the annotation), Linkerd and Consul
annotations, Kuma the label.
"""

from __future__ import annotations

NONE_BY_LABEL = {"sidecar.istio.io/inject": "false", "kuma.io/sidecar-injection": "disabled"}
NONE_BY_ANNOTATION = {
    "sidecar.istio.io/inject": "false",
    "linkerd.io/inject": "disabled",
    "consul.hashicorp.com/connect-inject": "false",
}
