"""`opbench`: light to start, one sentence for what is wrong, exit codes that a script can use."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from include.cli import commands, studies
from include.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
# Inside of `make test` a make would tell the folders that it enters.
BY_HAND = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}


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
    for name in (*commands.BY_NAME, *commands.PROGRAMS):
        assert f"    {name}" in done.stdout


@pytest.mark.parametrize("name", [*commands.BY_NAME, *commands.PROGRAMS])
def test_every_command_has_a_help_of_its_own(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    assert stopped.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_every_commands_function_is_there():
    places = [command.run for command in commands.BY_NAME.values()]
    places += [program.main for program in commands.PROGRAMS.values()]
    assert all(callable(commands.load(place)) for place in places)


@pytest.mark.parametrize("arguments", [["--help"], ["--no-such-option"]])
@pytest.mark.parametrize("name", commands.PROGRAMS)
def test_a_program_is_not_loaded_to_show_its_help_or_to_refuse_an_argument(name, arguments):
    done, took_s = cpu_s(name, *arguments)
    assert done.returncode == (0 if arguments == ["--help"] else 2)
    assert took_s < 1


def test_a_slip_of_the_pen_is_one_sentence_without_a_traceback_in_under_three_seconds():
    done, took_s = cpu_s("check", '{"node": [2]}')
    assert done.returncode == 2
    assert done.stderr == (
        "error: node: there is no such field; did you mean nodes? (given: [2])\n"
    )
    assert took_s < 3


@pytest.mark.parametrize("demo", [[ROOT / "bin" / "demo"], ["make", "-o", ".venv/.locked", "demo"]])
def test_make_demo_refuses_it_before_anything_is_set_up(demo):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    given = 'DEMO={"nodes": [0]}' if demo[0] == "make" else '{"nodes": [0]}'
    done = subprocess.run(
        [*demo, given], cwd=ROOT, env=BY_HAND, capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 2
    assert done.stderr.startswith("error: nodes.0: must be 1 or more (given: 0)\n")
    assert len(done.stderr.splitlines()) == (2 if demo[0] == "make" else 1)  # make adds its own
    assert done.stdout == ""
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 3


def test_check_says_what_a_study_comes_to(capsys):
    assert main(["check", "rehearsal", "-s", "repeats=2"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("mpi_operator, flux_operator on 8, 16, 32, 64 nodes of the cluster sim")
    assert "24 points" in text


@pytest.mark.parametrize("study", ["{}", '{"preset": "smoke"}', '{"preset": "simulated_demo"}'])
def test_check_accepts_the_readmes_studies_before_anything_is_built(
    tmp_path, monkeypatch, capsys, study
):
    monkeypatch.setenv("OPERATOR_BENCHMARK_CACHE", str(tmp_path))
    assert main(["check", study]) == 0
    assert "points" in capsys.readouterr().out


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


def test_a_run_here_tells_what_it_found_as_json(tmp_path, monkeypatch, capfd):
    study = {"study_id": "demo-1", "study": {"results": str(tmp_path / "results")}}
    note = tmp_path / "homes" / "test-run" / "study.json"
    note.parent.mkdir(parents=True)
    demo = tmp_path / "demo"
    demo.write_text(f"#!/bin/sh\necho progress\necho '{json.dumps(study)}' > {note}\nexit 1\n")
    demo.chmod(0o755)
    monkeypatch.setattr(studies, "DEMO", demo)
    monkeypatch.setenv("OPERATOR_BENCHMARK_HOMES", str(tmp_path / "homes"))
    assert main(["run", "simulated_demo", "--json"]) == 1
    out, err = capfd.readouterr()
    told = json.loads(out)
    assert told == {
        "succeeded": False,
        "results": (tmp_path / "results" / "demo-1").as_uri(),
        "digest": None,
    }
    assert "progress" in err


def test_a_program_with_arguments_of_its_own_is_refused_in_one_sentence(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    told = "no plan.json; give the folder of one study"
    assert capsys.readouterr().err == f"error: {tmp_path}: {told}\n"


def test_make_help_names_every_target_once_below_what_it_is_for():
    told = subprocess.run(["make", "help"], cwd=ROOT, text=True, capture_output=True, check=True)
    shown = [line.split()[0] for line in told.stdout.splitlines() if line.startswith("  ")]
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert sorted(shown) == sorted(targets)
    assert shown[0] == "demo"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", "tests/deployment"),
        ("-k first_click", "tests/deployment -k first_click"),
        ("tests/deployment/test_stack.py -x", "tests/deployment/test_stack.py -x"),
    ],
)
def test_the_tests_in_containers_are_those_that_are_named_or_else_all(arguments, expected):
    words = ["make", "--dry-run", "-o", ".venv/.locked", "compose-test"]
    words.append(f"PYTEST_ARGUMENTS={arguments}")
    done = subprocess.run(words, cwd=ROOT, env=BY_HAND, text=True, capture_output=True, check=True)
    assert done.stdout.splitlines()[-1].partition(" -m pytest ")[2].split() == expected.split()


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


@pytest.mark.parametrize("shell", ["bash", "fish"])
@pytest.mark.parametrize("name", [*commands.BY_NAME, *commands.PROGRAMS])
def test_completion_knows_every_option_that_a_commands_help_tells(name, shell, capsys):
    with pytest.raises(SystemExit):
        main([name, "--help"])
    listed = capsys.readouterr().out.split("options:")[1]
    told = set(re.findall(r"(?<![\w-])--([a-z][a-z-]+)", listed))
    main(["completion", shell])
    text = capsys.readouterr().out
    if shell == "fish":
        words = re.findall(rf"subcommand_from {name}' -l ([a-z-]+)$", text, re.MULTILINE)
    else:
        line = re.search(rf'^    {name}\) local options="(.*)" ;;$', text, re.MULTILINE)
        words = [word.removeprefix("--") for word in (line[1].split() if line else ())]
    assert told <= set(words)
