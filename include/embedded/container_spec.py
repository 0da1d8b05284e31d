"""The base spec of containerd's containers on machines with cgroups of version 1.

MPI asks its cgroup which cores it may bind ranks to. On version 1 a container sees its cgroup's
path on the host, where it finds nothing, so MPI assumes all cores of the machine and fails to bind
to those of other nodes. In a cgroup namespace it finds its own, as on version 2, where containerd
makes that namespace by default.
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
