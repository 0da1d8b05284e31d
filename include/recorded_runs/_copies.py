"""Runs with identical logs: a copied file is not a repeat."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from include.errors import CheckFailed
from include.recorded_runs._readings import MEASURED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from include.recorded_runs import Experiment, Run


def without_copies(experiments: Sequence[Experiment]) -> tuple[Experiment, ...]:
    """The experiments with each log counted once: the run of a copy has an error.

    Logs are equal by their complete text, whatever its encoding and line ends; excluded runs
    never count anyway. Copies in other experiments, whose runs are never repeats of these, are
    only noted.
    """
    firsts: dict[str, str] = {}
    named = []
    for experiment in experiments:
        again = Counter(
            firsts[run.text_sha256] for run in experiment.runs if run.text_sha256 in firsts
        )
        firsts |= {
            run.text_sha256: experiment.root.name
            for run in experiment.runs
            if run.text_sha256 is not None and run.text_sha256 not in firsts
        }
        named.append(_named(experiment, again))
    return tuple(named)


def _named(experiment: Experiment, again: Counter[str]) -> Experiment:
    """The experiment with its own copies refused, and copies of other experiments' logs noted."""
    errors = _copies(experiment.runs)
    notes = [
        f"{count} of its logs are in {name} too, letter by letter" for name, count in again.items()
    ]
    if errors:
        names = ", ".join(run.name for run in experiment.runs if run.name in errors)
        notes.append(f"copies of another log of it, which counts once: {names}")
    return replace(
        experiment,
        runs=tuple(_refused(run, errors.get(run.name)) for run in experiment.runs),
        notes=(*experiment.notes, *notes),
    )


def _copies(runs: Iterable[Run]) -> dict[str, CheckFailed]:
    """The fault of each run whose log is a copy of an earlier run's."""
    firsts: dict[str, str] = {}
    errors: dict[str, CheckFailed] = {}
    for run in runs:
        if run.text_sha256 is None or run.is_discarded:
            continue
        if (first := firsts.setdefault(run.text_sha256, run.name)) != run.name:
            errors[run.name] = CheckFailed(
                f"its log is that of {first}, letter by letter (sha256 {run.text_sha256[:12]}): a "
                "copy is no repeat"
            )
    return errors


def _refused(run: Run, error: CheckFailed | None) -> Run:
    """The run with the error, and without the other run's measurements."""
    if error is None:
        return run
    kept = {name: value for name, value in run.fields.items() if name not in MEASURED}
    return replace(run, error=error, fields=kept)
