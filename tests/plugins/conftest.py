"""A study on the fake cluster, as the tasks before a point leave it."""

from __future__ import annotations

import pytest

from include.results import Results
from include.study import steps, turn
from plugins.study_context import locate
from tests import airflow_pages
from tests.fakes.clusters.fake import read_journal
from tests.fakes.points import run_point


class TaskInstance:
    """What the plugins use of a task instance: XComs in and out, and the states of tasks."""

    dag_id = "operator_benchmark"
    run_id = "run"
    id = "00000000-0000-0000-0000-000000000000"
    map_index = 0

    def __init__(self, xcoms):
        self.xcoms = xcoms
        self.pushed = {}
        self.states = {}
        self.handed_over = {}  # values of mapped tasks by key

    def xcom_pull(self, *, task_ids, key=None):
        return self.xcoms[task_ids] if key is None else self.handed_over.get(key)

    def xcom_push(self, key, value):
        self.pushed[key] = value

    def get_task_states(self, *, dag_id, run_ids, task_ids=None):
        assert dag_id == self.dag_id
        wanted = self.states if task_ids is None else task_ids
        found = {task: self.states[task] for task in wanted if task in self.states}
        return {run_id: found for run_id in run_ids if found}


@pytest.fixture
def options(tmp_path):
    """Options of the fake cluster: where it writes, where it fails."""
    return {"journal": str(tmp_path / "journal")}


@pytest.fixture
def ti(tmp_path, options, monkeypatch):
    """A task instance behind `plan`, `reserve` and `wait_ready` of two points."""
    monkeypatch.setattr(turn, "run_point", run_point)
    params = {
        "cluster": "fake",
        "application": "fake_application",
        "operators": ["fake_a"],
        "nodes": [2],
        "repeats": 1,
        "results": str(tmp_path / "results"),
        "cluster_options": options,
    }
    limits = {"most_phases": 1, "most_points": 10}
    planned = steps.plan_study(params, run_id="run", locate=locate, **limits)
    results = Results(locate(planned.results))
    reservation = steps.reserve(results)
    steps.provision(results, reservation)
    handle = steps.wait_ready(results, reservation)
    return TaskInstance(
        {
            "plan": planned.to_json(),
            "reserve": reservation.to_json(),
            "wait_ready": handle.to_json(),
        }
    )


@pytest.fixture
def results(ti):
    """The study's folder."""
    return Results(locate(ti.xcoms["plan"]["results"]))


@pytest.fixture
def journal(ti, options):
    """A function that reads what the fake cluster was asked for."""
    return lambda: read_journal(options)


@pytest.fixture
def server(airflow_home, monkeypatch):
    """The plugin's pages behind a real auth manager: the app, and the manager."""
    with airflow_pages.mounted(monkeypatch) as found:
        yield found


@pytest.fixture
def rights(server):
    """The auth manager: what may be read, and what was asked."""
    _, manager = server
    return manager


@pytest.fixture
def anonymous(server):
    """A client without a token."""
    app, _ = server
    return airflow_pages.client_of(app)


@pytest.fixture
def client(server):
    """A client of a user that is logged in."""
    app, manager = server
    return airflow_pages.client_of(app, token=airflow_pages.token_of(manager))
