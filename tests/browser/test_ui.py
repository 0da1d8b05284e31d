"""What a person does every day: log in, fill the form, trigger, watch, read the report."""

from __future__ import annotations

import csv
import re

import pytest
from playwright.sync_api import expect

from include.models.study import Section
from include.study import presets
from tests.airflow_server import DAG, wait
from tests.browser.trigger_form import log_in

pytestmark = [pytest.mark.browser, pytest.mark.sockets, pytest.mark.timeout(300)]
WHAT, WHERE, HOW_OFTEN, BUDGET = (section.value for section in Section)
STUDY_MS = 180_000  # how long the study may take on a busy machine


def runs(airflow):
    return airflow.call(f"{DAG}/dagRuns")["dag_runs"]


def test_who_is_not_logged_in_sees_the_login_alone(anonymous, keep):
    for path in ("/", "/dags/operator_benchmark", "/plugin/benchmark-studies"):
        anonymous.goto(path)
        expect(anonymous.get_by_role("button", name="Sign in")).to_be_visible()
    keep(anonymous, "login")


def test_a_wrong_password_is_refused(anonymous, keep):
    log_in(anonymous, password="a guess")  # noqa: S106  it is none
    expect(anonymous.get_by_text("Invalid credentials")).to_be_visible()
    keep(anonymous, "wrong-password")


def test_the_first_screen_has_no_red_run(page, airflow, keep):
    """An hourly DAG has a run due at once, when the API server may not listen yet."""
    hourly = "/api/v2/dags/reap_clusters/dagRuns"
    first = wait(lambda: [r for r in airflow.call(hourly)["dag_runs"] if r["end_date"]], 120)
    assert {run["state"] for run in first} == {"success"}
    page.goto("/")
    for part in PARTS:
        badge = page.get_by_text(part, exact=True)
        expect(badge).to_be_visible()
        wait(lambda one=badge: is_green(one.evaluate(BACKGROUND)))
    page.wait_for_timeout(1500)  # until the page has its numbers, for the picture
    keep(page, "first-screen")


PARTS = ("MetaDatabase", "Scheduler", "Triggerer", "Dag Processor")
# The colour behind a text: that of the first element around it that has one.
BACKGROUND = """element => {
  const colour = () => getComputedStyle(element).backgroundColor;
  while (element.parentElement && colour() === "rgba(0, 0, 0, 0)") element = element.parentElement;
  return colour();
}"""


def is_green(colour):
    red, green, blue = (int(part) for part in re.findall(r"\d+", colour)[:3])
    return green > red + blue


def test_the_form_asks_what_where_how_often_and_for_how_much(form, keep):
    keep(form.page, "form")
    titles = form.dialog.get_by_role("button").all_inner_texts()
    sections = [title for title in titles if title in {WHAT, WHERE, HOW_OFTEN, BUDGET}]
    assert sections == [WHAT, WHERE, HOW_OFTEN, BUDGET]
    for number, section in enumerate(sections):
        form.open(section)
        expect(form.dialog.get_by_text(HELP[number])).to_be_visible()
        form.page.wait_for_timeout(500)  # until the section has opened, for the picture
        keep(form.page, f"form-section-{number + 1}")


HELP = (
    "The operators to compare, in this order.",
    "cost $187 an hour",
    "a verdict needs at least six",
    "nothing costs money, before that.",
)


def test_the_presets_are_offered_with_what_they_are(form, keep):
    form.dialog.locator("#element_preset").click()
    for name in presets.available():
        option = form.page.get_by_role("option", name=f"{name}: {presets.title(name)}")
        expect(option).to_be_visible()
    keep(form.page, "presets")


def test_the_page_of_the_dag_explains_it(page, keep):
    page.goto("/dags/operator_benchmark")
    expect(page.get_by_role("link", name="operator-benchmark")).to_have_attribute(
        "href", re.compile("/plugin/benchmark-studies$")
    )
    page.get_by_role("button", name="Dag Docs").click()
    docs = page.get_by_role("dialog")
    expect(docs.get_by_text("Fields of the form")).to_be_attached()
    docs.get_by_text("Fields of the form").scroll_into_view_if_needed()
    keep(page, "docs")


WRONG = [
    (HOW_OFTEN, "fill", "repeats", 500, "repeats: must be 100 or less (given: 500)"),
    (HOW_OFTEN, "write", "nodes", [2, 2], "nodes: [2, 2] names one twice"),
    (BUDGET, "fill", "max_usd", -5, "max_usd: must be 0 or more (given: -5)"),
]


