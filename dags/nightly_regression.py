"""Run a study every night and report a slowdown, once and with evidence.

1. The study itself, as in `operator_benchmark`: plan, cluster, phases of points.
2. **examine** compares tonight with the nights before, in the records of all comparable studies.
   A night that is slower is *suspect*.
3. **confirmation** runs only for a suspect, while the cluster is warm: tonight's image and that of
   the last good night in random blocks, on the same nodes.
4. **destroy**, **report**, **publish**, **notify** and **verdict** run in any case. Publish writes
   the trend, Markdown and JUnit XML, notify sends the news.

The run is red for two reasons only, named by the verdict's error: `RegressionConfirmed`, by the
confirmation or by a change point over the nights, in the night of its report; and
`StudyIncomplete`, when the pipeline is broken. A night with a failed point counts as no data.

`include/study/presets/nightly.yaml` defines what runs and when; the method is in
`docs/regression.md`. The DAG is paused until somebody turns it on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable, dag

from include.regression.settings import NightlyStudy, dag_id_of, read_nightly
from include.study.presets import KEPT, PARAM
from plugins.dag_page import OWNER, dag_page, owner_links
from plugins.nightly_tasks import nightly_tasks
from plugins.study_params import study_params


def schedule_of(settings: NightlyStudy) -> Any:
    """The times of a study, the asset whose updates start it, or both."""
    assets = [Asset(settings.asset)] if settings.asset else []
    if settings.schedule is None:
        return assets
    times = CronTriggerTimetable(settings.schedule, timezone=settings.timezone)
    return AssetOrTimeSchedule(timetable=times, assets=assets) if assets else times


def make_dag(series: str, settings: NightlyStudy) -> None:
    """The DAG of one study of the file."""
    form = study_params(settings.study)
    params = {name: p for name, p in form.items() if name not in {PARAM, KEPT}}

    @dag(
        dag_id=dag_id_of(series),
        schedule=schedule_of(settings),
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=True,  # it may cost money
        params=params,
        doc_md=dag_page(__doc__, params, trend_of=dag_id_of(series)),
        default_args={"owner": OWNER},
        owner_links=owner_links(),
        tags=["benchmark", "kubernetes", "mpi", "nightly"],
    )
    def nightly_regression() -> None:
        """One night; no `dagrun_timeout`, as that would end the run without its teardowns."""
        nightly_tasks(series)

    nightly_regression()


for series, settings in read_nightly().items():
    make_dag(series, settings)
