"""The folder for what is built or downloaded once: binaries, images, upstream manifests."""

from __future__ import annotations

import os
from pathlib import Path

CACHE_VARIABLE = "OPERATOR_BENCHMARK_CACHE"
ROOT = Path(__file__).resolve().parent.parent


def cache_dir() -> Path:
    """OPERATOR_BENCHMARK_CACHE, or `.cache` in the project; it may not exist yet."""
    return Path(os.environ.get(CACHE_VARIABLE) or ROOT / ".cache")
