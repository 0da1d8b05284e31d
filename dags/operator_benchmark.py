"""Compare Kubernetes MPI operators: one study from the plan to the report.

The study runs one MPI application on one cluster under each of the chosen operators, at each node
count, several times, one run at a time, and measures every part of each run. A cluster that was
made for the study is always removed at the end.

1. **plan** checks the whole study, fixes the order of its points and stores both. Nothing that can
   be known before is left to fail later.
2. **preflight** looks whether the cluster can be made, and estimates how long the study takes and
   what it costs. What speaks against starting stops the run here, before anything exists.
   **approve** shows the estimate and asks somebody, when the study wants that.
3. **reserve**, **provision**, **wait_ready** name, create and await the cluster.
4. **phase_1**, **phase_2**, ...: install the phase's operators, run its points, uninstall. A study
   with fewer phases skips the rest. A point that fails is recorded and the study goes on; an
   operator that cannot be installed loses its own phase only.
5. **destroy**, **report** and **verdict** run whatever happened. The verdict turns the run red
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
