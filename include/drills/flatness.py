"""Judges whether the resource use of a long run stays flat: memory, descriptors, disk."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FEWEST = 3  # fewest nights that can show growth


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """One quantity, and the growth over all nights that still counts as flat."""

    name: str
    unit: str
    share: float = 0.1  # relative to the first nights
    slack: float = 0.0  # added to the share, in the gauge's unit


GAUGES = (
    Gauge(name="memory", unit="MiB", slack=8),
    Gauge(name="peak_memory", unit="MiB", share=0.2, slack=30),
    Gauge(name="descriptors", unit="", share=0, slack=2),
    Gauge(name="processes", unit="", share=0),
    Gauge(name="disk", unit="KiB", slack=256),
)


def growth(values: Sequence[float]) -> float:
    """The median of the last third of the nights minus that of the first third."""
    third = max(1, len(values) // 3)
    return statistics.median(values[-third:]) - statistics.median(values[:third])


def complaint(gauge: Gauge, values: Sequence[float]) -> str | None:
    """The growth in words, None while flat; ValueError when there are too few nights."""
    if len(values) < FEWEST:
        raise ValueError(f"{len(values)} nights cannot show growth, it takes {FEWEST}")
    third = max(1, len(values) // 3)
    allowed = gauge.share * statistics.median(values[:third]) + gauge.slack
    grown = growth(values)
    if grown <= allowed:
        return None
    return (
        f"{gauge.name} grew by {grown:.0f} {gauge.unit}, from {values[0]:.0f} to {values[-1]:.0f}"
    )


def descriptors(pid: int) -> int:
    """Open descriptors of a process."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def disk_kib(folders: Iterable[Path]) -> int:
    """Disk in use below the folders."""
    files = (path for folder in folders if folder.exists() for path in folder.rglob("*"))
    return sum(path.lstat().st_blocks * 512 for path in files if not path.is_symlink()) // 1024
