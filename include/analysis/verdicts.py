"""One sentence per size and pair of operators: which is faster, or why there is no answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from include.analysis.adaptive import sentence
from include.analysis.cells import SIZE, counted
from include.analysis.intervals import LEAST_N, LEVEL
from include.analysis.labels import operator_title, signed, size
from include.analysis.looks import Decision
from include.analysis.quantities import HOUSE, SECOND, primaries
from include.analysis.setups import set_up_differences
from include.models.figures import gain, in_a_sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from include.analysis.adaptive import PairLook
    from include.analysis.quantities import Quantity

SIMULATED = "simulated"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The judgement of one pair at one size, by the figure of merit or as in `measured`."""

    nodes: int
    ranks: int
    problem: str  # empty where all runs have one problem
    operator: str
    baseline: str
    winner: str | None  # None: withheld for `reasons`, or no difference
    measured: str  # "Flux Operator is 4.2 % faster, 95 % interval 2.8 to 5.0 %, n = 20 + 20"
    reasons: tuple[str, ...]  # reasons why a verdict is withheld; empty when one is given

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        if not self.reasons:
            return f"{self.measured}."
        return f"No verdict: {'; '.join(self.reasons)}. Measured: {self.measured}."


def judge(
    frame: pd.DataFrame,
    *,
    comparisons: pd.DataFrame,
    drifts: pd.DataFrame,
    looks: Iterable[PairLook] = (),
) -> tuple[Verdict, ...]:
    """A verdict for each size and pair in `comparisons`, in its order.

    By the figure of merit. A pair that can only be compared by its launcher time, as for a
    record set without logs, gets no verdict but the measurement and the differences. A pair
    looked at during its study is decided by its last look.
    """
    runs = counted(frame)
    figures = primaries(frame)
    by_name = {
        each.name: each for each in (*figures, *HOUSE) if each.is_primary or each.name == SECOND
    }
    first: dict[tuple[Any, ...], dict[Any, Any]] = {}
    for name in by_name:
        for row in comparisons[comparisons["quantity"] == name].to_dict(orient="records"):
            first.setdefault(tuple(row[key] for key in (*SIZE, "operator", "baseline")), row)
    verdicts = (
        _verdict(first[key], quantity=by_name[first[key]["quantity"]], runs=runs, drifts=drifts)
        for key in sorted(first, key=_size)
    )
    last = {(look.nodes, look.operator, look.baseline): look for look in looks}
    return tuple(_by_look(verdict, last) for verdict in verdicts)


def _by_look(verdict: Verdict, looks: Mapping[tuple[int, str, str], PairLook]) -> Verdict:
    """The verdict from the last look at its pair, if there was one."""
    pair = looks.get((verdict.nodes, _arm(verdict.operator), _arm(verdict.baseline)))
    if pair is None:
        return verdict
    faster = verdict.operator if pair.look.difference_percent < 0 else verdict.baseline
    is_decided = pair.look.decision is Decision.WINNER and not verdict.reasons
    named = replace(pair, operator=verdict.operator, baseline=verdict.baseline)
    return replace(verdict, winner=faster if is_decided else None, measured=sentence(named))


def _arm(name: str) -> str:
    """The arm without its study or stand-in, which its name in the tables includes."""
    return name.partition(" (")[0]


