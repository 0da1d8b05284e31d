"""The skeletons of the how-to pages, pasted into a copy of the project: they pass the contracts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).resolve().parent.parent
COPIED = (
    *("bin", "config", "dags", "docs", "include", "plugins", "tests"),
    *("Makefile", "README.md", "pyproject.toml", "requirements.lock"),
)
PAGES = {
    "my_operator": "adding_an_operator.md",
    "my_application": "adding_an_application.md",
    "my_cluster": "adding_a_cluster.md",
}
CONTRACTS = {
    "my_operator": ("tests/k8s_operators/test_contract.py", "tests/study/test_run_point.py"),
    "my_application": ("tests/applications/test_contract.py",),
    "my_cluster": ("tests/clusters/test_contract.py",),
}
# Tests that look at all adapters at once, or at every file.
OF_ALL = ("tests/test_architecture.py", "tests/plugins/test_study_params.py")
FILE = re.compile(r"^`(include/[a-z0-9_./]+)`\n\n```[a-z]+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Stands in for the cloud of the cluster's skeleton: a cluster is a line in a file.
MY_CLOUD = """\
#!/bin/sh
set -eu
touch "$MY_CLOUD"
case "$1" in
  create) echo "$2" >> "$MY_CLOUD" ;;
  delete) sed -i "/^$2$/d" "$MY_CLOUD" ;;
  list) cat "$MY_CLOUD" ;;
  kubeconfig) echo "$MY_CLOUD" ;;
esac
"""


def files_of(page):
    """The files of a page's skeleton: their text by their path in the project."""
    return dict(FILE.findall((ROOT / "docs" / page).read_text()))


@pytest.fixture(scope="session")
def copy(tmp_path_factory):
    """A copy of the project with every skeleton in it, and nothing else changed."""
    folder = tmp_path_factory.mktemp("copy")
    for name in COPIED:
        copying = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copying(ROOT / name, folder / name)
    for page in PAGES.values():
        for path, text in files_of(page).items():
            assert not (folder / path).exists()
            (folder / path).write_text(text)
    return folder


@pytest.fixture(scope="session")
def my_cloud(tmp_path_factory):
    """A folder with the program that the cluster's skeleton calls."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "my-cloud").write_text(MY_CLOUD)
    (folder / "my-cloud").chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def outcomes(copy, my_cloud):
    """What became of each test of the contracts on a skeleton, and of all, by file and name."""
    chosen = [*(path for paths in CONTRACTS.values() for path in paths), *OF_ALL]
    words = " or ".join([*PAGES, *(Path(path).stem for path in OF_ALL)])
    ended = run_tests(copy, *chosen, "-k", words, UPDATE_GOLDEN="1", programs=my_cloud)
    report = ET.parse(copy / "report.xml")  # noqa: S314  pytest has just written it
    cases = {
        (case.get("classname").replace(".", "/") + ".py", case.get("name")): [
            child.tag for child in case
        ]
        for case in report.iter("testcase")
    }
    assert cases, ended.stdout
    return cases, ended


def run_tests(folder, *arguments, programs, **environment):
    """pytest in the copy, which must not tell this run's coverage what it has seen."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    more = {"PYTHONPATH": "", "MY_CLOUD": str(folder / "clusters"), **environment}
    more["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return run(folder, "pytest", "-q", "--junitxml=report.xml", *arguments, env=kept | more)


def run(folder, module, *arguments, env=None):
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.mark.sockets
@pytest.mark.parametrize("name", PAGES)
def test_the_skeleton_of_the_page_passes_the_contract(outcomes, name):
    cases, ended = outcomes
    for file in CONTRACTS[name]:
        on_it = {case: tags for (path, case), tags in cases.items() if path == file}
        mine = {case: tags for case, tags in on_it.items() if name in case}
        assert mine, f"no test of {file} ran on {name}: {ended.stdout}"
        assert {case for case, tags in mine.items() if tags} == set(), ended.stdout


@pytest.mark.sockets
@pytest.mark.parametrize("file", OF_ALL)
def test_adding_adapters_breaks_no_test_that_looks_at_all_of_them(outcomes, file):
    cases, ended = outcomes
    of_file = {case: tags for (path, case), tags in cases.items() if path == file}
    assert of_file, ended.stdout
    assert {case for case, tags in of_file.items() if tags} == set(), ended.stdout


def test_the_skeletons_have_the_style_of_the_project(copy):
    pasted = [path for page in PAGES.values() for path in files_of(page) if path.endswith(".py")]
    assert len(pasted) == len(PAGES)
    for arguments in (["check"], ["format", "--check"]):
        ended = run(copy, "ruff", *arguments, *pasted)
        assert ended.returncode == 0, ended.stdout
