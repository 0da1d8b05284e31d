"""containerd's folder with the images in it, made once, and given to each node as hard links."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from include.embedded import processes
from include.embedded.commands import run
from include.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FOLDER = "containerd"
KUBERNETES_NAMESPACE = "k8s.io"
START_LIMIT_S = 30.0
IMPORT_LIMIT_S = 300.0
DATABASES = "*.db"  # containerd writes to these in place; all else it only adds or removes


def create(target: Path, *, archives: Sequence[Path], scratch: Path) -> None:
    """Import OCI archives into a new containerd folder, by a containerd that then ends."""
    scratch.mkdir()
    root, socket = scratch / "root", scratch / "s"
    config = scratch / "config.toml"
    config.write_text(
        f'version = 2\nroot = "{root}"\nstate = "{scratch}/state"\n'
        'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
        f'[grpc]\n  address = "{socket}"\n'
    )
    log = scratch / "log"
    daemon = processes.start("containerd", ["containerd", "--config", config], log_file=log)
    try:
        processes.wait_for("containerd", socket.is_socket, needs=(daemon,), timeout_s=START_LIMIT_S)
        client: list[str | Path] = ["ctr", "--address", socket, "--namespace", KUBERNETES_NAMESPACE]
        for archive in archives:
            run([*client, "images", "import", "--digests", archive], timeout_s=IMPORT_LIMIT_S)
    finally:
        processes.stop((daemon,))
    root.rename(target)


def give(source: Path, target: Path) -> None:
    """Make a node's containerd folder: other names for the same files, its own databases."""
    try:
        run(["cp", "--archive", "--link", source, target])
    except ClusterError:  # the cache lies on another file system
        shutil.rmtree(target, ignore_errors=True)
        run(["cp", "--archive", source, target], timeout_s=IMPORT_LIMIT_S)
        return
    for database in source.rglob(DATABASES):
        own = target / database.relative_to(source)
        own.unlink()
        shutil.copy2(database, own)
