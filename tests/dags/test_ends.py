"""Every way in which a run can end: its colour, what ran, and what is said."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from include import clusters
from include.cost.ledger import Ledger
from include.models import Status
from include.results import Results, step_times
from plugins.report_view import PREFIX
from tests import airflow_pages

PHASE_1 = ["install fake-a", "point 1", "point 2", "uninstall fake-a"]
PHASE_2 = ["install fake-b", "point 3", "point 4", "uninstall fake-b"]
CREATED = ["preflight", "create", "wait_ready"]


def not_green(ended):
    """States other than success."""
    return {task: state for task, state in ended.tasks.items() if state != "success"}


def test_success_is_green_in_the_planned_order_and_names_its_points(run):
    ended = run()
    assert ended.state == "success"
    assert ended.journal == [*CREATED, *PHASE_1, *PHASE_2, "delete"]
    assert not_green(ended) == {}
    assert [record.order_index for record in ended.results.records()] == [1, 2, 3, 4]
    assert ended.results.exists("report.html")
    _assert_the_cost_is_accounted_for(ended.results)
    in_the_grid = {
        ti.rendered_map_index
        for ti in ended.dag_run.get_task_instances()
        if ti.task_id == "phase_1.points"
    }
    assert in_the_grid == {"fake_a · 2 nodes · warm-up 1", "fake_a · 2 nodes · 1"}


def _assert_the_cost_is_accounted_for(results):
    noted = {step.name: step.finished_at for step in step_times.read(results)}
    in_a_phase = ("install", "workers", "uninstall")
    phases = {f"{step}-{phase}" for phase in (1, 2) for step in in_a_phase}
    assert set(noted) == {"provision", "wait_ready", "destroy"} | phases
    assert None not in noted.values()
    ledger = Ledger.model_validate_json(results.read_bytes("cost.json"))
    assert ledger.valid_samples == 2  # warm-ups are none
    assert ledger.paid_node_s > 0
    assert sum(entry.node_s for entry in ledger.entries) == pytest.approx(ledger.paid_node_s)


@pytest.mark.sockets
def test_a_study_in_an_object_store_is_written_by_its_tasks_and_read_by_its_pages(
    run, params, bucket, monkeypatch
):
    params["results"] = f"{bucket}/results"
    ended = run()
    assert ended.state == "success"
    assert str(ended.results).startswith(f"{bucket}/results/demo-")
    assert [record.order_index for record in ended.results.records()] == [1, 2, 3, 4]
    links = [link for link in map(str, xcoms(ended).values()) if "/points/" in link[:200]]
    assert len(links) == 12  # to log, manifest and events of each point
    with airflow_pages.mounted(monkeypatch) as (app, manager):
        client = airflow_pages.client_of(app, token=airflow_pages.token_of(manager))
        pages = [client.get(link.partition(PREFIX)[2]) for link in links]
        report = client.get(f"/report/{ended.dag_run.dag_id}/{ended.dag_run.run_id}")
    assert {page.status_code for page in pages} == {200}
    assert len({page.text for page in pages}) == 12
    assert report.status_code == 200
    assert "/download/records.parquet" in report.text


def test_a_study_that_ends_early_is_green_and_its_other_points_are_not_needed(run, params):
    params.update(design="interleaved", warmups=0, repeats=8, repeats_min=6)
    ended = run()
    assert ended.state == "success"
    measured = [line for line in ended.journal if line.startswith("point")]
    assert measured == [f"point {index}" for index in range(1, 13)]
    assert sorted(state for task, state in ended.tasks.items() if ".points[" in task) == [
        *["skipped"] * 4,
        *["success"] * 12,
    ]
    named = [ti.rendered_map_index for ti in ended.dag_run.get_task_instances()]
    assert sum("not needed" in str(name) for name in named) == 4


def test_points_without_a_valid_record_are_named_and_the_study_goes_on(run):
    ended = run(points={"1": "failed", "3": "invalid"})
    assert ended.state == "failed"
    assert ended.journal == [*CREATED, *PHASE_1, *PHASE_2, "delete"]
    assert sorted(not_green(ended).values()) == ["failed"] * 3  # two points and the verdict
    first, second = ended.verdict.splitlines()
    assert first.startswith("point 1 of 4 (fake_a 2 nodes warm-up 1")
    assert "is failed: the fake job was told to be failed" in first
    assert second.startswith("point 3 of 4 (fake_b 2 nodes warm-up 1")
    assert "is invalid: the fake job was told to be invalid" in second
    statuses = [record.status for record in ended.results.records()]
    assert statuses == [Status.FAILED, Status.VALID, Status.INVALID, Status.VALID]
    _assert_xcoms_are_small_json_with_every_record(ended)


def xcoms(ended):
    """What the tasks of a run handed over, by task, index and key."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        query = select(XComModel).where(XComModel.run_id == ended.dag_run.run_id)
        return {
            (x.task_id, x.map_index, x.key): XComModel.deserialize_value(x)
            for x in session.scalars(query)
        }


