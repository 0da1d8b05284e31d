"""Builds the programs of the embedded cluster from pinned sources, once.

No package registry carries a ready-made Kubernetes for this use, but the Go module proxy carries
its sources; `go.mod` and `go.sum` below `tools/` say which. What is built lies in a folder of the
cache that is named after those files, so a changed pin is another folder.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from include.embedded import go
from include.embedded.commands import ended_whole, run, tail
from include.embedded.paths import TOOLS, cache_root
from include.embedded.progress import Progress, run_program
from include.embedded.whole import made_whole
from include.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Sequence

KUBERNETES_VERSION = "v1.36.2"
HEARTBEAT_S = 20.0
POLL_S = 0.2
KEY_LENGTH = 16


@dataclass(frozen=True, kw_only=True)
class Module:
    """One wrapper module below `tools/`, and the programs that are built in it."""

    folder: str
    programs: dict[str, str]  # name of the program → Go package
    manifests: dict[str, tuple[str, ...]]  # Go module → files or folders of it that are kept


MODULES = (
    Module(folder="pause", programs={"pause": "."}, manifests={}),
    Module(folder="etcd", programs={"etcd": "go.etcd.io/etcd/server/v3"}, manifests={}),
    Module(folder="coredns", programs={"coredns": "."}, manifests={}),
    Module(
        folder="kubernetes",
        programs={
            "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
            "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
            "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
            "kubelet": "k8s.io/kubernetes/cmd/kubelet",
            "mpi-operator": "github.com/kubeflow/mpi-operator/cmd/mpi-operator",
            "kwok": "sigs.k8s.io/kwok/cmd/kwok",
        },
        manifests={
            "github.com/kubeflow/mpi-operator": (
                "deploy/v2beta1/mpi-operator.yaml",
                "manifests/base/kubeflow.org_mpijobs.yaml",
            ),
            "sigs.k8s.io/kwok": ("kustomize/crd/bases", "kustomize/stage"),
        },
    ),
)
PROGRAMS = tuple(name for module in MODULES for name in module.programs)


def linker_flags() -> str:
    """Flags that leave symbols out and give Kubernetes its version, which it else does not know."""
    major, minor, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
    values = {"gitVersion": KUBERNETES_VERSION, "gitMajor": major, "gitMinor": minor}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    settings = [
        f"-X {package}.{name}={text}" for package in packages for name, text in values.items()
    ]
    return " ".join(["-s", "-w", *settings])


def build_options() -> tuple[str, ...]:
    """Options of `go build`: no path of this machine, and no debugger's data.

    The linker would leave that data out (`-w`); not making it saves a tenth of the compilation.
    """
    compiler_flags = "all=-dwarf=false"
    return (
        *("-trimpath", "-buildvcs=false"),
        *("-gcflags", compiler_flags, "-ldflags", linker_flags()),
    )


def cache_key(tools: Path = TOOLS) -> str:
    """16 hex digits for what is built: the pins, the own sources and how they are compiled."""
    digest = hashlib.sha256(" ".join(build_options()).encode())
    for module in MODULES:
        for path in sorted((tools / module.folder).iterdir()):
            digest.update(f"\0{module.folder}/{path.name}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:KEY_LENGTH]


def folder() -> Path:
    """Where the programs are, or will be, once built."""
    return cache_root() / "bin" / cache_key()


def is_built() -> bool:
    """True if all programs of the current pins are built."""
    return folder().is_dir()


def binary(name: str) -> Path:
    """Path of a built program; ClusterError when it has not been built."""
    return _built(folder() / name)


def module_file(go_module: str, relative: str) -> Path:
    """A manifest out of a pinned Go module; ClusterError when it has not been built or kept."""
    return _built(folder() / "manifests" / go_module / relative)


def _built(path: Path) -> Path:
    if not path.exists():
        msg = f"{path.name} is not in the cache ({path.parent}); build it with `make setup`"
        raise ClusterError(msg)
    return path


def build(progress: Progress) -> Path:
    """Build what is missing and return the folder of the programs.

    ClusterError when Go, a source or space is lacking; nothing is then left under the final name.
    """
    target = folder()
    if is_built():
        return target
    with made_whole(target, progress) as partial:
        if partial is not None:
            _build_into(partial, progress)
    return target


def _build_into(target: Path, progress: Progress) -> None:
    toolchain = go.toolchain()
    progress.tell(f"building {len(PROGRAMS)} programs with {toolchain.version}")
    for module in MODULES:
        _download(toolchain, module, progress)
    for module in MODULES:
        _compile(toolchain, module, target, progress)
        _keep_manifests(toolchain, module, target / "manifests")


def _download(toolchain: go.Toolchain, module: Module, progress: Progress) -> None:
    if not (TOOLS / module.folder / "go.sum").exists():
        return  # standard library only
    progress.tell(f"fetching the sources of {module.folder}")
    run(
        toolchain.command("mod", "download"),
        timeout_s=go.DOWNLOAD_LIMIT_S,
        cwd=TOOLS / module.folder,
        environment=toolchain.environment(),
    )


def _compile(toolchain: go.Toolchain, module: Module, target: Path, progress: Progress) -> None:
    """Build a module's programs with one command, so that they share the work."""
    work = target / f".{module.folder}"
    work.mkdir()
    options = build_options()
    command = toolchain.command("build", *options, "-o", f"{work}/", *module.programs.values())
    error_log = work / ".errors"
    with (
        error_log.open("w") as errors,
        subprocess.Popen(  # noqa: S603  the words are ours
            command,
            cwd=TOOLS / module.folder,
            env=toolchain.environment(),
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            start_new_session=True,
        ) as compiler,
        ended_whole(compiler),
    ):
        _watch(compiler, module, work, progress)
    if compiler.returncode != 0:
        msg = f"building {', '.join(module.programs)} failed: {tail(error_log.read_text())}"
        raise ClusterError(msg)
    error_log.unlink()
    _collect(module, work, target)


