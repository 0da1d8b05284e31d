"""Controllers outside the setup: built when a study first uses one, and kept.

Each pinned one has its own wrapper module below `tools/`, pinned by `go.mod` and `go.sum`: two in
one module would get library versions that do not compile with both. Any other version, and the
Flux Operator, is built in its module's own sources.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from include import k8s_operators
from include.embedded import binaries, go, module_sources, modules
from include.embedded.modules import Module
from include.embedded.paths import cache_root
from include.embedded.progress import Progress, run_program
from include.embedded.whole import made_whole
from include.kube.kinds import Origin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from include.kube.kinds import Controller

FOLDER = "controller"  # in the cache
OPTIONS = modules.build_options("-s -w")


def folder(controller: Controller) -> Path:
    """Folder of program and manifests, whether built yet or not."""
    if _has_wrapper(controller):
        key = modules.cache_key((_module(controller),), options=OPTIONS)
        return cache_root() / FOLDER / f"{controller.name}-{key}"
    return cache_root() / FOLDER / f"{controller.name}@{module_sources.version_of(controller)}"


def built(controller: Controller) -> Path | None:
    """The controller's program, None when it has not been built."""
    path = folder(controller) / controller.name
    return path if path.is_file() else None


def build(controller: Controller, progress: Progress) -> Path:
    """Build the program if it is missing, and return it; ClusterError when that fails.

    It fails within seconds where the module proxy does not have a version that is not pinned.
    """
    target = folder(controller)
    with made_whole(target, progress) as partial:
        if partial is not None:
            make = _from_wrapper if _has_wrapper(controller) else module_sources.build_into
            make(partial, controller, progress)
    return target / controller.name


def manifest_file(controller: Controller, relative: str) -> Path:
    """A file from the controller's module; ClusterError when it was not built or kept."""
    if controller.name in binaries.PROGRAMS and controller.origin is not Origin.MODULE:
        return binaries.module_file(controller.go_module, relative)
    path = folder(controller) / modules.MANIFESTS / controller.go_module / relative
    return binaries.require_built(path)


def _has_wrapper(controller: Controller) -> bool:
    return bool(controller.tool) and controller.origin is not Origin.MODULE


def _from_wrapper(target: Path, controller: Controller, progress: Progress) -> None:
    toolchain, module = go.toolchain(), _module(controller)
    modules.download(toolchain, module, progress)
    place = modules.Place(of=1)
    modules.compile_into(target, module, toolchain, progress, options=OPTIONS, place=place)
    modules.keep_manifests(toolchain, module, target)


def _module(controller: Controller) -> Module:
    return Module(
        folder=controller.tool,
        programs={controller.name: controller.package},
        manifests={controller.go_module: controller.module_files},
    )


def build_all(progress: Progress) -> str:
    """Build every missing controller of this kind; returns the programs, in words."""
    known = k8s_operators.known_controllers()
    return ", ".join(str(build(each, progress)) for each in known if each.tool)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: build them all; exit code 1 with the reason when that fails."""
    return run_program(
        build_all,
        arguments,
        module="include.embedded.on_demand",
        description="Build the controllers otherwise built when a study first needs one.",
    )


if __name__ == "__main__":
    sys.exit(main())
