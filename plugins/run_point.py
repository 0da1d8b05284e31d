"""The Airflow operator that runs one point of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from plugins.point_links import Events, JobLog, Manifest, Report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import BaseOperatorLink, Context

    from include.models import Point
    from include.study.turn import Measurement


def name_of(point: Point) -> str:
    """The name of a point in a run's grid: `mpi_operator · 64 nodes · 3`, or `· warm-up 1`."""
    nodes = f"{point.nodes} node{'s' if point.nodes > 1 else ''}"
    number = f"warm-up {point.repeat}" if point.is_warmup else str(point.repeat)
    return f"{point.arm} · {nodes} · {number}"


class RunPoint(BaseOperator):
    """Runs one point, blocking, from its creation to its verified end; returns its record as JSON.

    It blocks instead of deferring: a deferral costs seconds per point and can lose the result of a
    fast job. A worker that dies is replaced by a retry, which adopts the job. A failed job is a
    measurement too: its record is stored and passed on, the task fails, and there is no retry.

    It runs the next due point of its phase, see `include.study.turn.next_point`.
    """

    template_fields: Sequence[str] = ("point",)
    operator_extra_links: Sequence[BaseOperatorLink] = (Report(), JobLog(), Manifest(), Events())

    def __init__(self, *, point: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.point = point
        self._measurement: Measurement | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the point; AirflowFailException when its record is not valid."""
        from include.models import Status
        from include.study.run_point import NotStored
        from include.study.stopping import StudyStopped
        from include.study.turn import PointNotNeeded

        try:
            measurement = self._measurement = self._next_measurement(context)
        except StudyStopped as err:
            msg = f"not begun, as the study is stopped: {err}"
            raise AirflowFailException(msg) from err
        except PointNotNeeded as err:
            cast("dict[str, Any]", context)["point_name"] = f"{name_of(err.point)} · not needed"
            raise AirflowSkipException(str(err)) from err
        cast("dict[str, Any]", context)["point_name"] = name_of(measurement.point)
        try:
            record = measurement.run()
        except NotStored as err:  # a retry would lose the handed-over record
            measurement.note_loss(err)
            self._hand_over_loss(context, err)
            context["ti"].xcom_push("return_value", err.record.to_json())
            msg = f"{err}; its record is this task's result, and the report stores it if it can"
            raise AirflowFailException(msg) from err
        except Exception as err:
            measurement.note_loss(err)
            self._hand_over_loss(context, err)  # in case the store does not accept it
            raise
        if record.status != Status.VALID:
            context["ti"].xcom_push("return_value", record.to_json())
            msg = f"{measurement.point} is {record.status.value}: {record.error}"
            raise AirflowFailException(msg)
        return record.to_json()

    def _hand_over_loss(self, context: Context, err: Exception) -> None:
        """Tell the verdict why the point has no record."""
        from include.study.losses import loss_of
        from plugins.study_context import LOSS

        if self.point_id is not None:
            context["ti"].xcom_push(LOSS, loss_of(self.point_id, err).to_json())

    @property
    def point_id(self) -> str | None:
        """The point that the task ran, None before it runs one."""
        return self._measurement.point.point_id if self._measurement else None

    @property
    def planned_name(self) -> str:
        """The task's name in the grid until it starts: the point planned for it."""
        from include.models import Point

        return name_of(Point.model_validate(self.point))

    def on_kill(self) -> None:
        """Delete the point's job when the task is cancelled or takes too long."""
        if self._measurement is not None:
            self._measurement.cancel()

    def _next_measurement(self, context: Context) -> Measurement:
        from include.models import Point
        from include.study.losses import store_handed_over
        from include.study.turn import next_measurement
        from plugins.study_context import StudyContext

        ti = context["ti"]
        study = StudyContext(ti)
        store_handed_over(study.results, study.losses)
        return next_measurement(
            study.results,
            study.handle,
            Point.model_validate(self.point),
            task=f"{self.task_id}_{ti.map_index}",
        )
