"""The first paragraph of a report: the comparison, its setting, and its conclusion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.analysis.labels import count, listed, operator_title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.analysis.analysis import Analysis
    from include.models import ClusterHandle, Study
    from include.report.tally import Tally

NO_CLUSTER = "The cluster was not provisioned, so nothing was run."


def headline(
    study: Study,
    *,
    operators: Sequence[str],
    tally: Tally,
    cluster: ClusterHandle | None,
    analysis: Analysis,
) -> str:
    """Plain sentences; without a pair to judge, they say so and why.

    `operators` are the study's arms by their names in the tables.
    """
    opening = (
        f"{_operators(operators)} {_did(tally)} {study.application} on "
        f"{_where(study, cluster)}: "
        f"{tally.valid_repeats:,} valid of {count(tally.planned_repeats, 'planned repeat')}"
        f"{_warmups(tally)}{_not_needed(tally)}."
    )
    sentences = [opening, *trouble(tally)]
    if cluster is None and not tally.recorded:
        sentences.append(NO_CLUSTER)
    return " ".join([*sentences, *no_verdict(analysis)])


def recorded_headline(analysis: Analysis, *, tally: Tally) -> str:
    """The same for runs recorded by other tools."""
    operators = list(dict.fromkeys(analysis.frame["k8s_operator"]))
    if not operators:
        return "No run could be read."
    opening = (
        f"{_operators(operators)}: {count(tally.recorded, 'recorded run')}, of which "
        f"{tally.valid_repeats:,} valid ones count and {count(tally.planned_warmups, 'warm-up')} "
        f"{'does' if tally.planned_warmups == 1 else 'do'} not."
    )
    return " ".join([opening, *trouble(tally), *no_verdict(analysis)])


def no_verdict(analysis: Analysis) -> list[str]:
    """Reason why there is no pair of operators to judge; empty when there is one."""
    if analysis.frame["k8s_operator"].nunique() == 1:
        return ["No verdict: one operator alone cannot be compared."]
    if not analysis.verdicts:
        return ["No verdict: no two operators have valid runs of one size."]
    return []


def _operators(operators: Sequence[str]) -> str:
    titles = [operator_title(operator) for operator in operators]
    return f"{titles[0]} alone" if len(titles) == 1 else listed(titles)


def _did(tally: Tally) -> str:
    return "ran" if tally.recorded else "should have run"


def _where(study: Study, cluster: ClusterHandle | None) -> str:
    nodes = listed([f"{value:,}" for value in sorted(set(study.nodes))])
    ranks = count(study.ranks_per_node, "rank")
    kind = f" of type {cluster.instance_type}" if cluster and cluster.instance_type else ""
    noun = "node" if nodes == "1" else "nodes"
    return f"the cluster “{study.cluster}” with {nodes} {noun}{kind}, {ranks} per node"


def _warmups(tally: Tally) -> str:
    if not tally.planned_warmups:
        return ""
    return f" ({count(tally.planned_warmups, 'warm-up')} planned besides, not counted)"


def _not_needed(tally: Tally) -> str:
    parts = [
        f"; {number:,} were {why}"
        for number, why in (
            (tally.not_needed, "not needed, as the answer was known without them"),
            (tally.too_large, "left out, as the cluster became smaller than they are"),
        )
        if number
    ]
    return "".join(parts)


def trouble(tally: Tally) -> list[str]:
    """A sentence about what went wrong, or none."""
    parts = [
        f"{number:,} {word}"
        for number, word in (
            (tally.failed, "failed"),
            (tally.invalid, "ended with a result that cannot be trusted"),
            (tally.lost, "lost without a record"),
        )
        if number
    ]
    return [f"Of all points, {', '.join(parts)}."] if parts else []
