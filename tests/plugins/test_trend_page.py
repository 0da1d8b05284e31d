"""The trend of a nightly study in Airflow's UI."""

from __future__ import annotations

import re

import pytest

from include.results import Results
from plugins.study_context import locate


@pytest.fixture
def trend(tmp_path, monkeypatch):
    """A series of nights in the installation's results, one night of another DAG."""
    from include.regression import settings, trend_models
    from include.regression.trend_models import Group, Mark, Point, Trend

    file = tmp_path / "nightly.yaml"
    file.write_text("nightly: {schedule: '0 2 * * *', timezone: UTC}\n")
    monkeypatch.setattr(settings, "FILE", file)
    monkeypatch.setenv("OPERATOR_BENCHMARK_RESULTS", str(tmp_path / "results"))
    values = {"repeats": 5, "study_id": "s", "low_s": 49.0, "high_s": 52.0}
    points = [
        Point(night=f"2026-01-0{n}", value_s=50.0 + n, dag_id=dag_id, run_id=f"run {n}", **values)
        for n, dag_id in enumerate(("nightly_regression", "nightly_regression", "secret"), start=1)
    ]
    mark = Mark(night="2026-01-02", relative_effect=0.05, low=0.04, high=0.06, differs=("<b>",))
    group = Group(
        group="mpi 2n", simulated=True, points=points, marks=(mark,), no_data=("2026-01-04",)
    )
    folder = Results(locate(str(tmp_path / "results"))).path("regression/nightly")
    Results(folder).write_json(
        trend_models.FILE, Trend(series="nightly", groups=(group,)).to_json()
    )


def test_the_trend_shows_each_readable_night_and_leads_to_its_run(client, rights, trend):
    rights.readable = {"nightly_regression"}
    page = client.get("/trend/nightly_regression")
    assert page.status_code == 200
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert "../report/nightly_regression/run%201?listed=true" in page.text
    assert "+5.0 % (+4.0 to +6.0)" in page.text
    assert "2026-01-04: no data" in page.text
    assert "SIMULATED" in page.text
    assert "&lt;b&gt;" in page.text
    assert "secret" not in page.text
    assert "<script" not in page.text


def test_the_trend_says_what_it_shows_at_round_numbers(client, rights, trend):
    rights.readable = {"nightly_regression"}
    page = client.get("/trend/nightly_regression").text
    assert ">loop time [s]</text>" in page
    assert re.findall(r'text-anchor="end">([\d.]+)</text>', page) == ["49", "50", "51", "52"]


def test_the_trend_names_its_quantity_as_the_report_does(client, rights, trend, tmp_path):
    rights.readable = {"nightly_regression"}
    path = tmp_path / "results" / "regression" / "nightly" / "trend.json"
    path.write_text(path.read_text().replace("loop_time_s", "end_to_end_s"))
    assert ">end-to-end time [s]</text>" in client.get("/trend/nightly_regression").text


def test_the_trend_is_for_those_who_may_read_the_dag(client, anonymous, rights, trend):
    assert anonymous.get("/trend/nightly_regression").status_code == 401
    rights.readable = {"operator_benchmark"}
    assert client.get("/trend/nightly_regression").status_code == 403
    other = client.get("/trend/operator_benchmark")
    assert other.status_code == 200
    assert "No nightly study" in other.text


def test_the_trend_before_the_first_night_says_so(client, rights, trend, tmp_path):
    rights.readable = {"nightly_regression"}
    (tmp_path / "results" / "regression" / "nightly" / "trend.json").unlink()
    assert "There is no night yet" in client.get("/trend/nightly_regression").text


def test_the_list_of_studies_and_a_nights_report_lead_to_the_trend_where_there_is_one(
    client, rights, trend, tmp_path
):
    rights.readable = {"nightly_regression", None}
    page = client.get("/studies").text
    assert '<a href="./trend/nightly_regression">nightly</a>' in page
    rights.readable = {"operator_benchmark", None}
    assert "Trends of nights" not in client.get("/studies").text
    rights.readable = {"nightly_regression", None}
    (tmp_path / "results" / "regression" / "nightly" / "trend.json").unlink()
    assert "Trends of nights" not in client.get("/studies").text
