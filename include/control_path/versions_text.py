"""Two builds compared step by step, and a comment that says which steps became worse."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scipy.stats import mannwhitneyu

from include.analysis.bootstrap import QUICK_RESAMPLES, median_difference
from include.analysis.comparison import ALPHA, holm
from include.analysis.intervals import LEAST_N
from include.control_path.cells import STEP_TITLES, valid_runs
from include.models import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from include.control_path.rows import Run

QUANTITIES = {
    **{name: (title, "s") for name, title in STEP_TITLES.items()},
    "all_run": ("created → all run", "s"),
    "requests_operator": ("requests of the operator", ""),
    "cpu_operator_s": ("CPU of the operator", "s"),
}
PERCENT = 100.0
BASE, HEAD = "base", "head"  # names of the arms
_METHOD = """\
Zero-length jobs on simulated nodes, real controllers, mixed order. Medians; in brackets the 95 % \
bootstrap interval of the difference. Marked: p below 5 % after Holm, an interval without 0, and \
{least} % or more; ~: no difference detected."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One quantity at one size: medians of both builds and their difference, in percent."""

    nodes: int
    quantity: str
    n: tuple[int, int]
    base: float
    head: float
    percent: float
    low: float
    high: float
    p: float  # Holm-corrected over all rows


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """All rows, the jobs that HEAD lost, and the smallest difference that counts."""

    rows: tuple[Row, ...]
    failures: tuple[str, ...]  # jobs of HEAD that did not finish
    versions: tuple[str, ...]
    least_percent: float

    @property
    def worse(self) -> tuple[Row, ...]:
        """Rows that became worse: for every quantity, less is better."""
        return tuple(row for row in self.rows if row.percent > 0 and self.counts(row))

    @property
    def is_worse(self) -> bool:
        """True if a quantity became worse or a job of HEAD was lost."""
        return bool(self.worse or self.failures)

    def counts(self, row: Row) -> bool:
        """True for a difference that is large enough and that chance does not explain."""
        excludes_0 = row.low > 0 or row.high < 0
        return row.p < ALPHA and excludes_0 and abs(row.percent) >= self.least_percent


def compare(runs: Sequence[Run], *, least_percent: float) -> Outcome:
    """Each quantity at each size; none where a build has fewer than `LEAST_N` valid jobs."""
    frame = valid_runs(runs)
    cells = [] if frame.empty else _cells(frame)
    corrected = holm([p for _, p in cells])
    return Outcome(
        rows=tuple(Row(**values, p=p) for (values, _), p in zip(cells, corrected, strict=True)),
        failures=tuple(
            f"{run.nodes} nodes, repeat {run.repeat}: {run.error or f'{run.pods_lost} pods lost'}"
            for run in runs
            if run.arm == HEAD and run.status is not Status.VALID
        ),
        versions=tuple(dict.fromkeys(f"{run.arm}: {run.operator_version}" for run in runs)),
        least_percent=least_percent,
    )


def _cells(frame: pd.DataFrame) -> list[tuple[dict[str, Any], float]]:
    """Values of a `Row`, each with its uncorrected p."""
    cells: list[tuple[dict[str, Any], float]] = []
    for nodes, group in frame.groupby("nodes"):
        for quantity in QUANTITIES:
            base, head = (
                group[group["arm"] == arm][quantity].dropna().astype("float64").tolist()
                for arm in (BASE, HEAD)
            )
            if min(len(base), len(head)) < LEAST_N or not any(base):
                continue
            gap = median_difference(head, baseline=base, seed=1, resamples=QUICK_RESAMPLES)
            values = {
                "nodes": int(str(nodes)),
                "quantity": quantity,
                "n": (len(base), len(head)),
                "base": statistics.median(base),
                "head": statistics.median(head),
                "percent": PERCENT * gap.relative,
                "low": PERCENT * gap.relative_low,
                "high": PERCENT * gap.relative_high,
            }
            cells.append((values, float(mannwhitneyu(head, base).pvalue)))
    return cells


def markdown(outcome: Outcome, *, operator: str) -> str:
    """A comment for a pull request; a script finds and replaces it by its first line."""
    mark = ":x:" if outcome.is_worse else ":white_check_mark:"
    lines = [
        f"<!-- control path of {operator}: head against base -->",
        f"### {mark} {_sentence(outcome)}",
        "",
        *(f"- `{version}`" for version in outcome.versions),
        *(f"- lost: {text}" for text in outcome.failures),
        "",
        "| | nodes | step | base | head | difference | p |",
        "|---|---:|---|---:|---:|---:|---:|",
        *(_line(outcome, row) for row in outcome.rows),
        "",
        _METHOD.format(least=f"{outcome.least_percent:g}"),
    ]
    return "\n".join(lines) + "\n"


def _sentence(outcome: Outcome) -> str:
    if outcome.failures:
        return f"HEAD loses {len(outcome.failures)} jobs"
    if not outcome.rows:
        return f"undecided: fewer than {LEAST_N} jobs of a size"
    if not outcome.worse:
        return "HEAD is nowhere worse"
    most = max(outcome.worse, key=lambda row: row.percent)
    title, _ = QUANTITIES[most.quantity]
    return (
        f"HEAD is worse in {len(outcome.worse)} of {len(outcome.rows)} rows, most in “{title}” "
        f"at {most.nodes} nodes: {most.percent:+.0f} %"
    )


def _line(outcome: Outcome, row: Row) -> str:
    title, unit = QUANTITIES[row.quantity]
    mark = "~"
    if outcome.counts(row):
        mark = ":x:" if row.percent > 0 else ":rocket:"
    values = (f"{value:.2f} {unit}".strip() for value in (row.base, row.head))
    difference = f"{row.percent:+.1f} % [{row.low:+.1f}, {row.high:+.1f}]"
    cells = (mark, f"{row.nodes:,}", title, *values, difference, f"{row.p:.2g}")
    return f"| {' | '.join(cells)} |"
