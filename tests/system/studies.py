"""Studies as these tests run them: a cluster of simulated nodes, and a phase's points in a row."""

from __future__ import annotations

import socket
from contextlib import closing, contextmanager

import pytest

from include import applications, clusters
from include.embedded.binaries import is_built
from include.study import run_point, steps

SIMULATED = clusters.load("simulated")
COMMAND = applications.load("command").example
# For real nodes where no test asks what ran: LAMMPS would keep all processors busy for seconds. It
# sleeps, as MPICH's launcher may fail where a program ends before all nodes have begun.
QUICK = {
    "application": "command",
    "application_options": {
        **COMMAND,
        "arguments": ["-c", f"sleep 1; {COMMAND['arguments'][-1]}"],
    },
}


def skip_unless_nodes_can_be_simulated():
    """Skip the test where the programs are missing, or the port on which one insists is taken."""
    if not is_built():
        pytest.skip("the programs are not built; run `make setup`")
    with socket.socket() as probing:
        if probing.connect_ex(("127.0.0.1", 8080)) == 0:
            pytest.skip("port 8080, on which the MPI Operator insists, is in use")


@contextmanager
def on_simulated_nodes(plan, results):
    """The handle of the cluster that the plan asks for; nothing is left of it."""
    results.write_json("plan.json", plan.to_json())
    reservation = steps.reserve(results)
    try:
        steps.provision(results, reservation)
        yield steps.wait_ready(results, reservation)
    finally:
        steps.destroy(reservation, open_results=lambda: results)
    assert SIMULATED.leftovers(reservation) == ()


def run_phase(plan, results, handle, cluster):
    """Records of all points of a study of one phase, between its install and its uninstall."""
    (phase,) = plan.phases
    results.write_json("plan.json", plan.to_json())
    steps.install_phase(results, handle, phase)
    with closing(cluster.connect(handle)) as kube:
        setting = run_point.Setting(study=plan.study, handle=handle, kube=kube, results=results)
        records = [run_point.run_point(point, setting) for point in phase.points]
    steps.uninstall_phase(results, handle, phase)
    return records