def _assert_xcoms_are_small_json_with_every_record(ended):
    found = xcoms(ended)
    plan = found["plan", -1, "return_value"]
    assert plan["points"] == 4
    assert plan["phases"] == 2
    by_point = {key: value for key, value in found.items() if key[0].endswith(".points")}
    records = [value for (_, _, key), value in by_point.items() if key == "return_value"]
    links = [value for (_, _, key), value in by_point.items() if key == "_link_JobLog"]
    assert len(links) == 4  # the failed points' too
    reports = [value for (_, _, key), value in by_point.items() if key == "_link_Report"]
    assert {link.rsplit("/", 1)[-1] for link in reports} == {"benchmark-report"}
    assert {link.split("/")[-2] for link in links} == {record["point_id"] for record in records}
    assert sorted(record["status"] for record in records) == ["failed", "invalid", "valid", "valid"]
    assert max(len(json.dumps(value)) for value in found.values()) < 4000


def test_a_point_that_is_lost_twice_by_one_cause_stops_the_study_with_that_cause(run):
    ended = run(points={"1": "crash"})
    assert ended.state == "failed"
    assert ended.journal.count("point 1") == 2
    assert "install fake-b" not in ended.journal
    assert ended.journal[-1] == "delete"
    stopped, *lines = ended.verdict.splitlines()
    assert stopped.endswith("lost by one cause: no answer from the fake API server")
    assert any("point 1 of 4" in line and "was lost: ClusterError" in line for line in lines)
    assert len(ended.results.records()) == 0


def test_a_full_store_stops_the_study_and_is_named_though_it_takes_no_note(run, monkeypatch):
    write = Results.write_bytes

    def full(self, relative, data):
        if relative == "stopped.json" or "fake-a-2n-r1" in f"{self}/{relative}":
            raise OSError(28, "No space left on device")
        write(self, relative, data)

    monkeypatch.setattr(Results, "write_bytes", full)
    ended = run()
    assert ended.state == "failed"
    told = "[Errno 28] No space left on device"
    assert f"was stopped before its end: the results cannot be stored: {told}" in ended.verdict
    assert f"fake-a-2n-r1) was lost: OSError: {told}" in ended.verdict
    assert len(ended.results.records()) == 1
    assert not {"point 3", "point 4"} & set(ended.journal)


def test_a_lost_worker_and_a_record_that_the_store_lost_are_made_up_for(run, monkeypatch):
    from include.study import steps

    report = steps.report
    lost = []

    def without_a_record(results, handed_over, **more):
        folder = Path(str(results).removeprefix("file://"))
        path = next(folder.glob("points/*fake-b*-w1/record.json"))
        path.unlink()
        lost.append(path)
        report_summary = report(results, handed_over, **more)
        assert path.exists()
        return report_summary

    monkeypatch.setattr(steps, "report", without_a_record)
    ended = run(points={"1": "crash_once"})
    assert ended.state == "success"
    assert ended.journal.count("point 1") == 2
    assert len(lost) == 1
    assert len(ended.results.records()) == 4


def test_an_operator_that_cannot_be_installed_loses_its_own_phase_only(run):
    ended = run(fail=("install fake-a",))
    assert ended.state == "failed"
    expected = [*CREATED, "install fake-a", "uninstall fake-a", *PHASE_2, "delete"]
    assert ended.journal == expected
    assert not_green(ended) == {
        "phase_1.install": "failed",
        "phase_1.points": "upstream_failed",
        "verdict": "failed",
    }
    assert "task phase_1.install failed" in ended.verdict
    assert "2 points were never run: " in ended.verdict


