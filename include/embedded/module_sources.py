"""Builds a controller in the sources of its Go module, at a version that no `go.sum` here pins.

Its libraries are those that its own `go.mod` and `go.sum` name, as where upstream builds it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from include.embedded import go, modules
from include.embedded.commands import run
from include.errors import ClusterError
from include.kube.kinds import Origin

if TYPE_CHECKING:
    from include.embedded.progress import Progress
    from include.kube.kinds import Controller

ASK_LIMIT_S = 20.0
SHOWN = 12  # characters of a commit
_SOURCES = ".sources"


def require(controller: Controller) -> None:
    """ClusterError, within seconds, when the module proxy does not carry the version."""
    toolchain = go.toolchain()
    try:
        run(
            toolchain.command("list", "-m", module_at(controller)),
            timeout_s=ASK_LIMIT_S,
            cwd=Path("/"),  # in no other module
            environment=toolchain.environment(),
        )
    except ClusterError as err:
        version = version_of(controller)
        short = version if version.startswith("v") else version[:SHOWN]
        msg = f"the Go module proxy has no {controller.name}@{short} ({_reason(err)})"
        raise ClusterError(msg) from err


def build_into(target: Path, controller: Controller, progress: Progress) -> None:
    """Build the program into a folder, and keep the manifests beside it.

    ClusterError when the proxy does not carry the version, or it lacks the program or a manifest.
    """
    require(controller)
    toolchain, work = go.toolchain(), target / _SOURCES
    progress.tell(f"fetching {module_at(controller)}")
    module_json = run(
        toolchain.command("mod", "download", "-json", module_at(controller)),
        timeout_s=go.DOWNLOAD_LIMIT_S,
        cwd=target,
        environment=toolchain.environment(),
    )
    shutil.copytree(json.loads(module_json)["Dir"], work, copy_function=shutil.copyfile)
    progress.tell(f"building {module_at(controller)}, which takes minutes")
    package = controller.package or controller.go_module
    options = (*modules.build_options("-s -w"), "-o", str(target / controller.name))
    run(
        toolchain.command("build", *options, package),
        timeout_s=go.COMPILE_LIMIT_S,
        cwd=work,
        environment=toolchain.environment(),
    )
    try:
        modules.keep_files(
            controller.module_files, go_module=controller.go_module, source=work, target=target
        )
    except FileNotFoundError as err:
        lacking = Path(str(err.filename)).relative_to(work)
        raise ClusterError(f"{module_at(controller)} has no {lacking}") from err
    shutil.rmtree(work)


def module_at(controller: Controller) -> str:
    """The module at the version, as Go takes it."""
    return f"{controller.go_module}@{version_of(controller)}"


def version_of(controller: Controller) -> str:
    """The version of its module: a release, or the commit where none is pinned."""
    is_release = controller.origin is Origin.MODULE or not controller.commit
    return controller.version if is_release else controller.commit


def _reason(error: ClusterError) -> str:
    """The last of the causes that Go chains: `403 Forbidden`, `no such host`."""
    lines = [
        line for line in str(error).splitlines() if line.startswith("go: ") or ": go: " in line
    ]
    return (lines[-1] if lines else str(error)).rpartition(": ")[2]
