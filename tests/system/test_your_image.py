"""The Dockerfile of docs/your_cluster.md, its steps taken without Docker: what the look finds."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from include.checks import Outcome
from include.embedded import application_files
from include.k8s_operators import Launch
from include.models import Study
from include.parsers.image_look import SCRIPT, parse
from include.study.image_look import judged
from tests.test_your_cluster import DOCKERFILES

LIMIT_S = 900
pytestmark = [
    pytest.mark.system,
    pytest.mark.sockets,
    pytest.mark.timeout(2 * LIMIT_S),
    pytest.mark.skipif(os.geteuid() != 0, reason="a root file system is made by root"),
    pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="needs mmdebstrap"),
]


def steps_of(dockerfile):
    """The base image, and the shell commands of RUN, each line that goes on joined."""
    lines = [line for line in dockerfile.replace("\\\n", " ").splitlines() if line.strip()]
    base = next(line.split()[1] for line in lines if line.startswith("FROM "))
    commands = [
        command.strip()
        for line in lines
        if line.startswith("RUN ")
        for command in line.removeprefix("RUN ").split("&&")
    ]
    return base, commands


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The image's files: its base is Debian's own, and apt-get's work is done by mmdebstrap."""
    base, commands = steps_of(DOCKERFILES[0])
    release = base.removeprefix("debian:").removesuffix("-slim")
    if application_files.codename() != release:
        pytest.skip(f"this machine's packages are not those of {release}")
    (install,) = (command.split() for command in commands if command.startswith("apt-get install"))
    packages = [word for word in install[2:] if not word.startswith("-")]
    place = tmp_path_factory.mktemp("image") / "root"
    sources = [
        path for each in application_files.SOURCES for path in application_files._source_files(each)
    ]
    include = f"--include={','.join(packages)}"
    run(
        *("unshare", "--mount", "--propagation", "private", "mmdebstrap", "--quiet"),
        *("--mode=root", "--variant=minbase", include, release, place, *sources),
    )
    for command in commands:
        if not command.startswith("apt-get"):
            run("chroot", place, "sh", "-c", command)
    if not (place / "dev/null").is_char_device():  # a container has it
        (place / "dev/null").unlink(missing_ok=True)
        run("mknod", "-m", "666", place / "dev/null", "c", "1", "3")
    yield place
    shutil.rmtree(place)


def run(*words):
    done = subprocess.run(
        list(map(str, words)), capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize(("application", "program"), [("hpcc", "hpcc"), ("netpipe", "NPopenmpi")])
def test_the_look_into_the_image_of_the_page_finds_all_that_jobs_need(root, application, program):
    printed = run("chroot", root, "sh", "-c", SCRIPT, "look", program, "/tmp", "mpirun")  # noqa: S108
    look = parse(printed.splitlines())
    study = Study(
        application=application,
        mpi_implementation="openmpi",
        operators=("mpi_operator", "flux_operator", "indexed_job"),
    )
    assert [
        check
        for check in judged(look, study, launches=frozenset(Launch))
        if check.outcome is not Outcome.PASSED
    ] == []
    assert look.mpi_version.startswith("Open MPI 4")
    assert not list((root / "etc/ssh").glob("ssh_host_*"))
