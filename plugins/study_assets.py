"""Assets that tell other DAGs of finished studies and nights, and start them.

A study's asset is named after its field `name`, a night's after its series, so they are known with
the run, not when its DAG is read. Each comes by an alias, on which a DAG that wants all of them may
be scheduled. An event's `extra` has the findings and their place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetAlias

if TYPE_CHECKING:
    from airflow.sdk.types import OutletEventAccessorsProtocol as OutletEvents

    from include.regression.nightly import Published
    from include.results import Location, Results

STUDIES = AssetAlias("operator_benchmark_studies")
NIGHTS = AssetAlias("operator_benchmark_nights")


def study_asset(name: str) -> Asset:
    """The asset of the studies of that name."""
    return Asset(f"operator_benchmark/{name}")


def night_asset(series: str) -> Asset:
    """The asset of a nightly series."""
    return Asset(f"operator_benchmark/nightly/{series}")


def tell_of_study(
    events: OutletEvents, results: Results, *, headline: str, run_link: str | None
) -> None:
    """Announce that a study has its report."""
    from include.report.digest import read_digest

    plan, digest = results.plan(), read_digest(results)
    extra: dict[str, Any] = {
        "study_id": plan.study_id,
        "verdict": digest.verdict if digest else None,
        "headline": headline,
        "valid": digest.valid if digest else None,
        "planned": digest.planned if digest else None,
        "results": str(results),
        "report": f"{results}/report.html",
        "run": run_link,
    }
    events[STUDIES].add(study_asset(plan.study.name), extra=extra)


def tell_of_night(
    events: OutletEvents, published: Published, *, results: Results, root: Location
) -> None:
    """Announce the outcome of a night."""
    extra: dict[str, Any] = {
        "series": published.series,
        "night": published.night,
        "verdict": published.verdict,
        "message": published.message,
        "suspects": list(published.suspects),
        "no_data": list(published.no_data),
        "results": str(results),
        "trend": f"{root}/regression/{published.series}/trend.html",
    }
    events[NIGHTS].add(night_asset(published.series), extra=extra)
