"""Two builds of one controller: what counts as worse, and what is refused."""

from __future__ import annotations

import random

import pytest

from include.control_path import versions, versions_text
from include.control_path.study import Store
from include.errors import ClusterError
from tests.control_path.test_control_path import run_of

REPEATS = 10


def runs(*, slower=1.0, arms=("base", "head"), repeats=REPEATS, seed=1, **changes):
    """Jobs whose creation takes two seconds, under HEAD so many times as long, with 5 % spread."""
    source = random.Random(seed)  # noqa: S311  numbers for a test
    made = []
    for repeat in range(1, repeats + 1):
        for arm in arms:
            factor = (slower if arm == "head" else 1.0) * source.uniform(0.975, 1.025)
            end = 2.0 * factor
            values = {"pods_created_s": end, "pods_scheduled_s": end + 0.1}
            values |= {"pods_running_s": end + 0.2, "released_s": end + 0.2}
            values |= {"pods_ended_s": end + 0.3, "terminal_s": end + 1.3, "delete_s": end + 1.3}
            values |= {"gone_s": end + 2.3, "operator_version": arm} | changes
            one = run_of(nodes=16, repeat=repeat, **values)
            made.append(one.model_copy(update={"arm": arm}))
    return made


def test_a_build_whose_pods_are_created_later_is_worse_and_the_comment_says_by_how_much():
    outcome = versions_text.compare(runs(slower=1.2), least_percent=5.0)
    assert {row.quantity for row in outcome.worse} == {"create", "all_run"}
    text = versions_text.markdown(outcome, operator="mpi_operator")
    assert text.startswith("<!-- control path of mpi_operator: head against base -->\n### :x: HEAD")
    assert "most in “created → all pods created” at 16 nodes: +" in text
    assert "| :x: | 16 | created → all pods created | 2.0" in text


def test_a_faster_build_is_no_failure():
    outcome = versions_text.compare(runs(slower=0.8), least_percent=5.0)
    assert not outcome.is_worse
    assert ":rocket:" in versions_text.markdown(outcome, operator="mpi_operator")


def test_two_runs_of_one_build_are_not_told_apart():
    wrong = [
        versions_text.compare(runs(seed=seed), least_percent=5.0).is_worse for seed in range(20)
    ]
    assert not any(wrong)


def test_a_difference_that_is_smaller_than_asked_for_does_not_count():
    assert versions_text.compare(runs(slower=1.1), least_percent=5.0).is_worse
    assert not versions_text.compare(runs(slower=1.1), least_percent=15.0).is_worse


def test_too_few_jobs_tell_nothing():
    outcome = versions_text.compare(runs(slower=2.0, repeats=5), least_percent=5.0)
    assert outcome.rows == ()
    assert "undecided" in versions_text.markdown(outcome, operator="mpi_operator")


def test_a_lost_job_of_head_is_worse_than_any_time():
    lost = runs()[-1].model_copy(
        update={"status": "failed", "error": "JobTimeout: x", "repeat": 11}
    )
    outcome = versions_text.compare([*runs(), lost], least_percent=5.0)
    assert outcome.is_worse
    assert "HEAD loses 1 jobs" in versions_text.markdown(outcome, operator="mpi_operator")


@pytest.mark.parametrize(("slower", "code"), [(1.2, 1), (1.0, 0)])
def test_the_exit_code_tells_a_script_and_the_comment_goes_to_a_file(
    tmp_path, capsys, slower, code
):
    store = Store(tmp_path / "raw")
    for run in runs(slower=slower):
        store.add(run, [])
    (tmp_path / "program").touch()
    comment = tmp_path / "comment.md"
    words = ["--operator", "mpi_operator", "--head", str(tmp_path / "program"), "--only-write"]
    words += ["--out", str(store.folder), "--markdown", str(comment)]
    assert versions.main(words) == code
    assert comment.read_text() == capsys.readouterr().out


def test_what_cannot_be_compared_ends_with_another_code(tmp_path, capsys):
    words = ["--operator", "mpi_operator", "--head", str(tmp_path / "absent")]
    assert versions.main([*words, "--out", str(tmp_path / "raw")]) == 2
    assert "there is no program" in capsys.readouterr().err


def test_jobs_of_an_earlier_build_are_no_repeats_of_this_one(tmp_path):
    store = Store(tmp_path)
    for run in runs(repeats=1):
        store.add(run, [])
    versions._refuse_other_builds(store, {"base": "base", "head": "head"})
    with pytest.raises(ClusterError, match="has jobs of head head, not another"):
        versions._refuse_other_builds(store, {"base": "base", "head": "another"})
