"""Run a study every night and say when something became slower, once and with evidence.

1. The study itself, as in `operator_benchmark`: plan, cluster, phases of points.
2. **examine** compares tonight with the nights before, in the records of all studies that are
   comparable. A night that is slower is *suspect*.
3. **confirmation** runs only for a suspect, while the cluster is warm: tonight's image and that of
   the last good night in random blocks, on the same nodes.
4. **destroy**, **report**, **publish**, **notify** and **verdict** run whatever happened. Publish
   writes the trend, Markdown and JUnit XML, notify sends what is new.

The run is red for two reasons only, and the verdict's error names which: `RegressionConfirmed`, by
the confirmation or by a change point over the nights, in the night in which it is told; and
`StudyIncomplete`, when the pipeline is broken. A night with a failed point is no data.

`include/study/presets/nightly.yaml` says what runs and when; the method is in
`docs/regression.md`. The DAG is paused until somebody turns it on.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import dag
from airflow.timetables.trigger import CronTriggerTimetable

from include.regression.settings import NightlyStudy, dag_id_of, read_nightly
from include.study.presets import PARAM
from plugins.dag_page import OWNER, dag_page, owner_links
from plugins.nightly_tasks import nightly_tasks
from plugins.study_params import study_params


def make_dag(series: str, settings: NightlyStudy) -> None:
    """The DAG of one study of the file."""
    params = {name: p for name, p in study_params(settings.study).items() if name != PARAM}

    @dag(
        dag_id=dag_id_of(series),
        schedule=CronTriggerTimetable(settings.schedule, timezone=settings.timezone),
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=True,  # it may cost money
        params=params,
        doc_md=dag_page(__doc__, params),
        default_args={"owner": OWNER},
        owner_links=owner_links(),
        tags=["benchmark", "kubernetes", "mpi", "nightly"],
    )
    def nightly_regression() -> None:
        """One night; no `dagrun_timeout`, as that would end the run without its teardowns."""
        nightly_tasks(series)

    nightly_regression()


for name, found in read_nightly().items():
    make_dag(name, found)
