"""containerd's folder with the images in it, made once, and given to each node as hard links."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.embedded import processes
from include.embedded.commands import run
from include.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FOLDER = "containerd"
KUBERNETES_NAMESPACE = "k8s.io"
START_LIMIT_S = 30.0
IMPORT_LIMIT_S = 300.0
DATABASES = "*.db"  # containerd writes to these in place; all else it only adds or removes


@dataclass(frozen=True, kw_only=True)
class Store:
    """A containerd that runs for as long as images are brought into its folder."""

    socket: Path

    def run(self, *words: str | Path, timeout_s: float = IMPORT_LIMIT_S) -> str:
        """The output of `ctr` for these arguments."""
        client: tuple[str | Path, ...] = ("ctr", "--address", self.socket)
        return run((*client, "--namespace", KUBERNETES_NAMESPACE, *words), timeout_s=timeout_s)

    def import_archive(self, archive: Path) -> None:
        """Bring in the images of an OCI or Docker archive, unpacked."""
        self.run("images", "import", "--digests", archive)

    def digests(self) -> dict[str, str]:
        """The images that are there: the manifest's digest by name."""
        rows = [line.split() for line in self.run("images", "ls").splitlines()[1:]]
        return {row[0]: row[2] for row in rows if len(row) > 2}  # noqa: PLR2004  REF TYPE DIGEST


def create(target: Path, *, archives: Sequence[Path], scratch: Path) -> None:
    """Import OCI archives into a new containerd folder, by a containerd that then ends."""
    scratch.mkdir()
    root = scratch / "root"
    with opened(root, scratch=scratch) as store:
        for archive in archives:
            store.import_archive(archive)
    root.rename(target)


@contextmanager
def opened(root: Path, *, scratch: Path) -> Iterator[Store]:
    """A containerd with that folder, new or not, which ends with the block."""
    socket, config, log = scratch / "s", scratch / "config.toml", scratch / "log"
    config.write_text(
        f'version = 2\nroot = "{root}"\nstate = "{scratch}/state"\n'
        'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
        f'[grpc]\n  address = "{socket}"\n'
    )
    daemon = processes.start("containerd", ["containerd", "--config", config], log_file=log)
    try:
        processes.wait_for("containerd", socket.is_socket, needs=(daemon,), timeout_s=START_LIMIT_S)
        yield Store(socket=socket)
    finally:
        processes.stop((daemon,))


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
