"""Lines that the MPI runner of run 6 appended to each launcher log: pods, nodes, timings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.errors import ParseError
from include.parsers.lines import clean, number, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAPPING = re.compile(r"Mapping for job (\S+) for scheduler (\S+)")
_POD = re.compile(r"(\S+) --> (\S+)")
_NODE = re.compile(r"(\S+) ran ([0-9]+) pods in zone (\S+)")
# One line in run 6, two in the runs of 2022.
_RANKS = re.compile(r"Ranks: ([0-9]+), pods: ([0-9]+), pods per node: ?([0-9]*),? ?(Slots .*)?")
_SLOTS = re.compile(r"Slots per pod: ([0-9]+), GiB memory per pod: ([0-9]+(?:\.[0-9]+)?)")
_LAUNCHER = re.compile(r"Launcher CPUs: ([0-9]+), launcher memory in GiB: ([0-9]+)")
_TIMES = {
    "startup_time_s": re.compile(r"MPIJob startup time for job (\S+) is (\S+) seconds"),
    "runtime_s": re.compile(r"MPIJob runtime for job (\S+) is (\S+) seconds"),
    "end_to_end_time_s": re.compile(r"MPIJob end-to-end time for job (\S+?)(?: is)? (\S+) seconds"),
}
_BEGINNINGS = re.compile(
    r"Mapping for job|\S+ -->|\S+ ran [0-9]|Ranks: |Slots per pod: |Launcher CPUs: |"
    r"MPIJob .* time|MPIJob runtime"
)
# One of these is in every line that `parse` uses; terminal codes may be inside the others.
SIGNS = (
    *(b"\x1b", b"Mapping for job", b"-->", b" ran ", b"Ranks: ", b"Slots per pod: "),
    *(b"Launcher CPUs: ", b"MPIJob"),
)


@dataclass(frozen=True, kw_only=True)
class NodeUse:
    """One node and its number of the job's pods."""

    node: str
    pods: int
    zone: str


@dataclass(frozen=True, kw_only=True)
class MpiRunnerFooter:
    """The runner's figures of one MPIJob."""

    job_id: str
    scheduler: str
    node_by_pod: dict[str, str]  # read after the job had ended: pods may be missing
    nodes: tuple[NodeUse, ...]
    ranks: int
    pods: int
    pods_per_node: int | None  # left empty by the runner in run 6
    slots_per_pod: int
    memory_gib_per_pod: float
    launcher_cpus: int
    launcher_memory_gib: int
    startup_time_s: float  # wrong by construction, like the next: kept for imports only
    runtime_s: float
    end_to_end_time_s: float  # time since the operator first logged the job

    @property
    def is_mapping_complete(self) -> bool:
        """True if every pod's node is known."""
        return len(self.node_by_pod) == self.pods


def parse(lines: Iterable[str]) -> MpiRunnerFooter:
    """The footer of one launcher log; ParseError for a missing, cut or duplicate line.

    Lines before `Mapping for job` are ignored.
    """
    reader = _Reader()
    for line in map(clean, lines):
        reader.feed(line)
    return reader.result()


class _Reader:
    def __init__(self) -> None:
        self._matches: dict[str, re.Match[str]] = {}
        self._pods: dict[str, str] = {}
        self._nodes: list[NodeUse] = []

    def feed(self, line: str) -> None:
        if not self._matches and not line.startswith("Mapping for job"):
            return
        patterns = {"mapping": _MAPPING, "ranks": _RANKS, "slots": _SLOTS, "launcher": _LAUNCHER}
        patterns |= _TIMES
        for name, pattern in patterns.items():
            match = pattern.fullmatch(line.rstrip())
            if match is not None:
                self._keep(name, match)
                return
        self._placement(line)

    def _keep(self, name: str, match: re.Match[str]) -> None:
        if name in self._matches:
            raise ParseError(f"a footer line comes twice: {shown(match[0])}")
        self._matches[name] = match
        if name == "ranks" and match[4] is not None:
            self.feed(match[4])

    def _placement(self, line: str) -> None:
        pod, node = _POD.fullmatch(line.rstrip()), _NODE.fullmatch(line.rstrip())
        if pod is not None:
            if pod[1] in self._pods:
                raise ParseError(f"a pod comes twice in the footer: {shown(line)}")
            self._pods[pod[1]] = pod[2]
        elif node is not None:
            self._nodes.append(NodeUse(node=node[1], pods=int(node[2]), zone=node[3]))
        elif _BEGINNINGS.match(line):
            raise ParseError(f"a footer line is not whole: {shown(line)}")

    def result(self) -> MpiRunnerFooter:
        for name in ("mapping", "ranks", "slots", "launcher", *_TIMES):
            if name not in self._matches:
                raise ParseError(f"the MPI runner's footer has no line of its {name}")
        names = ("mapping", "ranks", "slots", "launcher")
        mapping, ranks, slots, launcher = (self._matches[name] for name in names)
        return MpiRunnerFooter(
            job_id=mapping[1],
            scheduler=mapping[2],
            node_by_pod=self._pods,
            nodes=tuple(self._nodes),
            ranks=int(ranks[1]),
            pods=int(ranks[2]),
            pods_per_node=int(ranks[3]) if ranks[3] else None,
            slots_per_pod=int(slots[1]),
            memory_gib_per_pod=float(slots[2]),
            launcher_cpus=int(launcher[1]),
            launcher_memory_gib=int(launcher[2]),
            startup_time_s=self._seconds("startup_time_s"),
            runtime_s=self._seconds("runtime_s"),
            end_to_end_time_s=self._seconds("end_to_end_time_s"),
        )

    def _seconds(self, name: str) -> float:
        match = self._matches[name]
        return number(match[2], line=match[0])
