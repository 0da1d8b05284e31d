"""Which tests run in one process when there are several."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

LOCAL = "the local cluster"
FIXED_PORT = "port 8080, on which the MPI Operator insists"
IMAGE = "a root file system"
AIRFLOW = "Airflow's database and its DAGs"
FIGURES = "a study with figures"
SCHEDULER = "a scheduler"
# Tests that share what takes long to make or is there once on a machine. A test belongs to the
# longest start of its id here.
TOGETHER = {
    LOCAL: ("tests/system/test_",),
    FIXED_PORT: (
        "tests/system/test_control_path",
        "tests/system/test_simulated_",
        "tests/system/test_controller_versions.py::test_each_point_on_simulated_nodes",
        "tests/system/test_queue.py::test_jobs_of_every_operator_on_simulated_nodes",
        "tests/browser/",
    ),
    IMAGE: ("tests/system/test_your_image",),
    AIRFLOW: ("tests/dags/",),
    FIGURES: ("tests/report/",),
    SCHEDULER: ("tests/dags/test_scheduler", "tests/dags/test_eks_runs"),
}
# Files that share nothing, and take half a minute or more.
LONG = (
    "tests/recorded_runs/test_program.py",
    "tests/plugins/test_report_view.py",
    "tests/study/test_run_point.py",
    "tests/test_how_tos.py",
    "tests/cli/test_records.py",
    "tests/aws/test_mutations.py",
)
# What takes longest first, so that no process is left alone with it at the end. Tests that wait for
# a cluster begin beside tests that compute; a second Airflow comes when the browser's may have
# ended.
ORDER = (LOCAL, FIXED_PORT, *LONG, IMAGE, AIRFLOW, FIGURES, SCHEDULER)
# Tests that end the local cluster of all come behind those that leave it as it was; the first of
# them break that one, the others have one of their own.
LAST = tuple(
    f"tests/system/test_{name}" for name in ("survival", "flux_points", "guest", "secrets")
)


def shared_by(nodeid):
    """What a test shares with others; None if it shares nothing."""
    lengths = {
        what: max((len(start) for start in starts if nodeid.startswith(start)), default=0)
        for what, starts in TOGETHER.items()
    }
    longest = max(lengths, key=lengths.__getitem__)
    return longest if lengths[longest] else None


def in_order_of_length(items):
    """Tests of what takes longest first; others keep their order behind them."""
    order = {what: place for place, what in enumerate(ORDER)}

    def place(item):
        file = item.nodeid.partition("::")[0]
        scope = shared_by(item.nodeid) or file
        last = next((number for number, start in enumerate(LAST, 1) if file.startswith(start)), 0)
        return order.get(scope, len(order)), last

    return sorted(items, key=place)


class ByWhatTheyShare(LoadFileScheduling):
    """A file's tests in one process, and so those of files that share something."""

    def _split_scope(self, nodeid):
        return shared_by(nodeid) or super()._split_scope(nodeid)
