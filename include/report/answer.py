"""The answer of a report in a few sentences: what is faster, how sure that is, what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from include.analysis.intervals import LEAST_N, LEVEL
from include.analysis.labels import count, listed, operator_title, signed
from include.analysis.quantities import HOUSE, primaries
from include.analysis.verdicts import SIMULATED, are_interleaved
from include.models.figures import gain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.analysis.analysis import Analysis

OTHER_STUDIES = "recorded in different studies"  # Provenance names them
LOOK = " look"  # mark of a study whose repeats may end early
MOST_PAIRS = 6  # more are left to the table
PRECISION_PERCENT = 1.5  # half an interval, enough for most questions
MOST_REPEATS = 100  # larger numbers are given as "more than"
_SAME = "image, Kubernetes, machine, ranks, MPI and binding were the same, and no drift hides it"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Four sentences or groups of them, each readable alone."""

    effect: tuple[str, ...]  # sentence per pair: the faster one, by how much, at which sizes
    cause: str  # if the operator, or its variant, may be called the cause, or why not
    settle: str  # what would give a missing verdict
    is_verdict: bool  # True: every size has one
    question: str = "Is it the operator"  # what `cause` answers


def answer(analysis: Analysis) -> Answer:
    """The answer of an analysis, even when there is nothing to compare."""
    if not analysis.verdicts:
        return Answer(
            effect=(_nothing_to_compare(analysis),),
            cause="No comparison, so no cause.",
            settle="Valid runs of two operators at one size.",
            is_verdict=False,
        )
    rows = _rows(analysis)
    pairs = list(dict.fromkeys((row["operator"], row["baseline"]) for row in rows))
    effects = [
        _effect([row for row in rows if (row["operator"], row["baseline"]) == pair])
        for pair in pairs[:MOST_PAIRS]
    ]
    if len(pairs) > MOST_PAIRS:
        effects.append(f"{len(pairs) - MOST_PAIRS} more pairs are in the table Comparisons.")
    reasons = _reasons(analysis)
    return Answer(
        effect=_by_looks(analysis) or tuple(effects),
        cause=_cause(reasons, sizes=len(analysis.verdicts), has_effect=_has_effect(analysis, rows)),
        settle=_settle(analysis, rows, reasons),
        is_verdict=not reasons,
        question=_question(pairs),
    )


def _question(pairs: Sequence[tuple[str, str]]) -> str:
    """One operator in several variants, such as two images, differs by the variant alone."""
    is_one = all(a.partition(" ")[0] == b.partition(" ")[0] for a, b in pairs)
    return "Is it the variant" if is_one else Answer.question


def _by_looks(analysis: Analysis) -> tuple[str, ...]:
    """The effects in a study whose repeats may end early: its looks have their own intervals."""
    verdicts = analysis.verdicts
    if not any(LOOK in verdict.measured for verdict in verdicts):
        return ()
    return tuple(f"At {count(verdict.nodes, 'node')} {verdict.measured}." for verdict in verdicts)


def _nothing_to_compare(analysis: Analysis) -> str:
    names = list(dict.fromkeys(analysis.frame["k8s_operator"]))
    if not names:
        return "Nothing was measured."
    if len(names) == 1:
        return f"{operator_title(names[0])} ran alone: there is nothing to compare it with."
    return "No two operators have valid runs of one size, so nothing can be compared."


def _rows(analysis: Analysis) -> list[dict[Any, Any]]:
    """The comparison behind each verdict, in the same order, with its `Quantity`."""
    table = analysis.comparisons
    by_name = {each.name: each for each in (*primaries(analysis.frame), *HOUSE)}
    rows = []
    for verdict in analysis.verdicts:
        mine = table[
            (table["nodes"] == verdict.nodes)
            & (table["ranks"] == verdict.ranks)
            & (table["problem"] == verdict.problem)
            & (table["operator"] == verdict.operator)
            & (table["baseline"] == verdict.baseline)
        ]
        row = next(each for name in by_name for each in _of_quantity(mine, name))
        rows.append(row | {"quantity": by_name[row["quantity"]]})
    return rows


