"""The fixed choices of a study."""

from __future__ import annotations

from enum import StrEnum


class Design(StrEnum):
    """Order of the operators: one after the other, or randomised blocks with all installed."""

    SWAP = "swap"
    INTERLEAVED = "interleaved"


class NodeChoice(StrEnum):
    """Ways to choose the nodes of a point."""

    PAIRED = "paired"  # the plan, by seed: the operators of a block run on the same nodes
    FREE = "free"  # the scheduler


class NodeOrder(StrEnum):
    """Order of the node counts of an interleaved study."""

    SHUFFLED = "shuffled"  # over the whole study
    DESCENDING = "descending"  # the largest first, so that nodes can be given back in between


class Binding(StrEnum):
    """The binding of MPI ranks; the same under every operator."""

    NONE = "none"
    CORE = "core"
    NUMA = "numa"


class MpiImplementation(StrEnum):
    """The MPI library that the image carries."""

    MPICH = "mpich"
    OPENMPI = "openmpi"
