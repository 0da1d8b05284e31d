"""The fixed choices of a study."""

from __future__ import annotations

from enum import StrEnum


class Section(StrEnum):
    """Parts of the trigger form, in its order."""

    WHAT = "What to run"
    WHERE = "Where to run it"
    HOW_OFTEN = "How often, and in which order"
    BUDGET = "Budget, limits and results"


class Design(StrEnum):
    """Order of the operators: one after the other, or randomised blocks with all installed."""

    SWAP = "swap"
    INTERLEAVED = "interleaved"


class NodeChoice(StrEnum):
    """Ways to choose the nodes of a point."""

    PAIRED = "paired"  # by the plan's seed: the operators of a block run on the same nodes
    FREE = "free"  # the scheduler


class NodeOrder(StrEnum):
    """Order of the node counts of an interleaved study."""

    SHUFFLED = "shuffled"  # over the whole study
    DESCENDING = "descending"  # largest first, so that nodes can be given back in between


class StopBy(StrEnum):
    """Causes that end the repeats of a node count early."""

    DIFFERENCE = "difference"  # difference of operators in complete blocks, at a few looks
    SPREAD = "spread"  # spread of each operator's first repeats


class Binding(StrEnum):
    """The binding of MPI ranks; the same under every operator."""

    NONE = "none"
    CORE = "core"
    NUMA = "numa"


class MpiImplementation(StrEnum):
    """The MPI library in the image."""

    MPICH = "mpich"
    OPENMPI = "openmpi"


class Queue(StrEnum):
    """Queues that may admit a job before its pods are made."""

    NONE = "none"  # nothing: they are made at once
    KUEUE = "kueue"


class LeftOut(StrEnum):
    """Reasons for which a study leaves a point out."""

    KNOWN = "the answer at its size is known"
    TOO_LARGE = "it is larger than the cluster became"