def _watch(
    compiler: subprocess.Popen[bytes], module: Module, work: Path, progress: Progress
) -> None:
    """Tell of each program as it is done, and now and then that work goes on."""
    before = PROGRAMS.index(next(iter(module.programs)))
    told: set[str] = set()
    heard = 0.0
    deadline = time.monotonic() + go.COMPILE_LIMIT_S
    while True:  # a program that is built at once is told of too
        done = {path.name for path in work.iterdir() if not path.name.startswith(".")}
        if done != told or progress.seconds() - heard > HEARTBEAT_S or not heard:
            told, heard = done, progress.seconds()
            left = ", ".join(name for name in module.programs if name not in done)
            number = before + min(len(done) + 1, len(module.programs))
            progress.tell(f"building {left or module.folder} ({number} of {len(PROGRAMS)})")
        if time.monotonic() > deadline:
            raise ClusterError(f"building {module.folder} took over {go.COMPILE_LIMIT_S:.0f} s")
        if compiler.poll() is not None:
            return
        time.sleep(POLL_S)


def _collect(module: Module, work: Path, target: Path) -> None:
    """Move the programs; one that is alone in its module may have another name there."""
    built = {path.name: path for path in work.iterdir()}
    if len(module.programs) == 1:
        built = {next(iter(module.programs)): path for path in built.values()}
    for name in module.programs:
        built[name].rename(target / name)
    work.rmdir()


def _keep_manifests(toolchain: go.Toolchain, module: Module, target: Path) -> None:
    for go_module, wanted in module.manifests.items():
        listing = toolchain.command("list", "-m", "-f", "{{.Dir}}", go_module)
        environment = toolchain.environment()
        source = Path(run(listing, cwd=TOOLS / module.folder, environment=environment).strip())
        for relative in wanted:
            destination = target / go_module / relative
            destination.parent.mkdir(parents=True, exist_ok=True)
            if (source / relative).is_dir():
                shutil.copytree(source / relative, destination, copy_function=shutil.copyfile)
            else:
                shutil.copyfile(source / relative, destination)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: build the programs; exit code 1 with the reason when that fails."""
    return run_program(
        lambda progress: f"programs are in {build(progress)}",
        arguments,
        module="include.embedded.binaries",
        description="Build the Kubernetes programs of the embedded cluster into the cache. "
        "The first time takes several minutes; nothing is done when they are there.",
    )


if __name__ == "__main__":
    sys.exit(main())
