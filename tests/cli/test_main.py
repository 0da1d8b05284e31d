"""`opbench`: light to start, one sentence for what is wrong, exit codes that a script can use."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from include.cli import commands
from include.cli.main import main

ROOT = Path(__file__).resolve().parents[2]


def cpu_s(*arguments):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [ROOT / "bin" / "opbench", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith("COV")},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done, (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def test_help_takes_no_time_and_names_every_command():
    done, took_s = cpu_s("--help")
    assert done.returncode == 0
    assert took_s < 0.3
    for name in (*commands.BY_NAME, *commands.PASSED_ON):
        assert f"    {name}" in done.stdout


@pytest.mark.parametrize("name", [*commands.BY_NAME, *commands.PASSED_ON])
def test_every_command_has_a_help_of_its_own(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    assert stopped.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_every_commands_function_is_there():
    from include.cli.main import _load

    assert all(callable(_load(command.run)) for command in commands.BY_NAME.values())


def test_a_slip_of_the_pen_is_one_sentence_without_a_traceback_in_under_three_seconds():
    done, took_s = cpu_s("check", '{"node": [2]}')
    assert done.returncode == 2
    assert done.stderr == (
        "error: node: there is no such field; did you mean nodes? (given: [2])\n"
    )
    assert took_s < 3


def test_make_demo_refuses_it_before_airflow_is_loaded():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [ROOT / "bin" / "demo", '{"nodes": [0]}'], capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 2
    assert done.stderr == "error: nodes.0: must be 1 or more (given: 0)\n"
    assert done.stdout == ""
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 3


def test_check_says_what_a_study_comes_to(capsys):
    assert main(["check", "rehearsal", "-s", "repeats=2"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("mpi_operator, flux_operator on 8, 16, 32, 64 nodes of the cluster sim")
    assert "24 points" in text


def test_check_as_json_has_study_points_and_estimate(capsys):
    assert main(["check", "rehearsal", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["study"]["cluster"] == "simulated"
    assert found["points"] == 168
    assert found["estimate"]["duration_s"] > 0


def test_problems_as_json_are_a_list(capsys):
    assert main(["check", '{"node": [2], "repeats": 0}', "--json"]) == 2
    assert len(json.loads(capsys.readouterr().out)["problems"]) == 2


@pytest.mark.parametrize(
    ("study", "words"),
    [
        ("no_such_preset", "the presets are nightly, rehearsal, "),
        ("not json", "is no JSON object"),
        ("[1]", "is no JSON object, but list"),
        ("absent.yaml", "absent.yaml cannot be read: No such file"),
    ],
)
def test_what_is_no_study_is_told(study, words, capsys):
    assert main(["check", study]) == 2
    assert words in capsys.readouterr().err


def test_a_study_comes_from_a_file_too(tmp_path, capsys):
    for name, text in (("a.json", '{"preset": "rehearsal"}'), ("a.yaml", "preset: rehearsal")):
        (tmp_path / name).write_text(text)
        assert main(["check", str(tmp_path / name)]) == 0
        assert "168 points" in capsys.readouterr().out


def test_preflight_makes_nothing_and_its_exit_code_tells(tmp_path, capsys):
    options = {"journal": str(tmp_path / "journal")}
    fake = ["-s", "cluster=fake", "-s", f"cluster_options={json.dumps(options)}"]
    assert main(["preflight", *fake, "-s", 'operators=["indexed_job"]']) == 0
    assert "cluster fake  ok" in capsys.readouterr().out
    wrong = ["-s", f"cluster_options={json.dumps(options | {'fail': ['preflight']})}"]
    assert main(["preflight", *fake, *wrong, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ready"] is False


def test_clean_says_what_was_removed(capsys, monkeypatch):
    from include.embedded import clean

    monkeypatch.setattr(clean, "remove", lambda study: ("process etcd",) if study is None else ())
    assert main(["clean"]) == 0
    assert capsys.readouterr().out == "removed process etcd\n"
    assert main(["clean", "--study", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"removed": []}


def test_a_run_with_a_mistake_starts_nothing(monkeypatch, capsys):
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("it was started"))
    assert main(["run", '{"repeats": 0}']) == 2
    assert "repeats: must be 1 or more" in capsys.readouterr().err


def test_a_run_here_is_the_demos_program_with_the_study(monkeypatch):
    started = []
    monkeypatch.setattr(os, "execv", lambda path, args: started.append(args) or sys.exit(0))
    with pytest.raises(SystemExit):
        main(["run", "simulated_demo", "-s", "repeats=1"])
    ((program, study),) = started
    assert program.endswith("bin/demo")
    assert json.loads(study) == {"preset": "simulated_demo", "repeats": 1}


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_is_something_that_bash_can_read(shell, capsys):
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    done = subprocess.run(["bash", "-n"], input=text, text=True, check=False)
    assert done.returncode == 0
    assert "compare" in text


def test_completion_offers_commands_and_their_options(capsys):
    main(["completion", "bash"])
    script = capsys.readouterr().out + (
        'COMP_WORDS=(opbench che); COMP_CWORD=1; _opbench; echo "${COMPREPLY[*]}"\n'
        'COMP_WORDS=(opbench check --j); COMP_CWORD=2; _opbench; echo "${COMPREPLY[*]}"\n'
    )
    done = subprocess.run(["bash"], input=script, text=True, capture_output=True, check=True)
    assert done.stdout.splitlines() == ["check", "--json"]