def test_pods_that_stay_keep_the_next_phase_from_starting(run):
    ended = run(stuck_pods=("demo-0",))
    assert ended.state == "failed"
    assert ended.journal[3:7] == [*PHASE_1[:-1], "delete all jobs"]
    assert ended.journal[-1] == "delete"
    assert ended.tasks["phase_2.install"] == "upstream_failed"
    assert "task phase_1.uninstall failed" in ended.verdict


def test_a_failed_uninstall_keeps_the_next_phase_from_starting(run):
    ended = run(fail=("uninstall fake-a",))
    assert ended.state == "failed"
    assert ended.journal == [*CREATED, *PHASE_1, "delete"]
    assert "conditions would not have been the same" in ended.verdict


@pytest.mark.parametrize("step", ["create", "wait_ready"])
def test_a_cluster_that_cannot_be_made_is_removed_and_runs_nothing(run, step):
    ended = run(fail=(step,))
    assert ended.state == "failed"
    assert ended.journal == [*CREATED[: CREATED.index(step) + 1], "delete"]
    assert ended.tasks["destroy"] == ended.tasks["report"] == "success"
    assert "4 points were never run: " in ended.verdict
    task = {"create": "provision", "wait_ready": "wait_ready"}[step]
    assert f"task {task} failed; its log says why" in ended.verdict


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ("delete", "delete was told to fail\n"),
        ("leftovers", "the cluster fake still has a fake node\n"),
    ],
)
def test_a_cluster_that_is_still_there_turns_the_run_red_and_is_told_of_once(
    run, step, why, monkeypatch
):
    from plugins import alarm, notifications

    told = []
    monkeypatch.setenv(alarm.VARIABLE, '[{"channel": "webhook", "connection": "team"}]')
    monkeypatch.setattr(notifications, "deliver", lambda *given: told.append(given[:2]))
    ended = run(fail=(step,))
    ((channel, message),) = told
    assert channel.connection == "team"
    assert message.title.startswith("operator_benchmark: destroy failed; its cluster may be left")
    assert message.text.startswith(why)
    assert "/dags/operator_benchmark/runs/" in message.text
    assert ended.state == "failed"
    assert not_green(ended) == {"destroy": "failed", "verdict": "failed"}
    assert ended.journal[-2:] == ["delete", "delete"]
    assert ended.verdict.startswith("task destroy failed: the cluster may still be there")


def test_a_study_past_its_limits_begins_no_point_more_and_keeps_what_it_has(run, monkeypatch):
    from include.study import stopping

    def after_one_point(results, handle):
        return "its time is up" if results.recorded_points() else None

    monkeypatch.setattr(stopping, "_past_limits", after_one_point)
    ended = run()
    assert ended.state == "failed"
    assert ended.journal == [*CREATED, *PHASE_1[:2], PHASE_1[-1], PHASE_2[-1], "delete"]
    assert len(ended.results.records()) == 1
    assert ended.results.exists("report.html")
    first, *others = ended.verdict.splitlines()
    assert first == "the study was stopped before its end: its time is up"
    assert others[-1].startswith("3 points were never run: ")


def test_lasting_lack_of_nodes_stops_the_whole_study(run, monkeypatch):
    from include.errors import CapacityError

    def none_there(*_):
        raise CapacityError("0 of 2 workers came")

    monkeypatch.setattr(type(clusters.load("fake")), "add_workers", none_there)
    ended = run()
    assert ended.state == "failed"
    assert ended.journal == [*CREATED, PHASE_1[0], PHASE_1[-1], PHASE_2[-1], "delete"]
    assert ended.verdict.startswith("the study was stopped before its end: 0 of 2 workers came")


def test_a_report_that_fails_turns_the_run_red(run, monkeypatch):
    from include.study import steps

    monkeypatch.setattr(steps, "report", lambda *_: 1 / 0)
    ended = run()
    assert ended.state == "failed"
    assert not_green(ended) == {"report": "failed", "verdict": "failed"}


def test_a_study_of_one_operator_skips_the_phases_that_it_has_none_for(run, params):
    params["operators"] = ["fake_a"]
    ended = run()
    assert ended.state == "success"
    assert ended.journal == [*CREATED, *PHASE_1, "delete"]
    steps = ("install", "points", "uninstall")
    assert not_green(ended) == {f"phase_2.{step}": "skipped" for step in steps}


