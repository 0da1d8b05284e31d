"""The report of imported runs: a study's tables and figures, and the original ones."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote

import pandas as pd

from include.analysis import table
from include.analysis.analysis import analyse
from include.analysis.cells import CELL, operator_order
from include.analysis.labels import count, operator_title
from include.models import Status
from include.recorded_runs._folders import foreign_note, strangers_note
from include.recorded_runs._records import OriginalTimes, counting_notes
from include.report.answer import answer
from include.report.content import Content, Section
from include.report.cost_by_operator import cost_by_operator
from include.report.figures import draw_all
from include.report.headline import recorded_headline
from include.report.originals import COLUMNS, draw_originals, original_quantities
from include.report.point_files import Link
from include.report.run_list import list_runs
from include.report.tally import Tally, Trouble
from include.report.when import when

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from include.models import Record
    from include.recorded_runs import Experiment
    from include.recorded_runs._folders import Contents
    from include.recorded_runs._records import Imported
    from include.report.drawing import Drawing

_STRANGERS_SHOWN = 20


def content_of(
    imported: Sequence[Imported],
    experiments: Sequence[Experiment],
    *,
    names: Sequence[str],
    contents: Contents,
    title: str,
    out: Path | None = None,
    node_usd_per_hour: float | None = None,
    has_originals: bool = False,
) -> Content:
    """The content of the report; `contents` has the unread files, `names` the experiments.

    Its links to the logs are relative to the folder `out`; without one, as for an object store,
    there are none. With `has_originals` it includes the figures in the definitions of 2023.
    """
    links = {} if out is None else _links(imported, out)
    records = table.to_frame(run.record for run in imported)
    analysis = analyse(records)
    costs = cost_by_operator(analysis, node_usd_per_hour=node_usd_per_hour)
    counts = tally_of([run.record for run in imported], links=links)
    return Content(
        title=title,
        identity=", ".join(names),
        headline=recorded_headline(analysis, tally=counts),
        noun="recorded run",
        records=records,
        analysis=analysis,
        drawings=draw_all(analysis, costs=costs),
        originals=_originals(imported, analysis.frame) if has_originals else (),
        tally=counts,
        sections=_sections(experiments, names=names, contents=contents),
        kind="import",
        answer=answer(analysis),
        when=when(records, began_at=min((e.began for e in experiments if e.began), default=None)),
        costs=costs,
        runs=list_runs(analysis.frame, links=links),
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
    experiments: Sequence[Experiment], *, names: Sequence[str], contents: Contents
) -> tuple[str, ...]:
    """Failures to read anything but runs, each with the name of its place."""
    own = (
        f"{name}: {problem}"
        for name, experiment in zip(names, experiments, strict=True)
        for problem in experiment.problems
    )
    return (*contents.problems, *own)


def original_table(imported: Sequence[Imported], frame: pd.DataFrame) -> pd.DataFrame:
    """Every run with its tool's own times, and the original quantities, in seconds."""
    times = pd.DataFrame(
        [run.original.model_dump() for run in imported], columns=list(OriginalTimes.model_fields)
    ).astype({"cluster_run_s": "float64", "runner_end_to_end_s": "float64"})
    quantities = original_quantities(frame.merge(times, on=["study_id", "point_id"]))
    keys = ["study_id", "point_id", *CELL, "status", "is_discarded"]
    return quantities[[*keys, "simulated", "cluster_run_s", "runner_end_to_end_s", *COLUMNS]]


def original_medians(original: pd.DataFrame) -> pd.DataFrame:
    """Medians of the original quantities by operator and size, with the originals' warm-ups."""
    groups = published(original).groupby(list(CELL), sort=True)
    medians = groups[list(COLUMNS)].median()
    medians.insert(0, "n", groups.size())
    return medians.reset_index()


def published(original: pd.DataFrame) -> pd.DataFrame:
    """The runs in the published figures: valid, of a size, not in a folder with `_`."""
    has_size = original["nodes"].notna() & original["ranks"].notna()
    kept = original[(original["status"] == Status.VALID) & ~original["is_discarded"] & has_size]
    return kept.astype({"nodes": "int64", "ranks": "int64"})


def _links(imported: Sequence[Imported], out: Path) -> dict[tuple[str, str], tuple[Link, ...]]:
    """The path from a folder to each run's log, where it was read."""
    return {
        (run.record.study_id, run.record.point_id): (
            Link(text="log", href=quote(os.path.relpath(run.log, out))),
        )
        for run in imported
    }


def tally_of(
    records: Sequence[Record], *, links: Mapping[tuple[str, str], tuple[Link, ...]]
) -> Tally:
    """The counts of recorded runs, which are their own plan."""
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
        too_large=0,
        simulated=any(record.simulated for record in records),
        troubles=tuple(
            _trouble(record, links.get((record.study_id, record.point_id), ()))
            for record in records
            if record.status is not Status.VALID
        ),
        strays=(),
    )


def _trouble(record: Record, links: tuple[Link, ...]) -> Trouble:
    nodes = "unknown" if record.nodes is None else record.nodes
    kind = "warm-up" if record.is_warmup else "repeat"
    return Trouble(
        point_id=record.point_id,
        what=f"{operator_title(record.k8s_operator)}, nodes: {nodes}, {kind} {record.repeat}",
        outcome=str(record.status),
        reason=record.error or "no reason was recorded",
        links=links,
    )


def _originals(imported: Sequence[Imported], frame: pd.DataFrame) -> tuple[Drawing, ...]:
    runs = published(original_table(imported, frame))
    return draw_originals(runs, order=operator_order(frame))


def foreign_notes(contents: Contents) -> tuple[str, ...]:
    """The line on logs of other programs, if there are any."""
    note = foreign_note(program for _, program in contents.foreign)
    return (note,) if note else ()


def _problem_notes(frame: pd.DataFrame) -> tuple[str, ...]:
    """Note that several problems were computed, if they were."""
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


def _runs(experiment: Experiment) -> str:
    return count(len(experiment.runs), "run")


def _sections(
    experiments: Sequence[Experiment], *, names: Sequence[str], contents: Contents
) -> tuple[Section, ...]:
    rows = tuple(
        (name, ", ".join((each.layout, operator_title(each.k8s_operator), _runs(each))))
        for name, each in zip(names, experiments, strict=True)
    )
    recorded = Section(heading="Recorded experiments", rows=rows)
    if not contents.strangers:
        return (recorded,)
    listed = contents.strangers[:_STRANGERS_SHOWN]
    others = [(name, "belongs to no layout, not read") for name in listed]
    if len(contents.strangers) > len(listed):
        others.append(("all", f"{strangers_note(contents.strangers)}; import.json lists them"))
    return (recorded, Section(heading="Files not read", rows=tuple(others)))
