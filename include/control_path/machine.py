"""The machine that jobs are measured on, in a line."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import psutil

CPU_INFO = Path("/proc/cpuinfo")


def machine() -> str:
    """Cores, processor, memory and kernel of this machine."""
    memory_gib = round(psutil.virtual_memory().total / 2**30)
    return (
        f"{os.cpu_count()} cores ({_cpu_model()}), {memory_gib} GiB of memory, "
        f"Linux {platform.release()}"
    )


def _cpu_model() -> str:
    """The processor's name as Linux gives it."""
    match = re.search(r"^model name\s*:\s*(.+)$", CPU_INFO.read_text(), re.MULTILINE)
    return match[1] if match else platform.machine()
