"""Words and numbers as people read them, the same in every table, figure and page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from include import adapters, k8s_operators

if TYPE_CHECKING:
    from collections.abc import Sequence

NONE = "\N{EN DASH}"  # stands for an unknown value
_MINUS = "\N{MINUS SIGN}"
_MOST_WITH_DIGITS = 1_000
_LEAST_P = 0.0001


def operator_title(name: str) -> str:
    """An operator's own title: `MPI Operator` for `mpi_operator`.

    Whatever follows the name, such as the study in `mpi_operator (run4)`, is kept.
    """
    adapter, space, rest = name.partition(" ")
    return adapters.title(k8s_operators, adapter) + space + rest


def count(n: int, noun: str) -> str:
    """`1 node`, `2 nodes`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def size(nodes: int, ranks: int, problem: str = "") -> str:
    """`2 nodes (4 ranks)`, with the problem if the runs have several."""
    of = f", {problem}" if problem else ""
    return f"{count(nodes, 'node')} ({count(ranks, 'rank')}{of})"


def signed(value: float, digits: int = 1) -> str:
    """`+4.2`, with a real minus sign for one below 0."""
    return f"{value:+,.{digits}f}".replace("-", _MINUS)


def seconds(value: float, step_s: float = 0.0) -> str:
    """The value with two decimals, rounding half to even, or as fine as its clock's step."""
    if pd.isna(value):
        return NONE
    digits = 2 if step_s < 1 else int(not float(value).is_integer())  # a median may be a half
    rounded = np.round(value, digits) + 0.0  # no minus sign on zero
    return f"{rounded:,.{digits}f}".replace("-", _MINUS)


def amount(value: float, unit: str, step_s: float = 0.0) -> str:
    """The value as in tables: seconds with two decimals, other units with four digits."""
    if unit == "s" or pd.isna(value):
        return seconds(value, step_s)
    text = f"{value:,.0f}" if abs(value) >= _MOST_WITH_DIGITS else f"{value:.4g}"
    return text.replace("-", _MINUS)


def signed_amount(value: float, unit: str, step_s: float = 0.0) -> str:
    """The same for a difference, with its sign."""
    text = amount(value, unit, step_s)
    return text if pd.isna(value) or text.startswith(_MINUS) else f"+{text}"


def listed(words: Sequence[str]) -> str:
    """`8, 16 and 32`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def p_value(value: float) -> str:
    """Four decimals, or a note that the value is below them."""
    if pd.isna(value):
        return NONE
    return f"< {_LEAST_P:.4f}" if value < _LEAST_P else f"{value:.4f}"
