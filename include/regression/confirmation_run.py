"""The points that confirm a regression, run one by one like those of a study."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from include.regression import confirmation_plan
from include.results import CONFIRMATION_FOLDER, Results
from include.study.turn import Measurement, next_measurement

if TYPE_CHECKING:
    from include.models import ClusterHandle, Point


def next_confirmation(results: Results, handle: ClusterHandle, own: Point) -> Measurement:
    """The due point of the study's confirmation, with the image of its arm."""
    confirmation = confirmation_plan.read(results)
    if confirmation is None:
        raise FileNotFoundError(f"{results} has no confirmation")
    folder = Results(results.path(CONFIRMATION_FOLDER))
    due = next_measurement(folder, handle, own)
    image = confirmation.trials[due.point.point_id].image
    of_arm = handle.model_copy(update={"image": image, "image_digest": None})
    return replace(due, setting=replace(due.setting, handle=of_arm))
