import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.recorded_runs import Source, mpi_runner
from tests.recorded_runs.folders import (
    baseline_row,
    flux_folder,
    loop_of,
    mpi_folder,
    mpi_log,
    write,
)

NODES = """{'items': [{'metadata': {'labels': {'node.kubernetes.io/instance-type': 'some.large'}},
 'status': {'node_info': {'kubelet_version': 'v1.23.15-eks-1'}}}]}
"""


def test_record_has_what_the_files_say_and_nothing_else(read, tmp_path):
    root = mpi_folder(tmp_path / "run")
    write(root / "cluster.log", NODES)
    write(root / "mpi_operator_results.json", "[]")
    code, (first, second) = read(root)
    assert code == 0
    assert (first.k8s_operator, first.application, first.study_id) == (
        *("mpi_operator", "lammps", "run"),
    )
    assert (first.nodes, first.ranks, first.ranks_per_node) == (2, 4, 2)
    assert (loop_of(first), first.launcher_time_s, first.broker_time_s) == (
        44.004,
        53.04,
        None,
    )
    assert (first.binding, first.mpi_implementation) == ("none", "openmpi")
    assert (first.instance_type, first.kubernetes_version) == ("some.large", "v1.23.15-eks-1")
    assert first.node_names == ("node-a.example", "node-b.example")
    assert (first.end_to_end_s, first.created_at, first.image) == (None, None, None)
    assert (second.figures.get("loop_time_s"), second.order_index, second.repeat) == (45, 2, 2)


def test_runs_stand_in_the_order_of_the_times_in_their_names(read, tmp_path):
    root = mpi_folder(tmp_path / "run")
    late = root / "logs" / "lammps_000000000000_default-scheduler_2023-02-08_T2347_00.out"
    late.rename(late.with_name(late.name.replace("02-08", "02-09")))
    _, records = read(root)
    assert [loop_of(record) for record in records] == [45, 44.004]


def test_truncated_log_is_invalid_with_what_its_command_told(read, tmp_path):
    root = mpi_folder(tmp_path / "run", [mpi_log(), mpi_log().partition("Performance")[0]])
    code, (_, bad) = read(root)
    assert (code, bad.status, bad.ranks, bad.nodes, bad.figures.get("loop_time_s")) == (
        1,
        "invalid",
        4,
        None,
        None,
    )
    assert "at its end, line" in bad.error
    assert "Total wall time" in bad.error


def test_cut_footer_is_invalid_though_the_figures_are_there(read, tmp_path):
    root = mpi_folder(tmp_path / "run", [mpi_log(), mpi_log().partition("MPIJob runtime")[0]])
    code, (_, bad) = read(root)
    assert (code, bad.status, bad.figures.get("loop_time_s")) == (1, "invalid", None)
    assert "the MPI runner's footer has no line of its runtime_s" in bad.error


def test_file_of_an_unknown_format_is_an_invalid_record(imported, tmp_path):
    root = mpi_folder(tmp_path / "run", [mpi_log(), "\x00\x01 what is this"])
    code, (_, bad) = imported(root)
    assert (code, bad.status, bad.nodes, bad.ranks) == (1, "invalid", None, None)
    assert "LAMMPS did not start" in bad.error
    assert "mpi_operator,,,0,0,0,1" in (tmp_path / "out" / "summary.csv").read_text()


def test_several_pods_on_a_node_count_nodes_by_the_map(read, tmp_path):
    packed = mpi_log().replace("node-b.example", "node-a.example").replace("ran 1", "ran 2")
    packed = packed.replace("node-a.example ran 2 pods in zone zone-1\n", "", 1)
    _, (found,) = read(mpi_folder(tmp_path / "run", [packed]))
    assert (found.nodes, found.ranks, found.status) == (1, 4, "valid")
    incomplete = packed.replace("lammps-000c-worker-1 --> node-a.example\n", "")
    _, (bad,) = read(mpi_folder(tmp_path / "other", [incomplete]))
    assert "the map of pods to nodes is not complete" in bad.error


def test_incomplete_map_of_single_pods_is_noted(imported, tmp_path):
    partial = mpi_log().replace("lammps-000c-worker-1 --> node-b.example\n", "")
    code, (found,) = imported(mpi_folder(tmp_path / "run", [partial]))
    assert (code, found.nodes, found.node_names) == (0, 2, ("node-a.example",))
    page = (tmp_path / "out" / "report.html").read_text()
    assert "1 of 1 runs name fewer nodes than pods" in page


