"""Builds the programs of the embedded cluster from pinned sources, once.

No package registry carries a ready-made Kubernetes for this use, but the Go module proxy carries
its sources; `go.mod` and `go.sum` below `tools/` pin them. The programs go to a cache folder named
after those files, so a changed pin is another folder.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from include.embedded import go, modules
from include.embedded.modules import Module
from include.embedded.paths import TOOLS, cache_root
from include.embedded.progress import Progress, run_program
from include.embedded.whole import made_whole
from include.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KUBERNETES_VERSION = "v1.36.2"
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
    """Linker flags that strip symbols and set Kubernetes' version, otherwise unknown to it."""
    major, minor, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
    values = {"gitVersion": KUBERNETES_VERSION, "gitMajor": major, "gitMinor": minor}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    settings = [
        f"-X {package}.{name}={text}" for package in packages for name, text in values.items()
    ]
    return " ".join(["-s", "-w", *settings])


def build_options() -> tuple[str, ...]:
    """Options of `go build` for the programs of the cluster."""
    return modules.build_options(linker_flags())


def cache_key(tools: Path = TOOLS) -> str:
    """16 hex digits for the build: the pins, our own sources and the compiler options."""
    return modules.cache_key(MODULES, options=build_options(), tools=tools)


def folder() -> Path:
    """Folder of the programs, whether built yet or not."""
    return cache_root() / "bin" / cache_key()


def is_built() -> bool:
    """True if all programs of the current pins are built."""
    return folder().is_dir()


def binary(name: str) -> Path:
    """Path of a built program; ClusterError when it has not been built."""
    return require_built(folder() / name)


def module_file(go_module: str, relative: str) -> Path:
    """A manifest from a pinned Go module; ClusterError when it has not been built or kept."""
    return require_built(folder() / modules.MANIFESTS / go_module / relative)


def require_built(path: Path) -> Path:
    """The path if it has been built; ClusterError otherwise."""
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
        modules.download(toolchain, module, progress)
    for module in MODULES:
        place = modules.Place(first=PROGRAMS.index(next(iter(module.programs))), of=len(PROGRAMS))
        modules.compile_into(
            target, module, toolchain, progress, options=build_options(), place=place
        )
        modules.keep_manifests(toolchain, module, target)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: build the programs; exit code 1 with the reason when that fails."""
    return run_program(
        lambda progress: f"programs are in {build(progress)}",
        arguments,
        module="include.embedded.binaries",
        description="Build the Kubernetes programs of the embedded cluster into the cache. "
        "The first time takes several minutes; nothing is done when they exist.",
    )


if __name__ == "__main__":
    sys.exit(main())
