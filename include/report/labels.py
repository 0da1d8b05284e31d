"""Words for columns and operators, the same in every table, figure and page."""

from __future__ import annotations

from include import adapters, k8s_operators


def operator_title(name: str) -> str:
    """An operator's own title: `MPI Operator` for `mpi_operator`.

    What follows the name, as the study in `mpi_operator (run4)`, stays as it is.
    """
    adapter, space, rest = name.partition(" ")
    return adapters.title(k8s_operators, adapter) + space + rest


def count(n: int, noun: str) -> str:
    """`1 node`, `2 nodes`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def size(nodes: int, ranks: int, problem: str = "") -> str:
    """`2 nodes (4 ranks)`, with the problem where runs of several are told apart."""
    of = f", {problem}" if problem else ""
    return f"{count(nodes, 'node')} ({count(ranks, 'rank')}{of})"


def signed(value: float, digits: int = 1) -> str:
    """`+4.2`, with a real minus sign for one below 0."""
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")
