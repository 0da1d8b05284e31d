"""Shows the reports of studies in Airflow's UI: a tab on the page of a run, and a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

PREFIX = "operator-benchmark"
REPORT_ROUTE = "benchmark-report"  # path of the tab, below the page of a run
STUDIES_ROUTE = "benchmark-studies"  # path of the list, below `plugin/`


class LateApp:
    """The pages' routes, loaded at the first request.

    Every process of Airflow loads its plugins, even each task's; only the API server serves pages.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        from plugins.report_routes import app

        await app(scope, receive, send)


class ReportView(AirflowPlugin):
    """The tab, the list, and the routes behind them.

    A trend has no tab, which Airflow would show on every DAG. Links lead to it where there is one.
    """

    name = "operator_benchmark_reports"
    fastapi_apps = [  # noqa: RUF012  as Airflow declares it
        {"app": LateApp(), "url_prefix": f"/{PREFIX}", "name": "Operator benchmark reports"}
    ]
    external_views = [  # noqa: RUF012  as Airflow declares it
        {
            "name": "Benchmark report",
            "href": f"{PREFIX}/report/{{DAG_ID}}/{{RUN_ID}}",
            "destination": "dag_run",
            "url_route": REPORT_ROUTE,
        },
        {
            "name": "Studies",  # a longer one is cut off in the navigation
            "href": f"{PREFIX}/studies",
            "destination": "nav",
            "url_route": STUDIES_ROUTE,
        },
    ]
