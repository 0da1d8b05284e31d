"""The outcome of a night in sentences, as Markdown, as JUnit XML and as a history table."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from include.regression.text import effect, gap_sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.regression.alerts import Alert
    from include.regression.confirmation_outcome import Outcome
    from include.regression.findings import ChangePoint, Findings
    from include.regression.nightly import Published
    from include.regression.suspects import Suspect
    from include.results import Results

MARKDOWN = "regression/summary.md"
JUNIT = "regression/junit.xml"


def alert_sentence(alert: Alert) -> str:
    """The evidence of an alert in one line."""
    since = f"since night {alert.night}, by {alert.source.value} (p = {alert.p_value:.2g})"
    differs = f"; {'; '.join(alert.differs)}" if alert.differs else "; no version differs"
    return f"{alert.kind.value}: {alert.group}: {effect(alert)} {since}{differs}"


def suspect_sentence(suspect: Suspect) -> str:
    """A suspect in one line."""
    first, last = suspect.reference[0].label, suspect.reference[-1].label
    return (
        f"{suspect.group}: night {suspect.night.label} is {effect(suspect)} "
        f"against nights {first} to {last}"
    )


def outcome_sentence(outcome: Outcome) -> str:
    """A suspect and the outcome of its confirmation, in one line."""
    return f"suspect {suspect_sentence(outcome.suspect)}; {_confirmed(outcome)}"


def _confirmed(outcome: Outcome) -> str:
    if not outcome.blocks_planned:
        return "not confirmed again: somebody was told, or nothing could be run"
    comparison = outcome.against_last_good
    if comparison is not None:
        word = "confirmed" if comparison.is_slower else "not confirmed"
        return (
            f"{word}: {effect(comparison)} against the last good one in {comparison.blocks} blocks"
        )
    if outcome.repeated:
        return (
            f"image unchanged, so nothing to exchange: {len(outcome.repeated)} repeats more were "
            "run; a change point will tell"
        )
    return "no block of the confirmation has a valid run of both arms"


def write(results: Results, published: Published, *, findings: Findings | None) -> None:
    """`regression/summary.md` and `regression/junit.xml` of the study."""
    results.write_text(MARKDOWN, markdown(published, findings))
    results.write_bytes(JUNIT, junit(published, findings))


def markdown(published: Published, findings: Findings | None) -> str:
    """The night for a pull request or a job's summary."""
    word = _headline(published, findings)
    lines = [f"## {published.series}, night {published.night}: {word}", ""]
    lines += [f"- **{alert_sentence(alert)}**" for alert in published.news]
    lines += [f"- {sentence}" for sentence in published.suspects]
    lines += [f"- no data tonight: {group}" for group in published.no_data]
    changes = findings.change_points if findings else ()
    if changes:
        lines += ["", "| level since | group | effect (95 %) | |", "|---|---|---|---|"]
        lines += [
            f"| {change.night.label} | {change.group} | {effect(change)} | {change.reason or ''} |"
            for change in changes
        ]
    gaps = findings.no_data if findings else ()
    lines += ["", *(f"- {gap_sentence(gap)}" for gap in gaps)] if gaps else []
    return "\n".join(lines).rstrip() + "\n"


def _headline(published: Published, findings: Findings | None) -> str:
    if published.has_regression:
        return "regression confirmed"
    missing, groups = len(published.no_data), len(_groups(published, findings))
    if missing == groups:
        return "no data"
    return "no new regression" + (f"; no data: {missing} of {groups} groups" if missing else "")


def junit(published: Published, findings: Findings | None) -> bytes:
    """A test case per group: failed for a regression that is not acknowledged, skipped: no data."""
    changes = findings.change_points if findings else ()
    open_ones = {change.group: change for change in _open(changes)}
    regressions = {
        alert.group: alert for alert in published.news if alert.kind.value == "regression"
    }
    groups = _groups(published, findings)
    suite = ET.Element("testsuite", name=published.series, tests=str(len(groups)))
    failures = 0
    for group in groups:
        case = ET.SubElement(suite, "testcase", classname=published.series, name=group)
        if group in regressions or group in open_ones:
            failures += 1
            system_out = (
                alert_sentence(regressions[group])
                if group in regressions
                else f"{effect(open_ones[group])} since night {open_ones[group].night.label}"
            )
            ET.SubElement(case, "failure", type="RegressionConfirmed", message=system_out)
        elif group in published.no_data:
            ET.SubElement(case, "skipped", message="no data tonight")
    suite.set("failures", str(failures))
    suite.set("skipped", str(len(set(published.no_data) - set(regressions) - set(open_ones))))
    text: bytes = ET.tostring(suite, encoding="utf-8", xml_declaration=True)
    return text


def _open(changes: Iterable[ChangePoint]) -> Iterable[ChangePoint]:
    """The last level of each group, if it is a regression that nobody has acknowledged."""
    last = {change.group: change for change in changes}
    return [change for change in last.values() if change.is_alarming]


def _groups(published: Published, findings: Findings | None) -> list[str]:
    known = set(published.no_data) | {alert.group for alert in published.news}
    return sorted(known | set(findings.groups if findings else ()))
