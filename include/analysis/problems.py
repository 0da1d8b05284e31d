"""Labels that keep runs of different problems apart, which are no repeats of each other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

UNKNOWN = "unknown problem"


def with_problems(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with each problem's JSON replaced by a label: empty if all runs have one problem.

    A label names the differences: the application, and unequal sizes. A run without a recorded
    problem, such as a failed one, is assigned its size's only one, or else the frame's.
    """
    keys = _resolved(frame)
    problems = [key for key in dict.fromkeys(keys) if key is not None]
    if len(problems) <= 1:
        return frame.assign(problem="")
    labels = _labels(problems)
    texts = [UNKNOWN if key is None else labels[key] for key in keys]
    return frame.assign(problem=pd.Series(texts, index=frame.index, dtype="str"))


def _resolved(frame: pd.DataFrame) -> list[tuple[str, str] | None]:
    """Application and problem of each row; None where unknown."""
    rows = list(frame[["application", "problem", "nodes", "ranks"]].itertuples(index=False))
    keys = [_key(row) for row in rows]
    everywhere = {key for key in keys if key is not None}
    of_size: dict[Hashable, set[tuple[str, str]]] = {}
    for row, key in zip(rows, keys, strict=True):
        if key is not None:
            of_size.setdefault((row.nodes, row.ranks), set()).add(key)
    resolved = []
    for row, key in zip(rows, keys, strict=True):
        candidates = of_size.get((row.nodes, row.ranks), everywhere) or everywhere
        only = next(iter(candidates)) if len(candidates) == 1 else None
        resolved.append(only if key is None else key)
    return resolved


def _key(row: Any) -> tuple[str, str] | None:
    return (str(row.application), row.problem) if row.problem else None


def _labels(keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The label of a problem, `atoms 19,456`, or the application where there are several."""
    problems = {key: json.loads(key[1]) for key in keys}
    names = list(dict.fromkeys(name for problem in problems.values() for name in problem))
    differ = [n for n in names if len({repr(p.get(n)) for p in problems.values()}) > 1]
    several = len({application for application, _ in keys}) > 1
    return {
        key: ", ".join(
            (
                *([key[0]] if several else []),
                *(f"{_words(name)} {_value(problem[name])}" for name in differ if name in problem),
            )
        )
        or UNKNOWN
        for key, problem in problems.items()
    }


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
