"""The records that a command line names: a study, an import, or a table of records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upath import UPath

from include.errors import StudyError
from include.models import Study
from include.results import Results
from include.study.steps import results_root

if TYPE_CHECKING:
    import pandas as pd


def root(given: str | None) -> UPath:
    """Where studies are kept: the place named, or the installation's own."""
    return UPath(given or results_root(Study()))


def folder(name: str, *, results: str | None) -> Results:
    """A study's folder, by its id in the results or by its path; StudyError when there is none."""
    for place in (UPath(name), root(results) / name):
        if any((place / file).exists() for file in ("digest.json", "records.parquet", "plan.json")):
            return Results(place)
    raise StudyError(f"{name} is no study, neither as a folder nor in {root(results)}: opbench ls")


def read_frame(name: str, *, results: str | None) -> pd.DataFrame:
    """The table of records; StudyError naming what is wrong."""
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
