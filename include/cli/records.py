"""The records named on a command line: a study, an import, or a table of records."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from upath import UPath

from include.errors import StudyError
from include.models import Study
from include.models.variants import PATTERN
from include.results import Results
from include.study.address import results_root

if TYPE_CHECKING:
    import pandas as pd


def root(given: str | None) -> UPath:
    """Folder of the studies: the one named, or the installation's own."""
    return UPath(given or results_root(Study()))


def folder(name: str, *, results: str | None) -> Results:
    """A study's folder, by its id in the results or by its path; StudyError when missing."""
    for place in (UPath(name), root(results) / name):
        if any((place / file).exists() for file in ("digest.json", "records.parquet", "plan.json")):
            return Results(place)
    raise StudyError(
        f"{name} is not a study, neither as a folder nor in {root(results)}: opbench ls"
    )


def read_frame(name: str, *, results: str | None) -> pd.DataFrame:
    """The table of records, of one variant where `@` names it; StudyError naming what is wrong."""
    stem, _, variant = name.rpartition("@")
    if not stem or not re.fullmatch(PATTERN, variant):
        return _read(name, results=results)
    frame = _read(stem, results=results)
    chosen = frame[frame["variant"] == variant]
    if chosen.empty:
        known = ", ".join(sorted(each for each in frame["variant"].dropna().unique() if each))
        raise StudyError(f"{stem} has no variant {variant!r}; it has {known or 'none'}")
    return chosen.assign(variant="")


def _read(name: str, *, results: str | None) -> pd.DataFrame:
    from include.analysis import table  # noqa: PLC0415  pandas takes a second to load

    place = UPath(name)
    try:
        if place.suffix == ".parquet":
            return table.from_parquet(place.read_bytes())
        if place.suffix == ".csv":
            return table.from_csv(place.read_bytes())
        return table.from_parquet(folder(name, results=results).read_bytes("records.parquet"))
    except FileNotFoundError as err:
        raise StudyError(f"{name} has no records.parquet: its report was not written") from err
    except ValueError as err:
        raise StudyError(f"{name}: {err}") from err
