import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from jinja2 import UndefinedError

from include.analysis import table
from include.analysis.cells import counted
from include.analysis.quantities import primaries, with_derived
from include.models import Status
from include.report import content, html
from include.report.__main__ import main
from include.report.boxes import draw_boxes
from include.report.content import read_content
from include.report.text import summary_text
from include.report.write import write_report
from include.results import Results
from tests.analysis.synthetic import record, study_records
from tests.report.study_folder import NOTE, cluster_of, plan_of, write_record, write_study

HEADINGS = [
    "operator",
    "nodes",
    "ranks",
    "loop s",
    "launcher s",
    "end-to-end s",
    "loop spread",
    "failed",
]
VOID = {"meta", "img", "br"}
EVIL = "<script>alert(1)</script> & \"quoted\" 'too'"


@pytest.fixture
def no_figures(monkeypatch):
    """Drawing takes a second; tests of words do without."""
    monkeypatch.setattr(content, "draw_all", lambda *_, **__: ())


class Page(HTMLParser):
    """Checks that tags are nested well and keeps what matters."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.words = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words += data


def page_of(results: Results) -> Page:
    return Page(results.read_text("report.html"))


def words_of(results: Results) -> str:
    return re.sub(r"\s+", " ", page_of(results).words)


def test_complete_study_writes_all_its_files(complete, drawings):
    records, results, written = complete
    assert (written.planned, written.recorded, written.valid) == (16, 16, 16)
    assert written.is_complete
    assert (written.failed, written.invalid, written.lost) == ((), (), ())
    assert written.report == str(results.path("report.html"))
    made = {path.name for path in results.root.iterdir()}
    tables = {f"{name}.csv" for name in ("records", "summary", "comparisons", "drift", "scaling")}
    assert {"records.parquet", "report.html", "summary.md", *tables} <= made
    assert figures_of(results).keys() == files_of(drawings).keys()
    assert table.to_records(table.from_parquet(results.read_bytes("records.parquet"))) == records
    assert results.read_text("summary.csv").startswith("k8s_operator,nodes,ranks,n,")


def figures_of(results):
    return {path.name: path.read_bytes() for path in results.path("figures").iterdir()}


def files_of(drawings):
    svgs = {f"{drawing.name}.svg": drawing.svg for drawing in drawings}
    return svgs | {f"{drawing.name}.png": drawing.png for drawing in drawings}


def test_figures_are_stored_as_they_were_drawn(complete, drawings):
    _, results, _ = complete
    assert figures_of(results) == files_of(drawings)


def test_same_records_give_the_same_bytes(complete, drawings):
    records, _, _ = complete
    runs = with_derived(counted(table.to_frame(records)))
    again = draw_boxes(runs, primaries(runs)[0], order=("mpi_operator", "indexed_job"))
    assert again in drawings


def test_module_runs_as_a_program_and_another_process_draws_the_same_bytes(tmp_path, drawings):
    records = study_records()
    plan = plan_of([*records, record(point_id="never-run", order_index=17)])
    results = write_study(tmp_path, records, plan=plan)
    run = [sys.executable, "-m", "include.report", str(tmp_path)]
    found = subprocess.run(run, capture_output=True, text=True, check=False)
    assert found.returncode == 1, found.stderr
    assert "16 of 17 points valid" in found.stdout
    assert figures_of(results) == files_of(drawings)


@pytest.mark.usefixtures("no_figures")
def test_summary_crosses_xcom_as_json(tmp_path):
    written = write_report(write_study(tmp_path, study_records()))
    assert type(written).model_validate(written.to_json()) == written


def _anchors(page):
    return [each.removeprefix("#") for each in page.addresses if each.startswith("#")]


def test_page_needs_nothing_from_outside_and_no_script(complete):
    _, results, _ = complete
    page = page_of(results)
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert {"svg", "text"} <= page.tags  # figures are parts of the page, their text is text
    outside = [each for each in page.addresses if not each.startswith(("#", "points/"))]
    assert outside == []
    assert set(_anchors(page)) <= set(re.findall(r'id="([^"]+)"', results.read_text("report.html")))
    assert "http" not in results.read_text("report.html")


@pytest.mark.usefixtures("no_figures")
def test_page_says_what_was_run_on_what_and_withholds_a_verdict(tmp_path):
    results = write_study(tmp_path, study_records())
    write_report(results)
    words = words_of(results)
    assert (
        "MPI Operator and Indexed Job ran lammps on the cluster “local” with 1 and 2 nodes, 1 rank "
        "per node: 12 valid of 12 planned repeats (4 warm-ups planned besides, not counted)."
    ) in words
    assert (
        "Verdicts No verdict is given at any size, because: fewer than 6 valid repeats (3)"
    ) in words
    assert "SIMULATED" not in words
    assert "None: all 16 planned points gave a valid result." in words
    for needed in (NOTE, "sha256:5a5a", "v0.8.2", "v1.35.0", "node-0, node-1", "0.1.0+synthetic"):
        assert needed in words
    for needed in ("ranks_per_node", "binding", "Seed of the order"):
        assert needed in words


@pytest.mark.usefixtures("no_figures")
def test_operators_that_cannot_be_told_apart_are_not_ranked(tmp_path):
    results = write_study(tmp_path, study_records(repeats=8))
    write_report(results)
    assert "Indexed Job and MPI Operator cannot be told apart: difference" in words_of(results)


@pytest.mark.usefixtures("no_figures")
def test_one_operator_alone_works_and_is_not_compared(tmp_path):
    results = write_study(tmp_path, study_records(operators=("mpi_operator",), nodes=(1,)))
    assert write_report(results).is_complete
    assert "MPI Operator alone ran lammps on the cluster “local” with 1 node," in words_of(results)
    assert "one operator alone cannot be compared" in words_of(results)


@pytest.mark.usefixtures("no_figures")
def test_simulated_study_says_so_first(tmp_path):
    results = write_study(tmp_path, study_records(simulated=True))
    assert write_report(results).simulated
    words = words_of(results)
    assert words.index("SIMULATED") < words.index("ran lammps")
    assert "No verdict is given at any size, because: simulated" in words
    assert "Measured" not in words


@pytest.mark.usefixtures("no_figures")
def test_simulated_cluster_marks_a_study_without_records(tmp_path):
    records = study_records(simulated=True)
    plan = plan_of(records)
    results = write_study(tmp_path, [], plan=plan, cluster=cluster_of(plan, simulated=True))
    assert write_report(results).simulated
    assert "SIMULATED" in words_of(results)


@pytest.mark.usefixtures("no_figures")
def test_failed_invalid_and_lost_points_are_each_named_with_reason_and_files(tmp_path):
    records = list(study_records())
    plan = plan_of(records)
    failed, invalid, lost = records[1].point_id, records[5].point_id, records[9].point_id
    records[1] = record(
        **{name: getattr(records[1], name) for name in ("point_id", "nodes", "order_index")},
        status=Status.FAILED,
        error=EVIL,
    )
    records[5] = records[5].model_copy(update={"status": Status.INVALID, "error": None})
    results = write_study(tmp_path, [r for r in records if r.point_id != lost], plan=plan)
    written = write_report(results)
    assert (written.failed, written.invalid, written.lost) == ((failed,), (invalid,), (lost,))
    assert (written.valid, written.recorded, written.is_complete) == (13, 15, False)
    words = words_of(results)
    assert EVIL in words
    assert "<script>" not in results.read_text("report.html")
    page = results.read_text("report.html")
    assert f'<a href="points/{failed}/job.log">log</a>' in page
    assert f'<a href="points/{failed}/manifest.yaml">manifest</a>' in page
    assert "no reason was recorded" in words
    assert "LOST no record was written none was stored" in words
    assert "1 failed, 1 ended with a result that cannot be trusted, 1 lost" in words


@pytest.mark.usefixtures("no_figures")
def test_unreadable_record_is_lost_with_its_reason(tmp_path):
    records = study_records()
    results = write_study(tmp_path, records)
    point_id = records[0].point_id
    results.write_text(f"points/{point_id}/record.json", '{"nodes": "many"}')
    results.write_text(f"points/{records[1].point_id}/record.json", "half a fi")
    written = write_report(results)
    assert set(written.lost) == {point_id, records[1].point_id}
    assert "record.json cannot be read" in words_of(results)


@pytest.mark.usefixtures("no_figures")
def test_record_of_no_planned_point_is_shown_and_not_counted(tmp_path):
    records = study_records()
    results = write_study(tmp_path, records)
    write_record(results, record(point_id="stray", loop_time_s=99.0))
    written = write_report(results)
    assert (written.planned, written.valid) == (16, 16)
    assert "left out of every count above: stray" in words_of(results)
    assert "99.00" not in written.text


@pytest.mark.usefixtures("no_figures")
def test_failed_provisioning_gives_a_report_without_records(tmp_path):
    results = Results(tmp_path)
    plan = plan_of(study_records())
    results.write_json("plan.json", plan.to_json())
    written = write_report(results, title="Nothing ran")
    assert (written.recorded, len(written.lost), written.text) == (0, 16, "no point has a record\n")
    words = words_of(results)
    assert "should have run lammps" in words
    assert "The cluster was not provisioned, so nothing was run." in words
    assert "Nothing ran" in words
    assert not (tmp_path / "figures").exists()
    assert table.from_csv(results.read_bytes("records.csv")).empty


@pytest.mark.usefixtures("no_figures")
def test_values_that_differ_between_points_are_all_named(tmp_path):
    records = list(study_records())
    records[0] = records[0].model_copy(update={"image_digest": None})
    records[1] = records[1].model_copy(update={"operator_version": "v0.9.0"})
    results = write_study(tmp_path, records)
    write_report(results)
    assert "unknown for some points" in words_of(results)
    assert "v0.8.2, v0.9.0" in words_of(results)


@pytest.mark.usefixtures("no_figures")
def test_report_can_be_written_again(tmp_path):
    results = write_study(tmp_path, study_records())
    first = write_report(results), results.read_bytes("report.html")
    assert (write_report(results), results.read_bytes("report.html")) == first


@pytest.mark.usefixtures("no_figures")
def test_study_without_a_plan_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_report(Results(tmp_path))


def test_template_refuses_a_value_it_does_not_get():
    with pytest.raises(UndefinedError):
        html._environment().get_template(html.TEMPLATE).render(title="only this")


@pytest.mark.usefixtures("no_figures")
def test_instance_type_is_in_the_headline(tmp_path):
    records = study_records()
    plan = plan_of(records)
    cluster = cluster_of(plan, instance_type="hpc6a.48xlarge")
    results = write_study(tmp_path, records, plan=plan, cluster=cluster)
    write_report(results)
    assert "2 nodes of type hpc6a.48xlarge" in words_of(results)


@pytest.mark.usefixtures("no_figures")
def test_headline_and_tables_name_a_stand_in(tmp_path):
    version = "stand-in for v1alpha2 (0d75cef855de) (simulated)"
    records = [
        each.model_copy(update={"operator_version": version})
        if each.k8s_operator == "flux_operator"
        else each
        for each in study_records(operators=("mpi_operator", "flux_operator"), simulated=True)
    ]
    results = write_study(tmp_path, records)
    write_report(results)
    said = words_of(results)
    assert "MPI Operator and Flux Operator (stand-in) ran lammps" in said
    assert version in said
    assert "Flux Operator (stand-in)" in results.read_text("summary.md")


@pytest.mark.usefixtures("no_figures")
def test_terminal_table_is_aligned(tmp_path):
    records = study_records()
    failed = record(status=Status.FAILED, k8s_operator="flux_operator", nodes=16, ranks=1504)
    results = write_study(tmp_path, [*records, failed.model_copy(update={"order_index": 17})])
    lines = summary_text(read_content(results).analysis).splitlines()
    heads = " ".join(lines[0].split())
    places = [heads.index(name) for name in HEADINGS]
    assert places == sorted(places)
    assert len({len(line) for line in lines}) == 1
    assert lines[1].startswith("mpi_operator")
    *cell, failures = lines[-1].split()
    assert cell[:4] == ["flux_operator", "16", "1,504", "0"]
    assert set(cell[4:]) == {"\N{EN DASH}"}
    assert failures == "1"


@pytest.mark.usefixtures("no_figures")
def test_command_line_rebuilds_a_report(tmp_path, capsys):
    write_study(tmp_path, study_records())
    assert main([str(tmp_path), "--title", "Again"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("operator")
    assert said.endswith(f"16 of 16 points valid; report: {tmp_path / 'report.html'}\n")
    assert "<h1>Again</h1>" in (tmp_path / "report.html").read_text()


@pytest.mark.usefixtures("no_figures")
def test_command_line_fails_when_a_point_is_not_valid(tmp_path, capsys):
    records = study_records()
    write_study(tmp_path, records[1:], plan=plan_of(records))
    assert main([str(tmp_path)]) == 1
    assert "15 of 16 points valid" in capsys.readouterr().out


@pytest.mark.usefixtures("no_figures")
def test_command_line_names_a_folder_that_is_no_study(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "no plan.json" in capsys.readouterr().err


def test_command_line_has_help(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    assert "folder of one study" in capsys.readouterr().out


def test_study_of_one_operator_with_two_variants_shows_both_and_what_they_stand_for(tmp_path):
    flags = {"plain": "-ompi=openmpi@5", "bound": "-c 1 -o cpu-affinity=per-task"}
    records = [
        record(
            point_id=f"flux-operator-{variant}-2n-r{repeat}",
            k8s_operator="flux_operator",
            variant=variant,
            binding=None,
            repeat=repeat,
            order_index=2 * repeat + place,
            loop_time_s=2.0 + place + repeat / 100,
        )
        for repeat in range(1, 7)
        for place, variant in enumerate(flags)
    ]
    options = {"flux_operator": {"option_flags": flags}}
    results = write_study(tmp_path, records, plan=plan_of(records, operator_options=options))
    written = write_report(results)
    assert "flux_operator plain" in written.text
    words = words_of(results)
    assert "Flux Operator plain and Flux Operator bound ran lammps" in words
    assert "Flux Operator bound is 49" in words
    assert "-c 1 -o cpu-affinity=per-task" in words


@pytest.mark.usefixtures("no_figures")
def test_what_an_operators_jobs_got_beside_its_own_way_is_a_note(tmp_path):
    told = "its host file is rewritten for MPICH"
    records = [
        each.model_copy(update={"workarounds": told if each.k8s_operator == "mpi_operator" else ""})
        for each in study_records()
    ]
    results = write_study(tmp_path, records)
    write_report(results)
    assert words_of(results).count(f"MPI Operator: {told}.") == 1