def _of_quantity(rows: pd.DataFrame, name: str) -> list[dict[Any, Any]]:
    return rows[rows["quantity"] == name].to_dict(orient="records")


def _effect(rows: Sequence[dict[Any, Any]]) -> str:
    """One pair over its sizes: better, worse, no difference detected, too few."""
    operator, baseline = (operator_title(rows[0][name]) for name in ("operator", "baseline"))
    kinds = {kind: [row for row in rows if _kind(row) == kind] for kind in _KINDS}
    clauses = [
        f"{operator} {_change(own, kind)} {baseline} {_at(own, rows)} ({_intervals(own)})"
        for kind in ("better", "worse")
        if (own := kinds[kind])
    ]
    if alike := kinds["alike"]:
        clauses.append(
            f"{operator} and {baseline} cannot be told apart {_at(alike, rows)} "
            f"({_intervals(alike)})"
        )
    if few := kinds["few"]:
        clauses.append(_of_few(few, operator, baseline, rows))
    return f"In these runs {'; '.join(clauses)}."


_KINDS = ("better", "worse", "alike", "few")


def _kind(row: dict[Any, Any]) -> str:
    if pd.isna(row["low_percent"]):
        return "few"
    if not row["is_significant"]:
        return "alike"
    return "better" if _is_better(row) else "worse"


def _is_better(row: dict[Any, Any]) -> bool:
    return gain(row["difference"], row["quantity"].better) > 0


def _change(rows: Sequence[dict[Any, Any]], kind: str) -> str:
    """`was 3.7 to 5.4 % faster than`, `had 14.0 % more GB/s than`."""
    quantity = rows[0]["quantity"]
    if quantity.is_time:
        return f"was {_range(rows)} {'faster' if kind == 'better' else 'slower'} than"
    is_more = rows[0]["difference"] > 0
    return f"had {_range(rows)} {'more' if is_more else 'less'} {quantity.unit} than"


def _of_few(
    rows: Sequence[dict[Any, Any]], operator: str, baseline: str, every: Sequence[dict[Any, Any]]
) -> str:
    parts = [
        f"{abs(row['difference_percent']):.1f} % {'better' if _is_better(row) else 'worse'} "
        f"{_at([row], every)}"
        for row in rows
    ]
    least = min(min(row["n_operator"], row["n_baseline"]) for row in rows)
    return (
        f"the median of {operator} was {listed(parts)}, against {baseline}: with {least} "
        f"repeat{'' if least == 1 else 's'} that may be chance"
    )


def _range(rows: Sequence[dict[Any, Any]]) -> str:
    sizes = sorted(abs(row["difference_percent"]) for row in rows)
    if f"{sizes[0]:.1f}" == f"{sizes[-1]:.1f}":
        return f"{sizes[0]:.1f} %"
    return f"{sizes[0]:.1f} to {sizes[-1]:.1f} %"


def _intervals(rows: Sequence[dict[Any, Any]]) -> str:
    """The range of all their intervals, with signs where one includes 0."""
    lows, highs = ([row[name] for row in rows] for name in ("low_percent", "high_percent"))
    level = f"{100 * LEVEL:.0f} % interval{'s' if len(rows) > 1 else ''}"
    ends = (
        [min(lows), max(highs)]
        if min(lows) <= 0 <= max(highs)
        else sorted(
            (
                min(abs(end) for end in (*lows, *highs)),
                max(abs(end) for end in (*lows, *highs)),
            )
        )
    )
    sign = "+" if min(lows) <= 0 <= max(highs) else ""
    return f"{level} {'within ' if len(rows) > 1 else ''}{_ends(ends, sign)} %"


def _ends(ends: Sequence[float], sign: str) -> str:
    first, last = (signed(end) if sign else f"{end:.1f}" for end in ends)
    return f"{first} to {last}"


