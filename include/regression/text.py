"""Findings for a terminal and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tabulate import tabulate

if TYPE_CHECKING:
    from include.regression.alerts import Alert
    from include.regression.confirmation import Comparison
    from include.regression.findings import ChangePoint, Findings
    from include.regression.series import NoData
    from include.regression.suspects import Suspect
    from include.regression.trend_models import Mark

    HasEffect = Suspect | ChangePoint | Comparison | Alert | Mark

MOST_GAPS = 5  # maximum gaps listed one by one


def to_json(findings: Findings) -> dict[str, Any]:
    """The findings as plain values; effects are relative to the level before, 0.05 is 5 %."""
    return {
        "tonight": findings.tonight.label,
        "suspects": [_suspect(suspect) for suspect in findings.suspects],
        "change_points": [_change(change) for change in findings.change_points],
        "no_data": [
            {"group": gap.group, "first": gap.first.label, "last": gap.last.label}
            for gap in findings.no_data
        ],
        "too_few_nights": list(findings.too_few),
    }


def _suspect(suspect: Suspect) -> dict[str, Any]:
    return {
        "night": suspect.night.label,
        "group": suspect.group,
        "relative_effect": suspect.relative_effect,
        "interval": [suspect.low, suspect.high],
        "rank_p": suspect.rank_p,
        "night_p": suspect.night_p,
        "reference": [suspect.reference[0].label, suspect.reference[-1].label],
    }


def _change(change: ChangePoint) -> dict[str, Any]:
    return {
        "night": change.night.label,
        "group": change.group,
        "relative_effect": change.relative_effect,
        "interval": [change.low, change.high],
        "kind": kind(change),
        "p_value": change.p_value,
        "last_night_before": change.last_before.label,
        "nights_before": change.nights_before,
        "nights_after": change.nights_after,
        "acknowledged": change.reason,
    }


def kind(change: ChangePoint) -> str:
    """`regression` or `improvement`."""
    return "regression" if change.is_regression else "improvement"


def percent(share: float) -> str:
    """`+5.1 %`."""
    return f"{100 * share:+.1f} %"


def effect(entry: HasEffect) -> str:
    """`+5.1 % (+4.2 to +6.0)`: an effect and its interval; for a rate, its change with its unit.

    A rate that fell by 5 % is `-5.0 % GB/s (-5.8 to -4.2)`.
    """
    share, low, high, unit = entry.relative_effect, entry.low, entry.high, ""
    if entry.rate_unit:
        share, low, high, unit = -share, -high, -low, f" {entry.rate_unit}"
    return f"{percent(share)}{unit} ({100 * low:+.1f} to {100 * high:+.1f})"


def sentences(findings: Findings) -> tuple[str, ...]:
    """Notes below the tables: nights without data, groups with too few nights."""
    notes = [gap_sentence(gap) for gap in findings.no_data[:MOST_GAPS]]
    if rest := findings.no_data[MOST_GAPS:]:
        notes.append(f"no data: {len(rest)} more gaps")
    notes += [f"{group}: too few nights to say anything" for group in findings.too_few]
    return tuple(notes)


def gap_sentence(gap: NoData) -> str:
    """`no data: group a, night 5`."""
    if gap.nights == 1:
        return f"no data: {gap.group}, night {gap.first.label}"
    return f"no data: {gap.group}, {gap.nights} nights from {gap.first.label} to {gap.last.label}"


def to_table(findings: Findings) -> str:
    """The findings as text for people."""
    rows = [
        (
            kind(c) if c.reason is None else f"{kind(c)}, known",
            str(c.night.label),
            c.group,
            effect(c),
            c.reason or f"{c.nights_after} nights since",
        )
        for c in findings.change_points
    ]
    rows += [
        ("suspect", str(s.night.label), s.group, effect(s), "one night; confirm it")
        for s in findings.suspects
    ]
    header = ("what", "night", "group", "effect (95 %)", "note")
    lines = tabulate([header, *rows], tablefmt="plain", disable_numparse=True).splitlines()
    if not rows:
        lines = [f"No suspect and no change of level up to night {findings.tonight.label}."]
    return "\n".join([*lines, *sentences(findings)]) + "\n"
