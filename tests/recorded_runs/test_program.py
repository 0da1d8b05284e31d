import json
import runpy
import subprocess
import sys

import pytest

from include.analysis import table
from include.recorded_runs.__main__ import main
from include.report.__main__ import main as report
from include.report.write import write_report
from tests.analysis.synthetic import study_records
from tests.parsers.synthetic_logs import NO_RUN6, RUN6
from tests.recorded_runs.folders import baseline_row, flux_folder, mpi_folder, write
from tests.report.study_folder import write_study

# Flux, MPI: medians in seconds by nodes, of the published raw logs.
LOOP = {8: (71.45, 74.62), 16: (41.73, 43.54), 32: (26.03, 27.01), 64: (17.95, 18.97)}
LAUNCHER = {8: (79.62, 84.10), 16: (49.44, 52.81), 32: (33.96, 36.54), 64: (26.54, 30.24)}
DIFFERENCE = {8: (-3.66, -2.35), 16: (-2.11, -1.35), 32: (-1.41, -0.71), 64: (-1.38, -0.63)}
needs_run6 = pytest.mark.skipif(not RUN6.is_dir(), reason=NO_RUN6)


def test_no_experiment_is_bad_input(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main([str(tmp_path / "empty"), "--out", str(tmp_path / "out")]) == 2
    assert main([str(tmp_path / "absent"), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "no experiment found" in said
    assert "is not a folder" in said
    assert not (tmp_path / "out").exists()


def test_help_names_the_options(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    assert "--published-rule" in capsys.readouterr().out


def test_import_loads_no_library_that_it_does_not_use():
    code = "import sys, include.recorded_runs.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"airflow", "boto3", "kubernetes"} & set(done.stdout.split())


def test_both_layouts_in_one_folder_with_a_stranger(imported, tmp_path, capsys):
    mpi_folder(tmp_path / "run" / "m")
    flux_folder(tmp_path / "run" / "f")
    (tmp_path / "run" / "README").write_text("notes")
    code, records = imported(tmp_path / "run")
    assert code == 0  # a file that is no run harms nobody, but is named
    assert [record.order_index for record in records] == [1, 2, 3, 4]
    assert [record.study_id for record in records] == [*["run/m"] * 2, *["run/f"] * 2]
    said = capsys.readouterr().out
    assert "run/README: belongs to no layout, not read" in said
    counted = "4 runs: 4 valid and counted, 0 valid warm-ups, 0 failed, 0 invalid"
    assert f"{counted}; 1 files not read (1 README)" in said
    assert "run/README" in (tmp_path / "out" / "report.html").read_text()


def test_folders_given_apart_or_twice_are_read_once(imported, tmp_path):
    one, two = mpi_folder(tmp_path / "a" / "x"), flux_folder(tmp_path / "b" / "x")
    _, records = imported(one, two, tmp_path / "a")
    assert [record.study_id for record in records] == ["x", "x", "x-2", "x-2"]


def test_part_of_an_experiment_can_be_given(imported, tmp_path):
    root = mpi_folder(tmp_path / "run")
    assert len(imported(root / "logs")[1]) == 2


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_module_runs_as_a_program_with_figures(tmp_path, capsys, monkeypatch):
    root = flux_folder(tmp_path / "run", [f"lmp-{n}-{i}" for n in (4, 2) for i in range(1, 7)])
    monkeypatch.setattr(
        sys,
        "argv",
        ["recorded_runs", str(root), "--out", str(tmp_path / "out"), "--published-figures"],
    )
    with pytest.raises(SystemExit) as stopped:  # as `python -m` does, without loading all anew
        runpy.run_module("include.recorded_runs", run_name="__main__")
    assert stopped.value.code == 0
    assert "reading logs" in capsys.readouterr().err
    made = {path.name for path in (tmp_path / "out").rglob("*")}
    for name in ("loop_time_s", "scaling", "order", "original_cluster_time", "original_walltime"):
        assert {f"{name}.svg", f"{name}.png"} <= made
    assert {"records.parquet", "original_times.csv", "original_medians.csv", "summary.md"} <= made
    assert "http" not in (tmp_path / "out" / "report.html").read_text()


def test_the_figures_of_2023_are_drawn_only_where_they_are_asked_for(imported, tmp_path):
    imported(flux_folder(tmp_path / "run", [f"lmp-{n}-{i}" for n in (4, 2) for i in range(1, 7)]))
    assert "definitions of 2023" not in (tmp_path / "out" / "report.html").read_text()


def test_an_import_with_a_price_says_what_a_result_costs_and_as_json_the_answer(tmp_path, capsys):
    root = flux_folder(tmp_path / "run", [f"lmp-{n}-{i}" for n in (4, 2) for i in range(1, 7)])
    out = tmp_path / "out"
    assert main([str(root), "--out", str(out), "--hourly-price-usd", "2.88", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["kind"] == "import"
    assert "A valid result at 4 nodes took $" in answer["cost"]
    assert json.loads((out / "digest.json").read_text()) == answer


def test_imported_runs_are_the_other_arm_of_a_study(imported, tmp_path, capsys):
    _, recorded = imported(flux_folder(tmp_path / "run", [f"lmp-2-{i}" for i in range(1, 7)]))
    study = write_study(tmp_path / "study", study_records(repeats=6))
    assert report([str(study), "--against", str(tmp_path / "out")]) == 0
    target = tmp_path / "study" / "against" / "out"
    both = table.from_parquet((target / "records.parquet").read_bytes())
    assert len(both) == 28 + len(recorded)
    assert "28 of 28 points valid" in capsys.readouterr().out
    page = (target / "report.html").read_text()
    assert "6 runs beside the study&#39;s own are from run." in page
    assert not (tmp_path / "study" / "report.html").exists()


def test_verdict_against_imported_runs_is_withheld_with_the_differences(imported, tmp_path):
    names = [f"lmp-2-{i}" for i in range(1, 7)]
    root = flux_folder(tmp_path / "run", names)
    imported(root)
    records = [
        r.model_copy(update={"ranks": 4, "ranks_per_node": 2, "loop_time_s": 50.0 + i / 100})
        for i, r in enumerate(study_records(operators=("mpi_operator",), nodes=(2,), repeats=6))
    ]
    study = write_study(tmp_path / "study", records)
    report([str(study), "--against", str(tmp_path / "out")])
    said = (tmp_path / "study" / "against" / "out" / "summary.md").read_text()
    assert "Flux Operator is" in said
    for reason in ("binding differs (core; none)", "image digest differs (unknown; sha256:5a5a"):
        assert reason in said
    assert "recorded in different studies (demo-20260301, run)" in said


def test_table_without_logs_is_the_other_arm_with_the_differences(imported, tmp_path):
    rows = [baseline_row(ranks=2, real=3.0 + i / 100) for i in range(6)]
    write(tmp_path / "old" / "mpi_operator_results.json", json.dumps(rows))
    imported(tmp_path / "old")
    records = study_records(operators=("flux_operator",), nodes=(2,), repeats=6)
    study = write_study(tmp_path / "study", records)
    report([str(study), "--against", str(tmp_path / "out")])
    said = (tmp_path / "study" / "against" / "out" / "summary.md").read_text()
    assert "2 nodes (2 ranks): Measured, no verdict: by launcher time, MPI Operator is" in said
    for reason in ("no loop time of MPI Operator", "binding differs (unknown; none)"):
        assert reason in said
    assert "image digest differs (unknown; sha256:5a5a" in said


@pytest.mark.usefixtures("without_figures")
def test_against_refuses_what_is_no_other_study(tmp_path, capsys):
    study = write_study(tmp_path / "study", study_records())
    assert report([str(study), "--against", str(tmp_path)]) == 2
    write_report(study)
    assert report([str(study), "--against", str(study)]) == 2
    (tmp_path / "records.parquet").write_bytes(b"PAR1 no")
    assert report([str(study), "--against", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "no records.parquet" in said
    assert "records of demo-20260301 itself" in said


@needs_run6
def test_run_6_gives_the_published_medians_and_160_counted_runs(imported, tmp_path, capsys):
    code, records = imported(RUN6)
    assert code == 0
    assert "161 runs: 160 valid and counted, 1 valid warm-ups, 0 failed, 0 invalid; 0 files" in (
        capsys.readouterr().out
    )
    (warm_up,) = (record for record in records if record.is_warmup)
    assert warm_up.point_id == "lmp-64-1-minicluster-size-64"
    summary = pd_table(tmp_path / "out" / "summary.csv").set_index(["nodes", "k8s_operator"])
    for quantity, expected in (("loop_time", LOOP), ("launcher_time", LAUNCHER)):
        for nodes, medians in expected.items():
            for operator, median in zip(("flux_operator", "mpi_operator"), medians, strict=True):
                row = summary.loc[(nodes, operator)]
                assert row[f"{quantity}_median_s"] == pytest.approx(median, abs=0.0051)
                assert row["n"] == 20


@needs_run6
def test_run_6_gives_the_intervals_of_the_differences_and_no_verdict(run6):
    loop = run6.comparisons[run6.comparisons["quantity"] == "loop_time_s"].set_index("nodes")
    for nodes, interval in DIFFERENCE.items():
        found = loop.loc[nodes, ["low", "high"]].tolist()
        assert found == pytest.approx(interval, abs=0.02)  # of another bootstrap
    assert all(verdict.winner is None for verdict in run6.verdicts)
    assert all("binding differs (core; none)" in verdict.reasons for verdict in run6.verdicts)
    drifting = [v.nodes for v in run6.verdicts if any("drift" in reason for reason in v.reasons)]
    assert drifting == [64]


@needs_run6
def test_run_6_under_the_published_rule_counts_the_warm_up(imported, tmp_path):
    _, records = imported(RUN6, options=["--published-rule"])
    assert sum(record.is_warmup for record in records) == 0
    medians = pd_table(tmp_path / "out" / "original_medians.csv").set_index(
        ["k8s_operator", "nodes"]
    )
    flux, mpi = medians.loc["flux_operator"], medians.loc["mpi_operator"]
    expected = {
        "cluster_time": [48.76, 49.59, 50.60, 52.93],
        "end_to_end_walltime_fluxstart": [81.04, 51.24, 36.06, 28.52],
        "walltime": [73, 43, 27, 19],
    }
    for name, values in expected.items():
        assert flux[name].tolist() == pytest.approx(values, abs=0.0051)
    assert mpi["end_to_end_walltime_fluxstart"].tolist() == pytest.approx(
        [90.94, 60.75, 47.52, 49.15], abs=0.0051
    )
    assert flux["n"].tolist() == [20, 20, 20, 21]


def pd_table(path):
    import pandas as pd

    return pd.read_csv(path)
