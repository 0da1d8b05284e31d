"""The ledger of a study's cost in words and a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.analysis.labels import count
from include.cost.estimate import usd_text
from include.cost.ledger import Ledger
from include.results import COST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from include.results import Results


@dataclass(frozen=True, kw_only=True)
class CostSection:
    """The report's section on cost."""

    sentence: str
    rows: tuple[tuple[str, str, str, str], ...]  # use, node-hours, percent, dollars
    notes: tuple[str, ...]
    usd: float | None = None
    node_s: float | None = None


def read_cost(results: Results) -> CostSection | None:
    """The section of a study's folder, None without a ledger."""
    stored = results.find_bytes(COST)
    return None if stored is None else cost_section(Ledger.model_validate_json(stored))


def node_price(results: Results) -> float | None:
    """Dollars per hour and node, from the study's ledger; None when unknown."""
    stored = results.find_bytes(COST)
    if stored is None:
        return None
    tariff = Ledger.model_validate_json(stored).tariff
    return None if tariff is None else tariff.node_usd_per_hour


def cost_section(ledger: Ledger) -> CostSection:
    """One sentence, a row per use and the total."""
    rows = [
        (entry.use.value, _hours(entry.node_s), f"{100 * entry.share:.1f}", _usd(entry.usd))
        for entry in ledger.entries
        if entry.node_s > 0
    ]
    if ledger.other_usd:
        rows.append(("control plane and network", "", "", _usd(ledger.other_usd)))
    rows.append(("total", _hours(ledger.paid_node_s), "100.0", _usd(ledger.usd)))
    price = ledger.tariff.source if ledger.tariff else "none is known"
    return CostSection(
        sentence=_sentence(ledger),
        rows=tuple(rows),
        notes=(
            _launching(ledger),
            *_saved(ledger),
            f"Price: {price}.",
            *(f"{note[0].upper()}{note[1:]}." for note in ledger.notes),
        ),
        usd=ledger.usd,
        node_s=ledger.paid_node_s,
    )


def _sentence(ledger: Ledger) -> str:
    useful = f"{100 * ledger.useful_share:.1f} % of {_hours(ledger.paid_node_s)} paid node-hours"
    sentence = f"Useful: {useful} were spent solving in valid repeats."
    if ledger.usd_per_valid_sample is not None:
        each = usd_text(ledger.usd_per_valid_sample)
        return f"{sentence} A valid sample cost {each}, the study {_usd(ledger.usd)}."
    return sentence


def _launching(ledger: Ledger) -> str:
    return (
        f"In valid repeats a launcher was at work for {100 * ledger.launching_share:.1f} % of the "
        f"paid time, the application for {100 * ledger.useful_share:.1f} %."
    )


def _saved(ledger: Ledger) -> Iterator[str]:
    """Savings: points that were not needed, and nodes that were given back."""
    if ledger.not_needed:
        yield f"Not needed, and not paid for: {count(ledger.not_needed, 'planned point')}."
    for step in ledger.given_back:
        yield (
            f"Given back at {step.at:%H:%M:%S} UTC, in {step.duration_s:.1f} s: "
            f"{count(step.nodes_ended, 'node')}; {count(step.workers_kept, 'worker')} kept."
        )


def _hours(node_s: float) -> str:
    hours = node_s / 3600
    return f"{hours:.1f}" if hours >= 1 else f"{hours:.4f}"


def _usd(usd: float | None) -> str:
    return "" if usd is None else usd_text(usd)
