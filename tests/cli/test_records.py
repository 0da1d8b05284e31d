"""`opbench ls`, `show` and `compare` over folders of results."""

from __future__ import annotations

import json

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from include.analysis import table
from include.cli.main import main
from include.regression.trend_models import Group, Mark, Point, Trend
from include.report import content
from include.report.write import write_report
from tests.analysis.synthetic import study_records
from tests.report.study_folder import write_study
from tests.webhook import serving


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
    assert "B is slower in 2 of 4: MPI Operator at 1 and 2 nodes (+5.0 %)" in text
    assert "geometric mean +2.5 %" in text


def test_the_comment_has_a_headline_a_table_and_how_to_read_it(sets, capsys):
    assert main(["compare", *sets, "--md"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("### :x: B is slower in 2 of 4")
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


@pytest.fixture
def variants(tmp_path):
    """One study in which the variant head of an operator is slower by 5 %."""
    own = [each for each in study_records(repeats=20) if each.k8s_operator == "mpi_operator"]
    both = [
        each.model_copy(update={"study_id": "demo-1", "variant": variant})
        for variant, records in (("release", own), ("head", slower(own, 1.05)))
        for each in records
    ]
    path = tmp_path / "records.parquet"
    path.write_bytes(table.to_parquet(table.to_frame(both)))
    return str(path)


def test_two_variants_of_one_study_are_told_apart(variants, capsys):
    assert main(["compare", f"{variants}@release", f"{variants}@head", "--md"]) == 1
    text = capsys.readouterr().out
    assert "B is slower in 2 of 2: MPI Operator at 1 and 2 nodes (+5.0 %)" in text
    assert "@release`, B: " in text


def test_a_variant_that_the_study_does_not_have_is_told_with_those_it_has(variants, capsys):
    assert main(["compare", f"{variants}@release", f"{variants}@main"]) == 2
    assert "has no variant 'main'; it has head, release" in capsys.readouterr().err


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
    assert "(p< " not in text
    assert "\ngeomean" in text
    assert main(["show", "demo-1", "--results", str(root), "--md"]) == 0
    assert capsys.readouterr().out.startswith("# ")
    assert main(["show", str(root / "demo-1"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "study"


def test_a_site_has_every_study_its_report_and_badge_and_nothing_from_outside(root, capsys):
    out = root.parent / "site"
    assert main(["site", "--results", str(root), "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith("1 study: ")
    page = (out / "index.html").read_text()
    assert 'href="demo-1/report.html"' in page
    assert "script" not in page
    assert (out / "demo-1" / "report.html").exists()
    assert "verdict<" in (out / "demo-1" / "badge.svg").read_text()
    assert not list(out.rglob("job.log"))
    assert "points/" not in (out / "demo-1" / "report.html").read_text()


def test_a_site_of_a_folder_that_is_not_there_is_refused_and_not_written(tmp_path, capsys):
    out = tmp_path / "site"
    assert main(["site", "--results", str(tmp_path / "reslts"), "--out", str(out)]) == 2
    assert "reslts is not a folder" in capsys.readouterr().err
    assert not out.exists()


def test_a_site_of_one_import_has_that_one(root, capsys):
    out = root.parent / "site"
    assert main(["site", "--results", str(root / "demo-1"), "--out", str(out)]) == 0
    assert (out / "demo-1" / "report.html").exists()
    assert "verdict<" in (out / "badge.svg").read_text()


@pytest.fixture
def nights(root):
    """A function that keeps a series of three nights, the last two at a level of their own."""

    def keep(effect, *, series="nightly"):
        days = ("2026-01-01", "2026-01-02", "2026-01-03")
        points = tuple(
            Point(
                night=night,
                value=50.0,
                low=49.0,
                high=51.0,
                repeats=5,
                study_id="demo-1" if night == days[-1] else "gone",
                dag_id="nightly_regression",
                run_id=night,
            )
            for night in days
        )
        marks = (Mark(night=days[1], relative_effect=effect, low=0.04, high=0.06),)
        group = Group(group="a 2n", simulated=False, points=points, marks=marks, no_data=())
        folder = root / "regression" / series
        folder.mkdir(parents=True)
        (folder / "trend.json").write_text(Trend(series=series, groups=(group,)).model_dump_json())

    return keep


@pytest.mark.parametrize(
    ("effect", "state"),
    [(0.05, "slower since 2026-01-02"), (-0.05, "no slowdown in 3 nights")],
)
def test_a_site_has_every_trend_its_state_and_badge(effect, state, nights, root, capsys):
    nights(effect)
    out = root.parent / "site"
    assert main(["site", "--results", str(root), "--out", str(out)]) == 0
    assert "1 nightly series" in capsys.readouterr().out
    assert 'href="regression/nightly/trend.html"' in (out / "index.html").read_text()
    assert f">{state}<" in (out / "regression/nightly/badge.svg").read_text()


def test_the_nights_of_a_trend_lead_to_the_reports_that_the_site_has(nights, root):
    nights(0.05)
    out = root.parent / "site"
    assert main(["site", "--results", str(root), "--out", str(out)]) == 0
    page = (out / "regression" / "nightly" / "trend.html").read_text()
    assert page.count('href="../../demo-1/report.html"') == 1
    assert "gone" not in page
    assert 'href=""' not in page


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


@pytest.mark.sockets
def test_the_figures_reach_a_collector_as_otlp_with_unit_interval_and_size(root, capsys):
    with serving() as collector:
        address = f"http://127.0.0.1:{collector.server_port}"
        assert main(["export", "demo-1", "--results", str(root), "--otlp", address]) == 0
    ((path, _, body),) = collector.got
    assert path == "/v1/metrics"
    sent = json_format.ParseDict(body, ExportMetricsServiceRequest())  # refuses what is not OTLP
    (scope,) = sent.resource_metrics[0].scope_metrics
    by_name = {metric.name: metric for metric in scope.metrics}
    loop = by_name["operator_benchmark.loop_time_s"]
    assert loop.unit == "s"
    points = loop.gauge.data_points
    assert len(points) == 2 * 2 * 3
    attributes = [{a.key: a.value.string_value for a in point.attributes} for point in points]
    assert {a["statistic"] for a in attributes} == {"median", "interval_low", "interval_high"}
    assert {"study", "operator", "nodes", "ranks", "n"} < set(attributes[0])
    assert all(point.time_unix_nano > 1e18 for point in points)
    count = sum(len(metric.gauge.data_points) for metric in scope.metrics)
    assert f"sent {count} numbers" in capsys.readouterr().out


@pytest.mark.sockets
def test_a_collector_that_refuses_the_figures_is_told_in_a_sentence(root, capsys):
    with serving() as collector:
        collector.answer = 403
        address = f"http://127.0.0.1:{collector.server_port}"
        assert main(["export", "demo-1", "--results", str(root), "--otlp", address]) == 2
    assert "/v1/metrics answers 403" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("unit", "name"),
    [
        ("s", "seconds"),
        ("GFLOP/s", "gflop_per_second"),
        ("atom-steps/s", "atom_steps_per_second"),
        ("kcal/mol", "kcal_per_mol"),
        ("%", "percent"),
        ("", ""),
    ],
)
def test_a_unit_is_named_in_the_letters_of_the_format(unit, name):
    from include.report.openmetrics import unit_name

    assert unit_name(unit) == name