def test_each_scheduler_is_an_arm(imported, tmp_path):
    logs = [mpi_log(), mpi_log(scheduler="fluence"), mpi_log(loop_s=45.0, scheduler="fluence")]
    code, records = imported(mpi_folder(tmp_path / "run", logs))
    assert code == 0
    assert [(r.k8s_operator, r.repeat) for r in records] == [
        ("mpi_operator default-scheduler", 1),
        ("mpi_operator fluence", 1),
        ("mpi_operator fluence", 2),
    ]


def test_footer_of_2022_is_read(read, tmp_path):
    log = mpi_log().replace("node: Slots", "node: 1\nSlots").replace("pod: 340", "pod: 346.0")
    code, (record,) = read(mpi_folder(tmp_path / "run", [log]))
    assert (code, record.nodes, record.ranks, record.launcher_time_s) == (0, 2, 4, 53.04)


def kubectl_log(loop_s):
    return mpi_log(loop_s=loop_s).partition("real ")[0]


def test_logs_that_nothing_timed_keep_their_figures(imported, tmp_path, capsys):
    root = mpi_folder(tmp_path / "run", [kubectl_log(40.1), kubectl_log(40.2)])
    code, records = imported(root)
    assert code == 0
    figures = [(r.status, loop_of(r), r.ranks, r.nodes, r.launcher_time_s) for r in records]
    assert figures == [("valid", 40.1, 4, None, None), ("valid", 40.2, 4, None, None)]
    said = capsys.readouterr().out
    assert "no log has the lines of `time -p`" in said
    assert "2 valid runs do not tell their nodes: no verdict is possible on them" in said


def test_log_that_lacks_what_the_others_have_was_cut(read, tmp_path):
    code, records = read(mpi_folder(tmp_path / "run", [mpi_log(), kubectl_log(40.1)]))
    assert (code, [r.status for r in records]) == (1, ["valid", "invalid"])
    assert loop_of(records[1]) is None


WHOLE = mpi_log().encode()


@given(st.integers(0, len(WHOLE) - 1), st.binary(max_size=20))
def test_log_cut_anywhere_and_continued_by_anything_is_invalid_or_right(tmp_path_factory, at, rest):
    log = tmp_path_factory.mktemp("cut") / "logs" / "a.out"
    write(log, "")
    log.write_bytes(WHOLE[:at] + rest)
    source = Source(layout=mpi_runner.ADAPTER, root=log.parent.parent, logs=(log,))
    (run,) = source.read(lambda _: None).runs
    if run.error is None:  # with nothing behind LAMMPS' output it is as one that nothing timed
        assert run.fields["figures"]["loop_time_s"] == 44.004
        assert run.fields.get("launcher_time_s") in (53.04, None)
        assert (run.nodes, run.ranks) in ((2, 4), (None, 4))
    else:
        assert "figures" not in run.fields


def test_lone_table_is_a_baseline_without_loop_times(imported, tmp_path):
    rows = [baseline_row(), baseline_row(scheduler="fluence"), baseline_row(real=None)]
    write(tmp_path / "run" / "mpi_operator_results.json", json.dumps(rows))
    code, (first, bad) = imported(tmp_path / "run")
    assert (code, first.status, loop_of(first)) == (1, "valid", None)
    assert (first.nodes, first.ranks, first.ranks_per_node) == (2, 188, 94)
    assert (first.launcher_time_s, first.figures.get("app_wall_time_s")) == (52.58, 45)
    assert (first.figures.get("timesteps_per_s"), first.figures.get("atom_steps_per_s")) == (
        2.298,
        11445731.3,
    )
    assert bad.error == (
        "ParseError: run/mpi_operator_results.json, row 3: no positive number 'real'"
    )
    page = (tmp_path / "out" / "report.html").read_text()
    assert "1 rows of other schedulers are left out" in page


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", "null"])
def test_broken_table_is_a_problem(read, tmp_path, text, capsys):
    write(tmp_path / "run" / "mpi_operator_results.json", text)
    code, records = read(tmp_path / "run")
    assert (code, records) == (1, ())
    assert "mpi_operator_results.json cannot be read" in capsys.readouterr().out


def test_baseline_and_flux_runs_are_compared_by_launcher_time(imported, tmp_path):
    rows = [baseline_row(ranks=4, real=60.0 + i / 10) for i in range(6)]
    write(tmp_path / "run" / "old" / "mpi_operator_results.json", json.dumps(rows))
    flux_folder(tmp_path / "run" / "new", [f"lmp-2-{i}" for i in range(1, 7)])
    code, records = imported(tmp_path / "run")
    assert (code, len(records)) == (0, 12)
    comparisons = (tmp_path / "out" / "comparisons.csv").read_text().splitlines()
    assert len(comparisons) == 2
    assert comparisons[1].startswith("launcher_time_s,2,4,mpi_operator,flux_operator,6,6")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "no valid loop time of MPI Operator" in page
