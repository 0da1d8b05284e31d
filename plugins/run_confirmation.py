"""The Airflow operator that runs one point of a confirmation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugins.run_point import RunPoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import BaseOperatorLink, Context

    from include.study.turn import Measurement


class RunConfirmation(RunPoint):
    """Runs one point with the image of its arm: tonight's or the last good one's."""

    operator_extra_links: Sequence[BaseOperatorLink] = ()  # its files do not belong to the study

    def _next_measurement(self, context: Context) -> Measurement:
        from include.models import Point
        from include.regression.confirmation_run import next_confirmation
        from plugins.study_context import StudyContext

        study = StudyContext(context["ti"])
        return next_confirmation(study.results, study.handle, Point.model_validate(self.point))
