"""A task's view of its study."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.models import ClusterHandle, Reservation
from include.study.steps import Planned
from plugins.study_context import StudyContext, locate


@pytest.fixture
def study(ti):
    return StudyContext(ti)


def test_earlier_tasks_results_come_back_as_they_were(study, ti):
    assert study.planned == Planned.model_validate(ti.xcoms["plan"])
    assert study.reservation == Reservation.model_validate(ti.xcoms["reserve"])
    assert study.handle == ClusterHandle.model_validate(ti.xcoms["wait_ready"])


def test_the_results_are_in_the_folder_that_the_plan_named(study, results):
    assert study.results.plan() == results.plan()


def test_a_phase_is_found_by_its_number_and_none_beyond_the_plan(study):
    assert study.phase(1).operators == ("fake_a",)
    assert study.phase(2) is None


@pytest.mark.parametrize(
    ("state", "attempted"),
    [("success", True), ("failed", True), ("skipped", False), ("upstream_failed", False)],
)
def test_a_task_was_attempted_when_it_ended_by_itself(study, ti, state, attempted):
    ti.states = {"phase_1.install": state}
    assert study.was_attempted("phase_1.install") is attempted


def test_a_task_without_a_state_was_not_attempted(study):
    assert not study.was_attempted("phase_1.install")


def test_an_address_without_a_scheme_is_a_folder(tmp_path):
    located = locate(str(tmp_path / "results"))
    (tmp_path / "results").mkdir()
    assert located.exists()
    assert Path(located.path) == tmp_path / "results"


@pytest.mark.sockets
def test_an_address_in_an_object_store_carries_its_connection(bucket):
    located = locate(f"{bucket}/prefix") / "plan.json"
    assert f"s3://{located.conn_id}@{located.bucket}" == bucket
    assert str(located).endswith("/prefix/plan.json")


@pytest.fixture
def preflight_task(monkeypatch):
    """The task's function on a cluster that another study has."""
    from airflow.dag_processing.dagbag import DagBag

    from include.errors import ClusterBusy
    from include.study import preflight

    def taken(results):
        raise ClusterBusy("cluster local: study other-1 is running")

    monkeypatch.setattr(preflight, "preflight", taken)
    return DagBag().dags["operator_benchmark"].task_dict["preflight"].python_callable


def test_a_study_waits_for_a_cluster_that_takes_one_at_a_time(preflight_task, ti, monkeypatch):
    from airflow.sdk.exceptions import AirflowRescheduleException

    monkeypatch.delenv("OPERATOR_BENCHMARK_PROGRESS", raising=False)
    with pytest.raises(AirflowRescheduleException):
        preflight_task(ti=ti)
    assert ti.pushed == {"refused": "cluster local: study other-1 is running"}


def test_in_a_terminal_nobody_waits(preflight_task, ti, monkeypatch):
    from include.errors import ClusterBusy

    monkeypatch.setenv("OPERATOR_BENCHMARK_PROGRESS", "1")
    with pytest.raises(ClusterBusy):
        preflight_task(ti=ti)


@pytest.fixture
def taken_after_preflight(ti, monkeypatch):
    """A cluster that another study took while this one waited for its approval."""
    from airflow.dag_processing.dagbag import DagBag

    from include.errors import ClusterBusy
    from tests.fakes.clusters.fake import FakeCluster

    def taken(self, reservation, *others):
        raise ClusterBusy("study other-1 is running")

    monkeypatch.setattr(FakeCluster, "require_turn", taken)
    monkeypatch.setattr(FakeCluster, "create", taken)
    return DagBag().dags["operator_benchmark"].task_dict


@pytest.mark.parametrize("name", ["reserve", "provision"])
def test_a_cluster_that_was_taken_meanwhile_is_awaited(
    name, taken_after_preflight, ti, monkeypatch
):
    from airflow.sdk.exceptions import AirflowRescheduleException

    monkeypatch.delenv("OPERATOR_BENCHMARK_PROGRESS", raising=False)
    with pytest.raises(AirflowRescheduleException):
        taken_after_preflight[name].python_callable(ti=ti)
    assert ti.pushed == {"refused": "study other-1 is running"}


def test_in_a_terminal_names_are_fixed_without_a_look_at_the_cluster(
    taken_after_preflight, ti, monkeypatch
):
    from include.errors import ClusterBusy

    monkeypatch.setenv("OPERATOR_BENCHMARK_PROGRESS", "1")
    assert taken_after_preflight["reserve"].python_callable(ti=ti)["cluster"] == "fake"
    with pytest.raises(ClusterBusy):
        taken_after_preflight["provision"].python_callable(ti=ti)
