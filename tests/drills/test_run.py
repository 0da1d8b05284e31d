"""A study step by step as its DAG runs it, on the fake cluster, and cases that are played on it."""

import time

import pytest

from include.drills import harm, play
from include.drills.case import Case
from include.drills.outcome import Colour, Outcome, Promise
from include.drills.scene import Moment
from include.study import turn
from tests.fakes.points import run_point

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
def no_jobs(monkeypatch):
    monkeypatch.setattr(turn, "run_point", run_point)
    monkeypatch.setattr(turn, "cancel_point", lambda *_: None)
    monkeypatch.setattr("include.drills.run.RETRY_S", 0.1)
    monkeypatch.setattr("include.drills.run.DESTROY_RETRY_S", 0.1)
    monkeypatch.setattr("include.drills.scene.SETTLED_S", 0.0)


@pytest.fixture
def played(tmp_path, monkeypatch):
    journal = tmp_path / "journal"

    def params_of(case, cluster):
        options = {"journal": str(journal), **case.options}
        return {
            "name": "drill",
            "cluster": cluster,
            "cluster_options": options,
            "application": "fake_application",
            "operators": ["fake_a"],
            "nodes": [2],
            "warmups": 0,
            "repeats": 2,
        }

    monkeypatch.setattr(play, "params_of", params_of)

    def play_it(**fields):
        outcome = play.play(Case(name="a case", **fields), "fake")
        return outcome, journal.read_text().splitlines()

    return play_it


def test_an_undisturbed_study_runs_its_steps_in_their_order(played):
    outcome, lines = played(at=Moment.BEGUN, promise=Promise())
    assert outcome.breaches(Promise()) == []
    assert [line for line in lines if not line.startswith("delete all")] == [
        *("create", "wait_ready", "install fake-a"),
        *("point 1", "point 2", "uninstall fake-a", "delete"),
    ]


def test_a_killed_task_has_another_try_and_no_point_is_lost(played, tmp_path):
    def killed_at_work(scene):
        while "point 1" not in (tmp_path / "journal").read_text():
            yield 0.05
        yield from harm.task_killed(scene)

    outcome, lines = played(
        does=killed_at_work, at=Moment.BEGUN, options={"points": {"1": "sleep 2"}}
    )
    assert outcome.breaches(Promise()) == []
    assert lines.count("point 1") == 2


def test_a_killed_task_of_install_loses_the_phase_and_turns_the_run_red(played):
    outcome, _ = played(
        does=harm.task_killed, at=Moment.INSTALL, options={"slow": {"install fake-a": 2.0}}
    )
    assert (outcome.colour, outcome.valid) == (Colour.RED, 0)
    assert "phase_1.install failed" in "\n".join(outcome.messages)


def test_what_stays_behind_is_told(played):
    outcome, _ = played(at=Moment.BEGUN, options={"fail": ["leftovers"]})
    assert outcome.left == ("a fake node",)
    assert "left behind: a fake node" in outcome.breaches(Promise())


def test_a_harm_that_could_not_be_done_is_told_with_why(played):
    outcome, _ = played(at=Moment.BEGUN, options={"fail": ["create"]})
    (breach,) = [each for each in outcome.breaches(Promise()) if "harm was not done" in each]
    assert "create was told to fail" in breach


def test_a_harm_that_fails_is_a_breach(played):
    def breaks(scene):
        raise OSError("no such part")
        yield 0.0

    outcome, _ = played(does=breaks, at=Moment.BEGUN)
    assert "the harm failed: OSError: no such part" in outcome.breaches(Promise())


def test_a_harm_goes_on_after_its_pause_and_is_undone_at_the_end(played, tmp_path):
    acts = tmp_path / "acts"

    def in_two(scene):
        acts.write_text("begun")
        try:
            yield 0.2
            acts.write_text(f"{acts.read_text()} went on")
            yield 3600.0
        finally:
            acts.write_text(f"{acts.read_text()} undone")

    played(does=in_two, at=Moment.BEGUN, options={"points": {"1": "sleep 1"}})
    assert acts.read_text() == "begun went on undone"


def test_a_killed_run_is_removed_by_its_note(played):
    outcome, lines = played(
        does=harm.run_killed,
        at=Moment.BEGUN,
        ends_run=True,
        options={"points": {"1": "sleep 30"}},
    )
    promise = Promise(valid=0, kept=0, colour=Colour.NONE)
    assert outcome.breaches(promise) == []
    assert "delete" in lines


def test_the_instant_of_the_cause_is_that_of_the_first_error_that_names_it():
    case = Case(name="x", promise=Promise(names=("etcd", "died")))
    outcome = Outcome(cluster="fake", case="x", hurt_at=time.monotonic())
    saboteur = play.Saboteur(case, outcome)
    saboteur.hear("etcd is slow")
    assert outcome.named_at is None
    saboteur.hear("etcd has died")
    first = outcome.named_at
    saboteur.hear("etcd has died")
    assert outcome.named_at == first is not None
