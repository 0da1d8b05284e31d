"""Installs locked packages from the package index configured on this machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from include.embedded.commands import find, run
from include.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

INSTALL_LIMIT_S = 900.0


def install(lock: Path, *, prefix: Path) -> None:
    """Unpack the packages of a lock file, each verified by its hash, below a new folder.

    The subfolder depends on the installer, for example `lib/python3.11/site-packages`.
    ClusterError when there is neither uv nor pip, or the packages cannot be had.
    """
    options = ("--prefix", prefix, "--no-deps", "--require-hashes", "-r", lock)
    run([*_installer(), *options], timeout_s=INSTALL_LIMIT_S)


def _installer() -> Sequence[str]:
    for command in _candidates():
        try:
            run([*command, "--version"], timeout_s=60.0)
        except ClusterError:
            continue
        if command[-1].endswith("uv"):
            return [*command, "pip", "install", "--quiet", "--reinstall"]
        return [*command, "install", "--quiet", "--ignore-installed", "--no-warn-script-location"]
    msg = "neither uv nor pip is installed; install one, for instance `apt-get install python3-pip`"
    raise ClusterError(msg)


def _candidates() -> list[list[str]]:
    on_path = [[path] for path in (find("uv"),) if path]
    modules = [[sys.executable, "-m", "uv"], [sys.executable, "-m", "pip"]]
    system = [[path, "-m", "pip"] for path in (find("python3"),) if path]
    return [*on_path, *modules, *system]
