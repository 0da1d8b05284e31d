"""A cluster that outlives the scheduler's container: simulated, in a container of its own.

Run in the image; leaves a kubeconfig, and what a study on the cluster `existing` must say.
"""

from __future__ import annotations

import base64
import json
import signal
import sys
from pathlib import Path

import yaml

from include import clusters
from include.embedded.credentials import ADMIN
from include.embedded.paths import simulated_root
from include.models import Study
from include.simulation import nodes, settings


def whole(path):
    """The text of a kubeconfig with the content of the files that it names."""
    loaded = yaml.safe_load(path.read_text())
    for part in (loaded["clusters"][0]["cluster"], loaded["users"][0]["user"]):
        for name in ("certificate-authority", "client-certificate", "client-key"):
            if name in part:
                content = (path.parent / part.pop(name)).read_bytes()
                part[f"{name}-data"] = base64.b64encode(content).decode()
    return yaml.safe_dump(loaded)


def main(folder, study):
    """Make the cluster, write its kubeconfig and the study's options, and wait to be ended."""
    cluster = clusters.load("simulated")
    reservation = cluster.reserve(study, study_id="side")
    cluster.create(reservation, study)
    cluster.wait_ready(reservation, study)
    layout = settings.read(simulated_root()).layout(simulated_root())
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(whole(layout.kubeconfig(ADMIN)))
    options = {
        "kubeconfig": str(kubeconfig),
        "namespace": reservation.namespace,
        "launcher": nodes.LAUNCHER_PLACE.to_json(),
        "worker": nodes.WORKER_PLACE.to_json(),
    }
    (folder / "options.json").write_text(json.dumps(options))
    signal.sigwait({signal.SIGTERM})
    cluster.delete(reservation)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Study.model_validate_json(sys.argv[2]))