def _size(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return key[: len(SIZE)]


def _verdict(
    row: dict[Any, Any], *, quantity: Quantity, runs: pd.DataFrame, drifts: pd.DataFrame
) -> Verdict:
    pair = [row["operator"], row["baseline"]]
    cell = _of_size(runs, row)
    cell = cell[cell["k8s_operator"].isin(pair)]
    drifts = _of_size(drifts, row)
    reasons = (
        *([SIMULATED] if cell["simulated"].any() else []),
        *_without_merit(row, cell, primaries(runs)),
        *_too_few(row),
        *set_up_differences(cell, operator=pair[0], baseline=pair[1]),
        *_drifting(row, cell=cell, drifts=drifts[drifts["k8s_operator"].isin(pair)]),
    )
    ahead = pair[0] if gain(row["difference"], quantity.better) > 0 else pair[1]
    by = "" if quantity.is_primary else f"by {in_a_sentence(quantity.title)}, "
    return Verdict(
        nodes=int(row["nodes"]),
        ranks=int(row["ranks"]),
        problem=row["problem"],
        operator=pair[0],
        baseline=pair[1],
        winner=ahead if row["is_significant"] and not reasons else None,
        measured=by + measured(row, quantity),
        reasons=reasons,
    )


def _of_size(table: pd.DataFrame, row: dict[Any, Any]) -> pd.DataFrame:
    return table[(table[list(SIZE)] == [row[key] for key in SIZE]).all(axis=1)]


def measured(row: dict[Any, Any], quantity: Quantity) -> str:
    """The measurement of a pair, a row of `compare`; percentages are of the baseline's median."""
    counts = f"n = {row['n_operator']} + {row['n_baseline']}"
    operator, baseline = (operator_title(row[name]) for name in ("operator", "baseline"))
    if pd.isna(row["low_percent"]):
        change = f"{signed(row['difference_percent'])} %"
        return f"{operator} against {baseline}: {change}, no interval, {counts}"
    ends = sorted([row["low_percent"], row["high_percent"]])
    if not row["is_significant"]:
        return (
            f"{operator} and {baseline} cannot be told apart: difference "
            f"{signed(row['difference_percent'])} %, {_level()} interval {signed(ends[0])} to "
            f"{signed(ends[1])} %, {counts}"
        )
    least, most = sorted(abs(end) for end in ends)
    return (
        f"{operator} {_change(row, quantity)}, "
        f"{_level()} interval {least:.1f} to {most:.1f} %, {counts}"
    )


def _change(row: dict[Any, Any], quantity: Quantity) -> str:
    """`is 4.2 % faster`, `has 14.0 % more GB/s`."""
    size = f"{abs(row['difference_percent']):.1f} %"
    if quantity.is_time:
        return f"is {size} {'faster' if row['difference'] < 0 else 'slower'}"
    return f"has {size} {'less' if row['difference'] < 0 else 'more'} {quantity.unit}"


def _without_merit(
    row: dict[Any, Any], cell: pd.DataFrame, figures: Sequence[Quantity]
) -> list[str]:
    """The operators of a pair that lack the figure of merit, which the other has."""
    if row["quantity"] != SECOND:
        return []
    names = [row["operator"], row["baseline"]]
    known = {
        name for figure in figures for name in cell.dropna(subset=[figure.name])["k8s_operator"]
    }
    missing = [name for name in names if name not in known]
    what = in_a_sentence(figures[0].title) if figures else "figure of merit"
    return [f"no {what} of {' and '.join(map(operator_title, missing))}"]


def _too_few(row: dict[Any, Any]) -> list[str]:
    least = min(row["n_operator"], row["n_baseline"])
    return [] if least >= LEAST_N else [f"fewer than {LEAST_N} valid repeats ({least})"]


def _drifting(row: dict[Any, Any], *, cell: pd.DataFrame, drifts: pd.DataFrame) -> list[str]:
    """Drift that may be as large as the effect, by the intervals of both.

    Empty where interleaved order spreads it over both operators.
    """
    if pd.isna(row["low_percent"]) or are_interleaved(cell, [row["operator"], row["baseline"]]):
        return []
    effect = _least(row["low_percent"], row["high_percent"])
    return [
        f"drift as large as the effect ({operator_title(d['k8s_operator'])} changes by "
        f"{signed(d['half_change_percent'])} % from the first to the last half of its runs)"
        for d in drifts.to_dict(orient="records")
        if d["is_drift"]
        and max(abs(d["half_change_low_percent"]), abs(d["half_change_high_percent"])) >= effect
    ]


def _least(low: float, high: float) -> float:
    """Smallest size of an effect within its interval: 0 when the interval includes 0."""
    return 0.0 if low <= 0 <= high else min(abs(low), abs(high))


def are_interleaved(cell: pd.DataFrame, operators: Sequence[str]) -> bool:
    """True if each operator's middle run in one study lies within the other's runs."""
    if len(set(cell["study_id"])) > 1:
        return False
    orders = [cell.loc[cell["k8s_operator"] == name, "order_index"] for name in operators]
    return all(
        other.min() <= own.median() <= other.max() for own, other in (orders, reversed(orders))
    )


def _level() -> str:
    return f"{100 * LEVEL:.0f} %"


def uncompared(frame: pd.DataFrame) -> tuple[str, ...]:
    """A sentence for each size where some operator of the frame has no counted figure of merit."""
    every = list(dict.fromkeys(frame["k8s_operator"]))
    figures = primaries(frame)
    if len(every) < 2:  # noqa: PLR2004 a comparison needs two
        return ()
    runs = counted(frame)
    has_merit = runs[[figure.name for figure in figures]].notna().any(axis=1)
    there = {s: set(cell["k8s_operator"]) for s, cell in runs[has_merit].groupby(list(SIZE))}
    sizes = frame.dropna(subset=["nodes", "ranks"])[list(SIZE)].drop_duplicates()
    what = in_a_sentence(figures[0].title) if figures else "figure of merit"
    sentences = []
    for nodes, ranks, problem in sizes.sort_values(list(SIZE)).itertuples(index=False):
        missing = [name for name in every if name not in there.get((nodes, ranks, problem), set())]
        if missing:
            names = ", ".join(map(operator_title, missing))
            sentences.append(f"{size(nodes, ranks, problem)}: no valid {what} of {names}.")
    return tuple(sentences)
