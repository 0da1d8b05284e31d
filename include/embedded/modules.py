"""Compiles the programs of a wrapper module below `tools/`, and keeps the manifests beside them."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from include import waiting
from include.embedded import go
from include.embedded.commands import ended_whole, run, tail
from include.embedded.paths import TOOLS
from include.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.embedded.progress import Progress

MANIFESTS = "manifests"  # folder below that of the programs
HEARTBEAT_S = 20.0
POLL_S = 0.2
KEY_LENGTH = 16


@dataclass(frozen=True, kw_only=True)
class Module:
    """One wrapper module below `tools/`, and the programs built in it."""

    folder: str
    programs: dict[str, str]  # name of the program → Go package
    manifests: dict[str, tuple[str, ...]]  # Go module → files or folders of it to keep


@dataclass(frozen=True, kw_only=True)
class Place:
    """A module's position among all modules to be built."""

    first: int = 0
    of: int


def build_options(linker_flags: str) -> tuple[str, ...]:
    """Options of `go build`: without paths of this machine or debug data.

    The linker would drop that data (`-w`); not generating it saves a tenth of the compilation.
    """
    compiler_flags = "all=-dwarf=false"
    return (
        *("-trimpath", "-buildvcs=false"),
        *("-gcflags", compiler_flags, "-ldflags", linker_flags),
    )


def cache_key(modules: Iterable[Module], *, options: tuple[str, ...], tools: Path = TOOLS) -> str:
    """16 hex digits for the build: the pins, our own sources and the compiler options."""
    digest = hashlib.sha256(" ".join(options).encode())
    for module in modules:
        for path in sorted((tools / module.folder).iterdir()):
            digest.update(f"\0{module.folder}/{path.name}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:KEY_LENGTH]


def download(toolchain: go.Toolchain, module: Module, progress: Progress) -> None:
    """Fetch the module's sources."""
    if not (TOOLS / module.folder / "go.sum").exists():
        return  # standard library only
    progress.tell(f"fetching the sources of {module.folder}")
    run(
        toolchain.command("mod", "download"),
        timeout_s=go.DOWNLOAD_LIMIT_S,
        cwd=TOOLS / module.folder,
        environment=toolchain.environment(),
    )


def compile_into(
    target: Path,
    module: Module,
    toolchain: go.Toolchain,
    progress: Progress,
    *,
    options: tuple[str, ...],
    place: Place,
) -> None:
    """Build a module's programs with one command, so that they share the work."""
    work = target / f".{module.folder}"
    work.mkdir()
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
        _watch(compiler, module, work, progress, place=place)
    if compiler.returncode != 0:
        msg = f"building {', '.join(module.programs)} failed: {tail(error_log.read_text())}"
        raise ClusterError(msg)
    error_log.unlink()
    _collect(module, work, target)


def _watch(
    compiler: subprocess.Popen[bytes],
    module: Module,
    work: Path,
    progress: Progress,
    *,
    place: Place,
) -> None:
    """Report each finished program, and now and then that work goes on."""
    shown: set[str] = set()
    shown_s = 0.0
    # The first look is immediate, so a program that is built at once is reported too.
    for _ in waiting.looks(limit_s=go.COMPILE_LIMIT_S, poll_s=POLL_S):
        done = {path.name for path in work.iterdir() if not path.name.startswith(".")}
        if done != shown or progress.seconds() - shown_s > HEARTBEAT_S or not shown_s:
            shown, shown_s = done, progress.seconds()
            left = ", ".join(name for name in module.programs if name not in done)
            number = place.first + min(len(done) + 1, len(module.programs))
            progress.tell(f"building {left or module.folder} ({number} of {place.of})")
        if compiler.poll() is not None:
            return
    raise ClusterError(f"building {module.folder} took over {go.COMPILE_LIMIT_S:.0f} s")


def _collect(module: Module, work: Path, target: Path) -> None:
    """Move the programs; the only one of a module may be renamed."""
    built = {path.name: path for path in work.iterdir()}
    if len(module.programs) == 1:
        built = {next(iter(module.programs)): path for path in built.values()}
    for name in module.programs:
        built[name].rename(target / name)
    work.rmdir()


def keep_manifests(toolchain: go.Toolchain, module: Module, target: Path) -> None:
    """Keep the module's manifests below the target, since Go's own cache may be emptied."""
    for go_module, wanted in module.manifests.items():
        listing = toolchain.command("list", "-m", "-f", "{{.Dir}}", go_module)
        environment = toolchain.environment()
        source = Path(run(listing, cwd=TOOLS / module.folder, environment=environment).strip())
        keep_files(wanted, go_module=go_module, source=source, target=target)


def keep_files(wanted: Iterable[str], *, go_module: str, source: Path, target: Path) -> None:
    """Keep files and folders of a module's sources; FileNotFoundError for one that is not there."""
    for relative in wanted:
        destination = target / MANIFESTS / go_module / relative
        destination.parent.mkdir(parents=True, exist_ok=True)
        if (source / relative).is_dir():
            shutil.copytree(source / relative, destination, copy_function=shutil.copyfile)
        else:
            shutil.copyfile(source / relative, destination)
