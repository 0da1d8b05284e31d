"""The base spec of containerd's containers on machines with cgroups of version 1.

MPI asks its cgroup which cores it may bind ranks to. On version 1 a container is told its cgroup's
path on the host, at which it finds nothing, so MPI takes all cores of the machine for its own and
fails to bind to those of other nodes. In a cgroup namespace it finds what it may use, as it does
on version 2, where containerd makes that namespace unasked.
"""

from __future__ import annotations

import json

from include.embedded.commands import run


def with_cgroup_namespace() -> str:
    """Containerd's own specification (OCI, JSON) with one more namespace.

    ClusterError when containerd's client cannot be run.
    """
    spec = json.loads(run(("ctr", "oci", "spec")))
    spec["linux"]["namespaces"].append({"type": "cgroup"})
    return json.dumps(spec)
