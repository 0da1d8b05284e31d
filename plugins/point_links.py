"""Links from a point's task to the point's stored files, and to the study's report."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote, urlsplit

from airflow.sdk import BaseOperatorLink, conf

from plugins.report_view import PREFIX, REPORT_ROUTE

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


def _run_address(ti_key: TaskInstanceKey, *, pattern: str) -> str:
    """A path below Airflow's own, with the names of the task's DAG and run."""
    below = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
    names = {"dag": quote(ti_key.dag_id, safe=""), "run": quote(ti_key.run_id, safe="")}
    return below + pattern.format(**names)


class Report(BaseOperatorLink):
    """A link to the report's tab on the page of the run."""

    name: ClassVar[str] = "Report of the study"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The path on Airflow's own server."""
        del operator
        return _run_address(ti_key, pattern=f"/dags/{{dag}}/runs/{{run}}/plugin/{REPORT_ROUTE}")


class _PointLink(BaseOperatorLink):
    """A link to one file of the point that the task ran.

    Made by the worker after the task, as the task's index does not identify its point.
    """

    name: ClassVar[str]
    file: ClassVar[str]  # a key of `include.report.pages.POINT_FILES`

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The path on Airflow's own server; empty when the task ran no point."""
        point_id = getattr(operator, "point_id", None)
        if point_id is None:
            return ""
        place = f"/points/{point_id}/{self.file}"
        return _run_address(ti_key, pattern=f"/{PREFIX}/report/{{dag}}/{{run}}") + place


class JobLog(_PointLink):
    """Link to the job's log."""

    name = "Log of the job"
    file = "log"


class Manifest(_PointLink):
    """Link to the job's objects."""

    name = "Manifest"
    file = "manifest"


class Events(_PointLink):
    """Link to the Kubernetes events of the job."""

    name = "Events"
    file = "events"
