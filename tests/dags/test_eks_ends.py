"""Every way in which a whole study on `eks` can end, against moto: the account is empty then."""

from __future__ import annotations

import sys
import time

import pytest

from include.aws import nodes, stack
from include.checks import Findings, passed
from include.clusters.eks import Eks
from include.models import Status
from include.study import turn
from tests.aws.account import aws, kubernetes, whole_account
from tests.aws.moto_stack import FAULTS
from tests.clusters.test_eks import IMAGE, SHORT
from tests.fakes import report
from tests.fakes.points import record_of

__all__ = ["aws", "kubernetes"]
pytestmark = pytest.mark.sockets


@pytest.fixture(scope="module")
def operators():
    return ("fake_a", "fake_b", "indexed_job")


@pytest.fixture
def run(dag, aws, kubernetes, tmp_path, monkeypatch):
    """A function that runs a study to its end; its colour, and the tasks that did not succeed."""
    from plugins import study_context

    statuses = []  # of the points, valid when it is empty
    made, sleep = Eks.wait_ready, time.sleep

    def run_point(point, setting):
        status = statuses.pop() if statuses else Status.VALID
        found = record_of(
            point, cluster="eks", status=status, node_names=setting.handle.worker_nodes
        )
        setting.results.write_json(f"points/{point.point_id}/record.json", found.to_json())
        return found

    def wait_ready(*given):  # the nodes are names alone: nothing could pull an image
        return made(*given).model_copy(update={"image_pull_policy": "Never"})

    monkeypatch.setattr(study_context, "use_aws_connection", lambda: None)
    monkeypatch.setattr(Eks, "examine", lambda *_: Findings(checks=(passed("moto", "is moto"),)))
    monkeypatch.setattr(Eks, "wait_ready", wait_ready)
    monkeypatch.setattr(turn, "run_point", run_point)
    monkeypatch.setitem(sys.modules, "include.report.write", report)
    monkeypatch.setattr(time, "sleep", lambda _seconds: sleep(0.001))

    def run_study(*, points=()):
        statuses[:] = points
        study = {
            "cluster": "eks",
            "image": IMAGE,
            "application": "fake_application",
            "operators": ["indexed_job"],
            "nodes": [2],
            "repeats": 1,
            "warmups": 0,
            "results": str(tmp_path / "results"),
        }
        dag_run = dag.test(run_conf=study)
        tasks = {ti.task_id: str(ti.state) for ti in dag_run.get_task_instances()}
        assert tasks["destroy"] == "success"
        failed = {task_id for task_id, state in tasks.items() if state == "failed"}
        return str(dag_run.state), failed

    return run_study


def test_success(aws, run):
    assert run() == ("success", set())
    assert whole_account(aws) == {}


def test_failed_work(aws, run):
    assert run(points=[Status.FAILED]) == ("failed", {"phase_1.points", "verdict"})
    assert whole_account(aws) == {}


def test_creation_that_rolls_back(aws, run):
    FAULTS.creation_fails["Launcher"] = SHORT
    assert run() == ("failed", {"wait_ready", "verdict"})
    assert whole_account(aws) == {}


def test_creation_that_never_ends(aws, run, monkeypatch):
    FAULTS.polls_until_made = 10_000
    create = Eks.create

    def create_with_little_patience(*given):
        create(*given)
        monkeypatch.setattr(stack, "CREATE_MINUTES", 0)

    monkeypatch.setattr(Eks, "create", create_with_little_patience)
    assert run() == ("failed", {"wait_ready", "verdict"})
    assert whole_account(aws) == {}


def test_lasting_shortage_of_nodes(aws, run, monkeypatch):
    FAULTS.shortage = [SHORT]
    monkeypatch.setattr(nodes, "SCALE_S", 0.0)
    monkeypatch.setattr(nodes, "PAUSE_S", 1.0)
    assert run() == ("failed", {"phase_1.install", "verdict"})
    assert whole_account(aws) == {}


def test_deletion_that_fails_once(aws, run):
    FAULTS.deletions_that_fail = 1
    assert run() == ("success", set())
    assert whole_account(aws) == {}


def test_strangers_stack_of_the_same_name_stays(aws, run, monkeypatch):
    name = "operator-benchmark-theirs"
    monkeypatch.setattr(stack, "name_of", lambda _study_id: name)
    body = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    aws("cloudformation").create_stack(StackName=name, TemplateBody=body)
    assert run() == ("failed", {"provision", "verdict"})
    assert whole_account(aws) == {"stacks": [name]}
