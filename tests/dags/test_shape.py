"""The DAG `operator_benchmark`: its form, its wiring, and how light its file is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from include import k8s_operators
from include.models import Study
from include.models.study import LONGEST_POINT_S

ROOT = Path(__file__).resolve().parents[2]
SETUPS = {"reserve", "provision", "wait_ready"}
TEARDOWNS = {"destroy", "report", "verdict"}


def test_setups_and_teardowns(dag):
    assert {task.task_id for task in dag.tasks if task.is_setup} == SETUPS
    assert {task.task_id for task in dag.tasks if task.is_teardown} == TEARDOWNS
    for task_id in TEARDOWNS:
        assert dag.task_dict[task_id].upstream_task_ids >= SETUPS


def test_with_the_last_phase_the_workers_end(dag):
    assert dag.task_dict["phase_1.uninstall"].op_kwargs == {"stays_warm": False}


def test_the_verdict_alone_decides_on_the_colour(dag):
    deciding = [t.task_id for t in dag.tasks if t.is_teardown and t.on_failure_fail_dagrun]
    assert deciding == ["verdict"]
    assert dag.task_dict["verdict"].downstream_task_ids == set()


def test_a_phase_for_each_operator_in_a_row(dag):
    phases = range(1, len(k8s_operators.available()) + 1)
    assert {f"phase_{n}.points" for n in phases} < set(dag.task_dict)
    for number in phases:
        before = "wait_ready" if number == 1 else f"phase_{number - 1}.uninstall"
        assert dag.task_dict[f"phase_{number}.install"].upstream_task_ids == {before}
        assert dag.task_dict[f"phase_{number}.uninstall"].trigger_rule == "all_done"


def test_points_run_one_at_a_time_and_only_a_lost_worker_is_replaced(dag):
    points = dag.task_dict["phase_1.points"].partial_kwargs
    assert points["max_active_tis_per_dagrun"] == 1
    assert points["retries"] == 1
    assert points["execution_timeout"].total_seconds() > LONGEST_POINT_S


def test_only_what_can_be_repeated_is_tried_again_and_never_what_was_refused(dag):
    from airflow.sdk.definitions.retry_policy import RetryAction

    from include.errors import ClusterError, StudyError

    for name in ("plan", "preflight"):
        task = dag.task_dict[name]
        assert task.retries == 2
        for error in (StudyError("nodes: must be 1 or more"), ClusterError("no root")):
            assert task.retry_policy.evaluate(error, 1, 2).action is RetryAction.FAIL
        assert task.retry_policy.evaluate(OSError(), 1, 2).action is RetryAction.DEFAULT


def test_no_time_limit_of_the_run_that_would_leave_out_the_teardowns(dag):
    assert dag.dagrun_timeout is None
    assert dag.schedule is None
    assert dag.max_active_runs == 1


def test_the_form_has_every_field_of_a_study_and_starts_the_demo(dag):
    assert set(dag.params) == {"preset", "keep", *Study.model_fields}
    defaults = {name: dag.params.get_param(name).value for name in Study.model_fields}
    assert defaults == Study().to_json()
    for name in Study.model_fields:
        schema = dag.params.get_param(name).schema
        assert schema["title"]
        assert schema["section"]
        assert dag.params.get_param(name).description


def test_its_docstring_is_its_page(dag):
    assert dag.doc_md.startswith("Compare Kubernetes MPI operators")
    assert all(task.doc_md or task.__doc__ for task in dag.tasks)


def test_parsing_the_file_loads_nothing_heavy():
    code = (
        "import sys, json; sys.path[:0] = ['dags', '.']; import airflow.sdk; "
        "import operator_benchmark; print(json.dumps(sorted(sys.modules)))"
    )
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert not loaded & {"boto3", "kubernetes", "matplotlib", "pandas", "pyarrow", "seaborn"}
    assert "include.study.steps" not in json.loads(done.stdout.splitlines()[-1])