def _at(rows: Sequence[dict[Any, Any]], every: Sequence[dict[Any, Any]]) -> str:
    nodes = [
        f"{row['nodes']:,}" + (f" ({row['problem']})" if row["problem"] else "") for row in rows
    ]
    noun = "node" if nodes == ["1"] else "nodes"
    all_of = "all sizes, " if len(rows) == len(every) and len(rows) > 1 else ""
    return f"at {all_of}{listed(nodes)} {noun}"


def _reasons(analysis: Analysis) -> dict[str, list[int]]:
    """Each reason against a verdict in words, with its node counts."""
    nodes: dict[str, list[int]] = {}
    for verdict in analysis.verdicts:
        for reason in verdict.reasons:
            text = reason.partition(" (")[0] if reason.startswith(OTHER_STUDIES) else reason
            nodes.setdefault(text, []).append(verdict.nodes)
    return nodes


def _has_effect(analysis: Analysis, rows: Sequence[dict[Any, Any]]) -> bool:
    """True if some pair differs, by its repeats or by the last look."""
    is_won = any(verdict.winner is not None for verdict in analysis.verdicts)
    return is_won or any(row["is_significant"] for row in rows)


def _cause(reasons: dict[str, list[int]], *, sizes: int, has_effect: bool) -> str:
    if not reasons and not has_effect:
        return f"No difference is shown, so there is none to explain: {_SAME}."
    if not reasons:
        return f"Yes: {_SAME}."
    if SIMULATED in reasons:
        return "Nothing was measured: the runs are simulated."
    texts = [
        reason if len(nodes) == sizes else f"{reason}, at {listed([f'{n:,}' for n in nodes])} nodes"
        for reason, nodes in sorted(reasons.items(), key=lambda each: -len(each[1]))
    ]
    return f"Not shown: {'; '.join(texts)}."


def _settle(
    analysis: Analysis, rows: Sequence[dict[Any, Any]], reasons: dict[str, list[int]]
) -> str:
    text = " ".join(reasons)
    if SIMULATED in reasons:
        return "The same study on a cluster with real nodes."
    needs: list[str] = []
    if "image" in text:
        needs.append("one image by digest")
    set_up = [reason.split()[0] for reason in reasons if " differs" in reason]
    if set_up := [name for name in dict.fromkeys(set_up) if name != "image"]:
        needs.append(f"the same {listed(set_up)} for all operators")
    runs = analysis.frame
    is_spread = are_interleaved(runs, [rows[0]["operator"], rows[0]["baseline"]])
    if not is_spread:
        needs.append("operators interleaved on one cluster")
    repeats = _repeats(rows)
    if not reasons and not repeats:
        return "Nothing: there is a verdict at every size."
    if not (needs or repeats):
        needs = ["the same set-up, recorded, for all operators"]
    needs.append(repeats or f"{count(_least_repeats(rows), 'repeat')} as here are enough")
    text = ", ".join(needs)
    return f"{text[0].upper()}{text[1:]}."


def _repeats(rows: Sequence[dict[Any, Any]]) -> str | None:
    """Sufficient repeats; None where all sizes are told apart."""
    if any(pd.isna(row["low_percent"]) for row in rows):
        return f"at least {LEAST_N} repeats, better 20"
    open_rows = [row for row in rows if not row["is_significant"]]
    if not open_rows:
        return None
    wanted = max(_needed(row) for row in open_rows)
    number = f"more than {MOST_REPEATS}" if wanted > MOST_REPEATS else f"about {wanted}"
    return f"{number} repeats, for an interval of ±{PRECISION_PERCENT} %"


def _least_repeats(rows: Sequence[dict[Any, Any]]) -> int:
    return min(int(min(row["n_operator"], row["n_baseline"])) for row in rows)


def _needed(row: dict[Any, Any]) -> int:
    """Repeats after which half the interval is `PRECISION_PERCENT`: it scales with 1/√n."""
    n = int(min(row["n_operator"], row["n_baseline"]))
    half = float(row["high_percent"] - row["low_percent"]) / 2
    return max(n + 1, round(n * (half / PRECISION_PERCENT) ** 2))
