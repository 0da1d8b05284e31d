"""Cores and memory of this machine, and each node's part of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MEBIBYTE = 1024 * 1024
CPUS = Path("/sys/devices/system/cpu")
EVICTED_BELOW_MIB = 100  # free memory that a kubelet withholds from its pods


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The resources of a machine to be divided."""

    cores: tuple[int, ...]  # usable cores; threads of one physical core are adjacent
    all_cores: tuple[int, ...]
    memory_mib: int


@dataclass(frozen=True, kw_only=True)
class Share:
    """A node's share of the machine."""

    cpus: str | None  # cpuset such as `0,1`; None: all, shared with the other nodes
    other_cpus: str  # the machine's other cores
    other_memory_mib: int  # the machine's memory outside the node


def this_machine(cpus: Path = CPUS) -> Machine:
    """The machine that this process runs on."""
    usable = sorted(os.sched_getaffinity(0), key=lambda cpu: (*_physical_core(cpus, cpu), cpu))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        cores=tuple(usable),
        all_cores=parse_cpu_list((cpus / "online").read_text()),
        memory_mib=memory // MEBIBYTE,
    )


def _physical_core(cpus: Path, cpu: int) -> tuple[int, int]:
    """Socket and core of a CPU: two threads of one core must not be on two nodes."""
    topology = cpus / f"cpu{cpu}" / "topology"
    try:
        socket = int((topology / "physical_package_id").read_text())
        return socket, int((topology / "core_id").read_text())
    except (OSError, ValueError):  # unknown on some virtual machines
        return 0, cpu


def parse_cpu_list(text: str) -> tuple[int, ...]:
    """The numbers in the kernel's list format, such as `0-3,8`."""
    cpus: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        cpus += range(int(first), int(last or first) + 1)
    return tuple(cpus)


def divide(machine: Machine, *, node_count: int) -> list[Share]:
    """Each node's share: its own cores if there are enough, and an equal part of the memory.

    Spare cores are left unused, so that all nodes are alike.
    """
    each = len(machine.cores) // node_count
    other_memory = machine.memory_mib - machine.memory_mib // node_count
    if each == 0:
        others = _others(machine, machine.cores)
        return [Share(cpus=None, other_cpus=others, other_memory_mib=other_memory)] * node_count
    own = [machine.cores[index * each : (index + 1) * each] for index in range(node_count)]
    return [
        Share(
            cpus=_cpu_list(mine),
            other_cpus=_others(machine, mine),
            other_memory_mib=other_memory,
        )
        for mine in own
    ]


def for_pods(machine: Machine, *, node_count: int) -> dict[str, str]:
    """Cores and memory for pods on each node, as its kubelet will report them (`allocatable`)."""
    share = divide(machine, node_count=node_count)[0]
    others = parse_cpu_list(share.other_cpus) if share.other_cpus else ()
    memory = machine.memory_mib - share.other_memory_mib - EVICTED_BELOW_MIB
    return {"cpu": str(len(machine.all_cores) - len(others)), "memory": f"{memory}Mi"}


def physical_cores(machine: Machine, *, node_count: int, cpus: Path = CPUS) -> int:
    """Cores of each node as hwloc counts them: threads of one core are one."""
    share = divide(machine, node_count=node_count)[0]
    mine = parse_cpu_list(share.cpus) if share.cpus else machine.all_cores
    return len({_physical_core(cpus, cpu) for cpu in mine})


def _others(machine: Machine, mine: tuple[int, ...]) -> str:
    return _cpu_list(core for core in machine.all_cores if core not in mine)


def _cpu_list(cores: Iterable[int]) -> str:
    return ",".join(str(core) for core in sorted(cores))


def describe(machine: Machine, *, node_count: int) -> str:
    """The division of the cores, for the report."""
    cores = len(machine.cores)
    if each := cores // node_count:
        return f"each node has {each} of the machine's {cores} cores to itself"
    return f"all nodes share the machine's {cores} cores, which are fewer than the nodes"
