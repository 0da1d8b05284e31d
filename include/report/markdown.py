"""The report's beginning as Markdown, for a pull request or a chat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from include.analysis.labels import amount, operator_title
from include.analysis.summary import column, known_quantities
from include.report.drawing import SIMULATED_MARK
from include.report.verdict_text import verdict_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.analysis.quantities import Quantity
    from include.report.content import Content

_SPECIAL = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]<>|"})


def render_markdown(content: Content) -> str:
    """Headline, verdicts, table of medians with their intervals, and failures."""
    parts = [f"# {_escaped(content.title)}"]
    if content.tally.simulated:
        parts.append(f"**{SIMULATED_MARK}.**")
    parts += [
        _answer(content),
        _escaped(content.headline),
        _verdicts(content),
        _table(content),
        _troubles(content),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _answer(content: Content) -> str:
    shown = content.answer
    lines = [f"**{_escaped(sentence)}**" for sentence in shown.effect]
    lines.append(f"{shown.question}? {_escaped(shown.cause)}")
    if content.costs:
        lines.append(f"Cost: {_escaped(content.costs.sentence())}")
    lines.append(f"What would settle it: {_escaped(shown.settle)}")
    return "\n\n".join(lines)


def _verdicts(content: Content) -> str:
    verdicts = verdict_lines(content.analysis)
    lines = []
    if verdicts.shared:
        lines += [f"No verdict at any size: {_escaped('; '.join(verdicts.shared))}.", ""]
    for line in verdicts.lines:
        text = _escaped(line.text)
        reasons = f" Reason: {_escaped('; '.join(line.reasons))}." if line.reasons else ""
        lines.append(f"- {line.size}: {f'**{text}**' if line.is_winner else text}{reasons}")
    lines += [f"- {_escaped(sentence)}" for sentence in verdicts.uncompared]
    return "\n".join(lines)


def _table(content: Content) -> str:
    summary = content.analysis.summary
    if summary.empty:
        return ""
    shown = known_quantities(content.analysis.frame, summary)
    problem = ["Problem"] if summary["problem"].ne("").any() else []
    header = ["Operator", "Nodes", "Ranks", *problem, "n", *(each.axis for each in shown)]
    rows = [
        _row(row, shown, has_problems=bool(problem)) for row in summary.to_dict(orient="records")
    ]
    rule = ["---", *["---:"] * (len(header) - 1)]
    lines = [f"| {' | '.join(cells)} |" for cells in (header, rule, *rows)]
    return "Medians over valid repeats, in brackets their 95 % intervals.\n\n" + "\n".join(lines)


def _row(row: dict[Any, Any], quantities: Sequence[Quantity], *, has_problems: bool) -> list[str]:
    sizes = ["unknown" if pd.isna(row[name]) else f"{row[name]:,}" for name in ("nodes", "ranks")]
    name = _escaped(operator_title(row["k8s_operator"]))
    problem = [_escaped(row["problem"])] if has_problems else []
    return [
        name,
        *sizes,
        *problem,
        str(row["n"]),
        *(_median(row, quantity) for quantity in quantities),
    ]


def _median(row: dict[Any, Any], quantity: Quantity) -> str:
    ends = [row[column(quantity.name, each)] for each in ("low", "high")]
    low, high = (amount(end, quantity.unit, quantity.step_s) for end in ends)
    interval = "" if pd.isna(ends[0]) else f" ({low} to {high})"
    return amount(row[column(quantity.name, "median")], quantity.unit, quantity.step_s) + interval


def _troubles(content: Content) -> str:
    return "\n".join(
        f"- {_escaped(t.what)} is {t.outcome}: {_escaped(' '.join(t.reason.split()))}"
        for t in content.tally.troubles
    )


def _escaped(text: str) -> str:
    return text.translate(_SPECIAL)
