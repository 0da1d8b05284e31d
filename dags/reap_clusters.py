"""Delete clusters on AWS that outlived their expiry, every hour, whoever left them.

A study deletes its own cluster. A cluster found here means that something failed: a teardown, or
Airflow itself. So a run that deleted anything is red, its error names each cluster, and the
channels of `OPERATOR_BENCHMARK_ALERTS` are alerted at once (docs/operations.md).

It only touches stacks with the tags of a study that belong to `owner` and are past the expiry in
their tag, half an hour after the study's time to live. A failed deletion is restarted, and a lost
connection is retried before anyone is alerted. In an installation without credentials for AWS the
task is skipped.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param, dag, task
from airflow.sdk.exceptions import AirflowSkipException

from plugins.alarm import alarm, channels
from plugins.dag_page import OWNER, owner_links
from plugins.refusals import AGAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

PARAMS = {
    "owner": Param(
        "operator-benchmark",
        type="string",
        title="Owner",
        description="Whose clusters: as in cluster_options.owner of their studies.",
    ),
    "regions": Param(
        [],
        type="array",
        items={"type": "string"},
        title="Regions",
        description="Where to look; empty: in every region that the account may use.",
    ),
}


@task(execution_timeout=timedelta(hours=3), on_failure_callback=alarm, **AGAIN)
def reap(params: Mapping[str, Any]) -> None:
    """Delete what is overdue, and fail if there was anything."""
    from include.aws import reaper
    from include.aws.problems import NoCredentials
    from plugins.aws_connection import use_aws_connection

    channels()  # a wrong setting is told of in the first hour, not when a cluster is left
    use_aws_connection()
    try:
        regions = params["regions"] or reaper.all_regions()
    except NoCredentials as err:
        raise AirflowSkipException(str(err)) from err
    reaper.reap(regions, owner=params["owner"], now=datetime.now(UTC))


@dag(
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    doc_md=__doc__,
    default_args={"owner": OWNER},
    owner_links=owner_links(),
    tags=["benchmark", "aws"],
)
def reap_clusters() -> None:
    """One look at the account."""
    reap()


reap_clusters()