def test_a_machine_that_cannot_make_the_cluster_is_found_before_anything_is_reserved(run):
    ended = run(fail=("preflight",))
    assert ended.state == "failed"
    assert ended.journal == ["preflight"]
    assert ended.tasks["preflight"] == "failed"
    assert ended.tasks["reserve"] == ended.tasks["destroy"] == "upstream_failed"


@pytest.mark.parametrize(
    "wrong", [{"typo": 1}, {"nodes": [99]}, {"repeats": 101}, {"operators": ["fake_a", "fake_a"]}]
)
def test_a_study_that_is_wrong_creates_nothing(dag, params, run, wrong):
    from airflow.sdk.exceptions import ParamValidationError

    params.update(wrong)
    try:
        ended = run()
    except ParamValidationError:  # refused before there was a run
        return
    assert ended.state == "failed"
    assert ended.journal == []
    assert ended.tasks["plan"] == "failed"


def cancel(dag):
    """Let the run be marked failed, as by the button, while the step of the cluster is at work."""

    def cancelled(*_args, **_kwargs):
        from airflow.api.common.mark_tasks import set_dag_run_state_to_failed
        from airflow.models.dagrun import DagRun
        from airflow.serialization.serialized_objects import DagSerialization
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            run_id = session.scalar(select(DagRun.run_id).order_by(DagRun.id.desc()).limit(1))
            server_dag = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
            set_dag_run_state_to_failed(dag=server_dag, run_id=run_id, commit=True, session=session)
        msg = "killed"
        raise RuntimeError(msg)

    return cancelled


def test_cancel_in_provision_removes_the_cluster_and_is_red(dag, run, monkeypatch):
    monkeypatch.setattr(type(clusters.load("fake")), "create", cancel(dag))
    ended = run()
    assert ended.state == "failed"
    assert ended.journal == ["preflight", "delete"]
    assert ended.tasks["phase_1.install"] == ended.tasks["wait_ready"] == "skipped"
    assert ended.tasks["destroy"] == ended.tasks["report"] == "success"
    assert ended.tasks["verdict"] == "failed"
    assert "the run was stopped by hand before phase_1.install" in ended.verdict


def test_cancel_in_a_point_removes_the_cluster_and_is_red(dag, run, monkeypatch):
    from include.study import turn

    monkeypatch.setattr(turn, "run_point", cancel(dag))
    ended = run()
    assert ended.state == "failed"
    assert ended.journal == [*CREATED, "install fake-a", "delete"]
    assert ended.tasks["phase_1.uninstall"] == "skipped"
    assert ended.tasks["verdict"] == "failed"
    # How many tasks were already due, and so tried the same point, is up to `dag.test()`.
    assert "the run was stopped by hand before" in ended.verdict
    assert "points were never run: " in ended.verdict
    assert ended.results.records() == ()


def answer(option, shown):
    """Wait until the run asks, note what it shows, and answer as a person does through the API."""
    from airflow.models.hitl import HITLDetail
    from airflow.models.trigger import handle_event_submit
    from airflow.sdk.timezone import utcnow
    from airflow.triggers.base import TriggerEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        threading.Event().wait(0.1)
        with create_session() as session:
            query = select(HITLDetail).where(HITLDetail.responded_at.is_(None))
            asked = session.scalar(query)
            if asked is None or asked.task_instance.state != "awaiting_input":
                continue
            shown.append(asked.body)
            asked.responded_at = utcnow()
            asked.chosen_options = [option]
            asked.params_input = {}
            asked.responded_by = {"id": "1", "name": "somebody"}
            event = TriggerEvent(asked.as_resume_event_payload())
            handle_event_submit(event, task_instance=asked.task_instance, session=session)
            return


@pytest.mark.parametrize("option", ["Approve", "Reject"])
def test_approval(run, params, option):
    params["ask_approval"] = True
    shown = []
    person = threading.Thread(target=answer, args=(option, shown))
    person.start()
    ended = run(hourly_price_usd=3.6)
    person.join()
    assert "fake_a, fake_b on 2 nodes" in shown[0]
    assert "4 points, at most 44 min, for at most $5.26" in shown[0]
    assert "phase 2: fake_b" in shown[0]
    assert ended.state == "success"
    assert ended.journal[1:] == (
        [] if option == "Reject" else [*CREATED[1:], *PHASE_1, *PHASE_2, "delete"]
    )
