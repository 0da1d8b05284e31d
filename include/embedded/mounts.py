"""Mounts below a folder: undone before its removal, never descended into."""

from __future__ import annotations

from pathlib import Path

from include.embedded.commands import run

MOUNTS = Path("/proc/mounts")


def below(folder: Path) -> tuple[str, ...]:
    """Mount points below the folder visible to this process, the inner ones first."""
    targets = [line.split()[1] for line in MOUNTS.read_text().splitlines()]
    return tuple(sorted((path for path in targets if path.startswith(f"{folder}/")), reverse=True))


def unmount(path: str) -> None:
    """Undo one mount, even if it is in use; ClusterError when that is refused."""
    run(["umount", "--lazy", path])
