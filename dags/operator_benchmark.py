"""Compare Kubernetes MPI operators: one study from the plan to the report.

The study runs one MPI application on one cluster under each of the chosen operators, at each node
count, several times, one run at a time, and measures every part of each run. A cluster that was
made for the study is always removed at the end.

1. **plan** checks the complete study, fixes the order of its points and stores both. Whatever can
   be known in advance fails here, not later.
2. **preflight** checks whether the cluster can be made, and estimates the study's duration and
   cost. Any obstacle stops the run here, before anything exists. **approve** shows the estimate
   and waits for an approval, if the study asks for one.
3. **reserve**, **provision**, **wait_ready** name, create and await the cluster.
4. **phase_1**, **phase_2**, ...: install the phase's operators, run its points, uninstall. A study
   with fewer phases skips the rest. A point that fails is recorded and the study goes on; an
   operator that cannot be installed loses its own phase only.
5. **destroy**, **report** and **verdict** run in any case. The verdict turns the run red
   unless every point is valid and nothing was left behind, and names what is missing.

The report is the tab **Benchmark report** of a run, which has the tables as downloads; all records,
tables, figures and logs are in the folder that the plan's log names.
"""

from __future__ import annotations

from airflow.sdk import dag

from plugins.dag_page import OWNER, dag_page, owner_links
from plugins.study_params import study_params
from plugins.study_pipeline import study_tasks

PARAMS = study_params()


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    doc_md=dag_page(__doc__, PARAMS),
    default_args={"owner": OWNER},
    owner_links=owner_links(),
    tags=["benchmark", "kubernetes", "mpi"],
)
def operator_benchmark() -> None:
    """One study; no `dagrun_timeout`, as that would end the run without its teardowns."""
    study_tasks()


operator_benchmark()
