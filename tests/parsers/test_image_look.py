"""The script that looks into an image, run on this machine, and its output from others."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from include.errors import ParseError
from include.models import MpiImplementation
from include.parsers.image_look import LAST, SCRIPT, parse

OPEN_MPI = [
    "look bash /usr/bin/bash",
    "look sshd /usr/sbin/sshd",
    "look program /usr/bin/hpcc",
    "look program_in_image /usr/bin/hpcc",
    "look launcher_version mpirun (Open MPI) 4.1.4",
    "look launcher_version ",
    "look library linux-vdso.so.1 (0x00007ffd)",
    "look library libmpi.so.40 => /lib/x86_64-linux-gnu/libmpi.so.40 (0x00007f)",
    LAST,
]
MPICH = [
    "look mpiexec.hydra /usr/local/bin/mpiexec.hydra",
    "look launcher_version HYDRA build details:",
    "look launcher_version Version:                                 5.0.0",
    "look library libmpi.so.12 => /usr/lib/libmpi.so.12 (0x00007f)",
    "look library libgfortran.so.5 => not found",
    LAST,
]


def run(program, folder="/tmp", launcher="mpirun", **environment):  # noqa: S108
    """The script's lines on this machine."""
    done = subprocess.run(
        ["/bin/sh", "-c", SCRIPT, "look", program, folder, launcher],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()


def test_open_mpi_is_told_with_its_version_and_library():
    look = parse(OPEN_MPI)
    assert look.mpi_version == "Open MPI 4.1.4"
    assert look.libraries == (MpiImplementation.OPENMPI,)
    assert look.paths["program"] == "/usr/bin/hpcc"
    assert look.missing_libraries == ()


def test_mpich_is_told_by_hydra_and_a_library_that_is_not_there_by_its_name():
    look = parse(MPICH)
    assert look.mpi_version == "MPICH 5.0.0"
    assert look.libraries == (MpiImplementation.MPICH,)
    assert look.missing_libraries == ("libgfortran.so.5",)
    assert look.paths["mpiexec.hydra"] == "/usr/local/bin/mpiexec.hydra"


@pytest.mark.parametrize(
    ("line", "library"),
    [
        ("libmpi.so.40 => /opt/libmpi.so.40", MpiImplementation.OPENMPI),
        ("libmpi.so.20 => /opt/libmpi.so.20", MpiImplementation.OPENMPI),
        ("libmpi.so.12 => /opt/libmpi.so.12", MpiImplementation.MPICH),
        ("libmpich.so.12 => /usr/lib/libmpich.so.12", MpiImplementation.MPICH),
        ("libmpi_cxx.so.40 => /usr/lib/libmpi_cxx.so.40", None),
    ],
)
def test_the_library_tells_the_flavour(line, library):
    assert parse([f"look library {line}", LAST]).libraries == ((library,) if library else ())


def test_a_look_that_is_cut_is_no_look():
    with pytest.raises(ParseError, match="did not come to its end"):
        parse(OPEN_MPI[:-1])


def test_on_this_machine_it_finds_what_is_there():
    look = parse(run("ls"))
    assert look.paths["bash"] == shutil.which("bash", path="/usr/local/bin:/usr/bin:/bin")
    assert look.paths["program"].endswith("/ls")
    assert look.paths["folder"] == "/tmp"  # noqa: S108
    assert look.paths["architecture"] == os.uname().machine
    assert look.missing_libraries == ()


def test_what_is_not_there_has_no_path():
    look = parse(run("no-such-program", "/no/such/folder", "no-such-launcher"))
    assert "program" not in look.paths
    assert "program_in_image" not in look.paths
    assert "folder" not in look.paths
    assert look.mpi_version is None


def test_a_program_on_the_images_own_path_alone_is_told_apart(tmp_path):
    (tmp_path / "mine").write_text("#!/bin/sh\n")
    (tmp_path / "mine").chmod(0o755)
    look = parse(run("mine", PATH=f"{os.environ['PATH']}:{tmp_path}"))
    assert look.paths["program_in_image"] == str(tmp_path / "mine")
    assert "program" not in look.paths


def test_a_program_is_found_from_the_folder_that_it_runs_in(tmp_path):
    (tmp_path / "mine").write_text("#!/bin/sh\n")
    (tmp_path / "mine").chmod(0o755)
    assert parse(run("./mine", str(tmp_path))).paths["program"] == "./mine"


@pytest.mark.skipif(not Path("/usr/bin/NPopenmpi").exists(), reason="needs netpipe-openmpi")
def test_debians_open_mpi_and_its_netpipe_are_told():
    look = parse(run("NPopenmpi"))
    assert look.launcher is MpiImplementation.OPENMPI
    assert look.libraries == (MpiImplementation.OPENMPI,)
