"""`opbench ls`, `show` and `compare` over folders of results."""

from __future__ import annotations

import json

import pytest

from include.analysis import table
from include.cli.main import main
from include.report import content
from include.report.write import write_report
from tests.analysis.synthetic import study_records
from tests.report.study_folder import write_study


@pytest.fixture(autouse=True)
def no_figures(monkeypatch):
    """Drawing takes a second; tests of words do without."""
    monkeypatch.setattr(content, "draw_all", lambda *_, **__: ())


@pytest.fixture
def root(tmp_path):
    """A place of results with one study of eight repeats."""
    write_report(write_study(tmp_path / "demo-1", study_records(repeats=8)))
    return tmp_path


def slower(records, factor, *, operator="mpi_operator"):
    return [
        record.model_copy(
            update={
                "study_id": "after",
                "figures": {name: v * factor for name, v in record.figures.items()},
            }
        )
        if record.k8s_operator == operator
        else record.model_copy(update={"study_id": "after"})
        for record in records
    ]


@pytest.fixture
def sets(tmp_path):
    """Two tables of records; in the second one operator is slower by 5 %."""
    records = study_records(repeats=20)
    paths = tmp_path / "a.parquet", tmp_path / "b.csv"
    paths[0].write_bytes(table.to_parquet(table.to_frame(records)))
    paths[1].write_bytes(table.to_csv(table.to_frame(slower(records, 1.05))))
    return [str(path) for path in paths]


def test_a_step_of_5_percent_gives_exit_code_1_and_is_named(sets, capsys):
    assert main(["compare", *sets]) == 1
    text = capsys.readouterr().out
    assert "MPI Operator" in text
    assert "B is worse in 2 of 4: MPI Operator at 1 node (+5.0 %)" in text
    assert "geometric mean +2.5 %" in text


def test_the_comment_has_a_headline_a_table_and_how_to_read_it(sets, capsys):
    assert main(["compare", *sets, "--md"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("### :x: B is worse in 2 of 4")
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == 5
    assert (
        len({line.count("|") for line in [*rows, *[x for x in lines if x.startswith("|---")]]}) == 1
    )
    assert "after Holm" in lines[-1]


def test_the_other_way_round_is_better_and_exit_code_0(sets, capsys):
    assert main(["compare", *reversed(sets), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["outcome"] for row in rows] == ["better", "better", "~", "~"]


def test_a_step_below_the_least_one_is_let_pass(sets):
    assert main(["compare", *sets, "--least", "6"]) == 0


def test_few_repeats_say_that_nothing_can_be_said(tmp_path, capsys):
    path = tmp_path / "a.parquet"
    path.write_bytes(table.to_parquet(table.to_frame(study_records())))
    assert main(["compare", str(path), str(path)]) == 0
    assert "a comparison needs 6 valid repeats" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["nowhere", "absent.parquet"])
def test_what_is_no_set_of_records_is_told(name, root, capsys):
    assert main(["compare", name, name, "--results", str(root)]) == 2
    assert name in capsys.readouterr().err


def test_ls_has_a_line_per_study_with_its_answer(root, capsys):
    assert main(["ls", "--results", str(root)]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.startswith("STUDY")
    assert line.startswith("demo-1 ")
    assert "Indexed Job was" in line or "cannot be told apart" in line
    assert main(["ls", "--results", str(root), "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed["study"] == "demo-1"
    assert listed["valid"] == listed["planned"]


def test_ls_of_an_empty_place_says_so(tmp_path, capsys):
    assert main(["ls", "--results", str(tmp_path)]) == 0
    assert "has a report yet" in capsys.readouterr().out


def test_show_prints_the_answer_and_a_row_per_size(root, capsys):
    assert main(["show", "demo-1", "--results", str(root)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("In these runs ")
    assert "\nnodes    MPI Operator" in text
    assert "\ngeomean" in text
    assert main(["show", "demo-1", "--results", str(root), "--md"]) == 0
    assert capsys.readouterr().out.startswith("# ")
    assert main(["show", str(root / "demo-1"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "study"


def test_a_site_has_every_study_its_report_and_badge_and_nothing_from_outside(root, capsys):
    out = root.parent / "site"
    assert main(["site", "--results", str(root), "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith("1 studies: ")
    page = (out / "index.html").read_text()
    assert 'href="demo-1/report.html"' in page
    assert "script" not in page
    assert (out / "demo-1" / "report.html").exists()
    assert "verdict<" in (out / "demo-1" / "badge.svg").read_text()
    assert not list(out.rglob("job.log"))


def test_the_export_is_openmetrics_with_unit_interval_and_size(root, capsys):
    assert main(["export", "demo-1", "--results", str(root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "# EOF"
    assert "# TYPE operator_benchmark_loop_time_seconds gauge" in lines
    assert "# UNIT operator_benchmark_loop_time_seconds seconds" in lines
    samples = [line for line in lines if line.startswith("operator_benchmark_loop_time_seconds{")]
    assert len(samples) == 2 * 2 * 3
    assert all('operator="' in line and 'nodes="' in line for line in samples)
    assert {line.split('statistic="')[1].split('"')[0] for line in samples} == {
        "median",
        "interval_low",
        "interval_high",
    }
