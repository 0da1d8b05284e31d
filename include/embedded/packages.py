"""Debian packages that the local cluster needs: checked, and installed if root."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from include.embedded.commands import find, run
from include.embedded.progress import Progress, run_program
from include.errors import ClusterError
from include.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

# Package → one of its files or programs in use.
PACKAGES = {
    "containerd": "containerd",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "iproute2": "ip",
    "mmdebstrap": "mmdebstrap",
    "procps": "sysctl",
    "runc": "runc",
    "util-linux": "nsenter",
}
INSTALL_LIMIT_S = 2100.0  # above the limits of bin/apt-install together


def missing() -> tuple[str, ...]:
    """Packages whose programs are not on this machine."""
    return tuple(package for package, mark in PACKAGES.items() if not _is_there(mark))


def _is_there(mark: str) -> bool:
    return Path(mark).exists() if mark.startswith("/") else find(mark) is not None


def require() -> None:
    """ClusterError naming the missing packages and how to install them."""
    if lacking := missing():
        names = " ".join(lacking)
        msg = f"missing on this machine: {names}; run `make setup`, or `apt-get install {names}`"
        raise ClusterError(msg)


def require_root(reason: str) -> None:
    """ClusterError when this process does not run as root."""
    if os.geteuid() != 0:
        msg = f"{reason}; run it as root, or choose the cluster `existing` or `simulated`"
        raise ClusterError(msg)


def install(progress: Progress) -> None:
    """Install what is missing with apt-get; ClusterError when not root or not on Debian."""
    lacking = missing()
    if not lacking:
        return
    names = " ".join(lacking)
    if find("apt-get") is None:
        msg = f"this machine has no apt-get; install these programs with its own tools: {names}"
        raise ClusterError(msg)
    require_root(f"packages must be installed: {names}")
    progress.tell(f"installing {names}")
    run([str(ROOT / "bin" / "apt-install"), *lacking], timeout_s=INSTALL_LIMIT_S)
    require()


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: install the packages; exit code 1 with the reason when that fails."""
    return run_program(
        install,
        arguments,
        module="include.embedded.packages",
        description="Install the Debian packages that the local cluster needs (as root). "
        "Nothing is done when they are installed.",
    )


if __name__ == "__main__":
    sys.exit(main())
