"""The drill of the guard and the probe of the stack: what they prove, and say when not."""

from __future__ import annotations

import pytest

from include import clusters
from include.aws import command_line, drill, stack
from include.checks import Findings, failed, passed
from include.tariff import Tariff
from tests.aws.account import REGION, whole_account
from tests.aws.moto_stack import FAULTS

pytestmark = pytest.mark.sockets
CLUSTER = clusters.load("eks")


@pytest.fixture
def schedule(aws, monkeypatch):
    """The scheduler, played: at a later look it deletes the stack, if its roles let it."""
    monkeypatch.setattr(drill, "POLL_S", 0.0)
    looks = {"left": 3, "fires": True}
    find = stack.find

    def look(cloudformation, name):
        looks["left"] -= 1
        if looks["left"] == 0 and looks["fires"]:
            cloudformation.delete_stack(StackName=name)
        return find(cloudformation, name)

    monkeypatch.setattr(stack, "find", look)
    return looks


def run(command, *more):
    return command_line.main([command, *more, "--region", REGION], examine=None, cluster=CLUSTER)


def test_drill_proves_that_aws_deletes_by_itself_and_says_what_it_costs(
    aws, schedule, capsys, monkeypatch
):
    schedule["left"] = 6
    assert run("drill") == 0
    told = capsys.readouterr().out
    assert "Cost: $0" in told
    assert "proved: the schedule fires" in told
    assert whole_account(aws) == {}


def test_schedule_that_does_not_fire_is_told_and_nothing_is_left(
    aws, schedule, capsys, monkeypatch
):
    schedule["fires"] = False
    monkeypatch.setattr(drill, "LATE_S", -600.0)
    assert run("drill") == 1
    assert "FAILED: the schedule did not fire, or was not allowed to" in capsys.readouterr().out
    assert whole_account(aws) == {}


def test_drill_without_the_roles_says_how_to_make_them(aws, capsys):
    aws("iam").delete_role(RoleName="OperatorBenchmarkDeletion")
    assert run("drill") == 1
    assert "no role OperatorBenchmarkDeletion: make the stack of bootstrap" in (
        capsys.readouterr().out
    )


@pytest.fixture
def findings(monkeypatch):
    checks = [passed("identity", "it is moto")]
    tariff = Tariff(nodes=2, node_usd_per_hour=0.0416, other_usd_per_hour=0.15, source="test")
    monkeypatch.setattr(
        type(CLUSTER), "examine", lambda *_: Findings(checks=tuple(checks), tariff=tariff)
    )
    return checks


def test_probe_makes_and_deletes_a_whole_cluster_for_cents(aws, kubernetes, findings, capsys):
    asked = []
    FAULTS.on_scale.append(asked.append)
    assert run("probe") == 0
    told = capsys.readouterr().out
    assert "Cost: about $0.14" in told
    assert told.count("proved: ") == 4
    assert "3 steps proved, all" in told
    assert asked == [1, 0]  # ended before the stack is deleted
    assert whole_account(aws) == {}


def test_probe_that_fails_keeps_its_evidence_and_deletes(
    aws, kubernetes, findings, tmp_path, capsys
):
    FAULTS.creation_fails["NameService"] = "degraded"
    folder = tmp_path / "evidence"
    assert run("probe", "--evidence", str(folder)) == 1
    assert "degraded" in (folder / "stack.txt").read_text()
    assert "FAILED: " in capsys.readouterr().out
    assert whole_account(aws) == {}


def test_probe_makes_nothing_when_preflight_fails(aws, findings):
    findings.append(failed("quota of VPCs", "5, in use 5, needed 1"))
    assert run("probe") == 1
    assert whole_account(aws) == {}
