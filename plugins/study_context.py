"""A task's access to its study: to XComs of earlier tasks and to the results store."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from airflow.sdk import Connection, ObjectStoragePath

from include.models import ClusterHandle, Phase, Reservation
from include.results import CONFIRMATION_FOLDER, PLAN, Location, Results
from include.study.losses import Loss
from include.study.steps import Planned
from include.study.turn import phase_of
from plugins.aws_connection import use_aws_connection

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol


LOSS = "loss"  # key of the XCom of a lost point


def locate(address: str) -> Location:
    """The path behind an address: a file's, or an object store's with a connection in front.

    AirflowNotFoundException for an unknown connection: Airflow would only warn, and try the
    machine's credentials. Listings are never cached, as other processes write there and a
    server would go on showing its first one.
    """
    if "://" not in address:
        return ObjectStoragePath(address)
    location = ObjectStoragePath(address, use_listings_cache=False)
    if location.conn_id is not None:
        Connection.get(location.conn_id)
        location.fs.dircache.use_listings_cache = False  # the connection's store takes no options
    return location


class StudyContext:
    """A task's view of its study. Results of other tasks are read once."""

    def __init__(self, ti: RuntimeTaskInstanceProtocol) -> None:
        use_aws_connection()
        self.ti = ti

    @cached_property
    def planned(self) -> Planned:
        """The result of `plan`."""
        return Planned.model_validate(self.ti.xcom_pull(task_ids="plan"))

    @cached_property
    def results(self) -> Results:
        """The study's folder."""
        return Results(locate(self.planned.results))

    @property
    def confirmation(self) -> Results | None:
        """The folder of the study's confirmation, None when there is nothing to confirm."""
        folder = Results(self.results.path(CONFIRMATION_FOLDER))
        return folder if folder.exists(PLAN) else None

    @cached_property
    def reservation(self) -> Reservation:
        """The cluster's names, known before its creation."""
        return Reservation.model_validate(self.ti.xcom_pull(task_ids="reserve"))

    @cached_property
    def handle(self) -> ClusterHandle:
        """The cluster, once it is ready."""
        return ClusterHandle.model_validate(self.ti.xcom_pull(task_ids="wait_ready"))

    @property
    def losses(self) -> tuple[Loss, ...]:
        """The losses that the points' tasks handed over."""
        tasks = [f"phase_{number}.points" for number in range(1, self.planned.phases + 1)]
        handed_over = self.ti.xcom_pull(task_ids=tasks, key=LOSS) or ()
        return tuple(Loss.model_validate(loss) for loss in handed_over if loss)

    def was_attempted(self, task_id: str) -> bool:
        """True if the task of this run did anything, successfully or not."""
        states = self.ti.get_task_states(
            dag_id=self.ti.dag_id, task_ids=[task_id], run_ids=[self.ti.run_id]
        )
        return states.get(self.ti.run_id, {}).get(task_id) in {"success", "failed"}

    def phase(self, number: int) -> Phase | None:
        """A phase of the plan, None when the study has fewer."""
        return phase_of(self.results.plan(), number)
