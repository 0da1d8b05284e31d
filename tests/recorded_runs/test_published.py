"""Public studies read whole, and the numbers that were published of them, to the digit."""

import time

import pytest

from include.analysis import table
from include.analysis.analysis import analyse
from include.recorded_runs import _folders, _records
from include.recorded_runs._copies import without_copies
from tests.parsers.synthetic_logs import RUN6

PUBLIC = RUN6.parent / "public"


def records_of(name):
    """The records of a public study, and what was found; skips where it is not at hand."""
    folder = PUBLIC / name
    if not folder.is_dir():
        pytest.skip(f"the public logs are not at {PUBLIC.name}/{name} beside the project")
    found = _folders.find([folder])
    experiments = without_copies(
        _records.in_order([source.read(lambda _: None) for source in found.sources])
    )
    names = _folders.study_names(experiments, folders=[folder])
    imported = _records.to_records(experiments, names=names, published_rule=False)
    return [run.record for run in imported], found


def read_set(name):
    """The analysis of LAMMPS' runs in a public study."""
    records, found = records_of(name)
    of_lammps = [record for record in records if record.application in {"lammps", None}]
    return analyse(table.to_frame(of_lammps)), found


def medians(analysis, quantity="loop_time_median_s", digits=1):
    rows = analysis.summary.to_dict(orient="records")
    return {
        (row["k8s_operator"], row["nodes"]): round(row[quantity], digits)
        for row in rows
        if row["n"]
    }


def counts(analysis):
    return {
        (row["k8s_operator"], row["nodes"]): row["n"]
        for row in analysis.summary.to_dict(orient="records")
    }


def test_fluence_against_the_default_scheduler():
    analysis, _ = read_set("flux-k8s-canopie22")
    assert set(counts(analysis).values()) == {20}
    assert set(analysis.frame["status"]) == {"valid"}
    assert medians(analysis, digits=2) == {
        ("mpi_operator default-scheduler", 8): 77.08,
        ("mpi_operator default-scheduler", 16): 46.29,
        ("mpi_operator default-scheduler", 32): 29.02,
        ("mpi_operator kubeflux", 8): 77.81,
        ("mpi_operator kubeflux", 16): 46.6,
        ("mpi_operator kubeflux", 32): 29.36,
    }


def test_usernetes_is_slower_than_bare_metal_by_what_was_published():
    analysis, found = read_set("flux-usernetes")
    assert found.foreign == ()
    assert set(counts(analysis).values()) == {20}
    loop = medians(analysis, digits=4)
    slower = [
        round(100 * (loop["usernetes", nodes] / loop["bare-metal", nodes] - 1), 1)
        for nodes in (4, 8, 16, 32)
    ]
    assert slower == [1.3, 3.0, 6.1, 13.7]


def test_eks_and_parallel_cluster_have_the_published_rates_and_no_winner():
    analysis, _ = read_set("performance-study")
    loop = medians(analysis, digits=6)
    matom_steps = {
        key: round(64 * 64 * 32 * 304 * 100 / seconds / 1e6, 1) for key, seconds in loop.items()
    }
    assert matom_steps == {
        ("flux_operator", 32): 29.1,
        ("flux_operator", 64): 46.8,
        ("slurm", 32): 30.6,
        ("slurm", 64): 55.4,
    }
    frame = analysis.frame[analysis.frame["status"] == "valid"]
    hookup = (frame["launcher_time_s"] - frame["app_wall_time_s"]).groupby(
        [frame["k8s_operator"], frame["nodes"]]
    )
    assert hookup.median()[("flux_operator", 32)] == pytest.approx(11.5, abs=0.05)
    assert hookup.median()[("flux_operator", 64)] == pytest.approx(19.9, abs=0.05)
    assert all(verdict.winner is None for verdict in analysis.verdicts)
    failed = analysis.frame[analysis.frame["status"] == "failed"]
    assert len(failed) == 5
    assert failed["error"].str.contains("could not open image").all()


def test_run_1_without_wall_times_and_hpc7g_have_the_published_medians():
    analysis, found = read_set("operator-experiments")
    known = medians(analysis, digits=2)
    loop = {(arm.rpartition("/data/")[2], nodes): known[arm, nodes] for arm, nodes in known}
    run_1 = "k8s-size-64-hpc6a.48xlarge)"
    assert [loop[run_1, nodes] for nodes in (8, 16, 32, 64)] == [75.02, 45.24, 28.98, 27.75]
    assert loop["hpc7g/size-64-16-16)", 12] == 74.71
    assert loop["hpc7g/size-64-16-16-no-efa)", 12] == 75.25
    assert found.foreign == ()


def test_google_logs_hold_many_runs_each():
    analysis, found = read_set("google-performance-study")
    assert medians(analysis, digits=2) == {
        ("flux_operator lammps", 4): 68.58,
        ("flux_operator lammps-ubuntu-mpich", 4): 63.69,
        ("flux_operator lammps-rocky8-openmpi", 4): 88.74,
    }
    assert {program for _, program in found.foreign} == {"HPL"}


def test_hundreds_of_logs_are_read_in_seconds():
    begin = time.monotonic()
    read_set("flux-usernetes")
    assert time.monotonic() - begin < 30


def valid_of(name, application):
    records, _ = records_of(name)
    return [r for r in records if (r.application, r.status) == (application, "valid")]


def test_osu_of_usernetes_by_an_independent_reading():
    records = valid_of("flux-usernetes", "osu")
    folder = PUBLIC / "flux-usernetes" / "aws/experiment/final/results-osu"
    assert len(records) == 20
    for record in records:
        lines = (folder / f"{record.point_id.removeprefix('results-osu/')}.out").read_text()
        rows = [line.split() for line in lines.splitlines() if line[:1].isdigit()]
        (curve,) = record.curves.values()
        assert curve == {int(row[0]): float(row[1]) for row in rows}
    assert {record.ranks for record in records} <= {2, 64, 128, 256, 512}


def test_every_program_of_a_public_study_has_its_runs_and_its_figures():
    counts = {
        name: len(valid_of("performance-study", name)) for name in ("lammps", "osu", "amg2023")
    }
    assert counts["osu"] == 61
    assert counts["amg2023"] >= 5
    for record in valid_of("performance-study", "amg2023"):
        (log,) = PUBLIC.glob(f"performance-study/**/{record.point_id}.out")
        fom = log.read_text().split("3 * Solve Phase Time)")[1].split()[0]
        assert record.figures["fom_per_s"] == float(fom)
        assert record.launcher_time_s is not None


def test_hpcg_between_marks_of_one_log_is_a_run_each():
    records = valid_of("google-performance-study", "hpcg")
    text = next(PUBLIC.glob("google-performance-study/**/hpcg.out")).read_text()
    told = [line.split("=")[1] for line in text.splitlines() if "VALID with a GFLOP/s" in line]
    assert sorted(record.figures["hpcg_gflops"] for record in records) == sorted(map(float, told))
    assert {record.ranks for record in records} == {352}


def test_one_sided_tests_run_between_two_ranks_though_nothing_beside_them_says_so():
    records = valid_of("operator-experiments/google/osu-benchmarks", "osu")
    assert {(r.nodes, r.ranks) for r in records} == {(2, 2)}
    assert {r.problem["benchmark"] for r in records} >= {"OSU MPI_Get Bandwidth"}