@pytest.mark.parametrize(("section", "enter", "field", "value", "words"), WRONG)
def test_a_wrong_value_is_refused_in_words_in_the_note_and_in_the_report_tab(
    form, airflow, keep, section, enter, field, value, words
):
    before = {run["dag_run_id"] for run in runs(airflow)}
    form.open(section)
    getattr(form, enter)(field, value)
    form.trigger()
    expect(form.dialog).to_be_hidden()
    (run_id,) = {run["dag_run_id"] for run in runs(airflow)} - before
    assert airflow.end(run_id) == "failed"
    page = form.page
    page.goto(f"/dags/operator_benchmark/runs/{run_id}")
    expect(page.get_by_text(f"Refused by the task plan: {words}")).to_be_visible()
    keep(page, f"refused-{field}")
    page.get_by_role("link", name="Benchmark report").click()
    expect(page.frame_locator("iframe").get_by_text(words)).to_be_visible()
    keep(page, f"refused-{field}-tab")


@pytest.mark.timeout(400)
def test_a_study_from_the_form_to_the_table(form, airflow, place, results, keep):
    page = form.page
    form.choose("preset", "smoke")
    form.open(WHAT)
    form.choose("operators", *place["operators"])
    form.choose("application", place["application"])
    form.open(WHERE)
    form.choose("cluster", place["cluster"])
    form.write("cluster_options", place["cluster_options"])
    keep(page, "filled-where")
    form.open(HOW_OFTEN)
    form.fill("repeats", 2)
    keep(page, "filled-how-often")
    form.trigger()

    expect(form.dialog).to_be_hidden()
    (run,) = [run for run in runs(airflow) if run["conf"].get("preset") == "smoke"]
    page.goto(f"/dags/operator_benchmark/runs/{run['dag_run_id']}")
    badge = page.get_by_test_id("header-card").get_by_test_id("state-badge")
    expect(badge).to_have_text(re.compile("Running|Queued"))
    keep(page, "running")
    expect(badge).to_have_text(re.compile("Success|Failed"), timeout=STUDY_MS)
    expect(badge).to_have_text("Success")
    page.reload()  # the page asks no more for the note of a run that has ended
    page.get_by_test_id("expand-all-button").click()
    _assert_the_grid_is_green(page, run["dag_run_id"])
    expect(page.get_by_text("Result:")).to_be_visible()
    keep(page, "green")

    _assert_points_are_named(page, place["operators"], keep)
    page.goto(f"/dags/operator_benchmark/runs/{run['dag_run_id']}")
    page.get_by_role("link", name="Benchmark report").click()
    report = page.frame_locator("iframe")
    expect(report.get_by_text("4 valid of 4 planned repeats")).to_be_visible()
    page.wait_for_timeout(500)  # until the figures are drawn, for the picture
    keep(page, "report")
    with page.expect_download() as download:
        report.get_by_role("link", name="records.csv").click()
    _assert_is_the_studys_table(download.value, results, place["operators"])

    page.goto("/plugin/benchmark-studies")
    listed = page.frame_locator("iframe")
    expect(listed.get_by_text(re.compile("^smoke-"))).to_be_visible()
    keep(page, "studies")


def _assert_the_grid_is_green(page, run_id):
    """Every task that had something to do has the colour of success."""
    unused = {f"phase_{n}" for n in range(3, 10)}  # the study has two operators
    expect(page.get_by_test_id(f"grid-{run_id}-verdict")).to_be_visible()
    start = f"grid-{run_id}-"
    cells = page.locator(f"[data-testid^='{start}']").all()
    names = [cell.get_attribute("data-testid").removeprefix(start) for cell in cells]
    used = [name for name in names if name.split(".")[0] not in unused]
    assert {"plan", "preflight", "phase_1.points", "phase_2.points", "verdict"} <= set(used)
    colours = {
        name: page.get_by_test_id(f"grid-{run_id}-{name}")
        .get_by_test_id("task-state-badge")
        .evaluate("badge => getComputedStyle(badge).backgroundColor")
        for name in used
    }
    assert set(colours.values()) == {colours["verdict"]}
    assert is_green(colours["verdict"])


def _assert_points_are_named(page, operators, keep):
    for phase, operator in enumerate(operators, start=1):
        page.goto(f"{page.url.split('/tasks')[0]}/tasks/phase_{phase}.points/mapped")
        for repeat in (1, 2):
            expect(page.get_by_text(f"{operator} · 2 nodes · {repeat}").first).to_be_visible()
    keep(page, "points")
    page.get_by_text(f"{operators[-1]} · 2 nodes · 1").first.click()
    page.wait_for_url(re.compile(r"/mapped/\d+"))  # the page before has a tab of that name, too
    page.get_by_role("link", name="Details", exact=True).click()
    for link in ("Report of the study", "Log of the job", "Manifest", "Events"):
        expect(page.get_by_role("link", name=link, exact=True)).to_be_visible()
    keep(page, "point")


def _assert_is_the_studys_table(download, results, operators):
    (study,) = results.glob("smoke-*")
    assert download.suggested_filename == f"{study.name}-records.csv"
    text = download.path().read_text()
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["k8s_operator"] for row in rows] == [name for name in operators for _ in (1, 2)]
    assert {row["status"] for row in rows} == {"valid"}
    assert (study / "records.csv").read_text() == text
