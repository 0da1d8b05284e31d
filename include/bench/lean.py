"""Savings of a rehearsed study: time with a launcher at work, nodes given back, looks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from include import clusters
from include.analysis.adaptive import last_looks
from include.cost.account import ledger_of
from include.cost.cells import counts
from include.cost.estimate import usd_text
from include.results import NODES
from include.tariff import PaidNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from include.bench.table import Row
    from include.cost.ledger import Ledger
    from include.models import Plan, Record
    from include.results import Results

AIM = 0.40  # share of paid node-seconds with a launcher at work
START_S = 3.0  # longest start of a simulated container, which is also shortened
REAL = "eks"  # cluster with its own steps, which a rehearsal lacks


def rows(results: Results, records: tuple[Record, ...]) -> Iterator[Row]:
    """The ledger and the looks of a finished study; nothing without a ledger."""
    ledger, plan = ledger_of(results), results.plan()
    if ledger is None:
        return
    scale = max((record.time_scale for record in records), default=1.0)
    yield (
        "time_scale: jobs are played in so much of run 6's time, all else as it is",
        f"{scale:g}",
        "",
    )
    launching = f"{ledger.launching_share:.1%}"
    yield "paid node-seconds with a launcher at work (run 6: 13.3 %)", launching, ""
    launching_s, paid_s = _at_full_length(ledger, records, json.loads(results.read_bytes(NODES)))
    full = f"{launching_s / paid_s:.1%}"
    yield "the same with jobs as long as in run 6, all else as it took here", full, f"≥ {AIM:.0%}"
    with_eks = f"{launching_s / (paid_s + _steps_of_eks_s(plan)):.1%}"
    yield "the same, and with the steps of EKS that a rehearsal lacks", with_eks, ""
    yield (
        "paid node-seconds with the application at work (10.1 %)",
        f"{ledger.useful_share:.1%}",
        "",
    )
    yield "node-hours paid", f"{ledger.paid_node_s / 3600:.2f}{_usd(ledger)}", ""
    yield "points not needed", f"{ledger.not_needed} of {len(plan.points)}", ""
    for step in ledger.given_back:
        kept = f"{step.nodes_ended} nodes in {step.duration_s:.1f} s"
        yield f"given back, down to {step.workers_kept} workers", kept, ""
    for pair in last_looks(plan, records):
        decision = pair.look.decision.value if pair.look.decision else "undecided"
        text = f"look {pair.look.look} of {pair.looks}, n = {pair.look.repeats}: {decision}"
        yield f"{pair.nodes} nodes, {pair.operator} against {pair.baseline}", text, ""


def _usd(ledger: Ledger) -> str:
    return "" if ledger.usd is None else f" ({usd_text(ledger.usd)})"


def _at_full_length(
    ledger: Ledger, records: Iterable[Record], noted: Iterable[Mapping[str, Any]]
) -> tuple[float, float]:
    """Node-seconds with a launcher at work, and paid ones, if nothing of a job were shortened.

    What the pipeline, the control plane and the controllers took stays as it was; of each job the
    part that was not played is added, for all nodes that were paid for then.
    """
    nodes = [PaidNode.model_validate(node) for node in noted]
    launching_s, more_s = 0.0, 0.0
    for record in records:
        if record.launcher_time_s is None or record.created_at is None or record.nodes is None:
            continue
        at = record.created_at
        paid = sum(each.since <= at and (each.until is None or each.until > at) for each in nodes)
        drawn_s = max(record.launcher_time_s, record.broker_time_s or 0.0) + START_S
        more_s += paid * (1 - record.time_scale) * drawn_s
        launching_s += record.nodes * record.launcher_time_s * counts(record)
    return launching_s, ledger.paid_node_s + more_s


def _steps_of_eks_s(plan: Plan) -> float:
    """Node-seconds in which machines start, pull and end, by the pace of EKS."""
    cluster = clusters.load(plan.study.cluster)
    pace = clusters.load(REAL).pace(cluster.reserve(plan.study, study_id="x"))
    most, beside = max(plan.study.nodes), 1
    sizes = (size + plan.study.spare_nodes + beside for size in plan.study.nodes)
    ending_s = pace.end_s * sum(min(size, most + beside) for size in sizes)
    coming_s = (pace.join_s + pace.pull_s) * (most + beside)
    return ending_s + coming_s + (pace.create_s + pace.delete_s) * beside
