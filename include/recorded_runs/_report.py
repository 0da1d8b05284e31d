"""The report of imported runs: the same tables and figures as a study's, and the original ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from include.analysis import table
from include.analysis.analysis import analyse
from include.analysis.cells import CELL, operator_order
from include.models import Status
from include.recorded_runs._folders import foreign_note, strangers_note
from include.recorded_runs._records import OriginalTimes, counting_notes
from include.report.answer import answer
from include.report.content import Content, Section
from include.report.cost_by_operator import cost_by_operator
from include.report.figures import draw_all
from include.report.headline import recorded_headline
from include.report.originals import COLUMNS, draw_originals, original_quantities
from include.report.run_list import list_runs
from include.report.tally import Tally, Trouble
from include.report.when import when

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.models import Record
    from include.recorded_runs import Experiment
    from include.recorded_runs._folders import Found
    from include.recorded_runs._records import Imported
    from include.report.drawing import Drawing

_STRANGERS_SHOWN = 20


def content_of(
    imported: Sequence[Imported],
    experiments: Sequence[Experiment],
    *,
    names: Sequence[str],
    contents: Found,
    title: str,
    node_usd_per_hour: float | None = None,
    has_originals: bool = False,
) -> Content:
    """All that the report shows; `contents` says what was not read, and `names` the experiments.

    With `has_originals` the figures in the definitions of 2023 are among them.
    """
    records = table.to_frame(run.record for run in imported)
    analysis = analyse(records)
    counts = tally_of([run.record for run in imported])
    return Content(
        title=title,
        identity=", ".join(names),
        headline=recorded_headline(analysis, tally=counts),
        noun="recorded run",
        records=records,
        analysis=analysis,
        drawings=draw_all(analysis),
        originals=_originals(imported, analysis.frame) if has_originals else (),
        tally=counts,
        sections=_sections(experiments, names=names, contents=contents),
        kind="import",
        answer=answer(analysis),
        when=when(records),
        costs=cost_by_operator(analysis, node_usd_per_hour=node_usd_per_hour),
        runs=list_runs(analysis.frame),
        notes=(
            *all_problems(experiments, names=names, contents=contents),
            *foreign_notes(contents),
            *_problem_notes(analysis.frame),
            *_size_notes([run.record for run in imported]),
            *(
                f"{name}: {note}"
                for name, experiment in zip(names, experiments, strict=True)
                for note in (
                    *experiment.notes,
                    *counting_notes(experiment, imported, study_id=name),
                )
            ),
        ),
    )


def all_problems(
    experiments: Sequence[Experiment], *, names: Sequence[str], contents: Found
) -> tuple[str, ...]:
    """Failures to read, other than of runs, each with the name of its place."""
    own = (
        f"{name}: {problem}"
        for name, experiment in zip(names, experiments, strict=True)
        for problem in experiment.problems
    )
    return (*contents.problems, *own)


def original_table(imported: Sequence[Imported], frame: pd.DataFrame) -> pd.DataFrame:
    """Every run with what only its tool measured, and the original quantities, seconds."""
    times = pd.DataFrame(
        [run.original.model_dump() for run in imported], columns=list(OriginalTimes.model_fields)
    ).astype({"cluster_run_s": "float64", "runner_end_to_end_s": "float64"})
    quantities = original_quantities(frame.merge(times, on=["study_id", "point_id"]))
    keys = ["study_id", "point_id", *CELL, "status", "is_discarded"]
    return quantities[[*keys, "simulated", "cluster_run_s", "runner_end_to_end_s", *COLUMNS]]


def original_medians(original: pd.DataFrame) -> pd.DataFrame:
    """Medians of the original quantities by operator and size, warm-ups as the originals did."""
    groups = published(original).groupby(list(CELL), sort=True)
    medians = groups[list(COLUMNS)].median()
    medians.insert(0, "n", groups.size())
    return medians.reset_index()


def published(original: pd.DataFrame) -> pd.DataFrame:
    """The runs that the published figures count: valid, of a size, not in a folder with `_`."""
    has_size = original["nodes"].notna() & original["ranks"].notna()
    kept = original[(original["status"] == Status.VALID) & ~original["is_discarded"] & has_size]
    return kept.astype({"nodes": "int64", "ranks": "int64"})


def tally_of(records: Sequence[Record]) -> Tally:
    """The counts of recorded runs; each is its own plan."""
    valid = [record for record in records if record.status is Status.VALID]
    warmups = sum(record.is_warmup for record in records)
    return Tally(
        planned=len(records),
        planned_repeats=len(records) - warmups,
        planned_warmups=warmups,
        recorded=len(records),
        valid=len(valid),
        valid_repeats=sum(not record.is_warmup for record in valid),
        failed=sum(record.status is Status.FAILED for record in records),
        invalid=sum(record.status is Status.INVALID for record in records),
        lost=0,
        not_needed=0,
        simulated=any(record.simulated for record in records),
        troubles=tuple(_trouble(record) for record in records if record not in valid),
        strays=(),
    )


def _trouble(record: Record) -> Trouble:
    nodes = "unknown" if record.nodes is None else record.nodes
    kind = "warm-up" if record.is_warmup else "repeat"
    return Trouble(
        point_id=record.point_id,
        what=f"{record.k8s_operator}, nodes: {nodes}, {kind} {record.repeat}",
        outcome=str(record.status),
        reason=record.error or "no reason was recorded",
        files=(f"{record.study_id}/{record.point_id}",),
    )


def _originals(imported: Sequence[Imported], frame: pd.DataFrame) -> tuple[Drawing, ...]:
    runs = published(original_table(imported, frame))
    return draw_originals(runs, order=operator_order(frame))


def foreign_notes(contents: Found) -> tuple[str, ...]:
    """The line on logs of other programs, if there are any."""
    note = foreign_note(program for _, program in contents.foreign)
    return (note,) if note else ()


def _problem_notes(frame: pd.DataFrame) -> tuple[str, ...]:
    """That several problems were computed, if they were."""
    problems = [problem for problem in dict.fromkeys(frame["problem"]) if problem]
    if not problems:
        return ()
    listed = "; ".join(problems)
    note = "several problems were computed; they are cells of their own and are not compared"
    return (f"{note}: {listed}",)


def _size_notes(records: Sequence[Record]) -> tuple[str, ...]:
    unsized = sum(r.status is Status.VALID and r.nodes is None for r in records)
    if not unsized:
        return ()
    return (f"{unsized} valid runs do not tell their nodes: no verdict is possible on them",)


def _sections(
    experiments: Sequence[Experiment], *, names: Sequence[str], contents: Found
) -> tuple[Section, ...]:
    rows = tuple(
        (name, f"{experiment.layout}, {experiment.k8s_operator}, {len(experiment.runs)} runs")
        for name, experiment in zip(names, experiments, strict=True)
    )
    recorded = Section(heading="Recorded experiments", rows=rows)
    if not contents.strangers:
        return (recorded,)
    listed = contents.strangers[:_STRANGERS_SHOWN]
    others = [(name, "belongs to no layout, not read") for name in listed]
    if len(contents.strangers) > len(listed):
        others.append(("all", f"{strangers_note(contents.strangers)}; import.json lists them"))
    return (recorded, Section(heading="Files not read", rows=tuple(others)))
