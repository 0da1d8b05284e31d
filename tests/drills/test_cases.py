"""The cases of the matrix: all of their kinds are there, each is well-formed, CI plays some."""

from types import SimpleNamespace

import pytest

from include import clusters
from include.drills import cases, document, faults, harm, job_cases, play
from include.drills.outcome import HEAD, Colour, Outcome
from include.simulation.settings import Fault
from include.study.plan import read_plan


@pytest.fixture(params=["simulated", "local"])
def cluster(request, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return request.param


def names(cluster):
    return [case.name for case in cases.cases(cluster)]


def test_every_part_is_killed_and_hung(cluster):
    for part in clusters.load(cluster).parts:
        assert f"{part} killed" in names(cluster)
        is_node = part.startswith("node-")
        assert (f"{part} stopped (SIGSTOP)" in names(cluster)) is not is_node


def test_every_fault_of_a_point_is_played():
    assert all(f"point with the fault {fault}" in names("simulated") for fault in Fault)


def test_no_two_cases_have_one_name(cluster):
    assert len(set(names(cluster))) == len(names(cluster))


def test_a_red_run_has_to_tell_its_cause(cluster):
    red = [case for case in cases.cases(cluster) if case.promise.colour is Colour.RED]
    assert red
    assert all(case.promise.names for case in red)


def test_ci_plays_a_third():
    quick = [case.name for case in cases.cases("simulated") if case.is_quick]
    assert len(quick) == len(names("simulated")) // 3


def test_every_study_of_the_matrix_can_be_planned():
    for case in cases.cases("simulated"):
        plan, _ = read_plan(play.params_of(case, "simulated"), run_id="drill")
        assert len(plan.points) == 2
        assert plan.points[0].point_id.endswith(f"-{job_cases.FIRST_POINT}")


def test_without_root_the_cases_that_need_it_are_left_out(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert not any(case.needs_root for case in cases.cases("simulated"))


def test_cases_are_listed_by_a_part_of_their_names(capsys):
    assert faults.main(["--list", "--case", "kwok"]) == 0
    assert capsys.readouterr().out == "kwok killed\nkwok stopped (SIGSTOP)\n"
    assert faults.main(["--case", "no such case"]) == 1


def test_a_whole_name_is_that_case_alone(capsys):
    assert faults.main(["--list", "--case", "etcd killed"]) == 0
    assert capsys.readouterr().out == "etcd killed\n"


def test_rows_of_cases_that_were_played_before_stay_until_these_are_played_again(tmp_path):
    page = tmp_path / "faults.md"
    page.write_text("# Faults\n\n## On `simulated`\n\nnothing yet\n")
    old, new = (f"| simulated | {{}} |{' x |' * 9} {commit} |" for commit in ("old", "new"))
    etcd, kwok = "etcd killed", "kwok killed"
    faults._write(page, "simulated", [old.format(kwok), old.format(etcd), old.format("gone")])
    faults._write(page, "simulated", [new.format(etcd)])
    rows = document.rows_of(page, "On `simulated`", HEAD)
    assert rows == [new.format(etcd), old.format(kwok)]
    assert "Not played: kube-apiserver killed; " in page.read_text()


def test_a_cut_file_keeps_its_first_half(tmp_path):
    (tmp_path / "plan.json").write_text("12345678")
    point = SimpleNamespace(point_id="p")
    scene = SimpleNamespace(results=SimpleNamespace(root=tmp_path), points=(point,))
    assert list(harm.cut("plan.json")(scene)) == []
    assert (tmp_path / "plan.json").read_text() == "1234"


@pytest.fixture
def plays(monkeypatch):
    """Courses of the cases that are played: `kept`, or the colour red for a broken promise."""
    left = []

    def play(case, cluster):
        outcome = Outcome(cluster=cluster, case=case.name, points=2)
        outcome.begun = outcome.valid = outcome.kept = 2
        outcome.colour = left.pop(0)
        outcome.hurt_at = outcome.recovered_at = 1.0
        return outcome

    monkeypatch.setattr(faults, "play", play)
    return left


ONE = ["--case", "task of a point killed"]


def test_a_broken_promise_is_an_exit_code(plays):
    plays[:] = [Colour.RED]
    assert faults.main(ONE) == 1


@pytest.mark.parametrize(("second", "code"), [(Colour.GREEN, 0), (Colour.RED, 1)])
def test_a_broken_case_may_be_played_once_more_and_both_are_shown(plays, capsys, second, code):
    plays[:] = [Colour.RED, second]
    assert faults.main([*ONE, "--again"]) == code
    assert plays == []
    told = capsys.readouterr().err
    assert told.count("| simulated | task of a point killed |") == 2
    assert "BROKEN: colour is red, not green" in told


def test_a_case_that_keeps_its_promise_is_played_once(plays):
    plays[:] = [Colour.GREEN, Colour.RED]
    assert faults.main([*ONE, "--again"]) == 0
    assert plays == [Colour.RED]
