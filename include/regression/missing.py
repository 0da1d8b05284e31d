"""Measurements missing from a night, reported as no data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.regression.record_sets import EQUAL_OF_STUDY, Cell, queue_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from include.models import Plan, Point, Study
    from include.regression.record_sets import StudyNight


def with_missing(
    tonight: StudyNight, plan: Plan, *, earlier: Sequence[StudyNight]
) -> tuple[StudyNight, tuple[str, ...]]:
    """Tonight with a cell for each configuration without a record, as when nothing was installed.

    The cell is that of the last earlier night that measured it, without times. Configurations
    that no earlier night measured are returned by name, as `mpi_operator 2n`.
    """
    cells, unknown = list(tonight.cells), []
    for point in _planned(plan):
        if any(_is_of(cell, point, plan.study) for cell in tonight.cells):
            continue
        if (last := _last(point, plan.study, earlier)) is None:
            unknown.append(f"{point.arm} {point.nodes}n")
        else:
            cells.append(last.model_copy(update={"times": {}, "is_whole": False}))
    return tonight.model_copy(update={"cells": tuple(cells)}), tuple(unknown)


def _planned(plan: Plan) -> Iterable[Point]:
    """A point of each configuration."""
    counted = [point for point in plan.points if not point.is_warmup]
    return {(point.arm, point.nodes, point.ranks): point for point in counted}.values()


def _last(point: Point, study: Study, earlier: Sequence[StudyNight]) -> Cell | None:
    nights = sorted(earlier, key=lambda night: night.night, reverse=True)
    cells = (cell for night in nights for cell in night.cells)
    return next((cell for cell in cells if _is_of(cell, point, study)), None)


def _is_of(cell: Cell, point: Point, study: Study) -> bool:
    """True if a cell measures the point's configuration; only runs tell instance and binding."""
    asked = study.to_json()
    wanted = {
        "k8s_operator": point.k8s_operator,
        "variant": point.variant,
        "nodes": point.nodes,
        "ranks": point.ranks,
        "application": study.application,
        "cluster": study.cluster,
        "mpi_implementation": study.mpi_implementation.value,
        "operator_options": asked["operator_options"].get(point.k8s_operator, {}),
        "queue": queue_of(asked).get("queue"),
        **{name: asked[name] for name in EQUAL_OF_STUDY},
    }
    return all((cell.configuration.get(name) or "") == (wanted[name] or "") for name in wanted)
