"""`opbench import`: reads runs recorded by other tools, and reports on them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress
from upath import UPath

from include.analysis import table
from include.errors import StudyError
from include.recorded_runs import _folders, _records, _report, layout_named, paths
from include.recorded_runs._arguments import parser
from include.recorded_runs._copies import without_copies
from include.report.text import summary_text
from include.report.write import REPORT, digest_of, plain, write_content
from include.results import Results

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from include.recorded_runs import Experiment, Layout
    from include.recorded_runs._folders import Contents
    from include.recorded_runs._records import Imported
    from include.report.content import Content

ALL_VALID, SOME_INVALID, BAD_INPUT = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when everything was read, 1 for an invalid run or an unreadable file, 2 for wrong input."""
    given = parser().parse_args(arguments)
    try:
        return import_folders(
            [Path(folder) for folder in given.folders],
            results=Results(UPath(given.out)),
            published_rule=given.published_rule,
            title=given.title,
            layouts=_layouts(given),
            is_verbose=given.verbose,
            node_usd_per_hour=given.hourly_price_usd,
            has_originals=given.published_figures,
            as_json=given.json,
        )
    except (StudyError, OSError) as err:
        sys.stderr.write(f"error: {err}\n")
        return BAD_INPUT


def import_folders(
    folders: Sequence[Path],
    *,
    results: Results,
    published_rule: bool,
    title: str,
    layouts: Sequence[Layout] | None = None,
    is_verbose: bool = False,
    node_usd_per_hour: float | None = None,
    has_originals: bool = False,
    as_json: bool = False,
) -> int:
    """Import all experiments below the folders into one; returns the exit code.

    StudyError when there is none.
    """
    with Progress(console=Console(stderr=True)) as progress:
        contents = _folders.find(folders, layouts=layouts)
        logs = sum(len(source.logs) for source in contents.sources)
        reading = progress.add_task("reading logs", total=logs)
        experiments = without_copies(
            _records.in_order(
                [source.read(lambda _: progress.advance(reading)) for source in contents.sources]
            )
        )
        names = _folders.study_names(experiments, folders=folders)
        imported = _records.to_records(experiments, names=names, published_rule=published_rule)
        reporting = progress.add_task("tables, figures, report", total=1)
        content = write(
            imported,
            experiments,
            names=names,
            contents=contents,
            title=title,
            results=results,
            node_usd_per_hour=node_usd_per_hour,
            has_originals=has_originals,
        )
        progress.advance(reporting)
    if as_json:
        sys.stdout.write(digest_of(content).model_dump_json(indent=2) + "\n")
    else:
        _say(imported, content, results=results, contents=contents, is_verbose=is_verbose)
    problems = _report.all_problems(experiments, names=names, contents=contents)
    is_whole = not problems and all(run.record.status == "valid" for run in imported)
    return ALL_VALID if is_whole else SOME_INVALID


def write(
    imported: Sequence[Imported],
    experiments: Sequence[Experiment],
    *,
    names: Sequence[str],
    contents: Contents,
    title: str,
    results: Results,
    node_usd_per_hour: float | None = None,
    has_originals: bool = False,
) -> Content:
    """Write everything made from imported runs, and return the content of the report."""
    content = _report.content_of(
        imported,
        experiments,
        names=names,
        contents=contents,
        title=title,
        out=results.folder,
        node_usd_per_hour=node_usd_per_hour,
        has_originals=has_originals,
    )
    write_content(results, content)
    original = _report.original_table(imported, content.analysis.frame)
    results.write_bytes("original_times.csv", table.to_csv(plain(original)))
    results.write_bytes(
        "original_medians.csv", table.to_csv(plain(_report.original_medians(original)))
    )
    results.write_json(
        "import.json",
        {
            "experiments": dict(zip(names, (e.layout for e in experiments), strict=True)),
            "problems": list(_report.all_problems(experiments, names=names, contents=contents)),
            "notes": list(content.notes),
            "files_not_read": list(contents.strangers),
            "other_programs": dict(contents.foreign),
        },
    )
    return content


def _say(
    imported: Sequence[Imported],
    content: Content,
    *,
    results: Results,
    contents: Contents,
    is_verbose: bool,
) -> None:
    records = [run.record for run in imported]
    counts = content.tally
    lines = [f"{r.study_id}/{r.point_id}: {r.error}" for r in records if r.error]
    lines += content.notes
    is_one = len(contents.strangers) == 1
    shown = [n for n in contents.strangers if is_verbose or is_one or n.endswith("/")]
    lines += [f"{name}: belongs to no layout, not read" for name in shown]
    if is_verbose:
        lines += [f"{name}: a log of {program}, not read" for name, program in contents.foreign]
    lines.append(
        f"{counts.recorded} runs: {counts.valid_repeats} valid and counted, "
        f"{counts.valid - counts.valid_repeats} valid warm-ups, {counts.failed} failed, "
        f"{counts.invalid} invalid; {_folders.strangers_note(contents.strangers)}; "
        f"report: {results.path(REPORT)}"
    )
    sys.stdout.write(summary_text(content.analysis) + "\n".join(lines) + "\n")


def _layouts(given: argparse.Namespace) -> tuple[Layout, ...] | None:
    """The layouts to look for, None for all; StudyError for an unknown one, or a wrong pattern."""
    if given.pattern is not None and given.layout not in {None, paths.NAME}:
        raise StudyError(f"--pattern is for --layout {paths.NAME}, not {given.layout}")
    if given.layout == paths.NAME and given.pattern is None:
        raise StudyError(f"--layout {paths.NAME} needs --pattern: it says where the factors stand")
    if given.pattern is not None:
        return (paths.Paths(given.pattern),)
    return None if given.layout is None else (layout_named(given.layout),)


if __name__ == "__main__":
    sys.exit(main())
