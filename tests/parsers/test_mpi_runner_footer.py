import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import ParseError
from include.parsers import mpi_runner_footer
from tests.parsers.synthetic_logs import FOOTER, MPI_LOG

WHOLE = mpi_runner_footer.parse(FOOTER.splitlines())


def test_footer_is_read_below_a_launcher_log():
    found = mpi_runner_footer.parse(MPI_LOG.replace("\n", "\r\n").splitlines(keepends=True))
    assert found == WHOLE
    assert (found.job_id, found.scheduler) == ("000c775cf727", "default-scheduler")
    assert found.node_by_pod["lammps-000c-worker-1"] == "node-b.example"
    assert found.is_mapping_complete
    assert [(use.node, use.pods, use.zone) for use in found.nodes] == [
        ("node-a.example", 1, "zone-1"),
        ("node-b.example", 1, "zone-1"),
    ]
    assert (found.ranks, found.pods, found.pods_per_node, found.slots_per_pod) == (188, 2, None, 94)
    assert (found.launcher_cpus, found.launcher_memory_gib, found.memory_gib_per_pod) == (
        94,
        340,
        340,
    )
    times = (found.startup_time_s, found.runtime_s, found.end_to_end_time_s)
    assert times == (59.592229, 2.023995, 61.616224)


def test_pods_per_node_is_read_where_it_is_written():
    text = FOOTER.replace("pods per node: Slots", "pods per node: 1, Slots")
    assert mpi_runner_footer.parse(text.splitlines()).pods_per_node == 1


def test_map_with_fewer_nodes_than_pods_is_kept_and_marked():
    text = FOOTER.replace("lammps-000c-worker-1 --> node-b.example\n", "")
    assert not mpi_runner_footer.parse(text.splitlines()).is_mapping_complete


@pytest.mark.parametrize(
    ("whole", "wrong", "named"),
    [
        ("Ranks: 188", "Ranks: many", "not whole"),
        ("Mapping for job", "No map for job", "footer has no line of its mapping"),
        ("MPIJob end-to-end", "MPI end-to-end", "end_to_end_time_s"),
        ("2.023995", "nan", "'nan'"),
        ("worker-1 -->", "worker-0 -->", "a pod comes twice"),
        ("Launcher CPUs", "Ranks: 1, pods: 1\nLauncher CPUs", "not whole"),
        ("node-b.example ran 1 pods", "node-b.example ran 1 po", "not whole"),
    ],
)
def test_wrong_footer_is_refused_and_named(whole, wrong, named):
    assert whole in FOOTER
    with pytest.raises(ParseError, match=re.escape(named)):
        mpi_runner_footer.parse(FOOTER.replace(whole, wrong, 1).splitlines())


def test_two_footers_are_refused():
    with pytest.raises(ParseError, match="comes twice"):
        mpi_runner_footer.parse((FOOTER + FOOTER).splitlines())


@given(st.integers(0, len(FOOTER) - 2))
def test_cut_footer_is_refused(end):
    with pytest.raises(ParseError):
        mpi_runner_footer.parse(FOOTER[:end].splitlines())


@given(st.lists(st.text()))
def test_any_text_is_refused(lines):
    with pytest.raises(ParseError):
        mpi_runner_footer.parse(lines)
