"""Builds the Flux Operator's controller from its Go module, where the module proxy carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.embedded import go
from include.embedded.commands import run
from include.embedded.paths import cache_root
from include.embedded.whole import made_whole
from include.errors import ClusterError

if TYPE_CHECKING:
    from pathlib import Path

    from include.embedded.progress import Progress
    from include.kube.kinds import Controller

FOLDER = "controller"  # folder in the cache
ASK_LIMIT_S = 20.0


def built(controller: Controller) -> Path | None:
    """The controller's program in the cache, None when it was not built."""
    path = _folder(controller) / controller.name
    return path if path.is_file() else None


def build(controller: Controller, progress: Progress) -> Path:
    """Build the pinned commit when it is missing, and return the program.

    ClusterError, within seconds, when the module proxy does not carry it.
    """
    target = _folder(controller)
    with made_whole(target, progress) as partial:
        if partial is not None:
            _build_into(partial, controller, progress)
    return target / controller.name


def _folder(controller: Controller) -> Path:
    return cache_root() / FOLDER / f"{controller.name}-{controller.commit}"


def _build_into(target: Path, controller: Controller, progress: Progress) -> None:
    toolchain = go.toolchain()
    # Its key generator is left out without C; the pipeline gives every job a certificate itself.
    environment = {**toolchain.environment(), "GOFLAGS": "", "GOBIN": str(target)}
    module = f"{controller.go_module}@{controller.commit}"
    try:
        run(
            toolchain.command("list", "-m", module),
            timeout_s=ASK_LIMIT_S,
            cwd=target,
            environment=environment,
        )
    except ClusterError as err:
        short = f"{controller.name}@{controller.commit[:12]}"
        msg = f"the Go module proxy gives no {short} ({_reason(err)})"
        raise ClusterError(msg) from err
    progress.tell(f"building {controller.name} from its module")
    run(
        toolchain.command("install", "-trimpath", "-buildvcs=false", module),
        timeout_s=go.COMPILE_LIMIT_S,
        cwd=target,
        environment=environment,
    )
    if not (target / controller.name).is_file():
        raise ClusterError(f"{module} has no program {controller.name}")


def _reason(error: ClusterError) -> str:
    """The last of the causes that Go strings together: `403 Forbidden`, `no such host`."""
    lines = [
        line for line in str(error).splitlines() if line.startswith("go: ") or ": go: " in line
    ]
    return (lines[-1] if lines else str(error)).rpartition(": ")[2]
