"""The steps of a study, on the fake cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from include import clusters
from include.errors import ClusterError, StudyError, TeardownError
from include.jobs import cleanup
from include.models import ClusterHandle, Study
from include.results import Results
from include.study import address, images, steps, stopping
from include.study import plan as study_plan
from include.study.verdict import StudyIncomplete
from tests.fakes.studies import small_study


@pytest.fixture
def params(tmp_path):
    return small_study(tmp_path, nodes=1)


def locate(address):
    return Path(address.removeprefix("file://"))


def plan(params, **more):
    limits = {"most_phases": 2, "most_points": 100} | more
    return steps.plan_study(params, run_id="run", locate=locate, **limits)


def started(params):
    planned = plan(params)
    results = Results(locate(planned.results))
    reservation = steps.reserve(results)
    steps.provision(results, reservation)
    return results, steps.wait_ready(results, reservation)


def lines(params):
    return Path(params["cluster_options"]["journal"]).read_text().splitlines()


def test_the_plan_is_stored_and_told(params, caplog):
    with caplog.at_level("INFO", "include"):
        planned = plan(params)
    stored = Results(locate(planned.results)).plan()
    assert len(stored.phases) == planned.phases
    assert planned.points == 8
    assert "planned 2: fake_a 1 node repeat 1" in caplog.messages
    assert planned.summary in caplog.messages
    assert planned.summary.startswith(
        "fake_a, indexed_job on 1 node of the cluster fake: 8 points, "
    )
    assert "at no known price" in planned.summary


def test_a_study_is_planned_once_and_what_is_handed_on_does_not_grow_with_it(params, monkeypatch):
    calls = []
    make_plan = study_plan.make_plan
    monkeypatch.setattr(
        study_plan, "make_plan", lambda *a, **kw: calls.append(a) or make_plan(*a, **kw)
    )
    planned = plan(params | {"repeats": 40})
    assert len(calls) == 1
    assert planned.points > 80
    assert len(planned.model_dump_json()) < 1000


def test_what_earlier_versions_handed_on_is_read(params):
    old = plan(params).to_json() | {"phases": [{"phase": 1}, {"phase": 2}]}
    assert steps.Planned.model_validate(old).phases == 2


def test_a_preset_s_values_are_planned_unless_others_are_given(params, caplog):
    with caplog.at_level("INFO", "include"):
        planned = plan(params | {"preset": "smoke"}, conf={"nodes": params["nodes"]})
    assert planned.points == 2  # one repeat and no warm-up for each operator
    assert "preset smoke sets name, nodes, repeats, warmups; given instead of its own: " in (
        "\n".join(caplog.messages)
    )
    assert planned.study_id.startswith("smoke-")


def test_a_study_knows_the_run_that_it_belongs_to(params):
    results = Results(locate(plan(params, dag_id="some_dag").results))
    assert (results.origin().dag_id, results.origin().run_id) == ("some_dag", "run")
    assert results.origin().planned_at.tzinfo is not None


def test_the_same_run_gets_the_same_folder(params):
    assert plan(params).results == plan(params).results


@pytest.mark.parametrize(
    ("limits", "said"), [({"most_phases": 1}, "2 phases"), ({"most_points": 3}, "4 points")]
)
def test_a_study_that_airflow_cannot_map_is_refused(params, limits, said):
    with pytest.raises(StudyError, match=said):
        plan(params, **limits)


def test_limits_that_the_form_would_clamp_are_checked():
    with pytest.raises(StudyError, match="repeats: must be 100 or less") as caught:
        plan({"repeats": 101, "nodes": [1, 5000]})
    assert "nodes.1: must be 1000 or less" in str(caught.value)


def test_results_go_to_the_study_s_folder_then_the_installation_s(monkeypatch):
    assert address.results_root(Study(results="s3://bucket/x")) == "s3://bucket/x"
    monkeypatch.setenv("OPERATOR_BENCHMARK_RESULTS", "/data/results")
    assert address.results_root(Study()) == "file:///data/results"
    monkeypatch.delenv("OPERATOR_BENCHMARK_RESULTS")
    assert address.results_root(Study()).endswith("/results")


def test_the_handle_is_stored(params):
    results, handle = started(params)
    assert ClusterHandle.model_validate_json(results.read_bytes("cluster.json")) == handle


def test_a_study_that_was_stopped_goes_on_when_its_tasks_are_cleared(params):
    results, handle = started(params)
    stopping.stop(results, "no nodes")
    with pytest.raises(stopping.StudyStopped):
        steps.install_phase(results, handle, results.plan().phases[0])
    steps.provision(results, steps.reserve(results))
    steps.install_phase(results, handle, results.plan().phases[0])


def test_a_damaged_file_of_the_cluster_is_named_by_the_verdict(params):
    results, _ = started(params)
    results.write_text("cluster.json", "{")
    with pytest.raises(StudyIncomplete, match=r"cluster\.json cannot be read .*; move it away"):
        steps.check_complete(results, states={}, may_be_skipped=())


def test_only_operators_with_a_controller_are_installed(params):
    results, handle = started(params)
    for phase in results.plan().phases:
        steps.install_phase(results, handle, phase)
        steps.uninstall_phase(results, handle, phase)
    assert lines(params)[2:] == ["install fake-a", "uninstall fake-a"]


def test_pods_that_stay_are_deleted_and_then_named(params, monkeypatch):
    monkeypatch.setattr(cleanup, "GONE_S", 0.0)
    monkeypatch.setattr(cleanup, "FORCED_GONE_S", 0.0)
    params["cluster_options"]["stuck_pods"] = ["demo-1"]
    results, handle = started(params)
    with pytest.raises(TeardownError, match="demo-1"):
        steps.uninstall_phase(results, handle, results.plan().phases[0])
    assert {"delete all jobs", "delete all pods"} <= set(lines(params))


def test_destroy_looks_for_what_is_left(params):
    results, handle = started(params)
    steps.destroy(handle, open_results=lambda: results)
    params["cluster_options"]["fail"] = ["leftovers"]
    results, handle = started(params)
    with pytest.raises(TeardownError, match="still has a fake node"):
        steps.destroy(handle, open_results=lambda: results)


def test_destroy_works_without_results(params, caplog):
    def no_store():
        raise PermissionError("the bucket is gone")

    _, handle = started(params)
    steps.destroy(handle, open_results=no_store)
    assert lines(params)[-1] == "delete"
    assert "the bucket is gone" in caplog.text


def test_nodes_of_a_cluster_that_does_not_become_ready_are_noted_too(params):
    params["cluster_options"]["fail"] = ["wait_ready"]
    with pytest.raises(ClusterError, match="wait_ready was told to fail"):
        started(params)
    (folder,) = Path(params["results"]).glob("demo-*")
    assert len(json.loads((folder / "nodes.json").read_text())) == 1
    assert not (folder / "cluster.json").exists()


@pytest.fixture
def order(monkeypatch):
    """Steps of a cluster whose workers come late and can be given back, as they are called."""
    called = []
    fake = type(clusters.load("fake"))
    monkeypatch.setattr(fake, "gives_nodes_back", lambda *_: True)
    monkeypatch.setattr(fake, "keep_workers", lambda *given: called.append(("keep", given[2])))
    monkeypatch.setattr(fake, "add_workers", lambda _, handle: called.append("join") or handle)
    monkeypatch.setattr(fake, "install", lambda *_: called.append("install") or "v1")
    monkeypatch.setattr(fake, "uninstall", lambda *_: called.append("uninstall"))
    monkeypatch.setattr(cleanup, "clear_study", lambda *_, **__: called.append("clear jobs"))
    for step in ("begin_pulling", "finish_pulling"):
        monkeypatch.setattr(images, step, lambda *_, step=step: called.append(step))
    return called


def test_images_are_pulled_while_workers_join(params, order):
    results, handle = started(params)
    steps.install_phase(results, handle, results.plan().phases[0])
    assert order == ["install", "begin_pulling", "join", "finish_pulling"]


def test_workers_end_with_the_last_phase_after_its_jobs_and_before_its_operators(params, order):
    results, handle = started(params)
    steps.uninstall_last_phase(results, handle, results.plan().phases[0])
    assert order == ["clear jobs", ("keep", ()), "uninstall"]
    order.clear()
    steps.uninstall_phase(results, handle, results.plan().phases[0])
    assert order == ["clear jobs", "uninstall"]


def test_workers_that_cannot_be_given_back_keep_no_operator_installed(params, order, monkeypatch):
    def refuse(*_):
        raise ClusterError("throttled")

    monkeypatch.setattr(type(clusters.load("fake")), "keep_workers", refuse)
    results, handle = started(params)
    steps.uninstall_last_phase(results, handle, results.plan().phases[0])
    assert order == ["clear jobs", "uninstall"]
