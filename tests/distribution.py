"""Which tests run in one process when there are several."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

# Files that share what takes long to make or is there once on a machine: the longest first, so that
# no process is left alone with one at the end. A file belongs to the first that it begins with.
TOGETHER = {
    "the local cluster": ("tests/system/test_",),
    "port 8080, on which the MPI Operator insists": (
        "tests/system/test_control_path",
        "tests/system/test_simulated_",
        "tests/browser/",
    ),
    "a scheduler": ("tests/dags/test_scheduler", "tests/dags/test_eks_runs"),
    "Airflow's database and its DAGs": ("tests/dags/",),
    "a study with figures": ("tests/report/",),
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


def shared_by(nodeid):
    """What a test's file shares with others; None if it shares nothing."""
    lengths = {
        what: max((len(start) for start in starts if nodeid.startswith(start)), default=0)
        for what, starts in TOGETHER.items()
    }
    longest = max(lengths, key=lengths.__getitem__)
    return longest if lengths[longest] else None


def in_order_of_length(items):
    """Tests of what takes longest first; others keep their order behind them."""
    order = {what: place for place, what in enumerate([*TOGETHER, *LONG])}

    def place(item):
        file = item.nodeid.partition("::")[0]
        return order.get(shared_by(file) or file, len(order))

    return sorted(items, key=place)


class ByWhatTheyShare(LoadFileScheduling):
    """A file's tests in one process, and so those of files that share something."""

    def _split_scope(self, nodeid):
        return shared_by(nodeid) or super()._split_scope(nodeid)
